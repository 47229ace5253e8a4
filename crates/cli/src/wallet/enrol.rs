//! `matchbook wallet enrol`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use matchbook_device::bearer::{HttpBearer, HttpOptions};
use matchbook_device::protocol::enrolment::MAX_URI_LEN;
use matchbook_device::protocol::{Enrolment, Party};
use matchbook_device::{EnrolFailure, Report};
use zeroize::Zeroizing;

use super::account::{name, options};
use super::args::Enrol;
use super::exchange::{Way, exchange};
use super::radio;
use super::say::{self, Exchanged};
use super::typed;
use super::vault::Place;
use crate::error::CliError;
use crate::ui::{Ui, visible};

/// Begins an account: stored first, then enrolled with the server.
pub(super) fn run(place: &Place, args: &Enrol, ui: &Ui) -> Result<(), CliError> {
    let enrolment = read(args, ui)?;
    let by_modem = radio::goes_by_modem(&enrolment.server, &args.radio);
    check_server(&enrolment, args, by_modem)?;
    if !args.yes {
        ui.confirm(&question(&enrolment), "--yes")?;
    }
    let mut wallet = place.open_or_create(ui)?;
    let handle = wallet.enrol(&enrolment).map_err(explain)?;
    let report = if args.offline || (enrolment.server.is_empty() && !by_modem) {
        ui.talk("Stored. The first `matchbook wallet sync` enrols it with the server.");
        Report::default()
    } else {
        let way = Way::new(&args.network, &args.radio, args.patience);
        exchange(&mut wallet, handle, &way, ui, "Enrolling", |device| device.sync()).map_err(|error| {
            let hint = "The account is stored: run `matchbook wallet sync` to try again, or `matchbook wallet forget`.";
            let hint = error.hint.as_ref().map_or(hint.to_owned(), |first| format!("{first}\n  {hint}"));
            error.hint(hint)
        })?
    };
    let Some(account) = wallet.account(handle) else { return Ok(()) };
    let exchanged = Exchanged::new(account, &report);
    if ui.is_json() {
        return ui.json(&exchanged);
    }
    if let Some(file) = args.file.as_deref().filter(|file| *file != Path::new("-")) {
        ui.talk(format!("{} is used up: delete it.", file.display()));
    }
    if account.remaining() > 0 {
        ui.talk(format!("Take a code with `matchbook wallet take`, here from {}.", name(account)));
    }
    ui.table(&say::HEADERS, &[exchanged.row(account)])
}

fn read(args: &Enrol, ui: &Ui) -> Result<Enrolment, CliError> {
    if args.typed {
        return typed::read(args, ui);
    }
    match (&args.uri, &args.file) {
        (Some(uri), _) => parse(uri),
        (None, Some(file)) => parse(&read_file(file)?),
        (None, None) => Err(CliError::usage("an enrolment is needed: its URI, --file FILE or --typed")),
    }
}

/// An enrolment in a file, or from standard input (`-`).
pub(crate) fn from_file(file: &Path) -> Result<Enrolment, CliError> {
    parse(&read_file(file)?)
}

/// An enrolment's URI.
pub(crate) fn parse(text: &str) -> Result<Enrolment, CliError> {
    Enrolment::from_uri(text.trim()).map_err(|error| {
        CliError::failure(format!("this is no enrolment: {error}"))
            .hint("It is one line that begins with matchbook:enrol? and needs quotes in a shell.")
    })
}

/// Finds a server's URL that cannot work.
pub(crate) fn check_address(server: &str, party: Party, options: &HttpOptions) -> Result<(), CliError> {
    HttpBearer::new(server, party, options).map(drop).map_err(|error| {
        let error = CliError::failure(visible(&error.to_string()));
        if server.starts_with("http://") { error.hint("The flag is --allow-plain-http.") } else { error }
    })
}

/// The file's text, or standard input's.
fn read_file(file: &Path) -> Result<Zeroizing<String>, CliError> {
    let failed = |error: io::Error| CliError::file("read the enrolment", file, &error);
    let source: Box<dyn Read> =
        if file == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(file).map_err(failed)?) };
    // Some white space around the longest URI; what is longer is none, and is told so.
    let limit = MAX_URI_LEN + 64;
    let mut text = Zeroizing::new(String::with_capacity(limit));
    source.take(limit as u64).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Finds an address that cannot work before anything is stored.
fn check_server(enrolment: &Enrolment, args: &Enrol, by_modem: bool) -> Result<(), CliError> {
    if by_modem {
        return if args.offline {
            Ok(())
        } else {
            radio::named(&args.radio)
                .map_err(|error| error.hint("Name it with --modem, or only store the account with --offline."))?;
            radio::number(&enrolment.server, &args.radio).map(drop)
        };
    }
    if enrolment.server.is_empty() {
        return Ok(());
    }
    check_address(&enrolment.server, enrolment.party, &options(&args.network)?)
}

fn question(enrolment: &Enrolment) -> String {
    let label = if enrolment.label.is_empty() { "this device".to_owned() } else { visible(&enrolment.label) };
    let realm =
        if enrolment.realm.is_empty() { String::new() } else { format!(" of realm {}", visible(&enrolment.realm)) };
    let server =
        if enrolment.server.is_empty() { "no server on the network".to_owned() } else { visible(&enrolment.server) };
    format!("Enrol {label}{realm} with {server}?")
}

fn explain(error: EnrolFailure) -> CliError {
    CliError::failure(error.to_string())
}
