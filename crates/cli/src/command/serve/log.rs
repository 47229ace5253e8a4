//! The server's log: structured lines on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::config::{Origin, Settings};
use crate::error::CliError;
use crate::ui::use_colour;

/// What `--quiet` leaves of the log.
const QUIET: &str = "warn";

/// Starts the log as the settings say. With `--quiet` it has warnings and errors alone, unless `--log` is there too.
pub(super) fn start(settings: &Settings, quiet: bool) -> Result<(), CliError> {
    let is_asked_for = matches!(settings.origin("serve.log"), Some(Origin::Flag(_)));
    let filter = if quiet && !is_asked_for { QUIET } else { settings.needed("serve.log")? };
    let filter: Targets = filter.parse().map_err(|error| {
        CliError::usage(format!("the log filter {filter:?} cannot be read: {error}"))
            .hint("For example: info, or warn,matchbook_server=debug.")
    })?;
    let log = fmt::layer().with_writer(io::stderr);
    let started = if settings.text("serve.log_format") == Some("json") {
        registry().with(log.json().flatten_event(true).with_filter(filter)).try_init()
    } else {
        let colour = use_colour(io::stderr().is_terminal());
        registry().with(log.with_ansi(colour).with_filter(filter)).try_init()
    };
    started.map_err(|error| CliError::failure(format!("the log cannot be started: {error}")))
}
