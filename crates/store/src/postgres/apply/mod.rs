//! Changes as statements: each with what its answer has to be. No answer is waited for before the next statement is
//! sent, so no statement rests on another one's answer, only on what that has written.
//!
//! Guards lock the rows that they check, so that nobody changes them before the commit; a row that the writes change
//! too is locked for that at once, because two that share a lock and then both want more stop each other for good.

mod import;
mod issue;
mod outbox;
mod state;
mod strength;

use std::time::Duration;

use matchbook_rules::{Changes, Guard, Operation, RealmId, Version, Write};

use super::announce::{shared_version, unless_changing};
use super::gates::unless_moving;
use super::pool::STATEMENT_TIMEOUT;
use super::rows::{Damage, first, one};
use super::session::{Outcome, Query};
use crate::agreed::{is_answer, is_calm};
use crate::rows::{BucketRow, Stored, Value, blob, number, text};
use strength::Strength;

pub(super) use issue::forget_set;

/// Why a change is not made although the database would have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A guard did not hold, or a row was there.
    Conflict(String),
    /// The change makes no sense.
    Senseless(String),
    /// A row that was read makes no sense.
    Damaged(String),
    /// The store is being copied elsewhere, or was; why, in words.
    Moving(String),
    /// Another node is about to change the realm: who steps back for a moment finds it changed.
    Changing,
}

impl From<Damage> for Refusal {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage.0)
    }
}

/// What a statement's answer has to be.
type Check<'a> = Box<dyn Fn(&Outcome) -> Result<(), Refusal> + Send + Sync + 'a>;

/// A part of a change.
pub(super) struct Step<'a> {
    pub(super) query: Query<'a>,
    /// Whether the rows that it changes are counted.
    pub(super) counts: bool,
    check: Check<'a>,
}

impl<'a> Step<'a> {
    /// One whose answer `check` has to find right.
    pub(super) fn checked(
        query: Query<'a>,
        check: impl Fn(&Outcome) -> Result<(), Refusal> + Send + Sync + 'a,
    ) -> Self {
        Self { query, counts: true, check: Box::new(check) }
    }

    /// One that may do anything.
    pub(super) fn free(query: Query<'a>) -> Self {
        Self::checked(query, |_| Ok(()))
    }

    /// One whose rows are not counted.
    pub(super) fn quiet(query: Query<'a>) -> Self {
        Self::free(query).quietly()
    }

    /// The same, not counted.
    pub(super) fn quietly(self) -> Self {
        Self { counts: false, ..self }
    }

    /// One that has to change a row, or else it is a conflict.
    fn sole(query: Query<'a>, else_what: impl Fn() -> String + Send + Sync + 'a) -> Self {
        Self::checked(query, move |outcome| holds(outcome.changed == 1, &else_what))
    }

    /// Whether the answer is what it has to be.
    pub(super) fn judge(&self, outcome: &Outcome) -> Result<(), Refusal> {
        (self.check)(outcome)
    }
}

/// All steps of a change in their order, and why it ends there if it cannot be done at all.
pub(super) struct Plan<'a> {
    pub(super) steps: Vec<Step<'a>>,
    pub(super) end: Option<Refusal>,
    /// How long one of the steps may take.
    pub(super) patience: Duration,
}

impl<'a> Plan<'a> {
    /// Guards first, then the writes in their order.
    pub(super) fn of(changes: &'a Changes) -> Self {
        let is_large = changes.writes.iter().any(|write| matches!(write, Write::GoLive(_)));
        let patience = if is_large { import::PATIENCE } else { STATEMENT_TIMEOUT };
        let mut plan = Self { steps: Vec::new(), end: None, patience };
        let strength = Strength::of(changes);
        for guard in &changes.guards {
            if let Guard::Realm { id, .. } = guard
                && strength.of_realm(id) == strength::Lock::Share
            {
                plan.steps.push(unless_changing(id));
            }
            plan.steps.push(guarded(guard, &strength));
        }
        for write in &changes.writes {
            if let Err(refusal) = make(&mut plan.steps, write, changes, &strength) {
                plan.end = Some(refusal);
                return plan;
            }
        }
        plan.steps.push(unless_moving());
        plan
    }
}

fn guarded<'a>(guard: &'a Guard, strength: &Strength<'_>) -> Step<'a> {
    match guard {
        Guard::Authenticator { realm, id, version } => {
            let sql = match strength.of_device(realm, id) {
                strength::Lock::Share => {
                    "SELECT version FROM authenticators WHERE realm = $1 AND authenticator = $2 FOR SHARE"
                }
                strength::Lock::Change => {
                    "SELECT version FROM authenticators WHERE realm = $1 AND authenticator = $2 FOR NO KEY UPDATE"
                }
            };
            let query = Query::new(sql, [text(realm.as_str()), blob(&id.0)]);
            at_version(query, *version, move || format!("device {id} was changed meanwhile"))
        }
        Guard::Subscriber { realm, id, version } => {
            let sql = match strength.of_subscriber(realm, id) {
                strength::Lock::Share => {
                    "SELECT version FROM subscribers WHERE realm = $1 AND subscriber = $2 FOR SHARE"
                }
                strength::Lock::Change => {
                    "SELECT version FROM subscribers WHERE realm = $1 AND subscriber = $2 FOR NO KEY UPDATE"
                }
            };
            let query = Query::new(sql, [text(realm.as_str()), text(id.as_str())]);
            at_version(query, *version, move || format!("user {id} was changed meanwhile"))
        }
        Guard::Realm { id, version } => {
            let query = match strength.of_realm(id) {
                strength::Lock::Share => shared_version(id),
                strength::Lock::Change => {
                    let sql = "SELECT version FROM realms WHERE realm = $1 FOR NO KEY UPDATE";
                    Query::new(sql, [text(id.as_str())])
                }
            };
            at_version(query, *version, move || format!("realm {id} was changed meanwhile"))
        }
        Guard::Failures { realm, id, count } => {
            let sql = "SELECT count FROM failures WHERE realm = $1 AND authenticator = $2 FOR NO KEY UPDATE";
            Step::checked(Query::new(sql, [text(realm.as_str()), blob(&id.0)]), move |outcome| {
                let found: Option<u32> = first(&outcome.rows, |it| it.number())?;
                holds(found.unwrap_or(0) == *count, &|| format!("device {id} had another failure meanwhile"))
            })
        }
        Guard::Calm { realm, bucket, below, since } => {
            // Not locked: who fails at this moment may as well have failed a moment later.
            let query =
                select::<BucketRow>("WHERE realm = $1 AND bucket = $2", [text(realm.as_str()), blob(&bucket.0)]);
            Step::checked(query, move |outcome| {
                let found: Option<BucketRow> = one(&outcome.rows)?;
                let calm = is_calm(found.as_ref().map(|row| &row.0), *below, *since);
                holds(calm, &|| format!("there were failures in realm {realm} meanwhile"))
            })
        }
        Guard::Operation(seen) => {
            let key = [text(seen.realm.as_str()), text(seen.relying_party.as_str()), text(seen.id.as_str())];
            let query =
                select::<Operation>("WHERE realm = $1 AND relying_party = $2 AND operation = $3 FOR SHARE", key);
            Step::checked(query, move |outcome| {
                let found: Option<Operation> = one(&outcome.rows)?;
                let is_there = found.is_some_and(|found| is_answer(&found, seen));
                holds(is_there, &|| format!("operation {} of {} is not there so", seen.id, seen.relying_party))
            })
        }
    }
}

fn at_version<'a>(query: Query<'a>, version: Version, else_what: impl Fn() -> String + Send + Sync + 'a) -> Step<'a> {
    Step::checked(query, move |outcome| {
        let found: Option<u64> = first(&outcome.rows, |it| it.number())?;
        holds(Version(found.unwrap_or(0)) == version, &else_what)
    })
}

fn make<'a>(
    steps: &mut Vec<Step<'a>>,
    write: &'a Write,
    changes: &'a Changes,
    strength: &Strength<'_>,
) -> Result<(), Refusal> {
    match write {
        Write::PutRealm(realm) => steps.push(state::put_realm(realm)),
        Write::PutSubscriber(subscriber) => steps.push(state::put_subscriber(subscriber)),
        Write::InsertAuthenticator(authenticator) => steps.extend(state::insert_authenticator(authenticator)),
        Write::PutAuthenticator(authenticator) => steps.push(state::put_authenticator(authenticator)),
        Write::SetFailures { realm, id, count } => {
            let seen = strength::seen_failures(changes, write);
            steps.push(state::set_failures(realm, id, *count, seen));
        }
        Write::InsertSet(set) => {
            if !strength.holds_device(changes, write, &set.realm, &set.authenticator) {
                steps.extend(issue::lock_device(&set.realm, &set.authenticator));
            }
            steps.push(issue::insert_set(set)?);
        }
        Write::DeleteSet { realm, id, first } => steps.extend(issue::delete_set(realm, id, *first)),
        Write::Spend(spend) => steps.push(issue::spend(spend)),
        Write::InsertOperation(operation) => steps.push(state::insert_operation(operation)),
        Write::CountFailure { realm, bucket, at, window_ms } => {
            steps.push(state::count_failure(realm, bucket, *at, *window_ms));
        }
        Write::ClearBucket { realm, bucket } => steps.push(state::clear_bucket(realm, bucket)),
        Write::InsertOutbox(item) => steps.push(outbox::insert(item)),
        Write::DeleteOutbox { realm, id, message } => {
            steps.push(outbox::delete(&outbox::MessageKey { realm, id, message }));
        }
        Write::OutboxAttempt { realm, id, message, at, next_attempt_at } => {
            steps.push(outbox::attempt(&outbox::MessageKey { realm, id, message }, *at, *next_attempt_at));
        }
        Write::OutboxDue { realm, id, message, next_attempt_at } => {
            steps.push(outbox::due(&outbox::MessageKey { realm, id, message }, *next_attempt_at));
        }
        Write::InsertDispatch(dispatch) => steps.push(outbox::insert_dispatch(dispatch)),
        Write::SettleDispatch { id, state, at, error } => {
            steps.push(outbox::settle_dispatch(id, *state, *at, error));
        }
        Write::Audit(event) => steps.push(state::insert_event(event)),
        Write::InsertToken(token) => steps.push(state::insert_token(token)),
        Write::DeleteToken(id) => steps.push(state::delete_token(id)),
        Write::Stage(staged) => steps.extend(import::stage(staged)),
        Write::GoLive(it) => steps.extend(import::go_live(it)),
        Write::Probe => steps.push(Step::free(state::probe())),
    }
    Ok(())
}

pub(super) use state::probe;

fn holds(holds: bool, else_what: &dyn Fn() -> String) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(Refusal::Conflict(else_what())) }
}

/// A query of whole rows; `rest` follows the table's name.
pub(super) fn select<'a, T: Stored>(rest: &str, values: impl Into<Vec<Value<'a>>>) -> Query<'a> {
    Query::new([T::SELECT, " FROM ", T::TABLE, " ", rest].concat(), values)
}

/// A statement of the columns' lists, which all engines share, as PostgreSQL writes it.
pub(super) fn dollars(sql: &str) -> String {
    sql.replace('?', "$")
}

/// Such an insert that does nothing when the key is there.
fn unless_there(insert: &str) -> String {
    dollars(insert) + " ON CONFLICT DO NOTHING"
}

/// A realm's and a number's value, as nearly every key begins.
fn key<'a>(realm: &'a RealmId, id: &'a matchbook_protocol::AuthenticatorId) -> [Value<'a>; 2] {
    [text(realm.as_str()), blob(&id.0)]
}

fn index(index: matchbook_protocol::CodeIndex) -> Value<'static> {
    number(index.0)
}
