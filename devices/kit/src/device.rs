//! One account, and the gate before everything that it gives out.
//!
//! ```text
//!        request_set(now) …                  state()                 saved()
//! Saved ───────────────────▶ Changed ───────────────────▶ Given ───────────────▶ Saved: message(), code(), event()
//! ```
//!
//! While the account is changed and not stored, every call but [`Device::state`] and [`Device::saved`] is refused with
//! [`Refusal::NotSaved`]. A host that cannot store it drops the device and goes on from what it stored last: nothing of
//! the lost state was seen by anybody.

use std::collections::VecDeque;

use getrandom::SysRng;
use matchbook_protocol::{
    Account, Code, CodeIndex, DecodeError, Engine, Enrolment, Event, Handle, MAX_COSE_LEN, MAX_SEQUENCE, Output, Pace,
    Provision, Selector, UnixMillis, compress_downlink, expand_uplink, split_sequence,
};
use rand_core::{TryRng, UnwrapErr};
use zeroize::Zeroizing;

use crate::Refusal;
use crate::gate::Gate;

/// The most events that wait to be read. A host that reads none loses the oldest; one call makes fewer than that.
pub const MAX_EVENTS: usize = 32;

/// The longest of what [`Device::receive`] looks at, in bytes: an HTTP answer with as many messages as may be in one, each
/// of the greatest length. One compressed message is shorter by far.
pub const MAX_BODY_LEN: usize = MAX_SEQUENCE * MAX_COSE_LEN;

/// How a message is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The compressed form: one message, as it goes by SMS or any bearer of one's own (§4).
    Compressed,
    /// COSE, as it goes by HTTP (§8.2): one message to the server, a CBOR sequence of up to four from it.
    Cose,
}

/// One account at work.
#[derive(Debug)]
pub struct Device {
    engine: Engine,
    gate: Gate,
    unsent: Option<Vec<u8>>,
    code: Option<(CodeIndex, Code)>,
    events: VecDeque<Event>,
    wake: Option<UnixMillis>,
}

impl Device {
    /// Begins an account from an enrolment's URI, in slot `handle` of the host. It is to be stored, and then has a
    /// message to send.
    ///
    /// # Errors
    /// [`Refusal::Enrolment`], [`Refusal::Enrol`], [`Refusal::NoRandomness`].
    pub fn enrol(uri: &str, handle: u8) -> Result<Self, Refusal> {
        Self::enrol_with(&Enrolment::from_uri(uri)?, handle)
    }

    /// As [`Device::enrol`], from the typed form of an enrolment: its groups, and what they leave out.
    ///
    /// # Errors
    /// As [`Device::enrol`].
    pub fn enrol_typed(groups: &[&str], server: &str, realm: &str, label: &str, handle: u8) -> Result<Self, Refusal> {
        Self::enrol_with(&Enrolment::from_typed(groups, server, realm, label)?, handle)
    }

    /// Begins an account whose key was put into the device where it was made. It is to be stored, and then has a message
    /// to send.
    ///
    /// # Errors
    /// [`Refusal::Provision`], [`Refusal::NoRandomness`].
    pub fn provision(provision: Provision) -> Result<Self, Refusal> {
        Ok(Self::begin(Engine::provision(provision, &mut chance()?)?))
    }

    /// Goes on from what [`Device::state`] gave. A message that waited for its answer is due again at the first
    /// [`Device::tick`].
    ///
    /// # Errors
    /// [`Refusal::State`].
    pub fn restore(state: &[u8]) -> Result<Self, Refusal> {
        Ok(Self::begin(Engine::restore(Account::decode(state)?)))
    }

    fn enrol_with(enrolment: &Enrolment, handle: u8) -> Result<Self, Refusal> {
        Ok(Self::begin(Engine::enrol(enrolment, Handle(handle), &mut chance()?)?))
    }

    fn begin(engine: Engine) -> Self {
        let events = VecDeque::new();
        let mut device = Self { engine, gate: Gate::Saved, unsent: None, code: None, events, wake: None };
        device.collect();
        device
    }

    /// The account as it is to be stored, at most [`MAX_ACCOUNT_LEN`](matchbook_protocol::engine::MAX_ACCOUNT_LEN)
    /// bytes, with every key and code in clear: the host seals it where others can read what it stores.
    #[must_use]
    pub fn state(&mut self) -> Zeroizing<Vec<u8>> {
        self.gate.give();
        self.engine.account().encode()
    }

    /// The bytes of [`Device::state`], only looked at: the host still has to be given them.
    #[must_use]
    pub fn peek_state(&self) -> Zeroizing<Vec<u8>> {
        self.engine.account().encode()
    }

    /// The host has stored what [`Device::state`] gave, durably.
    ///
    /// # Errors
    /// [`Refusal::NotGiven`]: the account has changed since.
    pub fn saved(&mut self) -> Result<(), Refusal> {
        self.gate.save()
    }

    /// Whether the host has stored the account as it stands.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        self.gate == Gate::Saved
    }

    /// The account as it stands. Nothing secret is in what it tells.
    #[must_use]
    pub const fn account(&self) -> &Account {
        self.engine.account()
    }

    /// When [`Device::tick`] is to be called next, at the latest; `None`: nothing waits.
    #[must_use]
    pub const fn wake_at(&self) -> Option<UnixMillis> {
        self.wake
    }

    /// Sets how eagerly the device sends by itself. Default: [`Pace::DATA`]. It is not stored.
    pub const fn set_pace(&mut self, pace: Pace) {
        self.engine.set_pace(pace);
    }

    /// Lets time pass: what was not answered is sent again when it is due, and a set is asked for when few codes are left.
    ///
    /// # Errors
    /// [`Refusal::NotSaved`], [`Refusal::NoRandomness`].
    pub fn tick(&mut self, now: UnixMillis) -> Result<(), Refusal> {
        self.work(|engine, rng| {
            engine.tick(now);
            // Whoever asks by hand is told why a request cannot be made.
            engine.refill_if_low(now, rng).ok();
            Ok(())
        })?;
        if self.wake.is_some_and(|wake| wake <= now) {
            self.wake = None;
        }
        Ok(())
    }

    /// Asks for a set because the user wants one.
    ///
    /// # Errors
    /// [`Refusal::Request`], [`Refusal::NotSaved`], [`Refusal::NoRandomness`].
    pub fn request_set(&mut self, now: UnixMillis) -> Result<(), Refusal> {
        self.work(|engine, rng| Ok(engine.request_set(now, rng)?))
    }

    /// Asks for a new key because the user wants one.
    ///
    /// # Errors
    /// As [`Device::request_set`].
    pub fn request_rotation(&mut self, now: UnixMillis) -> Result<(), Refusal> {
        self.work(|engine, rng| Ok(engine.request_rotation(now, rng)?))
    }

    /// Says what the device holds, and so learns whether the server has anything for it.
    ///
    /// # Errors
    /// As [`Device::request_set`].
    pub fn request_status(&mut self, now: UnixMillis) -> Result<(), Refusal> {
        self.work(|engine, rng| Ok(engine.request_status(now, rng)?))
    }

    /// Takes in what came from the server: one message, or the body of an HTTP answer with none to four. All of them are
    /// taken in before anything is to be stored or sent.
    ///
    /// # Errors
    /// [`Refusal::Body`]: none of it was taken in; so it is with more than [`MAX_BODY_LEN`] bytes. [`Refusal::Peer`]: why the first of those was refused that were; the
    /// account may have changed nevertheless. [`Refusal::NotSaved`], [`Refusal::NoRandomness`].
    pub fn receive(&mut self, form: Form, bytes: &[u8], now: UnixMillis) -> Result<(), Refusal> {
        // Nothing is set aside for more than that, whoever sent it.
        if bytes.len() > MAX_BODY_LEN {
            return Err(DecodeError::TooLong.into());
        }
        let party = *self.account().party();
        let messages = match form {
            Form::Compressed => vec![bytes.to_vec()],
            Form::Cose => {
                let items = split_sequence(bytes)?;
                items.into_iter().map(|cose| compress_downlink(cose, &party)).collect::<Result<_, _>>()?
            }
        };
        self.work(|engine, rng| {
            let mut first = Ok(());
            for message in &messages {
                let heard = engine.handle_input(message, now, rng);
                first = first.and(heard);
            }
            Ok(first?)
        })
    }

    /// Takes a code: it is used from now on. [`Device::code`] gives it when the account is stored.
    ///
    /// # Errors
    /// [`Refusal::Take`], [`Refusal::CodeUnread`], [`Refusal::NotSaved`], [`Refusal::NoRandomness`].
    pub fn take_code(&mut self, selector: Selector, now: UnixMillis) -> Result<(), Refusal> {
        if self.gate.pass().is_ok() && self.code.is_some() {
            return Err(Refusal::CodeUnread);
        }
        self.work(|engine, rng| Ok(engine.take_code(selector, now, rng).map(drop)?))
    }

    /// The code that was taken; `None`: none was, or it was read. It stays until [`Device::code_read`].
    ///
    /// # Errors
    /// [`Refusal::NotSaved`].
    pub fn code(&self) -> Result<Option<(CodeIndex, &Code)>, Refusal> {
        self.gate.pass()?;
        Ok(self.code.as_ref().map(|(index, code)| (*index, code)))
    }

    /// The host has the code: it is wiped here. Nothing happens before the account is stored.
    pub fn code_read(&mut self) {
        if self.gate.pass().is_ok() {
            self.code = None;
        }
    }

    /// The message that is to be sent now, in a form; `None`: there is none. It stays until [`Device::message_read`].
    ///
    /// # Errors
    /// [`Refusal::NotSaved`].
    pub fn message(&self, form: Form) -> Result<Option<Vec<u8>>, Refusal> {
        self.gate.pass()?;
        let Some(message) = &self.unsent else { return Ok(None) };
        Ok(Some(match form {
            Form::Compressed => message.clone(),
            Form::Cose => expand_uplink(message)?,
        }))
    }

    /// The host has the message. When it is not answered, [`Device::tick`] gives it again. Nothing happens before the
    /// account is stored.
    pub fn message_read(&mut self) {
        if self.gate.pass().is_ok() {
            self.unsent = None;
        }
    }

    /// The oldest event that was not read; `None`: there is none.
    ///
    /// # Errors
    /// [`Refusal::NotSaved`].
    pub fn event(&mut self) -> Result<Option<Event>, Refusal> {
        self.gate.pass()?;
        Ok(self.events.pop_front())
    }

    /// Lets the engine decide something, when the last decision is stored.
    fn work<T>(
        &mut self,
        decide: impl FnOnce(&mut Engine, &mut UnwrapErr<SysRng>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.gate.pass()?;
        let decided = decide(&mut self.engine, &mut chance()?);
        self.collect();
        decided
    }

    /// Puts what the engine wants done behind the gate.
    fn collect(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Persist => self.gate.change(),
                Output::Transmit(message) => self.unsent = Some(message),
                Output::WaitUntil(time) => self.wake = Some(time),
                Output::Event(Event::Code { index, code }) => self.code = Some((index, code)),
                Output::Event(event) => {
                    if self.events.len() == MAX_EVENTS {
                        self.events.pop_front();
                    }
                    self.events.push_back(event);
                }
            }
        }
    }
}

/// The operating system's random source, tried first: within the engine there would be no way back from its failure.
pub(crate) fn chance() -> Result<UnwrapErr<SysRng>, Refusal> {
    let mut source = SysRng;
    source.try_fill_bytes(&mut [0]).map_err(|_| Refusal::NoRandomness)?;
    Ok(UnwrapErr(source))
}
