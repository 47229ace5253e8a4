//! What opens or hides a file of keys: a passphrase or a key, from a file or asked for.

use std::path::Path;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use matchbook_pskc::{FileError, Format, Protection, Secrecy, Unlock, secrecy};
use zeroize::Zeroizing;

use crate::args::{Export, Unlocking};
use crate::error::CliError;
use crate::ui::Ui;
use crate::wallet::read_passphrase;

/// A secret that was found.
pub(super) enum Found {
    Nothing,
    Passphrase(Zeroizing<String>),
    Key(Zeroizing<Vec<u8>>),
}

impl Found {
    /// What opens a file that is there; asks for a passphrase when the file needs one and no flag names it.
    pub(super) fn opening(bytes: &[u8], format: Format, args: &Unlocking, ui: &Ui) -> Result<Self, CliError> {
        let secrecy = match format {
            Format::Csv => Secrecy::Plain,
            Format::Pskc => secrecy(bytes).map_err(|error| refused(&error))?,
        };
        match (secrecy, &args.passphrase_file, &args.key_file) {
            (Secrecy::Plain, None, None) => Ok(Self::Nothing),
            (Secrecy::Plain, ..) => {
                Err(CliError::failure("the file is not encrypted, and a passphrase or key is given")
                    .hint("Somebody may have changed it. Leave the flag out if it is right as it is."))
            }
            (Secrecy::Passphrase, Some(file), _) => read_passphrase(file, ui).map(Self::Passphrase),
            (Secrecy::Key(_), _, Some(file)) => key(file, ui).map(Self::Key),
            (Secrecy::Passphrase, None, None) => ask("Passphrase of the file: ").map(Self::Passphrase),
            (Secrecy::Passphrase, None, Some(_)) => Err(refused(&FileError::NeedsPassphrase)),
            (Secrecy::Key(name), _, None) => Err(refused(&FileError::NeedsKey(name))),
        }
    }

    /// What hides a file that is to be written; asks twice for a passphrase when no flag names anything.
    pub(super) fn hiding(args: &Export, ui: &Ui) -> Result<Self, CliError> {
        if args.plain {
            return Ok(Self::Nothing);
        }
        match (&args.unlocking.passphrase_file, &args.unlocking.key_file) {
            (Some(file), _) => read_passphrase(file, ui).map(Self::Passphrase),
            (None, Some(file)) => key(file, ui).map(Self::Key),
            (None, None) => {
                let first = ask("A passphrase for the file, several words: ")?;
                if first.is_empty() {
                    return Err(CliError::failure("an empty passphrase protects nothing; no file was made"));
                }
                if first != ask("The same again: ")? {
                    return Err(CliError::failure("the two passphrases differ; no file was made").hint("Try again."));
                }
                Ok(Self::Passphrase(first))
            }
        }
    }

    pub(super) fn unlock(&self) -> Unlock<'_> {
        match self {
            Self::Nothing => Unlock::Nothing,
            Self::Passphrase(passphrase) => Unlock::Passphrase(passphrase.as_bytes()),
            Self::Key(key) => Unlock::Key(key),
        }
    }

    pub(super) fn protection<'a>(&'a self, name: &'a str) -> Result<Protection<'a>, CliError> {
        Ok(match self {
            Self::Nothing => Protection::Plain,
            Self::Passphrase(passphrase) => Protection::Passphrase(passphrase.as_bytes()),
            Self::Key(key) => {
                let key = key.as_slice().try_into().map_err(|_| {
                    CliError::failure(format!("the key has {} bytes, and a file is written with 32", key.len()))
                })?;
                Protection::Key { key, name }
            }
        })
    }
}

/// A file that is not taken, and what to do.
pub(super) fn refused(error: &FileError) -> CliError {
    let refused = CliError::failure(error.to_string());
    match error {
        FileError::NeedsPassphrase => refused.hint("Name a file with the passphrase: --passphrase-file FILE."),
        FileError::NeedsKey(_) | FileError::KeyLength(_) => refused.hint("Name a file with that key: --key-file FILE."),
        FileError::NoMac => refused.hint("Ask the factory for a file with MACMethod and ValueMAC."),
        FileError::WrongSecret | FileError::Hostile(_) | FileError::Malformed(_) | FileError::Unsupported(_) => refused,
    }
}

/// A key of 16, 24 or 32 bytes, of one line.
fn key(file: &Path, ui: &Ui) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let line = read_passphrase(file, ui)?;
    let text = line.trim().as_bytes();
    let hexadecimal = HEXLOWER_PERMISSIVE.decode(text).map(Zeroizing::new).ok();
    let bytes = hexadecimal.or_else(|| BASE64.decode(text).map(Zeroizing::new).ok());
    bytes.filter(|key| matches!(key.len(), 16 | 24 | 32)).ok_or_else(|| {
        CliError::failure(format!("{} does not hold a key", file.display()))
            .hint("It has to be one line: 16, 24 or 32 bytes in hexadecimal digits or base64.")
    })
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, CliError> {
    rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(|_| {
        CliError::usage("the passphrase of the file is needed, and nobody can be asked here")
            .hint("Name a file with --passphrase-file FILE.")
    })
}
