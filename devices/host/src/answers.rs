//! What the card says of itself, and what came of a message (docs/spec/card.md, 4 and 5).

use matchbook_device::protocol::{AuthenticatorId, CodeIndex, Epoch, Event, Party, Profile};

use crate::error::CardError;

/// Whether the card is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It waits for a key and a PIN.
    Initialisation,
    /// It is in use, for good.
    Operational,
}

/// What every card says, personalised or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Whether it is in use.
    pub life: Life,
    /// Whether it has a PIN.
    pub has_pin: bool,
    /// Tries of the PIN that are left.
    pub pin_tries: u8,
    /// Tries of the PUK that are left.
    pub puk_tries: u8,
}

/// Whose account is on the card, and where its messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Identification code, suite and delivery.
    pub party: Party,
    /// The realm.
    pub realm: String,
    /// What people call it.
    pub label: String,
    /// The server's URL, or `sms:` and a number.
    pub server: String,
}

/// Where an account's keys stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The server has not confirmed the enrolment.
    Enrolling,
    /// One key is in use.
    Steady,
    /// A new key was offered, and is being switched to.
    Switching,
}

/// Where the account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Unused codes.
    pub unused: u16,
    /// With as many or fewer, the card asks for a set.
    pub threshold: u8,
    /// The highest index of a code that came; 0: none yet.
    pub highest: u32,
    /// Sets that came.
    pub sets: u32,
    /// Codes that were taken.
    pub taken: u32,
    /// Where its keys stand.
    pub state: State,
    /// Whether the server suspended it.
    pub is_suspended: bool,
    /// Whether a message waits for its answer.
    pub waits: bool,
}

pub(crate) fn about(bytes: &[u8]) -> Result<About, CardError> {
    let [life, has_pin, pin_tries, puk_tries] = *bytes else { return Err(CardError::Nonsense) };
    let life = match life {
        0x03 => Life::Initialisation,
        0x05 => Life::Operational,
        _ => return Err(CardError::Nonsense),
    };
    Ok(About { life, has_pin: has_pin != 0, pin_tries, puk_tries })
}

pub(crate) fn identity(id: &[u8], profile: &[u8], texts: &[u8]) -> Result<Identity, CardError> {
    let id = AuthenticatorId(id.try_into().map_err(|_| CardError::Nonsense)?);
    let [profile] = *profile else { return Err(CardError::Nonsense) };
    let profile = Profile::from_byte(profile).map_err(|_| CardError::Nonsense)?;
    let (realm, rest) = text(texts)?;
    let (label, rest) = text(rest)?;
    let (server, rest) = text(rest)?;
    if !rest.is_empty() {
        return Err(CardError::Nonsense);
    }
    Ok(Identity { party: Party { id, profile }, realm, label, server })
}

pub(crate) fn counts(bytes: &[u8]) -> Result<Counts, CardError> {
    let bytes: &[u8; 17] = bytes.try_into().map_err(|_| CardError::Nonsense)?;
    let [u0, u1, threshold, h0, h1, h2, h3, s0, s1, s2, s3, t0, t1, t2, t3, state, waits] = *bytes;
    let key = match state & 0x7F {
        0 => State::Enrolling,
        1 => State::Steady,
        2 => State::Switching,
        _ => return Err(CardError::Nonsense),
    };
    Ok(Counts {
        unused: u16::from_be_bytes([u0, u1]),
        threshold,
        highest: u32::from_be_bytes([h0, h1, h2, h3]),
        sets: u32::from_be_bytes([s0, s1, s2, s3]),
        taken: u32::from_be_bytes([t0, t1, t2, t3]),
        state: key,
        is_suspended: state & 0x80 != 0,
        waits: waits != 0,
    })
}

/// The unused codes, by index.
pub(crate) fn codes(bytes: &[u8]) -> Result<Vec<u32>, CardError> {
    let (runs, []) = bytes.as_chunks::<5>() else { return Err(CardError::Nonsense) };
    let runs = runs.iter().map(|[a, b, c, d, count]| (u32::from_be_bytes([*a, *b, *c, *d]), u32::from(*count)));
    Ok(runs.flat_map(|(first, count)| first..first.saturating_add(count)).collect())
}

pub(crate) fn number(bytes: &[u8]) -> Result<u32, CardError> {
    bytes.try_into().map(u32::from_be_bytes).map_err(|_| CardError::Nonsense)
}

/// What came of a message. `remaining`: the codes that are left now.
pub(crate) fn events(mut bytes: &[u8], remaining: usize) -> Result<Vec<Event>, CardError> {
    let mut events = Vec::new();
    while let [tag, length, rest @ ..] = bytes {
        let (value, rest) = rest.split_at_checked(usize::from(*length)).ok_or(CardError::Nonsense)?;
        events.push(event(*tag, value, remaining)?);
        bytes = rest;
    }
    if bytes.is_empty() { Ok(events) } else { Err(CardError::Nonsense) }
}

fn event(tag: u8, value: &[u8], remaining: usize) -> Result<Event, CardError> {
    let (numbers, []) = value.as_chunks::<4>() else { return Err(CardError::Nonsense) };
    let numbers: Vec<u32> = numbers.iter().map(|number| u32::from_be_bytes(*number)).collect();
    Ok(match (tag, numbers.as_slice()) {
        (0x01, []) => Event::Enrolled,
        (0x02, [first, last, dropped]) => {
            let count = last.checked_sub(*first).and_then(|more| u8::try_from(more.checked_add(1)?).ok());
            Event::SetAccepted {
                first: CodeIndex(*first),
                last: CodeIndex(*last),
                count: count.ok_or(CardError::Nonsense)?,
                dropped: usize::try_from(*dropped).unwrap_or(usize::MAX),
            }
        }
        (0x03, [first, last]) => Event::SetConflict { first: CodeIndex(*first), last: CodeIndex(*last) },
        (0x04, [epoch]) => Event::KeyReplaced { epoch: Epoch(*epoch) },
        (0x05, []) => Event::KeyConflict,
        (0x06, []) => Event::RunningLow { remaining },
        (0x07, []) => Event::Suspended,
        (0x08, []) => Event::Resumed,
        (0x09, []) => Event::ReenrolmentNeeded,
        _ => return Err(CardError::Nonsense),
    })
}

fn text(bytes: &[u8]) -> Result<(String, &[u8]), CardError> {
    let (length, rest) = bytes.split_first().ok_or(CardError::Nonsense)?;
    let (text, rest) = rest.split_at_checked(usize::from(*length)).ok_or(CardError::Nonsense)?;
    let text = std::str::from_utf8(text).map_err(|_| CardError::Nonsense)?;
    Ok((text.to_owned(), rest))
}
