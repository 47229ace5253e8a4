//! `matchbook wallet request`, `sync` and `rotate`: what goes over the network.

use std::time::{Duration, Instant};

use matchbook_device::bearer::{HttpBearer, MAX_WAIT};
use matchbook_device::protocol::Handle;
use matchbook_device::vault::FileVault;
use matchbook_device::{Device, Report, SyncFailure, Wallet};
use serde::Serialize;

use super::account::{bearer, choose};
use super::args::{Exchange, Network, Sync};
use super::say::{self, Exchanged};
use super::vault::Place;
use crate::error::CliError;
use crate::ui::Ui;

type Line<'w> = Device<'w, FileVault, HttpBearer>;

/// Asks for a new set.
pub(super) fn request(place: &Place, args: &Exchange, ui: &Ui) -> Result<(), CliError> {
    one(place, args, ui, "Asking for a set", |device| device.request_set())
}

/// Asks for a new key.
pub(super) fn rotate(place: &Place, args: &Exchange, ui: &Ui) -> Result<(), CliError> {
    one(place, args, ui, "Asking for a new key", |device| device.rotate())
}

/// Exchanges what there is, for the account that was named or for all; with `--wait`, for one.
pub(super) fn sync(place: &Place, args: &Sync, ui: &Ui) -> Result<(), CliError> {
    let mut wallet = place.open(ui)?;
    let handles: Vec<Handle> = if args.one.account.is_some() || args.wait.is_some() || wallet.accounts().count() == 0 {
        vec![choose(&wallet, &args.one)?]
    } else {
        wallet.accounts().map(|account| account.handle()).collect()
    };
    let wait = args.wait.map(|seconds| Duration::from_secs(u64::from(seconds)));
    let mut table = Table::default();
    for handle in handles {
        let done = exchange(&mut wallet, handle, &args.network, ui, "Exchanging messages", |device| match wait {
            None => device.sync(),
            Some(wait) => wait_for_push(device, wait),
        });
        table.add(&wallet, handle, done, ui);
    }
    table.print(ui)
}

/// One account's exchange, stored and told. Used by `enrol` and `take` too.
pub(super) fn exchange(
    wallet: &mut Wallet<FileVault>,
    handle: Handle,
    network: &Network,
    ui: &Ui,
    label: &str,
    run: impl FnOnce(&mut Line<'_>) -> Result<Report, SyncFailure>,
) -> Result<Report, CliError> {
    let Some(account) = wallet.account(handle) else {
        return Err(CliError::not_found("the wallet has no such account"));
    };
    let bearer = bearer(account, network)?;
    let mut device = wallet.device(handle, bearer).map_err(|error| CliError::not_found(error.to_string()))?;
    let done = {
        let _progress = ui.progress(label);
        run(&mut device)
    };
    let report = done.map_err(|failure| say::failed(failure, ui))?;
    say::tell(&report, ui);
    if report.answered { Ok(report) } else { Err(say::unanswered(device.account())) }
}

fn one(
    place: &Place,
    args: &Exchange,
    ui: &Ui,
    label: &str,
    run: impl FnOnce(&mut Line<'_>) -> Result<Report, SyncFailure>,
) -> Result<(), CliError> {
    let mut wallet = place.open(ui)?;
    let handle = choose(&wallet, &args.one)?;
    let report = exchange(&mut wallet, handle, &args.network, ui, label, run)?;
    let Some(account) = wallet.account(handle) else { return Ok(()) };
    let exchanged = Exchanged::new(account, &report);
    if ui.is_json() { ui.json(&exchanged) } else { ui.table(&say::HEADERS, &[exchanged.row(account)]) }
}

/// Long polls until something came or the time is up.
fn wait_for_push(device: &mut Line<'_>, wait: Duration) -> Result<Report, SyncFailure> {
    let until = Instant::now() + wait;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let started = Instant::now();
        let report = device.wait_for_push(left.min(MAX_WAIT))?;
        let is_over = until.saturating_duration_since(Instant::now()) < Duration::from_secs(1);
        if is_over || !report.is_quiet() || !report.answered {
            return Ok(report);
        }
        // A server that does not hold its answer is not asked all the time.
        std::thread::sleep(Duration::from_secs(1).saturating_sub(started.elapsed()));
    }
}

/// What `sync` prints: all accounts that went well, and at the end the first error of those that did not.
#[derive(Default)]
struct Table {
    exchanged: Vec<Exchanged>,
    rows: Vec<Vec<String>>,
    error: Option<CliError>,
}

#[derive(Serialize)]
struct Synced<'a> {
    accounts: &'a [Exchanged],
}

impl Table {
    fn add(&mut self, wallet: &Wallet<FileVault>, handle: Handle, done: Result<Report, CliError>, ui: &Ui) {
        match (done, wallet.account(handle)) {
            (Ok(report), Some(account)) => {
                let exchanged = Exchanged::new(account, &report);
                self.rows.push(exchanged.row(account));
                self.exchanged.push(exchanged);
            }
            (Ok(_), None) => {}
            (Err(error), _) => match &self.error {
                None => self.error = Some(error),
                Some(_) => ui.warn(error.to_string()),
            },
        }
    }

    fn print(self, ui: &Ui) -> Result<(), CliError> {
        if ui.is_json() {
            ui.json(&Synced { accounts: &self.exchanged })?;
        } else if !self.rows.is_empty() {
            ui.table(&say::HEADERS, &self.rows)?;
        }
        self.error.map_or(Ok(()), Err)
    }
}
