//! What takes a command to a card, and what may be in the way.

use std::fmt;

use zeroize::Zeroizing;

/// A card in a reader, held by this program alone.
pub trait Reader {
    /// Carries a command APDU to the card and brings its answer APDU back, status word included.
    ///
    /// # Errors
    /// See [`ReaderError`]. The card may have carried the command out or not.
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, ReaderError>;
}

/// What is between this program and a card. Each sentence says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReaderError {
    /// The program that speaks to readers is not beside this one, nor in the path.
    NoProgram,
    /// It does not start: mostly because libpcsclite is missing.
    NoLibrary,
    /// No PC/SC service runs.
    NoService,
    /// No reader, or none of that name.
    NoReader {
        /// The name that was asked for.
        name: Option<String>,
    },
    /// No reader has a card in it, or the card was taken out.
    NoCard,
    /// Several readers have cards.
    Several {
        /// Their names.
        names: Vec<String>,
    },
    /// Another program uses the card.
    InUse,
    /// Anything else, in the words of PC/SC.
    Other(String),
}

impl fmt::Display for ReaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProgram => f.write_str(
                "the program matchbook-reader is not there; build it beside matchbook with `apt-get install \
                 libpcsclite-dev` and `cargo build --release -p matchbook-reader`",
            ),
            Self::NoLibrary => f.write_str(
                "the program matchbook-reader does not start; it needs PC/SC's library: `apt-get install libpcsclite1`",
            ),
            Self::NoService => {
                f.write_str("no PC/SC service runs; install and start it: `apt-get install pcscd`, then `pcscd`")
            }
            Self::NoReader { name: None } => f.write_str("no card reader is there; plug one in"),
            Self::NoReader { name: Some(name) } => {
                write!(f, "there is no card reader {name:?}; `matchbook card list` names those that there are")
            }
            Self::NoCard => f.write_str("there is no card in the reader; put it in"),
            Self::Several { names } => write!(f, "several readers have cards; name one of {}", names.join(", ")),
            Self::InUse => f.write_str("another program uses the card; end it, or try again in a moment"),
            Self::Other(why) => write!(f, "the reader failed: {why}"),
        }
    }
}

impl std::error::Error for ReaderError {}

impl<R: Reader + ?Sized> Reader for &mut R {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, ReaderError> {
        (**self).transmit(command)
    }
}
