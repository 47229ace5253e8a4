//! A card's memory in a file.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use matchbook_card::{NVM_LEN, Nvm, NvmError};

/// What such a file begins with.
const MAGIC: &[u8; 16] = b"Matchbook card 1";

/// A card's memory in a file of mode 0600: its keys, PINs and codes in clear. One program has it at a time.
#[derive(Debug)]
pub struct CardFile {
    file: File,
}

/// The file cannot be a card's memory.
#[derive(Debug)]
pub enum CardFileError {
    /// It cannot be opened, made or read.
    Io(PathBuf, io::Error),
    /// It is some other file.
    NotACard(PathBuf),
    /// Another program has the card.
    InUse(PathBuf),
}

impl CardFile {
    /// Opens a card; makes a new one where there is no file.
    ///
    /// # Errors
    /// See [`CardFileError`].
    pub fn open(path: &Path) -> Result<Self, CardFileError> {
        let failed = |error| CardFileError::Io(path.to_owned(), error);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CardFileError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let whole = MAGIC.len() + NVM_LEN;
        let length = file.metadata().map_err(failed)?.len();
        if length == 0 {
            let mut new = MAGIC.to_vec();
            new.resize(whole, 0xFF);
            file.write_all_at(&new, 0).and_then(|()| file.sync_all()).map_err(failed)?;
            return Ok(Self { file });
        }
        let mut magic = [0; MAGIC.len()];
        let read = file.read_exact_at(&mut magic, 0);
        if usize::try_from(length).ok() != Some(whole) || read.is_err() || magic != *MAGIC {
            return Err(CardFileError::NotACard(path.to_owned()));
        }
        Ok(Self { file })
    }
}

impl Nvm for CardFile {
    fn read(&self, at: usize, into: &mut [u8]) -> Result<(), NvmError> {
        self.file.read_exact_at(into, place(at)?).map_err(|_| NvmError)
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<(), NvmError> {
        self.file.write_all_at(bytes, place(at)?).and_then(|()| self.file.sync_data()).map_err(|_| NvmError)
    }
}

impl fmt::Display for CardFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) if error.kind() == ErrorKind::NotFound => {
                write!(f, "cannot make the card {}: its folder is not there", path.display())
            }
            Self::Io(path, error) => write!(f, "cannot open the card {}: {error}", path.display()),
            Self::NotACard(path) => write!(f, "{} is no card, and is not overwritten", path.display()),
            Self::InUse(path) => write!(f, "the card {} is in a reader already", path.display()),
        }
    }
}

impl std::error::Error for CardFileError {}

fn place(at: usize) -> Result<u64, NvmError> {
    u64::try_from(MAGIC.len() + at).map_err(|_| NvmError)
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
