//! Messages in short messages: real sealed ones at their byte counts, properties of every codec, and an outside decoder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../examples/vectors/catalogue/rng.rs"]
mod rng;

mod properties;
mod sizes;
mod tshark;
