#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use tokio::task::JoinSet;

use super::super::rows::ReadError;
use super::Loader;
use crate::LoadError;

fn with_numbers(folder: &std::path::Path) -> std::path::PathBuf {
    let path = folder.join("numbers.db");
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute_batch("CREATE TABLE numbers (number INTEGER); INSERT INTO numbers VALUES (7)").unwrap();
    path
}

fn number(connection: &Connection) -> Result<i64, ReadError> {
    Ok(connection.query_row("SELECT number FROM numbers", [], |row| row.get(0))?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_are_all_answered() {
    let folder = tempfile::tempdir().unwrap();
    let loader = Arc::new(Loader::start(with_numbers(folder.path())).unwrap());
    let mut callers = JoinSet::new();
    for caller in 0..200 {
        let loader = Arc::clone(&loader);
        callers.spawn(async move {
            for turn in 0..20 {
                let read = loader.read(move |connection| Ok(number(connection)? + caller * turn)).await;
                assert_eq!(read.unwrap(), 7 + caller * turn);
            }
        });
    }
    callers.join_all().await;
}

#[tokio::test]
async fn one_that_fails_or_panics_leaves_the_next_one_alone() {
    let folder = tempfile::tempdir().unwrap();
    let loader = Loader::start(with_numbers(folder.path())).unwrap();
    let bad = loader.read(|_| Err::<(), _>(ReadError::Damaged("row 7".to_owned()))).await;
    assert!(matches!(bad, Err(LoadError::Damaged(why)) if why.contains("row 7")));
    assert_eq!(loader.read(number).await.unwrap(), 7);
    // More often than there are threads.
    for _ in 0..5 {
        let bad = loader.read(|_| -> Result<(), ReadError> { panic!("a bug") }).await;
        assert!(matches!(bad, Err(LoadError::Unavailable(_))));
    }
    assert_eq!(loader.read(number).await.unwrap(), 7);
}

#[tokio::test]
async fn without_a_file_each_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let loader = Loader::start(folder.path().join("none.db")).unwrap();
    let (one, other) = tokio::join!(loader.read(number), loader.read(number));
    assert!(one.is_err() && other.is_err());
}

#[tokio::test]
async fn one_that_waits_for_the_disk_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let loader = Arc::new(Loader::start(with_numbers(folder.path())).unwrap());
    let slow = held_up(&loader).await;
    assert_eq!(loader.read(number).await.unwrap(), 7);
    slow.ends().await;
}

#[tokio::test]
async fn who_has_gone_away_is_not_read_for() {
    let folder = tempfile::tempdir().unwrap();
    let loader = Arc::new(Loader::start(with_numbers(folder.path())).unwrap());
    let all = [held_up(&loader).await, held_up(&loader).await];
    let read = Arc::new(AtomicUsize::new(0));
    for _ in 0..10 {
        let counted = Arc::clone(&read);
        let load = loader.read(move |_| Ok(counted.fetch_add(1, Ordering::SeqCst)));
        assert!(tokio::time::timeout(Duration::ZERO, load).await.is_err());
    }
    for slow in all {
        slow.ends().await;
    }
    assert_eq!(loader.read(number).await.unwrap(), 7);
    assert_eq!(read.load(Ordering::SeqCst), 0);
}

/// A load that has begun, and takes until it is told.
struct Slow {
    go: std::sync::mpsc::Sender<()>,
    load: tokio::task::JoinHandle<Result<(), LoadError>>,
}

/// Longer at work than a load whose pages are in memory.
async fn held_up(loader: &Arc<Loader>) -> Slow {
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (go, may_go) = std::sync::mpsc::channel();
    let loader = Arc::clone(loader);
    let load = tokio::spawn(async move {
        let read = move |_: &Connection| {
            begun.send(()).unwrap();
            may_go.recv().unwrap();
            Ok(())
        };
        loader.read(read).await
    });
    has_begun.await.unwrap();
    tokio::time::sleep(super::SLOW).await;
    Slow { go, load }
}

impl Slow {
    async fn ends(self) {
        self.go.send(()).unwrap();
        self.load.await.unwrap().unwrap();
    }
}
