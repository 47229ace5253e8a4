//! Moves that must not be.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use matchbook_rules::Write;
use matchbook_store::contract::fixtures::{commit, spend_one, token};
use matchbook_store::moving::{Change, CopyError, CopyFate, Entity, Key, Kind, Movable, Note, Progress, check_source};
use matchbook_store::sqlite::{Side, SqliteMover, freeze};
use matchbook_store::{CommitError, LoadError, OpenError, OpenOptions, SqliteStore};

use crate::place::{Place, sqlite_options};
use crate::{copy, copy_as, options};

fn refused(result: Result<matchbook_store::moving::Report, CopyError>, sentence: &str) {
    match result {
        Err(CopyError::Refused(why)) => assert!(why.contains(sentence), "{why}"),
        other => panic!("{other:?}"),
    }
}

/// Stops after so many writes to the target.
struct Short {
    inner: Box<dyn Movable>,
    left: AtomicU32,
}

#[async_trait]
impl Movable for Short {
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
        if self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            return Err(CommitError::Unavailable("no more".to_owned()));
        }
        self.inner.write(changes, entities).await
    }

    async fn hold(&self) -> Result<(), CommitError> {
        self.inner.hold().await
    }
}

/// Begins a move and ends it after so many writes to the target.
async fn begin(from: &Place, to: &Place, writes: u32) {
    let source = from.mover(false).await;
    let target = Short { inner: to.mover(true).await, left: AtomicU32::new(writes) };
    let begun = matchbook_store::moving::copy(&*source, &target, options(1), &mut |_| {}).await;
    assert!(matches!(begun, Err(CopyError::Commit(_))), "{begun:?}");
}

#[tokio::test]
async fn a_target_with_anything_in_it_is_refused_and_the_source_left_alone() {
    let mut targets = vec![Place::sqlite()];
    targets.extend(Place::postgres().await);
    for to in targets {
        let from = Place::sqlite();
        from.fill().await;
        commit(&*to.serve().await.unwrap(), vec![Write::InsertToken(Box::new(token(1)))]).await.unwrap();
        refused(copy(&from, &to).await, "is not empty (tokens: 1)");
        assert!(from.takes_writes().await && to.takes_writes().await);
    }
}

#[tokio::test]
async fn other_secrets_are_refused_and_the_sources_are_carried_over() {
    let (from, to, other) = (Place::sqlite(), Place::sqlite(), Place::sqlite());
    from.fill().await;
    let Place::Sqlite(path, _) = &other else { unreachable!() };
    drop(SqliteStore::open(path, OpenOptions { check_value: Some([8; 16]), ..sqlite_options() }).unwrap());
    refused(copy(&from, &other).await, "was made with other secrets");
    assert!(from.takes_writes().await);
    copy(&from, &to).await.unwrap();
    let Place::Sqlite(path, _) = &to else { unreachable!() };
    let wrong = SqliteStore::open(path, OpenOptions { check_value: Some([8; 16]), ..sqlite_options() });
    assert!(matches!(wrong, Err(OpenError::WrongSecrets(_))));
    assert!(to.takes_writes().await);
}

#[tokio::test]
async fn a_source_that_a_server_writes_to_is_refused() {
    let (from, to) = (Place::sqlite(), Place::sqlite());
    from.fill().await;
    let server = from.serve().await.unwrap();
    let why = from.try_mover(false).await.err().unwrap();
    assert!(why.contains("stop it, or restart it with `matchbook serve --read-only`"), "{why}");
    spend_one(&*server, 10).await.unwrap();
    // So is a target that a server is on.
    drop(server);
    let server = to.serve().await.unwrap();
    assert!(to.try_mover(true).await.is_err());
    drop(server);
    copy(&from, &to).await.unwrap();
}

/// Two names hide that source and target are one: when that shows, the source is held already.
#[tokio::test]
async fn one_database_by_two_names_is_refused_and_says_how_it_is_let_go() {
    let Some(Place::Postgres(url)) = Place::postgres().await else { return };
    let from = Place::Postgres(url.clone());
    drop(from.serve().await.unwrap());
    let to = Place::Postgres(url.replace("127.0.0.1", "localhost"));
    refused(copy(&from, &to).await, "`matchbook store thaw --copy-never-served`");
    from.thaw(CopyFate::NeverServed).await.unwrap();
    assert!(from.takes_writes().await);
}

/// A second copy to where one is under way would let go what the first has not counted yet.
#[tokio::test]
async fn a_target_that_another_copy_is_on_is_refused() {
    let (from, to) = (Place::sqlite(), Place::sqlite());
    from.fill().await;
    begin(&from, &to, 2).await;
    let Place::Sqlite(path, _) = &to else { panic!() };
    let first = SqliteMover::open(path, Side::Target { create: false }).unwrap();
    let second = SqliteMover::open(path, Side::Target { create: false });
    assert!(matches!(second, Err(OpenError::InUse(why)) if why.contains("another copy")));
    drop(first);
    copy(&from, &to).await.unwrap();
}

#[tokio::test]
async fn a_source_that_is_not_there_is_refused_and_not_made() {
    let nowhere = Place::sqlite();
    let Place::Sqlite(path, _) = &nowhere else { unreachable!() };
    for side in [Side::Source, Side::Target { create: false }] {
        assert!(matches!(SqliteMover::open(path, side), Err(OpenError::Missing(_))));
    }
    assert!(!path.exists());
}

#[tokio::test]
async fn what_is_half_there_is_neither_opened_nor_frozen_nor_moved_on() {
    let (from, to, third) = (Place::sqlite(), Place::sqlite(), Place::sqlite());
    from.fill().await;
    begin(&from, &to, 3).await;
    let Place::Sqlite(path, _) = &to else { unreachable!() };
    for options in [sqlite_options(), OpenOptions { read_only: true, ..sqlite_options() }] {
        let why = SqliteStore::open(path, options).err().unwrap();
        assert!(matches!(&why, OpenError::Unfinished(why) if why.contains("store copy")), "{why:?}");
    }
    assert!(matches!(freeze(path, sqlite_options(), "a move"), Err(OpenError::Unfinished(_))));
    refused(copy_as(&to, &third, options(9)).await, "is an unfinished copy of");
    assert!(!third.takes_writes().await, "what was made for a copy is no empty store");
}

/// A copy that ends between the making of its target and the mark leaves nothing that serves.
#[tokio::test]
async fn what_was_made_for_a_copy_that_did_not_begin_is_not_served() {
    let mut targets = vec![Place::sqlite()];
    targets.extend(Place::postgres().await);
    for to in targets {
        drop(to.mover(true).await);
        let why = to.serve().await.err().unwrap();
        assert!(why.contains("was made for a copy that has not begun"), "{why}");
        let from = Place::sqlite();
        from.fill().await;
        refused(copy(&to, &Place::sqlite()).await, "was made for a copy that has not begun");
        copy(&from, &to).await.unwrap();
        assert_eq!(to.rows().await, from.rows().await);
        assert!(to.takes_writes().await);
    }
}

#[tokio::test]
async fn a_source_is_looked_at_before_there_is_a_target() {
    let mut sources = vec![Place::sqlite()];
    sources.extend(Place::postgres().await);
    for from in sources {
        let to = Place::sqlite();
        from.fill().await;
        assert_eq!(check_source(&*from.mover(false).await).await.unwrap(), None);
        begin(&from, &to, 3).await;
        let bound = check_source(&*from.mover(false).await).await.unwrap();
        assert!(bound.as_ref().is_some_and(|why| why.contains("is being copied to")), "{bound:?}");
        let half = check_source(&*to.mover(false).await).await;
        assert!(matches!(&half, Err(CopyError::Refused(why)) if why.contains("is an unfinished copy")), "{half:?}");
        copy(&from, &to).await.unwrap();
        let bound = check_source(&*from.mover(false).await).await.unwrap();
        assert!(bound.as_ref().is_some_and(|why| why.contains("was moved to")), "{bound:?}");
    }
}

/// Codes that were spent between the two halves would be good again.
#[tokio::test]
async fn a_source_that_was_let_go_in_between_is_not_copied_on() {
    let mut sources = vec![Place::sqlite()];
    sources.extend(Place::postgres().await);
    for from in sources {
        let to = Place::sqlite();
        from.fill().await;
        begin(&from, &to, 8).await;
        from.thaw(CopyFate::NeverServed).await.unwrap();
        spend_one(&*from.serve().await.unwrap(), 4).await.unwrap();
        refused(copy_as(&from, &to, options(9)).await, "make ");
        assert!(from.takes_writes().await, "the source is left alone");
        assert!(!to.takes_writes().await);
        let anew = Place::sqlite();
        copy_as(&from, &anew, options(9)).await.unwrap();
        assert_eq!(anew.rows().await, from.rows().await);
    }
}

#[tokio::test]
async fn a_source_that_is_let_go_during_the_last_step_is_noticed() {
    let Some(from) = Place::postgres().await else { return };
    let to = Place::sqlite();
    from.fill().await;
    let (source, target) = (from.mover(false).await, to.mover(true).await);
    let mut is_thawed = false;
    let (thaw, thawed) = std::sync::mpsc::channel();
    let Place::Postgres(url) = &from else { unreachable!() };
    let url = url.clone();
    // From a thread of its own, when all rows are over.
    let thawing = std::thread::spawn(move || {
        let answer: std::sync::mpsc::Sender<()> = thawed.recv().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Place::Postgres(url).thaw(CopyFate::NeverServed)).unwrap();
        answer.send(()).unwrap();
    });
    let mut tell = |progress: Progress| {
        if progress.done == progress.all && !is_thawed {
            is_thawed = true;
            let (answer, wait) = std::sync::mpsc::channel();
            thaw.send(answer).unwrap();
            wait.recv().unwrap();
        }
    };
    let done = matchbook_store::moving::copy(&*source, &*target, options(1), &mut tell).await;
    refused(done, "changed meanwhile");
    thawing.join().unwrap();
    assert!(from.takes_writes().await && !to.takes_writes().await);
}

#[tokio::test]
async fn a_source_has_one_target_and_a_target_one_source() {
    let (from, to, other) = (Place::sqlite(), Place::sqlite(), Place::sqlite());
    from.fill().await;
    other.fill().await;
    begin(&from, &to, 3).await;
    let second = Place::sqlite();
    refused(copy_as(&from, &second, options(2)).await, "is being copied to");
    refused(copy_as(&other, &to, options(3)).await, "but not of");
    assert!(other.takes_writes().await);
    // The names of the first move count.
    assert!(copy_as(&from, &to, options(4)).await.unwrap().resumed_at > 0);
    assert!(copy_as(&from, &to, options(5)).await.unwrap().was_done);
    refused(copy_as(&from, &second, options(6)).await, "was moved to");
    refused(copy_as(&other, &to, options(7)).await, "is not empty");
}
