//! The centre as ESMEs see it: over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod deliveries;
mod esme;
mod hostile;
mod receipts;
mod sessions;
mod submits;
