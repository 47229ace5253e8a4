//! Sealing: each message in its compressed form. Sealed bytes are kept and sent again, never sealed again.

use alloc::vec::Vec;

use rand_core::CryptoRng;
use zeroize::Zeroize;

use super::aead;
use super::error::SealError;
use super::hpke;
use super::keys::{Direction, EpochKeys};
use super::structures::{
    CONTENT_PROTECTED, EncContext, enc_structure, external_aad, psk_id, recipient_info, recipient_protected,
    rotation_protected,
};
use crate::codes::CodeSet;
use crate::ids::{Epoch, Handle};
use crate::secret::Secret;
use crate::wire::{DownlinkKind, Enrol, IV_LEN, Party, Request, Sync, UplinkKind, encode_rotation, encode_set};

impl EpochKeys {
    /// Seals a set under the shared key: SET (§4.1).
    ///
    /// # Errors
    /// [`SealError::WrongProfile`] in public-key mode.
    pub fn seal_set(
        &self,
        handle: Handle,
        set: &CodeSet,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, SealError> {
        let header = self.downlink_header(DownlinkKind::Set, handle)?;
        self.seal_downlink(header, set.first.0, &encode_set(set), rng)
    }

    /// Seals a set to the device's static public key: SET-PK (§4.2).
    ///
    /// # Errors
    /// [`SealError::WrongProfile`] outside public-key mode, [`SealError::PublicKey`] when the key is none of the suite.
    pub fn seal_set_to(
        &self,
        handle: Handle,
        public_key: &[u8],
        set: &CodeSet,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, SealError> {
        let header = self.downlink_header(DownlinkKind::SetPk, handle)?;
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        let session_key = Secret::new(bytes);
        bytes.zeroize();
        let external = external_aad(&self.party, DownlinkKind::SetPk.byte0(), self.epoch);
        let protected = recipient_protected(&self.party, self.epoch.low_byte());
        let context = hpke::Context {
            psk: &self.psk,
            psk_id: &psk_id(&self.party, self.epoch.low_byte()),
            info: &recipient_info(&protected, &external),
            aad: &[],
        };
        let wrapped = hpke::seal(self.party.profile.suite(), public_key, &context, session_key.expose(), rng)?;
        let plaintext = encode_set(set);
        let iv = self.hedged_iv(Direction::ServerToDevice, &header, set.first.0, &plaintext, rng);
        let aad = enc_structure(EncContext::Encrypt, CONTENT_PROTECTED, &external);
        let content = aead::seal(&session_key, &iv, &aad, &plaintext)?;
        Ok([header.as_slice(), &iv, &wrapped.enc, &wrapped.ciphertext, &content].concat())
    }

    /// Seals the next epoch's key under the present one: ROT-SYM (§4.3), in suite 1.
    ///
    /// # Errors
    /// [`SealError::WrongProfile`] in the other suites, [`SealError::WrongEpoch`] after the last epoch.
    pub fn seal_rotation(
        &self,
        handle: Handle,
        new_key: &Secret<32>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, SealError> {
        let header = self.downlink_header(DownlinkKind::RotateSymmetric, handle)?;
        let next = self.next_epoch()?;
        self.seal_downlink(header, next.0, &encode_rotation(next, new_key), rng)
    }

    /// Seals the next epoch's key to the device's fresh ephemeral key and by the present key: ROT-PK (§4.4).
    ///
    /// # Errors
    /// [`SealError::WrongProfile`] in suite 1, [`SealError::PublicKey`] when the key is none of the suite,
    /// [`SealError::WrongEpoch`] after the last epoch.
    pub fn seal_rotation_to(
        &self,
        handle: Handle,
        ephemeral: &[u8],
        new_key: &Secret<32>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, SealError> {
        let header = self.downlink_header(DownlinkKind::RotatePublicKey, handle)?;
        let next = self.next_epoch()?;
        let external = external_aad(&self.party, DownlinkKind::RotatePublicKey.byte0(), self.epoch);
        let protected = rotation_protected(&self.party, self.epoch.low_byte());
        let context = hpke::Context {
            psk: &self.psk,
            psk_id: &psk_id(&self.party, self.epoch.low_byte()),
            info: &[],
            aad: &enc_structure(EncContext::Encrypt0, &protected, &external),
        };
        let plaintext = encode_rotation(next, new_key);
        let sealed = hpke::seal(self.party.profile.suite(), ephemeral, &context, &plaintext, rng)?;
        Ok([header.as_slice(), &sealed.enc, &sealed.ciphertext].concat())
    }

    /// Seals what the server has seen and wants: SYNC (§4.5). `sequence` counts the authenticator's SYNCs from 1.
    ///
    /// # Errors
    /// [`SealError::ZeroSequence`]; [`SealError::Field`] for a threshold above 63.
    pub fn seal_sync(
        &self,
        handle: Handle,
        sequence: u32,
        sync: &Sync,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, SealError> {
        let header = self.downlink_header(DownlinkKind::Sync, handle)?;
        let plaintext = sync.encode().ok_or(SealError::Field)?;
        self.seal_downlink(header, sequence, &plaintext, rng)
    }

    /// Seals a request: REQ (§4.6). `counter` counts the device's requests from 1, ENROL included.
    ///
    /// # Errors
    /// [`SealError::ZeroSequence`]; [`SealError::PublicKey`] when the ephemeral key is none of the suite.
    pub fn seal_request(
        &self,
        counter: u32,
        request: &Request,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, SealError> {
        let plaintext = request.encode(self.party.profile.suite()).ok_or(SealError::PublicKey)?;
        self.seal_uplink(UplinkKind::Request, counter, &plaintext, rng)
    }

    /// Seals a device's first message: ENROL (§4.7). Only the keys of epoch 0 do that.
    ///
    /// # Errors
    /// [`SealError::WrongEpoch`], [`SealError::ZeroSequence`]; [`SealError::WrongProfile`] when the profile is not these
    /// keys'; [`SealError::PublicKey`] when the public key is none of the suite.
    pub fn seal_enrol(
        &self,
        counter: u32,
        enrol: &Enrol,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, SealError> {
        if self.epoch != Epoch(0) {
            return Err(SealError::WrongEpoch);
        }
        if enrol.profile != self.party.profile {
            return Err(SealError::WrongProfile);
        }
        let plaintext = enrol.encode().ok_or(SealError::PublicKey)?;
        self.seal_uplink(UplinkKind::Enrol, counter, &plaintext, rng)
    }

    /// Byte 0, handle, epoch.
    fn downlink_header(&self, kind: DownlinkKind, handle: Handle) -> Result<[u8; 3], SealError> {
        if kind.is_in(self.party.profile) {
            Ok([kind.byte0(), handle.0, self.epoch.low_byte()])
        } else {
            Err(SealError::WrongProfile)
        }
    }

    fn next_epoch(&self) -> Result<Epoch, SealError> {
        self.epoch.next().ok_or(SealError::WrongEpoch)
    }

    fn seal_downlink(
        &self,
        header: [u8; 3],
        sequence: u32,
        plaintext: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, SealError> {
        let iv = self.hedged_iv(Direction::ServerToDevice, &header, sequence, plaintext, rng);
        seal_encrypt0(&self.downlink, &self.party, self.epoch, &header, &iv, plaintext)
    }

    fn seal_uplink(
        &self,
        kind: UplinkKind,
        counter: u32,
        plaintext: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, SealError> {
        let header = [&[kind.byte0()], self.party.id.0.as_slice(), &[self.epoch.low_byte()]].concat();
        let iv = self.hedged_iv(Direction::DeviceToServer, &header, counter, plaintext, rng);
        seal_encrypt0(&self.uplink, &self.party, self.epoch, &header, &iv, plaintext)
    }
}

/// Header, IV, ciphertext, tag: what expands to a COSE_Encrypt0 with an empty protected header.
fn seal_encrypt0(
    key: &Secret<32>,
    party: &Party,
    epoch: Epoch,
    header: &[u8],
    iv: &[u8; IV_LEN],
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    if iv.starts_with(&[0; 4]) {
        return Err(SealError::ZeroSequence);
    }
    let byte0 = header.first().copied().unwrap_or_default();
    let aad = enc_structure(EncContext::Encrypt0, &[], &external_aad(party, byte0, epoch));
    let sealed = aead::seal(key, iv, &aad, plaintext)?;
    Ok([header, iv, &sealed].concat())
}
