//! The server's decisions, pure: a snapshot of the store comes in, changes for it go out.
//!
//! No async, socket, clock or random source of its own. A server loads a snapshot, calls one function of this crate,
//! and commits the [`Changes`] that it returns; a [`Guard`] that no longer holds makes the commit a conflict, and the
//! server loads and decides again.

pub mod admin;
pub mod challenge;
pub mod enrol;
pub mod estimate;
pub mod import;
pub mod issue;
pub mod keyring;
pub mod model;
pub mod policy;
pub mod refusal;
pub mod request;
pub mod rotate;
pub mod sms;
pub mod throttle;
pub mod verify;

// The tests' helpers are shared with `tests/`, where the crate has its name.
#[cfg(test)]
extern crate self as matchbook_rules;

mod audit;
mod draft;
mod holding;
#[cfg(test)]
mod little_store;
#[cfg(test)]
mod testing;

pub use keyring::{BucketKind, KeyPlace, Keyring, KeyringError};
pub use model::*;
pub use refusal::{Culprit, Refusal};
