//! PostgreSQL and the memory model agree over random changes.

use matchbook_store::MemoryStore;
use matchbook_store::contract::{agree, generate};
use proptest::prelude::*;

use super::fixture;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_stores_agree(steps in generate::steps(24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let Some(database) = fixture::Database::fresh().await else { return };
            let postgres = database.open().await;
            agree::agree(&postgres, &MemoryStore::new(), steps).await;
        });
    }
}
