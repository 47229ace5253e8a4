//! Codes: what a person reads off a device and types in, and how a whole set of them is packed into few bytes (§5).

mod alphabet;
mod code;
mod draw;
mod format;
mod packing;
mod set;

pub use alphabet::Alphabet;
pub use code::{Code, CodeError};
pub use format::{CodeFormat, FormatError, MAX_DIGITS, MIN_DIGITS};
pub use packing::{UnpackError, largest_set, pack, packed_len, unpack};
pub use set::{CodeSet, MAX_SET_CODES, SetError};

#[cfg(test)]
mod tests;
