//! Reading a COSE message back into its compressed form. Lenient in the small, since `cose` compares the whole with the
//! canonical encoding afterwards; strict in what it walks through.

use alloc::vec::Vec;

use minicbor::Decoder;
use minicbor::decode::Error;

use super::cose::{TAG_ENCRYPT, TAG_ENCRYPT0};
use super::structures::{LABEL_ENC, LABEL_IV, LABEL_KID};
use crate::wire::DecodeError;

/// The compressed form of what looks like a COSE message from the server.
pub(super) fn read_downlink(cose: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = Decoder::new(cose);
    let bytes = match read_tag(&mut decoder)? {
        TAG_ENCRYPT0 => read_encrypt0(&mut decoder),
        TAG_ENCRYPT => read_encrypt(&mut decoder),
        _ => return Err(DecodeError::Cbor),
    };
    finish(&decoder, bytes)
}

/// The compressed form of what looks like a COSE message from a device.
pub(super) fn read_uplink(cose: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = Decoder::new(cose);
    if read_tag(&mut decoder)? != TAG_ENCRYPT0 {
        return Err(DecodeError::Cbor);
    }
    let bytes = read_encrypt0(&mut decoder);
    finish(&decoder, bytes)
}

fn read_tag(decoder: &mut Decoder<'_>) -> Result<u64, DecodeError> {
    decoder.tag().map(|tag| tag.as_u64()).map_err(|_| DecodeError::Cbor)
}

fn finish(decoder: &Decoder<'_>, bytes: Result<Vec<u8>, Error>) -> Result<Vec<u8>, DecodeError> {
    let bytes = bytes.map_err(|_| DecodeError::Cbor)?;
    if decoder.position() == decoder.input().len() { Ok(bytes) } else { Err(DecodeError::TrailingBytes) }
}

/// [protected, {4: kid, 5: IV or -4: enc}, ciphertext] as kid, IV or enc, ciphertext.
fn read_encrypt0(decoder: &mut Decoder<'_>) -> Result<Vec<u8>, Error> {
    expect_array(decoder, 3)?;
    // What it must be follows from the message's type; the comparison with the canonical bytes sees to it.
    decoder.bytes()?;
    let (kid, second) = read_headers(decoder, &[LABEL_IV, LABEL_ENC])?;
    Ok([kid, second, decoder.bytes()?].concat())
}

/// [protected, {4: kid, 5: IV}, ciphertext, [[protected, {-4: enc}, wrapped]]] as kid, IV, enc, wrapped, ciphertext.
fn read_encrypt(decoder: &mut Decoder<'_>) -> Result<Vec<u8>, Error> {
    expect_array(decoder, 4)?;
    decoder.bytes()?;
    let (kid, iv) = read_headers(decoder, &[LABEL_IV])?;
    let content = decoder.bytes()?;
    expect_array(decoder, 1)?;
    expect_array(decoder, 3)?;
    decoder.bytes()?;
    expect_map(decoder, 1)?;
    expect_label(decoder, &[LABEL_ENC])?;
    let enc = decoder.bytes()?;
    Ok([kid, iv, enc, decoder.bytes()?, content].concat())
}

/// The values of {4: kid, second: value}.
fn read_headers<'b>(decoder: &mut Decoder<'b>, second: &[i32]) -> Result<(&'b [u8], &'b [u8]), Error> {
    expect_map(decoder, 2)?;
    expect_label(decoder, &[LABEL_KID])?;
    let kid = decoder.bytes()?;
    expect_label(decoder, second)?;
    Ok((kid, decoder.bytes()?))
}

fn expect_array(decoder: &mut Decoder<'_>, length: u64) -> Result<(), Error> {
    if decoder.array()? == Some(length) { Ok(()) } else { Err(Error::message("array length")) }
}

fn expect_map(decoder: &mut Decoder<'_>, length: u64) -> Result<(), Error> {
    if decoder.map()? == Some(length) { Ok(()) } else { Err(Error::message("map length")) }
}

fn expect_label(decoder: &mut Decoder<'_>, labels: &[i32]) -> Result<(), Error> {
    if labels.contains(&decoder.i32()?) { Ok(()) } else { Err(Error::message("header label")) }
}
