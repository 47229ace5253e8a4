//! What went wrong, as one sentence that says what to do next.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use super::rows::ReadError;
use crate::LoadError;

/// What kind of trouble an error of SQLite is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No room on the disk.
    Full,
    /// The file or its folder cannot be written or opened.
    Unwritable,
    /// Another program holds the database locked.
    Busy,
    /// The bytes make no sense.
    Damaged,
    /// It is no SQLite database at all.
    NotADatabase,
    /// The operating system failed to read or write.
    Disk,
    /// Anything else.
    Other,
}

pub(super) fn trouble(error: &rusqlite::Error) -> Trouble {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Trouble::Full,
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Trouble::Unwritable,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            Trouble::Busy
        }
        Some(ErrorCode::DatabaseCorrupt) => Trouble::Damaged,
        Some(ErrorCode::NotADatabase) => Trouble::NotADatabase,
        Some(ErrorCode::SystemIoFailure) => Trouble::Disk,
        Some(_) | None => Trouble::Other,
    }
}

/// The sentence for an error of SQLite.
pub(super) fn of_sqlite(path: &Path, error: &rusqlite::Error) -> String {
    let at = path.display();
    match trouble(error) {
        Trouble::Full => {
            format!("the disk that holds {at} is full: free some space; nothing that was confirmed is lost")
        }
        Trouble::Unwritable => {
            format!("{at} cannot be written ({error}): make it and its folder writable for the user who runs this")
        }
        Trouble::Busy => {
            format!("another program holds {at} locked ({error}): end that program, such as an open sqlite3 shell")
        }
        Trouble::Damaged => damaged(path, &error.to_string()),
        Trouble::NotADatabase => not_a_database(path),
        Trouble::Disk => {
            format!("reading or writing {at} failed ({error}): look for disk errors in the system's log, then restart")
        }
        Trouble::Other => format!("SQLite refused to work on {at} ({error}): please report this"),
    }
}

/// The sentence for an error of the operating system.
pub(super) fn of_io(path: &Path, error: &io::Error) -> String {
    let at = path.display();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("the disk that holds {at} is full: free some space")
        }
        io::ErrorKind::NotFound => format!("the folder of {at} does not exist: make it first"),
        io::ErrorKind::NotADirectory => {
            format!("{at} cannot be there, because a part of the path is a file, not a folder")
        }
        _ => format!("{at} cannot be written ({error}): make it and its folder writable for the user who runs this"),
    }
}

/// The sentence for damage.
pub(super) fn damaged(path: &Path, what: &str) -> String {
    format!(
        "{} is damaged ({what}): stop the server, keep a copy of the file, and put the newest backup back with \
         `matchbook store restore`",
        path.display()
    )
}

pub(super) fn not_a_database(path: &Path) -> String {
    format!(
        "{} is no database of Matchbook: name the right file, or put the newest backup back with `matchbook store \
         restore`",
        path.display()
    )
}

/// A failed read, for the caller of the store.
pub(super) fn of_read(path: &Path, error: ReadError) -> LoadError {
    match error {
        ReadError::Damaged(what) => LoadError::Damaged(damaged(path, &what)),
        ReadError::Sqlite(error) => match trouble(&error) {
            Trouble::Damaged | Trouble::NotADatabase => LoadError::Damaged(damaged(path, &error.to_string())),
            Trouble::Full | Trouble::Unwritable | Trouble::Busy | Trouble::Disk | Trouble::Other => {
                LoadError::Unavailable(of_sqlite(path, &error))
            }
        },
    }
}
