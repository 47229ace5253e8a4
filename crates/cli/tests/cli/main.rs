//! The command line as people and scripts meet it: the real binary, in an empty home.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_os = "linux")]

mod doctor;
mod estimate;
mod factory;
mod faults;
mod help;
mod home;
mod init;
mod moving;
mod operator;
mod policy;
mod relying;
mod settings;
mod short_messages;
mod smsc;
mod store;
mod tls;
