//! All accounts of a wallet on one modem: what comes is taken in, and what is to be said is sent, by itself.

use std::error::Error;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use matchbook_protocol::sms::{Address, server_number};
use matchbook_protocol::{Account, Handle, Pace};

use super::Wallet;
use crate::bearer::modem::{Arrival, Modem, ModemError, SmsLine};
use crate::device::Report;
use crate::system::{now, system_rng};
use crate::vault::{OpenError, StoreError, Vault};

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
    /// Listen for one account alone. Messages for others are taken in and answered all the same, and nothing else is
    /// sent for them. Default: all.
    pub only: Option<Handle>,
    /// When to end. Default: never.
    pub until: Option<Instant>,
    /// Send answers alone, and nothing again: for a short wait. Default: no.
    pub only_answers: bool,
    /// Let other processes use the vault while nothing is taken in: codes can be taken while this one listens. Default:
    /// no.
    pub is_shared: bool,
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

/// Listening ended early.
#[derive(Debug)]
pub enum ListenFailure {
    /// The vault cannot be written. Going on would promise codes that a restart forgets.
    Store(StoreError),
    /// The vault that was shared cannot be read any more.
    Open(OpenError),
}

impl<V: Vault> Wallet<V> {
    /// Takes in what comes by short message and sends what the accounts have to say, until `stop` is set, the time is up,
    /// or `tell` breaks off; what is to be said by then is still sent, and told. What came is stored before the modem deletes it,
    /// so that a crash loses nothing.
    ///
    /// A message goes to the account whose slot it names. An account without a server's number takes in what comes, and
    /// sends nothing here. A message that is not answered is sent again at [`Pace::SHORT_MESSAGES`].
    ///
    /// # Errors
    /// See [`ListenFailure`].
    pub fn listen<M: Modem>(
        &mut self,
        line: &mut SmsLine<M>,
        options: &SmsOptions<'_>,
        stop: &AtomicBool,
        tell: impl FnMut(SmsHeard) -> ControlFlow<()>,
    ) -> Result<(), ListenFailure> {
        let mut listening = Listening { wallet: self, line, options, stop, tell, troubles: 0 };
        listening.set_pace();
        let ended = listening.run();
        // Nothing may be said after the vault could not be written.
        if ended.is_ok() {
            listening.say_last();
        }
        ended
    }
}

struct Listening<'a, V, M, T> {
    wallet: &'a mut Wallet<V>,
    line: &'a mut SmsLine<M>,
    options: &'a SmsOptions<'a>,
    stop: &'a AtomicBool,
    tell: T,
    /// How often in a row the modem failed.
    troubles: u32,
}

/// Why a turn ended early.
enum Ended {
    /// The vault failed.
    Vault(ListenFailure),
    /// Whoever is told wants no more.
    Told,
    /// The modem did not do as told.
    Modem(ModemError),
}

/// What is to be sent for an account.
struct Outgoing {
    handle: Handle,
    server: Address,
    message: Vec<u8>,
}

impl<V: Vault, M: Modem, T: FnMut(SmsHeard) -> ControlFlow<()>> Listening<'_, V, M, T> {
    fn run(&mut self) -> Result<(), ListenFailure> {
        while !self.is_over() {
            match self.turn() {
                Ok(()) => {}
                Err(Ended::Vault(failure)) => return Err(failure),
                Err(Ended::Told) => break,
                Err(Ended::Modem(error)) => {
                    self.release();
                    let pause = self.pause();
                    if (self.tell)(SmsHeard::Trouble { error, pause }).is_break() {
                        break;
                    }
                    self.sleep(pause);
                }
            }
        }
        Ok(())
    }

    /// Those that speak here speak as seldom as short messages want it.
    fn set_pace(&mut self) {
        for place in 0..self.wallet.slots.len() {
            if self.server_of(place).is_some() {
                self.wallet.slot_mut(place).set_pace(Pace::SHORT_MESSAGES);
            }
        }
    }

    /// Sends what is to be sent, then looks at the modem once. The vault is other processes' while the modem works.
    fn turn(&mut self) -> Result<(), Ended> {
        if !self.retake()? {
            return Ok(());
        }
        for place in 0..self.wallet.slots.len() {
            if !self.options.only_answers && self.is_meant(place) && self.server_of(place).is_some() {
                self.let_time_pass(place)?;
            }
        }
        let outgoing = self.outgoing();
        self.release();
        self.send(outgoing)?;
        let left = self.options.until.map_or(LOOK, |until| until.saturating_duration_since(Instant::now()));
        let Some(first) = self.line.receive(left.min(LOOK)).map_err(Ended::Modem)? else { return Ok(()) };
        self.troubles = 0;
        let arrivals = self.gather(first);
        // What cannot be taken in before the end is still on the modem for the next time.
        if self.retake()? { self.take_in(arrivals) } else { Ok(()) }
    }

    /// What is left to say at the end. That it does not get through is told by the next run.
    fn say_last(&mut self) {
        let outgoing = self.outgoing();
        let _ = self.send(outgoing);
    }

    /// Where an account's messages go; `None` when they do not go from here.
    fn server_of(&self, place: usize) -> Option<Address> {
        let account = self.wallet.account_at(place);
        let own = sms_server(account);
        if self.is_meant(place) { self.options.server.cloned().or(own) } else { own }
    }

    fn is_meant(&self, place: usize) -> bool {
        self.options.only.is_none_or(|only| only == self.wallet.account_at(place).handle())
    }

    /// What is due is sent again, and few codes call for more.
    fn let_time_pass(&mut self, place: usize) -> Result<(), Ended> {
        let mut report = Report::default();
        let done = self.wallet.work(place, &mut report.events, |engine| {
            engine.tick(now());
            // Not being enrolled yet, or never again, is no reason to stop: what comes is taken in.
            let _ = engine.refill_if_low(now(), &mut system_rng());
        });
        done.map_err(stored)?;
        if report.is_quiet() { Ok(()) } else { self.report(place, report) }
    }

    /// Takes out what the accounts have to say.
    fn outgoing(&mut self) -> Vec<Outgoing> {
        let places = 0..self.wallet.slots.len();
        let outgoing = places.filter_map(|place| {
            let server = self.server_of(place)?;
            let message = self.wallet.unsent_at(place).take()?;
            Some(Outgoing { handle: self.wallet.account_at(place).handle(), server, message })
        });
        outgoing.collect()
    }

    fn send(&mut self, outgoing: Vec<Outgoing>) -> Result<(), Ended> {
        let mut trouble = Ok(());
        for Outgoing { handle, server, message } in outgoing {
            let sent = if trouble.is_ok() { self.line.send(&server, &message).map(Some) } else { Ok(None) };
            match sent {
                Ok(Some(parts)) => {
                    self.troubles = 0;
                    trouble = self.say(SmsHeard::Sent { handle, bytes: message.len(), parts });
                }
                // What may have gone out waits for the engine's own time: short messages cost money.
                Err(error) if error.is_in_doubt() => trouble = Err(Ended::Modem(error)),
                Err(error) => {
                    self.put_back(handle, message);
                    trouble = Err(Ended::Modem(error));
                }
                Ok(None) => self.put_back(handle, message),
            }
        }
        trouble
    }

    fn put_back(&mut self, handle: Handle, message: Vec<u8>) {
        if let Ok(place) = self.wallet.place(handle) {
            self.wallet.unsent_at(place).get_or_insert(message);
        }
    }

    /// A message and all that are there beside it, so that one answer does for them.
    fn gather(&mut self, first: Arrival) -> Vec<Arrival> {
        let mut arrivals = vec![first];
        while arrivals.len() < MAX_AT_ONCE
            && let Ok(Some(next)) = self.line.receive(Duration::ZERO)
        {
            arrivals.push(next);
        }
        arrivals
    }

    fn take_in(&mut self, mut arrivals: Vec<Arrival>) -> Result<(), Ended> {
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
        report.refused = self.wallet.receive_at(place, &messages, &mut report.events).map_err(stored)?;
        arrivals.into_iter().for_each(|arrival| self.line.settle(arrival));
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

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.options.until.is_some_and(|until| Instant::now() >= until)
    }

    fn sleep(&self, pause: Duration) {
        let end = Instant::now() + pause;
        while !self.is_over() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(LOOK_IN_PAUSE));
        }
    }

    fn release(&mut self) {
        if self.options.is_shared {
            self.wallet.release();
        }
    }

    /// Takes the vault back once other processes are done with it; `false` when listening is over before.
    fn retake(&mut self) -> Result<bool, Ended> {
        while self.options.is_shared
            && !self.wallet.retake().map_err(|error| Ended::Vault(ListenFailure::Open(error)))?
        {
            if self.is_over() {
                return Ok(false);
            }
            thread::sleep(LOOK_IN_PAUSE);
        }
        Ok(true)
    }
}

fn stored(error: StoreError) -> Ended {
    Ended::Vault(ListenFailure::Store(error))
}

impl fmt::Display for ListenFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Open(error) => error.fmt(f),
        }
    }
}

impl Error for ListenFailure {}

#[cfg(test)]
#[path = "listen_tests.rs"]
mod tests;
