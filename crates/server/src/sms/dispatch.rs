//! From the outbox to the centres: who gets a message now, counted and committed before it goes; and what the centre said.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use matchbook_protocol::UnixMillis;
use matchbook_protocol::sms::{Address, Segment, segments};
use matchbook_rules::sms::{self, Admission, Counted, Tally};
use matchbook_rules::{
    Changes, Content, DeviceSnapshot, Dispatch, DispatchId, DispatchState, EventKind, OutboxItem, OutboxKind, Write,
    request,
};

use super::Desk;
use crate::bearer::sms::centre::{Accepted, Centre, SubmitError, SubmitOptions};
use crate::chance;
use crate::core::Core;
use crate::metrics::SmsEvent;
use crate::problem::Problem;

/// A message whose centres are all down is looked at again after this, and as long again by chance.
const DOWN_PAUSE: Duration = Duration::from_secs(10);

/// A message that a centre asked to have later is due again after this, and as long again by chance.
const THROTTLED_PAUSE: Duration = Duration::from_secs(1);

/// A message that may or may not have been taken is sent again after this: the device takes the second copy for one.
const DOUBT_PAUSE: Duration = Duration::from_secs(30);

/// A message that no centre will ever take is tried again after this: numbers change, and so do centres' minds.
const REFUSED_PAUSE: Duration = Duration::from_secs(24 * 3_600);

/// A message of a suspended user's device is looked at again after this, should the resumption not have made it due.
const HELD_PAUSE: Duration = Duration::from_secs(3_600);

/// How often these pauses double: to a minute, and to half an hour in doubt.
const MOST_DOUBLINGS: u32 = 6;

/// How often the note of what a centre said is written before it is given up. The message is then sent again.
const NOTE_TRIES: u32 = 5;

/// Messages to be handed over, and what is to be committed before they are.
pub(crate) struct Round {
    now: UnixMillis,
    pub(crate) changes: Changes,
    pub(crate) submissions: Vec<Submission>,
    /// Messages that stay due because their centres have no room now.
    pub(crate) without_room: Vec<OutboxItem>,
    /// What was promised of each centre's room.
    promised: HashMap<String, usize>,
    tally: Tally,
}

/// One message on its way to a centre.
pub(crate) struct Submission {
    item: OutboxItem,
    number: Address,
    centre: Arc<dyn Centre>,
    segments: Vec<Segment>,
}

impl Round {
    pub(crate) fn new(now: UnixMillis) -> Self {
        Self {
            now,
            changes: Changes::default(),
            submissions: Vec::new(),
            without_room: Vec::new(),
            promised: HashMap::new(),
            tally: Tally::default(),
        }
    }

    /// Whether a centre has room beside what was promised to others in this round.
    fn has_room_at(&self, centre: &dyn Centre) -> bool {
        let promised = self.promised.get(centre.name()).copied().unwrap_or_default();
        centre.is_up() && centre.room() > promised
    }

    fn write(&mut self, write: Write) {
        self.changes.writes.push(write);
    }

    /// The message is looked at again later; that is no sending.
    pub(crate) fn later(&mut self, item: &OutboxItem, pause: Duration) {
        self.write(due(item, self.now, pause));
    }
}

impl Desk {
    /// Whether it is worth looking at one more message: no centre is up, which the message is to be told, or one has room.
    pub(crate) fn has_room(&self, round: &Round) -> bool {
        let Some(centres) = self.centres() else { return true };
        let mut up = centres.all().filter(|centre| centre.is_up()).peekable();
        up.peek().is_none() || up.any(|centre| round.has_room_at(&**centre))
    }
}

impl Core {
    /// Takes a message of the outbox into the round, or says why not with a write. `false`: the device has no number, and
    /// the message is another bearer's.
    pub(crate) async fn plan(&self, desk: &Desk, item: &OutboxItem, round: &mut Round) -> Result<bool, Problem> {
        let Some(snapshot) = self.store.load_device(&item.authenticator).await? else { return Ok(false) };
        let Some(number) = snapshot.authenticator.msisdn.clone() else {
            if item.kind == OutboxKind::Answer {
                tracing::warn!(device = %item.authenticator, "an answer cannot go: the device has no number");
                round.write(delete(item));
                return Ok(true);
            }
            return Ok(false);
        };
        let Some(stored) = snapshot.outbox.iter().find(|stored| stored.message == item.message) else {
            return Ok(true);
        };
        if !may_go(&snapshot, &item.message, item.kind) {
            round.later(item, HELD_PAUSE);
            return Ok(true);
        }
        let Some(centre) = choose(desk, &number, round) else {
            self.no_way(desk, &number, item, round);
            return Ok(true);
        };
        let reference = item.message.first().copied().unwrap_or_default();
        match segments(&stored.bytes, centre.form(), reference) {
            Ok(segments) => {
                let submission = Submission { item: stored.clone(), number, centre, segments };
                self.admit(desk, &snapshot, submission, round).await?;
            }
            Err(error) => {
                tracing::warn!(device = %item.authenticator, %error, "a message cannot go by SMS");
                round.later(item, REFUSED_PAUSE);
            }
        }
        Ok(true)
    }

    /// Counts the message, unless a cap forbids it.
    async fn admit(
        &self,
        desk: &Desk,
        snapshot: &DeviceSnapshot,
        submission: Submission,
        round: &mut Round,
    ) -> Result<(), Problem> {
        let Submission { item, number, centre, segments } = &submission;
        let parts = u8::try_from(segments.len()).unwrap_or(u8::MAX);
        let counted = Counted { authenticator: &snapshot.authenticator, number, item, parts };
        let realm = &snapshot.realm.id;
        let missing = round.tally.missing(&counted, &desk.caps, &self.keyring);
        let buckets = self.store.buckets(realm, &missing).await?;
        for (key, bucket) in missing.into_iter().zip(buckets) {
            round.tally.load(realm, key, bucket);
        }
        match round.tally.admit(&counted, &desk.caps, &self.keyring, round.now, &mut chance::rng()) {
            Admission::Capped { until, writes } => {
                self.metrics.sms(SmsEvent::Capped);
                round.changes.writes.extend(writes);
                let pause = Duration::from_millis(until.since(round.now).max(1_000));
                round.later(item, pause);
            }
            Admission::Admitted(writes) => {
                *round.promised.entry(centre.name().to_owned()).or_default() += segments.len();
                round.changes.writes.extend(writes);
                let first_ms = u64::try_from(desk.resend_first.as_millis()).unwrap_or(u64::MAX);
                let attempt = item.attempts.saturating_add(1);
                round.write(Write::OutboxAttempt {
                    realm: item.realm.clone(),
                    id: item.authenticator,
                    message: item.message,
                    at: round.now,
                    next_attempt_at: sms::due_again(item.kind, attempt, first_ms, round.now),
                });
                round.submissions.push(submission);
            }
        }
        Ok(())
    }

    /// No centre takes the message now: those that serve the number are down, or have no room.
    fn no_way(&self, desk: &Desk, number: &Address, item: &OutboxItem, round: &mut Round) {
        let ways = desk.centres().map(|centres| centres.for_number(number)).unwrap_or_default();
        if ways.is_empty() {
            tracing::warn!(device = %item.authenticator, "no centre serves the device's number");
            round.later(item, REFUSED_PAUSE);
        } else if ways.iter().any(|centre| centre.is_up()) {
            round.without_room.push(item.clone());
        } else {
            self.metrics.sms(SmsEvent::NoCentre);
            round.later(item, by_chance(DOWN_PAUSE));
        }
    }

    /// Hands a message over, part by part, and commits what the centre said of each.
    pub(crate) async fn submit(self: Arc<Self>, submission: Submission) {
        let Some(desk) = &self.sms else { return };
        if !self.still_goes(&submission).await {
            desk.wake();
            return;
        }
        let options = SubmitOptions { validity: desk.validity, wants_receipt: true };
        let Submission { item, number, centre, segments } = &submission;
        if item.attempts > 0 {
            self.metrics.sms(SmsEvent::Resent);
        }
        let mut writes = Vec::new();
        let mut is_taken = true;
        for (segment, part) in segments.iter().zip(1..) {
            let said = centre.submit(number, segment, &options).await;
            is_taken &= said.is_ok();
            let goes_on = self.note(&submission, part, said, &mut writes);
            if !goes_on {
                break;
            }
        }
        if is_taken && item.kind == OutboxKind::Answer {
            writes.push(delete(item));
        }
        self.write_down(writes).await;
        desk.wake();
    }

    /// Looks once more, right before the message goes: the operator may have suspended the device or changed its number
    /// since it was planned, and the device may have got it by another way.
    async fn still_goes(&self, submission: &Submission) -> bool {
        let Submission { item, number, .. } = submission;
        match self.store.load_device(&item.authenticator).await {
            Ok(Some(snapshot)) => {
                snapshot.authenticator.msisdn.as_ref() == Some(number) && may_go(&snapshot, &item.message, item.kind)
            }
            Ok(None) => false,
            Err(error) => {
                tracing::warn!(%error, "a message is not sent now: its device cannot be read");
                false
            }
        }
    }

    /// Writes down what the centre said of one part. Says whether the next part is to go.
    fn note(
        &self,
        submission: &Submission,
        part: u8,
        said: Result<Accepted, SubmitError>,
        writes: &mut Vec<Write>,
    ) -> bool {
        let item = &submission.item;
        let now = chance::now();
        let mut dispatch = dispatch(submission, part, now);
        match said {
            Ok(Accepted { id }) => {
                self.metrics.sms(SmsEvent::Submitted);
                dispatch.centre_id = id;
                writes.push(Write::InsertDispatch(Box::new(dispatch)));
                true
            }
            Err(SubmitError::Throttled) => {
                self.metrics.sms(SmsEvent::Throttled);
                writes.push(due(item, now, by_chance(doubled(THROTTLED_PAUSE, item.attempts))));
                false
            }
            Err(SubmitError::Unreachable(why)) => {
                tracing::debug!(centre = submission.centre.name(), why, "a message was not sent");
                // Soon, by another centre if there is one.
                writes.push(due(item, now, doubled(THROTTLED_PAUSE, item.attempts)));
                false
            }
            Err(SubmitError::InDoubt(why)) => {
                tracing::info!(centre = submission.centre.name(), why, "it is not known whether a message was taken");
                self.metrics.sms(SmsEvent::InDoubt);
                dispatch.state = DispatchState::InDoubt;
                writes.push(Write::InsertDispatch(Box::new(dispatch)));
                writes.push(due(item, now, doubled(DOUBT_PAUSE, item.attempts)));
                false
            }
            Err(SubmitError::Refused { code, is_permanent }) => {
                self.metrics.sms(SmsEvent::Failed);
                writes.push(sms::failure(&dispatch, EventKind::MessageFailed, &code, now, &mut chance::rng()));
                let failed = Dispatch { state: DispatchState::Failed, settled_at: Some(now), error: code, ..dispatch };
                writes.push(Write::InsertDispatch(Box::new(failed)));
                if is_permanent {
                    writes.push(due(item, now, REFUSED_PAUSE));
                }
                false
            }
        }
    }

    /// Commits what a centre said. What cannot be committed is forgotten, and the message sent again in its time.
    async fn write_down(&self, writes: Vec<Write>) {
        let changes = Changes { guards: Vec::new(), writes };
        for tries in 0..NOTE_TRIES {
            match self.commit(changes.clone()).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%error, "what a centre said cannot be noted");
                    tokio::time::sleep(Duration::from_millis(100 << tries)).await;
                }
            }
        }
    }
}

/// Whether a message is still to be sent. An answer goes to a suspended device too: it says that it is suspended.
fn may_go(snapshot: &DeviceSnapshot, message: &[u8; 16], kind: OutboxKind) -> bool {
    if kind == OutboxKind::Answer {
        return snapshot.outbox.iter().any(|stored| stored.message == *message);
    }
    request::waiting(snapshot).iter().any(|waiting| waiting.message == *message)
}

/// The best centre that has room beside what was promised to others in this round.
fn choose(desk: &Desk, number: &Address, round: &Round) -> Option<Arc<dyn Centre>> {
    desk.centres()?.for_number(number).into_iter().find(|centre| round.has_room_at(&**centre))
}

fn dispatch(submission: &Submission, part: u8, at: UnixMillis) -> Dispatch {
    let Submission { item, centre, segments, .. } = submission;
    Dispatch {
        id: DispatchId {
            realm: item.realm.clone(),
            authenticator: item.authenticator,
            message: item.message,
            attempt: item.attempts.saturating_add(1),
            part,
        },
        parts: u8::try_from(segments.len()).unwrap_or(u8::MAX),
        content: Content::from(item.kind),
        bytes: u16::try_from(item.bytes.len()).unwrap_or(u16::MAX),
        centre: centre.name().to_owned(),
        centre_id: None,
        at,
        state: DispatchState::Submitted,
        settled_at: None,
        error: String::new(),
    }
}

fn due(item: &OutboxItem, now: UnixMillis, pause: Duration) -> Write {
    Write::OutboxDue {
        realm: item.realm.clone(),
        id: item.authenticator,
        message: item.message,
        next_attempt_at: now.plus(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)),
    }
}

fn delete(item: &OutboxItem) -> Write {
    Write::DeleteOutbox { realm: item.realm.clone(), id: item.authenticator, message: item.message }
}

/// Twice as long for each sending before: each of them is counted against the caps, and may have been paid for.
fn doubled(pause: Duration, attempts: u32) -> Duration {
    pause.saturating_mul(1 << attempts.min(MOST_DOUBLINGS))
}

/// Once to twice as long.
pub(crate) fn by_chance(pause: Duration) -> Duration {
    pause.mul_f64(1.0 + chance::fraction())
}
