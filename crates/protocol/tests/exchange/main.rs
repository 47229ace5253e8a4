//! Two parties in memory: the engine, and a small honest server built on `EpochKeys`. One test for each sentence of the
//! exchange's rules.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

mod chance;
mod crash;
mod provision;
mod public_key;
mod refusals;
mod requests;
mod retransmission;
mod rotation;
mod server;
mod storm;
mod world;
