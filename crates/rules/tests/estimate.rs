//! What the estimate reckons is what a device and a server really send each other on a bearer that loses nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

#[path = "../src/testing/mod.rs"]
mod testing;

use std::collections::BTreeSet;

use matchbook_protocol::codes::CodeFormat;
use matchbook_protocol::sms::segment_count;
use matchbook_protocol::{Engine, Epoch, Output, Pace, Phase, Selector};
use matchbook_rules::estimate::{Bearer, Load, Usage, estimate};
use matchbook_rules::request::{BearerLimits, waiting};
use matchbook_rules::{Policy, RotationReason};
use testing::TestRng;
use testing::world::{HANDLE, World};

/// A device, a server, and the lengths of the messages that went between them. Sent again, a message is the same one.
struct Line {
    world: World,
    engine: Engine,
    chance: TestRng,
    seen: BTreeSet<Vec<u8>>,
    down: Vec<usize>,
    up: Vec<usize>,
}

impl Line {
    /// With a device that is enrolled and holds its first set.
    fn new(wanted: &matchbook_rules::estimate::Estimate, policy: Policy) -> Self {
        let mut world = World::new(7, policy);
        let mut chance = TestRng::new(8);
        let (limits, pace) = match wanted.bearer {
            Bearer::Sms(form) => {
                let limits = BearerLimits { set_message_bytes: form.budget(), ..BearerLimits::SMS };
                (limits, Pace::SHORT_MESSAGES)
            }
            Bearer::Https => (BearerLimits::HTTP, Pace::DATA),
        };
        world.limits = limits;
        let enrolment = world.enrolment(wanted.profile);
        let mut engine = Engine::enrol(&enrolment, HANDLE, &mut chance).unwrap();
        engine.set_pace(pace);
        let mut line = Self { world, engine, chance, seen: BTreeSet::new(), down: Vec::new(), up: Vec::new() };
        line.settle();
        assert_eq!(line.engine.account().phase(), Phase::Steady);
        line
    }

    /// What both send from here on until nothing is left to say: the lengths of the server's messages and of the device's.
    fn traffic_of(&mut self, what: impl FnOnce(&mut Self)) -> [Vec<usize>; 2] {
        self.down.clear();
        self.up.clear();
        what(self);
        self.settle();
        assert!(!self.engine.account().awaits_answer() && self.world.outstanding().is_empty());
        [self.down.clone(), self.up.clone()]
    }

    fn settle(&mut self) {
        loop {
            let mut is_quiet = true;
            while let Some(output) = self.engine.poll_output() {
                if let Output::Transmit(bytes) = output
                    && self.seen.insert(bytes.clone())
                {
                    is_quiet = false;
                    self.up.push(bytes.len());
                    let reply = self.world.receive(&bytes).unwrap();
                    self.deliver(reply);
                }
            }
            let pushed: Vec<_> = waiting(&self.world.snapshot()).iter().map(|item| item.bytes.clone()).collect();
            is_quiet &= !self.deliver(pushed);
            if is_quiet {
                return;
            }
        }
    }

    /// Whether anything was new.
    fn deliver(&mut self, messages: Vec<Vec<u8>>) -> bool {
        let mut is_new = false;
        for bytes in messages {
            if self.seen.insert(bytes.clone()) {
                is_new = true;
                self.down.push(bytes.len());
                self.engine.handle_input(&bytes, self.world.now, &mut self.chance).unwrap();
            }
        }
        is_new
    }
}

/// MB-SMS-9.
#[test]
fn a_device_and_a_server_send_what_is_reckoned() {
    let policy = Policy { sets_per_day: 100, ..Policy::default() };
    let usage = Usage {
        format: CodeFormat::DEFAULT,
        set_size: 40,
        codes_per_month: 30,
        rotate_after_days: 90,
        price_from_server: 0.04,
        price_from_device: 0.04,
    };
    for wanted in estimate(&usage) {
        let mut line = Line::new(&wanted, policy.clone());
        assert_eq!(line.engine.remaining(), usize::from(wanted.set_size));
        let refill = line.traffic_of(|line| {
            while line.engine.remaining() > usize::from(policy.threshold) {
                line.engine.take_code(Selector::Next, line.world.now, &mut line.chance).unwrap();
            }
        });
        assert_eq!(line.engine.remaining(), usize::from(policy.threshold) + usize::from(wanted.set_size));
        compare(&refill, [wanted.refill.from_server, wanted.refill.from_device], wanted.bearer);
        let rotation = line.traffic_of(|line| drop(line.world.rotate(RotationReason::Scheduled).unwrap()));
        assert_eq!(line.engine.account().epoch(), Epoch(1));
        compare(&rotation, [wanted.rotation.from_server, wanted.rotation.from_device], wanted.bearer);
    }
}

fn compare(sent: &[Vec<usize>; 2], wanted: [Load; 2], bearer: Bearer) {
    for (lengths, wanted) in sent.iter().zip(wanted) {
        let short_messages: usize = match bearer {
            Bearer::Https => 0,
            Bearer::Sms(form) => lengths.iter().map(|length| segment_count(*length, form)).sum(),
        };
        assert_eq!(lengths.iter().sum::<usize>(), wanted.bytes as usize, "{bearer:?}: {lengths:?}");
        assert_eq!(short_messages, wanted.short_messages as usize, "{bearer:?}: {lengths:?}");
    }
}
