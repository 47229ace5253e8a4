//! A card's messages to its server and back. The host sees bytes that it cannot read.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use matchbook_device::bearer::modem::{Modem, ModemError, SmsBearer};
use matchbook_device::bearer::{Bearer, BearerError};
use matchbook_device::protocol::{Event, Pace};

use crate::error::CardError;
use crate::host::Host;
use crate::reader::Reader;

/// The most messages that one call sends, as for any device.
const MAX_ROUNDS: usize = 8;

/// What is asked of the card's next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What waits, and a refill if one is due.
    Waiting,
    /// A set, because the user wants one.
    Set,
    /// A new key.
    Key,
    /// An answer, which tells what the server has for this card.
    Status,
    /// What waits, or else an answer.
    Sync,
}

/// What was relayed. All of it is stored on the card.
#[derive(Debug, Default)]
pub struct Relayed {
    /// What the card says came of it, in order.
    pub events: Vec<Event>,
    /// Why it refused messages, in order.
    pub refused: Vec<CardError>,
    /// Messages that went out.
    pub sent: u32,
    /// Their bytes.
    pub sent_bytes: u32,
    /// Messages that came.
    pub received: u32,
    /// Whether the server has answered all that the card asked.
    pub answered: bool,
}

/// A relay that was broken off, and what it had done.
#[derive(Debug)]
pub struct RelayFailure {
    /// Why.
    pub cause: RelayCause,
    /// What was done before.
    pub relayed: Relayed,
}

/// Why a relay was broken off.
#[derive(Debug)]
pub enum RelayCause {
    /// The card, or its reader.
    Card(CardError),
    /// The way to the server.
    Bearer(BearerError),
}

/// Carries the card's messages over the bearer, and what comes back to the card, until both are quiet. `wait` lets the
/// server hold its answer to the first message for so long.
///
/// # Errors
/// See [`RelayFailure`].
pub fn relay<R: Reader, B: Bearer>(
    card: &mut Host<R>,
    bearer: &mut B,
    ask: Ask,
    mut wait: Option<Duration>,
) -> Result<Relayed, RelayFailure> {
    let mut relayed = Relayed::default();
    let pace = bearer.pace();
    let mut next = first(card, bearer, ask).map_err(|cause| relayed.broken_off(cause))?;
    for _ in 0..MAX_ROUNDS {
        let Some(message) = next.take() else { break };
        let answers = bearer.exchange(&message, wait.take());
        let answers = answers.map_err(|error| relayed.broken_off(RelayCause::Bearer(error)))?;
        relayed.has_sent(&message);
        // By short message the same bytes would go again at once; their answer comes later.
        let is_answered = !answers.is_empty();
        for answer in answers {
            relayed.take_in(card, &answer, bearer).map_err(|cause| relayed.broken_off(cause))?;
        }
        bearer.taken_in();
        if is_answered {
            next = card.next_message(Ask::Waiting, pace).map_err(|why| relayed.broken_off(RelayCause::Card(why)))?;
        }
    }
    relayed.look(card)?;
    Ok(relayed)
}

/// Relays for one ask after the other, until an answer is waited for that comes later, as by short message: the card would
/// only say the same again.
///
/// # Errors
/// See [`RelayFailure`].
pub fn relay_all<R: Reader, B: Bearer>(
    card: &mut Host<R>,
    bearer: &mut B,
    asks: &[(Ask, Option<Duration>)],
) -> Result<Relayed, RelayFailure> {
    let mut all = Relayed::default();
    for (ask, wait) in asks {
        let done = relay(card, bearer, *ask, *wait).map_err(|failure| all.broken_off_with(failure))?;
        let is_under_way = done.sent > 0 && !done.answered && bearer.pace() == Pace::SHORT_MESSAGES;
        all.merge(done);
        if is_under_way {
            break;
        }
    }
    Ok(all)
}

/// Waits up to `wait` for what comes by short message, and answers it, until the card waits for nothing more.
///
/// # Errors
/// See [`RelayFailure`].
pub fn listen<R: Reader, M: Modem>(
    card: &mut Host<R>,
    bearer: &mut SmsBearer<'_, M>,
    wait: Duration,
) -> Result<Relayed, RelayFailure> {
    let mut relayed = Relayed::default();
    let until = Instant::now() + wait;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let came = bearer.receive(left).map_err(|error| relayed.broken_off(modem(error)))?;
        let Some(arrival) = came else { break };
        let given = give(card, bearer, &arrival.message);
        let given = given.map_err(|failure| relayed.broken_off_with(failure))?;
        bearer.line_mut().settle(arrival);
        relayed.merge(given);
        if relayed.answered {
            return Ok(relayed);
        }
    }
    relayed.look(card)?;
    Ok(relayed)
}

/// Gives the card a message that came by itself, and sends what the card says to it.
///
/// # Errors
/// See [`RelayFailure`].
pub fn give<R: Reader, B: Bearer>(card: &mut Host<R>, bearer: &mut B, message: &[u8]) -> Result<Relayed, RelayFailure> {
    let mut relayed = Relayed::default();
    tell_time(card).map_err(|cause| relayed.broken_off(cause))?;
    relayed.take_in(card, message, bearer).map_err(|cause| relayed.broken_off(cause))?;
    let said = card.next_message(Ask::Waiting, bearer.pace());
    if let Some(said) = said.map_err(|why| relayed.broken_off(RelayCause::Card(why)))? {
        let later = bearer.exchange(&said, None);
        let later = later.map_err(|error| relayed.broken_off(RelayCause::Bearer(error)))?;
        relayed.has_sent(&said);
        for message in later {
            relayed.take_in(card, &message, bearer).map_err(|cause| relayed.broken_off(cause))?;
        }
        bearer.taken_in();
    }
    relayed.look(card)?;
    Ok(relayed)
}

impl Ask {
    /// P1 of NEXT MESSAGE.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Waiting | Self::Sync => 0,
            Self::Set => 1,
            Self::Key => 2,
            Self::Status => 3,
        }
    }
}

impl Relayed {
    /// How many codes came.
    #[must_use]
    pub fn codes_received(&self) -> usize {
        let codes = self.events.iter().map(|event| match event {
            Event::SetAccepted { count, .. } => usize::from(*count),
            _ => 0,
        });
        codes.sum()
    }

    /// Adds what came later.
    pub fn merge(&mut self, later: Self) {
        self.events.extend(later.events);
        self.refused.extend(later.refused);
        self.sent = self.sent.saturating_add(later.sent);
        self.sent_bytes = self.sent_bytes.saturating_add(later.sent_bytes);
        self.received = self.received.saturating_add(later.received);
        self.answered = later.answered;
    }

    /// A message that the card refuses is no failure: a stranger may have sent it.
    fn take_in<R: Reader>(
        &mut self,
        card: &mut Host<R>,
        message: &[u8],
        bearer: &impl Bearer,
    ) -> Result<(), RelayCause> {
        self.received = self.received.saturating_add(1);
        match card.take_message(message, bearer.pace()) {
            Ok(events) => self.events.extend(events),
            Err(error @ (CardError::Reader(_) | CardError::MemoryFailed | CardError::Nonsense)) => {
                return Err(RelayCause::Card(error));
            }
            Err(error) => self.refused.push(error),
        }
        Ok(())
    }

    fn look<R: Reader>(&mut self, card: &mut Host<R>) -> Result<(), RelayFailure> {
        let counts = card.counts().map_err(|why| self.broken_off(RelayCause::Card(why)))?;
        self.answered = !counts.waits;
        Ok(())
    }

    fn has_sent(&mut self, message: &[u8]) {
        self.sent = self.sent.saturating_add(1);
        self.sent_bytes = self.sent_bytes.saturating_add(u32::try_from(message.len()).unwrap_or(u32::MAX));
    }

    fn broken_off_with(&mut self, failure: RelayFailure) -> RelayFailure {
        self.merge(failure.relayed);
        self.broken_off(failure.cause)
    }

    fn broken_off(&mut self, cause: RelayCause) -> RelayFailure {
        RelayFailure { cause, relayed: std::mem::take(self) }
    }
}

impl fmt::Display for RelayCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Card(error) => error.fmt(f),
            Self::Bearer(error) => error.fmt(f),
        }
    }
}

/// The first message of a relay. An enrolment that the server has not confirmed goes before all else.
fn first<R: Reader>(card: &mut Host<R>, bearer: &impl Bearer, ask: Ask) -> Result<Option<Vec<u8>>, RelayCause> {
    tell_time(card)?;
    let message = card.next_message(ask, bearer.pace()).map_err(RelayCause::Card)?;
    match (message, ask) {
        (None, Ask::Sync) => card.next_message(Ask::Status, bearer.pace()).map_err(RelayCause::Card),
        (message, _) => Ok(message),
    }
}

fn tell_time<R: Reader>(card: &mut Host<R>) -> Result<(), RelayCause> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    card.set_time(u64::try_from(now.as_millis()).unwrap_or(u64::MAX)).map_err(RelayCause::Card)
}

fn modem(error: ModemError) -> RelayCause {
    RelayCause::Bearer(BearerError::Modem(error))
}
