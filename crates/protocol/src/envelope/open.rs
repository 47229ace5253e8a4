//! Opening: an unverified message becomes an authentic one, or nothing.

use zeroize::Zeroizing;

use alloc::vec::Vec;

use super::aead;
use super::error::OpenError;
use super::hpke;
use super::key_pair::{KeyPair, check_public_key};
use super::keys::EpochKeys;
use super::structures::{
    CONTENT_PROTECTED, EXTERNAL_AAD_LEN, EncContext, enc_structure, external_aad, psk_id, recipient_info,
    recipient_protected, rotation_protected,
};
use crate::codes::CodeSet;
use crate::ids::{CodeIndex, Epoch};
use crate::secret::Secret;
use crate::wire::{
    DownlinkKind, Enrol, IV_LEN, PlaintextError, Request, Sync, UnverifiedDownlink, UnverifiedUplink, UplinkKind,
    WRAPPED_KEY_LEN, decode_rotation, decode_set, enc_len,
};

/// An authentic message from the server. Authentic is not fresh: the engine decides that.
#[derive(Debug)]
pub enum Downlink {
    /// SET or SET-PK: codes.
    Set(CodeSet),
    /// ROT-SYM or ROT-PK: the next epoch's key.
    Rotation {
        /// The epoch after the one whose key opened the message.
        next: Epoch,
        /// Its key.
        key: Secret<32>,
    },
    /// SYNC: what the server has seen and wants.
    Sync {
        /// The number of this SYNC, from 1.
        sequence: u32,
        /// Its content.
        sync: Sync,
    },
}

/// An authentic message from the device. Authentic is not fresh: the server's window decides that.
#[derive(Debug)]
pub enum Uplink {
    /// REQ.
    Request {
        /// The request counter, from 1.
        counter: u32,
        /// Its content.
        request: Request,
    },
    /// ENROL.
    Enrol {
        /// The request counter, from 1.
        counter: u32,
        /// Its content.
        enrol: Enrol,
    },
}

impl EpochKeys {
    /// Opens a message from the server. SET-PK needs the device's static key pair, ROT-PK the ephemeral one of the
    /// rotation; the others need none and ignore it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_downlink(
        &self,
        message: &UnverifiedDownlink<'_>,
        key_pair: Option<&KeyPair>,
    ) -> Result<Downlink, OpenError> {
        let header = message.header();
        if !header.kind.is_in(self.party.profile) {
            return Err(OpenError::WrongProfile);
        }
        if header.epoch_low != self.epoch.low_byte() {
            return Err(OpenError::WrongEpoch);
        }
        let external = external_aad(&self.party, header.kind.byte0(), self.epoch);
        match header.kind {
            DownlinkKind::Set => {
                let (sequence, plaintext) = self.open_shared(message, &external)?;
                Ok(Downlink::Set(decode_set(CodeIndex(sequence), &plaintext)?))
            }
            DownlinkKind::SetPk => {
                let pair = self.check_pair(key_pair)?;
                self.open_set_pk(message, pair, &external)
            }
            DownlinkKind::RotateSymmetric => {
                let (sequence, plaintext) = self.open_shared(message, &external)?;
                let rotation = self.rotation(&plaintext)?;
                let next = self.next_epoch_of_rotation()?;
                if sequence == next.0 { Ok(rotation) } else { Err(PlaintextError::NextEpoch.into()) }
            }
            DownlinkKind::RotatePublicKey => {
                let pair = self.check_pair(key_pair)?;
                self.rotation(&self.open_rotation_pk(message, pair, &external)?)
            }
            DownlinkKind::Sync => {
                let (sequence, plaintext) = self.open_shared(message, &external)?;
                Ok(Downlink::Sync { sequence, sync: Sync::decode(&plaintext)? })
            }
        }
    }

    /// Opens a message from the device.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_uplink(&self, message: &UnverifiedUplink<'_>) -> Result<Uplink, OpenError> {
        if message.id() != self.party.id {
            return Err(OpenError::WrongId);
        }
        if message.epoch_low() != self.epoch.low_byte() {
            return Err(OpenError::WrongEpoch);
        }
        let kind = message.kind();
        if kind == UplinkKind::Enrol && self.epoch != Epoch(0) {
            return Err(OpenError::WrongEpoch);
        }
        let external = external_aad(&self.party, kind.byte0(), self.epoch);
        let aad = enc_structure(EncContext::Encrypt0, &[], &external);
        let plaintext = aead::open(&self.uplink, message.iv(), &aad, message.body())?;
        let counter = message.counter();
        let suite = self.party.profile.suite();
        match kind {
            UplinkKind::Request => {
                let request = Request::decode(suite, &plaintext)?;
                if let Some(key) = &request.ephemeral {
                    check_public_key(suite, key).map_err(|_| PlaintextError::PublicKey)?;
                }
                Ok(Uplink::Request { counter, request })
            }
            UplinkKind::Enrol => {
                let enrol = Enrol::decode(self.party.profile, &plaintext)?;
                if !enrol.public_key.is_empty() {
                    check_public_key(suite, &enrol.public_key).map_err(|_| PlaintextError::PublicKey)?;
                }
                Ok(Uplink::Enrol { counter, enrol })
            }
        }
    }

    /// The plaintext and sequence number of a message under the shared key.
    fn open_shared(
        &self,
        message: &UnverifiedDownlink<'_>,
        external: &[u8; EXTERNAL_AAD_LEN],
    ) -> Result<(u32, Zeroizing<Vec<u8>>), OpenError> {
        let (iv, sequence) = iv_of(message)?;
        let aad = enc_structure(EncContext::Encrypt0, &[], external);
        Ok((sequence, aead::open(&self.downlink, iv, &aad, message.body())?))
    }

    fn open_set_pk(
        &self,
        message: &UnverifiedDownlink<'_>,
        pair: &KeyPair,
        external: &[u8; EXTERNAL_AAD_LEN],
    ) -> Result<Downlink, OpenError> {
        let (iv, sequence) = iv_of(message)?;
        let (enc, rest) = message.body().split_at_checked(enc_len(pair.suite())).ok_or(OpenError::Length)?;
        let (wrapped, content) = rest.split_at_checked(WRAPPED_KEY_LEN).ok_or(OpenError::Length)?;
        let protected = recipient_protected(&self.party, self.epoch.low_byte());
        let context = hpke::Context {
            psk: &self.psk,
            psk_id: &psk_id(&self.party, self.epoch.low_byte()),
            info: &recipient_info(&protected, external),
            aad: &[],
        };
        let session_key = hpke::open(pair, enc, &context, wrapped)?;
        let session_key = Secret::from_slice(&session_key).ok_or(PlaintextError::Length)?;
        let aad = enc_structure(EncContext::Encrypt, CONTENT_PROTECTED, external);
        let plaintext = aead::open(&session_key, iv, &aad, content)?;
        Ok(Downlink::Set(decode_set(CodeIndex(sequence), &plaintext)?))
    }

    fn open_rotation_pk(
        &self,
        message: &UnverifiedDownlink<'_>,
        pair: &KeyPair,
        external: &[u8; EXTERNAL_AAD_LEN],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (enc, sealed) = message.body().split_at_checked(enc_len(pair.suite())).ok_or(OpenError::Length)?;
        if sealed.len() != SEALED_ROTATION_LEN {
            return Err(OpenError::Length);
        }
        let protected = rotation_protected(&self.party, self.epoch.low_byte());
        let context = hpke::Context {
            psk: &self.psk,
            psk_id: &psk_id(&self.party, self.epoch.low_byte()),
            info: &[],
            aad: &enc_structure(EncContext::Encrypt0, &protected, external),
        };
        hpke::open(pair, enc, &context, sealed)
    }

    /// The key pair that the message needs, when it is one of the profile's suite.
    fn check_pair<'a>(&self, key_pair: Option<&'a KeyPair>) -> Result<&'a KeyPair, OpenError> {
        let pair = key_pair.ok_or(OpenError::NoKeyPair)?;
        if pair.suite() == self.party.profile.suite() { Ok(pair) } else { Err(OpenError::WrongKeyPair) }
    }

    fn rotation(&self, plaintext: &[u8]) -> Result<Downlink, OpenError> {
        let next = self.next_epoch_of_rotation()?;
        Ok(Downlink::Rotation { next, key: decode_rotation(next, plaintext)? })
    }

    fn next_epoch_of_rotation(&self) -> Result<Epoch, PlaintextError> {
        self.epoch.next().ok_or(PlaintextError::NextEpoch)
    }
}

/// Ciphertext and tag of a rotation.
const SEALED_ROTATION_LEN: usize = crate::wire::ROTATION_LEN + crate::wire::TAG_LEN;

/// IV and sequence number, which every message but ROT-PK has.
fn iv_of<'a>(message: &UnverifiedDownlink<'a>) -> Result<(&'a [u8; IV_LEN], u32), OpenError> {
    message.iv().zip(message.header().sequence).ok_or(OpenError::Length)
}
