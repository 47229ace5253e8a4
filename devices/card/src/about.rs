//! GET DATA: what the card says of itself. No key and no code is among it.

use matchbook_protocol::{Account, Phase};

use crate::access::Which;
use crate::card::{AID, Held};
use crate::reply::Data;
use crate::status::Refusal;

/// The answer of SELECT: file control information (ISO 7816-4, 7.4.3) with the application's name and its life cycle.
pub(crate) fn control_information(held: &Held) -> Result<Data, Refusal> {
    let mut inner = Data::new();
    put(&mut inner, 0x84, &AID)?;
    put(&mut inner, 0x8A, &[held.access.life().to_byte()])?;
    let mut data = Data::new();
    put(&mut data, 0x6F, &inner)?;
    Ok(data)
}

/// GET DATA.
pub(crate) fn get(p1: u8, p2: u8, held: &Held, is_verified: bool) -> Result<Data, Refusal> {
    if p1 != 0x01 {
        return Err(Refusal::NotThere);
    }
    if p2 == 0x04 {
        let (pin, puk) = (held.access.left(Which::Pin), held.access.left(Which::Puk));
        return bytes(&[held.access.life().to_byte(), u8::from(held.access.is_set()), pin, puk]);
    }
    let known = matches!(p2, 0x01..=0x03 | 0x05..=0x07);
    let account = held.account.stands().filter(|_| known).ok_or(Refusal::NotThere)?;
    match p2 {
        0x01 => bytes(&account.party().id.0),
        0x02 => counts(account),
        0x03 => bytes(&account.epoch().0.to_be_bytes()),
        0x05 if !is_verified => Err(Refusal::NoPin),
        0x05 => codes(account),
        0x07 => bytes(&[account.party().profile.to_byte()]),
        _ => texts(account),
    }
}

/// `unused (2) · threshold (1) · highest index (4) · sets (4) · codes taken (4) · state (1) · waits (1)`.
fn counts(account: &Account) -> Result<Data, Refusal> {
    let mut data = Data::new();
    let unused = u16::try_from(account.remaining()).unwrap_or(u16::MAX);
    let phase = match account.phase() {
        Phase::Enrolling => 0,
        Phase::Steady => 1,
        Phase::Switching => 2,
    };
    let history = account.history();
    let numbers = [account.highest().0, history.sets_accepted, history.codes_taken].map(u32::to_be_bytes);
    let state = phase | if account.is_suspended() { 0x80 } else { 0 };
    append(&mut data, &unused.to_be_bytes())?;
    append(&mut data, &[account.threshold()])?;
    append(&mut data, numbers.as_flattened())?;
    append(&mut data, &[state, u8::from(account.awaits_answer())])?;
    Ok(data)
}

/// The unused codes, by index: `first (4) · count (1)` for each run of them.
fn codes(account: &Account) -> Result<Data, Refusal> {
    let mut data = Data::new();
    let mut run: Option<(u32, u8)> = None;
    for index in account.codes().filter(|mark| !mark.used).map(|mark| mark.index.0) {
        run = match run {
            Some((first, count)) if first.checked_add(u32::from(count)) == Some(index) && count < u8::MAX => {
                Some((first, count + 1))
            }
            Some(ended) => {
                put_run(&mut data, ended)?;
                Some((index, 1))
            }
            None => Some((index, 1)),
        };
    }
    if let Some(last) = run {
        put_run(&mut data, last)?;
    }
    Ok(data)
}

fn put_run(data: &mut Data, (first, count): (u32, u8)) -> Result<(), Refusal> {
    append(data, &first.to_be_bytes())?;
    append(data, &[count])
}

/// Realm, label and server, each with its length (1) before it.
fn texts(account: &Account) -> Result<Data, Refusal> {
    let mut data = Data::new();
    for text in [account.realm(), account.label(), account.server()] {
        append(&mut data, &[u8::try_from(text.len()).map_err(|_| Refusal::Failed)?])?;
        append(&mut data, text.as_bytes())?;
    }
    Ok(data)
}

fn bytes(bytes: &[u8]) -> Result<Data, Refusal> {
    Data::from_slice(bytes).map_err(|_| Refusal::Failed)
}

fn put(data: &mut Data, tag: u8, value: &[u8]) -> Result<(), Refusal> {
    append(data, &[tag, u8::try_from(value.len()).map_err(|_| Refusal::Failed)?])?;
    append(data, value)
}

fn append(data: &mut Data, bytes: &[u8]) -> Result<(), Refusal> {
    data.extend_from_slice(bytes).map_err(|_| Refusal::Failed)
}
