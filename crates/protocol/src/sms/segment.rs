//! One short message's user data, and how a message is cut into several.

use alloc::string::String;
use alloc::vec::Vec;

use super::base64;
use super::header::{Concatenation, Ports, Reference, UserDataHeader};
use super::{PORT, septets};
use crate::named::named_errors;
use crate::profile::{Delivery, Profile, Suite};
use crate::wire::{MAX_SET_LEN, set_overhead};

/// Octets of user data in one short message (TS 23.040 §9.2.3.24).
pub const USER_DATA_OCTETS: usize = 140;
/// Characters of the GSM 7-bit default alphabet that these octets hold.
pub const USER_DATA_SEPTETS: usize = 8 * USER_DATA_OCTETS / septets::SEPTET_BITS;

/// The longest message that travels by SMS, in bytes: a SET-PK with P-256 and 250 codes of 12 base-32 symbols. Suite 4
/// stays off SMS.
pub const MAX_MESSAGE_LEN: usize = match Profile::new(Suite::P256, Delivery::PublicKey) {
    Ok(profile) => set_overhead(profile) + MAX_SET_LEN,
    Err(_) => 0,
};

/// The most parts of one message: [`MAX_MESSAGE_LEN`] in the text form.
pub const MAX_SEGMENTS: usize = MAX_MESSAGE_LEN.div_ceil(Form::Text.part_budget());

/// How a bearer carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// As 8-bit data behind a port header.
    Binary,
    /// As standard base64 in a text message, for gateways without binary.
    Text,
}

impl Form {
    /// The longest message, in bytes, that one short message carries: 133 and 120.
    #[must_use]
    pub const fn budget(self) -> usize {
        match self {
            Self::Binary => USER_DATA_OCTETS - PORT_HEADER_LEN,
            Self::Text => base64::bytes_in(USER_DATA_SEPTETS),
        }
    }

    /// How many bytes of a longer message one part carries: 128 and 114.
    #[must_use]
    pub const fn part_budget(self) -> usize {
        match self {
            Self::Binary => USER_DATA_OCTETS - PORT_HEADER_LEN - PART_ELEMENT_LEN,
            Self::Text => base64::bytes_in(USER_DATA_SEPTETS - septets::covering(1 + PART_ELEMENT_LEN)),
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

named_errors! {
    /// Why a message is not cut into short messages.
    pub enum SegmentError {
        /// There is nothing to send.
        Empty = "empty": "there is no message to send",
        /// More than [`MAX_SEGMENTS`] parts, or longer than [`MAX_MESSAGE_LEN`].
        TooLong = "too-long": "the message is too long for SMS: use a smaller set, or another bearer",
    }
}

/// How many short messages carry a message of `length` bytes: 1 up to [`Form::budget`], then one for each
/// [`Form::part_budget`].
#[must_use]
pub const fn segment_count(length: usize, form: Form) -> usize {
    if length <= form.budget() { 1 } else { length.div_ceil(form.part_budget()) }
}

/// Cuts a sealed message in its compressed form into short messages. One that fits has no concatenation. `reference`
/// ties the parts of a longer one together: whoever sends the same bytes again with the same reference gives the parts
/// that came the first time a second chance.
///
/// # Errors
/// See [`SegmentError`].
pub fn segments(message: &[u8], form: Form, reference: u8) -> Result<Vec<Segment>, SegmentError> {
    if message.is_empty() {
        return Err(SegmentError::Empty);
    }
    if message.len() > MAX_MESSAGE_LEN {
        return Err(SegmentError::TooLong);
    }
    let total = segment_count(message.len(), form);
    if total == 1 {
        return Ok(alloc::vec![segment(message, form, None)]);
    }
    let total = u8::try_from(total).map_err(|_| SegmentError::TooLong)?;
    let parts = (1..=total).zip(message.chunks(form.part_budget()));
    let concatenation = |number| Concatenation { reference: Reference::Short(reference), total, number };
    Ok(parts.map(|(number, part)| segment(part, form, Some(concatenation(number)))).collect())
}

fn segment(part: &[u8], form: Form, concatenation: Option<Concatenation>) -> Segment {
    let (ports, body) = match form {
        Form::Binary => (Some(Ports { destination: PORT, origin: PORT }), Body::Data(part.into())),
        Form::Text => (None, Body::Text(base64::encode(part))),
    };
    Segment { header: UserDataHeader { ports, concatenation }.encode(), body }
}

/// Length octet, and the 16-bit ports' element.
const PORT_HEADER_LEN: usize = 1 + 6;
/// The element of a part, with a reference of 8 bits.
const PART_ELEMENT_LEN: usize = 5;

#[cfg(test)]
mod tests;
