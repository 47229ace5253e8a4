//! What the user sees: data on standard output, talk on standard error.

mod progress;
mod table;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::error::CliError;
use crate::exit::ExitCode;

pub(crate) use progress::Progress;

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OutputFormat {
    /// Aligned columns for people.
    #[default]
    Table,
    /// One JSON document, alone on standard output.
    Json,
}

/// Where a command prints.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ui {
    output: OutputFormat,
    quiet: bool,
}

impl Ui {
    /// For a format of data, with talk or without it.
    pub(crate) fn new(output: OutputFormat, quiet: bool) -> Self {
        Self { output, quiet }
    }

    /// Whether the data is to be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.output == OutputFormat::Json
    }

    /// Whether a person can be asked: standard input and standard error are terminals.
    pub(crate) fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether what stands on standard output can be drawn over: it is a terminal that moves its cursor, and shows people
    /// tables.
    pub(crate) fn draws(&self) -> bool {
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        !self.is_json() && io::stdout().is_terminal() && !dumb
    }

    /// Prints rows under headers as aligned columns. Control characters in cells are shown, not sent.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(crate) fn table(&self, headers: &[&str], rows: &[Vec<String>]) -> Result<(), CliError> {
        let bold = use_colour(io::stdout().is_terminal());
        self.write(table::render(headers, rows, bold))
    }

    /// Prints `name  value` lines, the values aligned.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(crate) fn fields(&self, fields: &[(&str, String)]) -> Result<(), CliError> {
        let bold = use_colour(io::stdout().is_terminal());
        self.write(table::render_fields(fields, bold))
    }

    /// Prints one JSON document and a newline.
    ///
    /// # Errors
    /// Standard output cannot be written, or the value has no JSON form.
    pub(crate) fn json<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), CliError> {
        let mut text = serde_json::to_string_pretty(value)
            .map_err(|error| CliError::failure(format!("cannot print the answer as JSON: {error}")))?;
        text.push('\n');
        self.write(&text)
    }

    /// Prints one JSON document on a line of its own.
    ///
    /// # Errors
    /// As [`Ui::json`].
    pub(crate) fn json_line<T: Serialize + ?Sized>(&self, value: &T) -> Result<(), CliError> {
        let text = serde_json::to_string(value)
            .map_err(|error| CliError::failure(format!("cannot print the event as JSON: {error}")))?;
        self.line(&text)
    }

    /// Prints one line of data.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(crate) fn line(&self, text: &str) -> Result<(), CliError> {
        self.write(format!("{text}\n"))
    }

    /// Prints text or bytes of data as they are.
    ///
    /// # Errors
    /// Standard output cannot be written. When its reader is gone, the error is silent and has exit code 0.
    pub(crate) fn write(&self, text: impl AsRef<[u8]>) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_ref()).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => CliError::silent(ExitCode::Yes),
            _ => CliError::failure(format!("cannot write to standard output: {error}")),
        })
    }

    /// Says something on standard error; nothing with `--quiet`.
    pub(crate) fn talk(&self, text: impl AsRef<str>) {
        if !self.quiet {
            say(text.as_ref());
        }
    }

    /// Warns on standard error, also with `--quiet`.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        say(&format!("{} {}", paint("warning:", "1;33"), text.as_ref()));
    }

    /// Shows that something is going on, once it has taken longer than a second and a person watches. It goes when
    /// the answer is dropped.
    pub(crate) fn progress(&self, label: &str) -> Progress {
        Progress::start(label, !self.quiet && io::stderr().is_terminal())
    }

    /// Asks a yes-or-no question on the terminal.
    ///
    /// # Errors
    /// Exit code 2 when there is nobody to ask: the message names `flag`, which answers yes beforehand. Exit code 1
    /// when the answer is no.
    pub(crate) fn confirm(&self, question: &str, flag: &str) -> Result<(), CliError> {
        if !self.can_ask() {
            return Err(CliError::usage(format!("{question} Nobody can be asked here."))
                .hint(format!("Add {flag} when you are sure.")));
        }
        let mut answer = String::new();
        let asked = write!(io::stderr().lock(), "{question} [y/N] ");
        if asked.and_then(|()| io::stdin().read_line(&mut answer)).is_err() {
            return Err(CliError::failure("cannot read the answer"));
        }
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(CliError::failure("nothing was done")),
        }
    }
}

/// Prints an error on standard error, in the one form that all commands share.
pub(crate) fn print_error(error: &CliError) {
    if !error.message.is_empty() {
        // Its parts may be a stranger's words. Lines are ours.
        let text = shown(&error.to_string(), |c| is_hidden(c) && c != '\n');
        say(&format!("{} {text}", paint("error:", "1;31")));
    }
}

/// Makes a text safe for a terminal: what would move the cursor or turn the direction of writing becomes visible.
pub(crate) fn visible(text: &str) -> String {
    shown(text, is_hidden)
}

/// Control characters, and those that turn the direction of writing: a name with them reads as another.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn shown(text: &str, is_hidden: impl Fn(char) -> bool) -> String {
    let escape = |c: char| if is_hidden(c) { escaped(c) } else { String::from(c) };
    text.chars().map(escape).collect()
}

/// `\n` and its like stay short.
fn escaped(c: char) -> String {
    if c.is_control() { c.escape_default().collect() } else { c.escape_unicode().collect() }
}

fn say(text: &str) {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

fn paint(text: &str, style: &str) -> String {
    if use_colour(io::stderr().is_terminal()) { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
}

/// Colour only for a terminal that wants it (<https://no-color.org>).
pub(crate) fn use_colour(terminal: bool) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    terminal && !refused && !dumb
}
