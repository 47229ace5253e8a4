//! Writes of sets and of the ledger of spends.

use matchbook_protocol::{AuthenticatorId, CodeIndex};
use matchbook_rules::{IssuedSet, RealmId, Spend};

use super::{Refusal, Step, index, key};
use crate::agreed::last_index;
use crate::postgres::session::Query;
use crate::rows::{bind_set, blob, number, spend_kind, text, time};

/// Lets nobody else insert a set of the device until the commit: two sets that overlap have no key in common. A device
/// that is not there has no row to lock, so its row of what is forgotten stands in.
pub(super) fn lock_device<'a>(realm: &'a RealmId, id: &'a AuthenticatorId) -> [Step<'a>; 2] {
    let lock = "SELECT 1 FROM authenticators WHERE realm = $1 AND authenticator = $2 FOR NO KEY UPDATE";
    let stand_in = "INSERT INTO forgotten (realm, authenticator, highest) \
                    SELECT $1, $2, 0 WHERE NOT EXISTS ( \
                        SELECT 1 FROM authenticators WHERE realm = $1 AND authenticator = $2) \
                    ON CONFLICT (realm, authenticator) DO UPDATE SET highest = forgotten.highest";
    [lock, stand_in].map(|sql| Step::free(Query::new(sql, key(realm, id))))
}

/// Inserts a set of a device that is locked.
pub(super) fn insert_set(set: &IssuedSet) -> Result<Step<'_>, Refusal> {
    let IssuedSet { authenticator, first, .. } = set;
    let Some(last) = last_index(set) else {
        return Err(Refusal::Senseless(format!(
            "a set of {} codes from index {first} cannot be: please report this",
            set.tags.len()
        )));
    };
    // Sets do not overlap, so only the one that begins last before this one's end can reach into it.
    let sql = "INSERT INTO sets \
               (realm, authenticator, first, last, alphabet, digits, pepper_version, issued_at, tags) \
               SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 \
               WHERE coalesce((SELECT s.last FROM sets AS s WHERE s.realm = $1 AND s.authenticator = $2 \
                   AND s.first <= $4 ORDER BY s.first DESC LIMIT 1), 0) < $3 \
               AND coalesce((SELECT highest FROM forgotten WHERE realm = $1 AND authenticator = $2), 0) < $3 \
               ON CONFLICT DO NOTHING";
    Ok(Step::sole(Query::new(sql, bind_set(set, last)), move || {
        format!("codes from index {first} of device {authenticator} were issued meanwhile")
    }))
}

/// Deletes a set and its rows of the ledger, and keeps the highest of them. Nothing when it is gone.
pub(super) fn delete_set<'a>(realm: &'a RealmId, id: &'a AuthenticatorId, first: CodeIndex) -> Vec<Step<'a>> {
    forget_set(realm.as_str(), &id.0, first).into_iter().map(Step::free).collect()
}

/// The statements that delete a set: the first one lets nobody spend its codes any more, and the others see what was
/// spent until then.
pub(in crate::postgres) fn forget_set<'a>(realm: &'a str, id: &'a [u8], first: CodeIndex) -> [Query<'a>; 4] {
    let lock = "SELECT 1 FROM sets WHERE realm = $1 AND authenticator = $2 AND first = $3 FOR UPDATE";
    let keep = "INSERT INTO forgotten (realm, authenticator, highest) \
                SELECT p.realm, p.authenticator, max(p.code) FROM sets AS s JOIN spends AS p \
                ON p.realm = s.realm AND p.authenticator = s.authenticator AND p.code BETWEEN s.first AND s.last \
                WHERE s.realm = $1 AND s.authenticator = $2 AND s.first = $3 GROUP BY p.realm, p.authenticator \
                ON CONFLICT (realm, authenticator) \
                DO UPDATE SET highest = greatest(forgotten.highest, excluded.highest)";
    let spends = "DELETE FROM spends WHERE realm = $1 AND authenticator = $2 AND code BETWEEN $3 AND ( \
                      SELECT last FROM sets WHERE realm = $1 AND authenticator = $2 AND first = $3)";
    let set = "DELETE FROM sets WHERE realm = $1 AND authenticator = $2 AND first = $3";
    [lock, keep, spends, set].map(|sql| Query::new(sql, [text(realm), blob(id), index(first)]))
}

/// The one write that says who has the code: it inserts a row or none. The set stays until the commit.
pub(super) fn spend(spend: &Spend) -> Step<'_> {
    let sql = "INSERT INTO spends (realm, authenticator, code, kind, relying_party, operation, at) \
               SELECT $1, $2, $3, $4, $5, $6, $7 FROM ( \
                   SELECT last FROM sets WHERE realm = $1 AND authenticator = $2 AND first <= $3 \
                   ORDER BY first DESC LIMIT 1 FOR KEY SHARE) AS s \
               WHERE s.last >= $3 ON CONFLICT DO NOTHING";
    let [realm, id] = key(&spend.realm, &spend.authenticator);
    let values = [
        realm,
        id,
        index(spend.index),
        number(spend_kind(spend.kind)),
        text(spend.relying_party.as_str()),
        text(spend.operation.as_str()),
        time(spend.at),
    ];
    Step::sole(Query::new(sql, values), move || {
        format!("code {} of device {} is used, or its set is void", spend.index, spend.authenticator)
    })
}
