//! A token bucket whose rate halves when the centre asks to slow down, and recovers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Nothing is sent for so long after a centre asked to slow down.
pub(super) const HELD: Duration = Duration::from_secs(1);

/// The lowest rate, a second: an hour has 360 then.
const SLOWEST: f64 = 0.1;

/// A rate that was halved comes back from nothing to its full height in so many seconds.
const RECOVERY_S: f64 = 60.0;

/// The bucket holds a tenth of a second's tokens, so that no second sees more than 1.1 of the rate.
const BURST_S: f64 = 0.1;

/// How fast one centre is sent to.
pub(super) struct Pace(Mutex<Bucket>);

impl Pace {
    /// A full bucket of `per_second`. Nothing is sent for `held` after the centre asked to slow down.
    pub(super) fn new(per_second: u16, held: Duration) -> Self {
        Self(Mutex::new(Bucket::new(per_second, held, Instant::now())))
    }

    /// Waits for a token and takes it.
    pub(super) async fn take(&self) {
        while let Some(wait) = self.with(Bucket::take) {
            sleep(wait).await;
        }
    }

    /// Tokens that can be taken at once.
    pub(super) fn available(&self) -> usize {
        self.with(Bucket::available)
    }

    /// The centre asked to slow down: halves the rate, once for all that were under way together.
    pub(super) fn slow_down(&self) {
        self.with(Bucket::slow_down);
    }

    fn with<T>(&self, act: impl FnOnce(&mut Bucket, Instant) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), Instant::now())
    }
}

/// The same without a clock of its own.
struct Bucket {
    full: f64,
    rate: f64,
    tokens: f64,
    at: Instant,
    held: Duration,
    held_until: Instant,
}

impl Bucket {
    fn new(per_second: u16, held: Duration, now: Instant) -> Self {
        let full = f64::from(per_second.max(1));
        Self { full, rate: full, tokens: burst(full), at: now, held, held_until: now }
    }

    /// Takes a token, or says how long to wait before asking again.
    fn take(&mut self, now: Instant) -> Option<Duration> {
        self.refill(now);
        if self.held_until > now {
            return Some(self.held_until - now);
        }
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return None;
        }
        Some(Duration::from_secs_f64((1.0 - self.tokens) / self.rate).max(Duration::from_millis(1)))
    }

    fn available(&mut self, now: Instant) -> usize {
        self.refill(now);
        if self.held_until > now { 0 } else { whole(self.tokens) }
    }

    fn slow_down(&mut self, now: Instant) {
        self.refill(now);
        if self.held_until <= now {
            self.rate = (self.rate / 2.0).max(SLOWEST);
            self.held_until = now + self.held;
            self.tokens = 0.0;
        }
    }

    /// While nothing may be sent, neither tokens nor rate grow.
    fn refill(&mut self, now: Instant) {
        let from = self.at.max(self.held_until);
        let passed = now.saturating_duration_since(from).as_secs_f64();
        self.rate = (self.rate + self.full * passed / RECOVERY_S).min(self.full);
        self.tokens = (self.tokens + self.rate * passed).min(burst(self.rate));
        self.at = self.at.max(now);
    }
}

fn burst(rate: f64) -> f64 {
    (rate * BURST_S).max(1.0)
}

fn whole(tokens: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1,000, a tenth of 10,000")]
    let whole = tokens.max(0.0) as usize;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_sees_the_rate_and_a_tenth_more() {
        let began = Instant::now();
        let mut bucket = Bucket::new(100, HELD, began);
        let (mut now, mut taken) = (began, 0);
        while now < began + Duration::from_secs(1) {
            match bucket.take(now) {
                None => taken += 1,
                Some(wait) => now += wait,
            }
        }
        assert!((95..=111).contains(&taken), "{taken}");
    }

    #[test]
    fn a_throttle_holds_halves_and_recovers() {
        let now = Instant::now();
        let mut bucket = Bucket::new(100, HELD, now);
        assert_eq!(bucket.available(now), 10);
        for _ in 0..5 {
            bucket.slow_down(now);
        }
        assert_eq!(bucket.available(now), 0);
        assert!((bucket.rate - 50.0).abs() < 0.001, "{}", bucket.rate);
        assert_eq!(bucket.take(now), Some(HELD));
        let later = now + HELD + Duration::from_millis(500);
        assert_eq!(bucket.available(later), 5);
        let recovered = later + Duration::from_secs(60);
        assert_eq!(bucket.available(recovered), 10);
        assert!((bucket.rate - 100.0).abs() < 0.001, "{}", bucket.rate);
    }

    #[test]
    fn the_slowest_pace_still_moves() {
        let mut now = Instant::now();
        let mut bucket = Bucket::new(1, HELD, now);
        for _ in 0..20 {
            bucket.slow_down(now);
            now += HELD;
        }
        let wait = bucket.take(now).unwrap();
        assert!(wait <= Duration::from_secs(20), "{wait:?}");
    }
}
