//! A network with a modem and, behind a number, enough of a server to enrol one device and give it sets.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use matchbook_protocol::sms::{Form, Limits, Reassembler, segments};
use matchbook_protocol::{
    Alphabet, AuthenticatorId, Code, CodeFormat, CodeIndex, CodeSet, Delivery, Enrolment, Epoch, EpochKeys, Handle,
    Party, Profile, Secret, Suite, Sync, UnixMillis, UnverifiedUplink, Uplink, activation_key,
};
use matchbook_smsc::modem::{self, ModemHandle, ModemOptions};
use matchbook_smsc::{Conditions, Phone};
use rand_core::{CryptoRng, UnwrapErr};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

pub(crate) const OURS: &str = "+491700000001";
pub(crate) const SERVER: &str = "+491700000099";
/// How many codes a set has.
const SET: u32 = 12;

pub(crate) struct Network {
    _runtime: Runtime,
    network: Arc<matchbook_smsc::Network>,
    port: PathBuf,
    _modem: ModemHandle,
    enrolment: Enrolment,
    shared: Arc<Shared>,
}

/// What tests and the server's task share.
#[derive(Default)]
struct Shared {
    is_deaf: AtomicBool,
    push: Notify,
    codes: Mutex<Vec<String>>,
}

impl Network {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let network = matchbook_smsc::Network::new(Conditions::default());
        let profile = Profile::new(Suite::X25519, Delivery::Shared).unwrap();
        let enrolment = Enrolment {
            party: Party { id: AuthenticatorId([5; 8]), profile },
            secret: Secret::new([3; 16]),
            server: format!("sms:{SERVER}"),
            realm: "main".to_owned(),
            label: "radio".to_owned(),
        };
        let shared = Arc::new(Shared::default());
        let inside = runtime.enter();
        let (port, modem) = modem::pty(network.phone(OURS.parse().unwrap()), ModemOptions::default()).unwrap();
        let server = Server::new(&enrolment, Arc::clone(&shared));
        tokio::spawn(server.run(network.phone(SERVER.parse().unwrap())));
        drop(inside);
        Self { _runtime: runtime, network, port, _modem: modem, enrolment, shared }
    }

    /// The modem's port.
    pub(crate) fn port(&self) -> &str {
        self.port.to_str().unwrap()
    }

    pub(crate) fn uri(&self) -> String {
        self.enrolment.to_uri().to_string()
    }

    /// Whether the server hears nothing.
    pub(crate) fn set_deaf(&self, is_deaf: bool) {
        self.shared.is_deaf.store(is_deaf, Ordering::Relaxed);
    }

    /// The server sends a set by itself.
    pub(crate) fn push(&self) {
        self.shared.push.notify_one();
    }

    /// The code with this index.
    pub(crate) fn code(&self, index: usize) -> String {
        self.shared.codes.lock().unwrap()[index - 1].clone()
    }

    /// Whether a message reaches another number, which has no phone until now.
    pub(crate) fn got(&self, number: &str) -> bool {
        let until = Instant::now() + Duration::from_secs(60);
        while Instant::now() < until {
            if self.network.counts().mo_queued > 0 {
                return number != SERVER;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

struct Server {
    keys: EpochKeys,
    shared: Arc<Shared>,
    handle: Handle,
    last_request: u32,
    syncs: u32,
    next: u32,
    outstanding: Option<(u32, Vec<u8>)>,
}

impl Server {
    fn new(enrolment: &Enrolment, shared: Arc<Shared>) -> Self {
        let key = activation_key(&enrolment.secret, &enrolment.party);
        let keys = EpochKeys::derive(&key, &enrolment.party, Epoch(0));
        Self { keys, shared, handle: Handle(0), last_request: 0, syncs: 0, next: 1, outstanding: None }
    }

    async fn run(mut self, mut phone: Phone) {
        let shared = Arc::clone(&self.shared);
        let mut reassembler = Reassembler::new(Limits::default());
        loop {
            let answer = tokio::select! {
                incoming = phone.receive() => {
                    let message = reassembler.accept(&incoming.from, &incoming.segment, UnixMillis(0)).unwrap();
                    let message = message.filter(|_| !shared.is_deaf.load(Ordering::Relaxed));
                    message.map(|message| self.answer(&message))
                }
                () = shared.push.notified() => {
                    self.issue();
                    self.outstanding.clone().map(|(_, set)| set)
                }
            };
            for segment in answer.into_iter().flat_map(|answer| segments(&answer, Form::Binary, answer[9]).unwrap()) {
                phone.send(&OURS.parse().unwrap(), segment).await;
            }
        }
    }

    fn answer(&mut self, message: &[u8]) -> Vec<u8> {
        match self.keys.open_uplink(&UnverifiedUplink::decode(message).unwrap()).unwrap() {
            Uplink::Enrol { counter, enrol } => {
                self.last_request = counter;
                self.handle = enrol.handle;
            }
            Uplink::Request { counter, request } => {
                self.last_request = self.last_request.max(counter);
                if self.outstanding.as_ref().is_some_and(|(last, _)| request.highest.0 >= *last) {
                    self.outstanding = None;
                }
                if request.wanted > 0 && self.outstanding.is_none() {
                    self.issue();
                }
                if let Some((_, set)) = &self.outstanding {
                    return set.clone();
                }
            }
        }
        self.syncs += 1;
        let sync = Sync { last_request: self.last_request, rotate: false, suspended: false, threshold: 3 };
        self.keys.seal_sync(self.handle, self.syncs, &sync, &mut rng()).unwrap()
    }

    fn issue(&mut self) {
        let format = CodeFormat::new(Alphabet::Decimal, 6).unwrap();
        let codes: Vec<Code> = (0..SET).map(|_| Code::draw(format, &mut rng())).collect();
        self.shared.codes.lock().unwrap().extend(codes.iter().map(|code| code.reveal().to_string()));
        let set = CodeSet::new(CodeIndex(self.next), format, false, codes).unwrap();
        self.next += SET;
        self.outstanding = Some((set.last().0, self.keys.seal_set(self.handle, &set, &mut rng()).unwrap()));
    }
}

fn rng() -> impl CryptoRng {
    UnwrapErr(getrandom::SysRng)
}
