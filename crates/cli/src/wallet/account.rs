//! Which account a command means, and removing one.

use std::time::Duration;

use matchbook_device::Wallet;
use matchbook_device::bearer::{HttpBearer, HttpOptions, RootCertificate};
use matchbook_device::protocol::{Account, Handle};
use matchbook_device::vault::Vault;
use serde::Serialize;

use super::args::{Forget, Network, One};
use super::vault::Place;
use crate::error::CliError;
use crate::ui::{Ui, visible};

/// How long connecting may hold up a command whose work is done.
const BRIEF_CONNECT: Duration = Duration::from_secs(3);
/// The same for an exchange in all.
const BRIEF_EXCHANGE: Duration = Duration::from_secs(8);

/// The account that was named; without a name, the only one.
pub(super) fn choose<V: Vault>(wallet: &Wallet<V>, one: &One) -> Result<Handle, CliError> {
    let accounts: Vec<&Account> = wallet.accounts().collect();
    let Some(name) = &one.account else {
        return match accounts.as_slice() {
            [] => {
                Err(CliError::not_found("the wallet has no account").hint("Enrol one with `matchbook wallet enrol`."))
            }
            [only] => Ok(only.handle()),
            several => Err(CliError::usage(format!("the wallet has {} accounts", several.len()))
                .hint(format!("Name one with --account: {}.", names(several)))),
        };
    };
    let is_named = |account: &&&Account| {
        name == account.label()
            || name.eq_ignore_ascii_case(&account.party().id.to_string())
            || name.parse() == Ok(account.handle().0)
    };
    let found: Vec<&&Account> = accounts.iter().filter(is_named).collect();
    match found.as_slice() {
        [one] => Ok(one.handle()),
        [] => {
            let error = CliError::not_found(format!("the wallet has no account {name:?}"));
            Err(if accounts.is_empty() { error } else { error.hint(format!("It has {}.", names(&accounts))) })
        }
        several => Err(CliError::usage(format!("{} accounts are called {name:?}", several.len()))
            .hint("Name one by its identification code: `matchbook wallet list` shows it.")),
    }
}

/// What an account is called on the screen.
pub(super) fn name(account: &Account) -> String {
    if account.label().is_empty() { account.party().id.to_string() } else { visible(account.label()) }
}

/// The bearer of an account.
pub(super) fn bearer(account: &Account, network: &Network) -> Result<HttpBearer, CliError> {
    HttpBearer::new(account.server(), *account.party(), &options(network)?).map_err(|error| {
        let error = CliError::failure(error.to_string());
        if account.server().starts_with("http://") { error.hint("The flag is --allow-plain-http.") } else { error }
    })
}

/// How the server is reached.
pub(super) fn options(network: &Network) -> Result<HttpOptions, CliError> {
    let root_certificate = match &network.ca_file {
        None => None,
        Some(file) => {
            let pem = std::fs::read(file).map_err(|error| CliError::file("read the certificate", file, &error))?;
            let root = RootCertificate::from_pem(&pem)
                .map_err(|_| CliError::failure(format!("{} is no PEM file with a certificate", file.display())))?;
            Some(root)
        }
    };
    let mut options =
        HttpOptions { allow_plain_http: network.allow_plain_http, root_certificate, ..HttpOptions::default() };
    if network.is_brief {
        options.connect_timeout = BRIEF_CONNECT;
        options.exchange_timeout = BRIEF_EXCHANGE;
    }
    Ok(options)
}

/// `matchbook wallet forget`.
pub(super) fn forget(place: &Place, args: &Forget, ui: &Ui) -> Result<(), CliError> {
    let mut wallet = place.open(ui)?;
    let handle = choose(&wallet, &args.one)?;
    let Some(account) = wallet.account(handle) else {
        return Err(CliError::not_found("the wallet has no such account"));
    };
    let (name, unused) = (name(account), account.remaining());
    if !args.yes {
        ui.confirm(&format!("Remove {name} with its keys and {unused} unused codes, for good?"), "--yes")?;
    }
    wallet.forget(handle).map_err(|error| CliError::failure(error.to_string()))?;
    if ui.is_json() {
        return ui.json(&Forgotten { account: handle.0, label: name });
    }
    ui.talk(format!("{name} is gone from the wallet. The server still has it: its operator can revoke it."));
    Ok(())
}

#[derive(Serialize)]
struct Forgotten {
    account: u8,
    label: String,
}

fn names(accounts: &[&Account]) -> String {
    let names: Vec<String> =
        accounts.iter().map(|account| format!("{} ({})", account.handle().0, name(account))).collect();
    names.join(", ")
}
