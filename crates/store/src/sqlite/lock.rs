//! One server on a store: an exclusive lock on a file beside the database. The system lets go of it when the process
//! ends, however it ends.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::{io, process};

use super::open::OpenError;
use super::{files, sentence};

/// The held lock; dropping it lets go.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// The lock file of a database: its name and `.lock`.
pub(super) fn path_of(database: &Path) -> PathBuf {
    files::beside(database, ".lock")
}

impl Lock {
    /// Takes the lock, or says who has it.
    pub(super) fn take(database: &Path) -> Result<Self, OpenError> {
        // By whatever name a server finds the file, there is one lock. One that is yet to be made has no other name.
        let path = path_of(&database.canonicalize().unwrap_or_else(|_| database.to_path_buf()));
        let mut file =
            files::private().read(true).write(true).create(true).truncate(false).open(&path).map_err(|error| {
                match error.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        OpenError::Full(sentence::of_io(&path, &error))
                    }
                    _ => OpenError::Unwritable(sentence::of_io(database, &error)),
                }
            })?;
        match file.try_lock() {
            Ok(()) => {
                // The number is for people who wonder who holds the lock; the lock holds without it.
                let _ = note_process(&mut file);
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(in_use(database, &mut file))),
            Err(TryLockError::Error(error)) => Err(OpenError::Unavailable(format!(
                "{} cannot be locked ({error}): keep the store on a local disk, not on a network share",
                path.display()
            ))),
        }
    }
}

fn note_process(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", process::id())
}

fn in_use(database: &Path, file: &mut File) -> String {
    let mut holder = String::new();
    let known = file.take(20).read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
    let who = if known { format!("process {}", holder.trim()) } else { "another process".to_owned() };
    format!(
        "{} is in use by {who}: only one process may work on a store at a time; stop that one first",
        database.display()
    )
}
