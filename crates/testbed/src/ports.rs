//! Ports for servers that cannot be asked for port 0.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::trouble::Trouble;

/// The lowest port. All of them lie below those that the kernel hands out for port 0, where another test would soon have
/// them, and apart from those of other peers of the tests.
const FIRST: u32 = 10_000;

/// How many there are.
const COUNT: u32 = 5_600;

/// A step that shares no factor with [`COUNT`]: processes that start one after another begin far from each other.
const STEP: u32 = 1_597;

/// A port that nobody has at this moment. Two processes may be given the same one, so a server that finds it taken asks
/// again.
pub(crate) fn free() -> Result<u16, Trouble> {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(STEP);
    let mut candidates = (0..COUNT).map(|_| FIRST + begin.wrapping_add(TAKEN.fetch_add(1, Ordering::SeqCst)) % COUNT);
    candidates
        .find_map(|port| {
            let port = u16::try_from(port).ok()?;
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(port)
        })
        .ok_or_else(|| Trouble::new("every port for servers of tests is taken"))
}
