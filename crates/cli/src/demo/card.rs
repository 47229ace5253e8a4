//! M12: a smart card, in a reader of PC/SC. The card is one in software; all between it and its host is real.

use std::env;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use matchbook_card_host::pcscd::{self, Pcscd, PcscdError};
use matchbook_card_host::soft::DEFAULT_PORT;
use matchbook_card_host::{Account, Ask, Host, PcscReader, Personal, Pin, ReaderError, Slot, relay};
use matchbook_device::bearer::{HttpBearer, HttpOptions};
use matchbook_protocol::enrolment::Enrolment;

use super::stage::{REALM, Stage};
use super::{Row, check, note};
use crate::ui::Ui;

/// Beside the row of the phone.
const ROW: &str = "M12-card";
/// How long a reader may take to see the card.
const PATIENCE: Duration = Duration::from_secs(20);
/// What brings the row.
const INSTALL: &str = "`apt-get install pcscd vsmartcard-vpcd libpcsclite-dev`, then `cargo build --release -p \
                       matchbook-reader`";

pub(super) fn play(stage: &mut Stage, ui: &Ui, rows: &mut Vec<Row>) {
    match Table::lay(stage.folder(), ui) {
        Ok(table) => note(rows, ROW, use_card(stage, &table, ui)),
        Err(Missing::NotHere(why)) => {
            ui.talk(format!("\nM12  The smart card is left out: {why}."));
            rows.push(Row { id: ROW, passed: None, evidence: format!("a smart card was left out: {why}") });
        }
        Err(Missing::Failed(why)) => note(rows, ROW, Err(why)),
    }
}

/// Why there is no card in a reader.
enum Missing {
    /// Something is not installed; which.
    NotHere(String),
    Failed(String),
}

/// A card in a reader.
struct Table {
    card: Child,
    reader: String,
    /// Ours, unless one ran already.
    _pcscd: Option<Pcscd>,
}

impl Table {
    fn lay(folder: &Path, ui: &Ui) -> Result<Self, Missing> {
        let _progress = ui.progress("putting a card into a reader");
        let program = PcscReader::program();
        let program =
            program.ok_or_else(|| Missing::NotHere(format!("it needs the program matchbook-reader: {INSTALL}")))?;
        let started = if pcscd::is_running() { None } else { Some(start(folder, &program)?) };
        let before = slots()?;
        let mut command = card_run(started.as_ref())?;
        command.arg(folder.join("ship.card")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let address =
            started.as_ref().map_or_else(|| format!("127.0.0.1:{DEFAULT_PORT}"), |_| Pcscd::slot(false).to_string());
        command.args(["--vpcd", &address]);
        let card = command.spawn().map_err(|error| Missing::Failed(format!("the card cannot be run: {error}")))?;
        let mut table = Self { card, reader: String::new(), _pcscd: started };
        table.wait_until_seen(&before)?;
        Ok(table)
    }

    fn wait_until_seen(&mut self, before: &[Slot]) -> Result<(), Missing> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(new) = slots()?.into_iter().find(|slot| slot.has_card && !before.contains(slot)) {
                self.reader = new.name;
                return Ok(());
            }
            if let Ok(Some(_)) = self.card.try_wait() {
                return Err(Missing::NotHere(format!(
                    "the pcscd that runs has no virtual reader on port {DEFAULT_PORT}: `apt-get install vsmartcard-vpcd`, \
                     and start pcscd again"
                )));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(Missing::Failed("the reader does not see the card".to_owned()))
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // It is taken out; before its reader goes.
        let _ = self.card.kill();
        let _ = self.card.wait();
    }
}

fn start(folder: &Path, program: &Path) -> Result<Pcscd, Missing> {
    Pcscd::start(folder, program).map_err(|error| match &error {
        PcscdError::NotInstalled => {
            Missing::NotHere(format!("pcscd and its virtual reader are not installed: {INSTALL}"))
        }
        PcscdError::NotRoot | PcscdError::Runs => {
            Missing::NotHere("pcscd is installed and does not run: start it with `sudo pcscd`".to_owned())
        }
        PcscdError::NoTool(name) => {
            Missing::NotHere(format!("it needs the program {name}: `apt-get install util-linux iproute2`"))
        }
        PcscdError::NoNetwork(_) => Missing::NotHere(format!(
            "{error}; start pcscd yourself with `pcscd`, or run the demo where root may make networks"
        )),
        PcscdError::Reader(error) => Missing::NotHere(error.to_string()),
        PcscdError::Failed(why) => Missing::Failed(why.clone()),
    })
}

/// `matchbook card run`, where the reader listens.
fn card_run(started: Option<&Pcscd>) -> Result<Command, Missing> {
    let program = env::current_exe().map_err(|error| Missing::Failed(error.to_string()))?;
    let mut command = started.map_or_else(|| Command::new(&program), |pcscd| pcscd.in_its_network(&program));
    command.args(["card", "run"]);
    Ok(command)
}

fn slots() -> Result<Vec<Slot>, Missing> {
    let listed = PcscReader::start().and_then(|mut reader| reader.list());
    listed.map_err(|error| missing(&error))
}

/// What this machine does not have, or does not let us have, is no failure of ours.
fn missing(error: &ReaderError) -> Missing {
    match error {
        ReaderError::NoProgram | ReaderError::NoLibrary | ReaderError::NoService | ReaderError::Denied => {
            Missing::NotHere(error.to_string())
        }
        ReaderError::NoReader { .. }
        | ReaderError::NoCard
        | ReaderError::Several { .. }
        | ReaderError::InUse
        | ReaderError::Other(_) => Missing::Failed(error.to_string()),
    }
}

fn use_card(stage: &Stage, table: &Table, ui: &Ui) -> Result<String, String> {
    let _progress = ui.progress("using a smart card");
    let uri = stage.enrolment(REALM, "pilot", "p256", "shared")?;
    let enrolment = Enrolment::from_uri(&uri).map_err(|error| error.to_string())?;
    let mut reader = PcscReader::start().map_err(|error| error.to_string())?;
    reader.connect(Some(&table.reader)).map_err(|error| error.to_string())?;
    let mut card = Host::select(reader).map_err(|error| error.to_string())?;
    let (pin, puk) = (digits("2580")?, digits("12345678")?);
    let account = Account::Enrolment(&enrolment);
    let personal = Personal { account, pin: &pin, puk: &puk, pin_tries: 3, puk_tries: 5 };
    card.personalise(&personal).map_err(|error| error.to_string())?;
    check(card.take_code(None).is_err(), "the card gave a code without its PIN")?;
    let road = HttpBearer::new(&enrolment.server, enrolment.party, &HttpOptions::default());
    let mut road = road.map_err(|error| error.to_string())?;
    let relayed = relay(&mut card, &mut road, Ask::Sync, None).map_err(|failure| failure.cause.to_string())?;
    let came = relayed.codes_received();
    check(came > 0, "no set came")?;
    card.verify_pin(&pin).map_err(|error| error.to_string())?;
    let taken = card.take_code(None).map_err(|error| error.to_string())?;
    check(card.take_code(Some(taken.index)).is_err(), "the card showed a code twice")?;
    check(stage.relying_party.verify("pilot", &taken.code, "m12-card")?, "a code of the card was refused")?;
    check(!stage.relying_party.verify("pilot", &taken.code, "m12-card-again")?, "it was accepted twice")?;
    ui.talk(format!(
        "\nM12  A smart card in the reader {:?}, over PC/SC: it made a P-256 key pair, and its host carried {} messages to \
         the server and {} back, which it cannot read. {came} codes came; the card gave code {} for its PIN, and the \
         relying party accepted it once.",
        table.reader, relayed.sent, relayed.received, taken.index
    ));
    Ok(format!(
        "a smart card over PC/SC, in {:?}: personalised, {came} codes came, one verified behind its PIN",
        table.reader
    ))
}

fn digits(text: &str) -> Result<Pin, String> {
    Pin::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use matchbook_card_host::ReaderError;

    use super::{Missing, missing};

    #[test]
    fn what_the_machine_does_not_let_us_have_leaves_the_row_out() {
        for error in [ReaderError::NoProgram, ReaderError::NoLibrary, ReaderError::NoService, ReaderError::Denied] {
            assert!(matches!(missing(&error), Missing::NotHere(_)), "{error}");
        }
        assert!(matches!(missing(&ReaderError::Other("it broke".to_owned())), Missing::Failed(_)));
    }
}
