//! Read-only stores: nothing is written to them, and no server takes them for its own by mistake.

use std::path::Path;

use matchbook_protocol::UnixMillis;
use matchbook_rules::Write;
use matchbook_store::contract::fixtures::*;
use matchbook_store::moving::CopyFate;
use matchbook_store::sqlite::{freeze, frozen_at, thaw};
use matchbook_store::{CommitError, MIN_MEMORY_MB, OpenError, OpenOptions, SqliteStore, Store};

const CREATE: OpenOptions =
    OpenOptions { check_value: Some([7; 16]), create: true, read_only: false, memory_mb: MIN_MEMORY_MB };
const READ_ONLY: OpenOptions = OpenOptions { create: false, read_only: true, ..CREATE };

async fn filled(path: &Path) {
    let store = SqliteStore::open(path, CREATE).unwrap();
    with_set(&store).await;
    spend_one(&store, 3).await.unwrap();
}

#[tokio::test]
async fn a_frozen_store_is_read_and_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    filled(&path).await;
    freeze(&path, CREATE, "it moves to another database").unwrap();
    assert_eq!(frozen_at(&path).unwrap().as_deref(), Some("it moves to another database"));
    let refused = SqliteStore::open(&path, CREATE).err().unwrap();
    assert!(matches!(&refused, OpenError::ReadOnly(why) if why.contains("it moves to another database")), "{refused}");
    let store = SqliteStore::open(&path, READ_ONLY).unwrap();
    assert!(store.is_read_only());
    assert_eq!(store.load_device(&id(1)).await.unwrap().unwrap().spent.len(), 1);
    let writes = [spend_one(&store, 4).await, commit(&store, vec![Write::Probe]).await, store.probe().await];
    for write in writes {
        assert!(matches!(&write, Err(CommitError::ReadOnly(why)) if why.contains("moves")), "{write:?}");
    }
    let late = UnixMillis(u64::MAX);
    assert!(matches!(store.prune(late, late, late).await, Err(CommitError::ReadOnly(_))));
    assert!(matches!(store.mark_restored(late).await, Err(CommitError::ReadOnly(_))));
    assert_eq!(store.load_device(&id(1)).await.unwrap().unwrap().spent.len(), 1);
}

#[tokio::test]
async fn a_server_that_writes_keeps_a_store_from_being_frozen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    filled(&path).await;
    let store = SqliteStore::open(&path, CREATE).unwrap();
    assert!(matches!(freeze(&path, CREATE, "a move"), Err(OpenError::InUse(_))));
    assert_eq!(frozen_at(&path).unwrap(), None);
    spend_one(&store, 4).await.unwrap();
    drop(store);
    // One that runs read-only does not.
    let store = SqliteStore::open(&path, READ_ONLY).unwrap();
    freeze(&path, CREATE, "a move").unwrap();
    assert_eq!(frozen_at(&path).unwrap().as_deref(), Some("a move"));
    assert!(spend_one(&store, 5).await.is_err());
}

#[tokio::test]
async fn a_thawed_store_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    filled(&path).await;
    freeze(&path, CREATE, "a move").unwrap();
    assert_eq!(thaw(&path, CREATE, CopyFate::NeverServed).unwrap(), Some(0));
    assert_eq!(thaw(&path, CREATE, CopyFate::MayHaveServed(UnixMillis(8))).unwrap(), None, "it is not read-only");
    let store = SqliteStore::open(&path, CREATE).unwrap();
    spend_one(&store, 4).await.unwrap();
    drop(store);
    freeze(&path, CREATE, "moved").unwrap();
    assert_eq!(thaw(&path, CREATE, CopyFate::MayHaveServed(UnixMillis(9))).unwrap(), Some(1));
    let store = SqliteStore::open(&path, CREATE).unwrap();
    assert!(store.load_device(&id(1)).await.unwrap().unwrap().authenticator.restored, "its codes are void");
    assert_conflict(spend_one(&store, 5).await);
}

#[test]
fn what_is_no_store_is_not_frozen() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(freeze(&folder.path().join("none.db"), CREATE, "a move"), Err(OpenError::Missing(_))));
}
