//! The card in software: its memory in a file, and a place in the virtual reader.
//!
//! It is the same application as on a card of plastic, and no more secret than the file: whoever reads that has the keys.

mod file;
mod vpcd;

pub use file::{CardFile, CardFileError};
pub use vpcd::{DEFAULT_PORT, Insert, InsertError, Slot};
