//! `matchbook wallet request`, `sync` and `rotate`: what goes over the network.

use std::time::{Duration, Instant};

use matchbook_device::bearer::{Bearer, MAX_WAIT};
use matchbook_device::protocol::Handle;
use matchbook_device::vault::FileVault;
use matchbook_device::{Device, Report, SyncFailure, Wallet};
use serde::Serialize;

use super::account::{bearer, choose};
use super::args::{Exchange, Network, Patience, Radio, Sync};
use super::say::{self, Exchanged};
use super::vault::Place;
use super::{radio, sms};
use crate::error::CliError;
use crate::ui::Ui;

/// An account on its bearer, whichever it is.
pub(super) type Line<'w> = Device<'w, FileVault, Box<dyn Bearer + 'w>>;

/// How an account's messages go.
pub(super) struct Way<'a> {
    pub(super) network: &'a Network,
    pub(super) radio: &'a Radio,
    /// How long an answer by SMS is waited for.
    pub(super) wait: Duration,
}

impl<'a> Way<'a> {
    pub(super) fn new(network: &'a Network, radio: &'a Radio, patience: Patience) -> Self {
        Self { network, radio, wait: by_sms(patience.wait) }
    }
}

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
    let way = Way { network: &args.network, radio: &args.radio, wait: by_sms(args.wait) };
    for handle in handles {
        let by_modem =
            wallet.account(handle).is_some_and(|account| radio::goes_by_modem(account.server(), &args.radio));
        let done = exchange(&mut wallet, handle, &way, ui, "Exchanging messages", |device| match wait {
            Some(wait) if !by_modem && !wait.is_zero() => wait_for_push(device, wait),
            Some(_) | None => device.sync(),
        });
        table.add(&wallet, handle, done, ui);
    }
    table.print(ui)
}

/// One account's exchange, stored and told. Used by `enrol` and `take` too.
pub(super) fn exchange(
    wallet: &mut Wallet<FileVault>,
    handle: Handle,
    way: &Way<'_>,
    ui: &Ui,
    label: &str,
    run: impl FnOnce(&mut Line<'_>) -> Result<Report, SyncFailure>,
) -> Result<Report, CliError> {
    let Some(account) = wallet.account(handle) else {
        return Err(CliError::not_found("the wallet has no such account"));
    };
    if radio::goes_by_modem(account.server(), way.radio) {
        let server = radio::number(account.server(), way.radio)?;
        let line = {
            let _progress = ui.progress("Setting the modem up");
            radio::open(way.radio)?
        };
        return sms::exchange(wallet, handle, (line, server), way.wait, ui, run);
    }
    let bearer: Box<dyn Bearer> = Box::new(bearer(account, way.network)?);
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
    let way = Way::new(&args.network, &args.radio, args.patience);
    let report = exchange(&mut wallet, handle, &way, ui, label, run)?;
    let Some(account) = wallet.account(handle) else { return Ok(()) };
    let exchanged = Exchanged::new(account, &report);
    if ui.is_json() { ui.json(&exchanged) } else { ui.table(&say::HEADERS, &[exchanged.row(account)]) }
}

/// How long an answer by SMS is waited for.
fn by_sms(seconds: Option<u32>) -> Duration {
    seconds.map_or(radio::DEFAULT_WAIT, |seconds| Duration::from_secs(u64::from(seconds)))
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
