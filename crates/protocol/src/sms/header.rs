//! The user data header (TS 23.040 §9.2.3.24): which part of which message this is, and which application it is for.

use alloc::vec::Vec;

use crate::named::named_errors;

/// What this protocol needs to know of a user data header. Elements of other kinds are skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserDataHeader {
    /// The application ports; none when the message is for whoever reads it.
    pub ports: Option<Ports>,
    /// The part that this is; none when the message is whole.
    pub concatenation: Option<Concatenation>,
}

/// Application ports (TS 23.040 §9.2.3.24.3 and .4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The application that the message is for.
    pub destination: u16,
    /// The application that it comes from.
    pub origin: u16,
}

/// A part of a message in several (TS 23.040 §9.2.3.24.1 and .8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concatenation {
    /// The same in all parts of one message.
    pub reference: Reference,
    /// How many parts there are, from 1.
    pub total: u8,
    /// Which one this is, from 1 to `total`.
    pub number: u8,
}

/// A concatenation's reference. The two widths are different numbers, whatever their value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// Of 8 bits, as this crate writes it.
    Short(u8),
    /// Of 16 bits.
    Long(u16),
}

named_errors! {
    /// The bytes are no user data header.
    pub enum HeaderError {
        /// The length octet, or that of an element, does not fit what follows.
        Length = "header-length": "the user data header has another length than it says",
        /// An element of a kind that has one length has another one.
        Element = "header-element": "an element of the user data header has a length that its kind does not have",
        /// Part 0, part 3 of 2, or no parts at all.
        Part = "header-part": "the user data header names a part that the message cannot have",
    }
}

impl UserDataHeader {
    /// Reads a whole header, its length octet first. Of a kind of element that stands there twice, and of the two widths
    /// of one kind, the last one counts, as the standard says. Stricter than the standard, which passes over what is
    /// malformed: a part whose number is unreadable must not be taken for a whole message.
    ///
    /// # Errors
    /// See [`HeaderError`].
    pub fn decode(header: &[u8]) -> Result<Self, HeaderError> {
        let mut read = Self::default();
        let Some((length, mut rest)) = header.split_first() else { return Ok(read) };
        if usize::from(*length) != rest.len() {
            return Err(HeaderError::Length);
        }
        while let Some((kind, after)) = rest.split_first() {
            let (length, after) = after.split_first().ok_or(HeaderError::Length)?;
            let (value, after) = after.split_at_checked(usize::from(*length)).ok_or(HeaderError::Length)?;
            read.take(*kind, value)?;
            rest = after;
        }
        Ok(read)
    }

    /// Writes the header, its length octet first; nothing when it is empty. Ports are written with 16 bits.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut elements = Vec::new();
        if let Some(Ports { destination, origin }) = self.ports {
            let ([a, b], [c, d]) = (destination.to_be_bytes(), origin.to_be_bytes());
            elements.extend([PORTS_LONG, 4, a, b, c, d]);
        }
        if let Some(Concatenation { reference, total, number }) = self.concatenation {
            match reference {
                Reference::Short(reference) => elements.extend([PART_SHORT, 3, reference, total, number]),
                Reference::Long(reference) => {
                    let [a, b] = reference.to_be_bytes();
                    elements.extend([PART_LONG, 4, a, b, total, number]);
                }
            }
        }
        match u8::try_from(elements.len()) {
            Ok(length) if length > 0 => core::iter::once(length).chain(elements).collect(),
            // Twelve octets at the most: never too many for the length octet.
            Ok(_) | Err(_) => Vec::new(),
        }
    }

    fn take(&mut self, kind: u8, value: &[u8]) -> Result<(), HeaderError> {
        match (kind, value) {
            (PART_SHORT, &[reference, total, number]) => {
                self.concatenation = Some(part(Reference::Short(reference), total, number)?);
            }
            (PART_LONG, &[a, b, total, number]) => {
                let reference = Reference::Long(u16::from_be_bytes([a, b]));
                self.concatenation = Some(part(reference, total, number)?);
            }
            (PORTS_SHORT, &[destination, origin]) => {
                self.ports = Some(Ports { destination: destination.into(), origin: origin.into() });
            }
            (PORTS_LONG, &[a, b, c, d]) => {
                let (destination, origin) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                self.ports = Some(Ports { destination, origin });
            }
            (PART_SHORT | PART_LONG | PORTS_SHORT | PORTS_LONG, _) => return Err(HeaderError::Element),
            (_, _) => {}
        }
        Ok(())
    }
}

const PART_SHORT: u8 = 0x00;
const PORTS_SHORT: u8 = 0x04;
const PORTS_LONG: u8 = 0x05;
const PART_LONG: u8 = 0x08;

fn part(reference: Reference, total: u8, number: u8) -> Result<Concatenation, HeaderError> {
    let is_possible = number >= 1 && number <= total;
    if is_possible { Ok(Concatenation { reference, total, number }) } else { Err(HeaderError::Part) }
}

#[cfg(test)]
mod tests;
