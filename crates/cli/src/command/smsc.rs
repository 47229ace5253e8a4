//! `matchbook smsc`: a simulated mobile network, for trying short messages out without an operator.

mod modems;
mod screen;
mod sums;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use matchbook_protocol::sms::Address;
use matchbook_smsc::{Account, Centre, CentreOptions, Conditions, Incoming, Network, Phone};
use tokio::signal::unix::SignalKind;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use zeroize::Zeroizing;

use super::serve::{one_of, watch};
use crate::args::{CentreArgs, PhoneArgs, RadioArgs, Smsc};
use crate::error::CliError;
use crate::local::runtime;
use crate::ui::Ui;
use modems::Modems;
use screen::{Screen, describe};
use sums::Sums;

/// How often the table is drawn.
const REFRESH: Duration = Duration::from_secs(1);

/// Messages that came and are not printed yet; more of them wait in the phones' mailboxes.
const UNPRINTED: usize = 256;

/// Runs the network until SIGTERM or SIGINT, then prints the sums.
///
/// # Errors
/// Exit code 1: the address cannot be listened on, or the password file cannot be read. Exit code 2: a phone is named
/// twice.
pub(crate) fn run(args: &Smsc, ui: &Ui) -> Result<(), CliError> {
    let seed = match args.radio.seed {
        Some(seed) => seed,
        None => getrandom::u64().map_err(|error| CliError::failure(format!("the system gives no chance: {error}")))?,
    };
    let options = CentreOptions { accounts: accounts(&args.centre)?, ..CentreOptions::default() };
    let network = Network::new(conditions(&args.centre, &args.radio, seed));
    check_numbers(&args.phones)?;
    runtime()?.block_on(async {
        let (mut term, mut int) = (watch(SignalKind::terminate())?, watch(SignalKind::interrupt())?);
        // Before the centre: its first submit may be for one of them.
        let came = phones(&network, &args.phones);
        let modems = Modems::plug(&network, &args.phones.modem, ui)?;
        let centre = start(&network, &args.centre, options).await?;
        ui.talk(format!("An SMPP centre listens on {}. Seed {seed}. Ctrl-C ends it.", centre.address()));
        tokio::select! {
            result = show(&network, &centre, came, &args.phones, ui) => result?,
            () = one_of(&mut term, &mut int) => {}
        }
        let sums = Sums::of(&network, centre.address(), seed);
        centre.stop().await;
        drop(modems);
        sums.print(ui)
    })
}

/// What the network does to messages.
fn conditions(centre: &CentreArgs, radio: &RadioArgs, seed: u64) -> Conditions {
    Conditions {
        seed,
        loss: radio.loss,
        duplication: radio.duplication,
        reordering: radio.reordering,
        delay: radio.delay,
        jitter: radio.jitter,
        corruption: radio.corruption,
        per_second: centre.per_second,
        receipts: centre.receipts.into(),
    }
}

async fn start(network: &Arc<Network>, args: &CentreArgs, options: CentreOptions) -> Result<Centre, CliError> {
    Centre::start(Arc::clone(network), args.listen, options).await.map_err(|error| cannot_listen(args, &error))
}

fn cannot_listen(args: &CentreArgs, error: &io::Error) -> CliError {
    let (reason, hint) = match error.kind() {
        ErrorKind::AddrInUse => ("the port is in use".to_owned(), "--listen 127.0.0.1:0 takes a free one."),
        ErrorKind::PermissionDenied => ("permission denied".to_owned(), "Ports below 1024 are the superuser's."),
        ErrorKind::AddrNotAvailable => {
            ("this machine has no such address".to_owned(), "--listen 127.0.0.1:2775 is on this machine alone.")
        }
        _ => (error.to_string(), "--listen names another address."),
    };
    CliError::failure(format!("cannot listen on {}: {reason}", args.listen)).hint(hint)
}

/// A number twice would be one phone with two prints.
fn check_numbers(args: &PhoneArgs) -> Result<(), CliError> {
    let mut seen = HashSet::new();
    let mut numbers = args.phone.iter().chain(args.modem.iter().map(|modem| &modem.number));
    match numbers.find(|number| !seen.insert(number.text())) {
        Some(number) => Err(CliError::usage(format!("the phone {number} is given twice")).hint("Once is enough.")),
        None => Ok(()),
    }
}

/// Switches the phones on. What they get comes over the channel.
fn phones(network: &Arc<Network>, args: &PhoneArgs) -> mpsc::Receiver<(Address, Incoming)> {
    let (came, lines) = mpsc::channel(UNPRINTED);
    for number in &args.phone {
        tokio::spawn(read(network.phone(number.clone()), came.clone()));
    }
    lines
}

async fn read(mut phone: Phone, came: mpsc::Sender<(Address, Incoming)>) {
    loop {
        let incoming = phone.receive().await;
        if came.send((phone.number().clone(), incoming)).await.is_err() {
            return;
        }
    }
}

/// Prints what comes, and the table on a terminal, until printing fails.
async fn show(
    network: &Network,
    centre: &Centre,
    mut came: mpsc::Receiver<(Address, Incoming)>,
    args: &PhoneArgs,
    ui: &Ui,
) -> Result<(), CliError> {
    let mut screen = Screen::new(ui);
    let mut ticks = interval(REFRESH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some((to, incoming)) = came.recv() => {
                screen.message(&describe(&to, &incoming, args.show_bytes))?;
                if came.is_empty() {
                    screen.draw(network, centre)?;
                }
            }
            _ = ticks.tick() => screen.draw(network, centre)?,
        }
    }
}

/// The one ESME that may bind; nobody: all may.
fn accounts(args: &CentreArgs) -> Result<Vec<Account>, CliError> {
    match (&args.system_id, &args.password_file) {
        (Some(system_id), Some(file)) => Ok(vec![Account::new(system_id, password(file)?)]),
        (Some(_), None) | (None, _) => Ok(Vec::new()),
    }
}

/// The longest password that SMPP has room for (3.4 §5.2.2), without the NUL.
const MAX_PASSWORD_LEN: usize = 8;

fn password(file: &Path) -> Result<Zeroizing<String>, CliError> {
    let failed = |error: io::Error| CliError::file("read the password file", file, &error);
    // One more and a line's end, so that a longer one is seen; all at once, as memory that is outgrown is not wiped.
    let mut text = Zeroizing::new(String::with_capacity(MAX_PASSWORD_LEN + 3));
    File::open(file).map_err(failed)?.take(MAX_PASSWORD_LEN as u64 + 3).read_to_string(&mut text).map_err(failed)?;
    let password = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    let is_good =
        (1..=MAX_PASSWORD_LEN).contains(&password.len()) && password.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !is_good {
        return Err(CliError::failure(format!("{} does not hold a password of SMPP", file.display()))
            .hint("It has to be one line of 1 to 8 ASCII characters."));
    }
    Ok(Zeroizing::new(password.to_owned()))
}
