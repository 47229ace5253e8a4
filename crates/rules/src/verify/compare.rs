//! The typed code against every code tag of the candidates, in constant time and with the same amount of work for
//! names that do not exist.

use std::hint::black_box;

use matchbook_protocol::codes::{Code, CodeFormat};
use matchbook_protocol::{AuthenticatorId, CodeIndex};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::{MAX_TYPED_LEN, VerifyRequest};
use crate::holding::indices;
use crate::keyring::Keyring;
use crate::model::Candidate;

/// Tags are compared in blocks of so many, the last one filled up with stand-ins: a user's two or three sets fit in
/// one, and a name that does not exist takes one too. A block costs about 50 µs, far less than the commit after it.
pub(super) const WORK_BLOCK: usize = 128;

/// What the comparison found.
#[derive(Debug)]
pub(super) struct Comparison {
    hits: Vec<Hit>,
    /// The text is a code of some candidate's format, or of the policy's.
    pub(super) readable: bool,
    /// Tags that were computed, stand-ins included.
    #[cfg(test)]
    pub(super) work: usize,
}

/// A code that was typed: which candidate's, and its index. It may be spent, or not count now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hit {
    candidate: usize,
    index: CodeIndex,
}

impl Comparison {
    /// The typed codes of the candidate at this place, by index, ascending.
    pub(super) fn of(&self, candidate: usize) -> impl Iterator<Item = CodeIndex> + '_ {
        self.hits.iter().filter(move |hit| hit.candidate == candidate).map(|hit| hit.index)
    }
}

/// Compares with every issued code of every candidate, spent ones too, so that the operator can be told that a code was
/// used already. There is no early exit: all tags are computed and compared before any result is looked at.
pub(super) fn compare(
    request: &VerifyRequest,
    candidates: &[Candidate],
    format: CodeFormat,
    keyring: &Keyring,
) -> Comparison {
    let stand_in = read(format, &request.code);
    let mut readable = stand_in.as_ref().map_or(Choice::from(0), |(_, counts)| *counts);
    let mut marks: Vec<(Hit, Choice)> = Vec::with_capacity(WORK_BLOCK);
    for (place, candidate) in candidates.iter().enumerate() {
        let (realm, id) = (&candidate.authenticator.realm, candidate.authenticator.id);
        for set in &candidate.sets {
            let Some((typed, counts)) = read(set.format, &request.code) else { continue };
            let counts = counts & set.pepper_version.ct_eq(&keyring.version());
            readable |= counts;
            for (index, tag) in indices(set).zip(&set.tags) {
                let equal = keyring.code_tag(realm, id, index, &typed).0.ct_eq(&tag.0);
                marks.push((Hit { candidate: place, index }, equal & counts));
            }
        }
    }
    let work = marks.len().div_ceil(WORK_BLOCK).max(1).saturating_mul(WORK_BLOCK);
    if let Some((typed, _)) = &stand_in {
        for index in (0..u32::MAX).take(work.saturating_sub(marks.len())) {
            let tag = keyring.code_tag(&request.home, NOBODY, CodeIndex(index), typed);
            black_box(tag.0.ct_eq(&[0; 16]));
        }
    }
    let hits = marks.into_iter().filter(|(_, equal)| bool::from(*equal)).map(|(hit, _)| hit).collect();
    Comparison {
        hits,
        readable: readable.into(),
        #[cfg(test)]
        work,
    }
}

/// What was typed, without what does not count: blanks and dashes dropped, letters in upper case. Which letters stand
/// for digits depends on the format, so that is left to the comparison.
pub(super) fn normalised(typed: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(typed.len()));
    let kept = typed.chars().filter(|symbol| !symbol.is_whitespace() && !DASHES.contains(symbol));
    kept.for_each(|symbol| text.push(symbol.to_ascii_uppercase()));
    text
}

/// The dashes that a code is read without, as `Code::parse` has them.
const DASHES: [char; 5] = ['-', '\u{2010}', '\u{2011}', '\u{2013}', '\u{2212}'];

/// Whose codes the stand-ins are.
const NOBODY: AuthenticatorId = AuthenticatorId([0; 8]);

/// Reads the code in a format, and whether it counts: for a text that is no code, one that counts for nothing. Never
/// `None`, as every format has a code 0.
fn read(format: CodeFormat, typed: &str) -> Option<(Code, Choice)> {
    let typed = if typed.len() <= MAX_TYPED_LEN { typed } else { "" };
    let parsed = Code::parse(format, typed).ok();
    let counts = Choice::from(u8::from(parsed.is_some()));
    Some((parsed.or_else(|| Code::from_value(format, 0))?, counts))
}
