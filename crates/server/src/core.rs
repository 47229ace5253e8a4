//! What every room of the server shares, and the one loop that all decisions go through: load, decide, commit, and
//! again when another writer was faster.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use matchbook_protocol::AuthenticatorId;
use matchbook_rules::keyring::Keyring;
use matchbook_rules::{Authenticator, Changes, DeviceSnapshot, Guard, Write};
use matchbook_store::{CommitError, Store};
use tokio::sync::{Mutex, watch};

use crate::auth::Tokens;
use crate::chance;
use crate::config::ServerConfig;
use crate::duties::Duties;
use crate::lanes::Lanes;
use crate::limits::{CONFLICT_DOUBLINGS, CONFLICT_PAUSE, MAX_DECISIONS, MAX_DOUBT_WRITES, READINESS_KEPT};
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::rate::Rates;
use crate::seldom::is_news;
use crate::sms::Desk;
use crate::waiting::Waiting;

/// The shared state of one server.
pub(crate) struct Core {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keyring: Keyring,
    pub(crate) config: ServerConfig,
    pub(crate) public_url: String,
    pub(crate) lanes: Lanes,
    pub(crate) waiting: Waiting,
    /// `None` when no short messages are set up.
    pub(crate) sms: Option<Desk>,
    pub(crate) metrics: Metrics,
    pub(crate) tokens: Tokens,
    pub(crate) rates: Rates,
    pub(crate) readiness: Readiness,
    pub(crate) doubts: Doubts,
    pub(crate) duties: Duties,
    /// Turns true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// The last answer to "can the store commit", so that asking often does not cost a flush each time.
#[derive(Default)]
pub(crate) struct Readiness {
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

/// Commits in doubt, numbered as they come: up to which number a later durable write has made them sure.
#[derive(Default)]
pub(crate) struct Doubts {
    raised: AtomicU64,
    settled: AtomicU64,
}

/// What a decision about one device asks for.
pub(crate) struct Outcome<T> {
    /// What is written; empty for nothing.
    pub(crate) changes: Changes,
    /// What the caller gets once it is durable.
    pub(crate) answer: T,
    /// The answer tells what was read: when nothing is written, that is to be made sure of first.
    pub(crate) tells: bool,
}

impl Core {
    /// Takes one decision about one device: `decide` may run several times, each on a fresh snapshot.
    ///
    /// `None`: no such authenticator.
    pub(crate) async fn decide_device<T>(
        &self,
        id: &AuthenticatorId,
        mut decide: impl FnMut(&DeviceSnapshot) -> Result<Outcome<T>, Problem>,
    ) -> Result<Option<T>, Problem> {
        let _turn = self.lanes.turn(id.0).await.map_err(|_| Problem::slow_down(1_000))?;
        for tries in 0..MAX_DECISIONS {
            let Some(snapshot) = self.store.load_device(id).await? else { return Ok(None) };
            let outcome = decide(&snapshot)?;
            let committed = if !outcome.changes.writes.is_empty() {
                self.commit(outcome.changes).await
            } else if outcome.tells {
                self.make_sure_of(vec![as_seen(&snapshot.authenticator)]).await
            } else {
                Ok(())
            };
            match committed {
                Ok(()) => return Ok(Some(outcome.answer)),
                Err(CommitError::Conflict(why)) => self.conflict(&why, tries).await,
                Err(error @ (CommitError::Unavailable(_) | CommitError::ReadOnly(_) | CommitError::InDoubt(_))) => {
                    return Err(error.into());
                }
            }
        }
        Err(Problem::unavailable())
    }

    /// Commits, and measures it. An outcome in doubt is resolved by the same write: every decision's writes hold a
    /// guard or a unique key that the first one, if it was made, has used up, so that they cannot be made twice. A
    /// conflict then means that the first one may stand: the caller decides again on what is there, and calls
    /// [`Core::make_sure_of`] before it answers on a read alone.
    pub(crate) async fn commit(&self, changes: Changes) -> Result<(), CommitError> {
        let mut written = 0;
        let changes = Arc::new(changes);
        loop {
            let began = Instant::now();
            let earlier = self.doubts.raised.load(Ordering::SeqCst);
            let result = self.store.commit_shared(&changes).await;
            self.metrics.committed(began.elapsed());
            match result {
                Ok(()) => {
                    self.doubts.settled.fetch_max(earlier, Ordering::SeqCst);
                    return Ok(());
                }
                Err(CommitError::InDoubt(why)) => {
                    self.doubts.raised.fetch_add(1, Ordering::SeqCst);
                    self.metrics.doubts.inc();
                    if written == MAX_DOUBT_WRITES {
                        return Err(CommitError::InDoubt(why));
                    }
                    if is_news(&format!("doubt: {why}")) {
                        tracing::warn!(why, "a commit is in doubt and is written again");
                    }
                    written += 1;
                }
                // An earlier write may stand: nobody may say that nothing was decided.
                Err(CommitError::ReadOnly(why)) if written > 0 => return Err(CommitError::InDoubt(why)),
                Err(error @ (CommitError::Conflict(_) | CommitError::Unavailable(_) | CommitError::ReadOnly(_))) => {
                    return Err(error);
                }
            }
        }
    }

    /// Has to come before an answer that rests on a read alone: what a read shows need not be durable yet, or, where
    /// several nodes share the store, may be gone with the server that showed it. `seen` is what was read.
    ///
    /// # Errors
    /// A conflict: it is no longer so, and the decision is to be taken again.
    pub(crate) async fn make_sure_of(&self, seen: Vec<Guard>) -> Result<(), CommitError> {
        if self.store.is_shared() {
            // In one transaction with a durable write, so that both are of one server.
            self.commit(Changes { guards: seen, writes: vec![Write::Probe] }).await
        } else {
            self.make_sure().await
        }
    }

    /// In a store of this process alone only its own doubts count. After one, what a read shows need not be durable yet; a
    /// later write that is durable makes it so. Costs nothing while no doubt is open.
    async fn make_sure(&self) -> Result<(), CommitError> {
        let raised = self.doubts.raised.load(Ordering::SeqCst);
        if self.doubts.settled.load(Ordering::SeqCst) < raised {
            self.store.probe().await?;
            self.doubts.settled.fetch_max(raised, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Whether the store can commit. In a task of its own, so that an asker who goes away does not leave the answer
    /// unremembered and the next one paying for another.
    pub(crate) async fn ready(self: &Arc<Self>) -> Result<(), String> {
        let core = Arc::clone(self);
        let asked = tokio::spawn(async move { core.probe_now_and_then().await });
        asked.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// An answer counts for [`READINESS_KEPT`].
    async fn probe_now_and_then(&self) -> Result<(), String> {
        let mut last = self.readiness.last.lock().await;
        if let Some((asked, answer)) = last.as_ref()
            && asked.elapsed() < READINESS_KEPT
        {
            return answer.clone();
        }
        let answer = self.store.probe().await.map_err(|error| error.to_string());
        let was = last.replace((Instant::now(), answer.clone())).map(|(_, was)| was);
        match (&answer, was) {
            (Err(why), None | Some(Ok(()))) => tracing::error!(why, "not ready"),
            (Err(why), Some(Err(before))) if *why != before => tracing::error!(why, "still not ready"),
            (Ok(()), Some(Err(_))) => tracing::info!("ready again"),
            (Ok(()), None | Some(Ok(()))) | (Err(_), Some(Err(_))) => {}
        }
        answer
    }

    /// Notes a conflict and waits a moment, by chance, so that those who met do not meet again: longer the more often,
    /// or a few that decide side by side would keep each other from ever being committed.
    pub(crate) async fn conflict(&self, why: &str, tries: u32) {
        self.metrics.conflicts.inc();
        tracing::debug!(why, "decided again after a conflict");
        let longest = CONFLICT_PAUSE.saturating_mul(1 << tries.min(CONFLICT_DOUBLINGS));
        tokio::time::sleep(longest.mul_f64(chance::fraction())).await;
    }
}

/// That the device is as it was seen.
pub(crate) fn as_seen(device: &Authenticator) -> Guard {
    Guard::Authenticator { realm: device.realm.clone(), id: device.id, version: device.version }
}
