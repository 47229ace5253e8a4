//! The CBOR that is authenticated: external_aad, COSE's Enc_structure (RFC 9052 §5.3), the protected headers, and COSE-HPKE's
//! Recipient_structure (draft-ietf-cose-hpke).

use alloc::vec::Vec;
use core::convert::Infallible;

use minicbor::Encoder;
use minicbor::encode::Error;

use crate::ids::Epoch;
use crate::profile::Suite;
use crate::wire::Party;

/// COSE header labels.
pub(super) const LABEL_ALG: i32 = 1;
pub(super) const LABEL_KID: i32 = 4;
pub(super) const LABEL_IV: i32 = 5;
pub(super) const LABEL_ENC: i32 = -4;
pub(super) const LABEL_PSK_ID: i32 = -5;

/// The protected header of SET-PK's content, {1: 3}: AES-256-GCM.
pub(super) const CONTENT_PROTECTED: &[u8] = &[0xa1, 0x01, 0x03];

/// profile 1, byte 0 1, identification code 8, epoch 4.
pub(super) const EXTERNAL_AAD_LEN: usize = 14;

/// What every message is bound to besides its key (§3.4).
pub(super) fn external_aad(party: &Party, byte0: u8, epoch: Epoch) -> [u8; EXTERNAL_AAD_LEN] {
    let [a, b, c, d, e, f, g, h] = party.id.0;
    let [w, x, y, z] = epoch.0.to_be_bytes();
    [party.profile.to_byte(), byte0, a, b, c, d, e, f, g, h, w, x, y, z]
}

/// Which Enc_structure.
#[derive(Clone, Copy)]
pub(super) enum EncContext {
    Encrypt0,
    Encrypt,
}

/// The associated data of the AEAD: [context, protected, external_aad].
pub(super) fn enc_structure(context: EncContext, protected: &[u8], external_aad: &[u8]) -> Vec<u8> {
    let context = match context {
        EncContext::Encrypt0 => "Encrypt0",
        EncContext::Encrypt => "Encrypt",
    };
    cbor(|e| e.array(3)?.str(context)?.bytes(protected)?.bytes(external_aad)?.ok())
}

/// ROT-PK's protected header: {1: alg, -5: psk_id}.
pub(super) fn rotation_protected(party: &Party, epoch_low: u8) -> Vec<u8> {
    hpke_protected(integrated_alg(party.profile.suite()), party, epoch_low)
}

/// SET-PK's protected header of the one recipient: {1: alg, -5: psk_id}.
pub(super) fn recipient_protected(party: &Party, epoch_low: u8) -> Vec<u8> {
    hpke_protected(key_encryption_alg(party.profile.suite()), party, epoch_low)
}

/// HPKE's info for SET-PK: the Recipient_structure ["HPKE Recipient", 3, recipient_protected, extra_info].
pub(super) fn recipient_info(recipient_protected: &[u8], external_aad: &[u8]) -> Vec<u8> {
    cbor(|e| e.array(4)?.str("HPKE Recipient")?.u8(AES_256_GCM)?.bytes(recipient_protected)?.bytes(external_aad)?.ok())
}

/// Identification code and low byte of the epoch: which pre-shared key HPKE uses.
pub(super) fn psk_id(party: &Party, epoch_low: u8) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = party.id.0;
    [a, b, c, d, e, f, g, h, epoch_low]
}

/// Runs an encoder over a new buffer.
pub(super) fn cbor(write: impl FnOnce(&mut Encoder<Vec<u8>>) -> Result<(), Error<Infallible>>) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    match write(&mut encoder) {
        // A vector takes every byte: its error type has no value.
        Ok(()) | Err(_) => encoder.into_writer(),
    }
}

/// COSE's A256GCM.
const AES_256_GCM: u8 = 3;

fn hpke_protected(alg: i32, party: &Party, epoch_low: u8) -> Vec<u8> {
    let psk_id = psk_id(party, epoch_low);
    cbor(|e| e.map(2)?.i32(LABEL_ALG)?.i32(alg)?.i32(LABEL_PSK_ID)?.bytes(&psk_id)?.ok())
}

/// COSE-HPKE's integrated encryption: HPKE-3, HPKE-7, and a private number for X-Wing with HKDF-SHA256 and AES-256-GCM.
const fn integrated_alg(suite: Suite) -> i32 {
    match suite {
        Suite::Symmetric => 0,
        Suite::X25519 => 41,
        Suite::P256 => 45,
        Suite::XWing => -65_537,
    }
}

/// COSE-HPKE's key encryption: HPKE-3-KE, HPKE-7-KE, and a private number for X-Wing.
const fn key_encryption_alg(suite: Suite) -> i32 {
    match suite {
        Suite::Symmetric => 0,
        Suite::X25519 => 49,
        Suite::P256 => 53,
        Suite::XWing => -65_538,
    }
}
