//! Messages of ours on a modem: into short messages on the way out, out of them on the way in, and off the modem once
//! they are stored.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use matchbook_protocol::sms::{Address, Concatenation, Form, Limits, PORT, Reassembler, UserDataHeader, segments};
use matchbook_protocol::{Handle, UnixMillis, UnverifiedDownlink};

use super::{Incoming, Modem, ModemError, Place};
use crate::bearer::{Bearer, BearerError};
use crate::system::now;

/// The most messages that wait for their account; a server sends one account three at the most. What comes beyond stays
/// on the modem for the next run.
pub const MAX_WAITING: usize = 64;
/// The most parts whose places are remembered until their message is whole, and places that could not be deleted yet.
const MAX_PLACES: usize = 256;

/// A modem with messages of ours on it.
///
/// Who sent a short message proves nothing, and numbers are rewritten on their way, so senders are not looked at: the
/// message's seal decides, in the engine. A short message is deleted from the modem once what it brought is stored, and
/// only when it is one of ours: to our port, or with content that reads as a message of this protocol. People's own
/// texts stay, though the modem may mark them as read.
pub struct SmsLine<M> {
    modem: M,
    form: Form,
    reassembler: Reassembler,
    waiting: VecDeque<Arrival>,
    parts: VecDeque<Part>,
    leftovers: VecDeque<Place>,
}

/// A whole message that came. [`SmsLine::settle`] lets the modem delete it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The message in its compressed form; nothing of it is verified.
    pub message: Vec<u8>,
    /// The account slot that its clear header names.
    pub handle: Handle,
    places: Vec<Place>,
}

/// A part that is stored on the modem until its message is whole.
struct Part {
    from: Address,
    concatenation: Concatenation,
    place: Place,
    is_ours: bool,
    came: UnixMillis,
}

impl<M: Modem> SmsLine<M> {
    /// A line on a modem. Messages go out as binary.
    #[must_use]
    pub fn new(modem: M) -> Self {
        Self {
            modem,
            form: Form::Binary,
            reassembler: Reassembler::new(LIMITS),
            waiting: VecDeque::new(),
            parts: VecDeque::new(),
            leftovers: VecDeque::new(),
        }
    }

    /// Sets how messages go out. Default: [`Form::Binary`]; [`Form::Text`] is for operators that carry text alone. What
    /// comes in is taken in both forms.
    #[must_use]
    pub const fn with_form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// Sends a message; gives how many short messages it took.
    ///
    /// # Errors
    /// See [`ModemError`].
    pub fn send(&mut self, to: &Address, message: &[u8]) -> Result<usize, ModemError> {
        // A byte of the tag: as good as drawn, and the same when the same bytes are sent again, so that parts of both
        // transmissions make one message.
        let reference = message.last().copied().unwrap_or_default();
        let parts = segments(message, self.form, reference)
            .map_err(|_| ModemError::CannotSend { why: "it is too long for short messages" })?;
        for part in &parts {
            self.modem.send(to, part)?;
        }
        Ok(parts.len())
    }

    /// Waits up to `timeout` for a message of ours.
    ///
    /// # Errors
    /// See [`ModemError`].
    pub fn receive(&mut self, timeout: Duration) -> Result<Option<Arrival>, ModemError> {
        if let Some(arrival) = self.waiting.pop_front() {
            return Ok(Some(arrival));
        }
        let until = Instant::now() + timeout;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Some(incoming) = self.read(left)? else { return Ok(None) };
            self.sort(incoming);
            if let Some(arrival) = self.waiting.pop_front() {
                return Ok(Some(arrival));
            }
        }
    }

    /// What the message brought is stored, or it is of no use: the modem deletes it, now or as soon as it can.
    pub fn settle(&mut self, arrival: Arrival) {
        arrival.places.into_iter().for_each(|place| self.delete_later(place));
        self.delete_leftovers();
    }

    /// The bearer of one account on this line: its messages go to `server`.
    pub const fn bearer(&mut self, handle: Handle, server: Address) -> SmsBearer<'_, M> {
        SmsBearer { line: self, handle, server, given: Vec::new() }
    }

    /// The modem.
    pub const fn modem_mut(&mut self) -> &mut M {
        &mut self.modem
    }

    /// The next short message, and what is to be done beside it.
    fn read(&mut self, timeout: Duration) -> Result<Option<Incoming>, ModemError> {
        self.drop_old_parts();
        self.delete_leftovers();
        self.modem.receive(timeout)
    }

    /// Whose message this is, and whether it is whole.
    fn sort(&mut self, incoming: Incoming) {
        let Incoming { from, segment, place } = incoming;
        let header = UserDataHeader::decode(&segment.header).unwrap_or_default();
        let is_ours = header.ports.is_some_and(|ports| ports.destination == PORT);
        match self.reassembler.accept(&from, &segment, now()) {
            Ok(Some(message)) => {
                let places = self.places_of(&from, header.concatenation).chain(place).collect();
                self.take(message, places, is_ours);
            }
            Ok(None) => {
                if let (Some(concatenation), Some(place)) = (header.concatenation, place) {
                    self.remember(Part { from, concatenation, place, is_ours, came: now() });
                }
            }
            // Nobody else reads what is sent to our port, so what is wrong with it is never mended.
            Err(_) if is_ours => place.into_iter().for_each(|place| self.delete_later(place)),
            Err(_) => {}
        }
    }

    fn take(&mut self, message: Vec<u8>, places: Vec<Place>, is_ours: bool) {
        match UnverifiedDownlink::decode(&message).map(|unverified| unverified.header().handle) {
            Ok(handle) if self.waiting.len() < MAX_WAITING => {
                self.waiting.push_back(Arrival { message, handle, places });
            }
            Ok(_) => {}
            Err(_) if is_ours => places.into_iter().for_each(|place| self.delete_later(place)),
            Err(_) => {}
        }
    }

    fn remember(&mut self, part: Part) {
        if self.parts.len() >= MAX_PLACES
            && let Some(oldest) = self.parts.pop_front()
            && oldest.is_ours
        {
            self.delete_later(oldest.place);
        }
        self.parts.push_back(part);
    }

    /// Takes out where the other parts of a message are.
    fn places_of(&mut self, from: &Address, whole: Option<Concatenation>) -> impl Iterator<Item = Place> + use<M> {
        let belongs = |part: &Part| {
            whole.is_some_and(|whole| {
                part.from == *from
                    && part.concatenation.reference == whole.reference
                    && part.concatenation.total == whole.total
            })
        };
        let (found, rest): (VecDeque<Part>, VecDeque<Part>) =
            std::mem::take(&mut self.parts).into_iter().partition(belongs);
        self.parts = rest;
        found.into_iter().map(|part| part.place)
    }

    /// Parts whose message will not be whole any more.
    fn drop_old_parts(&mut self) {
        let time = now();
        self.reassembler.expire(time);
        while self.parts.front().is_some_and(|part| time.since(part.came) > LIMITS.age_ms) {
            if let Some(part) = self.parts.pop_front().filter(|part| part.is_ours) {
                self.delete_later(part.place);
            }
        }
    }

    fn delete_later(&mut self, place: Place) {
        if self.leftovers.len() >= MAX_PLACES {
            self.leftovers.pop_front();
        }
        self.leftovers.push_back(place);
    }

    /// Deletes until the modem fails. Then the next call shows the failure, and the rest is deleted later.
    fn delete_leftovers(&mut self) {
        while let Some(place) = self.leftovers.front() {
            if self.modem.delete(place).is_err() {
                return;
            }
            self.leftovers.pop_front();
        }
    }
}

/// What the parts of a device's messages need: one server sends it a few messages of two or three parts.
const LIMITS: Limits = Limits {
    messages: 32,
    messages_per_sender: 8,
    parts: matchbook_protocol::sms::MAX_SEGMENTS,
    age_ms: 72 * 60 * 60 * 1_000,
    bytes: 16 * 1_024,
};

impl<M> fmt::Debug for SmsLine<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsLine")
            .field("form", &self.form)
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}

/// One account's bearer on a line: made by [`SmsLine::bearer`].
///
/// The answer to a message comes later, by itself: [`Bearer::exchange`] gives what has come already, which is mostly
/// nothing, and [`SmsBearer::receive`] waits. Messages for other accounts stay on the line.
#[derive(Debug)]
pub struct SmsBearer<'l, M> {
    line: &'l mut SmsLine<M>,
    handle: Handle,
    server: Address,
    /// What [`Bearer::exchange`] gave and is not stored yet.
    given: Vec<Arrival>,
}

impl<M: Modem> SmsBearer<'_, M> {
    /// Waits up to `timeout` for a message to this account. [`SmsLine::settle`] follows once it is stored.
    ///
    /// # Errors
    /// See [`ModemError`].
    pub fn receive(&mut self, timeout: Duration) -> Result<Option<Arrival>, ModemError> {
        let until = Instant::now() + timeout;
        loop {
            let own = self.line.waiting.iter().position(|arrival| arrival.handle == self.handle);
            if let Some(arrival) = own.and_then(|at| self.line.waiting.remove(at)) {
                return Ok(Some(arrival));
            }
            let Some(incoming) = self.line.read(until.saturating_duration_since(Instant::now()))? else {
                return Ok(None);
            };
            self.line.sort(incoming);
        }
    }

    /// The line.
    pub const fn line_mut(&mut self) -> &mut SmsLine<M> {
        self.line
    }
}

impl<M: Modem> Bearer for SmsBearer<'_, M> {
    fn exchange(&mut self, message: &[u8], _wait: Option<Duration>) -> Result<Vec<Vec<u8>>, BearerError> {
        self.line.send(&self.server, message).map_err(BearerError::Modem)?;
        while self.given.len() < MAX_WAITING
            && let Ok(Some(arrival)) = self.receive(Duration::ZERO)
        {
            self.given.push(arrival);
        }
        Ok(self.given.iter().map(|arrival| arrival.message.clone()).collect())
    }

    fn taken_in(&mut self) {
        for arrival in std::mem::take(&mut self.given) {
            self.line.settle(arrival);
        }
    }
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
