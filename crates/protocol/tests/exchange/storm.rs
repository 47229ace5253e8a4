//! Everything at once: both sides act as chance has it over a wire that loses, repeats and reorders, and the device
//! loses power. Then the wire is perfect, and the two have to agree.

use matchbook_protocol::{Account, Delivery, PeerError, Profile, Selector, Suite};
use proptest::prelude::*;

use crate::world::World;

#[derive(Clone, Debug)]
enum Step {
    Up(prop::sample::Index),
    Down(prop::sample::Index),
    LatestUp,
    LatestDown,
    Take,
    TakeIndex(u32),
    RequestSet,
    RequestRotation,
    RequestStatus,
    PushSet,
    PushRotation,
    PushSync,
    Resend,
    Tick(u64),
    Crash,
    CrashAfter(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => any::<prop::sample::Index>().prop_map(Step::Up),
        3 => any::<prop::sample::Index>().prop_map(Step::Down),
        6 => Just(Step::LatestUp),
        6 => Just(Step::LatestDown),
        4 => Just(Step::Take),
        1 => (1_u32..40).prop_map(Step::TakeIndex),
        2 => Just(Step::RequestSet),
        2 => Just(Step::RequestRotation),
        1 => Just(Step::RequestStatus),
        2 => Just(Step::PushSet),
        2 => Just(Step::PushRotation),
        1 => Just(Step::PushSync),
        2 => Just(Step::Resend),
        2 => (0_u64..2_000_000).prop_map(Step::Tick),
        1 => Just(Step::Crash),
        1 => (0_usize..6).prop_map(Step::CrashAfter),
    ];
    prop::collection::vec(step, 0..80)
}

fn profiles() -> impl Strategy<Value = Profile> {
    prop_oneof![
        4 => Just(Profile::new(Suite::Symmetric, Delivery::Shared).unwrap()),
        4 => Just(Profile::new(Suite::X25519, Delivery::Shared).unwrap()),
        1 => Just(Profile::new(Suite::X25519, Delivery::PublicKey).unwrap()),
        1 => Just(Profile::new(Suite::P256, Delivery::Shared).unwrap()),
    ]
}

/// What an honest server's messages may meet on such a wire.
fn is_late(error: PeerError) -> bool {
    matches!(error, PeerError::UnknownKey | PeerError::OldKey | PeerError::Stale | PeerError::Forged)
}

fn down(world: &mut World, message: &[u8]) {
    let before = world.server.sets_issued;
    if let Err(error) = world.deliver(message) {
        assert!(is_late(error), "{error:?}");
    }
    assert_eq!(world.server.sets_issued, before);
}

fn run(world: &mut World, step: &Step) {
    let ready = world.server.handle.is_some();
    match step {
        Step::Up(index) if !world.sent_up.is_empty() => {
            let message = index.get(&world.sent_up).clone();
            let replies = world.server.receive(&message);
            world.sent_down.extend(replies);
        }
        Step::LatestUp => {
            if let Some(message) = world.sent_up.last().cloned() {
                let replies = world.server.receive(&message);
                world.sent_down.extend(replies);
            }
        }
        Step::Down(index) if !world.sent_down.is_empty() => {
            let message = index.get(&world.sent_down).clone();
            down(world, &message);
        }
        Step::LatestDown => {
            if let Some(message) = world.sent_down.last().cloned() {
                down(world, &message);
            }
        }
        Step::Take => drop(world.take(Selector::Next)),
        Step::TakeIndex(index) => drop(world.take(Selector::Index(matchbook_protocol::CodeIndex(*index)))),
        Step::RequestSet => drop(world.engine.request_set(world.now, &mut world.chance)),
        Step::RequestRotation => drop(world.engine.request_rotation(world.now, &mut world.chance)),
        Step::RequestStatus => drop(world.engine.request_status(world.now, &mut world.chance)),
        // An honest server keeps to the number of codes that a device holds.
        Step::PushSet if ready && world.account().remaining() < 100 => {
            let message = world.server.push();
            world.sent_down.push(message);
        }
        Step::PushRotation if ready => {
            let message = world.server.push_rotation();
            world.sent_down.push(message);
        }
        Step::PushSync if ready => {
            let message = world.server.sync(false);
            world.sent_down.push(message);
        }
        Step::Resend => {
            let messages = world.server.outbox();
            world.sent_down.extend(messages);
        }
        Step::Tick(ms) => world.tick(*ms),
        Step::Crash => world.crash(),
        Step::CrashAfter(outputs) => world.fuse = Some(*outputs),
        Step::Up(_) | Step::Down(_) | Step::PushSet | Step::PushRotation | Step::PushSync => {}
    }
    world.pump();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_two_agree_after_any_storm(profile in profiles(), steps in steps()) {
        let mut world = World::new(profile);
        for step in &steps {
            run(&mut world, step);
        }
        world.fuse = None;
        world.recover();
        world.assert_settled();
        prop_assert_eq!(world.account().history().conflicts, 0);
    }

    #[test]
    fn arbitrary_bytes_are_refused_without_a_trace(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        kind in 0x20_u8..0x28,
        epoch in 0_u8..3,
    ) {
        let mut world = World::enrolled(Profile::new(Suite::Symmetric, Delivery::Shared).unwrap());
        let before = world.account().encode();
        prop_assert!(world.deliver(&bytes).is_err());
        let mut framed = vec![kind, 3, epoch];
        framed.extend_from_slice(&bytes);
        prop_assert!(world.deliver(&framed).is_err());
        prop_assert_eq!(world.account().encode(), before);
        prop_assert!(world.uplinks.is_empty());
    }

    #[test]
    fn a_stored_account_is_read_back_as_it_was(profile in profiles(), steps in steps()) {
        let mut world = World::new(profile);
        for step in &steps {
            run(&mut world, step);
            let stored = world.account().encode();
            prop_assert_eq!(Account::decode(&stored).unwrap().encode(), stored);
        }
    }

    #[test]
    fn an_altered_account_is_read_as_something_whole_or_not_at_all(
        steps in steps(),
        at in any::<prop::sample::Index>(),
        bit in 0_u32..8,
        cut in any::<prop::sample::Index>(),
    ) {
        let mut world = World::new(Profile::new(Suite::X25519, Delivery::Shared).unwrap());
        for step in &steps {
            run(&mut world, step);
        }
        let stored = world.account().encode();
        prop_assert!(Account::decode(&stored[..cut.index(stored.len())]).is_err());
        let mut altered = stored.to_vec();
        altered[at.index(stored.len())] ^= 1 << bit;
        if let Ok(account) = Account::decode(&altered) {
            prop_assert_eq!(account.encode().to_vec(), altered);
        }
    }
}
