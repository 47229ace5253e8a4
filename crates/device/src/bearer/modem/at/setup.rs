//! Getting a modem ready: from a line of unknown state to PDU mode with notices on.

use std::thread;
use std::time::Duration;

use super::link::{CommandError, Link};
use super::pin::Pin;
use super::{COMMAND_WAIT, parse};
use crate::bearer::modem::{ModemError, Refusal};

/// How often AT is tried before there is no modem.
const GREETINGS: usize = 4;
/// How long each waits.
const GREETING_WAIT: Duration = Duration::from_millis(1_500);
/// How often the SIM card is asked while it is busy, as after it was put in.
const CARD_TRIES: usize = 10;
/// The pause between two of these.
const CARD_PAUSE: Duration = Duration::from_secs(1);
/// How long the SIM card may take over its PIN.
const PIN_WAIT: Duration = Duration::from_secs(30);

/// The modem is not ready.
#[derive(Debug)]
pub(super) enum SetupError {
    Silent,
    PinNeeded,
    PinRefused,
    Locked(String),
    NoSim,
    Refused(&'static str, Refusal),
    Gone,
}

/// Sets a modem up; gives the store that takes what comes.
pub(super) fn run(link: &mut Link, pin: Option<&Pin>) -> Result<String, SetupError> {
    greet(link)?;
    // Echo off, and errors with their numbers; a modem that does neither is used all the same.
    let _ = link.command("ATE0", COMMAND_WAIT);
    let _ = link.command("AT+CMEE=1", COMMAND_WAIT);
    unlock(link, pin)?;
    ask(link, "take messages as PDUs", "AT+CMGF=0")?;
    let _ = link.command("AT+CSMS=0", COMMAND_WAIT);
    let memory = choose_store(link)?;
    ask_for_notices(link)?;
    Ok(memory)
}

fn greet(link: &mut Link) -> Result<(), SetupError> {
    for _ in 0..GREETINGS {
        link.reset().map_err(|error| sort("talk", error))?;
        match link.command("AT", GREETING_WAIT) {
            Ok(_) => return Ok(()),
            Err(CommandError::Gone) => return Err(SetupError::Gone),
            // A refusal answers what stood on the line before.
            Err(CommandError::Refused(_) | CommandError::TimedOut | CommandError::Flooded) => {}
        }
    }
    Err(SetupError::Silent)
}

fn unlock(link: &mut Link, pin: Option<&Pin>) -> Result<(), SetupError> {
    let mut given = false;
    for _ in 0..CARD_TRIES {
        let answer = link.command("AT+CPIN?", COMMAND_WAIT);
        let state = match answer {
            Ok(lines) => {
                lines.iter().find_map(|line| line.strip_prefix("+CPIN:")).unwrap_or_default().trim().to_owned()
            }
            Err(CommandError::Refused(Refusal::Equipment(14) | Refusal::Message(314))) => {
                thread::sleep(CARD_PAUSE);
                continue;
            }
            Err(CommandError::Refused(Refusal::Equipment(10 | 13 | 15))) => return Err(SetupError::NoSim),
            // A modem without the command has no lock either.
            Err(CommandError::Refused(Refusal::Plain | Refusal::Equipment(3 | 4))) => return Ok(()),
            Err(error) => return Err(sort("say whether the SIM card is locked", error)),
        };
        match (state.as_str(), pin) {
            ("READY" | "", _) => return Ok(()),
            ("SIM PIN", None) => return Err(SetupError::PinNeeded),
            ("SIM PIN", Some(pin)) if !given => {
                given = true;
                give(link, pin)?;
            }
            // Still asked for after it was taken: the card needs a moment.
            ("SIM PIN", Some(_)) => thread::sleep(CARD_PAUSE),
            (other, _) => return Err(SetupError::Locked(other.to_owned())),
        }
    }
    Err(SetupError::NoSim)
}

fn give(link: &mut Link, pin: &Pin) -> Result<(), SetupError> {
    match link.command(&pin.command(), PIN_WAIT) {
        Ok(_) => Ok(()),
        // 16 is the wrong PIN, 12 that the card has locked itself over it.
        Err(CommandError::Refused(_)) => Err(SetupError::PinRefused),
        Err(error) => Err(sort("take the PIN", error)),
    }
}

/// Turns the commands to the store that takes what comes.
fn choose_store(link: &mut Link) -> Result<String, SetupError> {
    let lines = match link.command("AT+CPMS?", COMMAND_WAIT) {
        Ok(lines) => lines,
        Err(CommandError::Refused(_)) => Vec::new(),
        Err(error) => return Err(sort("name its message store", error)),
    };
    let stores = parse::stores(&lines);
    let memory = stores.as_ref().and_then(|stores| stores.receiving()).unwrap_or("SM").to_owned();
    ask(link, "use its message store", &format!("AT+CPMS=\"{memory}\""))?;
    Ok(memory)
}

/// Messages are to be stored first and then told: what is handed over at once is lost when this program stops. Modems
/// differ in what they take; one that takes nothing is listed now and then.
fn ask_for_notices(link: &mut Link) -> Result<(), SetupError> {
    for command in ["AT+CNMI=2,1,0,0,0", "AT+CNMI=2,1", "AT+CNMI=1,1", "AT+CNMI=2,2"] {
        match link.command(command, COMMAND_WAIT) {
            Ok(_) => return Ok(()),
            Err(CommandError::Refused(_)) => {}
            Err(error) => return Err(sort("tell of messages", error)),
        }
    }
    Ok(())
}

fn ask(link: &mut Link, doing: &'static str, command: &str) -> Result<(), SetupError> {
    link.command(command, COMMAND_WAIT).map(drop).map_err(|error| sort(doing, error))
}

fn sort(doing: &'static str, error: CommandError) -> SetupError {
    match error {
        CommandError::Refused(refusal) => SetupError::Refused(doing, refusal),
        CommandError::Gone => SetupError::Gone,
        CommandError::TimedOut | CommandError::Flooded => SetupError::Silent,
    }
}

impl SetupError {
    /// As the modem's user sees it.
    pub(super) fn explain(self, port: &str) -> ModemError {
        match self {
            Self::Silent => ModemError::Silent { port: port.to_owned() },
            Self::PinNeeded => ModemError::PinNeeded,
            Self::PinRefused => ModemError::PinRefused,
            Self::Locked(waits_for) => ModemError::Locked { waits_for },
            Self::NoSim => ModemError::NoSim,
            Self::Refused(doing, refusal) => ModemError::Refused { doing, refusal },
            Self::Gone => ModemError::Gone { modem: port.to_owned() },
        }
    }
}
