//! The card by its commands alone, as a reader sees it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod chance;
mod codes;
mod commands;
mod dialogues;
mod host;
mod limits;
mod memory;
mod messages;
mod random;
mod server;
mod toolkit;
mod torn;
