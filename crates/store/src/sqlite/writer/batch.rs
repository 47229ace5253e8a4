//! One transaction with many changes in it.

use std::path::Path;

use rusqlite::Connection;

use super::super::apply::{Failure, apply};
use super::super::sentence::{self, Trouble};
use super::Work;
use crate::CommitError;

type Answer = Result<u64, CommitError>;

/// Makes all of the work durable in one commit; an answer for each, in order.
pub(super) fn write(path: &Path, connection: &Connection, work: Vec<Work>) -> Vec<Answer> {
    let count = work.len();
    match write_all(path, connection, work) {
        Ok(answers) => answers,
        Err(failed) => {
            tracing::error!(why = %failed, "a commit failed");
            (0..count).map(|_| Err(failed.again())).collect()
        }
    }
}

/// The error of all the work in a failed commit.
enum Failed {
    Unavailable(String),
    InDoubt(String),
}

impl Failed {
    fn again(&self) -> CommitError {
        match self {
            Self::Unavailable(why) => CommitError::Unavailable(why.clone()),
            Self::InDoubt(why) => CommitError::InDoubt(why.clone()),
        }
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unavailable(why) | Self::InDoubt(why) => f.write_str(why),
        }
    }
}

fn write_all(path: &Path, connection: &Connection, work: Vec<Work>) -> Result<Vec<Answer>, Failed> {
    let nothing_written = |error: rusqlite::Error| Failed::Unavailable(sentence::of_sqlite(path, &error));
    // Left open only when a rollback failed.
    if !connection.is_autocommit() {
        run(connection, "ROLLBACK").map_err(nothing_written)?;
    }
    run(connection, "BEGIN IMMEDIATE").map_err(nothing_written)?;
    let mut answers = Vec::with_capacity(work.len());
    for one in work {
        match in_savepoint(connection, one) {
            Ok(done) => answers.push(done.map_err(|failure| answer(path, failure))),
            Err(spoiled) => {
                if !connection.is_autocommit() {
                    run(connection, "ROLLBACK").map_err(nothing_written)?;
                }
                return Err(nothing_written(spoiled));
            }
        }
    }
    match run(connection, "COMMIT") {
        Ok(()) => Ok(answers),
        Err(error) => {
            if !connection.is_autocommit() {
                run(connection, "ROLLBACK").map_err(|error| in_doubt(path, &error))?;
            }
            Err(match sentence::trouble(&error) {
                // The commit's mark is the last thing that is written, so without room for all there is no mark.
                Trouble::Full | Trouble::Busy => nothing_written(error),
                // The mark may be on the disk, when it was the flush that failed.
                Trouble::Unwritable | Trouble::Damaged | Trouble::NotADatabase | Trouble::Disk | Trouble::Other => {
                    in_doubt(path, &error)
                }
            })
        }
    }
}

fn in_doubt(path: &Path, error: &rusqlite::Error) -> Failed {
    Failed::InDoubt(format!("it is not known whether a commit is durable: {}", sentence::of_sqlite(path, error)))
}

/// The outer error says that the whole transaction is spoiled: a full disk can end it in the middle, and going on would
/// write each of the rest in a transaction of its own.
fn in_savepoint(connection: &Connection, work: Work) -> rusqlite::Result<Result<u64, Failure>> {
    run(connection, "SAVEPOINT one")?;
    let done = match work {
        Work::Changes(changes) => apply(connection, &changes).map(|()| 0),
        Work::Step(step) => step(connection),
    };
    match done {
        Err(Failure::Sqlite(error)) if connection.is_autocommit() => return Err(error),
        Err(_) => run(connection, "ROLLBACK TO one")?,
        Ok(_) => {}
    }
    run(connection, "RELEASE one")?;
    Ok(done)
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
