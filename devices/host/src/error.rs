//! Why the card refuses, in sentences.

use std::fmt;

use crate::reader::ReaderError;

/// Why a command to the card came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardError {
    /// It did not get there, or its answer did not get back.
    Reader(ReaderError),
    /// The application is not on this card.
    NoApplication,
    /// The PIN or PUK is wrong.
    WrongPin {
        /// The tries that are left.
        left: u8,
    },
    /// The PIN has to be verified first.
    NeedsPin,
    /// No tries are left.
    Blocked,
    /// The card was not personalised, or its account can be used no more.
    NotUsable,
    /// Not in this state: it was personalised already or not yet, or the code was taken, or the message is stale.
    NotNow,
    /// The message does not verify.
    Forged,
    /// What was sent makes no sense to the card.
    WrongData,
    /// The card has no such suite or message.
    NotSupported,
    /// There is no such code, or none is left.
    NoCode,
    /// The card holds as many codes as it keeps, or has no room for the account.
    NoRoom,
    /// What was asked for is not there; or the message is for another card.
    NotThere,
    /// The card's memory failed: it has to be taken out and put in again.
    MemoryFailed,
    /// Another status word.
    Word(u16),
    /// The card answered what no card of ours answers.
    Nonsense,
}

impl CardError {
    /// What a status word means (docs/spec/card.md, 6).
    pub(crate) const fn from_word(word: u16) -> Self {
        match word {
            0x63C0..=0x63CF => Self::WrongPin { left: (word & 0x0F) as u8 },
            0x6581 => Self::MemoryFailed,
            0x6982 => Self::NeedsPin,
            0x6983 => Self::Blocked,
            0x6984 => Self::NotUsable,
            0x6985 => Self::NotNow,
            0x6988 => Self::Forged,
            0x6A80 => Self::WrongData,
            0x6A81 => Self::NotSupported,
            0x6A82 => Self::NoApplication,
            0x6A83 => Self::NoCode,
            0x6A84 => Self::NoRoom,
            0x6A88 => Self::NotThere,
            other => Self::Word(other),
        }
    }
}

impl From<ReaderError> for CardError {
    fn from(error: ReaderError) -> Self {
        Self::Reader(error)
    }
}

impl fmt::Display for CardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reader(error) => error.fmt(f),
            Self::NoApplication => f.write_str("the card in the reader is no Matchbook card"),
            Self::WrongPin { left: 0 } => f.write_str("that is wrong, and it was the last try"),
            Self::WrongPin { left: 1 } => f.write_str("that is wrong; 1 try is left"),
            Self::WrongPin { left } => write!(f, "that is wrong; {left} tries are left"),
            Self::NeedsPin => f.write_str("the card wants its PIN first"),
            Self::Blocked => f.write_str("no tries are left"),
            Self::NotUsable => f.write_str("the card was not personalised, or its account can be used no more"),
            Self::NotNow => f.write_str("the card refuses that in the state it is in"),
            Self::Forged => f.write_str("the message does not verify"),
            Self::WrongData => f.write_str("that makes no sense to the card"),
            Self::NotSupported => f.write_str("the card does not have that suite or message"),
            Self::NoCode => f.write_str("the card has no such code"),
            Self::NoRoom => f.write_str("the card has no room for more"),
            Self::NotThere => f.write_str("the card has no such thing"),
            Self::MemoryFailed => f.write_str("the card's memory failed; take it out, and put it in again"),
            Self::Word(word) => write!(f, "the card refused, with the status word {word:04X}"),
            Self::Nonsense => f.write_str("the card answered what no Matchbook card answers"),
        }
    }
}

impl std::error::Error for CardError {}
