//! `matchbook wallet listen`: what comes by SMS, as it comes.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use matchbook_device::protocol::{Event, Fault, Handle};
use matchbook_device::vault::FileVault;
use matchbook_device::{Report, SmsHeard, SmsOptions, Wallet};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::account::{choose, name};
use super::args::Listen;
use super::radio;
use super::say::{self, Happened};
use super::vault::Place;
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::ui::Ui;

/// Listens until Ctrl-C, until the time is up, or for one answer.
pub(super) fn run(place: &Place, args: &Listen, ui: &Ui) -> Result<(), CliError> {
    radio::named(&args.radio)?;
    let mut wallet = place.open(ui)?;
    if wallet.accounts().count() == 0 {
        return Err(CliError::not_found("the wallet has no account").hint("Enrol one with `matchbook wallet enrol`."));
    }
    let only = args.one.account.is_some().then(|| choose(&wallet, &args.one)).transpose()?;
    let mut modem = {
        let _progress = ui.progress("Setting the modem up");
        radio::open(&args.radio)?
    };
    let stop = stopped_by_signals()?;
    let until = args.seconds.map(|seconds| Instant::now() + Duration::from_secs(u64::from(seconds)));
    ui.talk("Listening. Ctrl-C ends it; codes can be taken meanwhile.");
    let options = SmsOptions { server: args.radio.to.as_ref(), only, until, is_shared: true, ..SmsOptions::default() };
    let mut teller = Teller::new(&wallet, args.once, ui);
    let listened = wallet.listen(&mut modem, &options, &stop, |heard| teller.tell(heard));
    teller.failed.map_or(Ok(()), Err)?;
    listened.map_err(|error| CliError::failure(error.to_string()))
}

/// Prints what is heard.
struct Teller<'a> {
    ui: &'a Ui,
    once: bool,
    names: BTreeMap<Handle, String>,
    /// The trouble that was told last, so that the same is not told again and again.
    trouble: Option<String>,
    failed: Option<CliError>,
}

/// An event as one line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    account: u8,
    label: &'a str,
    #[serde(flatten)]
    happened: Happened,
}

/// A message that went out, as one line of JSON.
#[derive(Serialize)]
struct SentLine<'a> {
    account: u8,
    label: &'a str,
    event: &'static str,
    bytes: usize,
    short_messages: usize,
}

impl<'a> Teller<'a> {
    fn new(wallet: &Wallet<FileVault>, once: bool, ui: &'a Ui) -> Self {
        let names = wallet.accounts().map(|account| (account.handle(), name(account))).collect();
        Self { ui, once, names, trouble: None, failed: None }
    }

    fn tell(&mut self, heard: SmsHeard) -> ControlFlow<()> {
        let told = match heard {
            SmsHeard::Report { handle, report } => self.report(handle, &report),
            SmsHeard::Sent { handle, bytes, parts } => self.sent(handle, bytes, parts),
            SmsHeard::Stranger { handle } => {
                self.ui.talk(format!("A message came for account {}, which this wallet does not have.", handle.0));
                Ok(ControlFlow::Continue(()))
            }
            SmsHeard::Trouble { error, .. } if error.needs_a_person() => Err(radio::explain(&error)),
            SmsHeard::Trouble { error, .. } => {
                let sentence = error.to_string();
                if self.trouble.as_ref() != Some(&sentence) {
                    self.ui.warn(&sentence);
                    self.trouble = Some(sentence);
                }
                Ok(ControlFlow::Continue(()))
            }
        };
        told.unwrap_or_else(|error| {
            self.failed = Some(error);
            ControlFlow::Break(())
        })
    }

    fn report(&mut self, handle: Handle, report: &Report) -> Result<ControlFlow<()>, CliError> {
        self.trouble = None;
        for event in &report.events {
            if self.ui.is_json() {
                let happened = Happened::new(event);
                self.ui.json_line(&Line { account: handle.0, label: self.name(handle), happened })?;
            } else {
                self.ui.line(&format!("{}: {}", self.name(handle), sentence(event)))?;
            }
        }
        for refused in report.refused.iter().filter(|refused| refused.fault() != Fault::Network) {
            self.ui.warn(format!("{}: a message was refused: {refused}", self.name(handle)));
        }
        let is_over = self.once && !report.events.is_empty();
        Ok(if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn sent(&mut self, handle: Handle, bytes: usize, parts: usize) -> Result<ControlFlow<()>, CliError> {
        self.trouble = None;
        let label = self.name(handle);
        if self.ui.is_json() {
            self.ui.json_line(&SentLine { account: handle.0, label, event: "sent", bytes, short_messages: parts })?;
        } else {
            let parts = if parts == 1 { String::new() } else { format!(" in {parts} short messages") };
            self.ui.talk(format!("{label}: sent 1 message of {bytes} bytes{parts}."));
        }
        Ok(ControlFlow::Continue(()))
    }

    fn name(&self, handle: Handle) -> &str {
        // An account that another command enrolled meanwhile has no name here yet.
        self.names.get(&handle).map_or("a new account", String::as_str)
    }
}

/// An event for a list of them, the codes first.
fn sentence(event: &Event) -> String {
    match event {
        Event::SetAccepted { first, last, count, dropped } => {
            let dropped = match dropped {
                0 => String::new(),
                dropped => format!("; {dropped} older ones are no longer valid and were dropped"),
            };
            format!("{count} codes came: {first} to {last}{dropped}")
        }
        Event::Enrolled
        | Event::SetConflict { .. }
        | Event::KeyReplaced { .. }
        | Event::KeyConflict
        | Event::Code { .. }
        | Event::RunningLow { .. }
        | Event::Suspended
        | Event::Resumed
        | Event::ReenrolmentNeeded => say::words(event).trim_end_matches('.').to_owned(),
    }
}

/// A flag that Ctrl-C and SIGTERM set. The second of them ends the program at once: a modem may take a minute over its
/// last message, and nothing is lost without it.
fn stopped_by_signals() -> Result<Arc<AtomicBool>, CliError> {
    let failed = |error: std::io::Error| CliError::failure(format!("signals cannot be heard: {error}"));
    let stop = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (mut interrupted, mut ended) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt()).map_err(failed)?, signal(SignalKind::terminate()).map_err(failed)?)
    };
    let flag = Arc::clone(&stop);
    thread::spawn(move || {
        runtime.block_on(async {
            for _ in 0..2 {
                tokio::select! {
                    _ = interrupted.recv() => {}
                    _ = ended.recv() => {}
                }
                if flag.swap(true, Ordering::Relaxed) {
                    std::process::exit(i32::from(ExitCode::Failure as u8));
                }
            }
        });
    });
    Ok(stop)
}
