//! The server's log: structured lines on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Settings;
use crate::error::CliError;

/// Starts the log as the settings say.
pub(super) fn start(settings: &Settings) -> Result<(), CliError> {
    let filter = settings.needed("serve.log")?;
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        CliError::usage(format!("the log filter {filter:?} cannot be read: {error}"))
            .hint("For example: info, or warn,matchbook_server=debug.")
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = if settings.text("serve.log_format") == Some("json") {
        log.json().flatten_event(true).finish().try_init()
    } else {
        let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        log.with_ansi(colour).finish().try_init()
    };
    started.map_err(|error| CliError::failure(format!("the log cannot be started: {error}")))
}
