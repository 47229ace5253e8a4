//! Backups of a store in use, and what putting one back does.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use matchbook_protocol::{CodeIndex, UnixMillis};
use matchbook_rules::{AuditEvent, EventKind, Write};
use matchbook_store::contract::fixtures::{
    assert_conflict, commit, event, id, realm_id, set, spend, spend_one, whole, with_device, with_set,
};
use matchbook_store::sqlite::{self, BackupError};
use matchbook_store::{EventFilter, MIN_MEMORY_MB, OpenError, OpenOptions, Store};

use crate::{open, refused};

const OPTIONS: OpenOptions =
    OpenOptions { check_value: Some([7; 16]), create: true, memory_mb: MIN_MEMORY_MB, read_only: false };

// MB-RES-1, MB-RES-3
#[tokio::test]
async fn a_backup_is_served_only_after_its_codes_are_void() {
    let folder = tempfile::tempdir().unwrap();
    let [path, copy, back] = ["store.db", "copy.db", "back.db"].map(|name| folder.path().join(name));
    let store = crate::SqliteStore::open(&path, OPTIONS).unwrap();
    with_set(&store).await;
    spend_one(&store, 3).await.unwrap();
    store.backup_to(&copy, |_| ()).await.unwrap();
    // Spent after the backup: this is what must not be good again.
    spend_one(&store, 4).await.unwrap();
    drop(store);

    let error = refused(&copy, OPTIONS);
    assert!(matches!(&error, OpenError::Backup(why) if why.contains("matchbook store restore")), "{error:?}");
    let kept = fs::read(&copy).unwrap();
    let (restored, marked) = sqlite::restore(&copy, &back, OPTIONS, UnixMillis(9_000)).await.unwrap();
    assert_eq!((marked, fs::read(&copy).unwrap() == kept), (1, true));
    let device = restored.load_device(&id(1)).await.unwrap().unwrap();
    assert!(device.authenticator.restored && device.sets.is_empty());
    assert_eq!(device.highest_spent, CodeIndex(3));
    assert_conflict(spend_one(&restored, 4).await);
    let events = restored.events(&realm_id("alpha"), &EventFilter::default(), whole()).await.unwrap();
    assert_eq!(events[0].kind, EventKind::DeviceRestored);
    drop(restored);
    // From now on it is a store like any other, with the secrets it had.
    crate::SqliteStore::open(&back, OPTIONS).unwrap();
    assert!(matches!(
        refused(&back, OpenOptions { check_value: Some([8; 16]), create: false, ..OPTIONS }),
        OpenError::WrongSecrets(_)
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_is_of_one_moment_while_the_store_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder.path().join("store.db")).unwrap());
    with_device(&*store).await;
    for number in 0..20_u64 {
        // Enough pages for several steps.
        let writes = (0..20)
            .map(|chance| {
                let detail = "x".repeat(20_000);
                Write::Audit(Box::new(AuditEvent { detail, ..event("alpha", number, chance) }))
            })
            .collect();
        commit(&*store, writes).await.unwrap();
    }
    let writing = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            // A spend and its set are one commit: a backup has both or none.
            for index in 1..=400 {
                let writes = vec![
                    Write::InsertSet(Box::new(set("alpha", 1, index, 1))),
                    Write::Spend(Box::new(spend("alpha", 1, index))),
                ];
                commit(&*store, writes).await.unwrap();
            }
        }
    });
    let calls = Arc::new(AtomicU32::new(0));
    for number in 0..3 {
        let copy = folder.path().join(format!("copy-{number}.db"));
        let counted = Arc::clone(&calls);
        let mut last = None;
        store
            .backup_to(&copy, move |progress| {
                assert!(progress.done <= progress.pages && last.is_none_or(|before| before <= progress.done));
                last = Some(progress.done);
                counted.fetch_add(1, Ordering::Relaxed);
            })
            .await
            .unwrap();
        let connection = rusqlite::Connection::open(&copy).unwrap();
        let sql =
            "SELECT (SELECT count(*) FROM sets) = (SELECT count(*) FROM spends), quick_check FROM pragma_quick_check";
        let (whole, check): (bool, String) =
            connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert!(whole && check == "ok", "{check}");
        assert!(
            !copy.with_extension("db-wal").exists() && !folder.path().join(format!("copy-{number}.db-wal")).exists()
        );
    }
    writing.await.unwrap();
    assert!(calls.load(Ordering::Relaxed) >= 6);
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let [path, copy] = ["store.db", "copy.db"].map(|name| folder.path().join(name));
    let store = open(&path).unwrap();
    with_device(&store).await;
    fs::write(&copy, "mine").unwrap();
    assert!(matches!(store.backup_to(&copy, |_| ()).await, Err(BackupError::Target(why)) if why.contains("new name")));
    assert_eq!(fs::read_to_string(&copy).unwrap(), "mine");
    fs::remove_file(&copy).unwrap();
    let nowhere = folder.path().join("missing").join("copy.db");
    assert!(matches!(store.backup_to(&nowhere, |_| ()).await, Err(BackupError::Target(_))));
    // A copy is made beside a running server, without its help.
    sqlite::backup(&path, &copy, |_| ()).unwrap();
    sqlite::check(&path).unwrap();
    sqlite::check(&copy).unwrap();

    // The old store, or its log, is in the way of the new one.
    let restore = async |from: &str, to: &str| {
        let result = sqlite::restore(&folder.path().join(from), &folder.path().join(to), OPTIONS, UnixMillis(1)).await;
        result.map(|(_, marked)| marked)
    };
    assert!(
        matches!(restore("copy.db", "store.db").await, Err(OpenError::Unwritable(why)) if why.contains("in the way"))
    );
    drop(store);
    fs::write(folder.path().join("new.db-wal"), "old").unwrap();
    assert!(matches!(restore("copy.db", "new.db").await, Err(OpenError::Unwritable(_))));
    fs::remove_file(folder.path().join("new.db-wal")).unwrap();
    // A store is no backup.
    assert!(matches!(restore("store.db", "new.db").await, Err(OpenError::NotAStore(_))));
    assert!(!folder.path().join("new.db").exists());
    assert!(matches!(restore("missing.db", "new.db").await, Err(OpenError::Missing(_))));
    assert_eq!(restore("copy.db", "new.db").await.unwrap(), 1);
}

#[test]
fn only_stores_are_backed_up() {
    let folder = tempfile::tempdir().unwrap();
    let [missing, foreign, copy] = ["missing.db", "foreign.db", "copy.db"].map(|name| folder.path().join(name));
    crate::tamper(&foreign, "CREATE TABLE theirs (x)");
    for source in [missing, foreign] {
        assert!(matches!(sqlite::backup(&source, &copy, |_| ()), Err(BackupError::Source(_))));
        assert!(matches!(sqlite::check(&source), Err(OpenError::Missing(_) | OpenError::NotAStore(_))));
    }
    assert!(!copy.exists() && fs::read_dir(folder.path()).unwrap().count() == 1);
}
