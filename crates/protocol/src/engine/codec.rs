//! How an account is stored: one CBOR array (RFC 8949) in its one deterministic encoding, version first.
//!
//! ```text
//! [1, id, profile, handle, realm, label, server, key, static pair / null, ephemeral pair / null, request counter,
//!  pending / null, last sync, threshold, suspended, refill asked (ms), highest index, [* set], history]
//! key     = [0, K_0] / [1, K_e, e] / [2, K_e, K_e+1, e + 1, digest of the offer]
//! pending = [counter, message, null] / [counter, message, [highest, set (0 none, 1 first, 2 low, 3 manual), rotation]]
//! set     = [first index, count, alphabet (0 decimal, 1 base-32), digits, digest of the message, {* place => code}]
//! history = [sets accepted, codes taken, codes dropped, rotations, conflicts]
//! ```

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::Decoder;
use minicbor::data::Type;
use zeroize::Zeroizing;

use super::account::{Account, History, MAX_TEXT_LEN};
use super::cbor::Writer;
use super::error::AccountError;
use super::holdings::{HeldSet, Holdings, Place};
use super::keys::{Digest, KeyState};
use super::pending::{Asks, Awaits, Pending, Want};
use crate::codes::{Alphabet, Code, CodeFormat, MAX_SET_CODES};
use crate::envelope::KeyPair;
use crate::ids::{AuthenticatorId, CodeIndex, Epoch, Handle, UnixMillis};
use crate::profile::{Profile, Suite};
use crate::secret::Secret;
use crate::wire::{MAX_MESSAGE_LEN, MAX_THRESHOLD, Party};

/// The longest stored account, in bytes. 250 codes in as many sets, an X-Wing request pending and the longest texts
/// take less.
pub const MAX_ACCOUNT_LEN: usize = 16 * 1_024;

/// The version of the layout that this release writes, and the only one that it reads.
pub const ACCOUNT_VERSION: u8 = 1;

impl Account {
    /// The account as it is stored, at most [`MAX_ACCOUNT_LEN`] bytes. It holds every key and code in clear: the shell
    /// seals it before it writes it anywhere.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        Writer::write(|out| self.write(out))
    }

    /// Reads a stored account.
    ///
    /// # Errors
    /// See [`AccountError`]. Only the exact bytes that [`Account::encode`] writes are read: nothing may follow them,
    /// and no other encoding of the same content is taken.
    pub fn decode(stored: &[u8]) -> Result<Self, AccountError> {
        if stored.len() > MAX_ACCOUNT_LEN {
            return Err(AccountError::TooLong);
        }
        let mut input = Decoder::new(stored);
        let fields = input.array().ok().flatten().ok_or(AccountError::Damaged)?;
        let version = input.u64().map_err(|_| AccountError::Damaged)?;
        if version != u64::from(ACCOUNT_VERSION) {
            return Err(AccountError::Version);
        }
        if fields != FIELDS as u64 {
            return Err(AccountError::Damaged);
        }
        let account = read(&mut input).and_then(consistent).ok_or(AccountError::Damaged)?;
        if account.encode().as_slice() == stored { Ok(account) } else { Err(AccountError::Damaged) }
    }

    fn write(&self, out: &mut Writer) {
        out.array(FIELDS);
        out.number(u64::from(ACCOUNT_VERSION));
        out.bytes(&self.party.id.0);
        out.number(u64::from(self.party.profile.to_byte()));
        out.number(u64::from(self.handle.0));
        out.text(&self.realm);
        out.text(&self.label);
        out.text(&self.server);
        write_key(out, &self.key);
        write_pair(out, self.static_pair.as_ref());
        write_pair(out, self.ephemeral.as_ref());
        out.number(u64::from(self.counter));
        write_pending(out, self.pending.as_ref());
        out.number(u64::from(self.last_sync));
        out.number(u64::from(self.threshold));
        out.boolean(self.suspended);
        out.number(self.refill_asked.0);
        out.number(u64::from(self.holdings.highest().0));
        out.array(self.holdings.sets().len());
        for set in self.holdings.sets() {
            write_set(out, set);
        }
        let History { sets_accepted, codes_taken, codes_dropped, rotations, conflicts } = self.history;
        out.array(5);
        for count in [sets_accepted, codes_taken, codes_dropped, rotations, conflicts] {
            out.number(u64::from(count));
        }
    }
}

/// How many fields the array has.
const FIELDS: usize = 19;

fn write_key(out: &mut Writer, key: &KeyState) {
    match key {
        KeyState::Enrolling { activation } => {
            out.array(2);
            out.number(0);
            out.bytes(activation.expose());
        }
        KeyState::Steady { key, epoch } => {
            out.array(3);
            out.number(1);
            out.bytes(key.expose());
            out.number(u64::from(epoch.0));
        }
        KeyState::Switching { old, new, next, offer } => {
            out.array(5);
            out.number(2);
            out.bytes(old.expose());
            out.bytes(new.expose());
            out.number(u64::from(next.0));
            out.bytes(offer);
        }
    }
}

fn write_pair(out: &mut Writer, pair: Option<&KeyPair>) {
    match pair {
        Some(pair) => out.bytes(&pair.secret_bytes()),
        None => out.null(),
    }
}

fn write_pending(out: &mut Writer, pending: Option<&Pending>) {
    let Some(Pending { message, counter, awaits }) = pending else { return out.null() };
    out.array(3);
    out.number(u64::from(*counter));
    out.bytes(message);
    match awaits {
        Awaits::Enrolment => out.null(),
        Awaits::Reply { highest, asks } => {
            out.array(3);
            out.number(u64::from(highest.0));
            out.number(match asks.set {
                None => 0,
                Some(Want::First) => 1,
                Some(Want::Low) => 2,
                Some(Want::Manual) => 3,
            });
            out.boolean(asks.rotation);
        }
    }
}

fn write_set(out: &mut Writer, set: &HeldSet) {
    out.array(6);
    out.number(u64::from(set.first.0));
    out.number(set.places.len() as u64);
    out.number(match set.format.alphabet() {
        Alphabet::Decimal => 0,
        Alphabet::Base32 => 1,
    });
    out.number(u64::from(set.format.digits()));
    out.bytes(&set.digest);
    let unused = || {
        set.places.iter().enumerate().filter_map(|(place, code)| match code {
            Place::Unused(code) => Some((place, code)),
            Place::Used => None,
        })
    };
    out.map(unused().count());
    for (place, code) in unused() {
        out.number(place as u64);
        out.number(code.value());
    }
}

/// Everything after the version.
fn read(input: &mut Decoder<'_>) -> Option<Account> {
    let id = AuthenticatorId(read_bytes(input)?);
    let profile = Profile::from_byte(input.u8().ok()?).ok()?;
    Some(Account {
        party: Party { id, profile },
        handle: Handle(input.u8().ok()?),
        realm: read_text(input)?,
        label: read_text(input)?,
        server: read_text(input)?,
        key: read_key(input)?,
        static_pair: read_pair(input, profile.suite())?,
        ephemeral: read_pair(input, profile.suite())?,
        counter: input.u32().ok()?,
        pending: read_pending(input)?,
        last_sync: input.u32().ok()?,
        threshold: input.u8().ok()?,
        suspended: input.bool().ok()?,
        refill_asked: UnixMillis(input.u64().ok()?),
        holdings: read_holdings(input)?,
        history: read_history(input)?,
    })
}

/// Whether the fields can stand together.
fn consistent(account: Account) -> Option<Account> {
    let has_pair = account.party.profile.suite() != Suite::Symmetric;
    let key_fits_pending = match (&account.key, &account.pending) {
        (KeyState::Enrolling { .. }, Some(Pending { awaits: Awaits::Enrolment, .. })) => true,
        (KeyState::Enrolling { .. }, Some(Pending { awaits: Awaits::Reply { .. }, .. }) | None)
        | (KeyState::Steady { .. } | KeyState::Switching { .. }, Some(Pending { awaits: Awaits::Enrolment, .. })) => {
            false
        }
        (
            KeyState::Steady { .. } | KeyState::Switching { .. },
            Some(Pending { awaits: Awaits::Reply { .. }, .. }) | None,
        ) => true,
    };
    let fits = account.static_pair.is_some() == has_pair
        && (has_pair || account.ephemeral.is_none())
        && account.threshold <= MAX_THRESHOLD
        && account.pending.as_ref().is_none_or(|pending| (1..=account.counter).contains(&pending.counter))
        && key_fits_pending;
    fits.then_some(account)
}

fn read_key(input: &mut Decoder<'_>) -> Option<KeyState> {
    match (input.array().ok()??, input.u8().ok()?) {
        (2, 0) => Some(KeyState::Enrolling { activation: read_secret(input)? }),
        (3, 1) => Some(KeyState::Steady { key: read_secret(input)?, epoch: Epoch(input.u32().ok()?) }),
        (5, 2) => {
            let (old, new) = (read_secret(input)?, read_secret(input)?);
            let next = Epoch(input.u32().ok()?);
            let offer: Digest = read_bytes(input)?;
            (next > Epoch(0)).then_some(KeyState::Switching { old, new, next, offer })
        }
        _ => None,
    }
}

fn read_pair(input: &mut Decoder<'_>, suite: Suite) -> Option<Option<KeyPair>> {
    if read_null(input)? {
        return Some(None);
    }
    KeyPair::from_secret_bytes(suite, input.bytes().ok()?).ok().map(Some)
}

fn read_pending(input: &mut Decoder<'_>) -> Option<Option<Pending>> {
    if read_null(input)? {
        return Some(None);
    }
    read_length(input, 3)?;
    let counter = input.u32().ok()?;
    let message = input.bytes().ok()?;
    if message.is_empty() || message.len() > MAX_MESSAGE_LEN {
        return None;
    }
    let awaits = if read_null(input)? { Awaits::Enrolment } else { read_reply(input)? };
    Some(Some(Pending { message: message.to_vec(), counter, awaits }))
}

fn read_reply(input: &mut Decoder<'_>) -> Option<Awaits> {
    read_length(input, 3)?;
    let highest = CodeIndex(input.u32().ok()?);
    let set = match input.u8().ok()? {
        0 => None,
        1 => Some(Want::First),
        2 => Some(Want::Low),
        3 => Some(Want::Manual),
        _ => return None,
    };
    Some(Awaits::Reply { highest, asks: Asks { set, rotation: input.bool().ok()? } })
}

fn read_holdings(input: &mut Decoder<'_>) -> Option<Holdings> {
    let highest = CodeIndex(input.u32().ok()?);
    let count = input.array().ok()??;
    // No capacity is reserved on the word of the bytes.
    let mut sets = Vec::new();
    for _ in 0..count {
        sets.push(read_set(input)?);
    }
    Holdings::restore(sets, highest)
}

fn read_set(input: &mut Decoder<'_>) -> Option<HeldSet> {
    read_length(input, 6)?;
    let first = CodeIndex(input.u32().ok()?);
    let count = usize::from(input.u8().ok()?);
    let alphabet = match input.u8().ok()? {
        0 => Alphabet::Decimal,
        1 => Alphabet::Base32,
        _ => return None,
    };
    let format = CodeFormat::new(alphabet, input.u8().ok()?).ok()?;
    let digest: Digest = read_bytes(input)?;
    if count > MAX_SET_CODES {
        return None;
    }
    let mut places = Vec::new();
    places.resize_with(count, || Place::Used);
    for _ in 0..input.map().ok()?? {
        let place = places.get_mut(usize::from(input.u8().ok()?))?;
        *place = Place::Unused(Code::from_value(format, input.u64().ok()?)?);
    }
    Some(HeldSet { first, format, digest, places })
}

fn read_history(input: &mut Decoder<'_>) -> Option<History> {
    read_length(input, 5)?;
    Some(History {
        sets_accepted: input.u32().ok()?,
        codes_taken: input.u32().ok()?,
        codes_dropped: input.u32().ok()?,
        rotations: input.u32().ok()?,
        conflicts: input.u32().ok()?,
    })
}

fn read_secret(input: &mut Decoder<'_>) -> Option<Secret<32>> {
    Secret::from_slice(input.bytes().ok()?)
}

fn read_bytes<const N: usize>(input: &mut Decoder<'_>) -> Option<[u8; N]> {
    input.bytes().ok()?.try_into().ok()
}

fn read_text(input: &mut Decoder<'_>) -> Option<String> {
    let text = input.str().ok()?;
    (text.len() <= MAX_TEXT_LEN).then(|| text.into())
}

fn read_length(input: &mut Decoder<'_>, wanted: u64) -> Option<()> {
    (input.array().ok()?? == wanted).then_some(())
}

/// Whether a null stands here; it is read when it does.
fn read_null(input: &mut Decoder<'_>) -> Option<bool> {
    if input.datatype().ok()? != Type::Null {
        return Some(false);
    }
    input.null().ok()?;
    Some(true)
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
