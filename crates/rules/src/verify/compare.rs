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
use crate::model::{Candidate, CodeTag, IssuedSet};

/// A code that is typed has one tag a set. So many are made, or a multiple: a user's two or three sets need no more, and a
/// name that does not exist takes as many. A tag is about 0.2 µs.
pub(super) const TAG_BLOCK: usize = 4;
/// Likewise of what they are compared with: so many codes, or a multiple.
pub(super) const CODE_BLOCK: usize = 128;

/// What has been compared, and what was found.
pub(super) struct Comparison<'a> {
    request: &'a VerifyRequest,
    keyring: &'a Keyring,
    typed: Vec<Typed>,
    marks: Vec<(Hit, Choice)>,
    readable: Choice,
    /// What was done for nobody: tags, and comparisons.
    stand_ins: Work,
}

/// What was typed, as a code of one set.
#[derive(Clone, Copy)]
struct Typed {
    candidate: usize,
    /// The set's.
    first: CodeIndex,
    tag: CodeTag,
    /// It is a code of the set's format, and the set's tags are of this keyring.
    counts: Choice,
}

/// A code that was typed: which candidate's, and its index. It may be spent, or not count now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Hit {
    candidate: usize,
    index: CodeIndex,
}

/// What an attempt costs: tags made, and codes compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) tags: usize,
    pub(super) codes: usize,
}

impl<'a> Comparison<'a> {
    /// Nothing compared yet.
    pub(super) fn new(request: &'a VerifyRequest, keyring: &'a Keyring) -> Self {
        let (typed, marks) = (Vec::new(), Vec::new());
        Self { request, keyring, typed, marks, readable: Choice::from(0), stand_ins: Work::default() }
    }

    /// Compares with those issued codes that are `wanted`, by the candidate's place and the index.
    pub(super) fn look(&mut self, candidates: &[Candidate], wanted: impl Fn(usize, CodeIndex) -> bool) {
        for (place, candidate) in candidates.iter().enumerate() {
            for set in candidate.sets.iter() {
                let mut codes = indices(set).zip(&set.tags).filter(|(index, _)| wanted(place, *index)).peekable();
                if codes.peek().is_none() {
                    continue;
                }
                let Some(typed) = self.typed(place, set) else { continue };
                self.readable |= typed.counts;
                for (index, tag) in codes {
                    let equal = typed.tag.0.ct_eq(&tag.0);
                    self.marks.push((Hit { candidate: place, index }, equal & typed.counts));
                }
            }
        }
    }

    /// Fills up the last blocks. `format` is the policy's, which a name that does not exist is read in.
    pub(super) fn fill_up(&mut self, format: CodeFormat) {
        let Some((typed, counts)) = read(format, &self.request.code) else { return };
        self.readable |= counts;
        let missing =
            |done: usize, block: usize| done.div_ceil(block).max(1).saturating_mul(block).saturating_sub(done);
        let (tags, codes) = (missing(self.typed.len(), TAG_BLOCK), missing(self.marks.len(), CODE_BLOCK));
        let mut tag = CodeTag([0; CodeTag::LEN]);
        for first in (0..u32::MAX).take(tags) {
            tag = black_box(self.keyring.code_tag(&self.request.home, NOBODY, CodeIndex(first), &typed));
        }
        for _ in 0..codes {
            black_box(black_box(tag).0.ct_eq(&[0; CodeTag::LEN]));
        }
        self.stand_ins = Work { tags, codes };
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

    /// What was done, stand-ins included.
    #[cfg(test)]
    pub(super) fn work(&self) -> Work {
        let Work { tags, codes } = self.stand_ins;
        Work { tags: self.typed.len() + tags, codes: self.marks.len() + codes }
    }

    /// What was typed, as a code of this set; made once.
    fn typed(&mut self, candidate: usize, set: &IssuedSet) -> Option<Typed> {
        let made = self.typed.iter().find(|it| it.candidate == candidate && it.first == set.first);
        if let Some(made) = made {
            return Some(*made);
        }
        let (code, counts) = read(set.format, &self.request.code)?;
        let counts = counts & set.pepper_version.ct_eq(&self.keyring.version());
        let tag = self.keyring.code_tag(&set.realm, set.authenticator, set.first, &code);
        let typed = Typed { candidate, first: set.first, tag, counts };
        self.typed.push(typed);
        Some(typed)
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
