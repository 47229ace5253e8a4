//! The device as a smart card: `matchbook-protocol`'s engine behind ISO 7816-4 commands.
//!
//! [`Card::transmit`] takes a command APDU and gives the answer; [`Card::reset`] is what a reset of the card, or a power cut, does. The
//! memory and the chance are the caller's ([`Nvm`], `CryptoRng`). `docs/spec/card.md` has the commands byte by byte.
//!
//! A command's path: `apdu` puts chained parts together, `card` finds what it asks for, the room of that name does it (`access` for
//! PINs, `account` for messages and codes, `personalise`, `about` for GET DATA, `toolkit` for a SIM's), and `reply` cuts the answer into
//! what the reader takes.
#![no_std]

extern crate alloc;

mod about;
mod access;
mod account;
mod apdu;
mod card;
mod nvm;
mod personalise;
mod reply;
mod status;
mod toolkit;

pub use apdu::MAX_COMMAND_LEN;
pub use card::{AID, ATR, Card};
pub use nvm::{NVM_LEN, Nvm, NvmError};
pub use reply::{Answer, MAX_ANSWER_LEN};
