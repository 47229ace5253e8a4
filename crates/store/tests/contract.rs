//! All stores keep the contract, and agree over random changes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use matchbook_store::contract::{agree, generate};
use matchbook_store::{MemoryStore, OpenOptions, SqliteStore, Store};
use proptest::prelude::*;
use tempfile::TempDir;

fn sqlite() -> (Arc<dyn Store>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let options = OpenOptions { create: true, ..OpenOptions::default() };
    (Arc::new(SqliteStore::open(folder.path().join("store.db"), options).unwrap()), folder)
}

fn memory() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

mod on_sqlite {
    matchbook_store::store_contract!(super::sqlite());
}

mod on_memory {
    matchbook_store::store_contract!(super::memory());
}

mod on_shared_memory {
    matchbook_store::store_contract!((std::sync::Arc::new(matchbook_store::MemoryStore::shared()), ()));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        max_shrink_iters: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_stores_agree(steps in generate::steps(24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let ((sqlite, _folder), (memory, ())) = (sqlite(), memory());
            agree::agree(&*sqlite, &*memory, steps).await;
        });
    }
}
