//! Time and chance of the real world, read here and nowhere below.

use std::time::{SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use matchbook_protocol::UnixMillis;
use rand_core::{Rng, UnwrapErr};

/// The operating system's random source. It fails only on a kernel without one, and then nothing may go on.
pub(crate) fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// Milliseconds since 1970; 0 on a clock set before it.
pub(crate) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A number by chance, 0 to 1.
pub(crate) fn fraction() -> f64 {
    f64::from(rng().next_u32()) / f64::from(u32::MAX)
}
