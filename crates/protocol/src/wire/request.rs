//! The plaintext of REQ: highest index held 4, unused 1, wanted 1, flags 1, then an ephemeral public key or nothing.

use alloc::vec::Vec;

use super::error::PlaintextError;
use super::sizes::public_key_len;
use crate::ids::CodeIndex;
use crate::profile::Suite;

/// As [`Request::wanted`]: as many codes as the server sees fit.
pub const WANTED_SERVERS_CHOICE: u8 = 255;

/// Why a device sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// 0: it says what it holds, nothing more; an acknowledgement.
    Status,
    /// 1: it has no codes yet.
    First,
    /// 2: it runs low.
    Low,
    /// 3: the subscriber asked.
    Manual,
    /// 4: it wants a new key.
    Rotate,
}

/// What a device holds and wants. It acknowledges every set up to [`Request::highest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The highest index that the device has ever held; [`CodeIndex::NONE`] before the first set.
    pub highest: CodeIndex,
    /// How many unused codes it holds; 255 for 255 or more.
    pub unused: u8,
    /// How many codes it wants: 0 for none, [`WANTED_SERVERS_CHOICE`] for the server's choice.
    pub wanted: u8,
    /// Why it sends the request.
    pub reason: Reason,
    /// A fresh public key of the suite, to which the next key is sealed.
    pub ephemeral: Option<Vec<u8>>,
}

impl Request {
    /// The plaintext; `None` when the ephemeral key has a length that the suite's keys do not have.
    pub(crate) fn encode(&self, suite: Suite) -> Option<Vec<u8>> {
        let key = self.ephemeral.as_deref().unwrap_or(&[]);
        let mut bytes = Vec::with_capacity(REQUEST_HEAD_LEN + key.len());
        let present = match &self.ephemeral {
            None => 0,
            Some(key) if !key.is_empty() && key.len() == public_key_len(suite) => EPHEMERAL_BIT,
            Some(_) => return None,
        };
        bytes.extend_from_slice(&self.highest.0.to_be_bytes());
        bytes.extend_from_slice(&[self.unused, self.wanted, self.reason.number() | present]);
        bytes.extend_from_slice(key);
        Some(bytes)
    }

    /// Reads the plaintext. Of the ephemeral key only the length is checked.
    pub(crate) fn decode(suite: Suite, bytes: &[u8]) -> Result<Self, PlaintextError> {
        let (&[a, b, c, d, unused, wanted, flags], key) =
            bytes.split_first_chunk::<REQUEST_HEAD_LEN>().ok_or(PlaintextError::Length)?;
        if flags & RESERVED_BITS != 0 {
            return Err(PlaintextError::ReservedBits);
        }
        let reason = Reason::from_number(flags & REASON_MASK)?;
        let ephemeral = match (flags & EPHEMERAL_BIT != 0, key) {
            (false, []) => None,
            (true, [_, ..]) if key.len() == public_key_len(suite) => Some(key.to_vec()),
            (false | true, _) => return Err(PlaintextError::Length),
        };
        let highest = CodeIndex(u32::from_be_bytes([a, b, c, d]));
        Ok(Self { highest, unused, wanted, reason, ephemeral })
    }
}

impl Reason {
    const fn number(self) -> u8 {
        match self {
            Self::Status => 0,
            Self::First => 1,
            Self::Low => 2,
            Self::Manual => 3,
            Self::Rotate => 4,
        }
    }

    const fn from_number(number: u8) -> Result<Self, PlaintextError> {
        match number {
            0 => Ok(Self::Status),
            1 => Ok(Self::First),
            2 => Ok(Self::Low),
            3 => Ok(Self::Manual),
            4 => Ok(Self::Rotate),
            _ => Err(PlaintextError::UnknownReason),
        }
    }
}

/// The plaintext's length without an ephemeral key.
pub(crate) const REQUEST_HEAD_LEN: usize = 7;

const REASON_MASK: u8 = 0x07;
const RESERVED_BITS: u8 = 0x78;
/// An ephemeral public key follows.
const EPHEMERAL_BIT: u8 = 0x80;
