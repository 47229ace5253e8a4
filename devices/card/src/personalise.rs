//! What the card is given before it is in use: an enrolment or a key from the factory, a PIN and a PUK. Then it is activated, and
//! takes none of these any more.

use alloc::string::{String, ToString};

use matchbook_protocol::{
    AuthenticatorId, Delivery, Engine, Enrolment, Handle, Party, Profile, Provision, Secret, Suite, UnixMillis,
};
use rand_core::CryptoRng;

use crate::access::Life;
use crate::card::Held;
use crate::nvm::Nvm;
use crate::status::Refusal;

/// The card has one account.
const HANDLE: Handle = Handle(0);

/// PUT DATA.
pub(crate) fn put(
    (p1, p2): (u8, u8),
    data: &[u8],
    nvm: &mut impl Nvm,
    rng: &mut impl CryptoRng,
    held: &mut Held,
) -> Result<(), Refusal> {
    if (p1, p2) == (0x01, 0x20) {
        let time = <[u8; 8]>::try_from(data).map_err(|_| Refusal::WrongLength)?;
        held.account.set_time(UnixMillis(u64::from_be_bytes(time)));
        return Ok(());
    }
    if !matches!((p1, p2), (0x01, 0x10..=0x12)) {
        return Err(Refusal::NotThere);
    }
    if held.access.life() != Life::Initialisation {
        return Err(Refusal::NotNow);
    }
    match p2 {
        0x10 => {
            let uri = core::str::from_utf8(data).map_err(|_| Refusal::WrongData)?;
            let enrolment = Enrolment::from_uri(uri).map_err(|_| Refusal::WrongData)?;
            let engine = Engine::enrol(&enrolment, HANDLE, rng).map_err(|_| Refusal::NotSupported)?;
            held.account.begin(engine, nvm)
        }
        0x11 => {
            let engine = Engine::provision(provision(data)?, rng).map_err(|_| Refusal::WrongData)?;
            held.account.begin(engine, nvm)
        }
        _ => held.access.set(nvm, data),
    }
}

/// ACTIVATE FILE: from now on the card is in use.
pub(crate) fn activate(nvm: &mut impl Nvm, held: &mut Held) -> Result<(), Refusal> {
    let is_ready = held.access.is_set() && held.account.stands().is_some();
    if held.access.life() != Life::Initialisation || !is_ready {
        return Err(Refusal::NotNow);
    }
    held.access.activate(nvm)
}

/// `identification code (8) · key (32) · realm · label · server`, each text with its length (1) before it.
fn provision(data: &[u8]) -> Result<Provision, Refusal> {
    let (id, rest) = data.split_first_chunk::<8>().ok_or(Refusal::WrongLength)?;
    let (key, rest) = rest.split_first_chunk::<32>().ok_or(Refusal::WrongLength)?;
    let (realm, rest) = text(rest)?;
    let (label, rest) = text(rest)?;
    let (server, rest) = text(rest)?;
    if !rest.is_empty() {
        return Err(Refusal::WrongLength);
    }
    let profile = Profile::new(Suite::Symmetric, Delivery::Shared).map_err(|_| Refusal::NotSupported)?;
    let party = Party { id: AuthenticatorId(*id), profile };
    Ok(Provision { party, handle: HANDLE, key: Secret::new(*key), realm, label, server })
}

fn text(data: &[u8]) -> Result<(String, &[u8]), Refusal> {
    let (len, rest) = data.split_first().ok_or(Refusal::WrongLength)?;
    let (text, rest) = rest.split_at_checked(usize::from(*len)).ok_or(Refusal::WrongLength)?;
    let text = core::str::from_utf8(text).map_err(|_| Refusal::WrongData)?;
    Ok((text.to_string(), rest))
}
