//! The key schedule (§3): from a 32-byte key of an epoch, one key for each use.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::ids::Epoch;
use crate::secret::Secret;
use crate::wire::{IV_LEN, Party};

/// The keys of one epoch of one authenticator. They seal and open every message of that epoch, and carry what all of
/// them are bound to.
pub struct EpochKeys {
    pub(super) party: Party,
    pub(super) epoch: Epoch,
    pub(super) downlink: Secret<32>,
    pub(super) uplink: Secret<32>,
    pub(super) psk: Secret<32>,
    hedge_downlink: Secret<32>,
    hedge_uplink: Secret<32>,
}

/// Which way a message goes.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    ServerToDevice,
    DeviceToServer,
}

impl EpochKeys {
    /// Derives the keys of `epoch` from its 32-byte key: HKDF-SHA256 (RFC 5869) without salt, with the use's label,
    /// profile, identification code and epoch as info.
    #[must_use]
    pub fn derive(key: &Secret<32>, party: &Party, epoch: Epoch) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, key.expose());
        let [profile, id] = party_info(party);
        let number = epoch.0.to_be_bytes();
        let derive = |label: &[u8]| expand(&hkdf, &[label, profile.as_slice(), id.as_slice(), &number]);
        Self {
            party: *party,
            epoch,
            downlink: derive(b"matchbook v1 server-to-device"),
            uplink: derive(b"matchbook v1 device-to-server"),
            psk: derive(b"matchbook v1 psk"),
            hedge_downlink: derive(b"matchbook v1 hedge server-to-device"),
            hedge_uplink: derive(b"matchbook v1 hedge device-to-server"),
        }
    }

    /// What every message under these keys is bound to.
    #[must_use]
    pub const fn party(&self) -> &Party {
        &self.party
    }

    /// The epoch.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// An IV that stays unique when the random source repeats or two nodes seal at once: the sequence number, then
    /// 8 bytes of HMAC-SHA256 over 32 random bytes, the clear header, the sequence number and the plaintext.
    pub(super) fn hedged_iv(
        &self,
        direction: Direction,
        header: &[u8],
        sequence: u32,
        plaintext: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> [u8; IV_LEN] {
        let key = match direction {
            Direction::ServerToDevice => &self.hedge_downlink,
            Direction::DeviceToServer => &self.hedge_uplink,
        };
        let mut random = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *random);
        let mut mac = hmac(key);
        mac.update(&*random);
        mac.update(header);
        mac.update(&sequence.to_be_bytes());
        mac.update(plaintext);
        let tag = mac.finalize().into_bytes();
        let mut iv = [0; IV_LEN];
        for (byte, from) in iv.iter_mut().zip(sequence.to_be_bytes().iter().chain(&tag)) {
            *byte = *from;
        }
        iv
    }
}

/// The 32-byte key of epoch 0, from the 16-byte activation secret.
#[must_use]
pub fn activation_key(secret: &Secret<16>, party: &Party) -> Secret<32> {
    let hkdf = Hkdf::<Sha256>::new(None, secret.expose());
    let [profile, id] = party_info(party);
    expand(&hkdf, &[b"matchbook v1 activation", profile.as_slice(), id.as_slice()])
}

/// The bare keys, for a test that checks our bytes with somebody else's code. Not in any build that is shipped.
#[cfg(feature = "oracle")]
pub struct OracleKeys {
    /// Server to device, AES-256-GCM.
    pub downlink: [u8; 32],
    /// Device to server, AES-256-GCM.
    pub uplink: [u8; 32],
    /// HPKE's pre-shared key.
    pub psk: [u8; 32],
    /// Hedge of the IVs from the server.
    pub hedge_downlink: [u8; 32],
    /// Hedge of the IVs from the device.
    pub hedge_uplink: [u8; 32],
}

#[cfg(feature = "oracle")]
impl EpochKeys {
    /// Gives the bare keys away, for test oracles only.
    #[must_use]
    pub fn expose_for_oracle(&self) -> OracleKeys {
        OracleKeys {
            downlink: *self.downlink.expose(),
            uplink: *self.uplink.expose(),
            psk: *self.psk.expose(),
            hedge_downlink: *self.hedge_downlink.expose(),
            hedge_uplink: *self.hedge_uplink.expose(),
        }
    }
}

/// Profile and identification code, as every info has them.
fn party_info(party: &Party) -> [alloc::vec::Vec<u8>; 2] {
    [alloc::vec![party.profile.to_byte()], party.id.0.to_vec()]
}

/// One 32-byte key.
fn expand(hkdf: &Hkdf<Sha256>, info: &[&[u8]]) -> Secret<32> {
    let mut bytes = [0; 32];
    if hkdf.expand_multi_info(info, &mut bytes).is_err() {
        // HKDF refuses more than 255 blocks and nothing else; this is one. A key of zeros would be worse than a stop.
        unreachable!("HKDF-SHA256 refused one block");
    }
    let secret = Secret::new(bytes);
    bytes.zeroize();
    secret
}

/// HMAC-SHA256 under a 32-byte key, which the standard pads with zeros to the block's 64 bytes.
fn hmac(key: &Secret<32>) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0_u8; 64]);
    for (byte, from) in block.iter_mut().zip(key.expose()) {
        *byte = *from;
    }
    Hmac::<Sha256>::new((&*block).into())
}
