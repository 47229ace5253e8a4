//! Whether what the database answers is durable: looked at before a server starts on it, and the settings with each new
//! connection, because a host may have become another one.

use super::session::{Query, Session};
use super::{ConnectError, sentence};

/// What a connection promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// A commit that is answered is on the disk.
    Promised,
    /// The operator takes what the server is set to.
    AsTheServerIs,
}

/// Standbys that stream, but those that only archive or feed other systems.
const STANDBYS: &str = "SELECT count(*), count(sync_state), \
     count(CASE WHEN sync_state IN ('sync', 'quorum') THEN 1 END), \
     current_setting('synchronous_standby_names') \
     FROM pg_stat_replication AS sender WHERE coalesce(state, 'streaming') IN ('streaming', 'catchup') \
     AND coalesce(application_name, '') NOT IN ('pg_receivewal', 'pg_basebackup') \
     AND NOT EXISTS (SELECT 1 FROM pg_replication_slots AS slot \
         WHERE slot.active_pid = sender.pid AND slot.slot_type = 'logical')";

const SETTINGS: &str = "SELECT current_setting('fsync'), current_setting('full_page_writes'), \
     current_setting('synchronous_commit'), pg_is_in_recovery(), \
     current_setting('server_encoding')";

/// Refuses a server that loses commits when its power fails, one that is a standby, and a database that cannot hold
/// every name.
pub(super) async fn settings(at: &str, session: &Session, durability: Durability) -> Result<(), ConnectError> {
    let rows = ask(at, session, SETTINGS).await?;
    let setting = |place: usize| rows.first().and_then(|row| row.try_get::<_, String>(place).ok()).unwrap_or_default();
    if rows.first().and_then(|row| row.try_get::<_, bool>(3).ok()) != Some(false) {
        return Err(ConnectError::Unavailable(format!(
            "{at} is a standby: let the URL name the primary, or all hosts that may be it"
        )));
    }
    let encoding = setting(4);
    if !["UTF8", "UTF-8"].contains(&encoding.to_ascii_uppercase().as_str()) {
        return Err(ConnectError::Unavailable(format!(
            "{at} cannot hold every name (its encoding is {}): make the database with ENCODING 'UTF8' TEMPLATE template0",
            sentence::escaped(&encoding)
        )));
    }
    if durability == Durability::AsTheServerIs {
        return Ok(());
    }
    for (place, name) in [(0, "fsync"), (1, "full_page_writes")] {
        if setting(place) != "on" {
            return Err(ConnectError::Unsafe(format!(
                "{at} loses confirmed commits, and so spends codes twice, when its power fails ({name} is {}): set \
                 {name} = on in postgresql.conf, or allow the loss",
                setting(place)
            )));
        }
    }
    let commit = setting(2);
    if commit != "on" && commit != "remote_apply" {
        return Err(ConnectError::Unsafe(format!(
            "{at} confirms commits before they are durable (synchronous_commit is {commit}): set it to on, in \
             postgresql.conf and for this user and database, or allow the loss"
        )));
    }
    Ok(())
}

/// Refuses a server whose standby would miss commits that were confirmed.
pub(super) async fn standbys(at: &str, session: &Session) -> Result<(), ConnectError> {
    let rows = ask(at, session, STANDBYS).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    let count = |place: usize| row.try_get::<_, i64>(place).unwrap_or(0);
    let (streaming, told, synchronous) = (count(0), count(1), count(2));
    let names: String = row.try_get(3).unwrap_or_default();
    if names.is_empty() && streaming > 0 {
        let unless = if told > 0 { "" } else { "; a base backup under way looks like one to who lacks pg_monitor" };
        return Err(ConnectError::Unsafe(format!(
            "{at} has a standby that is not synchronous, and a failover to it spends codes twice: name it in \
             synchronous_standby_names, or allow the loss{unless}"
        )));
    }
    // Without the right to see it, the names alone say that a commit waits for a standby.
    if !names.is_empty() && synchronous == 0 && (told > 0 || streaming == 0) {
        return Err(ConnectError::Unsafe(format!(
            "{at} waits for a synchronous standby that is not there (synchronous_standby_names is {}): start the \
             standby, or take its name out",
            sentence::escaped(&names)
        )));
    }
    Ok(())
}

async fn ask(at: &str, session: &Session, sql: &str) -> Result<Vec<tokio_postgres::Row>, ConnectError> {
    let outcomes = session.ask(None, &[Query::new(sql, [])], None).await;
    let outcomes = outcomes.map_err(|error| ConnectError::of(at, &error))?;
    Ok(outcomes.into_iter().next().unwrap_or_default().rows)
}
