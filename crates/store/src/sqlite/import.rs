//! Imports of devices with keys from a factory.

use std::sync::Arc;

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{GoLive, Import, ImportId, ImportSnapshot, RealmId, Staged, SubscriberId};
use rusqlite::{Connection, params_from_iter};

use super::apply::{Failure, execute};
use super::rows::{
    COPY_STAGED, END_IMPORT, READY, ReadError, Ready, STAGE_AUTHENTICATOR, STAGE_SUBSCRIBER, TOUCH_IMPORT,
    bind_authenticator, bind_subscriber, blob, column, import_key, number, row, text, time, unready,
};
use super::writer::Writer;
use crate::{CommitError, MAX_PAGE};

/// Rows that the writer deletes in one step.
const STEP_ROWS: u32 = 1_024;

pub(super) fn snapshot(
    connection: &Connection,
    realm: &RealmId,
    ids: &[AuthenticatorId],
    users: &[SubscriberId],
) -> Result<ImportSnapshot, ReadError> {
    let mut found = ImportSnapshot::default();
    for id in ids {
        let sql = "SELECT realm FROM directory WHERE authenticator = ?1";
        let Some(of) = column(connection, sql, [blob(&id.0)], |it| it.name::<RealmId>())?.pop() else { continue };
        if of == *realm {
            let key = [text(realm.as_str()), blob(&id.0)];
            found.devices.extend(row(connection, "WHERE realm = ?1 AND authenticator = ?2", key)?);
        }
        found.taken.push((*id, of));
    }
    for user in users {
        let key = [text(realm.as_str()), text(user.as_str())];
        found.subscribers.extend(row(connection, "WHERE realm = ?1 AND subscriber = ?2", key)?);
    }
    Ok(found)
}

pub(super) fn one(connection: &Connection, realm: &RealmId, id: &ImportId) -> Result<Option<Import>, ReadError> {
    row(connection, "WHERE realm = ?1 AND import = ?2", import_key(realm, id))
}

pub(super) fn stale(connection: &Connection, before: UnixMillis) -> Result<Vec<(RealmId, ImportId)>, ReadError> {
    let sql = "SELECT realm, import FROM imports AS i WHERE at < ?1 AND (is_live = 0 \
               OR EXISTS (SELECT 1 FROM staged_authenticators AS s WHERE s.realm = i.realm AND s.import = i.import) \
               OR EXISTS (SELECT 1 FROM staged_subscribers AS s WHERE s.realm = i.realm AND s.import = i.import)) \
               ORDER BY at LIMIT ?2";
    let mut realms =
        column(connection, sql, [time(before), number(MAX_PAGE)], |it| Ok((it.name()?, ImportId(it.array()?))))?;
    realms.dedup();
    Ok(realms)
}

pub(super) async fn clear(writer: &Writer, realm: &RealmId, id: ImportId) -> Result<u64, CommitError> {
    let (realm, mut sum) = (Arc::new(realm.clone()), 0_u64);
    for (table, key) in [("staged_authenticators", "authenticator"), ("staged_subscribers", "subscriber")] {
        let sql = Arc::new(format!(
            "DELETE FROM {table} WHERE realm = ?1 AND import = ?2 AND {key} IN \
             (SELECT {key} FROM {table} WHERE realm = ?1 AND import = ?2 LIMIT {STEP_ROWS})"
        ));
        loop {
            let (realm, sql) = (Arc::clone(&realm), Arc::clone(&sql));
            let step = move |connection: &Connection| {
                execute(connection, &sql, import_key(&realm, &id)).map(|rows| u64::try_from(rows).unwrap_or(u64::MAX))
            };
            let rows = writer.step(step).await?;
            sum = sum.saturating_add(rows);
            if rows < u64::from(STEP_ROWS) {
                break;
            }
        }
    }
    let end = move |connection: &Connection| {
        let sql = "DELETE FROM imports WHERE realm = ?1 AND import = ?2 AND is_live = 0";
        execute(connection, sql, import_key(&realm, &id)).map(|_| 0)
    };
    writer.step(end).await?;
    Ok(sum)
}

/// [`Write::Stage`](matchbook_rules::Write::Stage).
pub(super) fn stage(connection: &Connection, staged: &Staged) -> Result<(), Failure> {
    let [realm, import] = import_key(&staged.realm, &staged.import);
    if execute(connection, TOUCH_IMPORT, [realm, import.clone(), time(staged.at)])? != 1 {
        return Err(Failure::Conflict("the import is live already".to_owned()));
    }
    for subscriber in &staged.subscribers {
        let values = bind_subscriber(subscriber).into_iter().chain([import.clone()]);
        execute(connection, &STAGE_SUBSCRIBER, params_from_iter(values))?;
    }
    for device in &staged.devices {
        let values = bind_authenticator(device).into_iter().chain([import.clone()]);
        execute(connection, &STAGE_AUTHENTICATOR, params_from_iter(values))?;
    }
    Ok(())
}

/// [`Write::GoLive`](matchbook_rules::Write::GoLive).
pub(super) fn go_live(connection: &Connection, it: &GoLive) -> Result<(), Failure> {
    let key = || import_key(&it.realm, &it.import);
    let ready = column(connection, READY, key(), Ready::read)?.pop();
    if let Some(why) = unready(ready, &it.import, it.devices) {
        return Err(Failure::Conflict(why));
    }
    for sql in COPY_STAGED.iter() {
        execute(connection, sql, key())?;
    }
    let [realm, import] = key();
    execute(connection, END_IMPORT, [realm, import, number(it.devices), time(it.at)]).map(drop)
}
