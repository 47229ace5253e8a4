//! Damaged files and rows are told, with what to do, and never read as something else.

use std::fs::{self, OpenOptions as FileOptions};
use std::io::{Seek, SeekFrom, Write as _};
use std::path::Path;

use matchbook_rules::Write;
use matchbook_store::contract::fixtures::{commit, id, lookup_user, set, spend_one, with_set};
use matchbook_store::{CommitError, LoadError, OpenError, OpenOptions, Store, sqlite};

use crate::{open, refused, tamper};

async fn make(path: &Path) {
    let store = open(path).unwrap();
    with_set(&store).await;
    spend_one(&store, 3).await.unwrap();
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = FileOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

/// Where the first page of a table is.
fn page_of(path: &Path, table: &str) -> u64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let page: u32 = connection.query_row(sql, [table], |row| row.get(0)).unwrap();
    u64::from(page - 1) * 4_096
}

#[tokio::test]
async fn a_damaged_page_is_told_where_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    make(&path).await;
    overwrite(&path, page_of(&path, "sets"), &[0xa5; 4_096]);
    let store = open(&path).unwrap();
    let Err(LoadError::Damaged(why)) = store.load_device(&id(1)).await else { panic!("a damaged page was read") };
    assert!(why.contains("store.db is damaged") && why.contains("matchbook store restore"), "{why}");
    assert!(matches!(store.load_verify(&lookup_user("alpha", "ada")).await, Err(LoadError::Damaged(_))));
    assert!(matches!(store.check().await, Err(LoadError::Damaged(_))));
    assert!(matches!(sqlite::check(&path), Err(OpenError::Damaged(_))));
    // A write that needs the page is not made, and others go on.
    let result = commit(&store, vec![Write::InsertSet(Box::new(set("alpha", 1, 41, 40)))]).await;
    assert!(matches!(&result, Err(CommitError::Unavailable(why)) if why.contains("is damaged")), "{result:?}");
    assert!(matches!(spend_one(&store, 4).await, Err(CommitError::Unavailable(_))));
    store.probe().await.unwrap();
    assert_eq!(store.realms().await.unwrap().len(), 1);
}

#[tokio::test]
async fn damage_at_the_beginning_is_found_at_the_start() {
    for (at, length) in [(0, 16), (0, 4_096), (100, 3_996)] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        make(&path).await;
        overwrite(&path, at, &vec![0xa5; length]);
        let error = refused(&path, OpenOptions::default());
        assert!(matches!(error, OpenError::NotAStore(_) | OpenError::Damaged(_)), "{at}, {length}: {error:?}");
        assert!(error.to_string().contains("matchbook store restore"), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_was_cut_short_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    make(&path).await;
    let length = fs::metadata(&path).unwrap().len();
    FileOptions::new().write(true).open(&path).unwrap().set_len(length / 2).unwrap();
    assert!(matches!(sqlite::check(&path), Err(OpenError::Damaged(_))));
    match crate::SqliteStore::open(&path, OpenOptions::default()) {
        Err(error) => assert!(matches!(error, OpenError::Damaged(_)), "{error:?}"),
        Ok(store) => assert!(matches!(store.check().await, Err(LoadError::Damaged(_)))),
    }
}

#[tokio::test]
async fn a_row_that_makes_no_sense_is_named() {
    for (change, table, column) in [
        ("UPDATE authenticators SET profile = 99", "authenticators", "profile"),
        ("UPDATE authenticators SET status = 9", "authenticators", "expires_at"),
        ("UPDATE authenticators SET handle = 256", "authenticators", "handle"),
        ("UPDATE authenticators SET next_epoch = 1", "authenticators", "next_counter"),
        ("UPDATE authenticators SET version = -1", "authenticators", "version"),
        ("UPDATE realms SET mode = 7", "realms", "look_ahead"),
        ("UPDATE realms SET base32 = 2", "realms", "base32"),
        ("UPDATE sets SET tags = x'00'", "sets", "tags"),
        ("UPDATE sets SET last = last + 1", "sets", "tags"),
        ("UPDATE sets SET digits = 13", "sets", "digits"),
        ("UPDATE subscribers SET created_at = -1", "subscribers", "created_at"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        make(&path).await;
        tamper(&path, change);
        let store = open(&path).unwrap();
        let Err(LoadError::Damaged(why)) = store.load_device(&id(1)).await else { panic!("{change} was not found") };
        assert!(why.contains(&format!("of table {table}: column {column} ")), "{change}: {why}");
        assert!(why.contains("row (alpha") && why.contains("matchbook store restore"), "{why}");
    }
}

#[tokio::test]
async fn a_row_that_is_gone_is_told() {
    for table in ["authenticators", "realms", "subscribers"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        make(&path).await;
        tamper(&path, &format!("DELETE FROM {table}"));
        let store = open(&path).unwrap();
        let result = store.load_device(&id(1)).await;
        assert!(matches!(result, Err(LoadError::Damaged(_))), "{table}: {result:?}");
    }
}
