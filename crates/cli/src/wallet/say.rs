//! An exchange in words, and as JSON.

use matchbook_device::bearer::BearerError;
use matchbook_device::protocol::{Account, Event, Fault, PeerError};
use matchbook_device::{Report, SyncCause, SyncFailure};
use serde::Serialize;

use super::account::name;
use crate::error::CliError;
use crate::ui::Ui;

/// Tells what an exchange brought, on standard error.
pub(super) fn tell(report: &Report, ui: &Ui) {
    tell_events(&report.events, ui);
    for refused in &report.refused {
        // What a stranger sends concerns nobody.
        if refused.fault() != Fault::Network {
            ui.warn(format!("a message was refused: {refused}"));
        }
    }
}

/// Tells what happened, on standard error.
pub(super) fn tell_events(events: &[Event], ui: &Ui) {
    for event in events {
        match event {
            Event::SetConflict { .. } | Event::KeyConflict | Event::Suspended | Event::ReenrolmentNeeded => {
                ui.warn(words(event));
            }
            Event::Enrolled
            | Event::SetAccepted { .. }
            | Event::KeyReplaced { .. }
            | Event::Code { .. }
            | Event::RunningLow { .. }
            | Event::Resumed => ui.talk(words(event)),
        }
    }
}

/// A failed exchange: what came before is told, then what broke it off.
pub(super) fn failed(failure: SyncFailure, ui: &Ui) -> CliError {
    tell(&failure.report, ui);
    let error = CliError::failure(failure.cause.to_string());
    match failure.cause {
        SyncCause::Bearer(BearerError::Tls { .. }) => {
            error.hint("The flag is --ca-file FILE; ca_file in [client] of the config file counts for all commands.")
        }
        SyncCause::Bearer(_) | SyncCause::Store(_) | SyncCause::Request(_) => error,
    }
}

/// The server said nothing at all: it treats all strangers so.
pub(super) fn unanswered(account: &Account) -> CliError {
    CliError::failure(format!("the server did not answer for {}", name(account))).hint(
        "It may not know it: the enrolment expired or was used before, or the authenticator was revoked. Ask its operator.",
    )
}

/// One exchange as JSON.
#[derive(Serialize)]
pub(super) struct Exchanged {
    account: u8,
    label: String,
    answered: bool,
    messages_sent: u32,
    messages_received: u32,
    codes_received: usize,
    unused: usize,
    epoch: u32,
    events: Vec<Happened>,
    refused: Vec<&'static str>,
}

/// An event as JSON: its name and its numbers.
#[derive(Serialize)]
pub(super) struct Happened {
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<u32>,
}

impl Exchanged {
    pub(super) fn new(account: &Account, report: &Report) -> Self {
        Self {
            account: account.handle().0,
            label: account.label().to_owned(),
            answered: report.answered,
            messages_sent: report.sent,
            messages_received: report.received,
            codes_received: report.codes_received(),
            unused: account.remaining(),
            epoch: account.epoch().0,
            events: report.events.iter().map(Happened::new).collect(),
            refused: report.refused.iter().copied().map(PeerError::name).collect(),
        }
    }

    /// The row of the table that `request`, `sync` and `rotate` print.
    pub(super) fn row(&self, account: &Account) -> Vec<String> {
        vec![
            self.account.to_string(),
            name(account),
            self.codes_received.to_string(),
            self.unused.to_string(),
            self.epoch.to_string(),
        ]
    }
}

/// The headers of [`Exchanged::row`].
pub(super) const HEADERS: [&str; 5] = ["ACCOUNT", "LABEL", "CODES CAME", "UNUSED", "KEY EPOCH"];

impl Happened {
    pub(super) fn new(event: &Event) -> Self {
        let plain = |event| Self { event, first: None, last: None, epoch: None };
        match event {
            Event::Enrolled => plain("enrolled"),
            Event::SetAccepted { first, last, .. } => {
                Self { event: "set-accepted", first: Some(first.0), last: Some(last.0), epoch: None }
            }
            Event::SetConflict { first, last } => {
                Self { event: "set-conflict", first: Some(first.0), last: Some(last.0), epoch: None }
            }
            Event::KeyReplaced { epoch } => {
                Self { event: "key-replaced", first: None, last: None, epoch: Some(epoch.0) }
            }
            Event::KeyConflict => plain("key-conflict"),
            Event::Code { index, .. } => {
                Self { event: "code-taken", first: Some(index.0), last: Some(index.0), epoch: None }
            }
            Event::RunningLow { .. } => plain("running-low"),
            Event::Suspended => plain("suspended"),
            Event::Resumed => plain("resumed"),
            Event::ReenrolmentNeeded => plain("reenrolment-needed"),
        }
    }
}

/// An event in a sentence.
pub(super) fn words(event: &Event) -> String {
    match event {
        Event::Enrolled => "The server confirmed the enrolment.".to_owned(),
        Event::SetAccepted { first, last, count, dropped: 0 } => format!("Codes {first} to {last} came ({count})."),
        Event::SetAccepted { first, last, count, dropped } => {
            format!(
                "Codes {first} to {last} came ({count}); {dropped} older ones are no longer valid and were dropped."
            )
        }
        Event::SetConflict { first, last } => format!(
            "the server sent other codes for the numbers {first} to {last}; they were refused, and its operator should know"
        ),
        Event::KeyReplaced { epoch } => format!("The key was replaced; the old one is erased (epoch {}).", epoch.0),
        Event::KeyConflict => {
            "the server offered two different next keys; the second was refused, and its operator should know"
                .to_owned()
        }
        Event::Code { index, .. } => format!("Code {index} was taken."),
        Event::RunningLow { remaining } => format!("{remaining} unused codes are left."),
        Event::Suspended => "the server has suspended this authenticator: its codes are refused for now".to_owned(),
        Event::Resumed => "The suspension is over.".to_owned(),
        Event::ReenrolmentNeeded => {
            "this vault is older than what the server knows, as after a restored backup: enrol again".to_owned()
        }
    }
}
