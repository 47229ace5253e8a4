//! The device with its disk, the server, and a wire between them that a test holds in its hands.

use std::collections::BTreeMap;

use matchbook_protocol::{
    Account, AuthenticatorId, Code, CodeIndex, Delivery, Engine, Enrolment, Event, Handle, Output, Party, PeerError,
    Phase, Profile, Selector, Suite, TakeError, UnixMillis, activation_key,
};

use crate::chance::Chance;
use crate::server::{Bytes, Server};

pub const HANDLE: Handle = Handle(3);

pub struct World {
    pub engine: Engine,
    /// The account as it was stored last; none before the first time.
    pub disk: Option<Bytes>,
    pub server: Server,
    pub now: UnixMillis,
    /// What the device sent and the server has not got yet.
    pub uplinks: Vec<Bytes>,
    /// Everything that either side ever sent.
    pub sent_up: Vec<Bytes>,
    pub sent_down: Vec<Bytes>,
    pub events: Vec<String>,
    /// Codes that the user saw.
    pub shown: BTreeMap<CodeIndex, u64>,
    pub wait_until: Option<UnixMillis>,
    /// How many more outputs are carried out before the device loses power.
    pub fuse: Option<usize>,
    pub crashed: bool,
    pub chance: Chance,
}

pub fn profile(suite: Suite) -> Profile {
    Profile::new(suite, Delivery::Shared).unwrap()
}

#[cfg(not(feature = "x-wing"))]
pub const SUITES: [Suite; 3] = [Suite::Symmetric, Suite::X25519, Suite::P256];
#[cfg(feature = "x-wing")]
pub const SUITES: [Suite; 4] = [Suite::Symmetric, Suite::X25519, Suite::P256, Suite::XWing];

impl World {
    /// A device that has just been handed its enrolment; ENROL is not delivered yet.
    pub fn new(profile: Profile) -> Self {
        let mut chance = Chance(0xde_71ce);
        let enrolment = Self::enrolment(profile);
        let server = Server::new(enrolment.party, &activation_key(&enrolment.secret, &enrolment.party));
        let engine = Engine::enrol(&enrolment, HANDLE, &mut chance).unwrap();
        let mut world = Self {
            engine,
            disk: None,
            server,
            now: UnixMillis(1_700_000_000_000),
            uplinks: Vec::new(),
            sent_up: Vec::new(),
            sent_down: Vec::new(),
            events: Vec::new(),
            shown: BTreeMap::new(),
            wait_until: None,
            fuse: None,
            crashed: false,
            chance,
        };
        world.pump();
        world
    }

    fn enrolment(profile: Profile) -> Enrolment {
        Enrolment {
            party: Party { id: AuthenticatorId(*b"matchbox"), profile },
            secret: Chance(7).secret(),
            server: "https://codes.example".into(),
            realm: "ships".into(),
            label: "MS Aurora".into(),
        }
    }

    /// A device that is enrolled and holds its first set of five, acknowledged.
    pub fn enrolled(profile: Profile) -> Self {
        let mut world = Self::new(profile);
        world.settle();
        world.events.clear();
        world
    }

    /// Carries out what the engine wants done. False when the device lost power on the way.
    pub fn pump(&mut self) -> bool {
        while let Some(output) = self.engine.poll_output() {
            if self.fuse == Some(0) {
                self.fuse = None;
                self.crash();
                return false;
            }
            self.fuse = self.fuse.map(|left| left - 1);
            match output {
                Output::Persist => self.disk = Some(self.engine.account().encode().to_vec()),
                Output::Transmit(bytes) => {
                    let disk = Account::decode(self.disk.as_ref().expect("stored before it is sent")).unwrap();
                    assert_eq!(disk.last_request(), self.engine.account().last_request(), "stored before it is sent");
                    self.sent_up.push(bytes.clone());
                    self.uplinks.push(bytes);
                }
                Output::WaitUntil(at) => self.wait_until = Some(at),
                Output::Event(event) => self.note(event),
            }
        }
        true
    }

    fn note(&mut self, event: Event) {
        let line = format!("{event:?}");
        if let Event::Code { index, code } = event {
            self.show(index, &code);
        }
        self.events.push(line);
    }

    /// The user sees a code: it is burnt on disk by now, and was never seen before.
    fn show(&mut self, index: CodeIndex, code: &Code) {
        let disk = Account::decode(self.disk.as_ref().unwrap()).unwrap();
        let is_unused = disk.codes().any(|mark| mark.index == index && !mark.used);
        assert!(!is_unused, "code {index} is shown before it is burnt on disk");
        assert_eq!(self.shown.insert(index, code.value()), None, "code {index} is shown twice");
    }

    /// The device loses power, and starts from its disk.
    pub fn crash(&mut self) {
        self.crashed = true;
        self.engine = match &self.disk {
            Some(stored) => Engine::restore(Account::decode(stored).unwrap()),
            None => {
                let enrolment = Self::enrolment(self.server.party.profile);
                Engine::enrol(&enrolment, HANDLE, &mut self.chance).unwrap()
            }
        };
    }

    /// Hands a message to the device.
    pub fn deliver(&mut self, bytes: &[u8]) -> Result<(), PeerError> {
        self.sent_down.push(bytes.to_vec());
        let verdict = self.engine.handle_input(bytes, self.now, &mut self.chance);
        self.pump();
        verdict
    }

    /// An honest server is refused in one case only: it has not seen yet that the device has the next key.
    fn deliver_honest(&mut self, bytes: &[u8]) {
        let verdict = self.deliver(bytes);
        assert!(matches!(verdict, Ok(()) | Err(PeerError::OldKey | PeerError::UnknownKey)), "{verdict:?}");
    }

    /// Takes what the device sent last off the wire.
    pub fn last_uplink(&mut self) -> Bytes {
        let last = self.uplinks.pop().expect("the device sent something");
        self.uplinks.clear();
        last
    }

    /// Everything on the wire arrives, and what is sent back too, until nobody says anything more.
    pub fn settle(&mut self) {
        for _ in 0..100 {
            if self.uplinks.is_empty() {
                return;
            }
            for uplink in std::mem::take(&mut self.uplinks) {
                for reply in self.server.receive(&uplink) {
                    self.deliver_honest(&reply);
                }
            }
        }
        panic!("the two never stop talking");
    }

    /// Everything that is in flight is lost; from now on the wire is perfect. Both sides' retransmissions have to end
    /// it.
    pub fn recover(&mut self) {
        self.uplinks.clear();
        for _ in 0..20 {
            self.tick(16 * 60 * 1_000);
            self.settle();
            for message in self.server.outbox() {
                self.deliver_honest(&message);
                self.settle();
            }
        }
    }

    /// Time passes, then the engine is asked.
    pub fn tick(&mut self, ms: u64) {
        self.now = self.now.plus(ms);
        self.engine.tick(self.now);
        self.pump();
    }

    pub fn take(&mut self, selector: Selector) -> Result<CodeIndex, TakeError> {
        let taken = self.engine.take_code(selector, self.now, &mut self.chance);
        self.pump();
        taken
    }

    pub fn take_next(&mut self) -> CodeIndex {
        self.take(Selector::Next).unwrap()
    }

    pub fn request_set(&mut self) {
        self.engine.request_set(self.now, &mut self.chance).unwrap();
        self.pump();
    }

    pub fn request_status(&mut self) {
        self.engine.request_status(self.now, &mut self.chance).unwrap();
        self.pump();
    }

    pub fn request_rotation(&mut self) {
        self.engine.request_rotation(self.now, &mut self.chance).unwrap();
        self.pump();
    }

    pub fn account(&self) -> &Account {
        self.engine.account()
    }

    pub fn unused(&self) -> Vec<u32> {
        self.account().codes().filter(|mark| !mark.used).map(|mark| mark.index.0).collect()
    }

    /// The events that came since the last call.
    pub fn events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events)
    }

    /// Nothing is pending, nothing outstanding, both have the same key, and every code that the device holds or showed
    /// is one that the server accepts.
    pub fn assert_settled(&mut self) {
        assert_eq!(self.account().phase(), Phase::Steady);
        assert_eq!(self.account().epoch(), self.server.epoch);
        assert!(!self.account().awaits_answer(), "the device still waits");
        assert!(self.server.outbox().is_empty(), "the server still sends");
        let unused = self.unused();
        let mut copy = Engine::restore(Account::decode(&self.account().encode()).unwrap());
        for index in unused {
            copy.take_code(Selector::Index(CodeIndex(index)), self.now, &mut self.chance).unwrap();
            assert!(!self.shown.contains_key(&CodeIndex(index)), "code {index} lives again");
            while let Some(output) = copy.poll_output() {
                if let Output::Event(Event::Code { index, code }) = output {
                    assert_eq!(self.server.issued.get(&index.0), Some(&code.value()), "code {index} is void");
                }
            }
        }
    }
}
