//! The plaintext of SYNC: last request counter 4, flags 1.

use super::error::PlaintextError;

/// The highest refill threshold that SYNC can carry.
pub const MAX_THRESHOLD: u8 = 63;

/// What the server has seen of the device, and what it wants. It confirms an epoch and answers a status request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sync {
    /// The highest request counter that the server has accepted; 0 for none.
    pub last_request: u32,
    /// The device should send a request with a fresh ephemeral key, for a rotation.
    pub rotate: bool,
    /// The authenticator is suspended: no sets until further notice.
    pub suspended: bool,
    /// The device asks for a set when it holds this many unused codes or fewer, 0 to 63.
    pub threshold: u8,
}

impl Sync {
    /// The plaintext; `None` when the threshold is above 63.
    pub(crate) fn encode(&self) -> Option<[u8; SYNC_LEN]> {
        if self.threshold > MAX_THRESHOLD {
            return None;
        }
        let rotate = if self.rotate { ROTATE_BIT } else { 0 };
        let suspended = if self.suspended { SUSPENDED_BIT } else { 0 };
        let [a, b, c, d] = self.last_request.to_be_bytes();
        Some([a, b, c, d, rotate | suspended | self.threshold])
    }

    /// Reads the plaintext.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, PlaintextError> {
        let &[a, b, c, d, flags] = bytes else { return Err(PlaintextError::Length) };
        Ok(Self {
            last_request: u32::from_be_bytes([a, b, c, d]),
            rotate: flags & ROTATE_BIT != 0,
            suspended: flags & SUSPENDED_BIT != 0,
            threshold: flags & MAX_THRESHOLD,
        })
    }
}

/// The plaintext's length.
pub(crate) const SYNC_LEN: usize = 5;

const ROTATE_BIT: u8 = 0x80;
const SUSPENDED_BIT: u8 = 0x40;
