//! The operator's API.

pub(crate) mod devices;
pub(crate) mod enrolments;
pub(crate) mod events;
pub(crate) mod imports;
pub(crate) mod messages;
pub(crate) mod policies;
pub(crate) mod realms;
pub(crate) mod tokens;
pub(crate) mod users;

use matchbook_rules::{Realm, RealmId, Subscriber, SubscriberId};

use crate::core::Core;
use crate::problem::Problem;

/// The longest name that people read.
pub(crate) const MAX_DISPLAY_NAME: usize = 128;

/// The longest label.
pub(crate) const MAX_LABEL: usize = 64;

impl Core {
    async fn known_realm(&self, id: &RealmId) -> Result<Realm, Problem> {
        let realm = self.store.realm(id).await?;
        realm.ok_or_else(|| Problem::not_listed(format!("There is no realm {id}."), "realm list"))
    }

    async fn known_user(&self, realm: &RealmId, id: &SubscriberId) -> Result<Subscriber, Problem> {
        let user = self.store.subscriber(realm, id).await?;
        let list = format!("user list --realm {realm}");
        user.ok_or_else(|| Problem::not_listed(format!("There is no user {id} in the realm {realm}."), &list))
    }
}

/// Refuses a text that is too long or has control characters.
pub(crate) fn readable(field: &str, text: Option<String>, longest: usize) -> Result<String, Problem> {
    let text = text.unwrap_or_default();
    if text.len() > longest || text.chars().any(char::is_control) {
        return Err(Problem::bad_request(format!("{field} has at most {longest} bytes and no control characters")));
    }
    Ok(text)
}
