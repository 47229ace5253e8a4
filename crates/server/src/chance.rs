//! Time and chance of the real world, read here and nowhere below.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use matchbook_protocol::UnixMillis;
use rand_core::{Rng, UnwrapErr};

/// The operating system's random source. It fails only on a kernel without one, and then nothing may go on.
pub(crate) fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

/// By how many milliseconds the store's clock is ahead of the system's.
static AHEAD_MS: AtomicI64 = AtomicI64::new(0);

/// A difference of the clocks that is worth a warning, in milliseconds.
const NOTABLE_MS: i64 = 2_000;

/// The time that decisions are taken at: the store's where nodes share one, else the system's. Milliseconds since 1970.
pub(crate) fn now() -> UnixMillis {
    UnixMillis(system_time().0.saturating_add_signed(AHEAD_MS.load(Ordering::Relaxed)))
}

/// From now on [`now`] tells what a clock tells that showed `theirs` when the system's showed `ours`.
pub(crate) fn go_by(theirs: UnixMillis, ours: UnixMillis) {
    let signed = |time: UnixMillis| i64::try_from(time.0).unwrap_or(i64::MAX);
    let ahead_ms = signed(theirs).saturating_sub(signed(ours));
    let before = AHEAD_MS.swap(ahead_ms, Ordering::Relaxed);
    if ahead_ms.saturating_sub(before).saturating_abs() >= NOTABLE_MS {
        tracing::warn!(ahead_ms, "the store's clock and this machine's differ; the store's counts");
    }
}

/// The system's clock: milliseconds since 1970; 0 on a clock set before it.
pub(crate) fn system_time() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A number by chance, 0 to 1.
pub(crate) fn fraction() -> f64 {
    f64::from(rng().next_u32()) / f64::from(u32::MAX)
}
