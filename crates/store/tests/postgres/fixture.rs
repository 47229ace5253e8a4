//! Stores on real servers, and what a plain acceptance is.

use std::sync::Arc;

use matchbook_protocol::{CodeIndex, UnixMillis};
use matchbook_rules::{AuditEvent, Changes, Guard, Operation, Spend, Version, Write};
use matchbook_store::contract::fixtures::{
    bucket, event, id, operation, operation_id, realm_id, relying_party, spend, subscriber_id,
};
use matchbook_store::{PostgresOptions, PostgresStore, Store};
use matchbook_testbed::{Access, Postgres, Proxy};

/// A database on the server that all tests share.
pub(crate) struct Database {
    server: Access,
    name: String,
}

impl Database {
    /// `None` where PostgreSQL is not installed.
    pub(crate) async fn fresh() -> Option<Self> {
        if !Postgres::is_installed() {
            return None;
        }
        let made = tokio::task::spawn_blocking(|| {
            let server = Postgres::shared().unwrap();
            let name = server.fresh_database().unwrap();
            Self { server, name }
        });
        Some(made.await.unwrap())
    }

    pub(crate) fn url(&self) -> String {
        self.server.url(&self.name)
    }

    pub(crate) fn sql(&self, sql: &str) -> String {
        self.server.sql(&self.name, sql).unwrap()
    }

    /// A node on it.
    pub(crate) async fn open(&self) -> PostgresStore {
        PostgresStore::connect(&self.url(), options()).await.unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    /// Its URL by way of a proxy.
    pub(crate) fn url_by(&self, proxy: &Proxy) -> String {
        self.server.by_way_of(proxy).url(&self.name)
    }

    /// Every spend has its operation and its event, and the other way round.
    pub(crate) fn assert_both_or_none(&self) {
        self.assert_both_or_none_but(0);
    }

    /// All but so many spends, which were committed without one.
    pub(crate) fn assert_both_or_none_but(&self, alone: u32) {
        let found = "SELECT count(*) FROM spends AS s FULL JOIN operations AS o ON s.realm = o.realm \
                     AND s.relying_party = o.relying_party AND s.operation = o.operation \
                     WHERE s.code IS NULL OR o.at IS NULL";
        assert_eq!(self.sql(found), alone.to_string());
        let untold = "SELECT (SELECT count(*) FROM spends) - (SELECT count(*) FROM audit)";
        assert_eq!(self.sql(untold), alone.to_string());
    }
}

/// What a test that is about something else connects with.
pub(crate) fn options() -> PostgresOptions {
    PostgresOptions { migrate: true, connections: 8, ..PostgresOptions::default() }
}

/// An empty store.
pub(crate) async fn store() -> Option<(Arc<dyn Store>, Database)> {
    let database = Database::fresh().await?;
    Some((Arc::new(database.open().await), database))
}

/// A plain acceptance of a code of device 1 of `ada` in `alpha`, all of them at version 1.
pub(crate) fn accept(index: u32, name: &str) -> Changes {
    let realm = realm_id("alpha");
    let at = UnixMillis(5_000);
    let counts = [1, 2, 3, 4].map(|byte| Guard::Calm {
        realm: realm.clone(),
        bucket: bucket(byte),
        below: u32::from(byte) * 5,
        since: UnixMillis(1_000),
    });
    let mut chance = [0; 16];
    chance[..4].copy_from_slice(&index.to_be_bytes());
    for (to, from) in chance[4..].iter_mut().zip(name.bytes().rev()) {
        *to = from;
    }
    let told = AuditEvent {
        id: chance,
        at,
        authenticator: Some(id(1)),
        subscriber: Some(subscriber_id("ada")),
        relying_party: Some(relying_party("vpn")),
        detail: format!("code {index} accepted"),
        ..event("alpha", 5_000, 0)
    };
    Changes {
        guards: [
            Guard::Authenticator { realm: realm.clone(), id: id(1), version: Version(1) },
            Guard::Subscriber { realm: realm.clone(), id: subscriber_id("ada"), version: Version(1) },
            Guard::Realm { id: realm.clone(), version: Version(1) },
            Guard::Failures { realm, id: id(1), count: 0 },
        ]
        .into_iter()
        .chain(counts)
        .collect(),
        writes: vec![
            Write::InsertOperation(Box::new(Operation { at, ..operation("alpha", "vpn", name) })),
            Write::Spend(Box::new(Spend {
                operation: operation_id(name),
                index: CodeIndex(index),
                at,
                ..spend("alpha", 1, index)
            })),
            Write::Audit(Box::new(told)),
        ],
    }
}
