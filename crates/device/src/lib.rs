//! A device as a library: for whoever builds one in Rust, and the software device of `matchbook wallet`.
//!
//! The protocol's [`Engine`](matchbook_protocol::Engine) decides; this crate is the shell around it. A [`vault`] keeps
//! the accounts, sealed; a [`bearer`] carries the messages; a [`Wallet`] holds the accounts of one vault and stores each
//! change before anything that depends on it happens; a [`Device`] is one account of it on a bearer.
//!
//! ```no_run
//! use std::path::Path;
//! use std::time::Duration;
//!
//! use matchbook_device::bearer::{HttpBearer, HttpOptions};
//! use matchbook_device::protocol::{Enrolment, Selector};
//! use matchbook_device::vault::FileVault;
//! use matchbook_device::Wallet;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // Once: a new vault, and the enrolment that the operator handed out as a QR code.
//!     let passphrase = b"the passphrase, as the user typed it";
//!     let mut wallet = Wallet::open(FileVault::create(Path::new("wallet.vault"), passphrase)?)?;
//!     let enrolment = Enrolment::from_uri("matchbook:enrol?v=1&k=…&s=https%3A%2F%2Fcodes.example.org&r=main&l=phone")?;
//!     let handle = wallet.enrol(&enrolment)?;
//!
//!     // Online: the first sync enrols and brings the first set; any later one brings whatever is due.
//!     let bearer = HttpBearer::new(&enrolment.server, enrolment.party, &HttpOptions::default())?;
//!     let mut device = wallet.device(handle, bearer)?;
//!     let report = device.sync()?;
//!     println!("{} codes came", report.codes_received());
//!
//!     // Offline, years later: a code is burnt in the vault before it is given.
//!     let taken = device.take_code(Selector::Next)?;
//!     println!("code {}: {}", taken.index, taken.code.reveal().as_str());
//!
//!     // Online again: waits up to half a minute for what the server pushes.
//!     device.wait_for_push(Duration::from_secs(30))?;
//!     drop(wallet);
//!
//!     // The next run of the program.
//!     let vault = FileVault::open(Path::new("wallet.vault"), passphrase, Duration::ZERO)?;
//!     for account in Wallet::open(vault)?.accounts() {
//!         println!("{}: {} unused codes", account.label(), account.remaining());
//!     }
//!     Ok(())
//! }
//! ```
//!
//! A device with sealed storage of its own implements [`vault::Vault`] or uses [`vault::MemoryVault`]; one with a modem
//! or a card reader implements [`bearer::Bearer`].

pub mod bearer;
pub mod device;
pub mod vault;
pub mod wallet;

mod system;
#[cfg(test)]
mod test_peer;

pub use device::{Device, Report, SyncCause, SyncFailure};
pub use matchbook_protocol as protocol;
pub use wallet::{EnrolFailure, ListenFailure, SmsHeard, SmsOptions, TakeFailure, Taken, Wallet, sms_server};
