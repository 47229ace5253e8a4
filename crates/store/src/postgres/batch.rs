//! Plain acceptances, many in one statement: whatever waits when a lane is free goes at once, so that a batch grows with
//! the load and nobody waits for a timer.
//!
//! A statement by itself is a transaction: it costs one round trip and one flush. It makes those that it can and skips
//! the others, which then have a transaction of their own, where they wait for who has a row locked, and learn why they
//! lost. When it fails as a whole, in a race that it could not foresee, it is tried again, and in the end so is each by
//! itself.

mod columns;
mod statement;

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use matchbook_rules::Changes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use self::columns::Columns;
use self::statement::{LOOKING, TRUSTING};
use super::pool::{Connector, Pool};
use super::sentence::{self, Trouble, trouble};
use super::session::Session;
use super::transaction::{self, ANSWER_TIMEOUT, COMMIT_TIMEOUT, Tally};
use super::{ConnectError, LANES};
use crate::CommitError;
use crate::accept::Accept;
use crate::hot::Hot;

/// Acceptances that one statement makes at most: beyond this its flush is no longer what it costs.
const MAX_BATCH: usize = 256;
/// Acceptances that wait for a lane at most; the next one waits for room.
const MAX_QUEUE: usize = 2_048;
/// How often a statement that failed as a whole is tried before each acceptance goes by itself.
const TRIES: u32 = 3;
/// Batches that look after one that found a key taken: such come in swarms, as when clients ask again after a pause.
const WARY: u32 = 64;
/// How long a batch waits for a row or a key that another transaction has, in milliseconds, before each acceptance goes
/// by itself: one that has to wait for longer is not to hold up the others.
const LOCK_TIMEOUT_MS: u32 = 300;

struct Job {
    changes: Arc<Changes>,
    answer: oneshot::Sender<Result<(), CommitError>>,
}

/// The ways to the lanes. They end when this is dropped and what was sent is answered.
pub(super) struct Lanes {
    lanes: Vec<mpsc::Sender<Job>>,
    chance: RandomState,
}

impl Lanes {
    /// Starts the lanes, each with a connection that it makes when it needs it.
    pub(super) fn start(connector: &Arc<Connector>, pool: &Pool, tally: &Arc<Tally>, hot: &Arc<Hot>) -> Self {
        let lane = |_| {
            let (jobs, waiting) = mpsc::channel(MAX_QUEUE);
            let lane = Lane {
                connector: Arc::clone(connector),
                pool: pool.clone(),
                tally: Arc::clone(tally),
                hot: Arc::clone(hot),
                session: None,
                wary: Wary::default(),
            };
            tokio::spawn(lane.run(waiting));
            jobs
        };
        Self { lanes: (0..LANES).map(lane).collect(), chance: RandomState::new() }
    }

    /// Makes a plain acceptance; `None`: the changes are something else.
    pub(super) async fn commit(&self, changes: &Arc<Changes>) -> Option<Result<(), CommitError>> {
        let accept = Accept::of(changes).filter(columns::fits)?;
        // The same operation always takes the same lane, so that it never races with itself in this process.
        let key = (accept.realm, &accept.operation.relying_party, &accept.operation.id);
        let place = usize::try_from(self.chance.hash_one(key) % lanes()).unwrap_or(0);
        let lane = self.lanes.get(place)?;
        let closed = || Err(CommitError::Unavailable("the store is closed: restart the server".to_owned()));
        let (answer, answered) = oneshot::channel();
        if lane.send(Job { changes: Arc::clone(changes), answer }).await.is_err() {
            return Some(closed());
        }
        Some(answered.await.unwrap_or_else(|_| {
            Err(CommitError::InDoubt("the store stopped in the middle of a commit: restart the server".to_owned()))
        }))
    }
}

fn lanes() -> u64 {
    u64::try_from(LANES).unwrap_or(1)
}

struct Lane {
    connector: Arc<Connector>,
    pool: Pool,
    tally: Arc<Tally>,
    hot: Arc<Hot>,
    session: Option<Session>,
    wary: Wary,
}

/// How many batches are still to look first.
#[derive(Default)]
struct Wary(u32);

impl Wary {
    /// The statement for the next batch.
    fn statement(&mut self) -> &'static str {
        let statement = if self.0 > 0 { LOOKING } else { TRUSTING };
        self.0 = self.0.saturating_sub(1);
        statement
    }

    /// A key was taken: the statement for the same batch again.
    fn taken(&mut self) -> &'static str {
        self.0 = WARY;
        LOOKING
    }
}

/// What became of a statement.
enum Done {
    /// It is durable, and made the acceptances at these places.
    Made(HashSet<usize>),
    /// Nothing was written, and each is to go by itself.
    OneByOne,
    /// Nothing was written.
    Unavailable(String),
    /// Nothing was sent: there is no connection to be had.
    Unreachable(String),
    /// It may be durable.
    InDoubt(String),
}

impl Lane {
    async fn run(mut self, mut waiting: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(MAX_BATCH);
        let mut later = Vec::new();
        // `recv_many` waits for the first and takes what is there; what had to stay behind does not wait.
        while !later.is_empty() || waiting.recv_many(&mut jobs, MAX_BATCH).await > 0 {
            jobs.append(&mut later);
            (jobs, later) = apart(jobs);
            let done = self.write(&jobs).await;
            if let Done::Unreachable(why) = done {
                // The others would wait for a connection in turn. None of them was sent.
                jobs.append(&mut later);
                while let Ok(job) = waiting.try_recv() {
                    jobs.push(job);
                }
                tracing::debug!(%why, commits = jobs.len(), "commits failed");
                self.tell_all(std::mem::take(&mut jobs), || CommitError::Unavailable(why.clone()));
            } else {
                self.answer(std::mem::take(&mut jobs), done);
            }
            // Those that were answered may have their next one ready: the fuller a batch, the less each pays for it.
            yield_now().await;
        }
    }

    /// Makes what it can of the jobs, which are in order and have no key in common.
    async fn write(&mut self, jobs: &[Job]) -> Done {
        let accepts: Vec<Accept<'_>> = jobs.iter().filter_map(|job| Accept::of(&job.changes)).collect();
        let columns = Columns::of(&accepts);
        let mut statement = self.wary.statement();
        for tries in 1..=TRIES {
            match self.attempt(statement, &columns).await {
                Ok(done) => return done,
                // Who won has committed by now, so that the next try sees it.
                Err(Trouble::Taken) => {
                    Tally::count(&self.tally.retries);
                    statement = self.wary.taken();
                }
                Err(_) => {
                    Tally::count(&self.tally.retries);
                    sleep(transaction::pause(tries)).await;
                }
            }
        }
        Done::OneByOne
    }

    /// Tries a statement; an error is a race that may end otherwise the next time.
    async fn attempt(&mut self, statement: &str, columns: &Columns<'_>) -> Result<Done, Trouble> {
        let at = self.connector.at();
        let session = match self.session.take() {
            Some(session) if !session.is_closed() => session,
            Some(_) | None => match self.connect().await {
                Ok(session) => session,
                Err(error) => return Ok(Done::Unreachable(error.to_string())),
            },
        };
        let in_doubt = |why: &str| Done::InDoubt(format!("it is not known whether a commit at {at} is durable: {why}"));
        let before = session.remarks();
        let answered = timeout(COMMIT_TIMEOUT, session.ask_raw(statement, &columns.values())).await;
        let error = match answered {
            Err(_) => return Ok(in_doubt("it was not answered in time; look at locks and at the synchronous standby")),
            Ok(Ok(rows)) => {
                if session.remarks() != before {
                    return Ok(in_doubt(&session.last_remark()));
                }
                self.session = Some(session);
                let places = rows.iter().filter_map(|row| row.try_get::<_, i64>(0).ok());
                let places = places.filter_map(|place| usize::try_from(place).ok()?.checked_sub(1));
                return Ok(Done::Made(places.collect()));
            }
            Ok(Err(error)) => error,
        };
        let kind = trouble(&error);
        if kind.spares_the_connection() {
            self.session = Some(session);
        }
        match kind {
            Trouble::Race | Trouble::Taken => Err(kind),
            // Something about one of them may be what it does not take.
            Trouble::Locked | Trouble::Other => Ok(Done::OneByOne),
            kind if kind.is_doubt() => Ok(in_doubt(&sentence::told(&error))),
            Trouble::Slow
            | Trouble::Full
            | Trouble::ReadOnly
            | Trouble::Forbidden
            | Trouble::Lost
            | Trouble::Broken => Ok(Done::Unavailable(sentence::of_error(&at, &error))),
        }
    }

    async fn connect(&self) -> Result<Session, ConnectError> {
        let session = self.connector.connect().await?;
        let failed = |error| ConnectError::of(&self.connector.at(), &error);
        let ready = async {
            session.run(&format!("SET lock_timeout = {LOCK_TIMEOUT_MS}")).await.map_err(failed)?;
            session.ready(TRUSTING).await.map_err(failed)?;
            session.ready(LOOKING).await.map_err(failed)
        };
        self.connector.in_time(ANSWER_TIMEOUT, ready).await?;
        Ok(session)
    }

    /// Tells all the same.
    fn tell_all(&self, jobs: Vec<Job>, error: impl Fn() -> CommitError) {
        for job in jobs {
            job.tell(&self.hot, Err(error()));
        }
    }

    fn answer(&self, jobs: Vec<Job>, done: Done) {
        let made = match done {
            Done::Made(places) => places,
            Done::OneByOne => HashSet::new(),
            Done::Unavailable(why) | Done::Unreachable(why) => {
                // Whoever asked tells it, once for all that meet the same trouble.
                tracing::debug!(%why, "a commit failed");
                return self.tell_all(jobs, || CommitError::Unavailable(why.clone()));
            }
            Done::InDoubt(why) => {
                Tally::count(&self.tally.doubts);
                tracing::debug!(%why, "a commit is in doubt");
                return self.tell_all(jobs, || CommitError::InDoubt(why.clone()));
            }
        };
        for (place, job) in jobs.into_iter().enumerate() {
            if made.contains(&place) {
                job.tell(&self.hot, Ok(()));
            } else {
                // The lane does not wait for it: it may wait for a row for long.
                let (pool, tally, hot) = (self.pool.clone(), Arc::clone(&self.tally), Arc::clone(&self.hot));
                tokio::spawn(async move {
                    let result = transaction::commit(&pool, &tally, &job.changes).await;
                    job.tell(&hot, result);
                });
            }
        }
    }
}

impl Job {
    fn tell(self, hot: &Hot, result: Result<(), CommitError>) {
        hot.settled(&self.changes, result.is_ok());
        // Who has gone away no longer wants to know.
        let _ = self.answer.send(result);
    }
}

/// Sorts jobs by device and code, so that two batches lock in one order, and keeps back those that have a code or an
/// operation in common with another one, and those that are too many.
fn apart(jobs: Vec<Job>) -> (Vec<Job>, Vec<Job>) {
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    let mut chosen = vec![false; jobs.len()];
    {
        let accepts: Vec<Option<Accept<'_>>> = jobs.iter().map(|job| Accept::of(&job.changes)).collect();
        let (mut codes, mut operations) = (HashSet::new(), HashSet::new());
        for (accept, chosen) in accepts.iter().zip(&mut chosen).take(MAX_BATCH) {
            let Some(accept) = accept else { continue };
            let code = (accept.realm, accept.authenticator, accept.spend.index);
            let operation = (accept.realm, &accept.operation.relying_party, &accept.operation.id);
            *chosen = !codes.contains(&code) && !operations.contains(&operation);
            if *chosen {
                codes.insert(code);
                operations.insert(operation);
            }
        }
        let key = |place: usize| {
            accepts.get(place).and_then(Option::as_ref).map(|it| (it.realm, it.authenticator.0, it.spend.index))
        };
        order.sort_by(|one, other| key(*one).cmp(&key(*other)));
    }
    let mut jobs: Vec<Option<Job>> = jobs.into_iter().map(Some).collect();
    let (mut now, mut later) = (Vec::with_capacity(jobs.len()), Vec::new());
    for place in order {
        let Some(job) = jobs.get_mut(place).and_then(Option::take) else { continue };
        if chosen.get(place).copied().unwrap_or(false) { now.push(job) } else { later.push(job) }
    }
    (now, later)
}

#[cfg(test)]
mod tests;
