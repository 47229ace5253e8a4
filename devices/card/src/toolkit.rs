//! The card as a SIM's application (TS 31.111): a short message from the server comes in by ENVELOPE, and the card has the
//! telephone send one by the proactive command SEND SHORT MESSAGE. A telephone selects no application for these.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use matchbook_protocol::Pace;
use matchbook_protocol::sms::tpdu::{Deliver, Submit};
use matchbook_protocol::sms::{Form, Limits, MAX_MESSAGE_LEN, MAX_SEGMENTS, Reassembler, segments};
use rand_core::CryptoRng;

use crate::account::Account;
use crate::nvm::Nvm;
use crate::reply::Data;
use crate::status::Refusal;

/// The answer to a command when a proactive one waits to be fetched; the low byte is its length (TS 102 221, 10.2.1.1).
const FETCH_IT: u16 = 0x9100;

/// TERMINAL PROFILE, byte 4, bit 2: the telephone knows SEND SHORT MESSAGE (TS 31.111, 5.2).
const PROFILE_BYTE: usize = 3;
const SENDS_SHORT_MESSAGES: u8 = 0x02;

// Tags (TS 101 220, 7.2), and the comprehension bit of those inside.
const PROACTIVE: u8 = 0xD0;
const SMS_PP_DOWNLOAD: u8 = 0xD1;
const COMPREHENSION: u8 = 0x80;
const COMMAND_DETAILS: u8 = 0x01;
const DEVICE_IDENTITIES: u8 = 0x02;
const RESULT: u8 = 0x03;
const SMS_TPDU: u8 = 0x0B;

/// SEND SHORT MESSAGE, without packing (TS 31.111, 8.6).
const SEND_SHORT_MESSAGE: u8 = 0x13;
/// Numbers of proactive commands (TS 102 223, 6.5.1).
const FIRST_NUMBER: u8 = 0x01;
const LAST_NUMBER: u8 = 0xFE;
const NETWORK: u8 = 0x83;
const CARD: u8 = 0x81;

/// Messages in parts that the card holds: those of one that is under way, and a stranger's beside it.
const LIMITS: Limits = Limits {
    messages: 2,
    messages_per_sender: 1,
    parts: MAX_SEGMENTS,
    age_ms: 24 * 60 * 60 * 1_000,
    bytes: 2 * MAX_MESSAGE_LEN,
};

/// What holds until the next reset.
pub(crate) struct Toolkit {
    /// What the telephone says of itself.
    is_proactive: bool,
    /// TPDUs that wait for the telephone, of one message.
    waiting: VecDeque<Vec<u8>>,
    /// The first of them was fetched, under this number.
    fetched: Option<u8>,
    number: u8,
    /// A message could not be sent: nothing is until the telephone asks.
    rests: bool,
    reassembler: Reassembler,
}

impl Default for Toolkit {
    fn default() -> Self {
        let reassembler = Reassembler::new(LIMITS);
        Self {
            is_proactive: false,
            waiting: VecDeque::new(),
            fetched: None,
            number: FIRST_NUMBER,
            rests: false,
            reassembler,
        }
    }
}

impl Toolkit {
    /// TERMINAL PROFILE: what the telephone can do. It has begun anew, and knows of nothing that it fetched.
    pub(crate) fn profile(&mut self, profile: &[u8]) {
        self.fetched = None;
        self.rests = false;
        self.is_proactive = profile.get(PROFILE_BYTE).is_some_and(|byte| byte & SENDS_SHORT_MESSAGES != 0);
    }

    /// STATUS: the telephone asks whether there is anything, and time has passed.
    pub(crate) fn status(
        &mut self,
        account: &mut Account,
        nvm: &mut impl Nvm,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Refusal> {
        self.rests = false;
        account.time_passes();
        if self.is_proactive { account.refill_if_low(nvm, rng) } else { Ok(()) }
    }

    /// ENVELOPE with SMS-PP DOWNLOAD (TS 31.111, 7.1). A message that is not ours, or does not verify, is answered as if it
    /// were: the centre would send it again and again.
    pub(crate) fn envelope(
        &mut self,
        envelope: &[u8],
        account: &mut Account,
        nvm: &mut impl Nvm,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Refusal> {
        let (SMS_PP_DOWNLOAD, inner, []) = object(envelope)? else { return Err(Refusal::NotSupported) };
        // From here on it is a short message, and the centre is not to send it again, whatever it is.
        let tpdu = find(inner, SMS_TPDU)?.ok_or(Refusal::WrongData)?;
        let Ok(deliver) = Deliver::decode(tpdu) else { return Ok(()) };
        let whole = self.reassembler.accept(&deliver.origin, &deliver.segment, account.time());
        let Ok(Some(message)) = whole else { return Ok(()) };
        let taken = account.take_in(&message, Pace::SHORT_MESSAGES, nvm, rng);
        if account.has_unsent() && self.fetched.is_none() {
            // It says what the one that rests would have said, and more.
            self.waiting.clear();
        }
        match taken {
            Err(failed @ (Refusal::MemoryFailed | Refusal::Failed)) => Err(failed),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The status word in the place of `9000`: says when a command waits for the telephone.
    pub(crate) fn done(&mut self, account: &mut Account, done: u16) -> u16 {
        if !self.is_proactive || self.rests || self.fetched.is_some() {
            return done;
        }
        if self.waiting.is_empty() {
            self.waiting = outgoing(account).unwrap_or_default();
        }
        let waiting = self.waiting.front().and_then(|tpdu| command(self.number, tpdu).ok());
        let length = waiting.and_then(|command| u8::try_from(command.len()).ok());
        length.map_or(done, |length| FETCH_IT | u16::from(length))
    }

    /// FETCH.
    pub(crate) fn fetch(&mut self) -> Result<Data, Refusal> {
        let tpdu = self.waiting.front().filter(|_| !self.rests).ok_or(Refusal::NotNow)?;
        let command = command(self.number, tpdu)?;
        self.fetched = Some(self.number);
        Ok(command)
    }

    /// TERMINAL RESPONSE: what became of it. What could not be sent is tried again when the telephone asks next (STATUS), as
    /// the same bytes. So is a command whose response says nothing.
    pub(crate) fn response(&mut self, response: &[u8]) -> Result<(), Refusal> {
        let fetched = self.fetched.take().ok_or(Refusal::NotNow)?;
        self.number = if self.number >= LAST_NUMBER { FIRST_NUMBER } else { self.number + 1 };
        match result(response, fetched) {
            Some(result) if is_performed(result) => {
                self.waiting.pop_front();
                Ok(())
            }
            Some(_) => {
                self.rests = true;
                Ok(())
            }
            None => {
                self.rests = true;
                Err(Refusal::WrongData)
            }
        }
    }
}

/// The general result of the command of this number.
fn result(response: &[u8], number: u8) -> Option<u8> {
    let details = find(response, COMMAND_DETAILS).ok()??;
    let result = find(response, RESULT).ok()??;
    if details.first() == Some(&number) { result.first().copied() } else { None }
}

/// The TPDUs of what the account wants sent, when its server is a number.
fn outgoing(account: &mut Account) -> Option<VecDeque<Vec<u8>>> {
    let destination = account.stands()?.sms_server()?;
    let message = account.outgoing()?;
    let reference = message.last().copied().unwrap_or(0);
    let parts = segments(&message, Form::Binary, reference).ok()?;
    let submit = |segment| Submit {
        reference: 0,
        destination: destination.clone(),
        segment,
        validity_minutes: None,
        wants_report: false,
    };
    parts.into_iter().map(|segment| submit(segment).encode().ok()).collect()
}

/// SEND SHORT MESSAGE, to the service centre that the SIM is set to.
fn command(number: u8, tpdu: &[u8]) -> Result<Data, Refusal> {
    let mut inner = Data::new();
    put(&mut inner, COMPREHENSION | COMMAND_DETAILS, &[number, SEND_SHORT_MESSAGE, 0x00])?;
    put(&mut inner, COMPREHENSION | DEVICE_IDENTITIES, &[CARD, NETWORK])?;
    put(&mut inner, COMPREHENSION | SMS_TPDU, tpdu)?;
    let mut command = Data::new();
    put(&mut command, PROACTIVE, &inner)?;
    Ok(command)
}

/// General results 00 to 0F (TS 31.111, 8.12).
const fn is_performed(result: u8) -> bool {
    result < 0x10
}

fn put(data: &mut Data, tag: u8, value: &[u8]) -> Result<(), Refusal> {
    let length = u8::try_from(value.len()).map_err(|_| Refusal::Failed)?;
    let head: &[u8] = if length < LONG_FORM { &[tag, length] } else { &[tag, LONG_FORM | 1, length] };
    data.extend_from_slice(head).and_then(|()| data.extend_from_slice(value)).map_err(|_| Refusal::Failed)
}

/// A length from here on is in a byte of its own.
const LONG_FORM: u8 = 0x80;

/// The first object: its tag and value, and what follows.
fn object(data: &[u8]) -> Result<(u8, &[u8], &[u8]), Refusal> {
    let (tag, rest) = data.split_first().ok_or(Refusal::WrongData)?;
    let (length, rest) = match rest.split_first().ok_or(Refusal::WrongData)? {
        (&length, rest) if length < LONG_FORM => (usize::from(length), rest),
        (0x81, rest) => {
            rest.split_first().map(|(length, rest)| (usize::from(*length), rest)).ok_or(Refusal::WrongData)?
        }
        _ => return Err(Refusal::WrongData),
    };
    let (value, rest) = rest.split_at_checked(length).ok_or(Refusal::WrongData)?;
    Ok((*tag, value, rest))
}

/// The value of the first object of a tag, whatever its comprehension bit.
fn find(mut data: &[u8], wanted: u8) -> Result<Option<&[u8]>, Refusal> {
    while !data.is_empty() {
        let (tag, value, rest) = object(data)?;
        if tag & !COMPREHENSION == wanted {
            return Ok(Some(value));
        }
        data = rest;
    }
    Ok(None)
}
