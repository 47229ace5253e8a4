//! Staying on the line: one long poll after another, for what the server pushes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Device, Report, SyncCause};
use crate::bearer::{Bearer, BearerError};
use crate::vault::{StoreError, Vault};

/// The first pause after trouble; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause after trouble, unless the server asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often a pause looks at the flag.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How [`Device::listen`] behaves.
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions {
    /// How long the server may hold an answer, at most [`MAX_WAIT`](crate::bearer::MAX_WAIT). The flag is looked at between
    /// two polls, so this is also how long stopping may take. Default: 30 seconds.
    pub wait: Duration,
    /// The least time between two polls, for a server that does not hold its answers. Default: 1 second.
    pub least_interval: Duration,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { wait: Duration::from_secs(30), least_interval: Duration::from_secs(1) }
    }
}

/// What [`Device::listen`] tells of each poll.
#[derive(Debug)]
pub enum Heard {
    /// A poll was answered; most of them are quiet.
    Report(Report),
    /// A poll did not get through.
    Trouble {
        /// Why.
        error: BearerError,
        /// What had come before.
        report: Report,
        /// When the next one starts.
        pause: Duration,
    },
    /// The server did not answer: it may no longer know this device.
    Silence {
        /// When the next poll starts.
        pause: Duration,
    },
}

impl<V: Vault, B: Bearer> Device<'_, V, B> {
    /// Polls until `stop` is set, and tells of each poll. Trouble with the network is told and tried again, after pauses
    /// that double from a second to a minute.
    ///
    /// # Errors
    /// The vault cannot be written. Going on would promise codes that a restart forgets.
    pub fn listen(
        &mut self,
        stop: &AtomicBool,
        options: &ListenOptions,
        mut tell: impl FnMut(Heard),
    ) -> Result<(), StoreError> {
        let mut troubles = 0;
        while !stop.load(Ordering::Relaxed) {
            let started = Instant::now();
            let pause = match self.wait_for_push(options.wait) {
                Ok(report) if report.answered => {
                    troubles = 0;
                    tell(Heard::Report(report));
                    options.least_interval.saturating_sub(started.elapsed())
                }
                Ok(report) => {
                    troubles += 1;
                    let pause = pause_after(troubles);
                    if !report.is_quiet() {
                        tell(Heard::Report(report));
                    }
                    tell(Heard::Silence { pause });
                    pause
                }
                Err(failure) => {
                    troubles += 1;
                    let (error, pause) = match failure.cause {
                        SyncCause::Store(error) => return Err(error),
                        SyncCause::Bearer(error) => {
                            let pause = asked_pause(&error).unwrap_or_else(|| pause_after(troubles));
                            (error, pause)
                        }
                        SyncCause::Request(error) => (BearerError::Other(Box::new(error)), LONGEST_PAUSE),
                    };
                    tell(Heard::Trouble { error, report: failure.report, pause });
                    pause
                }
            };
            sleep_unless(stop, pause);
        }
        Ok(())
    }
}

fn asked_pause(error: &BearerError) -> Option<Duration> {
    let BearerError::Busy { retry_after } = error else { return None };
    *retry_after
}

fn pause_after(troubles: u32) -> Duration {
    let doublings = troubles.saturating_sub(1).min(6);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

fn sleep_unless(stop: &AtomicBool, pause: Duration) {
    let until = Instant::now() + pause;
    while !stop.load(Ordering::Relaxed) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::sleep(left.min(LOOK_EVERY));
    }
}
