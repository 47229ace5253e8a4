//! A device's engine, the server's decisions, and a network between them.

use std::collections::{BTreeMap, BTreeSet};

use matchbook_protocol::{Account, Code, CodeIndex, Engine, Epoch, Event, Output, PeerError, Phase, Profile, Selector};
use matchbook_rules::request::waiting;
use matchbook_rules::{
    Changes, Culprit, EventKind, Guard, OutboxKind, Policy, RefillReason, RotationReason, Status, Write, admin,
};
use rand_core::Rng;

use crate::testing::TestRng;
use crate::testing::world::{HANDLE, HOUR_MS, State, World, last};

pub struct Simulation {
    pub world: World,
    pub engine: Engine,
    /// On the way to the server.
    pub up: Vec<Vec<u8>>,
    /// On the way to the device.
    pub down: Vec<Vec<u8>>,
    /// The account as the device stored it last.
    stored: Vec<u8>,
    codes: BTreeMap<CodeIndex, Code>,
    /// The index of every code that the device ever stored.
    held: BTreeSet<CodeIndex>,
    backup: Option<State>,
    restored: bool,
    /// The device may lose power between any two of its actions.
    power_fails: bool,
    chance: TestRng,
}

/// What may happen.
#[derive(Clone, Copy)]
pub struct Weather {
    /// Of a hundred messages, so many are lost, and as many come twice.
    pub lost_percent: u64,
    /// The user and the operator want things.
    pub with_wishes: bool,
    /// The server is put back from backups.
    pub with_backups: bool,
}

impl Weather {
    pub const FOUL: Self = Self { lost_percent: 25, with_wishes: true, with_backups: false };
}

impl Simulation {
    /// A device that has been given an enrolment.
    pub fn new(profile: Profile, policy: Policy, seed: u64) -> Self {
        let mut world = World::new(seed, policy);
        let enrolment = world.enrolment(profile);
        let mut chance = TestRng::new(seed ^ 0xabcd);
        let engine = Engine::enrol(&enrolment, HANDLE, &mut chance).unwrap();
        let (up, down, stored, codes) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
        let held = BTreeSet::new();
        let (backup, restored, power_fails) = (None, false, false);
        let mut simulation =
            Self { world, engine, up, down, stored, codes, held, backup, restored, power_fails, chance };
        simulation.carry_out();
        simulation
    }

    /// One thing happens.
    pub fn step(&mut self, weather: Weather) {
        self.power_fails = true;
        match self.below(18) {
            0..=4 => self.deliver_up(weather),
            5..=9 => self.deliver_down(weather),
            10 => self.send_due(),
            11 => self.let_time_pass(),
            12 => self.do_due_work(),
            13 => self.lose_power(),
            14 | 15 => {
                if self.below(4) == 0 {
                    self.take();
                } else {
                    self.take_and_verify();
                }
            }
            16 if weather.with_backups => {
                if self.below(3) == 0 {
                    self.restore();
                } else {
                    self.back_up();
                }
            }
            _ if weather.with_wishes => self.wish(),
            _ => {}
        }
        self.check_keys();
    }

    /// The weather is fine from now on, and everything has to come right by itself.
    pub fn clear_up(&mut self) {
        self.power_fails = false;
        if self.world.device().status == Status::Suspended {
            self.world.admin(admin::resume).unwrap();
        }
        self.settle();
        self.user_asks_for_news();
        self.settle();
        let account = self.engine.account();
        assert_eq!(account.phase(), Phase::Steady);
        assert!(!account.awaits_answer() && !account.is_suspended());
        assert!(self.world.state.outbox.is_empty() && self.world.device().keys.next.is_none());
        assert_eq!(self.world.device().keys.current.epoch, account.epoch());
        assert!(self.engine.remaining() > usize::from(account.threshold()), "{} left", self.engine.remaining());
        for set in &self.world.state.sets {
            assert!(self.held.contains(&last(set)), "the server counts on codes that never arrived");
        }
        for _ in 0..self.engine.remaining() {
            assert_eq!(self.take_and_verify(), Some(true), "a code on the device does not verify");
        }
    }

    /// Everything arrives until nothing is left to do.
    pub fn settle(&mut self) {
        for _ in 0..60 {
            self.do_due_work();
            self.send_due();
            self.deliver_all();
            let device = self.world.device();
            let is_quiet = self.world.state.outbox.is_empty() || device.status != Status::Active;
            if is_quiet && !self.engine.account().awaits_answer() && !device.restored {
                return;
            }
            if device.restored && !self.engine.account().awaits_answer() {
                self.user_asks_for_news();
            }
            self.world.now = self.world.now.plus(HOUR_MS / 3);
            self.engine.tick(self.world.now);
            self.carry_out();
        }
        panic!("it does not settle");
    }

    /// Everything that is on the way arrives once, in order.
    pub fn deliver_all(&mut self) {
        while !self.up.is_empty() || !self.down.is_empty() {
            for bytes in std::mem::take(&mut self.up) {
                self.server_receives(&bytes);
            }
            for bytes in std::mem::take(&mut self.down) {
                self.device_receives(&bytes);
            }
        }
    }

    /// Burns the next code.
    pub fn take(&mut self) -> Option<(CodeIndex, Code)> {
        let index = self.engine.take_code(Selector::Next, self.world.now, &mut self.chance).ok()?;
        self.carry_out();
        self.codes.remove(&index).map(|code| (index, code))
    }

    /// Burns the next code and uses it. The server knows no other code there, and accepts it once.
    pub fn take_and_verify(&mut self) -> Option<bool> {
        let (index, code) = self.take()?;
        let accepted = self.verify(index, &code);
        assert!(!self.verify(index, &code), "a code was accepted twice");
        let device = self.world.device();
        let voided = self.restored || self.world.events(EventKind::SetVoided) > 0;
        let excused = voided || device.status != Status::Active;
        assert!(accepted || excused, "code {index} of the device does not verify");
        Some(accepted)
    }

    /// Uses a code; the server counts what is left.
    pub fn verify(&mut self, index: CodeIndex, code: &Code) -> bool {
        let accepted = self.world.spend(index, code);
        if accepted && self.world.unspent() <= usize::from(self.world.policy().threshold) {
            self.world.device_mut().refill_due = Some(RefillReason::ServerCount);
        }
        accepted
    }

    pub fn user_wants_a_set(&mut self) {
        self.engine.request_set(self.world.now, &mut self.chance).ok();
        self.carry_out();
    }

    pub fn user_wants_a_key(&mut self) {
        self.engine.request_rotation(self.world.now, &mut self.chance).ok();
        self.carry_out();
    }

    pub fn user_asks_for_news(&mut self) {
        self.engine.request_status(self.world.now, &mut self.chance).ok();
        self.carry_out();
    }

    pub fn operator_pushes(&mut self) {
        allow_operator(self.world.push(RefillReason::Operator));
    }

    pub fn operator_rotates(&mut self) {
        allow_operator(self.world.rotate(RotationReason::Operator));
    }

    pub fn back_up(&mut self) {
        self.backup = Some(self.world.state.clone());
    }

    /// Puts the server back, unless a key was offered since: then the device would have to be enrolled anew.
    pub fn restore(&mut self) -> bool {
        let Some(backup) = self.backup.clone() else { return false };
        let (then, now) = (backup.device.as_ref().unwrap(), self.world.device());
        if then.keys.next != now.keys.next || then.keys.current.sealed != now.keys.current.sealed {
            return false;
        }
        if then.status != Status::Active || self.engine.account().phase() == Phase::Enrolling {
            return false;
        }
        self.world.restore(backup);
        self.restored = true;
        true
    }

    fn wish(&mut self) {
        match self.below(9) {
            0 => self.user_wants_a_set(),
            1 => self.user_wants_a_key(),
            2 => self.user_asks_for_news(),
            3 => self.operator_pushes(),
            4 => self.operator_rotates(),
            5 => allow_operator(self.world.admin(admin::suspend)),
            6 | 7 => allow_operator(self.world.admin(admin::resume)),
            _ => {
                self.engine.refill_if_low(self.world.now, &mut self.chance).ok();
                self.carry_out();
            }
        }
    }

    fn deliver_up(&mut self, weather: Weather) {
        let len = self.up.len();
        if let Some(bytes) = pick(&mut self.up, weather, &mut self.chance) {
            // Now and then another decision was committed in between: the message is decided again.
            if len.is_multiple_of(3) {
                self.decide_twice(&bytes);
            }
            self.server_receives(&bytes);
        }
    }

    fn deliver_down(&mut self, weather: Weather) {
        if let Some(bytes) = pick(&mut self.down, weather, &mut self.chance) {
            self.device_receives(&bytes);
        }
    }

    fn decide_twice(&mut self, bytes: &[u8]) {
        let Ok(slower) = self.world.decide(bytes) else { return };
        let before = self.world.device().version;
        allow_operator(self.world.push(RefillReason::ServerCount));
        if self.world.device().version != before && !slower.changes.writes.is_empty() {
            assert!(self.world.apply(slower.changes).is_err(), "a decision on an old snapshot was committed");
        }
    }

    fn server_receives(&mut self, bytes: &[u8]) {
        match self.world.take(bytes) {
            Ok(decision) => {
                assert!(decision.reply.len() <= 4);
                self.down.extend(decision.reply);
            }
            Err(refusal) => assert_eq!(refusal.culprit, Culprit::Peer, "{refusal}"),
        }
    }

    fn device_receives(&mut self, bytes: &[u8]) {
        match self.engine.handle_input(bytes, self.world.now, &mut self.chance) {
            Ok(()) | Err(PeerError::UnknownKey | PeerError::OldKey | PeerError::Stale) => {}
            // The same key in another message, after a restored backup.
            Err(PeerError::KeyConflict) => assert!(self.restored),
            Err(error) => panic!("the device refuses what the server sent: {error}"),
        }
        self.carry_out();
    }

    /// Sends what the outbox has due.
    fn send_due(&mut self) {
        let snapshot = self.world.snapshot();
        let device = &snapshot.authenticator;
        let guard = Guard::Authenticator { realm: device.realm.clone(), id: device.id, version: device.version };
        let mut changes = Changes { guards: vec![guard], writes: Vec::new() };
        for item in waiting(&snapshot).into_iter().filter(|item| item.next_attempt_at <= self.world.now) {
            self.down.push(item.bytes.clone());
            changes.writes.push(Write::OutboxAttempt {
                realm: item.realm.clone(),
                id: item.authenticator,
                message: item.message,
                at: self.world.now,
                next_attempt_at: self.world.now.plus(60_000),
            });
        }
        self.world.apply(changes).unwrap();
    }

    /// What the server's sweep does.
    fn do_due_work(&mut self) {
        if let Some(reason) = self.world.device().refill_due {
            self.world.push(reason).unwrap();
        }
        let device = self.world.device();
        if let (Some(reason), None) = (device.rotation_wanted, &device.keys.next) {
            self.world.rotate(reason).unwrap();
        }
    }

    fn let_time_pass(&mut self) {
        let passed = self.below(20 * 60_000);
        self.world.now = self.world.now.plus(passed);
        self.engine.tick(self.world.now);
        self.carry_out();
    }

    /// The device goes on from what it stored.
    fn lose_power(&mut self) {
        self.engine = Engine::restore(Account::decode(&self.stored).unwrap());
        self.engine.tick(self.world.now);
        self.carry_out();
    }

    /// Carries the engine's outputs out, in order; now and then the device loses power in the middle.
    fn carry_out(&mut self) {
        let power_fails_after = if self.power_fails { self.below(40) } else { u64::MAX };
        let mut done = 0;
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Persist => {
                    self.stored = self.engine.account().encode().to_vec();
                    self.held.extend(self.engine.account().codes().map(|mark| mark.index));
                }
                Output::Transmit(bytes) => self.up.push(bytes),
                Output::Event(Event::Code { index, code }) => drop(self.codes.insert(index, code)),
                Output::Event(Event::SetConflict { first, .. }) => panic!("a conflicting set at {first}"),
                Output::Event(Event::ReenrolmentNeeded) => panic!("the device takes itself for restored"),
                Output::Event(_) | Output::WaitUntil(_) => {}
            }
            done += 1;
            if done > power_fails_after {
                self.codes.clear();
                return self.lose_power();
            }
        }
    }

    /// Both sides have a key in common, whatever is on the way.
    fn check_keys(&self) {
        let (account, keys) = (self.engine.account(), &self.world.device().keys);
        let epoch = account.epoch();
        let agrees = match account.phase() {
            Phase::Enrolling | Phase::Steady => keys.current.epoch == epoch,
            Phase::Switching => {
                keys.current.epoch == epoch
                    || (keys.current.epoch == Epoch(epoch.0 - 1)
                        && keys.next.as_ref().is_some_and(|next| next.epoch == epoch))
            }
        };
        assert!(agrees, "the device is at {epoch:?} ({:?}), the server at {:?}", account.phase(), keys.current.epoch);
        let offers = self.world.state.outbox.iter().filter(|item| item.kind == OutboxKind::Rotation);
        assert!(offers.count() <= 1);
        assert!(self.world.state.outbox.iter().all(|item| item.epoch == keys.current.epoch));
    }

    fn below(&mut self, end: u64) -> u64 {
        self.chance.next_u64() % end
    }
}

/// A message that arrives, out of order; it may stay on the way too, and come again.
fn pick(way: &mut Vec<Vec<u8>>, weather: Weather, chance: &mut TestRng) -> Option<Vec<u8>> {
    if way.is_empty() {
        return None;
    }
    let at = (chance.next_u64() % way.len() as u64) as usize;
    let luck = chance.next_u64() % 100;
    if luck < weather.lost_percent {
        way.swap_remove(at);
        None
    } else if luck < 2 * weather.lost_percent {
        Some(way[at].clone())
    } else {
        Some(way.swap_remove(at))
    }
}

fn allow_operator<T>(result: Result<T, matchbook_rules::Refusal>) {
    if let Err(refusal) = result {
        assert_eq!(refusal.culprit, Culprit::Operator, "{refusal}");
    }
}
