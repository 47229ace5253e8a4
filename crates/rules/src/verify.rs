//! A code that a user typed: accepted exactly once, or refused and counted.
//!
//! Exactly once rests on the commit, not on the snapshot: an acceptance appends to the ledger of spends, whose key
//! (realm, authenticator, index) is unique, so that of any number of decisions on the same snapshot one is committed.
//! It is also guarded by the count of failures that it saw: of guesses that are made side by side only the first is
//! decided on that count, and every other one is decided again, on a count that has grown. So nobody gets more guesses
//! by making them at once.

mod compare;
mod event;
mod settle;
mod standing;

use std::borrow::Cow;
use std::fmt;

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::keyring::Keyring;
use crate::model::{
    Changes, Operation, OperationId, Policy, RealmId, RelyingPartyId, Verdict, VerifySnapshot, VerifyTarget,
};
use crate::throttle::{self, Attempt, Buckets};

pub(crate) use event::{Happening, event};
pub(crate) use standing::{Standing, known_candidates};

/// How long an operation's answer is kept for its repetition, at the least: a day. A repetition after that is decided
/// anew, and refused, because the code is spent.
pub const OPERATION_KEPT_MS: u64 = 24 * 3_600_000;

/// The longest text that can be a code, in bytes: 12 symbols, and room for blanks and dashes of three bytes each.
/// Longer text is refused like a wrong code.
pub const MAX_TYPED_LEN: usize = 64;

/// One attempt at a code. It has no `Debug`, because it holds the code.
pub struct VerifyRequest {
    /// The realm that the relying party is of, as its token says. Buckets and operations are kept there, so that it is
    /// also the realm of the store's look-up. For an operator's token, the realm that was named.
    pub home: RealmId,
    /// The realm that it named. Another one than its own is answered like a wrong code.
    pub realm: RealmId,
    /// Whose code.
    pub target: VerifyTarget,
    /// Who asks.
    pub relying_party: RelyingPartyId,
    /// The idempotency key: the same one gets the same answer, and counts as one attempt.
    pub operation: OperationId,
    /// Where the user is, as the relying party sees it: an address, as a rule. Failures are counted for it.
    pub source: Option<String>,
    /// What the user typed; blanks, dashes and case do not count. At most [`MAX_TYPED_LEN`] bytes can be a
    /// code.
    pub code: Zeroizing<String>,
}

/// What is to be done about an attempt.
#[derive(Clone, Debug)]
pub enum VerifyDecision {
    /// The operation was answered before; there is nothing to write.
    Answered {
        /// As before.
        operation: Operation,
    },
    /// The answer holds once the changes are durable, and not before.
    Commit {
        /// Empty only when the realm does not exist.
        changes: Changes,
        /// What the relying party is told then: this and nothing else.
        verdict: Verdict,
        /// The authenticator that these changes make a set due for.
        refill: Option<AuthenticatorId>,
    },
}

/// The attempt is not decided; nothing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyRefusal {
    /// Too many failures from where this comes from: not before so many milliseconds, at least 1.
    SlowDown {
        /// How long to wait.
        retry_after_ms: u64,
    },
    /// The operation id was used for another request.
    OperationReused,
}

/// Decides an attempt; `buckets` are its own, of [`lookup_buckets`]. The answer is the same, takes as long and writes as much for a wrong code as for a name that
/// does not exist or may not log in; why it was refused stands in the audit event alone.
///
/// # Errors
/// See [`VerifyRefusal`]. Both are decided before any code is compared.
pub fn decide(
    request: &VerifyRequest,
    buckets: &Buckets,
    snapshot: &VerifySnapshot,
    keyring: &Keyring,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<VerifyDecision, VerifyRefusal> {
    let fingerprint = fingerprint(request, keyring);
    if let Some(earlier) = &snapshot.operation {
        return repeated(earlier, &fingerprint);
    }
    let policy = policy(snapshot);
    admit(snapshot, &policy, now)?;
    let candidates = known_candidates(&request.attempt(), snapshot);
    let policy = &*policy;
    Ok(settle::Case { request, snapshot, candidates, policy, buckets, keyring, now, fingerprint }.settle(rng))
}

/// Decides on a snapshot that may be old and knows no counts and no operation: an acceptance, whose commit finds out what
/// has changed, or `None` for all that has to be decided on a fresh one.
pub fn accept(
    request: &VerifyRequest,
    buckets: &Buckets,
    snapshot: &VerifySnapshot,
    keyring: &Keyring,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Option<VerifyDecision> {
    let fingerprint = fingerprint(request, keyring);
    let policy = policy(snapshot);
    let candidates = known_candidates(&request.attempt(), snapshot);
    let policy = &*policy;
    settle::Case { request, snapshot, candidates, policy, buckets, keyring, now, fingerprint }.accept_or_none(rng)
}

/// What a refusal costs.
#[cfg(test)]
fn work(request: &VerifyRequest, snapshot: &VerifySnapshot, keyring: &Keyring, now: UnixMillis) -> compare::Work {
    let (buckets, policy) = (lookup_buckets(request, keyring), policy(snapshot));
    let (candidates, fingerprint) = (known_candidates(&request.attempt(), snapshot), fingerprint(request, keyring));
    let (buckets, policy) = (&buckets, &*policy);
    settle::Case { request, snapshot, candidates, policy, buckets, keyring, now, fingerprint }.work()
}

/// The buckets that an attempt is counted in, which the store's look-up wants.
#[must_use]
pub fn lookup_buckets(request: &VerifyRequest, keyring: &Keyring) -> Buckets {
    Buckets::of(&request.attempt(), keyring)
}

/// The realm's policy; the default one where there is no realm, so that the work is the same.
pub(crate) fn policy(snapshot: &VerifySnapshot) -> Cow<'_, Policy> {
    snapshot.realm.as_ref().map_or_else(|| Cow::Owned(Policy::default()), |realm| Cow::Borrowed(&realm.policy))
}

/// Refuses who has to wait.
pub(crate) fn admit(snapshot: &VerifySnapshot, policy: &Policy, now: UnixMillis) -> Result<(), VerifyRefusal> {
    match throttle::wait_ms(&snapshot.throttle, policy.max_failures, now) {
        0 => Ok(()),
        retry_after_ms => Err(VerifyRefusal::SlowDown { retry_after_ms }),
    }
}

impl VerifyRequest {
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

/// A keyed hash of what is asked: realm, target, relying party and code. The source is left out: a user may have moved
/// to another network when the relying party asks again.
fn fingerprint(request: &VerifyRequest, keyring: &Keyring) -> [u8; 16] {
    let VerifyRequest { home, realm, target, relying_party, operation: _, source: _, code } = request;
    let (kind, name): (&[u8], &[u8]) = match target {
        VerifyTarget::Subscriber(id) => (b"user", id.as_str().as_bytes()),
        VerifyTarget::Authenticator(id) => (b"device", &id.0),
    };
    let code = compare::normalised(code);
    keyring.fingerprint(&[
        b"verify",
        home.as_str().as_bytes(),
        realm.as_str().as_bytes(),
        kind,
        name,
        relying_party.as_str().as_bytes(),
        code.as_bytes(),
    ])
}

fn repeated(earlier: &Operation, fingerprint: &[u8; 16]) -> Result<VerifyDecision, VerifyRefusal> {
    if bool::from(earlier.fingerprint.ct_eq(fingerprint)) {
        Ok(VerifyDecision::Answered { operation: earlier.clone() })
    } else {
        Err(VerifyRefusal::OperationReused)
    }
}

impl fmt::Display for VerifyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SlowDown { retry_after_ms } => {
                write!(f, "too many failures: try again in {} s", retry_after_ms.div_ceil(1_000))
            }
            Self::OperationReused => f.write_str("this operation id was used for another request; use a new one"),
        }
    }
}

impl std::error::Error for VerifyRefusal {}

#[cfg(test)]
mod tests;
