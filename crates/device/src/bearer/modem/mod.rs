//! Short messages over a modem of this machine: what a modem is, two of them, and a bearer that takes any.
//!
//! [`AtModem`] speaks AT commands (3GPP TS 27.005) over a serial port, [`ModemManagerModem`] asks ModemManager over
//! D-Bus, and [`MemoryModem`] is one for tests and simulations. An [`SmsLine`] puts messages into short messages and
//! joins what comes, [`SmsLine::bearer`] is the [`Bearer`](super::Bearer) of one account on it, and
//! [`Wallet::listen`](crate::Wallet::listen) keeps all accounts of a wallet on it.
//!
//! ```no_run
//! use std::ops::ControlFlow;
//! use std::path::Path;
//! use std::sync::atomic::AtomicBool;
//! use std::time::Duration;
//!
//! use matchbook_device::bearer::modem::{AtModem, AtOptions, SmsLine};
//! use matchbook_device::vault::FileVault;
//! use matchbook_device::{SmsHeard, SmsOptions, Wallet};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let vault = FileVault::open(Path::new("wallet.vault"), b"the passphrase", Duration::ZERO)?;
//! let mut wallet = Wallet::open(vault)?;
//! let mut line = SmsLine::new(AtModem::open("/dev/ttyUSB0", AtOptions::default())?);
//! wallet.listen(&mut line, &SmsOptions::default(), &AtomicBool::new(false), |heard| {
//!     if let SmsHeard::Report { handle, report } = heard {
//!         println!("account {}: {} codes came", handle.0, report.codes_received());
//!     }
//!     ControlFlow::Continue(())
//! })?;
//! # Ok(())
//! # }
//! ```

mod at;
mod error;
mod line;
mod manager;
mod memory;

use std::fmt;
use std::time::Duration;

use matchbook_protocol::sms::{Address, Segment};

pub use at::{AtModem, AtOptions, DEFAULT_BAUD, Pin};
pub use error::{ModemError, Refusal};
pub use line::{Arrival, MAX_WAITING, SmsBearer, SmsLine};
pub use manager::{ManagerOptions, ModemManagerModem, ModemName};
pub use memory::MemoryModem;

/// Sends and receives short messages, and keeps what came until it is told to delete it.
pub trait Modem {
    /// Sends one short message.
    ///
    /// # Errors
    /// See [`ModemError`]; [`ModemError::is_in_doubt`] says whether it may have gone out.
    fn send(&mut self, to: &Address, segment: &Segment) -> Result<(), ModemError>;

    /// Gives the next message that came, whoever sent it and whatever it is; waits up to `timeout` for one. A message is
    /// given once, and again by the next run of the program unless it was deleted.
    ///
    /// # Errors
    /// See [`ModemError`]. A later call begins anew, with a modem that was away too.
    fn receive(&mut self, timeout: Duration) -> Result<Option<Incoming>, ModemError>;

    /// Deletes a message that [`Modem::receive`] gave. One that is there no more is no error.
    ///
    /// # Errors
    /// See [`ModemError`]; the message may still be there.
    fn delete(&mut self, place: &Place) -> Result<(), ModemError>;
}

/// One short message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Who it says that it is from; no proof of anything.
    pub from: Address,
    /// What it carries.
    pub segment: Segment,
    /// Where the modem keeps it; `None` when it does not.
    pub place: Option<Place>,
}

/// Where a modem keeps a message. Only the modem that gave it knows what it means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(String);

impl Place {
    /// A place under a name that the modem can find again.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<M: Modem + ?Sized> Modem for Box<M> {
    fn send(&mut self, to: &Address, segment: &Segment) -> Result<(), ModemError> {
        (**self).send(to, segment)
    }

    fn receive(&mut self, timeout: Duration) -> Result<Option<Incoming>, ModemError> {
        (**self).receive(timeout)
    }

    fn delete(&mut self, place: &Place) -> Result<(), ModemError> {
        (**self).delete(place)
    }
}
