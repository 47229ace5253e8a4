//! The load generator: closed loop, HTTP/1.1, connections that stay open, one thread.
//!
//! It shares the cores with what it measures, so that it costs as little as can be: requests are patched into bytes that
//! were made before, answers are read as far as their length and body, and nothing is allocated for one.

mod connection;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use self::connection::Connection;
use crate::cpu::Snapshot;
use crate::stats::Measured;
use crate::trouble::{Result, Trouble};

/// What came back.
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

/// What one connection has to say.
pub trait Talk: Send {
    /// Writes the next request, head and body, into `out`, which is empty. `false`: there is nothing more to ask.
    fn ask(&mut self, out: &mut Vec<u8>) -> bool;

    /// Takes the answer. `true`: a piece of work is done with it.
    ///
    /// # Errors
    /// The answer is not what was expected, which ends the measurement.
    fn hear(&mut self, answer: &Answer<'_>) -> Result<bool>;
}

/// How long load is put on.
#[derive(Clone, Copy, Debug)]
pub struct Spell {
    /// Not measured, at the beginning.
    pub warm_up: Duration,
    /// Measured.
    pub measured: Duration,
}

/// What is measured, and what its processor time is counted by.
pub struct Target<'a> {
    /// The servers; connections go to them in turn.
    pub addresses: &'a [SocketAddr],
    /// Their processes.
    pub pids: &'a [u32],
    /// The first processes of the database servers; none where the database is in the servers.
    pub databases: &'a [u32],
}

/// How long is waited at most until a server has done what it puts off, and how often is looked.
const REST: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(100);
/// The part of a core below which a server is at rest: it has clocks that tick.
const AT_REST: f64 = 0.03;

impl Target<'_> {
    /// Waits until the servers and the databases have done what they put off while they were busy, so that it does not
    /// fall into another's measurement. Returns the processor time that it took.
    #[must_use]
    pub fn rest(&self) -> Duration {
        let clocks = || [Snapshot::of_all(self.pids), Snapshot::of_families(self.databases)];
        let used = |[servers, databases]: &[Snapshot; 2], now: &[Snapshot; 2]| {
            let [servers_now, databases_now] = now;
            servers_now.since(servers).saturating_add(databases_now.since(databases))
        };
        let (began, until) = (clocks(), Instant::now() + REST);
        let mut before = began.clone();
        loop {
            std::thread::sleep(LOOK);
            let now = clocks();
            if used(&before, &now) < LOOK.mul_f64(AT_REST) || Instant::now() > until {
                return used(&began, &now);
            }
            before = now;
        }
    }
}

/// Puts one connection's load on for each talk, and measures. A talk that has nothing more to ask stops early; the rate is
/// then that of the time until the first one stopped.
///
/// # Errors
/// A server cannot be reached, or an answer is not what was expected.
pub fn run(target: &Target<'_>, talks: Vec<Box<dyn Talk>>, spell: Spell) -> Result<Measured> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Trouble::because("the generator has no runtime"))?;
    runtime.block_on(drive(target, talks, spell))
}

async fn drive(target: &Target<'_>, talks: Vec<Box<dyn Talk>>, spell: Spell) -> Result<Measured> {
    let ready = Arc::new(Barrier::new(talks.len() + 1));
    let mut tasks = JoinSet::new();
    for (talk, address) in talks.into_iter().zip(target.addresses.iter().copied().cycle()) {
        let ready = Arc::clone(&ready);
        tasks.spawn(async move {
            let connected = Connection::open(address).await;
            ready.wait().await;
            keep_asking(connected?, talk, spell).await
        });
    }
    ready.wait().await;
    let own = std::process::id();
    let clocks = || [Snapshot::of_all(target.pids), Snapshot::of(own), Snapshot::of_families(target.databases)];
    tokio::time::sleep(spell.warm_up).await;
    let before = clocks();
    let mut end = pin!(tokio::time::sleep(spell.measured));
    let mut after = None;
    let mut times = Vec::new();
    let mut measured = spell.measured;
    // What ends badly, or has nothing more to ask, does not make the others' time any longer.
    loop {
        tokio::select! {
            () = &mut end, if after.is_none() => after = Some(clocks()),
            joined = tasks.join_next() => match joined {
                Some(joined) => {
                    let heard = joined.map_err(Trouble::because("a connection's task ended badly"))??;
                    times.extend(heard.times);
                    measured = measured.min(heard.measured);
                }
                None => break,
            },
        }
    }
    let after = after.unwrap_or_else(clocks);
    // What came after the first talk had run dry is left out, with the share of the processor's time that fell to it.
    let all = times.len();
    let times: Vec<Duration> =
        times.into_iter().filter(|(done_after, _)| *done_after <= measured).map(|(_, took)| took).collect();
    let share = if all == 0 { 0.0 } else { crate::stats::count(times.len()) / crate::stats::count(all) };
    let [server, generator, database] = used(&before, &after).map(|used| used.mul_f64(share));
    Ok(Measured::of(times, measured, server, generator).with_database(database))
}

fn used([servers, generator, databases]: &[Snapshot; 3], after: &[Snapshot; 3]) -> [Duration; 3] {
    let [servers_after, generator_after, databases_after] = after;
    [servers_after.since(servers), generator_after.since(generator), databases_after.since(databases)]
}

/// What one connection saw.
struct Heard {
    /// Of each piece of work: when it was done, from the end of the warm-up, and how long it took.
    times: Vec<(Duration, Duration)>,
    /// How long it had something to ask, from the end of the warm-up.
    measured: Duration,
}

async fn keep_asking(mut connection: Connection, mut talk: Box<dyn Talk>, spell: Spell) -> Result<Heard> {
    let began = Instant::now();
    let (warm, end) = (began + spell.warm_up, began + spell.warm_up + spell.measured);
    let mut heard = Heard { times: Vec::new(), measured: spell.measured };
    let mut piece = began;
    loop {
        if !connection.ask(|out| talk.ask(out)).await? {
            heard.measured = Instant::now().saturating_duration_since(warm).min(spell.measured);
            return Ok(heard);
        }
        let is_done = connection.answer(|answer| talk.hear(answer)).await??;
        let now = Instant::now();
        if now >= end {
            return Ok(heard);
        }
        if is_done {
            if now >= warm {
                heard.times.push((now - warm, now - piece));
            }
            piece = now;
        }
    }
}

#[cfg(test)]
mod tests;
