//! Modems of the simulated network, as the device's library uses them: over a pseudo-terminal, and through ModemManager.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg(target_os = "linux")]

mod at;
mod common;
