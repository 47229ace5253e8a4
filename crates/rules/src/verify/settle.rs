//! What an attempt's outcome writes.

use matchbook_protocol::{AuthenticatorId, CodeIndex, UnixMillis};
use rand_core::CryptoRng;

use super::compare::Comparison;
use super::{Happening, Standing, VerifyDecision, VerifyRequest, event};
use crate::holding::Holding;
use crate::keyring::Keyring;
use crate::model::{
    Candidate, Changes, EventKind, Guard, Mode, Operation, Policy, RefillReason, Spend, SpendKind, Verdict,
    VerifySnapshot, VerifyTarget, Write,
};
use crate::throttle::{
    Buckets, GLOBAL_FAILURES, GLOBAL_WINDOW_MS, HARD_STOP, PLACE_FAILURES, PLACE_WINDOW_MS, RELYING_PARTY_FAILURES,
    RELYING_PARTY_WINDOW_MS, SOURCE_WINDOW_MS, in_window, is_locked, source_delay_ms,
};

/// Guards of an acceptance: four rows, four counts.
const USUAL_GUARDS: usize = 8;
/// Writes of an acceptance of one code.
const USUAL_WRITES: usize = 3;

/// An attempt that may go ahead, with all that decides it.
pub(super) struct Case<'a> {
    pub(super) request: &'a VerifyRequest,
    pub(super) snapshot: &'a VerifySnapshot,
    /// The authenticators that it is about.
    pub(super) candidates: &'a [Candidate],
    pub(super) policy: &'a Policy,
    /// The attempt's.
    pub(super) buckets: &'a Buckets,
    pub(super) keyring: &'a Keyring,
    pub(super) now: UnixMillis,
    pub(super) fingerprint: [u8; 16],
}

/// A candidate as it stands.
struct Standpoint<'a> {
    candidate: &'a Candidate,
    standing: Standing,
    holding: Holding,
    /// The codes of it that were typed.
    typed: Vec<CodeIndex>,
}

impl Case<'_> {
    /// Accepts the first candidate's lowest code that counts, or refuses.
    pub(super) fn settle(&self, rng: &mut (impl CryptoRng + ?Sized)) -> VerifyDecision {
        let mut standpoints = self.standpoints();
        let mut found = Comparison::new(self.request, self.keyring);
        if let Some((winner, index)) = self.winner(&standpoints, &mut found) {
            return self.accept(winner, index, &standpoints, rng);
        }
        self.look_at_the_rest(&mut standpoints, &mut found);
        self.reject(&standpoints, found.is_readable(), rng)
    }

    /// As [`Case::settle`], but `None` instead of a refusal.
    pub(super) fn accept_or_none(&self, rng: &mut (impl CryptoRng + ?Sized)) -> Option<VerifyDecision> {
        let standpoints = self.standpoints();
        let (winner, index) = self.winner(&standpoints, &mut Comparison::new(self.request, self.keyring))?;
        Some(self.accept(winner, index, &standpoints, rng))
    }

    fn standpoints(&self) -> Vec<Standpoint<'_>> {
        let subscriber = self.snapshot.subscriber.as_deref();
        let standpoint = |candidate| Standpoint {
            candidate,
            standing: Standing::of(candidate, subscriber),
            holding: Holding::of(candidate, self.policy, self.keyring),
            typed: Vec::new(),
        };
        self.candidates.iter().map(standpoint).collect()
    }

    /// The first candidate whose code was typed, and its lowest. Where one text is several codes, one is spent.
    fn winner<'s, 'c>(
        &self,
        standpoints: &'s [Standpoint<'c>],
        found: &mut Comparison<'_>,
    ) -> Option<(&'s Standpoint<'c>, CodeIndex)> {
        found.look(self.candidates, |place, index| counts(standpoints, place, index));
        (0..).zip(standpoints).find_map(|(place, it)| Some((it, *found.of(place).first()?)))
    }

    /// Compares with the codes that do not count, spent ones too, so that the operator can be told that a code was used
    /// already; and with as many stand-ins as it takes to be alike for everybody.
    fn look_at_the_rest(&self, standpoints: &mut [Standpoint<'_>], found: &mut Comparison<'_>) {
        found.look(self.candidates, |place, index| !counts(standpoints, place, index));
        found.fill_up(self.policy.format());
        for (place, standpoint) in (0..).zip(standpoints) {
            standpoint.typed = found.of(place);
        }
    }

    /// What a refusal costs.
    #[cfg(test)]
    pub(super) fn work(&self) -> super::compare::Work {
        let mut standpoints = self.standpoints();
        let mut found = Comparison::new(self.request, self.keyring);
        assert!(self.winner(&standpoints, &mut found).is_none(), "an acceptance");
        self.look_at_the_rest(&mut standpoints, &mut found);
        found.work()
    }

    fn accept(
        &self,
        winner: &Standpoint<'_>,
        index: CodeIndex,
        standpoints: &[Standpoint<'_>],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> VerifyDecision {
        let authenticator = &winner.candidate.authenticator;
        let mut changes =
            Changes { guards: Vec::with_capacity(USUAL_GUARDS), writes: Vec::with_capacity(USUAL_WRITES) };
        // A suspension or revocation that is durable is never followed by an acceptance.
        changes.guards.push(Guard::Authenticator {
            realm: authenticator.realm.clone(),
            id: authenticator.id,
            version: authenticator.version,
        });
        changes.guards.extend(self.snapshot.subscriber.as_ref().map(|it| Guard::Subscriber {
            realm: it.realm.clone(),
            id: it.id.clone(),
            version: it.version,
        }));
        // Nor is a stricter policy followed by one under the old.
        let realm = self.snapshot.realm.as_ref();
        changes.guards.extend(realm.map(|it| Guard::Realm { id: it.id.clone(), version: it.version }));
        changes.guards.push(failures_guard(winner.candidate));
        self.stays_calm(&mut changes);
        changes.writes.push(self.operation(Verdict::Accepted));
        changes.writes.push(self.spend(authenticator.id, index, SpendKind::Accepted));
        let passed_over = winner.holding.passed_over(index, self.policy.mode);
        for passed in &passed_over {
            changes.writes.push(self.spend(authenticator.id, *passed, SpendKind::Skipped));
        }
        self.clear_failures(winner, standpoints, &mut changes);
        let refill = self.refill(winner, winner.holding.used_up_by(index, self.policy.mode), &mut changes);
        let detail = match passed_over.as_slice() {
            [] => format!("code {index} accepted"),
            passed => format!("code {index} accepted, {} passed over and dead", passed.len()),
        };
        changes.writes.push(self.event(EventKind::CodeAccepted, Some(authenticator.id), &detail, rng));
        VerifyDecision::Commit { changes, verdict: Verdict::Accepted, refill }
    }

    /// Nobody who would have to wait by now is accepted, also when the counts that were seen are old: each count that
    /// was below its limit still is, and a source that had no failure to clear has none.
    fn stays_calm(&self, changes: &mut Changes) {
        let (seen, buckets) = (&self.snapshot.throttle, self.buckets);
        let limit = u32::from(self.policy.max_failures);
        let source_limit = if seen.source.failures == 0 { 1 } else { limit };
        let counts = [
            (&seen.source, buckets.source, source_limit, SOURCE_WINDOW_MS),
            (&seen.place, buckets.place, PLACE_FAILURES, PLACE_WINDOW_MS),
            (&seen.relying_party, buckets.relying_party, RELYING_PARTY_FAILURES, RELYING_PARTY_WINDOW_MS),
            (&seen.global, buckets.global, GLOBAL_FAILURES, GLOBAL_WINDOW_MS),
        ];
        for (count, bucket, below, window_ms) in counts {
            if in_window(count, window_ms, self.now) < below {
                let since = UnixMillis(self.now.0.saturating_sub(window_ms));
                changes.guards.push(Guard::Calm { realm: self.request.home.clone(), bucket, below, since });
            }
        }
    }

    /// Makes a set due when these spends reach the threshold.
    ///
    /// Two acceptances of different codes side by side each see the other's code unused, and both could miss the
    /// threshold. Indexed and in order they meet at the ledger. With any unused code they would not, so there each one
    /// rewrites the row that it is guarded by, and the second is decided again.
    fn refill(&self, winner: &Standpoint<'_>, spent: usize, changes: &mut Changes) -> Option<AuthenticatorId> {
        let Standpoint { candidate, holding, .. } = winner;
        let is_due = holding.makes_refill_due(spent, candidate, self.policy);
        let waits_for_none = !candidate.set_outstanding && candidate.authenticator.refill_due.is_none();
        if is_due || (self.policy.mode == Mode::AnyUnused && waits_for_none) {
            let mut row = candidate.authenticator.as_ref().clone();
            row.refill_due = row.refill_due.or(is_due.then_some(RefillReason::ServerCount));
            changes.writes.push(Write::PutAuthenticator(Box::new(row)));
        }
        is_due.then_some(candidate.authenticator.id)
    }

    /// A success ends a run of failures: where they were counted they are cleared, at every authenticator that a
    /// failure of this attempt would have counted at. A locked one stays locked.
    fn clear_failures(&self, winner: &Standpoint<'_>, standpoints: &[Standpoint<'_>], changes: &mut Changes) {
        for Standpoint { candidate, standing, .. } in standpoints {
            if *standing == Standing::Usable && candidate.failures > 0 {
                if candidate.authenticator.id != winner.candidate.authenticator.id {
                    changes.guards.push(failures_guard(candidate));
                }
                changes.writes.push(set_failures(candidate, 0));
            }
        }
        if self.snapshot.throttle.source.failures > 0 {
            let (realm, bucket) = (self.request.home.clone(), self.buckets.source);
            changes.writes.push(Write::ClearBucket { realm, bucket });
        }
    }

    fn reject(
        &self,
        standpoints: &[Standpoint<'_>],
        readable: bool,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> VerifyDecision {
        let mut changes = Changes::default();
        // Nothing can be kept for a realm that does not exist; its absence is no news to whom it is answered, as only
        // operators ask outside a realm of their own.
        if self.snapshot.realm.is_some() {
            changes.writes.push(self.operation(Verdict::Rejected));
            self.count_at_authenticators(standpoints, &mut changes, rng);
            self.count_in_buckets(&mut changes, rng);
            let about = match standpoints {
                [one] => Some(one.candidate.authenticator.id),
                [] | [_, ..] => None,
            };
            let why = self.why(standpoints, readable);
            changes.writes.push(self.event(EventKind::CodeRejected, about, &why, rng));
        }
        VerifyDecision::Commit { changes, verdict: Verdict::Rejected, refill: None }
    }

    /// One failure more at each authenticator whose code this could have been, guarded by the count that was seen, so
    /// that of failures side by side none is lost. Where there is none, one row is written all the same.
    fn count_at_authenticators(
        &self,
        standpoints: &[Standpoint<'_>],
        changes: &mut Changes,
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        let usable = || standpoints.iter().filter(|standpoint| standpoint.standing == Standing::Usable);
        for Standpoint { candidate, .. } in usable() {
            let failures = candidate.failures.saturating_add(1);
            changes.guards.push(failures_guard(candidate));
            changes.writes.push(set_failures(candidate, failures));
            if is_locked(failures) {
                let detail = format!("{HARD_STOP} consecutive failures; only an operator unlocks the device");
                let id = candidate.authenticator.id;
                changes.writes.push(self.event(EventKind::DeviceLocked, Some(id), &detail, rng));
            }
        }
        if usable().next().is_none() {
            changes.writes.push(self.count(self.buckets.stand_in, SOURCE_WINDOW_MS));
        }
    }

    fn count_in_buckets(&self, changes: &mut Changes, rng: &mut (impl CryptoRng + ?Sized)) {
        let buckets = self.buckets;
        changes.writes.push(self.count(buckets.source, SOURCE_WINDOW_MS));
        changes.writes.push(self.count(buckets.place, PLACE_WINDOW_MS));
        changes.writes.push(self.count(buckets.relying_party, RELYING_PARTY_WINDOW_MS));
        changes.writes.push(self.count(buckets.global, GLOBAL_WINDOW_MS));
        let failures = in_window(&self.snapshot.throttle.source, SOURCE_WINDOW_MS, self.now).saturating_add(1);
        if failures == u32::from(self.policy.max_failures) {
            let delay_s = source_delay_ms(failures, self.policy.max_failures) / 1_000;
            let detail =
                format!("{failures} failures: the source waits {delay_s} s, and longer after each further one");
            changes.writes.push(self.event(EventKind::SourceSlowed, None, &detail, rng));
        }
    }

    fn count(&self, bucket: crate::model::BucketKey, window_ms: u64) -> Write {
        Write::CountFailure { realm: self.request.home.clone(), bucket, at: self.now, window_ms }
    }

    fn operation(&self, verdict: Verdict) -> Write {
        Write::InsertOperation(Box::new(Operation {
            realm: self.request.home.clone(),
            relying_party: self.request.relying_party.clone(),
            id: self.request.operation.clone(),
            fingerprint: self.fingerprint,
            verdict,
            at: self.now,
        }))
    }

    fn spend(&self, authenticator: AuthenticatorId, index: CodeIndex, kind: SpendKind) -> Write {
        Write::Spend(Box::new(Spend {
            realm: self.request.home.clone(),
            authenticator,
            index,
            kind,
            relying_party: self.request.relying_party.clone(),
            operation: self.request.operation.clone(),
            at: self.now,
        }))
    }

    fn event(
        &self,
        kind: EventKind,
        authenticator: Option<AuthenticatorId>,
        detail: &str,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Write {
        let known = self.is_home().then_some(self.snapshot.subscriber.as_ref()).flatten();
        let happening = Happening {
            realm: &self.request.home,
            relying_party: &self.request.relying_party,
            source: self.request.source.as_deref(),
            kind,
            subscriber: known.map(|subscriber| &subscriber.id),
            authenticator,
            detail,
        };
        event(&happening, self.now, rng)
    }

    fn is_home(&self) -> bool {
        self.request.realm == self.request.home
    }

    /// Why the attempt was refused, for the operator.
    fn why(&self, standpoints: &[Standpoint<'_>], readable: bool) -> String {
        match standpoints {
            [] if !self.is_home() => "the relying party named another realm than its own".to_owned(),
            [] => match (&self.request.target, &self.snapshot.subscriber) {
                (VerifyTarget::Subscriber(_), None) => "there is no user of that name".to_owned(),
                (VerifyTarget::Subscriber(_), Some(_)) => "the user has no device in use".to_owned(),
                (VerifyTarget::Authenticator(_), Some(_)) => "the device is revoked".to_owned(),
                (VerifyTarget::Authenticator(_), None) => "there is no device of that identification code".to_owned(),
            },
            [one] => one.why(readable),
            [_, _, ..] => {
                let each = standpoints.iter().map(|standpoint| {
                    let id = standpoint.candidate.authenticator.id;
                    format!("{id}: {}", standpoint.why(readable))
                });
                each.collect::<Vec<_>>().join("; ")
            }
        }
    }
}

impl Standpoint<'_> {
    /// Whether this code is accepted when it is typed now.
    fn counts(&self, index: CodeIndex) -> bool {
        match self.standing {
            Standing::Usable => self.holding.accepts(index),
            Standing::Pending
            | Standing::Suspended
            | Standing::Revoked
            | Standing::SubscriberSuspended
            | Standing::Restored
            | Standing::Locked => false,
        }
    }

    fn why(&self, readable: bool) -> String {
        if let Some(why) = self.standing.why() {
            return why.to_owned();
        }
        match (self.typed.first(), self.holding.first()) {
            (Some(index), _) if self.candidate.spent.binary_search(index).is_ok() => {
                format!("code {index} was used up before")
            }
            (Some(index), Some(first)) if *index > first => format!("code {index} was typed, but code {first} is due"),
            (Some(index), _) => format!("code {index} was passed over"),
            (None, None) => "the device has no unused code".to_owned(),
            (None, Some(_)) if readable => "wrong code".to_owned(),
            (None, Some(_)) => "what was typed is no code".to_owned(),
        }
    }
}

fn counts(standpoints: &[Standpoint<'_>], place: usize, index: CodeIndex) -> bool {
    standpoints.get(place).is_some_and(|it| it.counts(index))
}

fn failures_guard(candidate: &Candidate) -> Guard {
    let authenticator = &candidate.authenticator;
    Guard::Failures { realm: authenticator.realm.clone(), id: authenticator.id, count: candidate.failures }
}

fn set_failures(candidate: &Candidate, count: u32) -> Write {
    let authenticator = &candidate.authenticator;
    Write::SetFailures { realm: authenticator.realm.clone(), id: authenticator.id, count }
}
