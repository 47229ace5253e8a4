//! A code that is verified: load, decide, commit, and only then the answer.

use std::sync::Arc;

use matchbook_protocol::AuthenticatorId;
use matchbook_protocol::CodeIndex;
use matchbook_rules::challenge::{self, ChallengeRequest};
use matchbook_rules::throttle::Buckets;
use matchbook_rules::verify::{self, VerifyDecision, VerifyRefusal, VerifyRequest};
use matchbook_rules::{Changes, Guard, RealmId, RefillReason, Verdict, VerifyTarget};
use matchbook_store::{CommitError, VerifyLookup};

use crate::chance;
use crate::core::Core;
use crate::limits::MAX_DECISIONS;
use crate::metrics::VerifyOutcome;
use crate::problem::Problem;

/// What a verify came to, durably.
pub(crate) struct Verified {
    pub(crate) verdict: Verdict,
    /// A set of this authenticator became due with the spend.
    pub(crate) refill: Option<AuthenticatorId>,
}

/// Which code to ask for.
pub(crate) struct Challenged {
    pub(crate) index: CodeIndex,
    /// A set of this authenticator became due, because a code was skipped.
    pub(crate) refill: Option<AuthenticatorId>,
}

impl Core {
    /// Verifies one code exactly once.
    pub(crate) async fn verify(&self, request: &VerifyRequest) -> Result<Verified, Problem> {
        let result = self.verify_once(request).await;
        self.metrics.verified(match &result {
            Ok((Verified { verdict: Verdict::Accepted, .. }, false)) => VerifyOutcome::Accepted,
            Ok((Verified { verdict: Verdict::Rejected, .. }, false)) => VerifyOutcome::Rejected,
            Ok((_, true)) => VerifyOutcome::Repeated,
            Err(problem) => match problem.status().as_u16() {
                409 => VerifyOutcome::Reused,
                429 => VerifyOutcome::Slowed,
                _ => VerifyOutcome::Unavailable,
            },
        });
        result.map(|(verified, _)| verified)
    }

    /// The flag says that it is an earlier operation's answer.
    async fn verify_once(&self, request: &VerifyRequest) -> Result<(Verified, bool), Problem> {
        let buckets = verify::lookup_buckets(request, &self.keyring);
        let lookup = lookup(request, &buckets);
        let _turn =
            self.lanes.turn(lane(&request.home, &request.target)).await.map_err(|_| Problem::slow_down(1_000))?;
        let mut remembered = self.store.remembered(&lookup);
        for tries in 0..MAX_DECISIONS {
            // Only an acceptance may rest on what is remembered: its commit finds out what has changed.
            let accepted = remembered.take().and_then(|snapshot| {
                verify::accept(request, &buckets, &snapshot, &self.keyring, chance::now(), &mut chance::Names)
            });
            let decided = match accepted {
                Some(accepted) => accepted,
                None => self.decide_now(request, &buckets, &lookup).await?,
            };
            let (changes, verified, is_repeated) = match decided {
                VerifyDecision::Answered { operation } => {
                    let verified = Verified { verdict: operation.verdict, refill: None };
                    let seen = Changes { guards: vec![Guard::Operation(Box::new(operation))], writes: Vec::new() };
                    (seen, verified, true)
                }
                VerifyDecision::Commit { changes, verdict, refill } => (changes, Verified { verdict, refill }, false),
            };
            let committed =
                if is_repeated { self.make_sure_of(changes.guards).await } else { self.commit(changes).await };
            match committed {
                Ok(()) => return Ok((verified, is_repeated)),
                Err(CommitError::Conflict(why)) => self.conflict(&why, tries).await,
                Err(error @ (CommitError::Unavailable(_) | CommitError::ReadOnly(_) | CommitError::InDoubt(_))) => {
                    return Err(error.into());
                }
            }
        }
        Err(Problem::unavailable())
    }

    async fn decide_now(
        &self,
        request: &VerifyRequest,
        buckets: &Buckets,
        lookup: &VerifyLookup,
    ) -> Result<VerifyDecision, Problem> {
        let snapshot = self.store.load_verify(lookup).await?;
        Ok(verify::decide(request, buckets, &snapshot, &self.keyring, chance::now(), &mut chance::Names)?)
    }

    /// Issues the set that a spend made due, beside the answer. The spend has committed that it is due: when this fails,
    /// or the server dies before it, the sweep does it.
    pub(crate) fn refill_after_spend(self: &Arc<Self>, due: Option<AuthenticatorId>) {
        let Some(id) = due else { return };
        let core = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(problem) = core.refill(&id, RefillReason::ServerCount).await {
                tracing::warn!(device = %id, %problem, "a refill is left to the sweep");
            }
        });
    }

    /// Says which code to ask for.
    pub(crate) async fn challenge(&self, request: &ChallengeRequest) -> Result<Challenged, Problem> {
        let buckets = challenge::lookup_buckets(request, &self.keyring);
        let lookup = VerifyLookup {
            realm: request.home.clone(),
            target: request.target.clone(),
            relying_party: request.relying_party.clone(),
            operation: None,
            source_bucket: buckets.source,
            place_bucket: buckets.place,
            relying_party_bucket: buckets.relying_party,
            global_bucket: buckets.global,
            skips_bucket: buckets.skips,
        };
        let _turn =
            self.lanes.turn(lane(&request.home, &request.target)).await.map_err(|_| Problem::slow_down(1_000))?;
        for tries in 0..MAX_DECISIONS {
            let snapshot = self.store.load_verify(&lookup).await?;
            let decided = challenge::decide(request, &snapshot, &self.keyring, chance::now(), &mut chance::rng())?;
            let challenged = Challenged { index: decided.index, refill: decided.refill };
            if decided.changes.writes.is_empty() {
                return Ok(challenged);
            }
            match self.commit(decided.changes).await {
                Ok(()) => return Ok(challenged),
                Err(CommitError::Conflict(why)) => self.conflict(&why, tries).await,
                Err(error @ (CommitError::Unavailable(_) | CommitError::ReadOnly(_) | CommitError::InDoubt(_))) => {
                    return Err(error.into());
                }
            }
        }
        Err(Problem::unavailable())
    }
}

impl From<VerifyRefusal> for Problem {
    fn from(refusal: VerifyRefusal) -> Self {
        match refusal {
            VerifyRefusal::SlowDown { retry_after_ms } => Self::slow_down(retry_after_ms),
            VerifyRefusal::OperationReused => Self::conflict(
                "This operation id was used for another request.",
                "Make a new operation id for each attempt of a user; repeat one only to repeat the same request.",
            ),
        }
    }
}

fn lookup(request: &VerifyRequest, buckets: &Buckets) -> VerifyLookup {
    VerifyLookup {
        realm: request.home.clone(),
        target: request.target.clone(),
        relying_party: request.relying_party.clone(),
        operation: Some(request.operation.clone()),
        source_bucket: buckets.source,
        place_bucket: buckets.place,
        relying_party_bucket: buckets.relying_party,
        global_bucket: buckets.global,
        skips_bucket: buckets.skips,
    }
}

/// Whose turn it is: one of a person's, or of a device's.
fn lane<'a>(home: &'a RealmId, target: &'a VerifyTarget) -> (&'a str, Option<&'a str>, Option<[u8; 8]>) {
    match target {
        VerifyTarget::Subscriber(id) => (home.as_str(), Some(id.as_str()), None),
        VerifyTarget::Authenticator(id) => (home.as_str(), None, Some(id.0)),
    }
}
