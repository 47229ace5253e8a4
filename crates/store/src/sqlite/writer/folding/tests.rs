#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use matchbook_protocol::CodeIndex;
use matchbook_rules::{Changes, Write};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{Folding, IDLE, REST};
use crate::CommitError;
use crate::contract::fixtures::*;
use crate::hot::Hot;
use crate::sqlite::journal::fold;
use crate::sqlite::load;
use crate::sqlite::lock::Lock;
use crate::sqlite::writer::batch::write;
use crate::sqlite::writer::fixture::{Opened, opened};
use crate::sqlite::writer::{Accepts, Own, Work};

/// Codes of the one device.
const CODES: u8 = 200;
/// Far more than the other thread takes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Fixture {
    connection: Connection,
    accepts: Accepts,
    hot: Arc<Hot>,
    path: PathBuf,
    _lock: Lock,
    _folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let Opened { connection, accepts, hot, path, lock, folder } = opened();
        connection.execute_batch("PRAGMA synchronous = OFF").unwrap();
        let mut fixture = Self { connection, accepts, hot, path, _lock: lock, _folder: folder };
        fixture
            .write(Changes {
                guards: Vec::new(),
                writes: vec![
                    Write::PutRealm(Box::new(realm("alpha"))),
                    Write::PutSubscriber(Box::new(subscriber("alpha", "ada"))),
                    Write::InsertAuthenticator(Box::new(authenticator("alpha", 1, "ada"))),
                    Write::InsertSet(Box::new(set("alpha", 1, 1, CODES))),
                ],
            })
            .unwrap();
        fixture.spent();
        fixture
    }

    fn write(&mut self, changes: Changes) -> Result<u64, CommitError> {
        let Self { path, connection, accepts, .. } = self;
        write(path, connection, accepts, &[Work::Changes(Arc::new(changes))]).pop().unwrap()
    }

    /// What a verify would know of the device; it is remembered from then on.
    fn spent(&self) -> Vec<CodeIndex> {
        let (lookup, ticket) = (lookup_user("alpha", "ada"), self.hot.ticket());
        let read = load::verify(&self.connection, self.accepts.unfolded(), &lookup).unwrap();
        self.hot.fill(ticket, &lookup, &read);
        read.candidates[0].spent.clone()
    }

    fn own(&mut self) -> Own<'_> {
        let Self { path, connection, accepts, .. } = self;
        Own { path, connection, accepts }
    }

    /// Accepts codes, each followed by its part of the fold; each is spent from then on, wherever it lies.
    fn accept(&mut self, folding: &mut Folding, codes: std::ops::RangeInclusive<u32>, bound: usize) {
        for code in codes {
            self.write(acceptance(code)).unwrap();
            folding.beside(&mut self.own(), 1, bound);
            let spent = self.spent();
            let expected: Vec<_> = (1..=code).map(CodeIndex).collect();
            assert_eq!(spent, expected, "after code {code}");
        }
    }

    /// None of the codes can be spent again.
    fn refuse(&mut self, codes: std::ops::RangeInclusive<u32>) {
        for code in codes {
            assert!(matches!(self.write(acceptance(code)), Err(CommitError::Conflict(_))), "{code}");
        }
    }

    fn in_tables(&self) -> [u32; 3] {
        ["spends", "operations", "audit"].map(|table| {
            self.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
        })
    }
}

/// One that folds in steps of a few rows, so that many of them lie between commits.
fn in_small_steps() -> Folding {
    Folding { few: 4, beside: 2, ..Folding::default() }
}

#[test]
fn a_pass_beside_commits_keeps_the_journal_short_and_each_code_spent() {
    const BOUND: usize = 20;
    let (mut fixture, mut folding, mut most) = (Fixture::new(), in_small_steps(), 0);
    let mut code = 0;
    while code < u32::from(CODES) {
        code += 1;
        fixture.accept(&mut folding, code..=code, BOUND);
        most = most.max(fixture.accepts.unfolded().len());
        // The thread that reads a pass is not to be outrun here, which would say nothing.
        let end = Instant::now() + PATIENCE;
        while folding.reading.is_some() {
            folding.begin(&mut fixture.own());
            assert!(Instant::now() < end, "the pass is read");
            std::thread::yield_now();
        }
    }
    assert!(most > BOUND && most <= 2 * BOUND, "{most} entries at the most");
    assert!(fixture.in_tables().iter().all(|rows| *rows > u32::from(CODES) - 2 * 20), "{:?}", fixture.in_tables());
    fixture.refuse(1..=u32::from(CODES));
}

#[test]
fn when_nobody_waits_all_is_folded() {
    let (mut fixture, mut folding) = (Fixture::new(), in_small_steps());
    fixture.accept(&mut folding, 1..=50, usize::MAX);
    assert_eq!(fixture.in_tables(), [0; 3], "nothing is folded below the bound");
    let end = Instant::now() + PATIENCE;
    while fixture.accepts.unfolded().len() > 0 {
        let pause = folding.alone(&mut fixture.own());
        assert!([Duration::ZERO, IDLE].contains(&pause), "{pause:?}");
        assert!(Instant::now() < end, "it is folded");
    }
    assert_eq!(fixture.in_tables(), [50; 3]);
    assert_eq!(folding.alone(&mut fixture.own()), REST, "there is no more");
    fixture.accept(&mut folding, 51..=60, usize::MAX);
    fixture.refuse(1..=60);
}

#[test]
fn a_pass_whose_rows_others_have_folded_is_dropped() {
    let (mut fixture, mut folding) = (Fixture::new(), in_small_steps());
    fixture.accept(&mut folding, 1..=30, usize::MAX);
    let end = Instant::now() + PATIENCE;
    while folding.pass.is_none() {
        folding.begin(&mut fixture.own());
        assert!(Instant::now() < end, "the pass is read");
    }
    fixture.own().write(|connection| fold::oldest(connection, usize::MAX)).unwrap();
    assert_eq!((fixture.accepts.unfolded().len(), fixture.in_tables()), (0, [30; 3]));
    folding.beside(&mut fixture.own(), 1, usize::MAX);
    assert!(folding.pass.is_none(), "its memory is free again");
    fixture.accept(&mut folding, 31..=40, usize::MAX);
    assert_eq!(fixture.spent().len(), 40);
}

#[test]
fn a_store_that_closes_folds_all_and_leaves_a_damaged_row_where_it_is() {
    let (mut fixture, mut folding) = (Fixture::new(), in_small_steps());
    fixture.accept(&mut folding, 1..=50, usize::MAX);
    folding.whole(&mut fixture.own());
    assert_eq!((fixture.accepts.unfolded().len(), fixture.in_tables()), (0, [50; 3]));

    fixture.accept(&mut folding, 51..=60, usize::MAX);
    let damage = "UPDATE journal SET entries = x'01ff' WHERE batch = (SELECT max(batch) FROM journal)";
    fixture.connection.execute(damage, []).unwrap();
    folding.whole(&mut fixture.own());
    assert_eq!((fixture.accepts.unfolded().len(), fixture.in_tables()), (10, [50; 3]));
    let end = Instant::now() + PATIENCE;
    while folding.alone(&mut fixture.own()) != REST {
        assert!(Instant::now() < end, "it is left alone for a while");
    }
    assert_eq!(fixture.accepts.unfolded().len(), 10, "and nothing is lost");
}
