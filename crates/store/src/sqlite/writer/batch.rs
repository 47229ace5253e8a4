//! One transaction with many changes in it.

use std::path::Path;

use rusqlite::Connection;

use super::super::apply::{Failure, apply};
use super::super::journal::{Unfolded, fold};
use super::super::sentence::{self, Trouble};
use super::Work;
use super::accepts::{Accepts, Plan};
use crate::CommitError;

pub(in crate::sqlite) type Answer = Result<u64, CommitError>;

/// Makes all of the work durable in one commit; an answer for each, in order. What is remembered is told of it.
pub(in crate::sqlite) fn write(
    path: &Path,
    connection: &Connection,
    accepts: &mut Accepts,
    work: &[Work],
) -> Vec<Answer> {
    let mut refused: Vec<Option<CommitError>> = work.iter().map(|_| None).collect();
    let mut undo = Undo::NotNeeded;
    loop {
        match attempt(path, connection, accepts, work, undo, &mut refused) {
            Ok(answers) => {
                accepts.committed(connection, work, &answers);
                return answers;
            }
            // Either one of the work was refused for good, or from now on each can be undone: this ends.
            Err(Failed::Again) => undo = Undo::BySavepoint,
            Err(failed @ (Failed::Unavailable(_) | Failed::InDoubt(_))) => {
                // Whoever asked tells it, once for all that meet the same trouble.
                tracing::debug!(why = %failed.again(), "a commit failed");
                accepts.undo();
                if matches!(failed, Failed::InDoubt(_)) {
                    accepts.in_doubt(work);
                }
                return refused.into_iter().map(|error| Err(error.unwrap_or_else(|| failed.again()))).collect();
            }
        }
    }
}

/// How a change that loses is undone without the others.
#[derive(Clone, Copy)]
enum Undo {
    /// It loses before it has written anything, as nearly all do: by a guard, or by its first write. Savepoints copy
    /// every page that a change touches, which is a quarter of the writer's time.
    NotNeeded,
    /// One had written something before it lost, and the whole transaction is done again.
    BySavepoint,
}

/// What became of a transaction that was not committed.
enum Failed {
    /// One of the work met a damaged page, after which SQLite commits nothing in this transaction, or has to be undone
    /// and cannot be: the rest goes into another one.
    Again,
    /// Nothing was written.
    Unavailable(String),
    /// It may have been written.
    InDoubt(String),
}

impl Failed {
    fn again(&self) -> CommitError {
        match self {
            Self::Again => CommitError::Unavailable(String::new()),
            Self::Unavailable(why) => CommitError::Unavailable(why.clone()),
            Self::InDoubt(why) => CommitError::InDoubt(why.clone()),
        }
    }
}

/// Tries all work that was not refused before.
fn attempt(
    path: &Path,
    connection: &Connection,
    accepts: &mut Accepts,
    work: &[Work],
    undo: Undo,
    refused: &mut [Option<CommitError>],
) -> Result<Vec<Answer>, Failed> {
    let nothing_written = |error: rusqlite::Error| Failed::Unavailable(sentence::of_sqlite(path, &error));
    roll_back(connection).map_err(nothing_written)?;
    run(connection, "BEGIN IMMEDIATE").map_err(nothing_written)?;
    if let Err(error) = accepts.look_out(connection) {
        roll_back(connection).map_err(nothing_written)?;
        return Err(Failed::Unavailable(sentence::of_read(path, error).to_string()));
    }
    let plans = match accepts.write(path, connection, work, refused) {
        Ok(plans) => plans,
        Err(error) => {
            roll_back(connection).map_err(nothing_written)?;
            return Err(nothing_written(error));
        }
    };
    let mut answers = Vec::with_capacity(work.len());
    for ((one, plan), refused) in work.iter().zip(plans).zip(refused.iter_mut()) {
        match plan {
            Plan::Own if refused.is_none() => {}
            Plan::Own | Plan::Written => {
                answers.push(Ok(0));
                continue;
            }
            Plan::Lost(why) => {
                answers.push(Err(CommitError::Conflict(why)));
                continue;
            }
        }
        match do_one(connection, accepts.unfolded(), one, undo) {
            Ok(Err(Failure::Sqlite(error))) if sentence::trouble(&error) == Trouble::Damaged => {
                *refused = Some(answer(path, Failure::Sqlite(error)));
                roll_back(connection).map_err(nothing_written)?;
                return Err(Failed::Again);
            }
            Ok(done) => answers.push(done.map_err(|failure| answer(path, failure))),
            Err(spoiled) => {
                roll_back(connection).map_err(nothing_written)?;
                return Err(match spoiled {
                    Spoiled::HalfDone => Failed::Again,
                    Spoiled::Ended(error) => nothing_written(error),
                });
            }
        }
    }
    commit(path, connection)?;
    for (answer, refused) in answers.iter_mut().zip(refused) {
        if let Some(error) = refused.take() {
            *answer = Err(error);
        }
    }
    Ok(answers)
}

/// Why a transaction cannot go on.
enum Spoiled {
    /// It holds a part of a change that lost.
    HalfDone,
    /// A full disk can end it in the middle; going on would write each of the rest in a transaction of its own.
    Ended(rusqlite::Error),
}

fn do_one(
    connection: &Connection,
    unfolded: &Unfolded,
    work: &Work,
    undo: Undo,
) -> Result<Result<u64, Failure>, Spoiled> {
    if let Work::Changes(changes) = work
        && let Err(failure) = fold::touched(connection, unfolded, changes)
    {
        // What was folded harms nobody, whoever asked for it.
        return match failure {
            Failure::Sqlite(error) if connection.is_autocommit() => Err(Spoiled::Ended(error)),
            failure => Ok(Err(failure)),
        };
    }
    let (before, savepoint) = (connection.total_changes(), matches!(undo, Undo::BySavepoint));
    if savepoint {
        run(connection, "SAVEPOINT one").map_err(Spoiled::Ended)?;
    }
    let done = match work {
        Work::Changes(changes) => apply(connection, changes).map(|()| 0),
        Work::Step(step) => (step.run)(connection),
    };
    match done {
        Ok(rows) => {
            if savepoint {
                run(connection, "RELEASE one").map_err(Spoiled::Ended)?;
            }
            Ok(Ok(rows))
        }
        Err(Failure::Sqlite(error)) if connection.is_autocommit() => Err(Spoiled::Ended(error)),
        Err(failure) if savepoint => {
            run(connection, "ROLLBACK TO one").map_err(Spoiled::Ended)?;
            run(connection, "RELEASE one").map_err(Spoiled::Ended)?;
            Ok(Err(failure))
        }
        Err(_) if connection.total_changes() != before => Err(Spoiled::HalfDone),
        Err(failure) => Ok(Err(failure)),
    }
}

fn commit(path: &Path, connection: &Connection) -> Result<(), Failed> {
    let Err(error) = run(connection, "COMMIT") else { return Ok(()) };
    let in_doubt = |error: &rusqlite::Error| {
        Failed::InDoubt(format!("it is not known whether a commit is durable: {}", sentence::of_sqlite(path, error)))
    };
    roll_back(connection).map_err(|error| in_doubt(&error))?;
    Err(match sentence::trouble(&error) {
        // The commit's mark is the last thing that is written, so without room for all there is no mark.
        Trouble::Full | Trouble::Busy => Failed::Unavailable(sentence::of_sqlite(path, &error)),
        // The mark may be on the disk, when it was the flush that failed.
        Trouble::Unwritable | Trouble::Damaged | Trouble::NotADatabase | Trouble::Disk | Trouble::Other => {
            in_doubt(&error)
        }
    })
}

fn roll_back(connection: &Connection) -> rusqlite::Result<()> {
    if connection.is_autocommit() { Ok(()) } else { run(connection, "ROLLBACK") }
}

fn answer(path: &Path, failure: Failure) -> CommitError {
    match failure {
        Failure::Conflict(why) => CommitError::Conflict(why),
        Failure::Senseless(why) => CommitError::Unavailable(why),
        Failure::Damaged(what) => CommitError::Unavailable(sentence::damaged(path, &what)),
        Failure::Sqlite(error) => CommitError::Unavailable(sentence::of_sqlite(path, &error)),
    }
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests;
