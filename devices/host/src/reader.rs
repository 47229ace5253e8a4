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
    /// The PC/SC service does not let this user at its readers.
    Denied,
    /// Anything else, in the words of PC/SC.
    Other(String),
}

impl ReaderError {
    /// What is in the way, in words that may hold the name of a reader or a sentence of PC/SC.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Self::NoProgram => "the program matchbook-reader is not there".to_owned(),
            Self::NoLibrary => "the program matchbook-reader does not start; it needs PC/SC's library".to_owned(),
            Self::NoService => "no PC/SC service runs".to_owned(),
            Self::NoReader { name: None } => "no card reader is there".to_owned(),
            Self::NoReader { name: Some(name) } => format!("there is no card reader {name:?}"),
            Self::NoCard => "there is no card in the reader".to_owned(),
            Self::Several { .. } => "several readers have cards".to_owned(),
            Self::InUse => "another program uses the card".to_owned(),
            Self::Denied => "the PC/SC service does not let this user at the readers".to_owned(),
            Self::Other(why) => format!("the reader failed: {why}"),
        }
    }

    /// What to do, when there is something to say: the rest of a sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoProgram => {
                "build it beside matchbook with `apt-get install libpcsclite-dev` and `cargo build --release -p \
                 matchbook-reader`"
            }
            Self::NoLibrary => "install it: `apt-get install libpcsclite1`",
            Self::NoService => "install and start it: `apt-get install pcscd`, then `pcscd`",
            Self::NoReader { name: None } => "plug one in",
            Self::NoReader { name: Some(_) } => "`matchbook card list` names those that there are",
            Self::NoCard => "put it in",
            Self::Several { names } => return Some(format!("name one of {}", names.join(", "))),
            Self::InUse => "end it, or try again in a moment",
            Self::Denied => "run this as root, or let the user in by a rule of polkit (org.debian.pcsc-lite)",
            Self::Other(_) => return None,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for ReaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what())?;
        self.hint().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

impl std::error::Error for ReaderError {}

impl<R: Reader + ?Sized> Reader for &mut R {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, ReaderError> {
        (**self).transmit(command)
    }
}
