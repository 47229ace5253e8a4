//! A device as a library.
pub mod vault;
