#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;
use std::sync::Arc;

use matchbook_protocol::CodeIndex;
use matchbook_rules::{Changes, Write};
use rusqlite::Connection;
use tempfile::TempDir;

use super::Accepts;
use crate::CommitError;
use crate::contract::fixtures::*;
use crate::hot::Hot;
use crate::sqlite::load;
use crate::sqlite::lock::Lock;
use crate::sqlite::writer::Work;
use crate::sqlite::writer::batch::{Answer, write};
use crate::sqlite::writer::fixture::{Opened, opened};

struct Fixture {
    connection: Connection,
    accepts: Accepts,
    hot: Arc<Hot>,
    path: PathBuf,
    _lock: Lock,
    _folder: TempDir,
}

impl Fixture {
    /// A store that remembers device 1 with a set of 40 codes.
    fn remembering() -> Self {
        let Opened { connection, accepts, hot, path, lock, folder } = opened();
        let mut fixture = Self { connection, accepts, hot, path, _lock: lock, _folder: folder };
        let made = fixture.write(vec![
            of(vec![
                Write::PutRealm(Box::new(realm("alpha"))),
                Write::PutSubscriber(Box::new(subscriber("alpha", "ada"))),
                Write::InsertAuthenticator(Box::new(authenticator("alpha", 1, "ada"))),
            ]),
            of(vec![Write::InsertSet(Box::new(set("alpha", 1, 1, 40)))]),
        ]);
        assert_eq!(words(&made), ["ok", "ok"]);
        fixture.load();
        fixture
    }

    fn load(&self) -> Vec<u32> {
        let (lookup, ticket) = (lookup_user("alpha", "ada"), self.hot.ticket());
        let read = load::verify(&self.connection, self.accepts.unfolded(), &lookup).unwrap();
        self.hot.fill(ticket, &lookup, &read);
        read.candidates[0].spent.iter().map(|code| code.0).collect()
    }

    fn write(&mut self, changes: Vec<Changes>) -> Vec<Answer> {
        let work: Vec<Work> = changes.into_iter().map(|changes| Work::Changes(Arc::new(changes))).collect();
        write(&self.path, &self.connection, &mut self.accepts, &work)
    }

    fn in_tables(&self) -> Vec<u32> {
        let mut statement = self.connection.prepare("SELECT code FROM spends ORDER BY code").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}

fn of(writes: Vec<Write>) -> Changes {
    Changes { guards: Vec::new(), writes }
}

fn words(answers: &[Answer]) -> Vec<&'static str> {
    let word = |answer: &Answer| match answer {
        Ok(_) => "ok",
        Err(CommitError::Conflict(_)) => "conflict",
        Err(CommitError::Unavailable(_) | CommitError::ReadOnly(_)) => "unavailable",
        Err(CommitError::InDoubt(_)) => "in doubt",
    };
    answers.iter().map(word).collect()
}

/// The acceptance of a code under another's operation.
fn under(index: u32, operation: u32) -> Changes {
    let (mut changes, other) = (acceptance(index), acceptance(operation));
    changes.writes[0] = other.writes[0].clone();
    let (Write::Spend(spend), Write::Spend(of_other)) = (&mut changes.writes[1], &other.writes[1]) else { panic!() };
    spend.operation = of_other.operation.clone();
    changes
}

#[test]
fn of_those_that_meet_in_one_commit_one_wins() {
    let mut fixture = Fixture::remembering();
    let mut odd = acceptance(6);
    odd.writes.push(Write::Probe);
    let answers = fixture.write(vec![
        // The slow way, before and behind the fast one.
        of(vec![Write::Spend(Box::new(spend("alpha", 1, 3)))]),
        acceptance(3),
        acceptance(3),
        under(4, 3),
        under(3, 9),
        acceptance(5),
        under(5, 5),
        odd,
        acceptance(6),
        acceptance(7),
        // All of the device's entries are folded and forgotten in the commit that appends them.
        of(vec![Write::DeleteSet { realm: realm_id("alpha"), id: id(1), first: CodeIndex(1) }]),
    ]);
    let c = "conflict";
    assert_eq!(words(&answers), [c, "ok", c, c, c, "ok", c, c, "ok", "ok", "ok"]);
    assert!(fixture.load().is_empty());
    let again = of(vec![Write::InsertSet(Box::new(set("alpha", 1, 7, 1)))]);
    let next = of(vec![Write::InsertSet(Box::new(set("alpha", 1, 8, 1)))]);
    assert_eq!(words(&fixture.write(vec![again, acceptance(7), next])), [c, c, "ok"]);
}

#[test]
fn what_a_failed_commit_staged_is_nobodys() {
    let mut fixture = Fixture::remembering();
    assert_eq!(words(&fixture.write(vec![acceptance(1)])), ["ok"]);
    for round in 0..3 {
        fixture.connection.commit_hook(Some(|| true)).unwrap();
        assert_eq!(words(&fixture.write(vec![acceptance(2), acceptance(3 + round)])), ["in doubt"; 2]);
        fixture.connection.commit_hook(None::<fn() -> bool>).unwrap();
        // The next commit looks what became of it.
        assert_eq!(words(&fixture.write(vec![of(vec![Write::Probe])])), ["ok"]);
        let expected: Vec<u32> = std::iter::once(1).chain(3..3 + round).collect();
        assert_eq!((fixture.accepts.unfolded().len(), fixture.load()), (expected.len(), expected));
        // The same again, by the journal: the row has the number that the failed one would have had.
        assert_eq!(words(&fixture.write(vec![acceptance(3 + round)])), ["ok"]);
        assert_eq!(words(&fixture.write(vec![acceptance(3 + round), acceptance(1)])), ["conflict"; 2]);
    }
    assert!(fixture.in_tables().is_empty(), "they went the slow way: this shows nothing");
    assert_eq!(fixture.load(), [1, 3, 4, 5]);
}

/// A commit can fail after its row is there for all to see, for instance when a lock could not be let go.
#[test]
fn what_was_committed_in_doubt_counts() {
    for is_folded in [true, false] {
        let mut fixture = Fixture::remembering();
        let failing = |_: &mut rusqlite::hooks::Wal, _| {
            Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR), None))
        };
        fixture.connection.wal_hook(Some(failing)).unwrap();
        assert_eq!(words(&fixture.write(vec![acceptance(1), acceptance(2)])), ["in doubt"; 2]);
        fixture.connection.wal_hook(None::<fn(&mut rusqlite::hooks::Wal, i32) -> rusqlite::Result<()>>).unwrap();
        // Somebody looks before the next commit, and the journal is folded or not.
        fixture.load();
        if is_folded {
            crate::sqlite::journal::fold::whole(&fixture.connection).unwrap();
        }
        assert_eq!(words(&fixture.write(vec![acceptance(1), under(2, 9)])), ["conflict"; 2]);
        assert_eq!(fixture.load(), [1, 2]);
        assert_eq!(words(&fixture.write(vec![acceptance(3), acceptance(1)])), ["ok", "conflict"]);
    }
}

#[test]
fn without_room_for_the_journal_nothing_is_accepted() {
    let mut fixture = Fixture::remembering();
    let pages: i64 = fixture.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    fixture.connection.pragma_update(None, "max_page_count", pages).unwrap();
    let mut accepted = Vec::new();
    let full = (1..=40).find(|index| match fixture.write(vec![acceptance(*index)])[0] {
        Ok(_) => {
            accepted.push(*index);
            false
        }
        Err(_) => true,
    });
    let full = full.expect("a page holds fewer");
    assert_eq!((fixture.accepts.unfolded().len(), fixture.load()), (accepted.len(), accepted.clone()));
    fixture.connection.pragma_update(None, "max_page_count", pages + 100).unwrap();
    assert_eq!(words(&fixture.write(vec![acceptance(full), acceptance(1)])), ["ok", "conflict"]);
    accepted.push(full);
    assert_eq!(fixture.load(), accepted);
}

/// A table that is damaged keeps the journal from being folded, and nobody from verifying.
#[test]
fn a_journal_that_is_not_folded_grows_no_further_than_its_bound() {
    let mut fixture = Fixture::remembering();
    let sets = (0..12).map(|place| Write::InsertSet(Box::new(set("alpha", 1, 41 + 250 * place, 250))));
    assert_eq!(words(&fixture.write(vec![of(sets.collect())])), ["ok"]);
    fixture.load();
    for first in (1..3_000).step_by(250) {
        let answers = fixture.write((first..first + 250).map(acceptance).collect());
        assert!(answers.iter().all(Result::is_ok));
    }
    let (in_journal, in_tables) = (fixture.accepts.unfolded().len(), fixture.in_tables().len());
    assert_eq!((in_journal, in_tables), (2_048, 3_000 - 2_048));
    assert_eq!(words(&fixture.write(vec![acceptance(1), acceptance(3_000)])), ["conflict"; 2]);
    assert_eq!(fixture.load(), (1..=3_000).collect::<Vec<u32>>());
}
