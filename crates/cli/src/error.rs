//! How a command fails: one exit code, one sentence, and what to do next.

use std::fmt;

use crate::exit::ExitCode;

/// A command's failure. `main` prints it on standard error and leaves with its exit code.
#[derive(Debug)]
pub(crate) struct CliError {
    /// What the process leaves with.
    pub(crate) exit: ExitCode,
    /// One sentence: what is wrong, and with what. Never a secret. Empty: nothing is printed.
    pub(crate) message: String,
    /// What to do next, when there is something to say.
    pub(crate) hint: Option<String>,
}

impl CliError {
    /// An error with an exit code and a sentence.
    pub(crate) fn new(exit: ExitCode, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// Exit code 1.
    pub(crate) fn failure(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Failure, message)
    }

    /// Exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// Exit code 3.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ExitCode::NotFound, message)
    }

    /// Exit code 4.
    pub(crate) fn sign_in(message: impl Into<String>) -> Self {
        Self::new(ExitCode::SignIn, message)
    }

    /// Leaves with this code and prints nothing: all was said already, or nobody reads any more.
    pub(crate) fn silent(exit: ExitCode) -> Self {
        Self::new(exit, "")
    }

    /// Adds what to do next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A failed read or write of a file, with the path and the system's reason.
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => "it is not there".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            std::io::ErrorKind::StorageFull => "the disk is full".to_owned(),
            std::io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
            _ => error.to_string(),
        };
        Self::failure(format!("cannot {doing} {}: {reason}", path.display()))
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CliError {}
