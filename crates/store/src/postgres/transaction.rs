//! Transactions: what is asked goes out at once, then the COMMIT, whose answer is believed only when the server remarked
//! nothing with it.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use matchbook_rules::Changes;
use tokio::time::{sleep, timeout};
use tokio_postgres::Error;

use super::apply::{Plan, Refusal, Step};
use super::pool::{Dirty, Lease, Pool};
use super::sentence::{self, Trouble, trouble};
use super::session::{Outcome, Query, Session};
use super::{ConnectError, FLIGHT};
use crate::{CommitError, LoadError};

/// How often a transaction that lost a race is tried.
const TRIES: u32 = 8;
/// The first pause before it is tried again, at most; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(4);
/// How long an answer is waited for beyond what the server allows a statement: what the network takes, and what a
/// flight of statements adds up to.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a COMMIT is waited for. A server whose synchronous standby is gone never answers it.
pub(super) const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// What happened so far, for metrics.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Transactions and batches that were tried again because they lost a race.
    pub(super) retries: AtomicU64,
    /// Commits whose outcome is in doubt.
    pub(super) doubts: AtomicU64,
}

impl Tally {
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Why a try did not do it.
enum Failed {
    /// It may do it the next time; nothing was written.
    Again(String),
    /// It will not.
    For(CommitError),
}

impl From<ConnectError> for Failed {
    fn from(error: ConnectError) -> Self {
        Self::For(CommitError::Unavailable(error.to_string()))
    }
}

/// Makes a change.
pub(super) async fn commit(pool: &Pool, tally: &Tally, changes: &Changes) -> Result<(), CommitError> {
    let plan = Plan::of(changes);
    transact(pool, tally, &plan.steps, plan.end.as_ref(), plan.patience).await.map(drop)
}

/// Makes steps in one transaction, and returns what came of them when it is durable. `end` is why it cannot be made even
/// when all of them go well.
pub(super) async fn transact(
    pool: &Pool,
    tally: &Tally,
    steps: &[Step<'_>],
    end: Option<&Refusal>,
    patience: Duration,
) -> Result<Vec<Outcome>, CommitError> {
    let mut why = String::new();
    for tries in 0..TRIES {
        if tries > 0 {
            Tally::count(&tally.retries);
            sleep(pause(tries)).await;
        }
        match attempt(pool, steps, end, patience).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(Failed::Again(again)) => why = again,
            Err(Failed::For(error)) => {
                if matches!(error, CommitError::InDoubt(_)) {
                    Tally::count(&tally.doubts);
                    tracing::debug!(why = %error, "a commit is in doubt");
                }
                return Err(error);
            }
        }
    }
    Err(CommitError::Unavailable(why))
}

/// Between nothing and twice as long as before, so that two that stopped each other do not meet again.
pub(super) fn pause(tries: u32) -> Duration {
    let most = FIRST_PAUSE.saturating_mul(1 << tries.min(TRIES));
    let chance = std::hash::RandomState::new().hash_one(tries);
    let share = u32::try_from(chance % 1_024).unwrap_or(0);
    most.saturating_mul(share) / 1_024
}

async fn attempt(
    pool: &Pool,
    steps: &[Step<'_>],
    end: Option<&Refusal>,
    patience: Duration,
) -> Result<Vec<Outcome>, Failed> {
    let lease = pool.lease().await?;
    let Some(session) = lease.session() else { return Err(Failed::Again("no connection".to_owned())) };
    let at = pool.at();
    let mut outcomes = Vec::with_capacity(steps.len());
    let (mut begin, mut refused) = (Some(BEGIN), None);
    for flight in steps.chunks(FLIGHT) {
        let queries: Vec<Query<'_>> = flight.iter().map(|step| step.query.clone()).collect();
        let answered =
            timeout(patience.saturating_add(ANSWER_TIMEOUT), session.ask(begin.take(), &queries, None)).await;
        let answers = match answered {
            Ok(Ok(answers)) => answers,
            Ok(Err(error)) => return Err(failed(&at, lease, &error).await),
            Err(_) => {
                lease.throw_away();
                return Err(Failed::For(CommitError::Unavailable(sentence::unanswered(&at))));
            }
        };
        refused = flight.iter().zip(&answers).find_map(|(step, outcome)| step.judge(outcome).err());
        outcomes.extend(answers);
        if refused.is_some() {
            break;
        }
    }
    if let Some(refusal) = refused.or_else(|| end.cloned()) {
        lease.clean().await;
        return Err(if refusal == Refusal::Changing {
            Failed::Again(sentence::changing(&at))
        } else {
            Failed::For(refuse(&at, refusal))
        });
    }
    // Who goes away now leaves a commit whose outcome nobody has heard.
    let lease = Dirty::from(lease);
    let Some(session) = lease.session() else { return Err(Failed::Again("no connection".to_owned())) };
    conclude(&at, session).await?;
    lease.give_back();
    Ok(outcomes)
}

/// Sends the COMMIT. Whatever is not a plain yes or a plain no is doubt.
async fn conclude(at: &str, session: &Session) -> Result<(), Failed> {
    let in_doubt = |why: String| {
        Failed::For(CommitError::InDoubt(format!("it is not known whether a commit at {at} is durable: {why}")))
    };
    let before = session.remarks();
    match timeout(COMMIT_TIMEOUT, session.run("COMMIT")).await {
        Err(_) => {
            Err(in_doubt("it was not answered in time; look whether the synchronous standby is connected".to_owned()))
        }
        Ok(Ok(())) if session.remarks() == before => Ok(()),
        Ok(Ok(())) => Err(in_doubt(session.last_remark())),
        Ok(Err(error)) => match trouble(&error) {
            Trouble::Race => Err(Failed::Again(sentence::of_error(at, &error))),
            kind if kind.is_doubt() => Err(in_doubt(sentence::told(&error))),
            _ => Err(Failed::For(CommitError::Unavailable(sentence::of_error(at, &error)))),
        },
    }
}

/// After an error before the COMMIT was sent: nothing was written.
async fn failed(at: &str, lease: Lease, error: &Error) -> Failed {
    let (kind, why) = (trouble(error), sentence::of_error(at, error));
    if kind.spares_the_connection() {
        lease.clean().await;
    } else {
        lease.throw_away();
    }
    match kind {
        // A connection that ended while it was idle says so only now.
        Trouble::Race | Trouble::Taken | Trouble::Lost => Failed::Again(why),
        Trouble::Locked
        | Trouble::Slow
        | Trouble::Full
        | Trouble::ReadOnly
        | Trouble::Forbidden
        | Trouble::Broken
        | Trouble::Other => Failed::For(CommitError::Unavailable(why)),
    }
}

fn refuse(at: &str, refusal: Refusal) -> CommitError {
    match refusal {
        Refusal::Conflict(why) => CommitError::Conflict(why),
        Refusal::Senseless(why) => CommitError::Unavailable(why),
        Refusal::Damaged(what) => CommitError::Unavailable(sentence::damaged(at, &what)),
        Refusal::Moving(why) => CommitError::ReadOnly(sentence::moving(at, &why)),
        Refusal::Changing => CommitError::Unavailable(sentence::changing(at)),
    }
}

/// Reads all at one moment, without waiting between the statements.
pub(super) async fn read(pool: &Pool, queries: &[Query<'_>]) -> Result<Vec<Outcome>, LoadError> {
    let at = pool.at();
    let mut tries = 0;
    loop {
        tries += 1;
        let lease = pool.lease().await.map_err(|error| LoadError::Unavailable(error.to_string()))?;
        let Some(session) = lease.session() else { continue };
        // A statement by itself sees one moment anyway.
        let (begin, end) = if queries.len() > 1 { (Some(BEGIN_READ), Some("COMMIT")) } else { (None, None) };
        let error = match timeout(ANSWER_TIMEOUT, session.ask(begin, queries, end)).await {
            Ok(Ok(outcomes)) => {
                lease.give_back();
                return Ok(outcomes);
            }
            Ok(Err(error)) => error,
            Err(_) => {
                lease.throw_away();
                return Err(LoadError::Unavailable(sentence::unanswered(&at)));
            }
        };
        if trouble(&error).spares_the_connection() {
            lease.clean().await;
        } else {
            lease.throw_away();
        }
        let is_worth_it = matches!(trouble(&error), Trouble::Race | Trouble::Lost);
        if !is_worth_it || tries >= TRIES {
            return Err(LoadError::Unavailable(sentence::of_error(&at, &error)));
        }
        sleep(pause(tries)).await;
    }
}

#[cfg(test)]
mod tests;
