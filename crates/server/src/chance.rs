//! Time and chance of the real world, read here and nowhere below.

use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use matchbook_protocol::UnixMillis;
use rand_core::{Rng, TryCryptoRng, TryRng, UnwrapErr};
use zeroize::Zeroizing;

/// The operating system's random source, for one decision. It fails only on a kernel without one, and then nothing may go
/// on.
pub(crate) fn rng() -> Draws {
    Draws { block: Zeroizing::new([0; BLOCK_LEN]), left: 0, is_first: true }
}

/// What is read ahead from the operating system: the codes of a set, at 8 bytes each, would be a call each.
const BLOCK_LEN: usize = 256;

/// Draws of one decision. The first is as long as it is asked for, as most decisions make no other; all further ones are
/// taken from blocks. Every byte is given once, and goes with the decision.
pub(crate) struct Draws {
    block: Zeroizing<[u8; BLOCK_LEN]>,
    /// Bytes at the end of the block that were not given yet.
    left: usize,
    is_first: bool,
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

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = Zeroizing::new([0; 4]);
        self.try_fill_bytes(&mut *bytes)?;
        Ok(u32::from_le_bytes(*bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = Zeroizing::new([0; 8]);
        self.try_fill_bytes(&mut *bytes)?;
        Ok(u64::from_le_bytes(*bytes))
    }

    fn try_fill_bytes(&mut self, wanted: &mut [u8]) -> Result<(), Infallible> {
        if std::mem::take(&mut self.is_first) || wanted.len() > BLOCK_LEN {
            UnwrapErr(SysRng).fill_bytes(wanted);
            return Ok(());
        }
        if self.left < wanted.len() {
            UnwrapErr(SysRng).fill_bytes(&mut *self.block);
            self.left = BLOCK_LEN;
        }
        let from = BLOCK_LEN.saturating_sub(self.left);
        wanted.iter_mut().zip(self.block.iter().skip(from)).for_each(|(to, from)| *to = *from);
        self.left = self.left.saturating_sub(wanted.len());
        Ok(())
    }
}

impl TryCryptoRng for Draws {}

/// For what only has to differ and is no secret, such as the names of events: from a block that stays with the thread, as a
/// call of the system each is felt in a verify. Codes, keys and nonces are never drawn here: what waits in memory would
/// come twice in two copies of a machine.
pub(crate) struct Names;

thread_local! {
    static NAMES: RefCell<Draws> = RefCell::new(Draws { is_first: false, ..rng() });
}

impl TryRng for Names {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        NAMES.with_borrow_mut(Draws::try_next_u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        NAMES.with_borrow_mut(Draws::try_next_u64)
    }

    fn try_fill_bytes(&mut self, wanted: &mut [u8]) -> Result<(), Infallible> {
        NAMES.with_borrow_mut(|draws| draws.try_fill_bytes(wanted))
    }
}

impl TryCryptoRng for Names {}

/// A number by chance, 0 to 1.
pub(crate) fn fraction() -> f64 {
    f64::from(rng().next_u32()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests;
