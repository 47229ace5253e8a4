//! A modem of the simulated network: AT commands (3GPP TS 27.005 and 27.007) over any stream, attached to a [`Phone`].
//!
//! It does what programs that send and receive short messages in PDU mode ask of a modem: enough for a wallet's own AT
//! modem and for ModemManager's generic plugin. [`pty`] puts it on a pseudo-terminal, which a program opens like a serial
//! port; [`unix`] puts it on an abstract unix socket, which ModemManager's test profiles take.
//!
//! ```no_run
//! use matchbook_smsc::modem::{self, ModemOptions};
//! use matchbook_smsc::{Conditions, Network};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let network = Network::new(Conditions::default());
//! let phone = network.phone("+491700000001".parse()?);
//! let (path, modem) = modem::pty(phone, ModemOptions::default())?;
//! println!("a modem is at {}", path.display());
//! // Dropping the handle unplugs the modem.
//! drop(modem);
//! # Ok(())
//! # }
//! ```

mod answer;
mod card;
mod commands;
mod line;
mod ports;
mod session;
mod store;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::Phone;
use card::Card;
use commands::Settings;
use store::Store;

pub use ports::{ModemHandle, plug_pty, pty, unix};

/// How many messages a SIM card commonly holds.
pub const DEFAULT_CAPACITY: u32 = 30;

/// How a simulated modem is made.
#[derive(Clone, Debug)]
pub struct ModemOptions {
    /// How many messages it stores, 1 to 255. What comes beyond that waits in the network. Default:
    /// [`DEFAULT_CAPACITY`].
    pub capacity: u32,
    /// The SIM card's PIN, which it asks for when it is switched on. Default: none.
    pub pin: Option<String>,
}

impl Default for ModemOptions {
    fn default() -> Self {
        Self { capacity: DEFAULT_CAPACITY, pin: None }
    }
}

/// A simulated modem: a phone, a SIM card, a store of messages, and settings.
pub struct Modem {
    phone: Phone,
    card: Card,
    store: Store,
    settings: Settings,
    /// The last message's reference.
    reference: u8,
}

impl Modem {
    /// A modem that was just switched on.
    #[must_use]
    pub fn new(phone: Phone, options: &ModemOptions) -> Self {
        Self {
            phone,
            card: Card::new(options.pin.clone()),
            store: Store::new(options.capacity),
            settings: Settings::default(),
            reference: 0,
        }
    }

    /// How many messages it stores.
    #[must_use]
    pub fn stored(&self) -> usize {
        self.store.len()
    }

    /// The settings and the SIM card's lock as after a power cycle; the store stays.
    pub fn restart(&mut self) {
        self.settings = Settings::default();
        self.card.lock();
    }
}

impl fmt::Debug for Modem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Modem").field("phone", &self.phone).field("stored", &self.stored()).finish_non_exhaustive()
    }
}
