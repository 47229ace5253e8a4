//! Files of keys from a factory, read and written: PSKC (RFC 6030) and CSV. Bytes in, devices out: no I/O, no clock, no
//! random source of its own.
//!
//! A file comes from somebody else. Whatever is in it costs a bounded amount of memory and time (see [`limits`]), and no
//! key is taken from it before the MAC over its ciphertext was found right. `docs/reference/factory-keys.md` says which
//! element or column holds what.

mod crypto;
mod decide;
mod device;
mod element;
mod error;
mod export;
pub mod limits;
mod method;
mod name;
mod package;
mod read;
mod table;

pub use device::{Device, File, Format, Row};
pub use error::FileError;
pub use export::{Protection, write};
pub use method::Secrecy;
pub use read::{Unlock, secrecy};

/// What kind of file it is, by its first character: XML is PSKC, anything else CSV.
#[must_use]
pub fn detect(bytes: &[u8]) -> Format {
    let begin = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match begin.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'<') => Format::Pskc,
        Some(_) | None => Format::Csv,
    }
}

/// Reads a whole file. Each device or the reason why it is none stands in a row of its own.
///
/// # Errors
/// [`FileError`]: the file as a whole is not one that can be taken.
pub fn read(bytes: &[u8], format: Format, unlock: &Unlock<'_>) -> Result<File, FileError> {
    let mut file = match format {
        Format::Pskc => read::read(bytes, unlock)?,
        Format::Csv => table::read(bytes)?,
    };
    decide::find_doubles(&mut file.rows);
    Ok(file)
}
