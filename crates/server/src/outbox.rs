//! The outbox: sealed bytes that were committed before they are sent, sent again with back-off until they are
//! acknowledged, and deleted then. And the work that a spend or an operator made due.

use std::sync::Arc;
use std::time::Duration;

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{OutboxItem, OutboxKind, RefillReason, RotationReason, Write, issue, rotate};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::chance;
use crate::core::{Core, Outcome};
use crate::limits::{
    EVENTS_KEPT, MAKE_WAY, MAX_DRAINED_PAGES, PRUNE_EVERY, RESEND_FIRST, RESEND_LONGEST, ROOM_PAUSE, SUBMIT_GRACE,
    SWEEP_BATCH, SWEEP_EVERY, TAKEN_HELD, UNREADABLE_PAUSE,
};
use crate::news::News;
use crate::problem::Problem;
use crate::seldom::is_news;
use crate::sms::Desk;
use crate::sms::dispatch::{Round, Submission, by_chance};

/// What one look at the outbox came to.
struct Drained {
    /// To be submitted, now that they are counted as sent.
    submissions: Vec<Submission>,
    /// There may be more that is due.
    may_be_more: bool,
    /// Some stayed due because their centre has no room.
    is_short_of_room: bool,
}

impl Core {
    /// Issues the set that is due for a device, and wakes it if it waits (M6). At most one set is outstanding: when one
    /// is, its bytes are made due again instead.
    pub(crate) async fn refill(&self, id: &AuthenticatorId, reason: RefillReason) -> Result<(), Problem> {
        let decided = self.decide_device(id, |snapshot| {
            let (now, mut rng) = (chance::now(), chance::rng());
            let limits = self.limits(self.push_way(&snapshot.authenticator), &snapshot.authenticator);
            let decision = issue::push(snapshot, &self.keyring, &limits, reason, now, &mut rng)?;
            Ok(Outcome { changes: decision.changes, answer: (), tells: false })
        });
        decided.await?.ok_or_else(|| Problem::not_listed("There is no such device.", "device list"))?;
        self.reach(id);
        Ok(())
    }

    /// Begins a key replacement (M8), and wakes the device if it waits.
    pub(crate) async fn rotate(&self, id: &AuthenticatorId, reason: RotationReason) -> Result<(), Problem> {
        let decided = self.decide_device(id, |snapshot| {
            let (now, mut rng) = (chance::now(), chance::rng());
            let decision = rotate::begin(snapshot, reason, &self.keyring, now, &mut rng)?;
            Ok(Outcome { changes: decision.changes, answer: (), tells: false })
        });
        decided.await?.ok_or_else(|| Problem::not_listed("There is no such device.", "device list"))?;
        self.reach(id);
        Ok(())
    }

    /// Something waits for a device: whichever bearer reaches it now is told.
    pub(crate) fn reach(&self, id: &AuthenticatorId) {
        if !self.waiting.wake(id) {
            self.wake_dispatch();
        }
    }

    /// Hands every message that is due to its bearer, and notes when it is due again. The messages that go by SMS are to
    /// be submitted by the caller.
    async fn drain_outbox(&self) -> Result<Drained, Problem> {
        let now = chance::now();
        let held_ms = u64::try_from(TAKEN_HELD.as_millis()).unwrap_or(u64::MAX);
        let due = self.store.take_due(now, SWEEP_BATCH, self.duties.node, held_ms).await?;
        let mut round = Round::new(now);
        for item in &due {
            let waits = item.kind != OutboxKind::Answer && self.waiting.wake(&item.authenticator);
            let is_planned = match &self.sms {
                Some(desk) if !waits && !desk.has_room(&round) => {
                    round.without_room.push(item.clone());
                    true
                }
                Some(desk) if !waits => self.plan_or_put_off(desk, item, &mut round).await,
                Some(_) | None => false,
            };
            if is_planned {
                continue;
            }
            // The HTTP bearer cannot call a device: it wakes the request that the device left waiting, or the device
            // fetches the message with its next request.
            if waits && item.attempts > 0 {
                self.metrics.resends.inc();
            }
            round.changes.writes.push(attempted(item, now));
        }
        let is_full = due.len() >= usize::try_from(SWEEP_BATCH).unwrap_or(usize::MAX);
        let is_short_of_room = !round.without_room.is_empty();
        // A page of messages whose centre has no room hides those of other centres behind it: they make way.
        if is_full && round.without_room.len() * 2 > due.len() {
            for item in std::mem::take(&mut round.without_room) {
                round.later(&item, by_chance(MAKE_WAY));
            }
        }
        let has_changes = !round.changes.writes.is_empty();
        if self.store.is_shared() {
            // They stay due; another node may have room.
            for item in std::mem::take(&mut round.without_room) {
                round.changes.writes.push(given_back(&item));
            }
        }
        if !round.changes.writes.is_empty() {
            self.commit(round.changes).await?;
        }
        Ok(Drained { submissions: round.submissions, may_be_more: is_full && has_changes, is_short_of_room })
    }

    /// A device that cannot be read keeps nobody else's messages waiting.
    async fn plan_or_put_off(&self, desk: &Desk, item: &OutboxItem, round: &mut Round) -> bool {
        match self.plan(desk, item, round).await {
            Ok(is_planned) => is_planned,
            Err(problem) => {
                if is_news(&format!("put off: {problem}")) {
                    tracing::error!(device = %item.authenticator, %problem, "a message is put off: its device cannot be read");
                }
                round.later(item, by_chance(UNREADABLE_PAUSE));
                true
            }
        }
    }

    /// Does what was committed as due and not yet begun, for instance because the server was killed in between. A device
    /// whose work fails keeps nobody else waiting: the next sweep goes on behind it, and comes round to it again.
    async fn do_due_work(&self, after: &mut Option<AuthenticatorId>) -> Result<(), Problem> {
        let due = self.store.work_due(*after, SWEEP_BATCH).await?;
        for id in &due {
            if let Err(problem) = self.do_work_of(id).await
                && is_news(&format!("due work: {problem}"))
            {
                tracing::warn!(device = %id, %problem, "due work could not be done and is tried again");
            }
        }
        let is_full = due.len() >= usize::try_from(SWEEP_BATCH).unwrap_or(usize::MAX);
        *after = if is_full { due.last().copied() } else { None };
        Ok(())
    }

    async fn do_work_of(&self, id: &AuthenticatorId) -> Result<(), Problem> {
        let Some(snapshot) = self.store.load_device(id).await? else { return Ok(()) };
        let device = &snapshot.authenticator;
        if let Some(reason) = device.refill_due {
            self.refill(id, reason).await?;
        }
        if let Some(reason) = device.rotation_wanted
            && device.keys.next.is_none()
        {
            self.rotate(id, reason).await?;
        }
        Ok(())
    }

    async fn prune(&self) {
        let now = chance::now();
        let before =
            |kept: Duration| UnixMillis(now.0.saturating_sub(u64::try_from(kept.as_millis()).unwrap_or(u64::MAX)));
        let operations = UnixMillis(now.0.saturating_sub(matchbook_rules::verify::OPERATION_KEPT_MS));
        let buckets = UnixMillis(now.0.saturating_sub(matchbook_rules::throttle::BUCKET_KEPT_MS));
        match self.store.prune(operations, buckets, before(EVENTS_KEPT)).await {
            Ok(rows) => tracing::debug!(rows, "pruned"),
            Err(error) => tracing::warn!(%error, "pruning failed and is tried again later"),
        }
        self.drop_stale_imports().await;
    }

    async fn measure(&self) {
        match self.store.stats().await {
            Ok(stats) => {
                let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
                let age = stats.oldest_outbox.map_or(0, |made| chance::now().since(made) / 1_000);
                self.metrics.outbox.set(gauge(stats.outbox));
                self.metrics.outbox_oldest_seconds.set(gauge(age));
                self.metrics.authenticators.set(gauge(stats.authenticators));
                let age = stats.oldest_unsent.map_or(0, |made| chance::now().since(made) / 1_000);
                self.metrics.unsent.set(gauge(stats.unsent));
                self.metrics.unsent_oldest_seconds.set(gauge(age));
            }
            Err(error) => tracing::warn!(%error, "the store's sizes could not be read"),
        }
        self.metrics.waiting.set(i64::try_from(self.waiting.count()).unwrap_or(i64::MAX));
    }
}

/// Runs the sweeps until `stop` says so.
pub(crate) async fn sweep(core: Arc<Core>, mut stop: watch::Receiver<bool>) {
    if core.store.is_read_only() {
        tracing::warn!("the store is read-only: every code and every message is answered 503");
        let _stopped = stop.wait_for(|stopping| *stopping).await;
        return;
    }
    let (mut often, mut seldom) = (interval(SWEEP_EVERY), interval(PRUNE_EVERY));
    often.set_missed_tick_behavior(MissedTickBehavior::Delay);
    seldom.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut swept = None;
    let mut news = News::default();
    let mut submitting = JoinSet::new();
    let mut is_short_of_room = false;
    loop {
        tokio::select! {
            _ = stop.changed() => break,
            () = woken(&core) => is_short_of_room = drain(&core, &mut submitting).await,
            () = sleep(ROOM_PAUSE), if is_short_of_room => is_short_of_room = drain(&core, &mut submitting).await,
            _ = often.tick() => {
                if core.duties.has_sweeps()
                    && let Err(problem) = core.do_due_work(&mut swept).await
                    && is_news(&format!("due work: {problem}"))
                {
                    tracing::warn!(%problem, "due work could not be listed and is tried again");
                }
                if let Err(problem) = core.hear_news(&mut news).await
                    && is_news(&format!("news: {problem}"))
                {
                    tracing::warn!(%problem, "what other nodes have for devices that wait here could not be read");
                }
                is_short_of_room = drain(&core, &mut submitting).await;
                core.measure().await;
            }
            _ = seldom.tick() => {
                core.set_clock().await;
                if core.duties.has_sweeps() {
                    core.prune().await;
                }
                core.rates.tidy();
            }
        }
    }
    // What is on its way to a centre is noted; the rest is sent again after the next start.
    let _cut_off = tokio::time::timeout(SUBMIT_GRACE, submitting.join_all()).await;
    if let Some(centres) = core.sms.as_ref().and_then(Desk::centres) {
        let _cut_off = tokio::time::timeout(SUBMIT_GRACE, centres.ended()).await;
    }
    core.give_duties_back().await;
}

/// Drains the outbox until nothing more is due, or so far that the other sweeps get their turn, and submits what goes by
/// SMS beside it. Says whether some of it waits for room at its centre.
async fn drain(core: &Arc<Core>, submitting: &mut JoinSet<()>) -> bool {
    while submitting.try_join_next().is_some() {}
    for _ in 0..MAX_DRAINED_PAGES {
        if *core.stopping.borrow() || !core.drains() {
            return false;
        }
        match core.drain_outbox().await {
            Ok(Drained { submissions, may_be_more, is_short_of_room }) => {
                for submission in submissions {
                    submitting.spawn(Arc::clone(core).submit(submission));
                }
                if !may_be_more {
                    return is_short_of_room;
                }
            }
            Err(problem) => {
                if is_news(&format!("outbox: {problem}")) {
                    tracing::warn!(%problem, "the outbox could not be drained and is tried again");
                }
                return false;
            }
        }
    }
    // There is more; the next look takes it.
    core.wake_dispatch();
    true
}

/// Completes when there may be something to send by SMS; never when it is not set up.
async fn woken(core: &Core) {
    match &core.sms {
        Some(desk) => desk.woken().await,
        None => std::future::pending().await,
    }
}

/// Due as it was, and anybody's.
fn given_back(item: &OutboxItem) -> Write {
    let next_attempt_at = item.next_attempt_at;
    Write::OutboxDue { realm: item.realm.clone(), id: item.authenticator, message: item.message, next_attempt_at }
}

fn attempted(item: &OutboxItem, now: UnixMillis) -> Write {
    Write::OutboxAttempt {
        realm: item.realm.clone(),
        id: item.authenticator,
        message: item.message,
        at: now,
        next_attempt_at: now.plus(resend_delay_ms(item.attempts)),
    }
}

/// 10 s, doubling up to 6 h.
fn resend_delay_ms(attempts: u32) -> u64 {
    let factor = 1_u32.checked_shl(attempts.min(31)).unwrap_or(u32::MAX);
    let delay = RESEND_FIRST.saturating_mul(factor).min(RESEND_LONGEST);
    u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_doubles_up_to_its_longest() {
        assert_eq!(resend_delay_ms(0), 10_000);
        assert_eq!(resend_delay_ms(1), 20_000);
        assert_eq!(resend_delay_ms(5), 320_000);
        assert_eq!(resend_delay_ms(u32::MAX), 6 * 3_600_000);
    }
}
