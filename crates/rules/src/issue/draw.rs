//! Drawing a set's codes: each at random, and none equal to another that is outstanding at the same device.

use matchbook_protocol::{Code, CodeIndex};
use rand_core::CryptoRng;

use crate::draft::Draft;
use crate::holding::indices;
use crate::keyring::Keyring;
use crate::model::{CodeTag, IssuedSet};
use crate::refusal::Refusal;

/// Draws of one code before the random source is taken for broken. At most 500 of 10,000 codes are taken, so that 64
/// draws fail by chance once in 10^83 times.
const MAX_DRAWS: usize = 64;

/// Draws `count` codes, the first for index `first`, and their tags.
pub(super) fn draw(
    draft: &Draft<'_>,
    keyring: &Keyring,
    first: CodeIndex,
    count: u8,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<(Vec<Code>, Vec<CodeTag>), Refusal> {
    let outstanding = outstanding(draft, keyring);
    let (mut codes, mut tags) = (Vec::with_capacity(count.into()), Vec::with_capacity(count.into()));
    for _ in 0..count {
        let code = draw_one(draft, keyring, &outstanding, &codes, rng)?;
        tags.push(tag(draft, keyring, first, &code));
        codes.push(code);
    }
    Ok((codes, tags))
}

/// A code that is neither in this set yet nor outstanding. The store has only tags, so the candidate's tag in each
/// outstanding set is made, and compared with those that are there.
fn draw_one(
    draft: &Draft<'_>,
    keyring: &Keyring,
    outstanding: &[(CodeIndex, Vec<CodeTag>)],
    drawn: &[Code],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Code, Refusal> {
    for _ in 0..MAX_DRAWS {
        let code = Code::draw(draft.policy.format(), rng);
        let is_taken = drawn.contains(&code)
            || outstanding.iter().any(|(first, live)| live.contains(&tag(draft, keyring, *first, &code)));
        if !is_taken {
            return Ok(code);
        }
    }
    Err(Refusal::bug("the random source repeats itself"))
}

/// The tags of the live codes that look like the new ones and are under the same pepper, by the first index of their set.
fn outstanding(draft: &Draft<'_>, keyring: &Keyring) -> Vec<(CodeIndex, Vec<CodeTag>)> {
    let format = draft.policy.format();
    let sets = draft.sets().iter().filter(|set| set.format == format && set.pepper_version == keyring.version());
    let live = |set: &IssuedSet| {
        indices(set).zip(&set.tags).filter(|(index, _)| draft.is_live(*index)).map(|(_, tag)| *tag).collect()
    };
    sets.map(|set| (set.first, live(set))).filter(|(_, live): &(_, Vec<_>)| !live.is_empty()).collect()
}

fn tag(draft: &Draft<'_>, keyring: &Keyring, first: CodeIndex, code: &Code) -> CodeTag {
    keyring.code_tag(&draft.authenticator.realm, draft.authenticator.id, first, code)
}
