//! The machine's clock and random source: the one place where this crate reads them for the engine.

use std::time::{SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use matchbook_protocol::UnixMillis;
use rand_core::{CryptoRng, UnwrapErr};

/// The operating system's random source. It panics when there is none, which no system that boots does: going on without
/// chance would be worse.
pub(crate) fn system_rng() -> impl CryptoRng {
    UnwrapErr(SysRng)
}

/// The time by the machine's clock; 0 when it stands before 1970.
pub(crate) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
