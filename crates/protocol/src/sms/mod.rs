//! Short messages (3GPP TS 23.040): how a sealed message travels in one or a few of them.

mod address;
mod segment;

pub use address::{Address, AddressError, MAX_ADDRESS_DIGITS};
pub use segment::{Body, Form, Segment};

/// The application port that binary messages are addressed to and come from (TS 23.040 §9.2.3.24.4).
pub const PORT: u16 = 16_020;
