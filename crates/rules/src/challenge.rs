//! Which code a user is asked for by its number, and what happens when the user no longer has it.
//!
//! The number stays the same until the code is used: asking again tells nobody a second code. A name without codes is
//! given a number too, as steady and as likely as a real one.

use matchbook_protocol::{AuthenticatorId, CodeIndex, UnixMillis};
use rand_core::CryptoRng;

use crate::holding::Holding;
use crate::keyring::Keyring;
use crate::model::{
    Candidate, Changes, EventKind, Guard, Mode, OperationId, Policy, RealmId, RefillReason, RelyingPartyId, Spend,
    SpendKind, VerifySnapshot, VerifyTarget, Write,
};
use crate::throttle::{Attempt, Buckets, SKIPS_WINDOW_MS, in_window};
use crate::verify::{Happening, Standing, VerifyRefusal, admit, event, known_candidates, policy};

/// A question for the number of the code that is due.
#[derive(Clone, Debug)]
pub struct ChallengeRequest {
    /// The realm that the relying party is of, as its token says; see `VerifyRequest::home`.
    pub home: RealmId,
    /// The realm that it named.
    pub realm: RealmId,
    /// Whose code.
    pub target: VerifyTarget,
    /// Who asks.
    pub relying_party: RelyingPartyId,
    /// Where the user is, as the relying party sees it.
    pub source: Option<String>,
    /// The user has no code of this number any more: ask for the next one. Heeded only when it is the number that is
    /// due and the realm's mode is indexed, so that a repetition skips nothing more.
    pub unavailable: Option<CodeIndex>,
}

/// The number that the user is asked for.
#[derive(Clone, Debug)]
pub struct ChallengeDecision {
    /// Empty unless a code was skipped; then the number holds once they are durable.
    pub changes: Changes,
    /// The number; never 0.
    pub index: CodeIndex,
    /// The authenticator that these changes make a set due for.
    pub refill: Option<AuthenticatorId>,
}

/// Decides which code is asked for.
///
/// # Errors
/// [`VerifyRefusal::SlowDown`] when the source or the relying party has to wait, or when the user has skipped as many
/// codes as the policy allows in a day.
pub fn decide(
    request: &ChallengeRequest,
    snapshot: &VerifySnapshot,
    keyring: &Keyring,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<ChallengeDecision, VerifyRefusal> {
    let policy = policy(snapshot);
    admit(snapshot, &policy, now)?;
    let policy = &*policy;
    let case = Case { request, snapshot, policy, keyring, now };
    let due = case.due();
    let index = case.shown(&due, 0);
    if request.unavailable != Some(index) || case.policy.mode != Mode::Indexed {
        return Ok(ChallengeDecision { changes: Changes::default(), index, refill: None });
    }
    case.admit_skip()?;
    Ok(case.skip(&due, index, rng))
}

/// The buckets of a question, which the store's look-up wants.
#[must_use]
pub fn lookup_buckets(request: &ChallengeRequest, keyring: &Keyring) -> Buckets {
    Buckets::of(&request.attempt(), keyring)
}

/// Made-up numbers start again after so many days: enough that a real device would have been replaced.
const MADE_UP_DAYS: u64 = 300;
/// Where they start: within the first set.
const MADE_UP_FIRST: u64 = 40;

const DAY_MS: u64 = 24 * 3_600_000;

impl ChallengeRequest {
    fn attempt(&self) -> Attempt<'_> {
        Attempt {
            home: &self.home,
            realm: &self.realm,
            target: &self.target,
            relying_party: &self.relying_party,
            source: self.source.as_deref(),
        }
    }
}

struct Case<'a> {
    request: &'a ChallengeRequest,
    snapshot: &'a VerifySnapshot,
    policy: &'a Policy,
    keyring: &'a Keyring,
    now: UnixMillis,
}

/// Whose code is asked for.
enum Due<'a> {
    /// One that an authenticator holds.
    Held(&'a Candidate, Holding),
    /// The authenticator's next, which is not issued yet.
    Unissued(&'a Candidate),
    /// Nobody's.
    MadeUp,
}

impl<'a> Case<'a> {
    /// The newest authenticator whose codes count; failing that the newest that holds codes, then the newest: which
    /// one it is does not change from question to question, and a suspension or a lock does not show in the number.
    fn due(&self) -> Due<'a> {
        let subscriber = self.snapshot.subscriber.as_deref();
        let candidates = known_candidates(&self.request.attempt(), self.snapshot);
        let held = candidates.iter().map(|candidate| {
            let holding = Holding::of(candidate, self.policy, self.keyring);
            (candidate, Standing::of(candidate, subscriber) == Standing::Usable, holding)
        });
        let best = held.max_by_key(|(candidate, usable, holding)| {
            let holds = holding.first().is_some();
            (*usable && holds, holds, candidate.authenticator.created_at, candidate.authenticator.id)
        });
        match best {
            None => Due::MadeUp,
            Some((candidate, _, holding)) if holding.first().is_some() => Due::Held(candidate, holding),
            Some((candidate, _, _)) => Due::Unissued(candidate),
        }
    }

    /// The number that is shown, once so many more codes are skipped.
    fn shown(&self, due: &Due<'_>, further: u32) -> CodeIndex {
        let skipped = in_window(&self.snapshot.throttle.skips, SKIPS_WINDOW_MS, self.now);
        match due {
            Due::Held(candidate, holding) => holding
                .nth(further)
                .unwrap_or_else(|| plus(candidate.authenticator.next_index, skipped.saturating_add(further))),
            Due::Unissued(candidate) => plus(candidate.authenticator.next_index, skipped.saturating_add(further)),
            Due::MadeUp => plus(self.made_up(), skipped.saturating_add(further)),
        }
    }

    /// A number for a name without codes: it starts within the first set and moves on once a day, at an hour of its
    /// own, by one more than can be skipped in that time.
    fn made_up(&self) -> CodeIndex {
        let (kind, name) = match &self.request.target {
            VerifyTarget::Subscriber(id) => ("user", id.to_string()),
            VerifyTarget::Authenticator(id) => ("device", id.to_string()),
        };
        let parts = ["made-up number", self.request.realm.as_str(), kind, &name].map(str::as_bytes);
        let chance = u128::from_be_bytes(self.keyring.fingerprint(&parts));
        let [first, day, hour] = [chance, chance >> 40, chance >> 80].map(|bits| (bits & 0xff_ffff_ffff) as u64);
        let days = self.now.0.saturating_add(hour % DAY_MS) / DAY_MS;
        let step = u64::from(self.policy.skips_per_day) + 1;
        let index = 1 + first % MADE_UP_FIRST + days.wrapping_add(day) % MADE_UP_DAYS * step;
        CodeIndex(u32::try_from(index).unwrap_or(1))
    }

    /// Refuses a skip beyond the day's allowance.
    fn admit_skip(&self) -> Result<(), VerifyRefusal> {
        let bucket = &self.snapshot.throttle.skips;
        let skipped = in_window(bucket, SKIPS_WINDOW_MS, self.now);
        if skipped < u32::from(self.policy.skips_per_day) {
            return Ok(());
        }
        let elapsed_ms = if skipped == 0 { 0 } else { self.now.since(bucket.window_started_at) };
        Err(VerifyRefusal::SlowDown { retry_after_ms: SKIPS_WINDOW_MS.saturating_sub(elapsed_ms).max(1) })
    }

    /// Spends the code as skipped. Where there is none to spend, as much is written.
    fn skip(&self, due: &Due<'_>, index: CodeIndex, rng: &mut (impl CryptoRng + ?Sized)) -> ChallengeDecision {
        let mut changes = Changes::default();
        let mut refill = None;
        if self.snapshot.realm.is_some() {
            let buckets = lookup_buckets(self.request, self.keyring);
            let authenticator = match due {
                Due::Held(candidate, holding) => {
                    refill = self.spend(candidate, holding, index, &mut changes);
                    Some(candidate.authenticator.id)
                }
                Due::Unissued(candidate) => {
                    changes.writes.push(self.count(buckets.stand_in));
                    Some(candidate.authenticator.id)
                }
                Due::MadeUp => {
                    changes.writes.push(self.count(buckets.stand_in));
                    None
                }
            };
            changes.writes.push(self.count(buckets.skips));
            changes.writes.push(self.event(due, authenticator, index, rng));
        }
        ChallengeDecision { changes, index: self.shown(due, 1), refill }
    }

    /// Spends the code, and makes a set due when it was one of the last. An authenticator whose codes do not count
    /// skips alike, so that nobody learns of it, but is not refilled for that.
    fn spend(
        &self,
        candidate: &Candidate,
        holding: &Holding,
        index: CodeIndex,
        changes: &mut Changes,
    ) -> Option<AuthenticatorId> {
        let authenticator = &candidate.authenticator;
        let (realm, id) = (&authenticator.realm, authenticator.id);
        changes.guards.push(Guard::Authenticator { realm: realm.clone(), id, version: authenticator.version });
        // The name of the operation is for readers of the ledger: the index alone makes a repetition harmless.
        if let Ok(operation) = OperationId::new(format!("skip-{index}")) {
            changes.writes.push(Write::Spend(Box::new(Spend {
                realm: realm.clone(),
                authenticator: id,
                index,
                kind: SpendKind::Skipped,
                relying_party: self.request.relying_party.clone(),
                operation,
                at: self.now,
            })));
        }
        let usable = Standing::of(candidate, self.snapshot.subscriber.as_deref()) == Standing::Usable;
        let refill = (usable && holding.makes_refill_due(1, candidate, self.policy)).then_some(id);
        if refill.is_some() {
            let mut due = authenticator.as_ref().clone();
            due.refill_due = Some(RefillReason::ServerCount);
            changes.writes.push(Write::PutAuthenticator(Box::new(due)));
        }
        refill
    }

    fn count(&self, bucket: crate::model::BucketKey) -> Write {
        Write::CountFailure { realm: self.request.home.clone(), bucket, at: self.now, window_ms: SKIPS_WINDOW_MS }
    }

    fn event(
        &self,
        due: &Due<'_>,
        authenticator: Option<AuthenticatorId>,
        index: CodeIndex,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Write {
        let detail = match due {
            Due::Held(..) => format!("the user has no code {index}; it is spent"),
            Due::Unissued(_) => "a code was to be skipped, but the device has no unused code".to_owned(),
            Due::MadeUp => "a code was to be skipped, but there is no device of that name".to_owned(),
        };
        let known = self.snapshot.subscriber.as_ref().filter(|_| authenticator.is_some());
        let happening = Happening {
            realm: &self.request.home,
            relying_party: &self.request.relying_party,
            source: self.request.source.as_deref(),
            kind: EventKind::CodeSkipped,
            subscriber: known.map(|subscriber| &subscriber.id),
            authenticator,
            detail: &detail,
        };
        event(&happening, self.now, rng)
    }
}

/// So many places further; never 0, and the last index past the end.
fn plus(index: CodeIndex, count: u32) -> CodeIndex {
    CodeIndex(index.0.saturating_add(count).max(1))
}

#[cfg(test)]
mod tests;
