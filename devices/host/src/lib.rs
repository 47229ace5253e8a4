//! The host of a card: whoever has it in a reader, and carries its messages without being able to read them.
//!
//! A [`Reader`] takes command APDUs to a card and brings answers back: [`PcscReader`] for the card readers of this machine.
//! [`Host`] has the application's commands (docs/spec/card.md) as calls, and [`relay`] takes the card's messages over a
//! [`Bearer`](matchbook_device::bearer::Bearer) to the server and back. [`soft`] is the card itself in software, behind the
//! virtual reader of pcscd; [`pcscd`] starts that reader for a demonstration or a test.

mod answers;
mod command;
mod error;
mod host;
mod pcsc;
pub mod pcscd;
mod pin;
mod reader;
mod relay;
pub mod soft;

#[cfg(test)]
mod test_reader;
#[cfg(test)]
mod tests;

pub use answers::{About, Counts, Identity, Life, State};
pub use error::CardError;
pub use host::{Account, Host, Personal, Taken};
pub use pcsc::{PROGRAM, PcscReader, Slot};
pub use pin::{Pin, PinError};
pub use reader::{Reader, ReaderError};
pub use relay::{Ask, RelayCause, RelayFailure, Relayed, give, listen, relay, relay_all};
