//! A server that is spoken to by TLS alone, and who is believed to be it.

use std::fs;

use matchbook_store::contract::fixtures::with_set;
use matchbook_store::{ConnectError, PostgresStore, Store};
use matchbook_testbed::Postgres;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use super::fixture::{accept, options};

/// An authority of the test's own.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    /// What `sslrootcert` names.
    fn file(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    /// A server whose certificate is for these hosts.
    async fn server(&self, hosts: &[&str]) -> Option<Postgres> {
        if !Postgres::is_installed() {
            return None;
        }
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(hosts).unwrap().signed_by(&key, &self.issuer).unwrap();
        let start = move || Postgres::start_with_tls(&certificate.pem(), &key.serialize_pem()).unwrap();
        Some(tokio::task::spawn_blocking(start).await.unwrap())
    }
}

fn url(hosts: &str, rest: &str) -> String {
    format!("postgres://{}@{hosts}/codes?{rest}", Postgres::USER)
}

async fn refused(url: &str) -> String {
    match PostgresStore::connect(url, options()).await {
        Err(ConnectError::Unavailable(why)) => why,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was taken: {url}"),
    }
}

#[track_caller]
fn assert_says(why: &str, sentences: &[&str]) {
    for sentence in sentences {
        assert!(why.contains(sentence), "{sentence:?} in {why}");
    }
}

/// Our connections to a server, and those of them without TLS.
fn connections(server: &Postgres) -> (u32, u32) {
    let of_ours = "SELECT count(*), count(*) FILTER (WHERE NOT ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                   WHERE application_name = 'matchbook'";
    let counted = server.sql("postgres", of_ours).unwrap();
    let (all, clear) = counted.split_once('|').unwrap();
    (all.parse().unwrap(), clear.parse().unwrap())
}

#[tokio::test]
async fn a_server_that_proves_who_it_is_is_spoken_to_by_tls_alone() {
    let authority = Authority::new("one");
    let Some(server) = authority.server(&["localhost", "127.0.0.1", "db1.example.org"]).await else { return };
    server.database("codes").unwrap();
    let (port, ca) = (server.port(), authority.file());
    // The last: a name that need not be known anywhere, at an address that is given.
    for (hosts, more) in [
        (format!("localhost:{port}"), ""),
        (format!("127.0.0.1:{port}"), ""),
        (format!("db1.example.org:{port}"), "&hostaddr=127.0.0.1"),
    ] {
        // With an authority named, `verify-full` goes without saying, on this machine too.
        for mode in ["sslmode=verify-full&", ""] {
            let url = url(&hosts, &format!("{mode}sslrootcert={ca}{more}"));
            PostgresStore::connect(&url, options()).await.unwrap();
        }
    }
    let url = url(&format!("localhost:{port}"), &format!("sslrootcert={ca}"));
    let store = PostgresStore::connect(&url, options()).await.unwrap();
    with_set(&store).await;
    store.commit(accept(1, "op-1")).await.unwrap();
    let (all, in_clear) = connections(&server);
    assert!(all >= 2 && in_clear == 0, "{all} connections, {in_clear} in clear");
}

#[tokio::test]
async fn a_server_of_another_authority_is_refused() {
    let (authority, other) = (Authority::new("one"), Authority::new("other"));
    let Some(server) = authority.server(&["localhost"]).await else { return };
    server.database("codes").unwrap();
    let host = format!("localhost:{}", server.port());
    for mode in ["verify-full", "verify-ca", "require"] {
        let why = refused(&url(&host, &format!("sslmode={mode}&sslrootcert={}", other.file()))).await;
        assert_says(&why, &["does not speak TLS as the URL wants it", "UnknownIssuer", "check sslmode, sslrootcert"]);
    }
    let why = refused(&url(&host, "sslmode=verify-full&sslrootcert=system")).await;
    assert_says(&why, &["UnknownIssuer", "sslrootcert"]);
    // Who asks for no proof is not given the lie.
    PostgresStore::connect(&url(&host, "sslmode=require"), options()).await.unwrap();
    PostgresStore::connect(&url(&host, "sslmode=prefer"), options()).await.unwrap();
}

#[tokio::test]
async fn a_server_of_another_name_is_refused_when_the_name_counts() {
    let authority = Authority::new("one");
    let Some(server) = authority.server(&["db1.example.org"]).await else { return };
    server.database("codes").unwrap();
    let ca = authority.file();
    for host in ["localhost", "127.0.0.1"] {
        let host = format!("{host}:{}", server.port());
        for mode in ["sslmode=verify-full&", ""] {
            let why = refused(&url(&host, &format!("{mode}sslrootcert={ca}"))).await;
            assert_says(&why, &["not valid for name", "db1.example.org", "the host's name"]);
        }
        for mode in ["verify-ca", "require"] {
            let url = url(&host, &format!("sslmode={mode}&sslrootcert={ca}"));
            PostgresStore::connect(&url, options()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_server_that_wants_tls_refuses_who_speaks_in_clear() {
    let Some(server) = Authority::new("one").server(&["localhost"]).await else { return };
    server.database("codes").unwrap();
    // On this machine, clear is what goes without saying.
    for rest in ["sslmode=disable", ""] {
        let why = refused(&url(&format!("localhost:{}", server.port()), rest)).await;
        assert_says(&why, &["does not let us in", "no encryption", "sslmode", "hostssl"]);
    }
}

#[tokio::test]
async fn a_log_in_is_bound_to_its_channel() {
    let authority = Authority::new("one");
    let Some(server) = authority.server(&["localhost"]).await else { return };
    server.database("codes").unwrap();
    let (user, host) = (Postgres::ASKED, format!("localhost:{}", server.port()));
    server
        .sql("postgres", &format!("CREATE USER {user} PASSWORD 'a password'; GRANT ALL ON DATABASE codes TO {user}"))
        .unwrap();
    server.sql("codes", &format!("GRANT CREATE ON SCHEMA public TO {user}")).unwrap();
    let url = |password: &str| {
        let ca = authority.file();
        format!("postgres://{user}{password}@{host}/codes?sslrootcert={ca}&channel_binding=require")
    };
    PostgresStore::connect(&url(":a%20password"), options()).await.unwrap();
    let why = refused(&url(":another")).await;
    assert_says(&why, &["refuses us", "28P01", "check user, password"]);
    assert!(!why.contains("another"), "{why}");
    assert_says(&refused(&url("")).await, &["wants a password", "--database-password-file"]);
}

#[tokio::test]
async fn of_several_hosts_the_primary_is_taken_before_and_after_a_failover() {
    let authority = Authority::new("one");
    let Some(mut primary) = authority.server(&["localhost", "127.0.0.1"]).await else { return };
    primary.database("codes").unwrap();
    let standby = primary.standby("one").unwrap();
    primary.require_standby("one").unwrap();
    let (one, other) = (format!("localhost:{}", primary.port()), format!("127.0.0.1:{}", standby.port()));
    let rest = format!("sslmode=verify-full&sslrootcert={}&target_session_attrs=read-write", authority.file());
    let urls = [url(&format!("{one},{other}"), &rest), url(&format!("{other},{one}"), &rest)];
    for url in &urls {
        let store = PostgresStore::connect(url, options()).await.unwrap();
        store.probe().await.unwrap();
        assert_eq!(connections(&standby), (0, 0));
        assert!(connections(&primary).0 > 0);
    }
    let why = refused(&url(&other, &rest)).await;
    assert_says(&why, &["is a standby", "let the URL name the primary, or all hosts"]);
    primary.kill().unwrap();
    standby.promote().unwrap();
    for url in &urls {
        let store = PostgresStore::connect(url, options()).await.unwrap();
        store.probe().await.unwrap();
        assert!(connections(&standby).0 > 0);
    }
}
