//! Transfer protocol data units (TS 23.040 §9.2): what a modem and a network exchange, without the service centre's
//! address that stands before them in a modem's PDU mode.
//!
//! Written the one plain way; read as tolerantly as the standard asks where it costs nothing, and refused otherwise.

mod address;
mod coding;
mod deliver;
mod reader;
mod status_report;
mod submit;
mod timestamp;
mod user_data;
mod validity;

pub use deliver::Deliver;
pub use status_report::StatusReport;
pub use submit::Submit;
pub use timestamp::Timestamp;
pub use validity::MAX_VALIDITY_MINUTES;

use crate::named::named_errors;

named_errors! {
    /// The bytes are no TPDU of the kind, or the content fits none.
    pub enum TpduError {
        /// The bytes end too early.
        TooShort = "too-short": "the TPDU is cut short",
        /// Bytes follow the user data.
        TrailingBytes = "trailing-bytes": "bytes follow the TPDU",
        /// Another kind of TPDU.
        Kind = "kind": "the TPDU is of another kind",
        /// An address that is none, or a name where a number has to stand.
        Address = "address": "the TPDU's address is none, or a name where a number has to stand",
        /// Compressed, or in UCS-2: this protocol uses neither.
        Coding = "coding": "the short message is in a coding that this protocol does not use",
        /// A user data header that does not fit.
        Header = "header": "the user data header has another length than it says",
        /// More user data than 140 octets.
        TooLong = "too-long": "a short message has at most 140 octets or 160 characters",
        /// A character that the GSM 7-bit default alphabet does not have.
        Character = "character": "the text has a character that a short message does not have",
    }
}

/// Message type indicator, bits 1–0 of the first octet (§9.2.3.1).
const KIND_BITS: u8 = 0b11;
const DELIVER: u8 = 0b00;
const SUBMIT: u8 = 0b01;
const STATUS_REPORT: u8 = 0b10;
/// No more messages wait (§9.2.3.2).
const NO_MORE_MESSAGES: u8 = 0x04;
/// A status report is wanted (§9.2.3.5).
const REPORT_WANTED: u8 = 0x20;
/// A user data header is there (§9.2.3.23).
const HAS_HEADER: u8 = 0x40;

#[cfg(test)]
mod tests;
