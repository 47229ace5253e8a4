//! One process a vault: an advisory lock on a file beside it.
//!
//! The lock is on a file of its own because the vault itself is replaced at every write. The lock file stays: removing
//! it would let two processes lock two files of the same name.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::replace::{beside, private_file};
use super::{OpenError, StoreError};

/// How often a lock that another process holds is tried again.
const RETRY_EVERY: Duration = Duration::from_millis(25);

/// The lock, held until dropped; the operating system gives it up when the process dies.
#[derive(Debug)]
pub(super) struct VaultLock {
    _file: File,
}

impl VaultLock {
    /// Takes the lock of the vault at `path`, trying for `patience`.
    pub(super) fn take(path: &Path, patience: Duration) -> Result<Self, OpenError> {
        let lock_path = beside(path, ".lock");
        let file = private_file()
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(|cause| OpenError::Unwritable(StoreError::from_io(&lock_path, cause)))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if started.elapsed() < patience => thread::sleep(RETRY_EVERY),
                Err(TryLockError::WouldBlock) => return Err(OpenError::Locked { path: path.to_path_buf() }),
                Err(TryLockError::Error(cause)) => {
                    return Err(OpenError::Unwritable(StoreError::from_io(&lock_path, cause)));
                }
            }
        }
    }
}
