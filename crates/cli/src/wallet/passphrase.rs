//! The vault's passphrase: from a file, from MATCHBOOK_PASSPHRASE, or asked for. Never from the command line, where
//! other users could read it.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::CliError;
use crate::ui::Ui;

/// A longer file is some other file.
const MAX_PASSPHRASE_LEN: u64 = 4_096;
const VARIABLE: &str = "MATCHBOOK_PASSPHRASE";

/// The passphrase of a vault that is there.
pub(super) fn known(file: Option<&Path>, ui: &Ui) -> Result<Zeroizing<String>, CliError> {
    match given(file, ui)? {
        Some(passphrase) => Ok(passphrase),
        None => ask("Passphrase of the vault: "),
    }
}

/// The passphrase of a new vault: asked for twice.
pub(super) fn new(file: Option<&Path>, ui: &Ui) -> Result<Zeroizing<String>, CliError> {
    if let Some(passphrase) = given(file, ui)? {
        return Ok(passphrase);
    }
    let first = ask("A passphrase for the new vault, several words: ")?;
    if first.is_empty() {
        return Err(CliError::failure("an empty passphrase protects nothing; no vault was made"));
    }
    if first != ask("The same again: ")? {
        return Err(CliError::failure("the two passphrases differ; no vault was made").hint("Try again."));
    }
    Ok(first)
}

fn given(file: Option<&Path>, ui: &Ui) -> Result<Option<Zeroizing<String>>, CliError> {
    if let Some(file) = file {
        return read(file, ui).map(Some);
    }
    match env::var(VARIABLE) {
        Ok(passphrase) if passphrase.is_empty() => Ok(None),
        Ok(passphrase) => Ok(Some(Zeroizing::new(passphrase))),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(CliError::usage(format!("{VARIABLE} is not UTF-8"))),
    }
}

/// The file's text without the newline at its end.
pub(crate) fn read(file: &Path, ui: &Ui) -> Result<Zeroizing<String>, CliError> {
    let failed = |error: std::io::Error| CliError::file("read the passphrase file", file, &error);
    // Memory that is outgrown is not wiped, so all of it is taken at once.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MAX_PASSPHRASE_LEN).unwrap_or(0) + 1));
    let opened = File::open(file).map_err(failed)?;
    warn_if_loose(&opened, file, ui);
    opened.take(MAX_PASSPHRASE_LEN + 1).read_to_string(&mut text).map_err(failed)?;
    let passphrase = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    if passphrase.is_empty() || passphrase.len() as u64 > MAX_PASSPHRASE_LEN || passphrase.contains('\n') {
        return Err(CliError::failure(format!("{} does not hold a passphrase", file.display()))
            .hint("It has to be one line of UTF-8, of at most 4,096 bytes."));
    }
    Ok(Zeroizing::new(passphrase.to_owned()))
}

#[cfg(unix)]
fn warn_if_loose(opened: &File, file: &Path, ui: &Ui) {
    use std::os::unix::fs::PermissionsExt;
    // A pipe, as of <(pass show vault), belongs to nobody else.
    let loose = opened.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o077 != 0);
    if loose {
        ui.warn(format!("others can read the passphrase file {}: run `chmod 0600` on it", file.display()));
    }
}

#[cfg(not(unix))]
fn warn_if_loose(_opened: &File, _file: &Path, _ui: &Ui) {}

fn ask(prompt: &str) -> Result<Zeroizing<String>, CliError> {
    rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(|_| {
        CliError::usage("the vault's passphrase is needed, and nobody can be asked here")
            .hint("Name a file with --passphrase-file FILE, or set MATCHBOOK_PASSPHRASE.")
    })
}
