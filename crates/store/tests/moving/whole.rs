//! What arrives is what left.

use matchbook_protocol::UnixMillis;
use matchbook_store::contract::agree;
use matchbook_store::contract::fixtures::{assert_conflict, id, realm_id, spend_one, whole};
use matchbook_store::contract::generate::{self, Step};
use matchbook_store::moving::{CopyFate, Kind};
use matchbook_store::sqlite::freeze;
use matchbook_store::{EventFilter, MemoryStore, OpenOptions, SqliteStore, Store};
use proptest::prelude::*;

use crate::copy;
use crate::place::{Place, sqlite_options};

/// Moves a store of random rows there and back, and compares rows and answers.
async fn there_and_back(steps: Vec<Step>, to: Place) {
    let (from, back) = (Place::sqlite(), Place::sqlite());
    let memory = MemoryStore::new();
    agree::agree(&*from.serve().await.unwrap(), &memory, steps).await;
    let before = from.rows().await;
    let report = copy(&from, &to).await.unwrap();
    assert_eq!(report.counts.iter().map(|count| count.target).sum::<u64>(), before.len() as u64);
    assert_eq!(to.rows().await, before);
    assert_eq!(from.rows().await, before, "the source is as it was");
    copy(&to, &back).await.unwrap();
    assert_eq!(back.rows().await, before);
    // The stores do not only hold the same, they answer the same; also to what is written next.
    agree::agree(&*back.serve().await.unwrap(), &memory, vec![Step::Probe; 4]).await;
    assert!(!from.takes_writes().await && !to.takes_writes().await);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn random_stores_arrive_whole(steps in generate::steps(24)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(there_and_back(steps, Place::sqlite()));
    }

    #[test]
    fn random_stores_arrive_whole_by_way_of_postgres(steps in generate::steps(24)) {
        // No text of PostgreSQL holds a NUL; what becomes of one has a test of its own.
        prop_assume!(!format!("{steps:?}").contains("\\0"));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let Some(to) = Place::postgres().await else { return };
            there_and_back(steps, to).await;
        });
    }
}

/// So that a new table is not left behind.
#[tokio::test]
async fn every_table_is_moved_or_stays_for_a_reason() {
    // The directory is made anew from the devices; meta and migrations are about the database itself; the journal is
    // folded into the other tables before the first row is read. What is put aside for an import is not moved: the import
    // is begun anew, and one that is live finds its devices there.
    let mut known: Vec<&str> = vec!["directory", "imports", "journal", "meta", "migrations"];
    known.extend(["staged_authenticators", "staged_subscribers"]);
    let tables = Kind::ALL.map(|kind| match kind {
        Kind::Realm => "realms",
        Kind::Subscriber => "subscribers",
        Kind::Token => "tokens",
        Kind::Authenticator => "authenticators",
        Kind::Set => "sets",
        Kind::Spend => "spends",
        Kind::Forgotten => "forgotten",
        Kind::Failures => "failures",
        Kind::Operation => "operations",
        Kind::Bucket => "buckets",
        Kind::Outbox => "outbox",
        Kind::Dispatch => "dispatches",
        Kind::Event => "audit",
    });
    known.extend(tables);
    let place = Place::sqlite();
    drop(place.serve().await.unwrap());
    let Place::Sqlite(path, _) = &place else { unreachable!() };
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut found = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let found: Vec<String> = found.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for table in &found {
        assert!(known.contains(&table.as_str()), "{table} is not moved");
    }
    assert_eq!(found.len(), known.len());
}

#[tokio::test]
async fn codes_are_good_once_also_over_a_move() {
    let mut places = vec![Place::sqlite(), Place::sqlite()];
    places.extend(Place::postgres().await);
    places.push(Place::sqlite());
    places.extend(Place::postgres().await);
    places.extend(Place::postgres().await);
    places[0].fill().await;
    for (number, pair) in (10..).zip(places.windows(2)) {
        copy(&pair[0], &pair[1]).await.unwrap();
        let store = pair[1].serve().await.unwrap();
        for used in [1, 2, 3, 7, 9].into_iter().chain(10..number) {
            assert_conflict(spend_one(&*store, used).await);
        }
        spend_one(&*store, number).await.unwrap();
        let device = store.load_device(&id(1)).await.unwrap().unwrap();
        assert_eq!((device.highest_spent.0, device.failures, device.outbox.len()), (42, 3, 3));
        assert_eq!(store.events(&realm_id("alpha"), &EventFilter::default(), whole()).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn a_server_that_is_read_only_may_go_on() {
    let (from, to) = (Place::sqlite(), Place::sqlite());
    from.fill().await;
    let Place::Sqlite(path, _) = &from else { unreachable!() };
    freeze(path, sqlite_options(), "a move").unwrap();
    let server = SqliteStore::open(path, OpenOptions { read_only: true, ..sqlite_options() }).unwrap();
    copy(&from, &to).await.unwrap();
    assert_eq!(server.load_device(&id(1)).await.unwrap().unwrap().spent.len(), 5);
    assert!(spend_one(&server, 10).await.is_err());
    drop(server);
    assert_eq!(to.rows().await, from.rows().await);
    assert!(from.serve().await.err().unwrap().contains("it was moved to "));
}

#[tokio::test]
async fn a_source_that_is_thawed_has_no_good_codes() {
    let mut sources = vec![Place::sqlite()];
    sources.extend(Place::postgres().await);
    for from in sources {
        let to = Place::sqlite();
        from.fill().await;
        copy(&from, &to).await.unwrap();
        let said = from.serve().await.err().unwrap();
        assert!(said.contains("was moved to ") && said.contains("store thaw"), "{said}");
        // That it never served is not believed of a copy that was whole, unless it is said to be gone too.
        let why = from.thaw(CopyFate::NeverServed).await.unwrap_err();
        assert!(why.contains("was moved to") && why.contains("--copy-was-dropped"), "{why}");
        assert!(!from.takes_writes().await);
        assert_eq!(from.thaw(CopyFate::MayHaveServed(UnixMillis(9_000))).await.unwrap(), Some(1));
        assert_eq!(from.thaw(CopyFate::MayHaveServed(UnixMillis(9_001))).await.unwrap(), None, "it is not read-only");
        let store = from.serve().await.unwrap();
        assert!(store.load_device(&id(1)).await.unwrap().unwrap().authenticator.restored);
        assert_conflict(spend_one(&*store, 10).await);
        spend_one(&*to.serve().await.unwrap(), 10).await.unwrap();
    }
}
