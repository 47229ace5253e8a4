//! The file with the key-encryption key and the pepper: outside the database, in memory only while the server runs.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use matchbook_protocol::Secret;
use matchbook_rules::keyring::Keyring;
use rand_core::Rng;
use zeroize::Zeroizing;

use crate::chance;

const MAGIC: &str = "matchbook-secrets 1";

/// A secrets file has under 200 bytes.
const MAX_FILE: u64 = 4_096;

/// The name of the systemd credential that holds the file's text.
pub const CREDENTIAL: &str = "matchbook-secrets";

/// The key-encryption key and the pepper.
#[derive(Debug)]
pub struct Secrets {
    kek: Secret<32>,
    pepper: Secret<32>,
    version: u8,
}

/// The secrets could not be read or written.
#[derive(Debug)]
pub enum SecretsError {
    /// The file system refused.
    Io(PathBuf, io::Error),
    /// Others than the owner may read the file; its mode.
    Readable(PathBuf, u32),
    /// There is a file already, which is never overwritten.
    Exists(PathBuf),
    /// The text is not a secrets file.
    Malformed(PathBuf),
}

impl fmt::Display for SecretsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "the secrets file {} cannot be used: {error}", path.display()),
            Self::Readable(path, mode) => write!(
                f,
                "the secrets file {} can be read by others (mode {mode:04o}): run `chmod 0400` on it",
                path.display()
            ),
            Self::Exists(path) => {
                write!(f, "{} is there already, and is not overwritten: every device depends on it", path.display())
            }
            Self::Malformed(path) => write!(
                f,
                "{} is not a secrets file of Matchbook, or it is damaged: put back your copy of it",
                path.display()
            ),
        }
    }
}

impl std::error::Error for SecretsError {}

impl Secrets {
    /// New ones, from the operating system's random source.
    #[must_use]
    pub fn generate() -> Self {
        let mut rng = chance::rng();
        let (mut kek, mut pepper) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        rng.fill_bytes(kek.as_mut());
        rng.fill_bytes(pepper.as_mut());
        Self { kek: Secret::new(*kek), pepper: Secret::new(*pepper), version: 1 }
    }

    /// Writes a new file with mode 0400, and flushes it to the disk.
    ///
    /// # Errors
    /// There is one already, or the folder cannot be written.
    pub fn write_new(&self, path: &Path) -> Result<(), SecretsError> {
        let text = Zeroizing::new(format!(
            "{MAGIC}\nkek {}\npepper {} {}\n",
            Zeroizing::new(BASE64.encode(self.kek.expose())).as_str(),
            self.version,
            Zeroizing::new(BASE64.encode(self.pepper.expose())).as_str(),
        ));
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => SecretsError::Exists(path.to_owned()),
            _ => SecretsError::Io(path.to_owned(), error),
        };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(path).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        sync_folder(path).map_err(failed)
    }

    /// Reads a file that only its owner can read.
    ///
    /// # Errors
    /// It is not there, others can read it, or it is not such a file.
    pub fn read(path: &Path) -> Result<Self, SecretsError> {
        let failed = |error| SecretsError::Io(path.to_owned(), error);
        let file = fs::File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let mode = metadata.mode() & 0o7777;
        if mode & others(path) != 0 {
            return Err(SecretsError::Readable(path.to_owned(), mode));
        }
        let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MAX_FILE).unwrap_or(4_096)));
        file.take(MAX_FILE).read_to_string(&mut text).map_err(failed)?;
        parse(&text).ok_or_else(|| SecretsError::Malformed(path.to_owned()))
    }

    /// Finds the systemd credential, when the service manager handed one over.
    #[must_use]
    pub fn credential_path() -> Option<PathBuf> {
        let path = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?).join(CREDENTIAL);
        path.exists().then_some(path)
    }

    /// The form that decisions use.
    #[must_use]
    pub fn into_keyring(self) -> Keyring {
        Keyring::new(self.kek, self.pepper, self.version)
    }
}

/// The bits of a mode that give others a right. systemd hands a credential over in a folder that only the service
/// enters, as root's file with an access list for the service's user, which shows as the group's right to read.
fn others(path: &Path) -> u32 {
    if Secrets::credential_path().as_deref() == Some(path) { 0o037 } else { 0o077 }
}

fn parse(text: &str) -> Option<Secrets> {
    let mut lines = text.lines();
    if lines.next()? != MAGIC {
        return None;
    }
    let kek = key(lines.next()?.strip_prefix("kek ")?)?;
    let (version, pepper) = lines.next()?.strip_prefix("pepper ")?.split_once(' ')?;
    let rest_is_blank = lines.all(|line| line.trim().is_empty());
    rest_is_blank.then_some(Secrets { kek, pepper: key(pepper)?, version: version.parse().ok()? })
}

fn key(text: &str) -> Option<Secret<32>> {
    let bytes = Zeroizing::new(BASE64.decode(text.as_bytes()).ok()?);
    Secret::from_slice(&bytes)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
