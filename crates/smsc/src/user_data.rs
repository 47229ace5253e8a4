//! A short message's user data: as segments here, as esm_class, data_coding and octets in SMPP.

use matchbook_protocol::sms::{Body, Segment, alphabet};

/// The octets of a short message (TS 23.040 §9.2.3.16).
const MAX_OCTETS: usize = 140;

/// The most parts of a message that the centre splits (TS 23.040 §9.2.3.24.1).
const MAX_PARTS: usize = 255;

/// User data as it stands in SMPP.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    /// The header is in front of the text: bit 0x40 of esm_class.
    pub(crate) has_header: bool,
    pub(crate) data_coding: u8,
    pub(crate) octets: Vec<u8>,
}

/// What an ESME says beside the octets, as optional parameters.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// sar_msg_ref_num, sar_total_segments and sar_segment_seqnum.
    pub(crate) concatenation: (Option<u16>, Option<u8>, Option<u8>),
    /// destination_port and source_port.
    pub(crate) ports: (Option<u16>, Option<u16>),
    /// What a message that is split here is known by.
    pub(crate) reference: u8,
}

/// The user data is none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum UserDataError {
    /// The header is cut off.
    Header,
    /// It does not fit, into one short message or into all that may be.
    TooLong,
}

/// Reads what an ESME submitted. More than one part only when `is_payload`: the message_payload parameter holds messages
/// of any length, and the centre splits them.
pub(crate) fn read(raw: &Raw, extras: &Extras, is_payload: bool) -> Result<Vec<Segment>, UserDataError> {
    let (mut header, octets) = split_header(raw)?;
    add_extras(&mut header, extras);
    let coding = Coding::of(raw.data_coding);
    let room = coding.room(header.len()).ok_or(UserDataError::TooLong)?;
    if octets.len() <= room {
        return Ok(vec![Segment { header, body: coding.body(octets) }]);
    }
    if !is_payload {
        return Err(UserDataError::TooLong);
    }
    let room = coding.room(with_element(&header, &[0, 3, 0, 0, 0]).len()).ok_or(UserDataError::TooLong)?;
    let chunks = chunks(octets, room, coding).ok_or(UserDataError::TooLong)?;
    let total = u8::try_from(chunks.len()).map_err(|_| UserDataError::TooLong)?;
    let numbered = (1_u8..).zip(chunks);
    let part = |(number, chunk): (u8, &[u8])| Segment {
        header: with_element(&header, &[CONCATENATION_8, 3, extras.reference, total, number]),
        body: coding.body(chunk),
    };
    Ok(numbered.map(part).collect())
}

/// Writes a segment for an ESME.
pub(crate) fn write(segment: &Segment) -> Raw {
    let (data_coding, body) = match &segment.body {
        Body::Data(octets) => (OCTETS, octets.clone()),
        Body::Text(text) => match alphabet::encode(text) {
            Some(septets) => (DEFAULT_ALPHABET, septets),
            None => (UCS2, text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        },
    };
    let mut octets = segment.header.clone();
    octets.extend(body);
    Raw { has_header: !segment.header.is_empty(), data_coding, octets }
}

/// Whether it is what one short message carries.
pub(crate) fn fits(segment: &Segment) -> bool {
    let raw = write(segment);
    let is_header_whole = segment.header.first().is_none_or(|length| usize::from(*length) + 1 == segment.header.len());
    let room = Coding::of(raw.data_coding).room(segment.header.len());
    is_header_whole && room.is_some_and(|room| raw.octets.len() - segment.header.len() <= room)
}

/// Announces a character of the alphabet's extension.
const ESCAPE: u8 = 0x1b;

const DEFAULT_ALPHABET: u8 = 0;
const OCTETS: u8 = 4;
const UCS2: u8 = 8;

/// Information elements of a header (TS 23.040 §9.2.3.24).
const CONCATENATION_8: u8 = 0x00;
const PORTS_16: u8 = 0x05;
const CONCATENATION_16: u8 = 0x08;

/// What data_coding says about the octets (SMPP 5.0 §4.7.7, TS 23.038 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    /// One octet a septet of the default alphabet.
    Septets,
    Latin1,
    Ucs2,
    Octets,
}

impl Coding {
    fn of(data_coding: u8) -> Self {
        match data_coding {
            // ASCII is sent as it is: its letters and digits are those of the default alphabet.
            0x00 | 0x01 | 0xc0..=0xdf => Self::Septets,
            0x03 => Self::Latin1,
            0x08 | 0xe0..=0xef => Self::Ucs2,
            0xf0..=0xff if data_coding & 0x04 == 0 => Self::Septets,
            _ => Self::Octets,
        }
    }

    /// How many octets of it fit behind a header; `None` when not even the header does.
    fn room(self, header_len: usize) -> Option<usize> {
        let left = MAX_OCTETS.checked_sub(header_len)?;
        Some(match self {
            Self::Septets | Self::Latin1 => left * 8 / 7,
            Self::Ucs2 | Self::Octets => left,
        })
    }

    fn body(self, octets: &[u8]) -> Body {
        match self {
            Self::Septets => Body::Text(alphabet::decode(octets)),
            Self::Latin1 => Body::Text(octets.iter().copied().map(char::from).collect()),
            Self::Ucs2 => {
                let (pairs, _) = octets.as_chunks::<2>();
                let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
                Body::Text(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
            }
            Self::Octets => Body::Data(octets.to_vec()),
        }
    }

    /// Whether a part must not end behind this: a character would be cut.
    fn is_cut_behind(self, chunk: &[u8]) -> bool {
        match (self, chunk) {
            (Self::Septets, [.., last]) => *last == ESCAPE,
            (Self::Ucs2, [.., high, _]) => (0xd8..0xdc).contains(high),
            (Self::Septets | Self::Latin1 | Self::Ucs2 | Self::Octets, _) => false,
        }
    }
}

fn chunks(mut octets: &[u8], room: usize, coding: Coding) -> Option<Vec<&[u8]>> {
    let room = if coding == Coding::Ucs2 { room & !1 } else { room };
    let mut chunks = Vec::new();
    while !octets.is_empty() {
        let whole = octets.get(..room.min(octets.len()))?;
        let step = if coding == Coding::Ucs2 { 2 } else { 1 };
        let cut = whole.len() < octets.len() && coding.is_cut_behind(whole);
        let end = if cut { whole.len().checked_sub(step)? } else { whole.len() };
        let (chunk, rest) = octets.split_at_checked(end)?;
        if chunk.is_empty() || chunks.len() == MAX_PARTS {
            return None;
        }
        chunks.push(chunk);
        octets = rest;
    }
    Some(chunks)
}

/// The header with its length octet, and what is behind it.
fn split_header(raw: &Raw) -> Result<(Vec<u8>, &[u8]), UserDataError> {
    if !raw.has_header {
        return Ok((Vec::new(), &raw.octets));
    }
    let length = raw.octets.first().ok_or(UserDataError::Header)?;
    let (header, octets) = raw.octets.split_at_checked(usize::from(*length) + 1).ok_or(UserDataError::Header)?;
    Ok((header.to_vec(), octets))
}

fn add_extras(header: &mut Vec<u8>, extras: &Extras) {
    if let (Some(reference), Some(total), Some(number)) = extras.concatenation {
        let [high, low] = reference.to_be_bytes();
        *header = with_element(header, &[CONCATENATION_16, 4, high, low, total, number]);
    }
    if let (Some(destination), Some(source)) = extras.ports {
        let ([dh, dl], [sh, sl]) = (destination.to_be_bytes(), source.to_be_bytes());
        *header = with_element(header, &[PORTS_16, 4, dh, dl, sh, sl]);
    }
}

/// A header with one more element at its end.
fn with_element(header: &[u8], element: &[u8]) -> Vec<u8> {
    let elements = header.get(1..).unwrap_or_default();
    // A header of more octets than a short message has is refused by its room.
    let length = u8::try_from(elements.len() + element.len()).unwrap_or(u8::MAX);
    let mut longer = vec![length];
    longer.extend_from_slice(elements);
    longer.extend_from_slice(element);
    longer
}

#[cfg(test)]
#[path = "user_data_tests.rs"]
mod tests;
