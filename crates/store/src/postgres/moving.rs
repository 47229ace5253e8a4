//! A store that is moved from or to: the switch that holds it still while its rows are copied elsewhere, and the rows.

use std::time::Duration;

use async_trait::async_trait;

use super::apply::{Refusal, Step};
use super::connect::Purpose;
use super::gates::{self, WHY_READ_ONLY};
use super::pool::STATEMENT_TIMEOUT;
use super::rows::{Damage, first};
use super::session::{Outcome, Query, Session};
use super::transaction::{read, transact};
use super::{ConnectError, PostgresOptions, PostgresStore, restore, sentence};
use crate::moving::{Change, CopyFate, Entity, Key, Kind, Leaving, Mark, Movable, Note};
use crate::rows::{Value, blob, number, text};
use crate::{CommitError, LoadError};

/// How long counting a table may take: it reads all of it.
const COUNT_PATIENCE: Duration = Duration::from_secs(3_600);

impl PostgresStore {
    /// Lets every node refuse every write from now on, or take them again. When it returns, no write is under way.
    ///
    /// # Errors
    /// As a commit. A switch that is in doubt is switched again.
    pub async fn set_read_only(&self, is_read_only: bool) -> Result<(), CommitError> {
        let switch = if is_read_only {
            let sql = "INSERT INTO meta (name, value) VALUES ('read_only', '') ON CONFLICT DO NOTHING";
            vec![Step::free(Query::new(sql, []))]
        } else {
            thawed()
        };
        transact(&self.pool, &self.tally, &switch, None, STATEMENT_TIMEOUT).await?;
        if is_read_only { self.hold().await } else { Ok(()) }
    }

    /// That the store takes no writes, why, and what to do, as one sentence; `None`: it takes them.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn frozen(&self) -> Result<Option<String>, LoadError> {
        let answer = read(&self.pool, &[Query::new(WHY_READ_ONLY, [])]).await?.into_iter().next().unwrap_or_default();
        let why = gates::read_only(&answer).map_err(|damage| sentence::of_damage(&self.address(), &damage))?;
        Ok(why.map(|why| sentence::moving(&self.address(), &why)))
    }

    /// Connects to a store that is moved from or to, whole or not. Nobody serves it by this connection.
    ///
    /// # Errors
    /// As [`PostgresStore::connect`].
    pub async fn connect_to_move(url: &str, options: PostgresOptions) -> Result<Self, ConnectError> {
        Self::connect_for(url, options, Purpose::Move).await
    }

    /// Lets the store at a URL be written again by all nodes.
    ///
    /// Returns how many devices' codes that made void; `None`: it is not read-only, and nothing was done.
    ///
    /// # Errors
    /// As [`PostgresStore::connect`]; an unfinished copy is refused too, and what [`CopyFate`] says.
    pub async fn thaw(url: &str, options: PostgresOptions, copy: CopyFate) -> Result<Option<u64>, ConnectError> {
        let store = Self::connect_for(url, options, Purpose::Thaw).await?;
        let is_frozen = store.frozen().await.map_err(|error| ConnectError::Unavailable(error.to_string()))?.is_some();
        // Nothing at all: it may be copied elsewhere from the next moment on.
        if !is_frozen {
            return Ok(None);
        }
        let thawed = match copy {
            CopyFate::MayHaveServed(at) => restore::mark(&store.pool, &store.tally, at, thawed()).await,
            CopyFate::Dropped => store.set_read_only(false).await.map(|()| 0),
            CopyFate::NeverServed => {
                let steps: Vec<Step<'_>> = std::iter::once(unless_gone(store.address())).chain(thawed()).collect();
                transact(&store.pool, &store.tally, &steps, None, STATEMENT_TIMEOUT).await.map(|_| 0)
            }
        };
        thawed.map(Some).map_err(|error| ConnectError::Unavailable(error.to_string()))
    }
}

/// Refuses a source whose copy was whole.
fn unless_gone(at: String) -> Step<'static> {
    let sql = "SELECT value FROM meta WHERE name = 'moving' FOR UPDATE";
    Step::checked(Query::new(sql, []), move |outcome| {
        let note = bytes(outcome)?;
        Leaving::objection(note.as_deref(), &at).map_or(Ok(()), |why| Err(Refusal::Senseless(why)))
    })
}

/// With the note of a move: a copy of what the store was before is not to be finished.
fn thawed() -> Vec<Step<'static>> {
    vec![Step::free(Query::new("DELETE FROM meta WHERE name IN ('read_only', 'moving')", [])), gates::open()]
}

/// Refuses a store that must not be served: an unfinished copy, and what was moved elsewhere.
pub(super) async fn check(at: &str, session: &Session, purpose: Purpose) -> Result<(), ConnectError> {
    let sql = "SELECT value FROM meta WHERE name = $1";
    let queries = [Note::Copy, Note::Moving, Note::ReadOnly].map(|note| Query::new(sql, [text(note.name())]));
    let answers = session.ask(None, &queries, None).await.map_err(|error| ConnectError::of(at, &error))?;
    let value = |place: usize| match answers.get(place) {
        Some(answer) => bytes(answer).map_err(|damage| ConnectError::Damaged(sentence::damaged(at, &damage.0))),
        None => Ok(None),
    };
    let (copy, moving, read_only) = (value(0)?, value(1)?, value(2)?);
    match purpose {
        Purpose::Move => Ok(()),
        Purpose::Serve | Purpose::Thaw if copy.is_some() => {
            Err(ConnectError::Moved(Mark::refusal(&copy.unwrap_or_default(), at)))
        }
        Purpose::Thaw => Ok(()),
        Purpose::Serve => match moving.and_then(|bytes| Leaving::of_bytes(&bytes)) {
            Some(Leaving { is_gone: true, name, .. }) => Err(ConnectError::Moved(format!(
                "{at} was moved to {name}: serve that one, or let this one be written again with `matchbook store thaw`"
            ))),
            Some(_) | None => {
                // Reads can be served all the same, and writes once it is thawed.
                if let Some(why) = read_only {
                    tracing::warn!("{}", sentence::moving(at, &String::from_utf8_lossy(&why)));
                }
                Ok(())
            }
        },
    }
}

#[async_trait]
impl Movable for PostgresStore {
    fn name(&self) -> String {
        self.address()
    }

    async fn export(&self, kind: Kind, after: Option<Key>, limit: u32) -> Result<Vec<Entity>, LoadError> {
        let shape = kind.shape();
        let key = shape.key().join(", ");
        let mut values: Vec<Value<'_>> = after.as_ref().map(Key::values).unwrap_or_default().to_vec();
        let places: Vec<String> = (1..=values.len()).map(|place| format!("${place}")).collect();
        let behind = if places.is_empty() { String::new() } else { format!("WHERE ({key}) > ({})", places.join(", ")) };
        values.push(number(limit));
        let sql = format!("{} FROM {} {behind} ORDER BY {key} LIMIT ${}", shape.select, shape.table, values.len());
        let answers = read(&self.pool, &[Query::new(sql, values)]).await?;
        let rows = answers.into_iter().next().unwrap_or_default().rows;
        let damaged = |what| sentence::of_damage(&self.address(), &Damage(what));
        rows.iter().map(|row| kind.read(row).map_err(damaged)).collect()
    }

    async fn count(&self, kind: Kind) -> Result<u64, LoadError> {
        let patience = format!("SET LOCAL statement_timeout = {}", COUNT_PATIENCE.as_millis());
        let sql = ["SELECT count(*) FROM ", kind.shape().table].concat();
        // Of the whole of a table, the table itself is the quickest way.
        let steps =
            [patience, "SET LOCAL enable_seqscan = on".to_owned(), sql].map(|sql| Step::free(Query::new(sql, [])));
        let answers = transact(&self.pool, &self.tally, &steps, None, COUNT_PATIENCE).await;
        let answers = answers.map_err(|error| LoadError::Unavailable(error.to_string()))?;
        let counted = answers.last().map(|answer| first(&answer.rows, |it| it.number())).transpose();
        let counted = counted.map_err(|damage| sentence::of_damage(&self.address(), &damage))?;
        Ok(counted.flatten().unwrap_or(0))
    }

    async fn note(&self, note: Note) -> Result<Option<Vec<u8>>, LoadError> {
        let query = Query::new("SELECT value FROM meta WHERE name = $1", [text(note.name())]);
        let answer = read(&self.pool, &[query]).await?.into_iter().next().unwrap_or_default();
        bytes(&answer).map_err(|damage| sentence::of_damage(&self.address(), &damage))
    }

    async fn write(&self, changes: Vec<Change>, entities: Vec<Entity>) -> Result<(), CommitError> {
        let mut steps: Vec<Step<'_>> = changes.iter().map(noted).collect();
        if changes.iter().any(|change| change.note == Note::ReadOnly && change.becomes.is_none()) {
            steps.push(gates::open());
        }
        for of_kind in entities.chunk_by(|one, other| one.kind() == other.kind()) {
            steps.extend(inserted(of_kind));
        }
        transact(&self.pool, &self.tally, &steps, None, STATEMENT_TIMEOUT).await.map(drop)
    }

    async fn hold(&self) -> Result<(), CommitError> {
        transact(&self.pool, &self.tally, &gates::shut(), None, STATEMENT_TIMEOUT).await.map(drop)
    }
}

fn bytes(answer: &Outcome) -> Result<Option<Vec<u8>>, Damage> {
    first(&answer.rows, |it| it.blob().map(<[u8]>::to_vec))
}

fn noted(change: &Change) -> Step<'_> {
    let name = || text(change.note.name());
    let (query, changed) = match (&change.was, &change.becomes) {
        (None, None) => (Query::new("SELECT 1 FROM meta WHERE name = $1", [name()]), 0),
        (None, Some(new)) => {
            let sql = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            (Query::new(sql, [name(), blob(new)]), 1)
        }
        (Some(old), None) => (Query::new("DELETE FROM meta WHERE name = $1 AND value = $2", [name(), blob(old)]), 1),
        (Some(old), Some(new)) => {
            let sql = "UPDATE meta SET value = $3 WHERE name = $1 AND value = $2";
            (Query::new(sql, [name(), blob(old), blob(new)]), 1)
        }
    };
    let meanwhile = || Refusal::Conflict(format!("what is noted of `{}` was changed meanwhile", change.note.name()));
    Step::checked(query, move |outcome| if outcome.changed == changed { Ok(()) } else { Err(meanwhile()) })
}

/// Inserts rows of one kind at once, column by column.
fn inserted(entities: &[Entity]) -> Vec<Step<'_>> {
    let Some(kind) = entities.first().map(Entity::kind) else { return Vec::new() };
    let shape = kind.shape();
    let types: Vec<char> = shape.types().collect();
    let mut columns: Vec<Vec<Value<'_>>> = types.iter().map(|_| Vec::with_capacity(entities.len())).collect();
    for entity in entities {
        for (column, value) in columns.iter_mut().zip(entity.values()) {
            column.push(value);
        }
    }
    let mut steps = Vec::with_capacity(2);
    if let (Kind::Authenticator, [realms, ids, ..]) = (kind, columns.as_slice()) {
        let into = "INSERT INTO directory (authenticator, realm)";
        steps.push(all_of(kind, unnested(into, &['b', 't']), vec![ids.clone(), realms.clone()]));
    }
    let into = shape.insert.split_once(" VALUES ").map_or(shape.insert, |(into, _)| into);
    steps.push(all_of(kind, unnested(into, &types), columns));
    steps
}

fn unnested(into: &str, types: &[char]) -> String {
    let list = |(place, letter): (usize, &char)| {
        let of = match letter {
            't' => "text",
            'b' => "bytea",
            _ => "bigint",
        };
        format!("${place}::{of}[]")
    };
    let lists: Vec<String> = (1..).zip(types).map(list).collect();
    format!("{into} SELECT * FROM unnest({}) ON CONFLICT DO NOTHING", lists.join(", "))
}

/// All rows have to go in.
fn all_of(kind: Kind, sql: String, columns: Vec<Vec<Value<'_>>>) -> Step<'_> {
    let rows = u64::try_from(columns.first().map_or(0, Vec::len)).unwrap_or(u64::MAX);
    let lists: Vec<Value<'_>> = columns.into_iter().map(Value::List).collect();
    Step::checked(Query::new(sql, lists), move |outcome| {
        let there = || Refusal::Conflict(format!("a row of {} is there already", kind.shape().table));
        if outcome.changed == rows { Ok(()) } else { Err(there()) }
    })
}
