//! How many submits a second.

use tokio::time::Instant;

/// A token bucket that holds one second's worth.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    level: Option<(f64, Instant)>,
}

impl Bucket {
    /// Takes one; false when there is none.
    pub(super) fn take(&mut self, per_second: u32, now: Instant) -> bool {
        let full = f64::from(per_second);
        let level = self.level.map_or(full, |(level, at)| {
            let since = now.saturating_duration_since(at).as_secs_f64();
            (level + since * full).min(full)
        });
        let has_one = level >= 1.0;
        self.level = Some((if has_one { level - 1.0 } else { level }, now));
        has_one
    }
}

#[cfg(test)]
#[path = "bucket_tests.rs"]
mod tests;
