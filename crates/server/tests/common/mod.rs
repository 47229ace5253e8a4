//! What the tests of the server share: a server on a free port, callers, devices, and a store that fails on demand.
#![allow(dead_code, unused_imports, unused_macros, reason = "not every test program uses all of it")]

pub(crate) mod api;
pub(crate) mod hand;
pub(crate) mod hooked;
pub(crate) mod mobile;
pub(crate) mod phone;
pub(crate) mod raw;
pub(crate) mod site;
pub(crate) mod sms;
pub(crate) mod stands;

use std::thread;
use std::time::{Duration, Instant};

pub(crate) use api::{Api, Reply, attempt, operation};
pub(crate) use hand::Hand;
pub(crate) use hooked::{Fault, Hooked};
pub(crate) use mobile::Mobile;
pub(crate) use phone::Phone;
pub(crate) use site::Site;
pub(crate) use sms::Land;
pub(crate) use stands::{Stands, on_stores};

/// How long a test waits for what has to come. Nothing is decided by it but that a test has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
