//! A place in the virtual reader of pcscd (Debian's vsmartcard-vpcd), which listens for cards on a port.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream};

use getrandom::SysRng;
use matchbook_card::{ATR, Card, Nvm};
use rand_core::{CryptoRng, UnwrapErr};
use vpicc::{Connection, VSmartCard};

/// The port that vpcd listens on when nothing else is configured.
pub const DEFAULT_PORT: u16 = vpicc::DEFAULT_PORT;

/// A card that is in the reader.
pub struct Insert<N: Nvm> {
    connection: Connection,
    card: Inserted<N, UnwrapErr<SysRng>>,
}

/// The card does not get into the reader.
#[derive(Debug)]
pub enum InsertError {
    /// Nothing listens there.
    NoReader(SocketAddr, io::Error),
    /// The reader closed the connection: pcscd ended, or another card is in it.
    Ended(io::Error),
}

/// A virtual reader that takes a card.
pub struct Slot(TcpStream);

impl Slot {
    /// Finds the reader that listens there.
    ///
    /// # Errors
    /// [`InsertError::NoReader`].
    pub fn find(reader: SocketAddr) -> Result<Self, InsertError> {
        let stream = TcpStream::connect(reader).map_err(|error| InsertError::NoReader(reader, error))?;
        // An answer is a few bytes that somebody waits for.
        let _ = stream.set_nodelay(true);
        Ok(Self(stream))
    }

    /// Puts a card with this memory into it.
    pub fn insert<N: Nvm>(self, nvm: N) -> Insert<N> {
        Insert { connection: Connection::from(self.0), card: Inserted(Card::new(nvm, UnwrapErr(SysRng))) }
    }
}

impl<N: Nvm> Insert<N> {
    /// Carries out what the reader asks for, until it goes away.
    ///
    /// # Errors
    /// Always [`InsertError::Ended`].
    pub fn serve(mut self) -> InsertError {
        loop {
            if let Err(error) = self.connection.poll(&mut self.card) {
                return InsertError::Ended(error);
            }
        }
    }
}

/// The card as the reader sees it.
///
/// vpicc keeps commands and answers, with PINs and codes in them, in memory that is not wiped, and traces them to a logger
/// of the crate `log` when a program sets one; `card run` sets none. It is no worse than the file, which has them in clear.
struct Inserted<N, R>(Card<N, R>);

impl<N: Nvm, R: CryptoRng> VSmartCard for Inserted<N, R> {
    fn atr(&self) -> &[u8] {
        &ATR
    }

    fn power_on(&mut self) {
        self.0.reset();
    }

    fn power_off(&mut self) {
        self.0.reset();
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn execute(&mut self, command: &[u8]) -> Vec<u8> {
        self.0.transmit(command).to_vec()
    }
}

impl InsertError {
    /// What to do, when there is something to say.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoReader(..) => Some("Install it and start pcscd: `apt-get install pcscd vsmartcard-vpcd`."),
            Self::Ended(_) => None,
        }
    }
}

impl fmt::Display for InsertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReader(address, error) => write!(f, "no virtual reader listens at {address} ({error})"),
            Self::Ended(error) => {
                write!(f, "the reader let the card go ({error}): pcscd ended, or has another card in it")
            }
        }
    }
}

impl std::error::Error for InsertError {}
