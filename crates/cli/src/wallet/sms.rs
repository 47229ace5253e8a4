//! An exchange by SMS: what is sent goes out at once, and the answer comes when it comes.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use matchbook_device::bearer::Bearer;
use matchbook_device::protocol::Handle;
use matchbook_device::protocol::sms::Address;
use matchbook_device::vault::FileVault;
use matchbook_device::{Report, SmsHeard, SmsOptions, SyncFailure, Wallet};

use super::account::name;
use super::exchange::Line;
use super::radio;
use super::say;
use crate::error::CliError;
use crate::ui::Ui;

/// Runs an exchange over a modem, and waits for its answer. None in that time is no error: it comes later.
pub(super) fn exchange(
    wallet: &mut Wallet<FileVault>,
    handle: Handle,
    (mut modem, server): (radio::Line, Address),
    wait: Duration,
    ui: &Ui,
    run: impl FnOnce(&mut Line<'_>) -> Result<Report, SyncFailure>,
) -> Result<Report, CliError> {
    let done = {
        let _progress = ui.progress("Sending by SMS");
        let bearer: Box<dyn Bearer + '_> = Box::new(modem.bearer(handle, server.clone()));
        let mut device = wallet.device(handle, bearer).map_err(|error| CliError::not_found(error.to_string()))?;
        run(&mut device)
    };
    let mut report = done.map_err(|failure| say::failed(failure, ui))?;
    if report.sent > 0 {
        ui.talk(sent(&report, &server));
    }
    say::tell(&report, ui);
    if !report.answered && !wait.is_zero() {
        ui.talk(format!("Waiting up to {} seconds for the answer.", wait.as_secs()));
        let _progress = ui.progress("Waiting for the answer");
        listen(wallet, &mut modem, handle, &server, wait, &mut report, ui)?;
    }
    if !report.answered {
        ui.talk(missing(&report));
    }
    Ok(report)
}

/// Takes in what comes until the account has its answer or the time is up, and adds it to the report.
fn listen(
    wallet: &mut Wallet<FileVault>,
    modem: &mut radio::Line,
    handle: Handle,
    server: &Address,
    wait: Duration,
    report: &mut Report,
    ui: &Ui,
) -> Result<(), CliError> {
    let options = SmsOptions {
        server: Some(server),
        only: Some(handle),
        until: Some(Instant::now() + wait),
        only_answers: true,
        ..SmsOptions::default()
    };
    let names: Vec<(Handle, String)> = wallet.accounts().map(|account| (account.handle(), name(account))).collect();
    let mut failed = None;
    let listened = wallet.listen(modem, &options, &AtomicBool::new(false), |heard| match heard {
        SmsHeard::Report { handle: of, report: more } if of == handle => {
            say::tell(&more, ui);
            let is_answered = more.answered;
            report.merge(more);
            if is_answered { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
        SmsHeard::Report { handle: of, report: more } => {
            let other = names.iter().find(|(known, _)| *known == of).map(|(_, name)| name.as_str());
            ui.talk(format!("For {}:", other.unwrap_or("another account")));
            say::tell(&more, ui);
            ControlFlow::Continue(())
        }
        SmsHeard::Sent { bytes, .. } => {
            report.sent = report.sent.saturating_add(1);
            report.sent_bytes = report.sent_bytes.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
            ControlFlow::Continue(())
        }
        SmsHeard::Stranger { .. } => ControlFlow::Continue(()),
        SmsHeard::Trouble { error, .. } if error.needs_a_person() => {
            failed = Some(radio::explain(&error));
            ControlFlow::Break(())
        }
        SmsHeard::Trouble { error, .. } => {
            ui.warn(error.to_string());
            ControlFlow::Continue(())
        }
    });
    listened.map_err(|error| CliError::failure(error.to_string()))?;
    failed.map_or(Ok(()), Err)
}

fn sent(report: &Report, server: &Address) -> String {
    match report.sent {
        1 => format!("Sent by SMS to {server}: 1 message of {} bytes.", report.sent_bytes),
        several => format!("Sent by SMS to {server}: {several} messages of {} bytes in all.", report.sent_bytes),
    }
}

/// What has not come, and what takes it in when it does.
fn missing(report: &Report) -> &'static str {
    if report.codes_received() > 0 {
        "The codes are here; that the server knows it has not come back yet. `matchbook wallet listen` or the next \
         `matchbook wallet sync` takes it in."
    } else {
        "No answer has come yet. Short messages can take minutes: `matchbook wallet listen` or the next `matchbook \
         wallet sync` takes it in."
    }
}
