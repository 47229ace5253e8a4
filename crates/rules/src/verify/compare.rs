//! The typed code against the code tags of the candidates, in constant time and with the same amount of work for
//! names that do not exist.
//!
//! It goes in two steps: first the codes that count now, so that a good one costs no more than it must; then, for who is
//! refused, all the rest. Within a step there is no early exit: all tags are computed and compared before any result is
//! looked at. Which step was the last one shows in the answer anyway.

use std::hint::black_box;

use matchbook_protocol::codes::{Code, CodeFormat};
use matchbook_protocol::{AuthenticatorId, CodeIndex};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::{MAX_TYPED_LEN, VerifyRequest};
use crate::holding::indices;
use crate::keyring::Keyring;
use crate::model::{Candidate, CodeTag};

/// Tags are compared in blocks of so many, the last one filled up with stand-ins: a user's two or three sets fit in
/// one, and a name that does not exist takes one too. A block costs about 50 µs, far less than the commit after it.
pub(super) const WORK_BLOCK: usize = 128;

/// What has been compared, and what was found.
pub(super) struct Comparison<'a> {
    request: &'a VerifyRequest,
    keyring: &'a Keyring,
    marks: Vec<(Hit, Choice)>,
    readable: Choice,
    /// Stand-ins that were computed.
    stand_ins: usize,
}

/// A code that was typed: which candidate's, and its index. It may be spent, or not count now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Hit {
    candidate: usize,
    index: CodeIndex,
}

impl<'a> Comparison<'a> {
    /// Nothing compared yet.
    pub(super) fn new(request: &'a VerifyRequest, keyring: &'a Keyring) -> Self {
        Self { request, keyring, marks: Vec::new(), readable: Choice::from(0), stand_ins: 0 }
    }

    /// Compares with those issued codes that are `wanted`, by the candidate's place and the index.
    pub(super) fn look(&mut self, candidates: &[Candidate], wanted: impl Fn(usize, CodeIndex) -> bool) {
        for (place, candidate) in candidates.iter().enumerate() {
            let (realm, id) = (&candidate.authenticator.realm, candidate.authenticator.id);
            for set in candidate.sets.iter() {
                let Some((typed, counts)) = read(set.format, &self.request.code) else { continue };
                let counts = counts & set.pepper_version.ct_eq(&self.keyring.version());
                self.readable |= counts;
                for (index, tag) in indices(set).zip(&set.tags).filter(|(index, _)| wanted(place, *index)) {
                    let equal = self.keyring.code_tag(realm, id, index, &typed).0.ct_eq(&tag.0);
                    self.marks.push((Hit { candidate: place, index }, equal & counts));
                }
            }
        }
    }

    /// Fills up the last block. `format` is the policy's, which a name that does not exist is read in.
    pub(super) fn fill_up(&mut self, format: CodeFormat) {
        let Some((typed, counts)) = read(format, &self.request.code) else { return };
        self.readable |= counts;
        let work = self.marks.len().div_ceil(WORK_BLOCK).max(1).saturating_mul(WORK_BLOCK);
        self.stand_ins = work.saturating_sub(self.marks.len());
        for index in (0..u32::MAX).take(self.stand_ins) {
            let tag = self.keyring.code_tag(&self.request.home, NOBODY, CodeIndex(index), &typed);
            black_box(tag.0.ct_eq(&[0; CodeTag::LEN]));
        }
    }

    /// The typed codes of the candidate at this place, by index, ascending.
    pub(super) fn of(&self, candidate: usize) -> Vec<CodeIndex> {
        let own = self.marks.iter().filter(|(hit, equal)| hit.candidate == candidate && bool::from(*equal));
        let mut found: Vec<CodeIndex> = own.map(|(hit, _)| hit.index).collect();
        found.sort_unstable();
        found
    }

    /// The text is a code of some candidate's format, or of the policy's.
    pub(super) fn is_readable(&self) -> bool {
        self.readable.into()
    }

    /// Tags that were computed, stand-ins included.
    #[cfg(test)]
    pub(super) fn work(&self) -> usize {
        self.marks.len() + self.stand_ins
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
