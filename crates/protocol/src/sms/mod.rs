//! Short messages (§8.3; 3GPP TS 23.040 and TS 23.038): how a sealed message travels in one or a few of them.
//!
//! On the way out, [`segments`] splits a message in its compressed form into the user data of short messages. On the way
//! in, a [`Reassembler`] takes them in any order and gives the message back. [`tpdu`] is what a modem or a network node
//! exchanges; a message centre's protocol (SMPP) or a gateway takes the segments themselves.
//!
//! ```
//! use matchbook_protocol::UnixMillis;
//! use matchbook_protocol::sms::{Address, Form, Limits, Reassembler, segments};
//!
//! let message = vec![0x21; 200];
//! let server: Address = "16020".parse()?;
//! let mut reassembler = Reassembler::new(Limits::default());
//! let mut parts = segments(&message, Form::Binary, 7)?;
//! assert_eq!(parts.len(), 2);
//! parts.reverse();
//! assert_eq!(reassembler.accept(&server, &parts[0], UnixMillis(0))?, None);
//! assert_eq!(reassembler.accept(&server, &parts[1], UnixMillis(0))?, Some(message));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod base64;
mod header;
mod reassembly;
mod segment;
mod septets;
mod uri;

pub mod alphabet;
pub mod tpdu;

pub use address::{Address, AddressError, MAX_ADDRESS_DIGITS, MAX_NAME_SEPTETS};
pub use header::{Concatenation, HeaderError, Ports, Reference, UserDataHeader};
pub use reassembly::{Limits, Reassembler, SmsError};
pub use segment::{
    Body, Form, MAX_MESSAGE_LEN, MAX_SEGMENTS, Segment, SegmentError, USER_DATA_OCTETS, USER_DATA_SEPTETS,
    segment_count, segments,
};
pub use uri::{server_number, server_text};

/// The application port that binary messages are addressed to and come from (TS 23.040 §9.2.3.24.4).
pub const PORT: u16 = 16_020;
