//! The steps from one layout to the next, and a checksum of each in the database, so that a step that was changed after
//! it ran is found. One process at a time takes them: the one that has the lease, which is a row.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};
use tokio_postgres::error::SqlState;

use super::pool::Connector;
use super::rows::each;
use super::session::{Query, Session};
use super::{ConnectError, now, sentence};
use crate::NodeId;
use crate::moving::Note;
use crate::rows::{blob, number, owned_blob, text};

/// One step.
pub(super) struct Migration {
    /// Counts from 1, without gaps.
    pub(super) number: u32,
    /// The file's name without number and ending.
    pub(super) name: &'static str,
    /// What it does.
    pub(super) sql: &'static str,
}

/// All steps, in order. A file of `migrations/postgres/` that was in a release is never changed.
pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "initial", sql: include_str!("../../migrations/postgres/001_initial.sql") },
    Migration { number: 2, name: "gates", sql: include_str!("../../migrations/postgres/002_gates.sql") },
    Migration { number: 3, name: "imports", sql: include_str!("../../migrations/postgres/003_imports.sql") },
];

/// How long the lease is held beyond each step. While a step runs, its transaction has the row locked.
const HOLD_MS: u32 = 30_000;
/// How long a process waits for another one that takes the steps.
const WAIT: Duration = Duration::from_secs(600);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(250);

const CREATE_LEASE: &str = "CREATE TABLE IF NOT EXISTS migration_lease (
    name TEXT COLLATE \"C\" PRIMARY KEY,
    node BYTEA NOT NULL,
    held_until BIGINT NOT NULL
)";

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number INTEGER PRIMARY KEY,
    name TEXT COLLATE \"C\" NOT NULL,
    sha256 BYTEA NOT NULL,
    applied_at BIGINT NOT NULL
)";

/// Refuses a layout that is not the one of this release.
pub(super) async fn check(connector: &Connector, session: &Session, steps: &[Migration]) -> Result<(), ConnectError> {
    let at = connector.at();
    let applied = applied(&at, session).await?;
    compare(&at, steps, &applied)?;
    if applied.is_empty() {
        return Err(ConnectError::Missing(format!("there is no store at {at} yet: make it with `matchbook init`")));
    }
    if applied.len() < steps.len() {
        return Err(ConnectError::Schema(format!(
            "{at} has layout {}, and this release wants {}: stop all servers of older releases, then run `matchbook \
             migrate`",
            applied.len(),
            steps.len()
        )));
    }
    Ok(())
}

/// Takes the steps that the database lacks, each in a transaction. Returns how many they were. `mark` is what a database
/// that is made here notes as [`Note::Copy`] from its first moment on.
pub(super) async fn migrate(
    connector: &Connector,
    session: &Session,
    node: NodeId,
    steps: &[Migration],
    mark: Option<&[u8]>,
) -> Result<u32, ConnectError> {
    let at = connector.at();
    refuse_foreign(&at, session).await?;
    let failed = |error| ConnectError::of(&at, &error);
    // It waits for as long as it takes to write a large table anew.
    session.run("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0").await.map_err(failed)?;
    create(&at, session, CREATE_LEASE).await?;
    create(&at, session, CREATE_TABLE).await?;
    let began = Instant::now();
    loop {
        let applied = applied(&at, session).await?;
        compare(&at, steps, &applied)?;
        if applied.len() >= steps.len() {
            return Ok(0);
        }
        if take(&at, session, node).await? {
            break;
        }
        if began.elapsed() > WAIT {
            return Err(ConnectError::Unavailable(format!(
                "another process brings the layout of {at} up to date, and does not come to an end: look at it"
            )));
        }
        sleep(LOOK).await;
    }
    // Who had the lease before may have taken some.
    let had = applied(&at, session).await?.len();
    let mut taken: u32 = 0;
    for step in steps.iter().skip(had) {
        take_step(&at, session, node, step, mark.filter(|_| step.number == 1)).await?;
        taken = taken.saturating_add(1);
    }
    let sql = "DELETE FROM migration_lease WHERE name = 'migrations' AND node = $1";
    session.ask(None, &[Query::new(sql, [blob(&node.0)])], None).await.map_err(failed)?;
    Ok(taken)
}

/// All tables, also those that we have no right to look into.
const TABLES: &str = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1";

/// Refuses a database that has tables, and no layout of ours: they are somebody else's.
async fn refuse_foreign(at: &str, session: &Session) -> Result<(), ConnectError> {
    if !applied(at, session).await?.is_empty() {
        return Ok(());
    }
    let mut tables = names(at, session, TABLES).await?;
    let has_ours = has_our_list(at, session).await?;
    tables.retain(|table| table != "migration_lease" && !(has_ours && table == "migrations"));
    let Some(table) = tables.first() else { return Ok(()) };
    // Another process may have taken the first step since.
    if !applied(at, session).await?.is_empty() {
        return Ok(());
    }
    Err(ConnectError::Foreign(format!(
        "{at} holds tables that are not Matchbook's ({}, {} in all): give it a database of its own",
        sentence::escaped(table),
        tables.len()
    )))
}

/// Two that make the same table at once can fail at it, and the next time it is there.
async fn create(at: &str, session: &Session, sql: &str) -> Result<(), ConnectError> {
    const TRIES: u32 = 5;
    let mut tries = 0;
    loop {
        tries += 1;
        let Err(error) = session.run(sql).await else { return Ok(()) };
        let is_race = error.code().is_some_and(|code| {
            [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT].contains(code)
        });
        if !is_race || tries >= TRIES {
            return Err(ConnectError::of(at, &error));
        }
    }
}

async fn take(at: &str, session: &Session, node: NodeId) -> Result<bool, ConnectError> {
    let sql = concat!(
        "INSERT INTO migration_lease (name, node, held_until) VALUES ('migrations', $1, ",
        now!(),
        " + $2) ON CONFLICT (name) DO UPDATE SET node = excluded.node, held_until = excluded.held_until \
         WHERE migration_lease.node = excluded.node OR migration_lease.held_until <= ",
        now!()
    );
    let taken = session.ask(None, &[Query::new(sql, [blob(&node.0), number(HOLD_MS)])], None).await;
    match taken {
        Ok(outcomes) => Ok(outcomes.first().is_some_and(|outcome| outcome.changed == 1)),
        // Who has it is in the middle of a step.
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Ok(false),
        Err(error) => Err(ConnectError::of(at, &error)),
    }
}

async fn take_step(
    at: &str,
    session: &Session,
    node: NodeId,
    step: &Migration,
    mark: Option<&[u8]>,
) -> Result<(), ConnectError> {
    let failed = |error| ConnectError::of(at, &error);
    // The row stays locked until the commit, so that nobody takes the lease over in the middle.
    let renew =
        concat!("UPDATE migration_lease SET held_until = ", now!(), " + $2 WHERE name = 'migrations' AND node = $1");
    let renew = Query::new(renew, [blob(&node.0), number(HOLD_MS)]);
    let renewed = session.ask(Some("BEGIN"), &[renew], None).await.map_err(failed)?;
    if renewed.first().is_none_or(|outcome| outcome.changed != 1) {
        session.run("ROLLBACK").await.map_err(failed)?;
        return Err(ConnectError::Unavailable(format!(
            "another process began to bring the layout of {at} up to date: let it finish, then start again"
        )));
    }
    session.run(step.sql).await.map_err(failed)?;
    let sql = concat!("INSERT INTO migrations (number, name, sha256, applied_at) VALUES ($1, $2, $3, ", now!(), ")");
    let values = [number(step.number), text(step.name), owned_blob(checksum(step).to_vec())];
    let mut noted = vec![Query::new(sql, values)];
    if let Some(mark) = mark {
        let sql = "INSERT INTO meta (name, value) VALUES ($1, $2)";
        noted.push(Query::new(sql, [text(Note::Copy.name()), blob(mark)]));
    }
    session.ask(None, &noted, None).await.map_err(failed)?;
    let before = session.remarks();
    session.run("COMMIT").await.map_err(failed)?;
    if session.remarks() != before {
        return Err(ConnectError::Unavailable(format!(
            "it is not known whether step {} of the layout of {at} is durable ({}): start again",
            step.number,
            session.last_remark()
        )));
    }
    tracing::info!(step = step.number, name = step.name, "the layout is a step further");
    Ok(())
}

/// The SHA-256 of a step's text.
pub(super) fn checksum(step: &Migration) -> [u8; 32] {
    Sha256::digest(step.sql).into()
}

struct Applied {
    number: u32,
    sha256: [u8; 32],
}

async fn applied(at: &str, session: &Session) -> Result<Vec<Applied>, ConnectError> {
    let failed = |error| ConnectError::of(at, &error);
    let damaged = |damage: super::rows::Damage| ConnectError::Damaged(sentence::damaged(at, &damage.0));
    if !has_our_list(at, session).await? {
        return Ok(Vec::new());
    }
    let sql = "SELECT number, sha256 FROM migrations ORDER BY number";
    let found = session.ask(None, &[Query::new(sql, [])], None).await.map_err(failed)?;
    let rows = found.first().map(|outcome| outcome.rows.as_slice()).unwrap_or_default();
    each(rows, |it| Ok(Applied { number: it.number()?, sha256: it.array()? })).map_err(damaged)
}

/// Whether there is a list of steps, and it is ours: other programs have a table of that name too.
async fn has_our_list(at: &str, session: &Session) -> Result<bool, ConnectError> {
    let sql = "SELECT column_name::text FROM information_schema.columns \
               WHERE table_schema = current_schema() AND table_name = 'migrations'";
    let mut columns = names(at, session, sql).await?;
    columns.sort();
    Ok(columns == ["applied_at", "name", "number", "sha256"])
}

async fn names(at: &str, session: &Session, sql: &str) -> Result<Vec<String>, ConnectError> {
    let found = session.ask(None, &[Query::new(sql, [])], None).await;
    let found = found.map_err(|error| ConnectError::of(at, &error))?;
    let rows = found.first().map(|outcome| outcome.rows.as_slice()).unwrap_or_default();
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
}

fn compare(at: &str, steps: &[Migration], applied: &[Applied]) -> Result<(), ConnectError> {
    for (place, had) in applied.iter().enumerate() {
        let Some(step) = steps.get(place) else {
            return Err(ConnectError::Schema(format!(
                "{at} was made by a newer release (layout {}, this one knows {}): run that release, or put a backup \
                 from before it back",
                had.number,
                steps.len()
            )));
        };
        if had.number != step.number {
            let what = format!("step {} of the layout is missing", step.number);
            return Err(ConnectError::Damaged(sentence::damaged(at, &what)));
        }
        if had.sha256 != checksum(step) {
            return Err(ConnectError::Schema(format!(
                "step {} ({}) of the layout of {at} is not the one of this release: run the release that made the \
                 store, and report this",
                step.number, step.name
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
