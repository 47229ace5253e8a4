//! A move that is cut off at any step goes on when it is begun again, and at no moment two stores serve.

use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use matchbook_rules::Write;
use matchbook_store::contract::fixtures::{acceptance, commit, id, lookup_user, set, with_device};
use matchbook_store::moving::{Change, CopyError, CopyFate, CopyOptions, Entity, Key, Kind, Movable, Note, Progress};
use matchbook_store::{CommitError, LoadError};

use crate::options;
use crate::place::Place;

/// Lets some writes through on both sides, and then none.
struct Cut<'a> {
    inner: Box<dyn Movable>,
    left: &'a AtomicI64,
    /// Whether the first one that is cut off is made all the same.
    is_made: bool,
}

#[async_trait]
impl Movable for Cut<'_> {
    fn name(&self) -> String {
        self.inner.name()
    }

    async fn export(&self, kind: Kind, after: Option<Key>, limit: u32) -> Result<Vec<Entity>, LoadError> {
        self.inner.export(kind, after, limit).await
    }

    async fn count(&self, kind: Kind) -> Result<u64, LoadError> {
        self.inner.count(kind).await
    }

    async fn note(&self, note: Note) -> Result<Option<Vec<u8>>, LoadError> {
        self.inner.note(note).await
    }

    async fn write(&self, changes: Vec<Change>, entities: Vec<Entity>) -> Result<(), CommitError> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left > 0 || (left == 0 && self.is_made) {
            self.inner.write(changes, entities).await?;
        }
        if left > 0 { Ok(()) } else { Err(CommitError::InDoubt("cut off".to_owned())) }
    }

    async fn hold(&self) -> Result<(), CommitError> {
        self.inner.hold().await
    }
}

/// Begins the move again and again. Each time one write more is made than the time before, or it is cut off before the
/// first. Returns how often it was begun.
async fn step_by_step(from: &Place, to: &Place) -> u32 {
    from.fill().await;
    let before = from.rows().await;
    let mut times = 0;
    let (mut held, mut resumed_at) = (false, 0);
    loop {
        times += 1;
        let is_made = times % 3 != 0;
        let done = {
            // The last step notes once more that the source is gone, however often it did: only then the target is let go.
            let is_over = resumed_at == before.len() as u64;
            let left = AtomicI64::new(i64::from(is_over && times % 2 == 0));
            let source = Cut { inner: from.mover(false).await, left: &left, is_made };
            let target = Cut { inner: to.mover(true).await, left: &left, is_made };
            let mut first = None;
            let mut tell = |progress: Progress| {
                first.get_or_insert(progress.done);
                assert!(progress.done <= progress.all);
            };
            let done = matchbook_store::moving::copy(&source, &target, options(1), &mut tell).await;
            if let Some(first) = first {
                assert!(first >= resumed_at, "it goes on where it was");
                resumed_at = first;
            }
            done
        };
        held |= is_made;
        assert_eq!(from.takes_writes().await, !held, "from the first write on the source is held still");
        match done {
            Ok(report) => {
                assert!(report.was_done, "the last write was made by the time before");
                break;
            }
            Err(CopyError::Commit(CommitError::InDoubt(_))) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(!from.takes_writes().await && to.takes_writes().await);
    assert_eq!(resumed_at, before.len() as u64);
    assert_eq!(from.rows().await, before);
    assert_eq!(to.rows().await, before);
    times
}

#[tokio::test]
async fn a_move_between_files_goes_on_after_every_step() {
    // Six notes and a page for each two rows of a kind.
    assert!(step_by_step(&Place::sqlite(), &Place::sqlite()).await > 24);
}

#[tokio::test]
async fn a_move_to_postgres_goes_on_after_every_step() {
    let Some(to) = Place::postgres().await else { return };
    assert!(step_by_step(&Place::sqlite(), &to).await > 24);
}

#[tokio::test]
async fn a_move_from_postgres_goes_on_after_every_step() {
    let Some(from) = Place::postgres().await else { return };
    assert!(step_by_step(&from, &Place::sqlite()).await > 24);
}

#[tokio::test]
async fn a_target_is_not_served_before_it_is_whole() {
    let mut targets = vec![Place::sqlite()];
    targets.extend(Place::postgres().await);
    for to in targets {
        let from = Place::sqlite();
        from.fill().await;
        // Up to the last write, which lets the target go.
        for writes in 0.. {
            let left = AtomicI64::new(1 + writes % 2);
            let (source, target) = (from.mover(false).await, to.mover(true).await);
            let source = Cut { inner: source, left: &left, is_made: false };
            let target = Cut { inner: target, left: &left, is_made: false };
            let done = matchbook_store::moving::copy(&source, &target, options(1), &mut |_| {}).await;
            drop((source, target));
            if done.is_ok() {
                assert!(writes > 10 && to.takes_writes().await);
                break;
            }
            if writes > 0 {
                let why = to.serve().await.err().unwrap();
                assert!(why.contains("is an unfinished copy of ") && why.contains("store copy"), "{why}");
                let why = to.thaw(CopyFate::NeverServed).await.unwrap_err();
                assert!(why.contains("is an unfinished copy of "), "{why}");
            }
        }
    }
}

/// What a kill leaves in the journal of acceptances is in no table yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_was_killed_is_moved_with_what_it_had_accepted() {
    let (from, to, folder) = (Place::sqlite(), Place::sqlite(), tempfile::tempdir().unwrap());
    let Place::Sqlite(path, _) = &from else { unreachable!() };
    {
        let server = from.serve().await.unwrap();
        with_device(&*server).await;
        let sets = (0..CODES / 250).map(|at| Write::InsertSet(Box::new(set("alpha", 1, at * 250 + 1, 250))));
        commit(&*server, sets.collect()).await.unwrap();
        server.load_verify(&lookup_user("alpha", "ada")).await.unwrap();
        let accepting = (1..=CODES).map(|index| server.commit(acceptance(index)));
        assert!(futures_util::future::join_all(accepting).await.iter().all(Result::is_ok));
        for name in ["store.db", "store.db-wal"] {
            std::fs::copy(path.with_file_name(name), folder.path().join(name)).unwrap();
        }
    }
    let killed = Place::Sqlite(folder.path().join("store.db"), folder);
    let Place::Sqlite(path, _) = &killed else { unreachable!() };
    let journal = "SELECT count(*) FROM journal";
    let rows: i64 = rusqlite::Connection::open(path).unwrap().query_row(journal, [], |row| row.get(0)).unwrap();
    assert_ne!(rows, 0, "the kill has left something");
    let (source, target) = (killed.mover(false).await, to.mover(true).await);
    matchbook_store::moving::copy(&*source, &*target, CopyOptions::new([1; 16], [2; 16]), &mut |_| {}).await.unwrap();
    drop((source, target));
    let moved = to.serve().await.unwrap().load_device(&id(1)).await.unwrap().unwrap();
    assert_eq!(moved.spent.len(), usize::try_from(CODES).unwrap());
}

/// More than are folded while a move begins.
const CODES: u32 = 8_000;
