//! The COSE form (RFC 9052) of every message, for HTTP, files and QR codes: `expand` gives it, `compress` takes it back
//! and refuses everything that `expand` would not have given (§6).

use alloc::vec::Vec;

use minicbor::Decoder;
use minicbor::data::Tag;

use super::cose_decode::{read_downlink, read_uplink};
use super::structures::{
    CONTENT_PROTECTED, LABEL_ENC, LABEL_IV, LABEL_KID, cbor, recipient_protected, rotation_protected,
};
use crate::wire::{
    DecodeError, DownlinkKind, MAX_MESSAGE_LEN, Party, UnverifiedDownlink, UnverifiedUplink, WRAPPED_KEY_LEN, enc_len,
};

/// The most COSE messages that one answer carries.
pub const MAX_SEQUENCE: usize = 4;

/// The longest COSE message: the longest compressed one, and room for COSE's own bytes (at most 70).
pub const MAX_COSE_LEN: usize = MAX_MESSAGE_LEN + 128;

/// COSE_Encrypt0.
pub(super) const TAG_ENCRYPT0: u64 = 16;
/// COSE_Encrypt.
pub(super) const TAG_ENCRYPT: u64 = 96;

/// The COSE form of a compressed message from the server. `party` is the receiver: COSE names the suite's algorithm and
/// the pre-shared key, which SMS leaves out.
///
/// # Errors
/// As [`UnverifiedDownlink::decode`]; [`DecodeError::WrongProfile`] for a message that the profile does not have;
/// [`DecodeError::TooShort`] when the suite's parts do not fit.
pub fn expand_downlink(bytes: &[u8], party: &Party) -> Result<Vec<u8>, DecodeError> {
    let message = UnverifiedDownlink::decode(bytes)?;
    let header = message.header();
    if !header.kind.is_in(party.profile) {
        return Err(DecodeError::WrongProfile);
    }
    match (header.kind, message.iv()) {
        (DownlinkKind::Set | DownlinkKind::RotateSymmetric | DownlinkKind::Sync, Some(iv)) => {
            Ok(encrypt0(message.kid(), iv, message.body()))
        }
        (DownlinkKind::SetPk, Some(iv)) => expand_set_pk(&message, iv, party),
        (DownlinkKind::RotatePublicKey, None) => expand_rotation_pk(&message, party),
        (
            DownlinkKind::Set
            | DownlinkKind::SetPk
            | DownlinkKind::RotateSymmetric
            | DownlinkKind::RotatePublicKey
            | DownlinkKind::Sync,
            _,
        ) => Err(DecodeError::Length),
    }
}

/// The compressed form of a COSE message from the server.
///
/// # Errors
/// [`DecodeError::TooLong`], [`DecodeError::Cbor`], [`DecodeError::TrailingBytes`]; what [`expand_downlink`] says of the
/// compressed bytes; [`DecodeError::NotCanonical`] when expanding them gives other bytes than these.
pub fn compress_downlink(cose: &[u8], party: &Party) -> Result<Vec<u8>, DecodeError> {
    check_length(cose)?;
    let bytes = read_downlink(cose)?;
    if expand_downlink(&bytes, party)? == cose { Ok(bytes) } else { Err(DecodeError::NotCanonical) }
}

/// The COSE form of a compressed message from a device.
///
/// # Errors
/// As [`UnverifiedUplink::decode`].
pub fn expand_uplink(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let message = UnverifiedUplink::decode(bytes)?;
    Ok(encrypt0(message.kid(), message.iv(), message.body()))
}

/// The compressed form of a COSE message from a device.
///
/// # Errors
/// As [`compress_downlink`].
pub fn compress_uplink(cose: &[u8]) -> Result<Vec<u8>, DecodeError> {
    check_length(cose)?;
    let bytes = read_uplink(cose)?;
    if expand_uplink(&bytes)? == cose { Ok(bytes) } else { Err(DecodeError::NotCanonical) }
}

/// Splits a CBOR sequence (RFC 8742) of COSE messages, as an HTTP answer is one. None is a sequence too.
///
/// # Errors
/// [`DecodeError::TooManyMessages`] past [`MAX_SEQUENCE`]; [`DecodeError::TooLong`]; [`DecodeError::Cbor`] when an item
/// is not CBOR, is cut short, or is no COSE_Encrypt0 or COSE_Encrypt.
pub fn split_sequence(bytes: &[u8]) -> Result<Vec<&[u8]>, DecodeError> {
    if bytes.len() > MAX_SEQUENCE * MAX_COSE_LEN {
        return Err(DecodeError::TooLong);
    }
    let mut messages = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        if messages.len() == MAX_SEQUENCE {
            return Err(DecodeError::TooManyMessages);
        }
        let (message, after) = split_first(rest)?;
        check_length(message)?;
        messages.push(message);
        rest = after;
    }
    Ok(messages)
}

/// tag 16 [h'', {4: kid, 5: IV}, ciphertext]
fn encrypt0(kid: &[u8], iv: &[u8], ciphertext: &[u8]) -> Vec<u8> {
    cbor(|e| {
        e.tag(Tag::new(TAG_ENCRYPT0))?.array(3)?.bytes(&[])?;
        e.map(2)?.i32(LABEL_KID)?.bytes(kid)?.i32(LABEL_IV)?.bytes(iv)?;
        e.bytes(ciphertext)?.ok()
    })
}

/// tag 96 [<<{1: 3}>>, {4: kid, 5: IV}, ciphertext, [[recipient_protected, {-4: enc}, wrapped key]]]
fn expand_set_pk(message: &UnverifiedDownlink<'_>, iv: &[u8], party: &Party) -> Result<Vec<u8>, DecodeError> {
    let (enc, rest) = split_enc(message.body(), party)?;
    let (wrapped, content) = rest.split_at_checked(WRAPPED_KEY_LEN).ok_or(DecodeError::TooShort)?;
    let protected = recipient_protected(party, message.header().epoch_low);
    Ok(cbor(|e| {
        e.tag(Tag::new(TAG_ENCRYPT))?.array(4)?.bytes(CONTENT_PROTECTED)?;
        e.map(2)?.i32(LABEL_KID)?.bytes(message.kid())?.i32(LABEL_IV)?.bytes(iv)?;
        e.bytes(content)?.array(1)?.array(3)?.bytes(&protected)?;
        e.map(1)?.i32(LABEL_ENC)?.bytes(enc)?;
        e.bytes(wrapped)?.ok()
    }))
}

/// tag 16 [<<{1: alg, -5: psk_id}>>, {4: kid, -4: enc}, ciphertext]
fn expand_rotation_pk(message: &UnverifiedDownlink<'_>, party: &Party) -> Result<Vec<u8>, DecodeError> {
    let (enc, sealed) = split_enc(message.body(), party)?;
    let protected = rotation_protected(party, message.header().epoch_low);
    Ok(cbor(|e| {
        e.tag(Tag::new(TAG_ENCRYPT0))?.array(3)?.bytes(&protected)?;
        e.map(2)?.i32(LABEL_KID)?.bytes(message.kid())?.i32(LABEL_ENC)?.bytes(enc)?;
        e.bytes(sealed)?.ok()
    }))
}

/// The encapsulated key at the start of a body, and what follows.
fn split_enc<'a>(body: &'a [u8], party: &Party) -> Result<(&'a [u8], &'a [u8]), DecodeError> {
    body.split_at_checked(enc_len(party.profile.suite())).ok_or(DecodeError::TooShort)
}

fn check_length(cose: &[u8]) -> Result<(), DecodeError> {
    if cose.len() > MAX_COSE_LEN { Err(DecodeError::TooLong) } else { Ok(()) }
}

/// The first message of a sequence that is not empty, and what follows it.
fn split_first(bytes: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let mut decoder = Decoder::new(bytes);
    let tag = decoder.probe().tag().map_err(|_| DecodeError::Cbor)?.as_u64();
    if tag != TAG_ENCRYPT0 && tag != TAG_ENCRYPT {
        return Err(DecodeError::Cbor);
    }
    decoder.skip().map_err(|_| DecodeError::Cbor)?;
    bytes.split_at_checked(decoder.position()).ok_or(DecodeError::Cbor)
}
