//! The account on the card: its messages and its codes. What the engine decides is stored before anything of it is answered.

use matchbook_protocol::{Code, CodeIndex, Engine, Event, Output, Pace, RequestError, Selector, UnixMillis};
use rand_core::CryptoRng;

use crate::nvm::{ACCOUNT_AT, ACCOUNT_ROOM, Nvm, NvmError, Record};
use crate::reply::Data;
use crate::status::Refusal;

/// What the host wants of the next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    what: What,
    pace: Pace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Whatever waits to be sent.
    Waiting,
    /// A set, because the user asks.
    Set,
    /// A new key.
    Key,
    /// An answer, which tells what the server has for this card.
    Status,
}

/// The account, and where it is stored.
pub(crate) struct Account {
    record: Record,
    engine: Option<Engine>,
    /// What the engine wants sent and nobody has fetched. All but a last acknowledgement is pending in the account too.
    unsent: Option<Data>,
    /// Whether the message that waits for its answer was given out since the last reset.
    is_sent: bool,
    clock: Clock,
}

/// What paces what the card asks for by itself; nothing else rests on it. The card has no clock.
#[derive(Clone, Copy)]
struct Clock {
    /// What the host told since the last reset.
    told: Option<UnixMillis>,
    /// Otherwise: the time at which a refill is due, so that one is asked for after each reset, and from then on as the
    /// telephone counts.
    counted: UnixMillis,
}

/// What passes from one STATUS of a telephone to the next, unless another interval was agreed on (TS 102 221, 14.6.2).
const STATUS_INTERVAL_MS: u64 = 30_000;

impl Ask {
    /// P1: what; P2: the bearer, 0 for data and 1 for short messages.
    pub(crate) const fn of(p1: u8, p2: u8) -> Result<Self, Refusal> {
        let what = match p1 {
            0 => What::Waiting,
            1 => What::Set,
            2 => What::Key,
            3 => What::Status,
            _ => return Err(Refusal::WrongParameters),
        };
        match bearer(p2) {
            Ok(pace) => Ok(Self { what, pace }),
            Err(why) => Err(why),
        }
    }
}

/// The pace of the bearer that P2 names.
pub(crate) const fn bearer(p2: u8) -> Result<Pace, Refusal> {
    match p2 {
        0 => Ok(Pace::DATA),
        1 => Ok(Pace::SHORT_MESSAGES),
        _ => Err(Refusal::WrongParameters),
    }
}

impl Account {
    pub(crate) fn open(nvm: &mut impl Nvm) -> Result<Self, NvmError> {
        let (record, stored) = Record::open(nvm, ACCOUNT_AT, ACCOUNT_ROOM)?;
        let stored = stored.map(|stored| matchbook_protocol::Account::decode(&stored).map_err(|_| NvmError));
        let engine = stored.transpose()?.map(Engine::restore);
        let asked = engine.as_ref().map_or(0, |engine| engine.account().refill_asked().0);
        // A host's clock may have been wrong by any amount: a time that lies ahead of 0 is one at which a refill is due.
        let counted = UnixMillis(asked.checked_add(Pace::SHORT_MESSAGES.refill_ms).unwrap_or(0));
        Ok(Self { record, engine, unsent: None, is_sent: false, clock: Clock { told: None, counted } })
    }

    /// The account as it stands; `None`: the card has none yet.
    pub(crate) fn stands(&self) -> Option<&matchbook_protocol::Account> {
        self.engine.as_ref().map(Engine::account)
    }

    /// Takes an account in the place of the one that there is.
    pub(crate) fn begin(&mut self, engine: Engine, nvm: &mut impl Nvm) -> Result<(), Refusal> {
        self.engine = Some(engine);
        self.carry_out(nvm).map(drop)
    }

    /// What is to be sent, once: what the engine wants sent, and after a reset the message that waits for its answer.
    pub(crate) fn outgoing(&mut self) -> Option<Data> {
        let pending = self.engine.as_ref().and_then(Engine::pending_message).filter(|_| !self.is_sent);
        let message = self.unsent.take().or_else(|| Data::from_slice(pending?).ok());
        self.is_sent = self.is_sent || message.is_some();
        message
    }

    /// Whether there is something new to send.
    pub(crate) const fn has_unsent(&self) -> bool {
        self.unsent.is_some()
    }

    /// The time, as far as the card knows.
    pub(crate) fn time(&self) -> UnixMillis {
        self.clock.told.unwrap_or(self.clock.counted)
    }

    /// The host tells the time.
    pub(crate) const fn set_time(&mut self, now: UnixMillis) {
        self.clock.told = Some(now);
    }

    /// A telephone that tells no time has sent another STATUS.
    pub(crate) const fn time_passes(&mut self) {
        self.clock.counted = UnixMillis(self.clock.counted.0.saturating_add(STATUS_INTERVAL_MS));
    }

    /// Asks for a refill if one is due: for a telephone, which does not ask by itself.
    pub(crate) fn refill_if_low(&mut self, nvm: &mut impl Nvm, rng: &mut impl CryptoRng) -> Result<(), Refusal> {
        let now = self.time();
        let Some(engine) = self.engine.as_mut() else { return Ok(()) };
        engine.set_pace(Pace::SHORT_MESSAGES);
        // What cannot be asked for now is asked for later.
        let _ = engine.refill_if_low(now, rng);
        self.carry_out(nvm).map(drop)
    }

    /// The message that waits to be sent, after asking for what the host wants.
    pub(crate) fn next_message(
        &mut self,
        ask: Ask,
        nvm: &mut impl Nvm,
        rng: &mut impl CryptoRng,
    ) -> Result<Data, Refusal> {
        let now = self.time();
        let engine = self.engine.as_mut().ok_or(Refusal::NotUsable)?;
        engine.set_pace(ask.pace);
        let asked: Result<(), RequestError> = match ask.what {
            What::Waiting => engine.refill_if_low(now, rng).map(drop),
            What::Set => engine.request_set(now, rng),
            What::Key => engine.request_rotation(now, rng),
            What::Status => engine.request_status(now, rng),
        };
        self.carry_out(nvm)?;
        // Before the server has confirmed the enrolment there is one message, whatever is asked for.
        if let Err(why) = asked
            && why != RequestError::NotEnrolled
        {
            return Err(why.into());
        }
        self.is_sent = true;
        if let Some(unsent) = self.unsent.take() {
            return Ok(unsent);
        }
        let pending = self.engine.as_ref().and_then(Engine::pending_message).ok_or(Refusal::NotThere)?;
        Data::from_slice(pending).map_err(|_| Refusal::Failed)
    }

    /// Takes a message from the server in. Answers with what came of it: a tag, a length and a value each.
    pub(crate) fn take_in(
        &mut self,
        message: &[u8],
        pace: Pace,
        nvm: &mut impl Nvm,
        rng: &mut impl CryptoRng,
    ) -> Result<Data, Refusal> {
        let now = self.time();
        let engine = self.engine.as_mut().ok_or(Refusal::NotUsable)?;
        engine.set_pace(pace);
        let heard = engine.handle_input(message, now, rng);
        let done = self.carry_out(nvm)?;
        heard.map(|_| done.happened).map_err(Refusal::from)
    }

    /// Takes a code: the next one, or the one with the index that the data names. It is burnt before it is answered.
    pub(crate) fn take_code(
        &mut self,
        index: Option<&[u8]>,
        nvm: &mut impl Nvm,
        rng: &mut impl CryptoRng,
    ) -> Result<Data, Refusal> {
        let selector = match index {
            None => Selector::Next,
            Some(index) => {
                let index = <[u8; 4]>::try_from(index).map_err(|_| Refusal::WrongLength)?;
                Selector::Index(CodeIndex(u32::from_be_bytes(index)))
            }
        };
        let now = self.time();
        let engine = self.engine.as_mut().ok_or(Refusal::NotUsable)?;
        engine.take_code(selector, now, rng)?;
        let (index, code) = self.carry_out(nvm)?.code.ok_or(Refusal::Failed)?;
        let mut data = Data::new();
        let whole = data.extend_from_slice(&index.0.to_be_bytes());
        whole.and_then(|()| data.extend_from_slice(code.reveal().as_bytes())).map_err(|_| Refusal::Failed)?;
        Ok(data)
    }

    /// Does what the engine wants done, in its order. What cannot be stored did not happen.
    fn carry_out(&mut self, nvm: &mut impl Nvm) -> Result<Done, Refusal> {
        let mut done = Done::default();
        while let Some(output) = self.engine.as_mut().and_then(Engine::poll_output) {
            match output {
                Output::Persist => self.persist(nvm)?,
                Output::Event(Event::Code { index, code }) => done.code = Some((index, code)),
                Output::Event(event) => done.happened(&event),
                Output::Transmit(message) => self.unsent = Data::from_slice(&message).ok(),
                // The host asks for messages at its own times.
                Output::WaitUntil(_) => {}
            }
        }
        Ok(done)
    }

    fn persist(&mut self, nvm: &mut impl Nvm) -> Result<(), Refusal> {
        let Some(engine) = &self.engine else { return Ok(()) };
        let stored = self.record.store(nvm, &engine.account().encode()).map_err(Refusal::from);
        if stored == Err(Refusal::NoRoom) {
            // The old account is in the memory as it was.
            let clock = self.clock;
            *self = Self::open(nvm)?;
            self.clock = clock;
        }
        stored
    }
}

/// What the engine did.
#[derive(Default)]
struct Done {
    code: Option<(CodeIndex, Code)>,
    happened: Data,
}

impl Done {
    fn happened(&mut self, event: &Event) {
        let mut data = Data::new();
        let (tag, value): (u8, &[u8]) = match event {
            Event::Enrolled => (0x01, &[]),
            Event::SetAccepted { first, last, dropped, .. } => {
                let dropped = u32::try_from(*dropped).unwrap_or(u32::MAX);
                let numbers = [first.0, last.0, dropped].map(u32::to_be_bytes);
                let _ = data.extend_from_slice(numbers.as_flattened());
                (0x02, &data)
            }
            Event::SetConflict { first, last } => {
                let _ = data.extend_from_slice([first.0, last.0].map(u32::to_be_bytes).as_flattened());
                (0x03, &data)
            }
            Event::KeyReplaced { epoch } => {
                let _ = data.extend_from_slice(&epoch.0.to_be_bytes());
                (0x04, &data)
            }
            Event::KeyConflict => (0x05, &[]),
            Event::RunningLow { .. } => (0x06, &[]),
            Event::Suspended => (0x07, &[]),
            Event::Resumed => (0x08, &[]),
            Event::ReenrolmentNeeded => (0x09, &[]),
            // It is answered, and not told of.
            Event::Code { .. } => return,
        };
        let len = u8::try_from(value.len()).unwrap_or(0);
        // One message does no more than fits.
        let _ = self.happened.extend_from_slice(&[tag, len]).and_then(|()| self.happened.extend_from_slice(value));
    }
}
