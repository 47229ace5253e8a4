//! Who may do what: the life cycle, the PIN and the PUK. A try is counted durably before it is compared, so that whoever
//! cuts the power gains none.

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::nvm::{ACCESS_AT, Nvm, NvmError, Record};
use crate::status::Refusal;

/// Bytes of a PIN or PUK: 4 to 8 ASCII digits, filled up with `FF`, as on a SIM (TS 51.011, 9.3).
pub(crate) const PIN_LEN: usize = 8;
/// The fewest digits of a PIN.
const MIN_DIGITS: usize = 4;
/// The most tries that a status word can tell.
const MAX_TRIES: u8 = 15;
/// Bytes of the record.
pub(crate) const ACCESS_ROOM: usize = 3 + 2 * SECRET_LEN;

const VERSION: u8 = 1;
const SECRET_LEN: usize = PIN_LEN + 2;

/// Where the card is in its life (ISO 7816-4, table 14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It is being personalised: 03.
    Initialisation,
    /// It is in use, and cannot be personalised any more: 05.
    Operational,
}

/// What the user proves to know.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Reference {
    digits: [u8; PIN_LEN],
    /// At each success they are this many again.
    most: u8,
    left: u8,
}

/// The record, as it is stored, and where.
pub(crate) struct Access {
    record: Record,
    life: Life,
    is_set: bool,
    pin: Reference,
    puk: Reference,
}

/// Which of the two.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    Pin,
    Puk,
}

impl Access {
    pub(crate) fn open(nvm: &mut impl Nvm) -> Result<Self, NvmError> {
        let (record, stored) = Record::open(nvm, ACCESS_AT, ACCESS_ROOM)?;
        let none = || Reference { digits: [0; PIN_LEN], most: 0, left: 0 };
        let fresh = Self { record, life: Life::Initialisation, is_set: false, pin: none(), puk: none() };
        match stored {
            Some(stored) => fresh.decode(&stored).ok_or(NvmError),
            None => Ok(fresh),
        }
    }

    pub(crate) const fn life(&self) -> Life {
        self.life
    }

    /// Whether the PIN and the PUK were given.
    pub(crate) const fn is_set(&self) -> bool {
        self.is_set
    }

    /// Tries that are left.
    pub(crate) const fn left(&self, which: Which) -> u8 {
        match which {
            Which::Pin => self.pin.left,
            Which::Puk => self.puk.left,
        }
    }

    /// Gives the card its PIN and PUK: `pin (8) · puk (8) · tries of the PIN (1) · tries of the PUK (1)`.
    pub(crate) fn set(&mut self, nvm: &mut impl Nvm, data: &[u8]) -> Result<(), Refusal> {
        let (pin, rest) = data.split_first_chunk::<PIN_LEN>().ok_or(Refusal::WrongLength)?;
        let (puk, tries) = rest.split_first_chunk::<PIN_LEN>().ok_or(Refusal::WrongLength)?;
        let [of_pin, of_puk] = *tries else { return Err(Refusal::WrongLength) };
        let is_right = |tries: u8| (1..=MAX_TRIES).contains(&tries);
        if !is_pin(pin) || !is_pin(puk) || !is_right(of_pin) || !is_right(of_puk) {
            return Err(Refusal::WrongData);
        }
        self.pin = Reference { digits: *pin, most: of_pin, left: of_pin };
        self.puk = Reference { digits: *puk, most: of_puk, left: of_puk };
        self.is_set = true;
        self.store(nvm)
    }

    /// Ends the personalisation, for good.
    pub(crate) fn activate(&mut self, nvm: &mut impl Nvm) -> Result<(), Refusal> {
        self.life = Life::Operational;
        self.store(nvm)
    }

    /// Compares what the user presents. A try is gone before it is compared, and comes back with a success.
    pub(crate) fn verify(&mut self, nvm: &mut impl Nvm, which: Which, presented: &[u8]) -> Result<(), Refusal> {
        let presented: &[u8; PIN_LEN] = presented.try_into().map_err(|_| Refusal::WrongLength)?;
        if !self.is_set {
            return Err(Refusal::NotUsable);
        }
        let reference = self.reference(which);
        reference.left = reference.left.checked_sub(1).ok_or(Refusal::Blocked)?;
        self.store(nvm)?;
        let reference = self.reference(which);
        if !bool::from(reference.digits.ct_eq(presented)) {
            return Err(Refusal::WrongPin { left: reference.left });
        }
        reference.left = reference.most;
        self.store(nvm)
    }

    /// Whether this may be a new PIN.
    pub(crate) fn check_new(new: &[u8]) -> Result<&[u8; PIN_LEN], Refusal> {
        let new = new.try_into().map_err(|_| Refusal::WrongLength)?;
        if is_pin(new) { Ok(new) } else { Err(Refusal::WrongData) }
    }

    /// Sets a new PIN, with all of its tries. The caller has verified what it takes.
    pub(crate) fn change(&mut self, nvm: &mut impl Nvm, new: &[u8]) -> Result<(), Refusal> {
        self.pin.digits = *Self::check_new(new)?;
        self.pin.left = self.pin.most;
        self.store(nvm)
    }

    fn reference(&mut self, which: Which) -> &mut Reference {
        match which {
            Which::Pin => &mut self.pin,
            Which::Puk => &mut self.puk,
        }
    }

    fn store(&mut self, nvm: &mut impl Nvm) -> Result<(), Refusal> {
        let mut stored = zeroize::Zeroizing::new([0; ACCESS_ROOM]);
        let head = [VERSION, self.life.to_byte(), u8::from(self.is_set)];
        let of = |it: &Reference| it.digits.into_iter().chain([it.most, it.left]);
        let bytes = head.into_iter().chain(of(&self.pin)).chain(of(&self.puk));
        stored.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        self.record.store(nvm, stored.as_slice()).map_err(Refusal::from)
    }

    fn decode(mut self, stored: &[u8]) -> Option<Self> {
        let stored: &[u8; ACCESS_ROOM] = stored.try_into().ok()?;
        let ([version, life, is_set], rest) = stored.split_first_chunk::<3>()?;
        if *version != VERSION {
            return None;
        }
        let (pin, puk) = rest.split_at_checked(SECRET_LEN)?;
        self.life = Life::from_byte(*life)?;
        self.is_set = *is_set == 1;
        (self.pin, self.puk) = (Reference::decode(pin)?, Reference::decode(puk)?);
        Some(self)
    }
}

impl Life {
    /// As GET DATA tells it and as it is stored.
    pub(crate) const fn to_byte(self) -> u8 {
        match self {
            Self::Initialisation => 3,
            Self::Operational => 5,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            3 => Some(Self::Initialisation),
            5 => Some(Self::Operational),
            _ => None,
        }
    }
}

impl Reference {
    fn decode(stored: &[u8]) -> Option<Self> {
        let (digits, tries) = stored.split_first_chunk::<PIN_LEN>()?;
        let [most, left] = *tries else { return None };
        Some(Self { digits: *digits, most, left })
    }
}

/// Whether this is 4 to 8 digits with `FF` behind them.
fn is_pin(bytes: &[u8; PIN_LEN]) -> bool {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits >= MIN_DIGITS && bytes.iter().skip(digits).all(|byte| *byte == 0xFF)
}
