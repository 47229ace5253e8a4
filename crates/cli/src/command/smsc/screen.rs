//! What a person sees while the network runs: a line a message, and on a terminal a table below, drawn again and again.

use std::fmt::Write;

use matchbook_protocol::sms::{Address, Body, Segment};
use matchbook_smsc::{Centre, Incoming, Network};

use crate::error::CliError;
use crate::ui::{Ui, visible};

/// The most numbers in the table: with more, the table would scroll and could not be drawn over.
const MAX_ROWS: usize = 15;

/// Where it is shown.
pub(super) struct Screen<'a> {
    ui: &'a Ui,
    /// Lines of the table that stand below the messages now.
    drawn: usize,
}

impl<'a> Screen<'a> {
    pub(super) fn new(ui: &'a Ui) -> Self {
        Self { ui, drawn: 0 }
    }

    /// Prints a message's line above the table. With `-o json` it is talk: data is the sums alone.
    pub(super) fn message(&mut self, line: &str) -> Result<(), CliError> {
        if self.ui.is_json() {
            self.ui.talk(line);
            return Ok(());
        }
        self.wipe()?;
        self.ui.line(line)
    }

    /// Draws the table, on a terminal.
    pub(super) fn draw(&mut self, network: &Network, centre: &Centre) -> Result<(), CliError> {
        if !self.ui.draws() {
            return Ok(());
        }
        let rows = rows(network);
        self.wipe()?;
        self.ui.table(&HEADERS, &rows)?;
        self.ui.line(&state(network, centre))?;
        self.drawn = rows.len() + 2;
        Ok(())
    }

    /// Takes the table away, so that what is printed next stands in its place.
    fn wipe(&mut self) -> Result<(), CliError> {
        if self.drawn > 0 {
            // To the table's first line; then all from there on is erased.
            self.ui.write(format!("\x1b[{}A\x1b[J", self.drawn))?;
            self.drawn = 0;
        }
        Ok(())
    }
}

const HEADERS: [&str; 6] = ["NUMBER", "IN", "OUT", "LOST", "DUPLICATED", "WAITING"];

fn rows(network: &Network) -> Vec<Vec<String>> {
    let numbers = network.numbers();
    let mut rows: Vec<Vec<String>> = numbers
        .iter()
        .take(MAX_ROWS)
        .map(|one| {
            let counts = [one.received, one.sent, one.lost, one.duplicated, one.waiting as u64];
            [one.number.to_string()].into_iter().chain(counts.iter().map(u64::to_string)).collect()
        })
        .collect();
    let counts = network.counts();
    let waiting: usize = numbers.iter().map(|one| one.waiting).sum();
    let sums = [counts.delivered, counts.mo_sent, counts.lost, counts.duplicated, waiting as u64];
    let all = format!("all {}", numbers.len());
    rows.push([all].into_iter().chain(sums.iter().map(u64::to_string)).collect());
    rows
}

/// One line about the centre, short enough for a narrow terminal.
fn state(network: &Network, centre: &Centre) -> String {
    let counts = network.counts();
    format!(
        "bound {}, submits {}, throttled {}, receipts {}, for ESMEs {}",
        centre.bound(),
        counts.submitted,
        counts.throttled,
        counts.receipts,
        network.messages_waiting()
    )
}

/// One line about a message: never what it holds, unless that was asked for.
pub(super) fn describe(to: &Address, incoming: &Incoming, show_bytes: bool) -> String {
    let segment = &incoming.segment;
    let mut line = format!("{to} from {}", visible(&incoming.from.to_string()));
    if let Some((number, total)) = part(&segment.header) {
        // Writing to a string does not fail.
        let _ = write!(line, ", part {number} of {total}");
    }
    if !segment.header.is_empty() {
        let _ = write!(line, ", header {}", hex(&segment.header));
    }
    let _ = match &segment.body {
        Body::Data(octets) => write!(line, ", {} bytes", octets.len()),
        Body::Text(text) => write!(line, ", {} characters", text.chars().count()),
    };
    if show_bytes {
        let _ = write!(line, ": {}", content(segment));
    }
    line
}

fn content(segment: &Segment) -> String {
    match &segment.body {
        Body::Data(octets) => hex(octets),
        Body::Text(text) => visible(text),
    }
}

fn hex(octets: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(octets)
}

/// Which part of how many, by the header's concatenation element of 8 or 16 bits (TS 23.040 §9.2.3.24).
fn part(header: &[u8]) -> Option<(u8, u8)> {
    let mut elements = header.get(1..)?;
    while let [identifier, length, rest @ ..] = elements {
        let (value, next) = rest.split_at_checked(usize::from(*length))?;
        match (identifier, value) {
            (0x00, [_, total, number]) | (0x08, [_, _, total, number]) => return Some((*number, *total)),
            _ => elements = next,
        }
    }
    None
}
