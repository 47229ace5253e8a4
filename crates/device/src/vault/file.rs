//! The vault that is one file, sealed under a passphrase.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::format::{self, FormatError, MAX_CONTENT_LEN, MAX_FILE_LEN, SealedVault};
use super::key::{KdfCost, SALT_LEN, VaultKey};
use super::lock::VaultLock;
use super::replace::{create_folder, replace};
use super::{Damage, OpenError, StoreError, Vault};

/// One file, sealed by AES-256-GCM under a key that Argon2id derives from a passphrase.
///
/// The key is derived once, when the vault is opened, and wiped when it is dropped. Every write has a fresh random
/// nonce and replaces the file whole, mode 0600. A lock on a file beside it (`….lock`, which stays) keeps a second
/// process out while the vault is open for writing.
pub struct FileVault {
    path: PathBuf,
    key: VaultKey,
    access: Access,
}

/// What this process may do with the file.
enum Access {
    /// Opened for reading alone.
    Reading,
    /// Nobody else writes.
    Locked {
        /// Held until it is dropped.
        _lock: VaultLock,
    },
    /// Another process may write.
    Released,
}

impl FileVault {
    /// Makes a new, empty vault, and the folders above it where they are missing.
    ///
    /// `passphrase`: UTF-8 or any bytes, at least one.
    ///
    /// # Errors
    /// There is a file already, the passphrase is empty, or the folder cannot be written.
    pub fn create(path: &Path, passphrase: &[u8]) -> Result<Self, OpenError> {
        if passphrase.is_empty() {
            return Err(OpenError::EmptyPassphrase);
        }
        create_folder(path).map_err(|cause| OpenError::Unwritable(StoreError::from_io(path, cause)))?;
        let lock = VaultLock::take(path, Duration::ZERO)?;
        if fs::symlink_metadata(path).is_ok() {
            return Err(OpenError::AlreadyThere { path: path.to_path_buf() });
        }
        let mut salt = [0_u8; SALT_LEN];
        getrandom::fill(&mut salt).map_err(|_| OpenError::Unwritable(StoreError::Sealing))?;
        let key =
            VaultKey::derive(passphrase, salt, KdfCost::DEFAULT).ok_or(OpenError::Unwritable(StoreError::Sealing))?;
        let mut vault = Self { path: path.to_path_buf(), key, access: Access::Locked { _lock: lock } };
        vault.store(&[]).map_err(OpenError::Unwritable)?;
        Ok(vault)
    }

    /// Opens a vault for reading and writing. `patience` is how long to wait for another process that has it open;
    /// [`Duration::ZERO`] asks once.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing is changed by any of them.
    pub fn open(path: &Path, passphrase: &[u8], patience: Duration) -> Result<Self, OpenError> {
        // The vault itself and not a link to it: a write replaces what is at the path.
        let path = fs::canonicalize(path).map_err(|cause| unreadable(path, cause))?;
        let lock = VaultLock::take(&path, patience)?;
        Self::open_with(path, passphrase, Access::Locked { _lock: lock })
    }

    /// Opens a vault for reading alone, also while another process has it open. What it reads is a state that was
    /// whole, and may be an older one a moment later.
    ///
    /// # Errors
    /// As [`FileVault::open`], without those of the lock.
    pub fn open_read_only(path: &Path, passphrase: &[u8]) -> Result<Self, OpenError> {
        Self::open_with(path.to_path_buf(), passphrase, Access::Reading)
    }

    /// Where the vault is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn open_with(path: PathBuf, passphrase: &[u8], access: Access) -> Result<Self, OpenError> {
        let bytes = read_file(&path)?;
        let sealed = parse(&path, &bytes)?;
        let key = VaultKey::derive(passphrase, sealed.salt, sealed.cost)
            .ok_or_else(|| OpenError::Damaged { path: path.clone(), damage: Damage::Header })?;
        if sealed.open(&key).is_none() {
            return Err(OpenError::WrongPassphrase { path });
        }
        Ok(Self { path, key, access })
    }
}

impl Vault for FileVault {
    fn load(&mut self) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let bytes = read_file(&self.path)?;
        parse(&self.path, &bytes)?.open(&self.key).ok_or_else(|| OpenError::WrongPassphrase { path: self.path.clone() })
    }

    fn store(&mut self, content: &[u8]) -> Result<(), StoreError> {
        match self.access {
            Access::Locked { .. } => {}
            Access::Reading | Access::Released => return Err(StoreError::ReadOnly),
        }
        if content.len() > MAX_CONTENT_LEN {
            return Err(StoreError::TooLarge);
        }
        let mut nonce = [0_u8; 12];
        getrandom::fill(&mut nonce).map_err(|_| StoreError::Sealing)?;
        let file = format::seal(&self.key, nonce, content).ok_or(StoreError::Sealing)?;
        replace(&self.path, &file).map_err(|cause| StoreError::from_io(&self.path, cause))
    }

    fn release(&mut self) {
        match self.access {
            Access::Locked { .. } => self.access = Access::Released,
            Access::Reading | Access::Released => {}
        }
    }

    fn retake(&mut self) -> Result<bool, OpenError> {
        match self.access {
            Access::Locked { .. } => Ok(true),
            Access::Reading => Ok(false),
            Access::Released => match VaultLock::take(&self.path, Duration::ZERO) {
                Ok(lock) => {
                    self.access = Access::Locked { _lock: lock };
                    Ok(true)
                }
                Err(OpenError::Locked { .. }) => Ok(false),
                Err(error) => Err(error),
            },
        }
    }
}

impl fmt::Debug for FileVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileVault").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The file's bytes, at most one more than the longest vault: the form's check says that it is overlong.
fn read_file(path: &Path) -> Result<Vec<u8>, OpenError> {
    let file = File::open(path).map_err(|cause| unreadable(path, cause))?;
    let limit = u64::try_from(MAX_FILE_LEN).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(|cause| unreadable(path, cause))?;
    Ok(bytes)
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<SealedVault<'a>, OpenError> {
    SealedVault::parse(bytes).map_err(|error| {
        let path = path.to_path_buf();
        match error {
            FormatError::NotAVault => OpenError::NotAVault { path },
            FormatError::NewerVersion(version) => OpenError::NewerVersion { path, version },
            FormatError::Damaged(damage) => OpenError::Damaged { path, damage },
        }
    })
}

fn unreadable(path: &Path, cause: io::Error) -> OpenError {
    let path = path.to_path_buf();
    match cause.kind() {
        io::ErrorKind::NotFound => OpenError::Missing { path },
        _ => OpenError::Unreadable { path, cause },
    }
}
