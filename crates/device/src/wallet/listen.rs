//! All accounts of a wallet on one modem: what comes is taken in, and what is to be said is sent, by itself.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use matchbook_protocol::sms::{Address, server_number};
use matchbook_protocol::{Account, Handle};

use super::Wallet;
use crate::bearer::modem::{Arrival, Modem, ModemError, SmsLine};
use crate::device::Report;
use crate::system::{now, system_rng};
use crate::vault::{StoreError, Vault};

/// How long one look at the modem takes: how soon the flag is noticed, and how late a message is sent again.
const LOOK: Duration = Duration::from_millis(500);
/// The first pause after trouble with the modem; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause after trouble.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often a pause looks at the flag.
const LOOK_IN_PAUSE: Duration = Duration::from_millis(50);
/// The most messages that are handed to the engines at once, before anything is sent.
const MAX_AT_ONCE: usize = 16;

/// How [`Wallet::listen`] behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct SmsOptions<'a> {
    /// The server's number in place of the one that the accounts name. Default: each its own.
    pub server: Option<&'a Address>,
    /// Listen for one account alone. Messages for others are taken in all the same, and nothing is sent for them.
    /// Default: all.
    pub only: Option<Handle>,
    /// When to end. Default: never.
    pub until: Option<Instant>,
}

/// What [`Wallet::listen`] tells.
#[derive(Debug)]
pub enum SmsHeard {
    /// A message went out.
    Sent {
        /// The account.
        handle: Handle,
        /// The message's length in bytes.
        bytes: usize,
        /// How many short messages it took.
        parts: usize,
    },
    /// Messages were taken in, and what they brought is stored.
    Report {
        /// The account.
        handle: Handle,
        /// What they brought.
        report: Report,
    },
    /// A message came for an account that this wallet does not have; it is dropped.
    Stranger {
        /// The account's slot.
        handle: Handle,
    },
    /// The modem did not do as told.
    Trouble {
        /// Why.
        error: ModemError,
        /// When it is tried again.
        pause: Duration,
    },
}

/// The number that an account's server takes short messages at, when its enrolment names one.
#[must_use]
pub fn sms_server(account: &Account) -> Option<Address> {
    server_number(account.server())
}

impl<V: Vault> Wallet<V> {
    /// Takes in what comes by short message and sends what the accounts have to say, until `stop` is set, the time is up,
    /// or `tell` breaks off. What came is stored before the modem deletes it, so that a crash loses nothing.
    ///
    /// A message goes to the account whose slot it names. An account without a server's number takes in what comes, and
    /// sends nothing here. A message that is not answered is sent again, first after minutes, then after hours.
    ///
    /// # Errors
    /// The vault cannot be written. Going on would promise codes that a restart forgets.
    pub fn listen<M: Modem>(
        &mut self,
        line: &mut SmsLine<M>,
        options: &SmsOptions<'_>,
        stop: &AtomicBool,
        tell: impl FnMut(SmsHeard) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut listening = Listening { wallet: self, line, options, tell, troubles: 0 };
        while !stop.load(Ordering::Relaxed) && !is_over(options.until) {
            match listening.turn() {
                Ok(()) => {}
                Err(Ended::Store(error)) => return Err(error),
                Err(Ended::Told) => break,
                Err(Ended::Modem(error)) => {
                    let pause = listening.pause();
                    if (listening.tell)(SmsHeard::Trouble { error, pause }).is_break() {
                        break;
                    }
                    sleep_unless(stop, options.until, pause);
                }
            }
        }
        Ok(())
    }
}

struct Listening<'a, V, M, T> {
    wallet: &'a mut Wallet<V>,
    line: &'a mut SmsLine<M>,
    options: &'a SmsOptions<'a>,
    tell: T,
    /// How often in a row the modem failed.
    troubles: u32,
}

/// Why a turn ended early.
enum Ended {
    /// The vault cannot be written.
    Store(StoreError),
    /// Whoever is told wants no more.
    Told,
    /// The modem did not do as told.
    Modem(ModemError),
}

impl<V: Vault, M: Modem, T: FnMut(SmsHeard) -> ControlFlow<()>> Listening<'_, V, M, T> {
    /// Sends what is to be sent, then looks at the modem once.
    fn turn(&mut self) -> Result<(), Ended> {
        for place in 0..self.wallet.slots.len() {
            if let Some(server) = self.server_of(place) {
                self.let_time_pass(place)?;
                self.send(place, &server)?;
            }
        }
        let left = self.options.until.map_or(LOOK, |until| until.saturating_duration_since(Instant::now()));
        if let Some(first) = self.line.receive(left.min(LOOK)).map_err(Ended::Modem)? {
            self.troubles = 0;
            self.take_in(first)?;
        }
        Ok(())
    }

    /// Where an account's messages go; `None` when they do not go from here.
    fn server_of(&self, place: usize) -> Option<Address> {
        let account = self.wallet.account_at(place);
        let is_meant = self.options.only.is_none_or(|only| only == account.handle());
        let server = self.options.server.cloned().or_else(|| sms_server(account));
        server.filter(|_| is_meant)
    }

    /// What is due is sent again, and few codes call for more.
    fn let_time_pass(&mut self, place: usize) -> Result<(), Ended> {
        let mut report = Report::default();
        let done = self.wallet.work(place, &mut report.events, |engine| {
            engine.tick(now());
            // Not being enrolled yet, or never again, is no reason to stop: what comes is taken in.
            let _ = engine.refill_if_low(now(), &mut system_rng());
        });
        done.map_err(Ended::Store)?;
        if report.is_quiet() { Ok(()) } else { self.report(place, report) }
    }

    fn send(&mut self, place: usize, server: &Address) -> Result<(), Ended> {
        let Some(message) = self.wallet.unsent_at(place).take() else { return Ok(()) };
        match self.line.send(server, &message) {
            Ok(parts) => {
                self.troubles = 0;
                let handle = self.wallet.account_at(place).handle();
                self.say(SmsHeard::Sent { handle, bytes: message.len(), parts })
            }
            Err(error) => {
                // What may have gone out waits for the engine's own time: short messages cost money.
                if !error.is_in_doubt() {
                    *self.wallet.unsent_at(place) = Some(message);
                }
                Err(Ended::Modem(error))
            }
        }
    }

    /// Takes in a message and all that are there beside it, so that one answer does for them.
    fn take_in(&mut self, first: Arrival) -> Result<(), Ended> {
        let mut arrivals = vec![first];
        while arrivals.len() < MAX_AT_ONCE
            && let Ok(Some(next)) = self.line.receive(Duration::ZERO)
        {
            arrivals.push(next);
        }
        let mut handles: Vec<Handle> = arrivals.iter().map(|arrival| arrival.handle).collect();
        handles.sort_unstable();
        handles.dedup();
        for handle in handles {
            let (own, rest) = arrivals.into_iter().partition(|arrival| arrival.handle == handle);
            arrivals = rest;
            self.take_in_for(handle, own)?;
        }
        Ok(())
    }

    fn take_in_for(&mut self, handle: Handle, arrivals: Vec<Arrival>) -> Result<(), Ended> {
        let Ok(place) = self.wallet.place(handle) else {
            arrivals.into_iter().for_each(|arrival| self.line.settle(arrival));
            return self.say(SmsHeard::Stranger { handle });
        };
        let messages: Vec<Vec<u8>> = arrivals.iter().map(|arrival| arrival.message.clone()).collect();
        let mut report = Report { received: u32::try_from(messages.len()).unwrap_or(u32::MAX), ..Report::default() };
        let refused = self.wallet.receive_at(place, &messages, &mut report.events).map_err(Ended::Store)?;
        arrivals.into_iter().for_each(|arrival| self.line.settle(arrival));
        report.refused = refused;
        self.report(place, report)
    }

    fn report(&mut self, place: usize, mut report: Report) -> Result<(), Ended> {
        let account = self.wallet.account_at(place);
        report.answered = !account.awaits_answer();
        let handle = account.handle();
        self.say(SmsHeard::Report { handle, report })
    }

    fn say(&mut self, heard: SmsHeard) -> Result<(), Ended> {
        if (self.tell)(heard).is_break() { Err(Ended::Told) } else { Ok(()) }
    }

    fn pause(&mut self) -> Duration {
        let doublings = self.troubles.min(6);
        self.troubles = self.troubles.saturating_add(1);
        FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
    }
}

fn is_over(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() >= until)
}

fn sleep_unless(stop: &AtomicBool, until: Option<Instant>, pause: Duration) {
    let end = Instant::now() + pause;
    while !stop.load(Ordering::Relaxed) && !is_over(until) {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        thread::sleep(left.min(LOOK_IN_PAUSE));
    }
}

#[cfg(test)]
#[path = "listen_tests.rs"]
mod tests;
