//! Everything that can be wrong when a store is opened, each with its own word and sentence.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use matchbook_store::contract::fixtures::{id, with_device};
use matchbook_store::{MIN_MEMORY_MB, OpenError, OpenOptions, Store};

use crate::child::Worker;
use crate::{SqliteStore, open, refused, tamper};

const CREATE: OpenOptions = OpenOptions { check_value: None, create: true, memory_mb: MIN_MEMORY_MB, read_only: false };

#[test]
fn a_missing_store_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let error = refused(&path, OpenOptions::default());
    assert!(matches!(&error, OpenError::Missing(why) if why.contains("matchbook init")), "{error:?}");
    // Nothing was left behind, and an empty file is no store either.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    fs::write(&path, "").unwrap();
    assert!(matches!(refused(&path, OpenOptions::default()), OpenError::Missing(_)));
    // A creation that was killed leaves such a file, and goes on from it.
    open(&path).unwrap();
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let under_a_file = file.join("store.db");
    let nowhere = folder.path().join("missing").join("store.db");
    // Not even root can make files there.
    let forbidden = Path::new("/proc/sys/store.db");
    for path in [under_a_file.as_path(), &nowhere, forbidden] {
        let error = refused(path, CREATE);
        assert!(matches!(error, OpenError::Unwritable(_)), "{error:?}");
        assert!(error.to_string().contains("store.db"), "{error}");
    }
    assert!(refused(&nowhere, CREATE).to_string().contains("make it first"));
    let error = refused(folder.path(), CREATE);
    assert!(matches!(error, OpenError::Unwritable(_)), "{error:?}");
}

#[test]
fn files_of_others_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    let notes = "these are notes, and no database at all; ".repeat(100);
    fs::write(&text, &notes).unwrap();
    assert!(matches!(refused(&text, CREATE), OpenError::NotAStore(_)));
    assert_eq!(fs::read_to_string(&text).unwrap(), notes);
    let foreign = folder.path().join("foreign.db");
    tamper(&foreign, "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1);");
    let before = fs::read(&foreign).unwrap();
    assert!(matches!(refused(&foreign, CREATE), OpenError::NotAStore(_)));
    assert_eq!(fs::read(&foreign).unwrap(), before);
}

#[test]
fn one_server_on_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let first = open(&path).unwrap();
    let error = refused(&path, CREATE);
    let OpenError::InUse(why) = &error else { panic!("{error:?}") };
    assert!(why.contains(&format!("process {}", std::process::id())) && why.contains("stop that one"), "{why}");
    drop(first);
    // A killed process holds nothing.
    let mut holder = Worker::start(Worker::command("hold", &path));
    assert_eq!(holder.next().as_deref(), Some("held"));
    assert!(matches!(refused(&path, CREATE), OpenError::InUse(_)));
    holder.kill();
    open(&path).unwrap();
}

#[test]
fn one_server_on_a_store_by_whatever_name() {
    let folder = tempfile::tempdir().unwrap();
    let (path, alias) = (folder.path().join("store.db"), folder.path().join("alias.db"));
    let first = open(&path).unwrap();
    std::os::unix::fs::symlink(&path, &alias).unwrap();
    assert!(matches!(refused(&alias, CREATE), OpenError::InUse(_)));
    drop(first);
    let first = open(&alias).unwrap();
    assert!(matches!(refused(&path, CREATE), OpenError::InUse(_)));
    drop(first);
}

#[tokio::test]
async fn a_newer_or_another_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    with_device(&open(&path).unwrap()).await;
    for (change, back, says) in [
        (
            "INSERT INTO migrations VALUES (5, 'later', zeroblob(32), 0)",
            "DELETE FROM migrations WHERE number = 5",
            "newer release (layout 5, this one knows 4)",
        ),
        (
            "CREATE TABLE kept AS SELECT * FROM migrations; UPDATE migrations SET sha256 = zeroblob(32)",
            "UPDATE migrations SET sha256 = (SELECT sha256 FROM kept WHERE kept.number = migrations.number); \
             DROP TABLE kept",
            "step 1 (initial)",
        ),
    ] {
        tamper(&path, change);
        let error = refused(&path, OpenOptions::default());
        assert!(matches!(&error, OpenError::Schema(why) if why.contains(says)), "{error:?}");
        tamper(&path, back);
        // It was only looked at.
        assert!(open(&path).unwrap().load_device(&id(1)).await.unwrap().is_some());
    }
    tamper(&path, "UPDATE migrations SET number = number + 4");
    assert!(matches!(refused(&path, OpenOptions::default()), OpenError::Damaged(_)));
}

#[test]
fn wrong_secrets_are_found_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let with = |value: Option<[u8; 16]>| OpenOptions {
        check_value: value,
        create: true,
        memory_mb: MIN_MEMORY_MB,
        read_only: false,
    };
    // The first value is kept, also by a store that was made without one.
    open(&path).unwrap();
    SqliteStore::open(&path, with(Some([1; 16]))).unwrap();
    SqliteStore::open(&path, with(Some([1; 16]))).unwrap();
    let error = refused(&path, with(Some([2; 16])));
    assert!(matches!(&error, OpenError::WrongSecrets(why) if why.contains("secrets file")), "{error:?}");
    SqliteStore::open(&path, with(None)).unwrap();
    SqliteStore::open(&path, with(Some([1; 16]))).unwrap();
}

#[tokio::test]
async fn its_files_are_for_their_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = open(&path).unwrap();
    with_device(&store).await;
    store.backup_to(folder.path().join("backup.db"), |_| ()).await.unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort_unstable();
    assert_eq!(names, ["backup.db", "store.db", "store.db-shm", "store.db-wal", "store.db.lock"]);
    assert!(store.stats().await.unwrap().bytes > 4_096);
    assert_eq!(store.path(), path);
}
