//! From times to figures: quantiles of a round, medians over rounds.

use std::time::Duration;

use serde::Serialize;

/// What one spell of load came to.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Measured {
    /// Pieces of work in the spell.
    pub done: u64,
    /// Pieces of work a second.
    pub per_second: f64,
    /// The median time of a piece, in µs.
    pub p50_us: f64,
    /// 99 of 100 took no longer, in µs.
    pub p99_us: f64,
    /// 999 of 1,000 took no longer, in µs.
    pub p999_us: f64,
    /// Processor time of the servers for a piece, in µs; 0 where no server is.
    pub server_cpu_us: f64,
    /// Processor time of the generator for a piece, in µs.
    pub generator_cpu_us: f64,
    /// Processor time of PostgreSQL and of its standby for a piece, in µs; 0 where there is none.
    pub database_cpu_us: f64,
}

impl Measured {
    /// Of the times of the pieces that were done within `spell`.
    #[must_use]
    pub fn of(mut times: Vec<Duration>, spell: Duration, server_cpu: Duration, generator_cpu: Duration) -> Self {
        times.sort_unstable();
        let each = |cpu: Duration| ratio(micros(cpu), count(times.len()));
        Self {
            done: u64::try_from(times.len()).unwrap_or(u64::MAX),
            per_second: ratio(count(times.len()), spell.as_secs_f64()),
            p50_us: quantile(&times, 500),
            p99_us: quantile(&times, 990),
            p999_us: quantile(&times, 999),
            server_cpu_us: each(server_cpu),
            generator_cpu_us: each(generator_cpu),
            database_cpu_us: 0.0,
        }
    }

    /// With a database that is a process of its own.
    #[must_use]
    pub fn with_database(self, cpu: Duration) -> Self {
        let pieces = count(usize::try_from(self.done).unwrap_or(usize::MAX));
        Self { database_cpu_us: ratio(micros(cpu), pieces), ..self }
    }

    /// The median of each figure over the rounds. One in which nothing was done, because the work had run out, does not
    /// count.
    #[must_use]
    pub fn median(rounds: &[Self]) -> Self {
        let counting: Vec<&Self> = rounds.iter().filter(|round| round.done > 0).collect();
        let of = |figure: fn(&Self) -> f64| median(&counting.iter().map(|it| figure(it)).collect::<Vec<_>>());
        Self {
            done: rounds.iter().map(|round| round.done).sum(),
            per_second: of(|it| it.per_second),
            p50_us: of(|it| it.p50_us),
            p99_us: of(|it| it.p99_us),
            p999_us: of(|it| it.p999_us),
            server_cpu_us: of(|it| it.server_cpu_us),
            generator_cpu_us: of(|it| it.generator_cpu_us),
            database_cpu_us: of(|it| it.database_cpu_us),
        }
    }
}

/// A subject and its floor, round by round.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// The subject's medians.
    pub subject: Measured,
    /// The floor's medians.
    pub floor: Measured,
    /// The median of the rounds' ratios of pieces a second, subject by floor.
    pub rate_ratio: f64,
    /// The median of the rounds' ratios of the 99th percentile, subject by floor.
    pub p99_ratio: f64,
}

impl Compared {
    /// Of rounds that were measured in turns. A noisy moment hits both halves of a round, so that ratios are taken
    /// within a round.
    #[must_use]
    pub fn of(rounds: &[(Measured, Measured)]) -> Self {
        let (floors, subjects): (Vec<_>, Vec<_>) = rounds.iter().copied().unzip();
        let ratios = |figure: fn(&Measured) -> f64| {
            let counting = rounds.iter().filter(|(floor, subject)| floor.done > 0 && subject.done > 0);
            let each = counting.map(|(floor, subject)| ratio(figure(subject), figure(floor)));
            median(&each.collect::<Vec<_>>())
        };
        Self {
            subject: Measured::median(&subjects),
            floor: Measured::median(&floors),
            rate_ratio: ratios(|it| it.per_second),
            p99_ratio: ratios(|it| it.p99_us),
        }
    }
}

/// The middle one, or the mean of the two in the middle; 0 of none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    let lower = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or_default();
    f64::midpoint(lower, upper)
}

/// `a / b`, and 0 where that is no number.
#[must_use]
pub fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}

/// A count as a figure.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "three digits are enough")]
pub const fn count(number: usize) -> f64 {
    number as f64
}

/// A time in µs.
#[must_use]
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The time that so many thousandths of the sorted times do not exceed, in µs.
fn quantile(sorted: &[Duration], thousandths: usize) -> f64 {
    let place = (sorted.len() * thousandths).div_ceil(1_000).saturating_sub(1);
    sorted.get(place).copied().map(micros).unwrap_or_default()
}

#[cfg(test)]
mod tests;
