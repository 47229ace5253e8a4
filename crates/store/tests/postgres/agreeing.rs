//! PostgreSQL and the memory model agree over random changes.

use matchbook_rules::{AuditEvent, Write};
use matchbook_store::contract::fixtures::{commit, event, realm_id, whole};
use matchbook_store::contract::{agree, generate};
use matchbook_store::{EventFilter, MemoryStore, Store};
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
        // No text of PostgreSQL holds a NUL; what becomes of one has a test of its own.
        prop_assume!(!format!("{steps:?}").contains("\\0"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let Some(database) = fixture::Database::fresh().await else { return };
            let postgres = database.open().await;
            agree::agree(&postgres, &MemoryStore::new(), steps).await;
        });
    }
}

#[tokio::test]
async fn a_nul_in_a_text_is_replaced() {
    let Some(database) = fixture::Database::fresh().await else { return };
    let store = database.open().await;
    let told = AuditEvent { detail: "a\0b".to_owned(), ..event("alpha", 9, 0) };
    commit(&store, vec![Write::Audit(Box::new(told))]).await.unwrap();
    let found = store.events(&realm_id("alpha"), &EventFilter::default(), whole()).await.unwrap();
    assert_eq!(found[0].detail, "a\u{fffd}b");
}
