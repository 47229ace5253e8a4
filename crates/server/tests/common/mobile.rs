//! A device without a data connection: the protocol's engine, driven step by step over a simulated phone.

use std::thread;
use std::time::{Duration, Instant};

use matchbook_protocol::engine::Pace;
use matchbook_protocol::sms::{Address, Form, Limits, Reassembler, Segment, segments, server_number};
use matchbook_protocol::{AuthenticatorId, Engine, Enrolment, Event, Handle, Output, Party, Selector, UnixMillis};
use matchbook_smsc::{Incoming, Phone};
use tokio::runtime;

use super::sms::Air;
use super::{PATIENCE, hand, site};

/// As by SMS, but it acknowledges again after a second: what is sent again in a test is sent again soon.
const PACE: Pace = Pace { reacknowledge_ms: 1_000, ..Pace::SHORT_MESSAGES };

/// The device.
pub(crate) struct Mobile {
    pub(crate) engine: Engine,
    pub(crate) phone: Phone,
    pub(crate) party: Party,
    /// Every short message that came.
    pub(crate) came: Vec<Incoming>,
    /// Every message that it sent.
    pub(crate) sent: Vec<Vec<u8>>,
    /// What happened, but for the codes.
    pub(crate) events: Vec<Event>,
    form: Form,
    server: Address,
    reassembler: Reassembler,
    wake: Option<UnixMillis>,
    runtime: runtime::Handle,
}

impl Mobile {
    pub(crate) fn new(air: &Air, number: &str, enrolment: &Enrolment) -> Self {
        let mut engine = Engine::enrol(enrolment, Handle(0), &mut hand::rng()).unwrap();
        engine.set_pace(PACE);
        Self {
            engine,
            phone: air.phone(number),
            party: enrolment.party,
            came: Vec::new(),
            sent: Vec::new(),
            events: Vec::new(),
            form: Form::Binary,
            server: server_number(&enrolment.server).unwrap(),
            reassembler: Reassembler::new(Limits::default()),
            wake: None,
            runtime: air.runtime.handle().clone(),
        }
    }

    /// The same, sending text.
    pub(crate) fn in_text(self) -> Self {
        Self { form: Form::Text, ..self }
    }

    pub(crate) fn id(&self) -> AuthenticatorId {
        self.party.id
    }

    /// Takes what came, looks at the clock, and sends what is to be sent.
    pub(crate) fn pump(&mut self) {
        self.carry_out();
        while let Some(incoming) = self.phone.try_receive() {
            let joined = self.reassembler.accept(&incoming.from, &incoming.segment, site::now());
            self.came.push(incoming);
            if let Ok(Some(message)) = joined {
                // What is forged, late or doubled is refused, and that is no trouble.
                let _refused = self.engine.handle_input(&message, site::now(), &mut hand::rng());
                self.carry_out();
            }
        }
        if self.wake.is_some_and(|at| at <= site::now()) {
            self.wake = None;
            self.engine.tick(site::now());
            self.carry_out();
        }
    }

    /// Goes on until something is so.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        loop {
            self.pump();
            if is_so(self) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "in vain: {what}; events {:?}", self.events);
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The next code.
    pub(crate) fn take(&mut self) -> String {
        self.engine.take_code(Selector::Next, site::now(), &mut hand::rng()).unwrap();
        self.carry_out().unwrap()
    }

    pub(crate) fn ask_for_set(&mut self) {
        self.engine.request_set(site::now(), &mut hand::rng()).unwrap();
        self.carry_out();
    }

    pub(crate) fn ask_for_key(&mut self) {
        self.engine.request_rotation(site::now(), &mut hand::rng()).unwrap();
        self.carry_out();
    }

    /// How many sets it took.
    pub(crate) fn sets(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::SetAccepted { .. })).count()
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.engine.account().epoch().0
    }

    pub(crate) fn remaining(&self) -> usize {
        self.engine.account().remaining()
    }

    pub(crate) fn has_key(&self, epoch: u32) -> bool {
        self.events.iter().any(|event| matches!(event, Event::KeyReplaced { epoch: new } if new.0 == epoch))
    }

    /// The short messages that it would send for a message.
    pub(crate) fn segments(&self, message: &[u8]) -> Vec<Segment> {
        segments(message, self.form, message.last().copied().unwrap()).unwrap()
    }

    /// Sends a message, whatever it is.
    pub(crate) fn send(&mut self, message: &[u8]) {
        for segment in self.segments(message) {
            self.runtime.block_on(self.phone.send(&self.server, segment));
        }
    }

    fn carry_out(&mut self) -> Option<String> {
        let mut taken = None;
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Persist => {}
                Output::Transmit(message) => {
                    self.send(&message);
                    self.sent.push(message);
                }
                Output::WaitUntil(at) => self.wake = Some(at),
                Output::Event(Event::Code { code, .. }) => taken = Some(code.reveal().to_string()),
                Output::Event(event @ (Event::SetConflict { .. } | Event::KeyConflict | Event::ReenrolmentNeeded)) => {
                    panic!("{event:?}")
                }
                Output::Event(event) => self.events.push(event),
            }
        }
        taken
    }
}
