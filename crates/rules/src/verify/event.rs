//! Audit events of an attempt.

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use rand_core::CryptoRng;

use crate::audit::{self, Subject};
use crate::model::{EventKind, RealmId, RelyingPartyId, SubscriberId, Write};

/// The most characters of a source that an event quotes: an address has at most 45.
const MAX_QUOTED_SOURCE: usize = 64;

/// What happened at an attempt, and to whom.
pub(crate) struct Happening<'a> {
    pub(crate) realm: &'a RealmId,
    pub(crate) relying_party: &'a RelyingPartyId,
    pub(crate) source: Option<&'a str>,
    pub(crate) kind: EventKind,
    /// Only one that exists: what somebody merely typed as a name may be a password.
    pub(crate) subscriber: Option<&'a SubscriberId>,
    /// Likewise.
    pub(crate) authenticator: Option<AuthenticatorId>,
    /// Why; without the source, which is put before it.
    pub(crate) detail: &'a str,
}

/// The write that appends an event.
pub(crate) fn event(happening: &Happening<'_>, now: UnixMillis, rng: &mut (impl CryptoRng + ?Sized)) -> Write {
    let Happening { realm, subscriber, authenticator, .. } = *happening;
    let detail = match happening.source {
        Some(source) => format!("from {}: {}", quoted(source), happening.detail),
        None => happening.detail.to_owned(),
    };
    let mut write = audit::event(Subject { realm, subscriber, authenticator }, happening.kind, detail, now, rng);
    if let Write::Audit(event) = &mut write {
        event.relying_party = Some(happening.relying_party.clone());
    }
    write
}

/// A source without what could forge a line of a log.
fn quoted(source: &str) -> String {
    source.chars().filter(|symbol| !symbol.is_control()).take(MAX_QUOTED_SOURCE).collect()
}
