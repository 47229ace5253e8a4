//! The card's memory that outlasts its power, and records in it that a power cut cannot tear.

mod record;

pub(crate) use record::{Record, StoreError, record_len};

use crate::access::ACCESS_ROOM;

/// Bytes of the account, at most: 250 codes in as many sets, with the longest texts, take less.
pub(crate) const ACCOUNT_ROOM: usize = 10 * 1_024;

/// Where the records lie.
pub(crate) const ACCESS_AT: usize = 0;
pub(crate) const ACCOUNT_AT: usize = record_len(ACCESS_ROOM);

/// Bytes of memory that the application needs.
pub const NVM_LEN: usize = ACCOUNT_AT + record_len(ACCOUNT_ROOM);

/// Memory that outlasts the power: [`NVM_LEN`] bytes, of any content when the card is new. It holds keys and codes in
/// clear, so it is inside the card's protection, or sealed by whoever implements this.
pub trait Nvm {
    /// Reads from this place on, within [`NVM_LEN`].
    ///
    /// # Errors
    /// The memory failed.
    fn read(&self, at: usize, into: &mut [u8]) -> Result<(), NvmError>;

    /// Writes from this place on, within [`NVM_LEN`], and returns when it is durable. A power cut during the call may
    /// leave anything in the bytes that were to be written, and changes no others.
    ///
    /// # Errors
    /// The memory failed: the bytes may be anything, as after a power cut.
    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<(), NvmError>;
}

/// The memory failed. The card answers nothing more until it is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NvmError;

impl core::fmt::Display for NvmError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the card's memory failed")
    }
}

impl core::error::Error for NvmError {}
