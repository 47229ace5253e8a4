//! One device: the protocol's engine, and a phone.

use std::collections::BTreeMap;
use std::time::Duration;

use getrandom::SysRng;
use matchbook_protocol::engine::Pace;
use matchbook_protocol::sms::{Address, Form, Limits, Reassembler, segments, server_number};
use matchbook_protocol::{Engine, Enrolment, Event, Handle, Output, Phase, RequestError, Selector, UnixMillis};
use matchbook_smsc::Phone;
use rand_core::UnwrapErr;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// As by SMS, with waits that fit a test: the first repetition after 4 s.
const PACE: Pace =
    Pace { first_ms: 4_000, longest_ms: 10_000, reacknowledge_ms: 2_000, refill_ms: 10_000, ..Pace::SHORT_MESSAGES };

/// What a device is told to do.
pub(crate) enum Wish {
    /// Take the next code, if there is one.
    Take(oneshot::Sender<Option<(u32, String)>>),
    /// The user asks for a set.
    AskForSet,
    /// The user asks for a new key.
    AskForKey,
    /// How it stands.
    Show(oneshot::Sender<Standing>),
}

/// How a device stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    pub(crate) enrolled: bool,
    pub(crate) unused: usize,
    pub(crate) epoch: u32,
    pub(crate) is_switching: bool,
    pub(crate) sets: u32,
    pub(crate) sent: u32,
}

/// Runs a device until its wishes end. It panics when a code comes twice with another content, is taken twice, or when
/// its key is lost.
pub(crate) async fn run(uri: String, slot: u8, mut phone: Phone, mut wishes: mpsc::Receiver<Wish>) {
    let enrolment = Enrolment::from_uri(&uri).unwrap();
    let server = server_number(&enrolment.server).unwrap();
    let mut device = Running {
        engine: Engine::enrol(&enrolment, Handle(slot), &mut rng()).unwrap(),
        server,
        reassembler: Reassembler::new(Limits::default()),
        reference: slot,
        taken: BTreeMap::new(),
        standing: Standing::default(),
        wake: None,
        began: Instant::now(),
    };
    device.engine.set_pace(PACE);
    // The enrolment does not know the time yet; from here on it does, and is sent again.
    let now = device.now();
    device.engine.tick(now);
    device.carry_out(&phone).await;
    loop {
        let wake = device.wake.unwrap_or_else(|| Instant::now() + Duration::from_secs(3_600));
        tokio::select! {
            incoming = phone.receive() => {
                let now = device.now();
                let joined = device.reassembler.accept(&incoming.from, &incoming.segment, now);
                if let Ok(Some(bytes)) = joined {
                    // What is corrupted, late or doubled is refused, and that is no trouble.
                    let _refused = device.engine.handle_input(&bytes, now, &mut rng());
                }
            }
            wish = wishes.recv() => match wish {
                None => return,
                Some(wish) => device.grant(wish, &phone).await,
            },
            () = tokio::time::sleep_until(wake) => {
                device.wake = None;
                let now = device.now();
                device.engine.tick(now);
            }
        }
        device.carry_out(&phone).await;
    }
}

struct Running {
    engine: Engine,
    server: Address,
    reassembler: Reassembler,
    reference: u8,
    taken: BTreeMap<u32, String>,
    standing: Standing,
    wake: Option<Instant>,
    began: Instant,
}

impl Running {
    fn now(&self) -> UnixMillis {
        UnixMillis(1_700_000_000_000 + u64::try_from(self.began.elapsed().as_millis()).unwrap())
    }

    async fn grant(&mut self, wish: Wish, phone: &Phone) {
        let now = self.now();
        match wish {
            Wish::Take(answer) => {
                let is_taken = self.engine.take_code(Selector::Next, now, &mut rng()).is_ok();
                let code = self.carry_out(phone).await;
                assert_eq!(code.is_some(), is_taken);
                let _gone = answer.send(code);
            }
            Wish::AskForSet => self.ask(|engine, now| engine.request_set(now, &mut rng())),
            Wish::AskForKey => self.ask(|engine, now| engine.request_rotation(now, &mut rng())),
            Wish::Show(answer) => {
                let account = self.engine.account();
                self.standing.enrolled = account.phase() != Phase::Enrolling;
                self.standing.unused = account.remaining();
                self.standing.epoch = account.epoch().0;
                self.standing.is_switching = account.phase() == Phase::Switching;
                let _gone = answer.send(self.standing.clone());
            }
        }
    }

    fn ask(&mut self, ask: impl FnOnce(&mut Engine, UnixMillis) -> Result<(), RequestError>) {
        let now = self.now();
        match ask(&mut self.engine, now) {
            Ok(()) | Err(RequestError::NotEnrolled | RequestError::HoldsEnough) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Does what the engine wants done; the code, when one was taken.
    async fn carry_out(&mut self, phone: &Phone) -> Option<(u32, String)> {
        let mut taken = None;
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Persist => {}
                Output::Transmit(message) => {
                    self.standing.sent += 1;
                    self.reference = self.reference.wrapping_add(1);
                    for segment in segments(&message, Form::Binary, self.reference).unwrap() {
                        phone.send(&self.server, segment).await;
                    }
                }
                Output::WaitUntil(at) => {
                    self.wake = Some(Instant::now() + Duration::from_millis(at.since(self.now())));
                }
                Output::Event(Event::Code { index, code }) => {
                    let code = code.reveal().to_string();
                    assert!(self.taken.insert(index.0, code.clone()).is_none(), "code {index} was taken twice");
                    taken = Some((index.0, code));
                }
                Output::Event(Event::SetAccepted { .. }) => self.standing.sets += 1,
                Output::Event(Event::SetConflict { first, last }) => {
                    panic!("codes {first} to {last} came twice, with other contents")
                }
                Output::Event(Event::KeyConflict | Event::ReenrolmentNeeded) => panic!("the device lost its key"),
                Output::Event(_) => {}
            }
        }
        taken
    }
}

fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}
