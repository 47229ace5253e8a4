//! The commands, a file each. `wallet` and `demo` have rooms of their own.

pub(crate) mod card;
pub(crate) mod completion;
pub(crate) mod config;
pub(crate) mod device;
pub(crate) mod doctor;
pub(crate) mod estimate;
pub(crate) mod init;
pub(crate) mod man;
pub(crate) mod migrate;
pub(crate) mod policy;
pub(crate) mod realm;
pub(crate) mod serve;
mod session;
mod show;
pub(crate) mod sms;
pub(crate) mod smsc;
pub(crate) mod store;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod verify;
