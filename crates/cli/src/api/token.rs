//! The bearer token: from a file or the environment, never from the command line, where other users could read it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::config::{Origin, Settings};
use crate::error::CliError;
use crate::ui::Ui;

/// A token has 46 characters; a longer text is some other file.
const MAX_TOKEN: usize = 256;

/// The token and where it is from.
pub(super) struct Token {
    pub(super) secret: Zeroizing<String>,
    pub(super) origin: String,
}

/// Finds the token: --token-file, MATCHBOOK_TOKEN, MATCHBOOK_TOKEN_FILE, the config file, the file that init wrote.
pub(super) fn find(settings: &Settings, ui: &Ui) -> Result<Token, CliError> {
    let by_flag = matches!(settings.origin("client.token_file"), Some(Origin::Flag(_)));
    if !by_flag
        && let Ok(text) = std::env::var("MATCHBOOK_TOKEN")
        && !text.is_empty()
    {
        let text = Zeroizing::new(text);
        return checked(&text, "the variable MATCHBOOK_TOKEN");
    }
    let Some(file) = settings.path("client.token_file") else {
        return Err(none("there is no token"));
    };
    let by_default = matches!(settings.origin("client.token_file"), Some(Origin::Default));
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if by_default && error.kind() == std::io::ErrorKind::NotFound => {
            return Err(none(&format!("there is no token: {} is not there", file.display())));
        }
        Err(error) => {
            let error = CliError::file("read the token file", &file, &error);
            return Err(none(&error.message));
        }
    };
    warn_if_loose(&file, ui);
    checked(&text, &file.display().to_string())
}

fn none(sentence: &str) -> CliError {
    CliError::sign_in(sentence).hint(
        "Name a file with --token-file FILE, or set MATCHBOOK_TOKEN_FILE or MATCHBOOK_TOKEN; `matchbook init` made the first one.",
    )
}

fn checked(text: &str, origin: &str) -> Result<Token, CliError> {
    let token = text.trim();
    if token.is_empty() || token.len() > MAX_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(CliError::sign_in(format!("{origin} does not hold a token"))
            .hint("A token is one line that begins with mb_."));
    }
    Ok(Token { secret: Zeroizing::new(token.to_owned()), origin: origin.to_owned() })
}

fn warn_if_loose(file: &Path, ui: &Ui) {
    let mode = std::fs::metadata(file).map_or(0, |metadata| metadata.mode() & 0o777);
    if mode & 0o077 != 0 {
        ui.warn(format!("others can read the token file {} (mode {mode:04o}): run `chmod 0600` on it", file.display()));
    }
}
