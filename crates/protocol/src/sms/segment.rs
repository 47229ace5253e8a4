//! One short message's user data.

use alloc::string::String;
use alloc::vec::Vec;

/// How a bearer carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// As 8-bit data behind a port header.
    Binary,
    /// As standard base64 in a text message, for gateways without binary.
    Text,
}

impl Form {
    /// The longest message, in bytes, that one short message carries.
    #[must_use]
    pub const fn budget(self) -> usize {
        match self {
            Self::Binary => 133,
            Self::Text => 120,
        }
    }
}

/// One short message's user data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The user data header with its length octet; empty for none.
    pub header: Vec<u8>,
    /// What stands behind it.
    pub body: Body,
}

/// What a segment carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// 8-bit data.
    Data(Vec<u8>),
    /// Text of the GSM 7-bit default alphabet.
    Text(String),
}
