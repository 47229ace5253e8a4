//! Why a vault does not open or cannot be written. Each is one sentence with the next step.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A vault did not open. Nothing was changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no file there.
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A new vault was asked for where there is one.
    AlreadyThere {
        /// The vault that is there.
        path: PathBuf,
    },
    /// The file does not begin as a vault does.
    NotAVault {
        /// The file.
        path: PathBuf,
    },
    /// A later release wrote the file.
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// The version that the file states.
        version: u8,
    },
    /// The file is not what was written.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, as far as it can be told.
        damage: Damage,
    },
    /// The passphrase does not open it.
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// A passphrase of no characters protects nothing.
    EmptyPassphrase,
    /// Another process holds the vault.
    Locked {
        /// The vault.
        path: PathBuf,
    },
    /// The file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        cause: io::Error,
    },
    /// A new vault, its folder or its lock file cannot be written.
    Unwritable(StoreError),
    /// What the vault holds opens but is no content of a wallet.
    Content,
    /// A storage that is not one of this crate's.
    Other(Box<dyn Error + Send + Sync>),
}

/// What is wrong with a file that is no longer what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Shorter than it states, or than any vault.
    Truncated,
    /// Longer than it states, or than any vault.
    Overlong,
    /// The checksum over the whole file does not hold: some bytes were changed.
    Checksum,
    /// The checksum holds, and the header asks for what no release ever wrote (such as gigabytes for the key).
    Header,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "its end is missing",
            Self::Overlong => "something was appended to it",
            Self::Checksum => "bytes of it were changed",
            Self::Header => "its header asks for what no release writes",
        })
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => {
                write!(f, "there is no vault at {}: enrol an authenticator first, or name another path", path.display())
            }
            Self::AlreadyThere { path } => {
                write!(f, "there is a vault at {} already: open it, or name another path", path.display())
            }
            Self::NotAVault { path } => {
                write!(f, "{} is not a vault: name the vault's path; the file was not touched", path.display())
            }
            Self::NewerVersion { path, version } => write!(
                f,
                "the vault {} is of version {version}, which a later release wrote: update this program; the file was \
                 not touched",
                path.display()
            ),
            Self::Damaged { path, damage } => write!(
                f,
                "the vault {} is damaged ({damage}): put a copy from a backup there, or enrol again; the file was not \
                 touched",
                path.display()
            ),
            Self::WrongPassphrase { path } => write!(
                f,
                "the passphrase does not open the vault {}: try again; the file was not touched",
                path.display()
            ),
            Self::EmptyPassphrase => f.write_str("an empty passphrase protects nothing: choose one of several words"),
            Self::Locked { path } => write!(
                f,
                "another process has the vault {} open: wait until it ends, or end it, and try again",
                path.display()
            ),
            Self::Unreadable { path, cause } => write!(
                f,
                "the vault {} cannot be read ({cause}): see who owns it and what its permissions are",
                path.display()
            ),
            Self::Unwritable(error) => error.fmt(f),
            Self::Content => f.write_str(
                "the vault opens, and what it holds is not a wallet's: put a copy from a backup there, or enrol again",
            ),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl Error for OpenError {}

/// A vault was not written. What it held before, or the new content, is there, whole.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// No room: the file system or a quota is full.
    DiskFull {
        /// The file that did not fit.
        path: PathBuf,
    },
    /// The file or its folder cannot be written.
    Unwritable {
        /// What cannot be written.
        path: PathBuf,
        /// The operating system's reason.
        cause: io::Error,
    },
    /// The vault was opened for reading alone.
    ReadOnly,
    /// The content is larger than [`MAX_CONTENT_LEN`](super::MAX_CONTENT_LEN).
    TooLarge,
    /// The operating system gave no random bytes, or the cipher refused. Neither has been seen to happen.
    Sealing,
    /// A storage that is not one of this crate's.
    Other(Box<dyn Error + Send + Sync>),
}

impl StoreError {
    /// Sorts the operating system's answer.
    pub(crate) fn from_io(path: &std::path::Path, cause: io::Error) -> Self {
        let path = path.to_path_buf();
        match cause.kind() {
            // A file size limit (RLIMIT_FSIZE) is a full disk to whoever has to make room.
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::DiskFull { path }
            }
            _ => Self::Unwritable { path, cause },
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DiskFull { path } => write!(
                f,
                "no room to write the vault {}: free some space and try again; nothing was lost",
                path.display()
            ),
            Self::Unwritable { path, cause } => write!(
                f,
                "{} cannot be written ({cause}): see who owns the folder and what its permissions are; nothing was lost",
                path.display()
            ),
            Self::ReadOnly => f.write_str("the vault was opened for reading alone: open it for writing"),
            Self::TooLarge => f.write_str("the vault is full: move some accounts to a second one"),
            Self::Sealing => f.write_str("the vault could not be sealed: try again; nothing was lost"),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl Error for StoreError {}
