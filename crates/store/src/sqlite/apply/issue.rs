//! Writes of sets and of the ledger of spends.

use std::sync::LazyLock;

use matchbook_protocol::{AuthenticatorId, CodeIndex};
use matchbook_rules::{IssuedSet, RealmId, Spend};
use rusqlite::{Connection, params_from_iter};

use super::{Failure, execute, guard_holds, is_taken, key, one};
use crate::agreed::last_index;
use crate::sqlite::rows::{INSERT_SET, bind_set, blob, number, spend_kind, text, time};

pub(super) fn insert_set(connection: &Connection, set: &IssuedSet) -> Result<(), Failure> {
    let IssuedSet { authenticator, first, .. } = set;
    let Some(last) = last_index(set) else {
        return Err(Failure::Senseless(format!(
            "a set of {} codes from index {first} cannot be: please report this",
            set.tags.len()
        )));
    };
    let inserted = execute(connection, &INSERT_NEW_SET, params_from_iter(bind_set(set, last)));
    let inserted = match inserted {
        Err(Failure::Sqlite(error)) if is_taken(&error) => 0,
        other => other?,
    };
    guard_holds(inserted == 1, || format!("codes from index {first} of device {authenticator} were issued meanwhile"))
}

/// Inserts a set, or nothing when one of its indices was issued before. Sets do not overlap, so only the one that begins last
/// before this one's end can reach into it; what is gone is below the highest that was forgotten.
static INSERT_NEW_SET: LazyLock<String> = LazyLock::new(|| {
    let sql = INSERT_SET.replace(" VALUES (", " SELECT ");
    format!(
        "{} WHERE ?3 > coalesce(( \
             SELECT last FROM sets WHERE realm = ?1 AND authenticator = ?2 AND first <= ?4 \
             ORDER BY first DESC LIMIT 1), 0) \
         AND ?3 > coalesce((SELECT highest FROM forgotten WHERE realm = ?1 AND authenticator = ?2), 0)",
        sql.trim_end_matches(')')
    )
});

pub(super) fn delete_set(
    connection: &Connection,
    realm: &RealmId,
    id: &AuthenticatorId,
    first: CodeIndex,
) -> Result<(), Failure> {
    let sql = "SELECT last FROM sets WHERE realm = ?1 AND authenticator = ?2 AND first = ?3";
    let values = [text(realm.as_str()), blob(&id.0), number(first.0)];
    match one(connection, sql, values, |it| it.number())? {
        Some(last) => forget_set(connection, realm.as_str(), &id.0, first, CodeIndex(last)),
        None => Ok(()),
    }
}

/// Deletes a set and its rows of the ledger, and keeps the highest of them.
pub(in crate::sqlite) fn forget_set(
    connection: &Connection,
    realm: &str,
    id: &[u8],
    first: CodeIndex,
    last: CodeIndex,
) -> Result<(), Failure> {
    let values = [text(realm), blob(id), number(first.0), number(last.0)];
    let sql = "INSERT INTO forgotten (realm, authenticator, highest) \
               SELECT ?1, ?2, code FROM spends WHERE realm = ?1 AND authenticator = ?2 AND code BETWEEN ?3 AND ?4 \
               ORDER BY code DESC LIMIT 1 \
               ON CONFLICT DO UPDATE SET highest = max(highest, excluded.highest)";
    if execute(connection, sql, params_from_iter(&values))? > 0 {
        let sql = "DELETE FROM spends WHERE realm = ?1 AND authenticator = ?2 AND code BETWEEN ?3 AND ?4";
        execute(connection, sql, params_from_iter(&values))?;
    }
    let sql = "DELETE FROM sets WHERE realm = ?1 AND authenticator = ?2 AND first = ?3";
    execute(connection, sql, [text(realm), blob(id), number(first.0)]).map(drop)
}

/// The one write that says who has the code.
pub(super) fn spend(connection: &Connection, spend: &Spend) -> Result<(), Failure> {
    guard_holds(insert_spend(connection, spend)? == 1, || {
        format!("code {} of device {} is used, or its set is void", spend.index, spend.authenticator)
    })
}

/// Inserts one row, or none when it is there or no set holds the code. Returns how many.
pub(in crate::sqlite) fn insert_spend(connection: &Connection, spend: &Spend) -> Result<usize, Failure> {
    let [realm, id] = key(&spend.realm, &spend.authenticator);
    let sql = "INSERT INTO spends (realm, authenticator, code, kind, relying_party, operation, at) \
               SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE ?3 <= ( \
                   SELECT last FROM sets WHERE realm = ?1 AND authenticator = ?2 AND first <= ?3 \
                   ORDER BY first DESC LIMIT 1) \
               ON CONFLICT DO NOTHING";
    let values = [
        realm,
        id,
        number(spend.index.0),
        number(spend_kind(spend.kind)),
        text(spend.relying_party.as_str()),
        text(spend.operation.as_str()),
        time(spend.at),
    ];
    execute(connection, sql, values)
}
