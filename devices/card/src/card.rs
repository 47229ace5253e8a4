//! The card: which command does what, and what it needs first.

use rand_core::CryptoRng;

use crate::about;
use crate::access::{Access, Life, PIN_LEN, Which};
use crate::account::{Account, Ask, bearer};
use crate::apdu::{Chain, Command, Header};
use crate::nvm::{Nvm, NvmError};
use crate::personalise;
use crate::reply::{self, Answer, Data, Rest};
use crate::status::{OK, Refusal};
use crate::toolkit::Toolkit;

/// The application's identifier (ISO 7816-4, 8.2.1.2): of the unregistered category, `F0` and "Matchbook", version 1.
pub const AID: [u8; 11] = *b"\xF0Matchbook\x01";

/// The answer to reset that a card with this application and no other may give (ISO 7816-3, 8): T=1; in the historical
/// bytes (ISO 7816-4, 12.1.1.9) that applications are selected by their names or the first bytes of them, and that
/// chained commands and extended lengths are taken.
pub const ATR: [u8; 10] = [0x3B, 0x85, 0x81, 0x01, 0x80, 0x73, 0xC0, 0x01, 0xC0, 0xF7];

/// The card.
pub struct Card<N, R> {
    nvm: N,
    rng: R,
    /// `None`: the memory failed, and nothing works until the card is reset.
    held: Option<Held>,
    session: Session,
    toolkit: Toolkit,
    chain: Chain,
    rest: Rest,
}

/// What the card has of its memory.
pub(crate) struct Held {
    pub(crate) access: Access,
    pub(crate) account: Account,
}

/// What holds until the next reset.
#[derive(Default)]
struct Session {
    is_selected: bool,
    is_verified: bool,
}

impl<N: Nvm, R: CryptoRng> Card<N, R> {
    /// A card with this memory, as it is when its power comes.
    pub fn new(nvm: N, rng: R) -> Self {
        let (session, toolkit) = (Session::default(), Toolkit::default());
        let (chain, rest) = (Chain::default(), Rest::default());
        let mut card = Self { nvm, rng, held: None, session, toolkit, chain, rest };
        card.reset();
        card
    }

    /// What a reset does, and a power cut: all is forgotten but the memory.
    pub fn reset(&mut self) {
        self.session = Session::default();
        self.toolkit = Toolkit::default();
        self.chain.clear();
        self.rest.clear();
        // What is known of the memory goes first, so that there are never two of it.
        self.held = None;
        self.held = Held::open(&mut self.nvm).ok();
    }

    /// Carries a command out. Whatever the bytes are, there is an answer, of two bytes at least.
    pub fn transmit(&mut self, apdu: &[u8]) -> Answer {
        // The chain stands aside, for the command borrows from it.
        let mut chain = core::mem::take(&mut self.chain);
        let answer = match chain.take(apdu) {
            Ok(Some(command)) => {
                let answer = self.answer(&command);
                chain.clear();
                answer
            }
            Ok(None) => reply::go_on(),
            Err(why) => {
                self.rest.clear();
                reply::refused(why)
            }
        };
        self.chain = chain;
        answer
    }

    /// The memory, when the card is no longer needed.
    pub fn into_nvm(self) -> N {
        self.nvm
    }

    fn answer(&mut self, command: &Command<'_>) -> Answer {
        if command.header == GET_RESPONSE {
            if self.held.is_none() {
                return reply::refused(Refusal::MemoryFailed);
            }
            if self.rest.is_empty() {
                return reply::refused(Refusal::NotNow);
            }
            let done = self.done();
            return self.rest.next(command.expected, done);
        }
        self.rest.clear();
        match self.execute(command) {
            Ok(data) => {
                self.rest.put(data);
                let done = self.done();
                self.rest.next(command.expected, done)
            }
            Err(Refusal::MemoryFailed) => {
                // What is in the memory is not certain any more, so nothing of what is known of it is used.
                self.held = None;
                self.session = Session::default();
                reply::refused(Refusal::MemoryFailed)
            }
            Err(why) => reply::refused(why),
        }
    }

    /// `9000`, or that a command for the telephone waits.
    fn done(&mut self) -> u16 {
        match self.held.as_mut().map(Held::in_use) {
            Some(Ok(held)) => self.toolkit.done(&mut held.account, OK),
            Some(Err(_)) | None => OK,
        }
    }

    fn execute(&mut self, command: &Command<'_>) -> Result<Data, Refusal> {
        let Header { is_own, ins, p1, p2 } = command.header;
        let held = self.held.as_mut().ok_or(Refusal::MemoryFailed)?;
        if (is_own, ins) == (false, 0xA4) {
            self.session = Session::default();
            return select(p1, p2, command.data, held).inspect(|_| self.session.is_selected = true);
        }
        let (nvm, rng, data) = (&mut self.nvm, &mut self.rng, command.data);
        if is_own && matches!(ins, 0x10 | 0x12 | 0x14 | 0xC2 | 0xF2) {
            // STATUS may ask in other ways (TS 102 221, 11.1.2), and is answered alike: without data.
            let is_status = ins == 0xF2 && p1 <= 0x02 && matches!(p2, 0x00 | 0x01 | 0x0C);
            if (p1, p2) != (0, 0) && !is_status {
                return Err(Refusal::WrongParameters);
            }
            return of_toolkit(ins, data, held.in_use()?, &mut self.toolkit, nvm, rng);
        }
        if !self.session.is_selected {
            return Err(Refusal::NoApplication);
        }
        let is_pin = (p1, p2) == (0x00, PIN_REFERENCE);
        match (is_own, ins) {
            (false, 0x20) if is_pin => verify(nvm, held, &mut self.session, data),
            (false, 0x24) if is_pin => change(nvm, held, &mut self.session, data),
            (false, 0x2C) if is_pin => unblock(nvm, held, &mut self.session, data),
            (false, 0xCA) => about::get(p1, p2, held, self.session.is_verified),
            (false, 0xDA) => {
                // A PIN that was verified may be another one afterwards.
                self.session.is_verified &= p2 == PUT_TIME;
                personalise::put((p1, p2), data, nvm, rng, held).map(|()| Data::new())
            }
            (false, 0x44) if (p1, p2) == (0, 0) => {
                self.session.is_verified = false;
                personalise::activate(nvm, held).map(|()| Data::new())
            }
            (true, 0x40) => {
                let ask = Ask::of(p1, p2)?;
                held.in_use()?.account.next_message(ask, nvm, rng)
            }
            (true, 0x42) if p1 == 0 => {
                let pace = bearer(p2)?;
                held.in_use()?.account.take_in(data, pace, nvm, rng)
            }
            (true, 0x44 | 0x46) if (p1, p2) == (0, 0) => {
                let held = held.in_use()?;
                if !self.session.is_verified {
                    return Err(Refusal::NoPin);
                }
                held.account.take_code((ins == 0x46).then_some(data), nvm, rng)
            }
            (false, 0x20 | 0x24 | 0x2C | 0x44) | (true, 0x42 | 0x44 | 0x46) => Err(Refusal::WrongParameters),
            _ => Err(Refusal::WrongInstruction),
        }
    }
}

/// TERMINAL PROFILE, FETCH, TERMINAL RESPONSE, ENVELOPE, STATUS.
fn of_toolkit(
    ins: u8,
    data: &[u8],
    held: &mut Held,
    toolkit: &mut Toolkit,
    nvm: &mut impl Nvm,
    rng: &mut impl CryptoRng,
) -> Result<Data, Refusal> {
    match ins {
        0x10 => toolkit.profile(data),
        0x12 => return toolkit.fetch(),
        0x14 => toolkit.response(data)?,
        0xC2 => toolkit.envelope(data, &mut held.account, nvm, rng)?,
        _ => toolkit.status(&mut held.account, nvm, rng)?,
    }
    Ok(Data::new())
}

impl Held {
    fn open(nvm: &mut impl Nvm) -> Result<Self, NvmError> {
        Ok(Self { access: Access::open(nvm)?, account: Account::open(nvm)? })
    }

    /// The card, if its personalisation is over.
    fn in_use(&mut self) -> Result<&mut Self, Refusal> {
        match self.access.life() {
            Life::Operational => Ok(self),
            Life::Initialisation => Err(Refusal::NotNow),
        }
    }
}

/// PUT DATA of the time, which a card in use takes too.
const PUT_TIME: u8 = 0x20;
const GET_RESPONSE: Header = Header { is_own: false, ins: 0xC0, p1: 0, p2: 0 };
/// The PIN's reference: of the application, number 0 (ISO 7816-4, table 95).
const PIN_REFERENCE: u8 = 0x80;

/// By the application's name, or the first bytes of it; answers with control information, unless none is wanted.
fn select(p1: u8, p2: u8, name: &[u8], held: &Held) -> Result<Data, Refusal> {
    if p1 != 0x04 || !matches!(p2, 0x00 | 0x04 | 0x0C) {
        return Err(Refusal::WrongParameters);
    }
    if name.is_empty() || !AID.starts_with(name) {
        return Err(Refusal::NoApplication);
    }
    if p2 == 0x0C { Ok(Data::new()) } else { about::control_information(held) }
}

/// Without data: says whether it is needed, and how many tries are left.
fn verify(nvm: &mut impl Nvm, held: &mut Held, session: &mut Session, data: &[u8]) -> Result<Data, Refusal> {
    if data.is_empty() {
        return match held.access.left(Which::Pin) {
            _ if session.is_verified => Ok(Data::new()),
            _ if !held.access.is_set() => Err(Refusal::NotUsable),
            0 => Err(Refusal::Blocked),
            left => Err(Refusal::WrongPin { left }),
        };
    }
    session.is_verified = false;
    held.access.verify(nvm, Which::Pin, data)?;
    session.is_verified = true;
    Ok(Data::new())
}

/// The old PIN and the new one.
fn change(nvm: &mut impl Nvm, held: &mut Held, session: &mut Session, data: &[u8]) -> Result<Data, Refusal> {
    replace_pin(nvm, held, session, Which::Pin, data)
}

/// The PUK and a new PIN.
fn unblock(nvm: &mut impl Nvm, held: &mut Held, session: &mut Session, data: &[u8]) -> Result<Data, Refusal> {
    replace_pin(nvm, held, session, Which::Puk, data)
}

fn replace_pin(
    nvm: &mut impl Nvm,
    held: &mut Held,
    session: &mut Session,
    by: Which,
    data: &[u8],
) -> Result<Data, Refusal> {
    let (known, new) = data.split_first_chunk::<PIN_LEN>().ok_or(Refusal::WrongLength)?;
    // Before a try is counted.
    Access::check_new(new)?;
    session.is_verified = false;
    held.access.verify(nvm, by, known)?;
    held.access.change(nvm, new)?;
    session.is_verified = true;
    Ok(Data::new())
}
