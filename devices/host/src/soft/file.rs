//! A card's memory in a file.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use matchbook_card::{NVM_LEN, Nvm, NvmError};

/// What such a file begins with.
const MAGIC: &[u8; 16] = b"Matchbook card 1";
/// Bits of a mode that let other users in.
const OTHERS: u32 = 0o077;

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
    /// Other users may read or write it.
    Open(PathBuf),
    /// Another program has the card.
    InUse(PathBuf),
}

impl CardFile {
    /// Opens a card; `None`: there is no file. An empty file is a new card.
    ///
    /// # Errors
    /// See [`CardFileError`].
    pub fn open(path: &Path) -> Result<Option<Self>, CardFileError> {
        let failed = |error| CardFileError::Io(path.to_owned(), error);
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(CardFileError::NotACard(path.to_owned()));
        }
        let card = Self::lock(file, path)?;
        let whole = MAGIC.len() + NVM_LEN;
        let mut magic = [0; MAGIC.len()];
        let is_empty = metadata.len() == 0;
        if !is_empty {
            let read = card.file.read_exact_at(&mut magic, 0);
            if usize::try_from(metadata.len()).ok() != Some(whole) || read.is_err() || magic != *MAGIC {
                return Err(CardFileError::NotACard(path.to_owned()));
            }
        }
        if metadata.mode() & OTHERS != 0 {
            return Err(CardFileError::Open(path.to_owned()));
        }
        if is_empty {
            card.write_new(path).map_err(failed)?;
        }
        Ok(Some(card))
    }

    /// Makes a new card, in a file that is not there yet.
    ///
    /// # Errors
    /// See [`CardFileError`].
    pub fn create(path: &Path) -> Result<Self, CardFileError> {
        let failed = |error| CardFileError::Io(path.to_owned(), error);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
        let card = Self::lock(file.map_err(failed)?, path)?;
        card.write_new(path).map_err(failed)?;
        Ok(card)
    }

    fn lock(file: File, path: &Path) -> Result<Self, CardFileError> {
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(CardFileError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(CardFileError::Io(path.to_owned(), error)),
        }
    }

    fn write_new(&self, path: &Path) -> io::Result<()> {
        let mut new = MAGIC.to_vec();
        new.resize(MAGIC.len() + NVM_LEN, 0xFF);
        self.file.write_all_at(&new, 0)?;
        self.file.sync_all()?;
        // Its name is stored too, before the card says that it stored anything.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        File::open(folder)?.sync_all()
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
            Self::Open(path) => {
                write!(f, "other users can open the card {0}, and its keys; run `chmod 600 {0}`", path.display())
            }
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
