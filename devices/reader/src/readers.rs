//! PC/SC: the readers, and the card in one of them.

use std::ffi::CString;
use std::fmt;

use pcsc::{Card, Context, Disposition, Error, Protocols, ReaderState, Scope, ShareMode, State};
use zeroize::Zeroizing;

/// The readers, and the card that was connected.
#[derive(Default)]
pub(crate) struct Readers {
    context: Option<Context>,
    card: Option<Card>,
}

/// What is in the way.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// A line that means nothing.
    Line,
    /// No PC/SC service runs.
    NoService,
    /// No reader of this name.
    NoReader,
    /// No card in it, or it was taken out.
    NoCard,
    /// Another program holds the card.
    InUse,
    /// The service does not let this user at its readers.
    Denied,
    /// Anything else, as PC/SC says it.
    Other(Error),
}

impl Readers {
    /// Every reader's name, and whether a card is in it.
    pub(crate) fn list(&mut self) -> Result<Vec<(Vec<u8>, bool)>, Trouble> {
        let context = self.context()?;
        let names = match context.list_readers_owned() {
            Ok(names) => names,
            Err(Error::NoReadersAvailable) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let mut states: Vec<ReaderState> =
            names.into_iter().map(|name| ReaderState::new(name, State::UNAWARE)).collect();
        if !states.is_empty() {
            context.get_status_change(None, &mut states)?;
        }
        let has_card = |state: &ReaderState| state.event_state().contains(State::PRESENT);
        Ok(states.iter().map(|state| (state.name().to_bytes().to_vec(), has_card(state))).collect())
    }

    /// Takes the card in this reader for this program alone; gives its answer to reset.
    pub(crate) fn connect(&mut self, name: &[u8]) -> Result<Vec<u8>, Trouble> {
        self.card = None;
        let name = CString::new(name).map_err(|_| Trouble::NoReader)?;
        // Nobody else gets between a PIN and what needs it.
        let card = self.context()?.connect(&name, ShareMode::Exclusive, Protocols::ANY)?;
        let atr = atr(&card);
        self.card = Some(card);
        atr
    }

    /// Carries a command to the card.
    pub(crate) fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let card = self.card.as_ref().ok_or(Trouble::NoCard)?;
        let mut room = Zeroizing::new(vec![0; pcsc::MAX_BUFFER_SIZE_EXTENDED]);
        let answer = card.transmit(command, &mut room)?;
        Ok(Zeroizing::new(answer.to_vec()))
    }

    /// Takes the card's power and gives it back.
    pub(crate) fn reset(&mut self) -> Result<Vec<u8>, Trouble> {
        let card = self.card.as_mut().ok_or(Trouble::NoCard)?;
        card.reconnect(ShareMode::Exclusive, Protocols::ANY, Disposition::UnpowerCard)?;
        atr(card)
    }

    fn context(&mut self) -> Result<&Context, Trouble> {
        // A service that was started again forgets its contexts.
        if self.context.as_ref().is_some_and(|context| context.is_valid().is_err()) {
            self.context = None;
        }
        match &mut self.context {
            Some(context) => Ok(context),
            none => Ok(none.insert(Context::establish(Scope::User)?)),
        }
    }
}

impl Trouble {
    /// The word that programs read.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::NoService => "service",
            Self::NoReader => "reader",
            Self::NoCard => "card",
            Self::InUse => "use",
            Self::Denied => "denied",
            Self::Other(_) => "other",
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::NoService | Error::ServiceStopped => Self::NoService,
            Error::UnknownReader | Error::ReaderUnavailable | Error::NoReadersAvailable => Self::NoReader,
            Error::NoSmartcard | Error::RemovedCard | Error::UnpoweredCard => Self::NoCard,
            Error::SharingViolation => Self::InUse,
            Error::SecurityViolation => Self::Denied,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line => f.write_str("a line is list, connect NAME, transmit COMMAND or reset, in hexadecimal"),
            Self::NoService => f.write_str("no PC/SC service runs"),
            Self::NoReader => f.write_str("there is no such reader"),
            Self::NoCard => f.write_str("there is no card in the reader"),
            Self::InUse => f.write_str("another program uses the card"),
            Self::Denied => f.write_str("the PC/SC service does not let this user at the readers"),
            Self::Other(error) => write!(f, "{error}"),
        }
    }
}

fn atr(card: &Card) -> Result<Vec<u8>, Trouble> {
    Ok(card.status2_owned()?.atr().to_vec())
}
