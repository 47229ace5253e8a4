//! A modem of ModemManager, over D-Bus.
//!
//! ModemManager writes and reads short messages by itself: it hides the user data header, and sets none. So a message
//! goes out as bare data without our port, and comes in so; the receivers of both sides take that. It also loses notices
//! of messages that come close together, so its list is read now and then.

mod bus;
mod name;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use matchbook_protocol::sms::{Address, Body, Segment, UserDataHeader};

use super::at::Pin;
use super::{Incoming, Modem, ModemError, Place};
use bus::{Bus, BusError, Short};
pub use name::ModemName;

/// How often ModemManager's list is read, beside its notices.
const LIST_EVERY: Duration = Duration::from_secs(10);

/// A modem of ModemManager. When it or ModemManager goes away, the next call looks for it again.
pub struct ModemManagerModem {
    name: ModemName,
    pin: Option<Pin>,
    /// The SIM card refused the PIN: it is not tried again.
    pin_refused: bool,
    bus: Option<Bus>,
    /// What each path held when it was read. ModemManager counts its paths anew when it is started anew.
    seen: BTreeMap<String, Short>,
    ready: VecDeque<Incoming>,
    next_listing: Instant,
}

impl ModemManagerModem {
    /// Finds a modem and enables it. `pin` is given to its SIM card when it asks.
    ///
    /// # Errors
    /// See [`ModemError`].
    pub fn open(name: ModemName, pin: Option<Pin>) -> Result<Self, ModemError> {
        let mut modem = Self {
            name,
            pin,
            pin_refused: false,
            bus: None,
            seen: BTreeMap::new(),
            ready: VecDeque::new(),
            next_listing: Instant::now(),
        };
        modem.bus()?;
        Ok(modem)
    }

    fn bus(&mut self) -> Result<&mut Bus, ModemError> {
        if self.bus.is_none() {
            if self.pin_refused {
                return Err(ModemError::PinRefused);
            }
            let opened = Bus::open(&self.name, self.pin.as_ref());
            self.pin_refused |= matches!(opened, Err(ModemError::PinRefused));
            self.bus = Some(opened?);
            self.next_listing = Instant::now();
        }
        self.bus.as_mut().ok_or(ModemError::NoModem { name: None })
    }

    /// Sorts an error. A modem that is gone is looked for by the next call.
    fn fail(&mut self, doing: &'static str, error: BusError) -> ModemError {
        match error {
            BusError::Refused(cause) => ModemError::Manager { doing, cause },
            BusError::Gone(cause) => {
                self.bus = None;
                ModemError::Bus { cause }
            }
        }
    }

    fn list(&mut self) -> Result<(), ModemError> {
        self.next_listing = Instant::now() + LIST_EVERY;
        let paths = self.bus()?.list().map_err(|error| self.fail("list its messages", error))?;
        self.seen.retain(|path, _| paths.contains(path));
        for path in paths {
            let read = self.bus()?.read(&path).map_err(|error| self.fail("read a message", error))?;
            let Some(short) = read else { continue };
            if self.seen.get(&path) == Some(&short) {
                continue;
            }
            if let Some(incoming) = incoming(&path, &short) {
                self.ready.push_back(incoming);
            }
            self.seen.insert(path, short);
        }
        Ok(())
    }
}

impl Modem for ModemManagerModem {
    fn send(&mut self, to: &Address, segment: &Segment) -> Result<(), ModemError> {
        let header = UserDataHeader::decode(&segment.header).unwrap_or_default();
        if header.concatenation.is_some() {
            let why = "ModemManager does not send parts; use the modem's serial port, with ModemManager stopped";
            return Err(ModemError::CannotSend { why });
        }
        let number = to.to_string();
        let path = self.bus()?.create(&number, &segment.body).map_err(|error| self.fail("write a message", error))?;
        let sent = self.bus()?.send(&path);
        // What was sent is not kept, or it would fill the modem. That it stays is no failure to send.
        if let Ok(bus) = self.bus() {
            let _ = bus.delete(&path);
        }
        sent.map_err(|error| match self.fail("send a message", error) {
            ModemError::Bus { .. } => ModemError::InDoubt,
            other => other,
        })
    }

    fn receive(&mut self, timeout: Duration) -> Result<Option<Incoming>, ModemError> {
        let until = Instant::now() + timeout;
        loop {
            if let Some(incoming) = self.ready.pop_front() {
                return Ok(Some(incoming));
            }
            if Instant::now() >= self.next_listing {
                self.list()?;
                continue;
            }
            if Instant::now() > until {
                return Ok(None);
            }
            let wake = until.min(self.next_listing);
            if self.bus()?.listen(wake).map_err(|error| self.fail("listen", error))? {
                self.next_listing = Instant::now();
            } else if Instant::now() >= until {
                return Ok(None);
            }
        }
    }

    fn delete(&mut self, place: &Place) -> Result<(), ModemError> {
        let path = place.name();
        let is_it = match (self.bus()?.read(path), self.seen.get(path)) {
            (Ok(Some(short)), Some(seen)) => short == *seen,
            (Ok(_), _) => false,
            // The path is gone.
            (Err(BusError::Refused(_)), _) => false,
            (Err(error), _) => return Err(self.fail("read a message", error)),
        };
        if is_it {
            self.bus()?.delete(path).map_err(|error| self.fail("delete a message", error))?;
        }
        self.seen.remove(path);
        Ok(())
    }
}

/// A short message as it came, without the header that ModemManager hides.
fn incoming(path: &str, short: &Short) -> Option<Incoming> {
    let body = if short.data.is_empty() { Body::Text(short.text.clone()) } else { Body::Data(short.data.clone()) };
    // ModemManager writes names and numbers alike; one that is neither cannot be told from a number.
    let from = short.number.parse().or_else(|_| UNNAMED.parse()).ok()?;
    Some(Incoming { from, segment: Segment { header: Vec::new(), body }, place: Some(Place::new(path)) })
}

/// A sender that cannot be written as an address: who sent a message does not matter.
const UNNAMED: &str = "0";

impl fmt::Debug for ModemManagerModem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModemManagerModem").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
