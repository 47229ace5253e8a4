//! The few pieces of deterministic CBOR (RFC 8949 §4.2.1) that a stored account is written in. Writing to memory cannot
//! fail, so nothing here does.

use alloc::vec::Vec;

use zeroize::Zeroizing;

/// Writes CBOR into memory that is wiped when it is dropped.
pub(super) struct Writer {
    out: Zeroizing<Vec<u8>>,
    /// What is only counted.
    counted: Option<usize>,
}

impl Writer {
    /// Writes twice: first to count the bytes, then into memory of just that length. Memory that is outgrown is not wiped,
    /// and a card has none to spare.
    pub(super) fn write(content: impl Fn(&mut Self)) -> Zeroizing<Vec<u8>> {
        let mut counting = Self { out: Zeroizing::default(), counted: Some(0) };
        content(&mut counting);
        let length = counting.counted.unwrap_or_default();
        let mut writing = Self { out: Zeroizing::new(Vec::with_capacity(length)), counted: None };
        content(&mut writing);
        writing.out
    }

    pub(super) fn number(&mut self, number: u64) {
        self.head(0, number);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.head(2, bytes.len() as u64);
        self.put(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.head(3, text.len() as u64);
        self.put(text.as_bytes());
    }

    /// The head of an array of `length` items, which follow.
    pub(super) fn array(&mut self, length: usize) {
        self.head(4, length as u64);
    }

    /// The head of a map of `length` pairs, which follow in the order of their keys.
    pub(super) fn map(&mut self, length: usize) {
        self.head(5, length as u64);
    }

    pub(super) fn boolean(&mut self, value: bool) {
        self.put(&[if value { 0xf5 } else { 0xf4 }]);
    }

    pub(super) fn null(&mut self) {
        self.put(&[0xf6]);
    }

    fn put(&mut self, bytes: &[u8]) {
        match &mut self.counted {
            Some(counted) => *counted += bytes.len(),
            None => self.out.extend_from_slice(bytes),
        }
    }

    /// A head in its shortest form.
    fn head(&mut self, major: u8, argument: u64) {
        let [.., e, f, g, h] = argument.to_be_bytes();
        let major = major << 5;
        match argument {
            0..=23 => self.put(&[major | h]),
            24..=0xff => self.put(&[major | 24, h]),
            0x100..=0xffff => self.put(&[major | 25, g, h]),
            0x1_0000..=0xffff_ffff => self.put(&[major | 26, e, f, g, h]),
            0x1_0000_0000.. => {
                self.put(&[major | 27]);
                self.put(&argument.to_be_bytes());
            }
        }
    }
}
