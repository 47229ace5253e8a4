//! Sealing and opening (§3, §6): the keys of an epoch, AES-256-GCM with hedged IVs, HPKE with a pre-shared key, and the
//! COSE form of every message.

mod aead;
mod cose;
mod cose_decode;
mod error;
mod hpke;
mod key_pair;
mod keys;
mod open;
mod seal;
mod structures;

pub use cose::{
    MAX_COSE_LEN, MAX_SEQUENCE, compress_downlink, compress_uplink, expand_downlink, expand_uplink, split_sequence,
};
pub use error::{KeyError, OpenError, SealError};
pub use key_pair::{KeyPair, check_public_key};
pub use keys::{EpochKeys, activation_key};
pub use open::{Downlink, Uplink};

#[cfg(feature = "oracle")]
pub use keys::OracleKeys;

#[cfg(test)]
mod tests;
