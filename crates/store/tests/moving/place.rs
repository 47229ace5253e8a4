//! Places that a store can be in.

use std::path::PathBuf;
use std::sync::Arc;

use matchbook_protocol::{CodeIndex, UnixMillis};
use matchbook_rules::Write;
use matchbook_store::contract::fixtures::{bucket, dispatch, outbox, realm_id};
use matchbook_store::contract::fixtures::{commit, event, id, operation, spend_one, token, with_set};
use matchbook_store::moving::{CopyFate, Entity, Kind, Movable};
use matchbook_store::sqlite::{Side, SqliteMover, thaw};
use matchbook_store::{MIN_MEMORY_MB, OpenOptions, PostgresOptions, PostgresStore, SqliteStore, Store};
use matchbook_testbed::Postgres;
use tempfile::TempDir;

/// What the secrets of the stores of these tests give.
pub(crate) const CHECK: [u8; 16] = [7; 16];

pub(crate) enum Place {
    /// A file, and the folder that goes with the test.
    Sqlite(PathBuf, #[allow(dead_code, reason = "dropped last")] TempDir),
    Postgres(String),
}

pub(crate) fn sqlite_options() -> OpenOptions {
    OpenOptions { check_value: Some(CHECK), create: true, read_only: false, memory_mb: MIN_MEMORY_MB }
}

pub(crate) fn postgres_options() -> PostgresOptions {
    PostgresOptions { check_value: Some(CHECK), migrate: true, connections: 4, ..PostgresOptions::default() }
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::Sqlite(folder.path().join("store.db"), folder)
    }

    /// `None` where PostgreSQL is not installed.
    pub(crate) async fn postgres() -> Option<Self> {
        if !Postgres::is_installed() {
            return None;
        }
        let made = tokio::task::spawn_blocking(|| {
            let server = Postgres::shared().unwrap();
            server.url(&server.fresh_database().unwrap())
        });
        Some(Self::Postgres(made.await.unwrap()))
    }

    pub(crate) async fn try_mover(&self, create: bool) -> Result<Box<dyn Movable>, String> {
        Ok(match self {
            Self::Sqlite(path, _) => {
                let side = if create { Side::Target { create } } else { Side::Source };
                Box::new(SqliteMover::open(path, side).map_err(|error| error.to_string())?)
            }
            Self::Postgres(url) => {
                let options = PostgresOptions { check_value: None, migrate: create, ..postgres_options() };
                let store = PostgresStore::connect_to_move(url, options).await;
                Box::new(store.map_err(|error| error.to_string())?)
            }
        })
    }

    pub(crate) async fn mover(&self, create: bool) -> Box<dyn Movable> {
        self.try_mover(create).await.unwrap()
    }

    /// As a server opens it.
    pub(crate) async fn serve(&self) -> Result<Arc<dyn Store>, String> {
        Ok(match self {
            Self::Sqlite(path, _) => {
                Arc::new(SqliteStore::open(path, sqlite_options()).map_err(|error| error.to_string())?)
            }
            Self::Postgres(url) => {
                let store = PostgresStore::connect(url, postgres_options()).await;
                Arc::new(store.map_err(|error| error.to_string())?)
            }
        })
    }

    /// Whether a server would accept codes of it, or make a set.
    pub(crate) async fn takes_writes(&self) -> bool {
        match self.serve().await {
            Ok(store) => store.probe().await.is_ok(),
            Err(_) => false,
        }
    }

    /// Lets it be written again, as if its copy had never served.
    pub(crate) async fn thaw(&self, copy: CopyFate) -> Result<Option<u64>, String> {
        match self {
            Self::Sqlite(path, _) => thaw(path, sqlite_options(), copy).map_err(|error| error.to_string()),
            Self::Postgres(url) => {
                PostgresStore::thaw(url, postgres_options(), copy).await.map_err(|error| error.to_string())
            }
        }
    }

    /// A store with rows of every kind, some of more than one page.
    pub(crate) async fn fill(&self) {
        let store = self.serve().await.unwrap();
        with_set(&*store).await;
        for index in [1, 2, 3, 7, 9] {
            spend_one(&*store, index).await.unwrap();
        }
        let realm = realm_id("alpha");
        let mut writes = vec![
            Write::InsertSet(Box::new(matchbook_store::contract::fixtures::set("alpha", 1, 41, 3))),
            Write::SetFailures { realm: realm.clone(), id: id(1), count: 3 },
            Write::CountFailure { realm: realm.clone(), bucket: bucket(1), at: UnixMillis(5_000), window_ms: 10 },
            Write::InsertDispatch(Box::new(dispatch("alpha", 1, 1, 5_000))),
        ];
        for byte in 1..=3 {
            writes.push(Write::InsertOperation(Box::new(operation("alpha", "vpn", &format!("op-{byte}")))));
            writes.push(Write::InsertOutbox(Box::new(outbox("alpha", 1, byte))));
            writes.push(Write::InsertToken(Box::new(token(byte))));
            writes.push(Write::Audit(Box::new(event("alpha", 5_000 + u64::from(byte), byte))));
        }
        commit(&*store, writes).await.unwrap();
        // What is voided leaves the highest index that was spent in it.
        commit(
            &*store,
            vec![
                Write::Spend(Box::new(matchbook_store::contract::fixtures::spend("alpha", 1, 42))),
                Write::DeleteSet { realm, id: id(1), first: CodeIndex(41) },
            ],
        )
        .await
        .unwrap();
    }

    /// Every row.
    pub(crate) async fn rows(&self) -> Vec<Entity> {
        let mover = self.mover(false).await;
        let mut all = Vec::new();
        for kind in Kind::ALL {
            let of_kind = mover.export(kind, None, 10_000).await.unwrap();
            assert_eq!(mover.count(kind).await.unwrap(), of_kind.len() as u64);
            // In pages of one they are the same, and in the order of their keys.
            let mut after = None;
            for row in &of_kind {
                let page = mover.export(kind, after, 1).await.unwrap();
                assert_eq!(page, std::slice::from_ref(row));
                after = Some(row.key());
            }
            assert_eq!(mover.export(kind, after, 1).await.unwrap(), []);
            all.extend(of_kind);
        }
        all
    }
}
