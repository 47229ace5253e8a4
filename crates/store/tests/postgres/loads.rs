//! Loads of rows that somebody else has changed.

use matchbook_store::contract::fixtures::{id, with_set};
use matchbook_store::{LoadError, Store};

use super::fixture::Database;

#[tokio::test]
async fn a_device_whose_rows_are_not_all_there_is_named() {
    let Some(database) = Database::fresh().await else { return };
    let store = database.open().await;
    with_set(&store).await;
    let missing = async || match store.load_device(&id(1)).await {
        Err(LoadError::Damaged(why)) => why,
        other => panic!("it was loaded: {other:?}"),
    };
    let one = id(1);
    for (table, expected) in [
        ("subscribers", format!("user ada of device {one} is not there")),
        ("realms", format!("realm alpha of device {one} is not there")),
        ("authenticators", format!("device {one} is in the directory and not in realm alpha")),
    ] {
        database.sql(&format!("DELETE FROM {table}"));
        let why = missing().await;
        assert!(why.contains(&expected), "{why}");
    }
    database.sql("DELETE FROM directory");
    assert!(store.load_device(&id(1)).await.unwrap().is_none());
}
