//! The server's log: structured lines on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::config::Settings;
use crate::error::CliError;

/// Starts the log as the settings say.
pub(super) fn start(settings: &Settings) -> Result<(), CliError> {
    let filter = settings.needed("serve.log")?;
    let filter: Targets = filter.parse().map_err(|error| {
        CliError::usage(format!("the log filter {filter:?} cannot be read: {error}"))
            .hint("For example: info, or warn,matchbook_server=debug.")
    })?;
    let log = fmt::layer().with_writer(io::stderr);
    let started = if settings.text("serve.log_format") == Some("json") {
        registry().with(log.json().flatten_event(true).with_filter(filter)).try_init()
    } else {
        let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        registry().with(log.with_ansi(colour).with_filter(filter)).try_init()
    };
    started.map_err(|error| CliError::failure(format!("the log cannot be started: {error}")))
}
