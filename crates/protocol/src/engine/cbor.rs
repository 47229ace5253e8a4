//! The few pieces of deterministic CBOR (RFC 8949 §4.2.1) that a stored account is written in. Writing to memory cannot
//! fail, so nothing here does.

use alloc::vec::Vec;

use zeroize::Zeroizing;

/// Writes CBOR into memory that is wiped when it is dropped.
pub(super) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    /// An empty writer. Memory that is outgrown is not wiped, so `capacity` is the most that will be written.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    pub(super) fn number(&mut self, number: u64) {
        self.head(0, number);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.head(2, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.head(3, text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
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
        self.0.push(if value { 0xf5 } else { 0xf4 });
    }

    pub(super) fn null(&mut self) {
        self.0.push(0xf6);
    }

    /// What was written.
    pub(super) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    /// A head in its shortest form.
    fn head(&mut self, major: u8, argument: u64) {
        let [.., e, f, g, h] = argument.to_be_bytes();
        let major = major << 5;
        match argument {
            0..=23 => self.0.push(major | h),
            24..=0xff => self.0.extend_from_slice(&[major | 24, h]),
            0x100..=0xffff => self.0.extend_from_slice(&[major | 25, g, h]),
            0x1_0000..=0xffff_ffff => self.0.extend_from_slice(&[major | 26, e, f, g, h]),
            0x1_0000_0000.. => {
                self.0.push(major | 27);
                self.0.extend_from_slice(&argument.to_be_bytes());
            }
        }
    }
}
