//! A server's beginning and its end, and TLS.

use std::net::TcpStream;
use std::sync::{Arc, Once};
use std::thread;
use std::time::{Duration, Instant};

use matchbook_device::bearer::{HttpOptions, RootCertificate};
use matchbook_protocol::DownlinkKind;
use matchbook_server::{Running, StartError, TlsFiles};
use matchbook_store::MemoryStore;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;

use crate::common::hooked::of_verify;
use crate::common::site::{Node, config, keyring};
use crate::common::{Phone, Site, attempt, eventually, hand, raw};

#[test]
fn a_shutdown_lets_a_call_under_way_end() {
    let (mut site, store) = Site::hooked();
    let party = site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    let body = attempt("alice", &phone.take());
    let gate = store.hold_before(of_verify);
    let asking = thread::spawn(move || party.apart().accepts(&body));
    gate.wait_for(1);
    let address = site.url().trim_start_matches("http://").to_owned();
    let node = site.take_node();
    let stopping = thread::spawn(move || node.stop());
    eventually("nobody new is let in", || TcpStream::connect(&address).is_err());
    assert!(!stopping.is_finished() && !asking.is_finished());
    gate.open();
    assert!(asking.join().unwrap(), "it was decided, stored and answered");
    stopping.join().unwrap();
    assert_eq!(site.stored(phone.id()).spent.len(), 1);
}

#[test]
fn a_shutdown_releases_held_requests() {
    let mut site = Site::new();
    site.realm("ship", &json!({ "threshold": 0 }));
    let mut hand = site.hand("ship", "alice");
    hand.request(&hand::wants(0, 0, 20));
    let message = hand.seal(&hand::status(20, 20));
    let held = thread::spawn(move || {
        let answer = hand.post_waiting(&message, 50);
        (hand, answer)
    });
    eventually("the device waits", || site.metric("matchbook_waiting_devices") > 0.0);
    let began = Instant::now();
    site.take_node().stop();
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    let (hand, answer) = held.join().unwrap();
    assert_eq!(answer.status, 200, "with what there is, not cut off");
    assert!(!hand.sync_in(&answer).suspended);
}

/// A second held request of a device takes the first one's place.
#[test]
fn a_device_holds_one_request() {
    let site = Site::new();
    site.realm("ship", &json!({ "threshold": 0 }));
    let mut hand = site.hand("ship", "alice");
    hand.request(&hand::wants(0, 0, 20));
    let (first, second) = (hand.seal(&hand::status(20, 20)), hand.seal(&hand::status(20, 20)));
    let hold = |message: &[u8]| {
        let (url, cose) = (hand.url.clone(), matchbook_protocol::expand_uplink(message).unwrap());
        thread::spawn(move || hand::raw_post(&url, &cose, 50))
    };
    let older = hold(&first);
    eventually("the device waits", || site.metric("matchbook_waiting_devices") == 1.0);
    let newer = hold(&second);
    let answer = hand.read(&older.join().unwrap());
    assert_eq!(answer.messages.len(), 1);
    assert!(!newer.is_finished());
    site.command("ship", hand.id(), "push").ok();
    let answer = hand.read(&newer.join().unwrap());
    assert!(hand.set_in(&answer).is_some());
}

#[test]
fn an_address_in_use_is_told_in_a_sentence() {
    let site = Site::in_memory();
    let taken = site.url().trim_start_matches("http://").parse().unwrap();
    let config = matchbook_server::ServerConfig { listen: taken, ..config() };
    let started = site.block_on(Running::start(config, Arc::new(MemoryStore::new()), keyring()));
    let error = started.err().unwrap();
    assert!(matches!(error, StartError::Listen(..)));
    assert!(
        error.to_string().contains("in use by another program") && error.to_string().contains("--listen"),
        "{error}"
    );
}

/// A private authority, and a certificate of its for this machine.
struct Tls {
    folder: tempfile::TempDir,
    root: String,
}

fn tls() -> Tls {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("certificate.pem"), leaf.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
    Tls { folder, root: issuer.pem() }
}

impl Tls {
    fn files(&self) -> TlsFiles {
        let path = self.folder.path();
        TlsFiles { certificate: path.join("certificate.pem"), key: path.join("key.pem") }
    }
}

#[test]
fn devices_come_by_tls() {
    let tls = tls();
    let mut site = Site::in_memory();
    site.realm("ship", &json!({}));
    site.config.tls = Some(tls.files());
    let store = Arc::clone(site.store());
    let plain = site.take_node();
    // The enrolment has to name the server with TLS, so that one makes it.
    let secure = Node::start(store, site.config.clone());
    assert!(secure.url.starts_with("https://127.0.0.1:"), "{}", secure.url);
    drop(plain);
    let roots = ureq::tls::RootCerts::from(vec![ureq::tls::Certificate::from_pem(tls.root.as_bytes()).unwrap()]);
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .tls_config(ureq::tls::TlsConfig::builder().root_certs(roots).build())
        .proxy(None)
        .build()
        .into();
    let healthy = agent.get(format!("{}/healthz", secure.url)).call().unwrap().body_mut().read_to_string().unwrap();
    assert_eq!(healthy, "ok\n");

    assert_eq!(chosen(&secure.url, &tls.root, &[b"h2", b"http/1.1"]), Some(b"http/1.1".to_vec()), "as it is spoken");
    assert_eq!(chosen(&secure.url, &tls.root, &[]), None);

    let trusting = HttpOptions {
        root_certificate: Some(RootCertificate::from_pem(tls.root.as_bytes()).unwrap()),
        ..HttpOptions::default()
    };
    let mut enrolment = site.block_on(enrol(&site, &secure.url));
    enrolment.server.clone_from(&secure.url);
    let mut stranger = Phone::with(&enrolment, &HttpOptions::default());
    assert!(stranger.on(|device| device.sync()).is_err(), "a certificate that nobody vouches for");
    let mut phone = Phone::with(&enrolment, &trusting);
    phone.sync();
    assert_eq!(phone.remaining(), 40);
    assert!(crate::exchange::kinds(&phone).contains(&DownlinkKind::Set));

    let mut stream = raw::connect(&secure.url.replace("https://", "http://"));
    std::io::Write::write_all(&mut stream, b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let answer = raw::read_to_end(&mut stream);
    assert!(!answer.starts_with(b"HTTP/1.1 2"), "nothing is said in clear");
    secure.stop();
}

/// The protocol that the server chooses of those that a browser or curl offers in its handshake.
fn chosen(url: &str, root: &str, offered: &[&[u8]]) -> Option<Vec<u8>> {
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
    let mut client = rustls::ClientConnection::new(Arc::new(config), "127.0.0.1".try_into().unwrap()).unwrap();
    let mut stream = raw::connect(&url.replace("https://", "http://"));
    while client.is_handshaking() {
        client.complete_io(&mut stream).unwrap();
    }
    client.alpn_protocol().map(<[u8]>::to_vec)
}

/// Makes an enrolment without a call, as the operator's client of these tests trusts no private authority.
async fn enrol(site: &Site, url: &str) -> matchbook_protocol::Enrolment {
    use matchbook_rules::{RealmId, SubscriberId, admin, enrol};
    let store = site.store();
    let realm = store.realm(&RealmId::new("ship").unwrap()).await.unwrap().unwrap();
    let alice = SubscriberId::new("alice").unwrap();
    let now = crate::common::site::now();
    let made = admin::create_subscriber(&realm, &alice, String::new(), now, &mut hand::rng()).unwrap();
    store.commit(made).await.unwrap();
    let alice = store.subscriber(&realm.id, &alice).await.unwrap().unwrap();
    let profile =
        matchbook_protocol::Profile::new(matchbook_protocol::Suite::X25519, matchbook_protocol::Delivery::Shared);
    let request = enrol::EnrolmentRequest {
        label: String::new(),
        profile: profile.unwrap(),
        valid_for_ms: 600_000,
        server: url.to_owned(),
        msisdn: None,
    };
    let (changes, enrolment) = enrol::create(&realm, &alice, request, &keyring(), now, &mut hand::rng()).unwrap();
    store.commit(changes).await.unwrap();
    enrolment
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_in_a_sentence() {
    let tls = tls();
    let site = Site::in_memory();
    let start = |files: TlsFiles| {
        let config = matchbook_server::ServerConfig { tls: Some(files), ..config() };
        site.block_on(Running::start(config, Arc::new(MemoryStore::new()), keyring())).err().unwrap()
    };
    let good = tls.files();
    let swapped = TlsFiles { certificate: good.key.clone(), key: good.certificate.clone() };
    let missing = TlsFiles { certificate: tls.folder.path().join("none.pem"), key: good.key.clone() };
    let other = tls_of_another_key(&tls);
    for files in [swapped, missing, other] {
        let error = start(files);
        assert!(matches!(error, StartError::Tls(..)), "{error}");
        assert!(error.to_string().contains("both must be PEM, and belong together"), "{error}");
    }
}

fn tls_of_another_key(tls: &Tls) -> TlsFiles {
    let key = tls.folder.path().join("other.pem");
    std::fs::write(&key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    TlsFiles { certificate: tls.files().certificate, key }
}
