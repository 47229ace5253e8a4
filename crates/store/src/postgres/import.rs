//! What is there of imports of devices with keys from a factory.

use matchbook_protocol::{AuthenticatorId, UnixMillis};
use matchbook_rules::{Import, ImportId, ImportSnapshot, RealmId, SubscriberId};

use super::apply::select;
use super::pool::Pool;
use super::rows::{Damage, all, each, one as one_row};
use super::session::{Outcome, Query};
use super::{sentence, transaction};
use crate::rows::{Value, blob, import_key, number, text, time};
use crate::{LoadError, MAX_PAGE};

pub(super) async fn snapshot(
    pool: &Pool,
    realm: &RealmId,
    ids: &[AuthenticatorId],
    users: &[SubscriberId],
) -> Result<ImportSnapshot, LoadError> {
    let codes = || Value::List(ids.iter().map(|id| blob(&id.0)).collect());
    let names = Value::List(users.iter().map(|user| text(user.as_str())).collect());
    let of_realm = || text(realm.as_str());
    let queries = [
        Query::new("SELECT authenticator, realm FROM directory WHERE authenticator = ANY ($1)", [codes()]),
        select::<matchbook_rules::Authenticator>(
            "WHERE realm = $1 AND authenticator = ANY ($2)",
            [of_realm(), codes()],
        ),
        select::<matchbook_rules::Subscriber>("WHERE realm = $1 AND subscriber = ANY ($2)", [of_realm(), names]),
    ];
    let found = transaction::read(pool, &queries).await?;
    let [taken, devices, subscribers] = found.as_slice() else {
        return Err(LoadError::Unavailable(format!("{} did not answer all that it was asked", pool.at())));
    };
    let read = || -> Result<ImportSnapshot, Damage> {
        Ok(ImportSnapshot {
            taken: each(&taken.rows, |it| Ok((AuthenticatorId(it.array()?), it.name()?)))?,
            devices: all(&devices.rows)?,
            subscribers: all(&subscribers.rows)?,
        })
    };
    read().map_err(|damage| sentence::of_damage(&pool.at(), &damage))
}

pub(super) async fn one(pool: &Pool, realm: &RealmId, id: &ImportId) -> Result<Option<Import>, LoadError> {
    let query = select::<Import>("WHERE realm = $1 AND import = $2", import_key(realm, id));
    ask(pool, query, |outcome| one_row(&outcome.rows)).await
}

pub(super) async fn stale(pool: &Pool, before: UnixMillis) -> Result<Vec<(RealmId, ImportId)>, LoadError> {
    let sql = "SELECT realm, import FROM imports AS i WHERE at < $1 AND (is_live = 0 \
               OR EXISTS (SELECT 1 FROM staged_authenticators AS s WHERE s.realm = i.realm AND s.import = i.import) \
               OR EXISTS (SELECT 1 FROM staged_subscribers AS s WHERE s.realm = i.realm AND s.import = i.import)) \
               ORDER BY at LIMIT $2";
    let query = Query::new(sql, [time(before), number(MAX_PAGE)]);
    ask(pool, query, |outcome| each(&outcome.rows, |it| Ok((it.name()?, ImportId(it.array()?))))).await
}

async fn ask<T>(
    pool: &Pool,
    query: Query<'_>,
    read: impl FnOnce(&Outcome) -> Result<T, Damage>,
) -> Result<T, LoadError> {
    let outcome = transaction::read(pool, &[query]).await?.into_iter().next().unwrap_or_default();
    read(&outcome).map_err(|damage| sentence::of_damage(&pool.at(), &damage))
}
