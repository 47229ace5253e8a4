//! Files that only their owner may read.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::CliError;

/// Writes a new file of mode 0600 and flushes it to the disk.
///
/// # Errors
/// There is a file of that name, or it cannot be written.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<(), CliError> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            CliError::failure(format!("{} is there already, and is not overwritten", path.display()))
                .hint("Name another file, or move that one away.")
        }
        _ => CliError::file("write", path, &error),
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}
