//! The server over real HTTP: relying parties, operators and devices against a store on disk or in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;

mod challenge;
mod description;
mod exchange;
mod exchange_races;
mod exchange_refusals;
mod faults;
mod http;
mod imports;
mod interruptions;
mod lifetime;
mod nodes;
mod outbox;
mod restore;
mod roles;
mod rotation;
mod sms;
mod sms_answers;
mod sms_caps;
mod sms_faults;
mod sms_kannel;
mod sms_numbers;
mod sms_receipts;
mod sms_routes;
mod sms_wire;
mod throttle;
mod verify_alike;
mod verify_operations;
mod verify_races;
