//! What a file may have at most, each with its reason.

/// Bytes of a file: [`MAX_DEVICES`] in PSKC, encrypted and indented, take under 150 MB.
pub const MAX_FILE: usize = 256 * 1024 * 1024;

/// Devices of a file, as many as one import takes.
pub const MAX_DEVICES: usize = 100_000;

/// Elements within one another; RFC 6030 needs 9.
pub const MAX_DEPTH: usize = 24;

/// Attributes of one element, namespaces included; RFC 6030 needs 6.
pub const MAX_ATTRIBUTES: usize = 24;

/// Elements of one key package, or of one part of the head; RFC 6030 needs 60.
pub const MAX_ELEMENTS: usize = 256;

/// Characters of the texts and attributes of one key package: a key with its ciphertext and names has under 2 KiB.
pub const MAX_TEXT: usize = 32 * 1024;

/// Rounds of PBKDF2 at least: what RFC 8018 asks for, and what RFC 6030's own example has. Fewer protect nothing.
pub const MIN_ROUNDS: u32 = 1_000;

/// Rounds of PBKDF2 at most: some seconds of one core. A file with more is made to keep us busy.
pub const MAX_ROUNDS: u32 = 10_000_000;

/// Rounds of PBKDF2 of a file that is written, with HMAC-SHA256: about a quarter of a second.
pub const ROUNDS: u32 = 600_000;

/// Bytes of a salt: fewer than 8 let one table serve for many files; more than 1,024 is no salt.
pub const SALT_LENGTHS: std::ops::RangeInclusive<usize> = 8..=1_024;

/// Bytes of a salt that is written.
pub const SALT_LEN: usize = 16;

/// Bytes of a label, which the server has a limit for too.
pub const MAX_LABEL_LEN: usize = 64;

/// Bytes of a user's name, likewise.
pub const MAX_USER_LEN: usize = 128;

/// Bytes of a line of CSV: its four columns take under 400.
pub const MAX_LINE: usize = 8 * 1024;
