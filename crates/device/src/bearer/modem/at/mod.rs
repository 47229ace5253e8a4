//! A modem that takes AT commands (3GPP TS 27.005 and 27.007) over a serial port or a pseudo-terminal, in PDU mode.

mod lines;
mod link;
mod parse;
mod pin;
mod port;
mod setup;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use matchbook_protocol::sms::tpdu::{Deliver, Submit};
use matchbook_protocol::sms::{Address, Segment};

use super::{Incoming, Modem, ModemError, Place};
use link::{CommandError, Link, Notice};
use parse::Stored;
pub use pin::Pin;
use port::Port;

/// The line speed that is set unless another is named, in baud. Modems on USB take any.
pub const DEFAULT_BAUD: u32 = 115_200;

/// How long a command that the modem answers by itself may take.
const COMMAND_WAIT: Duration = Duration::from_secs(10);
/// How long sending may take: the network has a minute (TS 24.011 §10), and slow ones use it.
const SEND_WAIT: Duration = Duration::from_secs(90);
/// How often the modem's store is listed, because notices get lost.
const LIST_EVERY: Duration = Duration::from_secs(30);
/// How long the centre keeps what it cannot hand on, in minutes: a request that is a day old has been sent again.
const VALIDITY_MINUTES: u32 = 24 * 60;

/// How an AT modem is used. [`AtOptions::default`] suits most.
#[derive(Clone, Debug)]
pub struct AtOptions {
    /// The line speed in baud, 300 to 4,000,000. Default: [`DEFAULT_BAUD`].
    pub baud: u32,
    /// The SIM card's PIN, given to it when it asks. Default: none.
    pub pin: Option<Pin>,
}

impl Default for AtOptions {
    fn default() -> Self {
        Self { baud: DEFAULT_BAUD, pin: None }
    }
}

/// A modem that takes AT commands. When it goes away, the next call looks for it again.
pub struct AtModem {
    path: PathBuf,
    options: AtOptions,
    link: Option<Link>,
    /// The message store that the commands are about, such as `SM`.
    memory: String,
    /// What each place of the store held when it was read. A place is used again, so what is to be deleted is compared.
    seen: BTreeMap<(String, u32), String>,
    ready: VecDeque<Incoming>,
    next_listing: Instant,
    /// The SIM card refused the PIN: it is not tried again.
    pin_refused: bool,
    /// Whether the store's room was looked at since it was listed.
    is_room_checked: bool,
    /// Whether it was told that the store is full.
    full_told: bool,
}

impl AtModem {
    /// Opens a serial port, such as `/dev/ttyUSB0`, and sets the modem up.
    ///
    /// # Errors
    /// See [`ModemError`].
    pub fn open(path: impl Into<PathBuf>, options: AtOptions) -> Result<Self, ModemError> {
        let mut modem = Self {
            path: path.into(),
            options,
            link: None,
            memory: String::new(),
            seen: BTreeMap::new(),
            ready: VecDeque::new(),
            next_listing: Instant::now(),
            pin_refused: false,
            is_room_checked: false,
            full_told: false,
        };
        modem.link()?;
        Ok(modem)
    }

    /// The port's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The line to the modem, set up.
    fn link(&mut self) -> Result<&mut Link, ModemError> {
        if self.link.is_none() {
            if self.pin_refused {
                return Err(ModemError::PinRefused);
            }
            let mut link = Link::new(Port::open(&self.path, self.options.baud)?);
            let set_up = setup::run(&mut link, self.options.pin.as_ref());
            self.pin_refused |= matches!(set_up, Err(setup::SetupError::PinRefused));
            self.memory = set_up.map_err(|error| error.explain(&self.name()))?;
            self.next_listing = Instant::now();
            self.link = Some(link);
        }
        self.link.as_mut().ok_or(ModemError::Gone { modem: String::new() })
    }

    /// One command, after which the line is as good as before, or dropped.
    fn command(&mut self, doing: &'static str, command: &str) -> Result<Vec<String>, ModemError> {
        let answer = self.link()?.command(command, COMMAND_WAIT);
        answer.map_err(|error| self.fail(doing, error))
    }

    /// Sorts an error. A line that fell silent is opened and set up again by the next call.
    fn fail(&mut self, doing: &'static str, error: CommandError) -> ModemError {
        match error {
            CommandError::Refused(refusal) => return ModemError::Refused { doing, refusal },
            CommandError::Gone | CommandError::TimedOut | CommandError::Flooded => self.link = None,
        }
        ModemError::Gone { modem: self.name() }
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Reads all that is stored, and gives out what was not seen before.
    fn list(&mut self) -> Result<(), ModemError> {
        self.next_listing = Instant::now() + LIST_EVERY;
        let lines = self.command("list its messages", "AT+CMGL=4")?;
        let memory = self.memory.clone();
        let found = parse::list(&lines);
        self.seen.retain(|(of, index), _| *of != memory || found.iter().any(|stored| stored.index == *index));
        for stored in found {
            self.take_stored(&memory, stored);
        }
        self.is_room_checked = false;
        Ok(())
    }

    /// A store that is full takes no more messages, and nothing else would tell. Looked at once all that was listed has
    /// been given out, so that what is ours has been deleted.
    fn check_room(&mut self) -> Result<(), ModemError> {
        if std::mem::replace(&mut self.is_room_checked, true) {
            return Ok(());
        }
        let lines = self.command("say how many messages it holds", "AT+CPMS?").unwrap_or_default();
        let full = parse::stores(&lines).and_then(|stores| stores.full_with());
        let was_told = std::mem::replace(&mut self.full_told, full.is_some());
        match full {
            Some(messages) if !was_told => Err(ModemError::StoreFull { messages }),
            Some(_) | None => Ok(()),
        }
    }

    /// A place of the store, as it was read.
    fn take_stored(&mut self, memory: &str, stored: Stored) {
        if !stored.is_received {
            return;
        }
        let key = (memory.to_owned(), stored.index);
        if self.seen.get(&key).is_some_and(|pdu| *pdu == stored.pdu) {
            return;
        }
        if let Some(deliver) = deliver_of(&stored.pdu) {
            let place = Some(Place::new(format!("{memory}/{}", stored.index)));
            self.ready.push_back(Incoming { from: deliver.origin, segment: deliver.segment, place });
        }
        self.seen.insert(key, stored.pdu);
    }

    /// What the modem told by itself.
    fn take_notices(&mut self) -> Result<(), ModemError> {
        while let Some(notice) = self.link.as_mut().and_then(Link::next_notice) {
            match notice {
                Notice::Stored { memory, index } => {
                    self.select(&memory)?;
                    if let Some(stored) = self.read(index)? {
                        self.take_stored(&memory, stored);
                    }
                }
                Notice::Direct { pdu } => {
                    if let Some(deliver) = deliver_of(&pdu) {
                        self.ready.push_back(Incoming { from: deliver.origin, segment: deliver.segment, place: None });
                    }
                }
                Notice::Lost => self.next_listing = Instant::now(),
            }
        }
        Ok(())
    }

    /// Turns the commands to another store.
    fn select(&mut self, memory: &str) -> Result<(), ModemError> {
        if self.memory != memory {
            self.command("use its message store", &format!("AT+CPMS=\"{memory}\""))?;
            self.memory = memory.to_owned();
        }
        Ok(())
    }

    /// What a place of the store holds.
    fn read(&mut self, index: u32) -> Result<Option<Stored>, ModemError> {
        match self.command("read a message", &format!("AT+CMGR={index}")) {
            Ok(lines) => Ok(parse::read(&lines, index)),
            // Deleted meanwhile.
            Err(ModemError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Modem for AtModem {
    fn send(&mut self, to: &Address, segment: &Segment) -> Result<(), ModemError> {
        let submit = Submit {
            reference: 0,
            destination: to.clone(),
            segment: segment.clone(),
            validity_minutes: Some(VALIDITY_MINUTES),
            wants_report: false,
        };
        let tpdu = submit.encode().map_err(|_| ModemError::CannotSend { why: "it does not fit a short message" })?;
        let prompted = self.link()?.prompt(&format!("AT+CMGS={}", tpdu.len()), COMMAND_WAIT);
        prompted.map_err(|error| self.fail("send a message", error))?;
        // No message centre before the TPDU: the SIM card knows its own.
        let pdu = format!("00{}", parse::to_hex(&tpdu));
        match self.link()?.finish(&pdu, SEND_WAIT) {
            Ok(_) => Ok(()),
            Err(error @ CommandError::Refused(_)) => Err(self.fail("send a message", error)),
            Err(error @ (CommandError::Gone | CommandError::TimedOut | CommandError::Flooded)) => {
                let _ = self.fail("send a message", error);
                Err(ModemError::InDoubt)
            }
        }
    }

    fn receive(&mut self, timeout: Duration) -> Result<Option<Incoming>, ModemError> {
        let until = Instant::now() + timeout;
        loop {
            if let Some(incoming) = self.ready.pop_front() {
                return Ok(Some(incoming));
            }
            self.link()?;
            self.take_notices()?;
            if self.ready.is_empty() && Instant::now() >= self.next_listing {
                self.list()?;
            }
            if self.ready.is_empty() {
                self.check_room()?;
            }
            // Notices come while commands are answered, too.
            if !self.ready.is_empty() || self.link()?.has_notice() {
                continue;
            }
            let wake = until.min(self.next_listing);
            let heard = self.link()?.listen(wake).map_err(|error| self.fail("listen", error))?;
            if !heard && Instant::now() >= until {
                return Ok(None);
            }
        }
    }

    fn delete(&mut self, place: &Place) -> Result<(), ModemError> {
        let Some((memory, index)) = parse::place(place.name()) else { return Ok(()) };
        let key = (memory.to_owned(), index);
        self.link()?;
        self.select(memory)?;
        // Another message may stand there by now: the card was exchanged, or another program deleted this one.
        let is_it = match (self.read(index)?, self.seen.get(&key)) {
            (Some(stored), Some(seen)) => stored.pdu == *seen,
            (Some(_), None) | (None, _) => false,
        };
        if is_it {
            self.command("delete a message", &format!("AT+CMGD={index}"))?;
        }
        self.seen.remove(&key);
        Ok(())
    }
}

/// The message that a stored PDU is; the centre's address before it is not needed.
fn deliver_of(pdu: &str) -> Option<Deliver> {
    let bytes = parse::from_hex(pdu)?;
    let (length, rest) = bytes.split_first()?;
    Deliver::decode(rest.get(usize::from(*length)..)?).ok()
}

impl fmt::Debug for AtModem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtModem").field("path", &self.path).field("memory", &self.memory).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
