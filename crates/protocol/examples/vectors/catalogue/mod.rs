//! The catalogue of test vectors: what every implementation opens, and above all what it refuses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod codes;
mod cose;
mod craft;
mod downlink;
mod downlink_refusals;
mod enrolment;
mod keys;
mod public_key;
mod rng;
mod uplink;
mod vector;

use vector::Vector;

/// Every vector, ordered by id.
pub(crate) fn all() -> Vec<Vector> {
    let mut vectors = Vec::new();
    keys::add(&mut vectors);
    codes::add(&mut vectors);
    downlink::add(&mut vectors);
    downlink_refusals::add(&mut vectors);
    public_key::add(&mut vectors);
    uplink::add(&mut vectors);
    cose::add(&mut vectors);
    enrolment::add(&mut vectors);
    vectors.sort_by(|a, b| a.id.cmp(&b.id));
    vectors
}
