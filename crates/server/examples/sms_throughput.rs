//! How many short messages a second go through one bind, with the store durable.
//!
//! `cargo run --release -p matchbook-server --example sms_throughput -- [DEVICES]`
//!
//! A server on SQLite, a simulated centre in the same process, and devices (the protocol's engine) that all enrol at once
//! and get their first set: three messages up and two down for each. Then the floor in the same run: durable commits a
//! second of the store, one after the other. What the centre takes of a bare loop is `flood` of the crate matchbook-smsc.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use getrandom::SysRng;
use matchbook_protocol::engine::Pace;
use matchbook_protocol::sms::{Address, Form, Limits, Reassembler, segments};
use matchbook_protocol::{Delivery, Engine, Enrolment, Handle, Output, Profile, Secret, Suite, UnixMillis};
use matchbook_rules::enrol::EnrolmentRequest;
use matchbook_rules::keyring::Keyring;
use matchbook_rules::{Policy, RealmId, SubscriberId, admin, enrol};
use matchbook_server::{Running, ServerConfig, SmsConfig};
use matchbook_smsc::{Centre, CentreOptions, Conditions, Network, Phone};
use matchbook_store::Store;
use matchbook_store::sqlite::{OpenOptions, SqliteStore};
use rand_core::UnwrapErr;

/// Devices when the command line names no number.
const DEVICES: usize = 4_000;
/// Commits of the floor.
const COMMITS: u32 = 2_000;

fn main() {
    let devices = std::env::args().nth(1).map_or(DEVICES, |text| text.parse().expect("a number of devices"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run(devices));
}

async fn run(devices: usize) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(
        folder.path().join("matchbook.sqlite"),
        OpenOptions { check_value: None, create: true, ..OpenOptions::default() },
    );
    let store: Arc<dyn Store> = Arc::new(store.unwrap());
    let network = Network::new(Conditions::default());
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let centre = Centre::start(network.clone(), listen, CentreOptions::default()).await.unwrap();
    let enrolments = enrol_all(&*store, devices).await;
    let config =
        ServerConfig { listen, sms: Some(Arc::new(sms(centre.address(), folder.path()))), ..ServerConfig::default() };
    let server = Running::start(config, Arc::clone(&store), keyring()).await.unwrap();
    while centre.bound() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let began = Instant::now();
    let phones = enrolments.into_iter().map(|(number, enrolment)| {
        let phone = network.phone(number);
        tokio::spawn(first_set(enrolment, phone))
    });
    for phone in phones.collect::<Vec<_>>() {
        phone.await.unwrap();
    }
    let took = began.elapsed().as_secs_f64();
    let counts = network.counts();
    println!("{devices} devices enrolled and got their first set in {took:.1} s");
    println!(
        "down {:.0} a second, up {:.0} a second, both {:.0} a second",
        per_second(counts.submitted, took),
        per_second(counts.mo_sent, took),
        per_second(counts.submitted + counts.mo_sent, took)
    );
    let began = Instant::now();
    for _ in 0..COMMITS {
        store.probe().await.unwrap();
    }
    let commits = f64::from(COMMITS) / began.elapsed().as_secs_f64();
    println!("floor: the store commits {commits:.0} times a second, one after the other");
    server.stop().await;
    centre.stop().await;
}

async fn enrol_all(store: &dyn Store, devices: usize) -> Vec<(Address, Enrolment)> {
    let (realm, now) = (RealmId::new("sea".to_owned()).unwrap(), now());
    store
        .commit(admin::create_realm(&realm, String::new(), Policy::default(), now, &mut rng()).unwrap())
        .await
        .unwrap();
    let realm = store.realm(&realm).await.unwrap().unwrap();
    let user = SubscriberId::new("crew".to_owned()).unwrap();
    let made = admin::create_subscriber(&realm, &user, String::new(), now, &mut rng()).unwrap();
    store.commit(made).await.unwrap();
    let user = store.subscriber(&realm.id, &user).await.unwrap().unwrap();
    let mut enrolments = Vec::with_capacity(devices);
    for n in 0..devices {
        let number: Address = format!("+4917{n:08}").parse().unwrap();
        let request = EnrolmentRequest {
            label: String::new(),
            profile: Profile::new(Suite::Symmetric, Delivery::Shared).unwrap(),
            valid_for_ms: 3_600_000,
            server: "sms:16020".to_owned(),
            msisdn: Some(number.clone()),
        };
        let (changes, enrolment) = enrol::create(&realm, &user, request, &keyring(), now, &mut rng()).unwrap();
        store.commit(changes).await.unwrap();
        enrolments.push((number, enrolment));
    }
    enrolments
}

/// A device until it has codes.
async fn first_set(enrolment: Enrolment, mut phone: Phone) {
    let server = enrolment.sms_server().unwrap();
    let mut engine = Engine::enrol(&enrolment, Handle(0), &mut rng()).unwrap();
    engine.set_pace(Pace::SHORT_MESSAGES);
    let mut reassembler = Reassembler::new(Limits::default());
    loop {
        while let Some(output) = engine.poll_output() {
            if let Output::Transmit(message) = output {
                for segment in segments(&message, Form::Binary, 1).unwrap() {
                    phone.send(&server, segment).await;
                }
            }
        }
        if engine.remaining() > 0 {
            return;
        }
        let incoming = phone.receive().await;
        if let Ok(Some(bytes)) = reassembler.accept(&incoming.from, &incoming.segment, now()) {
            engine.handle_input(&bytes, now(), &mut rng()).unwrap();
        }
    }
}

fn sms(centre: SocketAddr, folder: &Path) -> SmsConfig {
    let text = format!(
        "number = \"16020\"\n[[centre]]\nname = \"one\"\naddress = \"{centre}\"\nsystem_id = \"matchbook\"\n\
         password = \"bench\"\nwindow = 200\nper_second = 10000\n"
    );
    SmsConfig::from_toml(&text, folder).unwrap()
}

fn keyring() -> Keyring {
    Keyring::new(Secret::new([1; 32]), Secret::new([2; 32]), 1)
}

#[allow(clippy::cast_precision_loss, reason = "three digits are enough")]
fn per_second(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds
}

#[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn now() -> UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixMillis(u64::try_from(since.as_millis()).unwrap())
}

fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}
