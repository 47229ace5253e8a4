//! Events of what happens to devices, people and realms.

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use rand_core::CryptoRng;

use crate::model::{AuditEvent, EventKind, RealmId, SubscriberId, Write};

/// The longest inward sentence, in bytes.
const MAX_DETAIL_LEN: usize = 300;

/// What an event is about.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) realm: &'a RealmId,
    pub(crate) subscriber: Option<&'a SubscriberId>,
    pub(crate) authenticator: Option<AuthenticatorId>,
}

/// The write that appends an event. `detail` holds no code, key or sealed bytes.
pub(crate) fn event(
    subject: Subject<'_>,
    kind: EventKind,
    detail: impl Into<String>,
    now: UnixMillis,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Write {
    Write::Audit(Box::new(AuditEvent {
        realm: subject.realm.clone(),
        id: event_id(now, rng),
        at: now,
        kind,
        authenticator: subject.authenticator,
        subscriber: subject.subscriber.cloned(),
        relying_party: None,
        detail: cut(detail.into()),
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

fn cut(mut text: String) -> String {
    if text.len() > MAX_DETAIL_LEN {
        let end = (0..=MAX_DETAIL_LEN).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
