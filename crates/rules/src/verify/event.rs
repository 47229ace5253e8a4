//! Audit events of an attempt.

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use rand_core::CryptoRng;

use crate::model::{AuditEvent, EventKind, RealmId, RelyingPartyId, SubscriberId, Write};

/// The longest inward sentence, in bytes.
const MAX_DETAIL_LEN: usize = 300;
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
    let detail = match happening.source {
        Some(source) => format!("from {}: {}", quoted(source), happening.detail),
        None => happening.detail.to_owned(),
    };
    Write::Audit(Box::new(AuditEvent {
        realm: happening.realm.clone(),
        id: event_id(now, rng),
        at: now,
        kind: happening.kind,
        authenticator: happening.authenticator,
        subscriber: happening.subscriber.cloned(),
        relying_party: Some(happening.relying_party.clone()),
        detail: cut(detail),
    }))
}

/// The time in 6 bytes, then chance: ids order events by time.
fn event_id(now: UnixMillis, rng: &mut (impl CryptoRng + ?Sized)) -> [u8; 16] {
    let mut id = [0; 16];
    rng.fill_bytes(&mut id);
    let [_, _, time @ ..] = now.0.to_be_bytes();
    id.iter_mut().zip(time).for_each(|(to, from)| *to = from);
    id
}

/// A source without what could forge a line of a log.
fn quoted(source: &str) -> String {
    source.chars().filter(|symbol| !symbol.is_control()).take(MAX_QUOTED_SOURCE).collect()
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_DETAIL_LEN {
        let end = (0..=MAX_DETAIL_LEN).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
