//! One test a sentence; `random` and `interleavings` try what nobody thought of.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod alike;
mod interleavings;
mod modes;
mod once;
mod random;
mod remembered;
mod throttled;
