//! The device loses power after every single output of a long story, and nothing is lost or lives again.

use matchbook_protocol::{Delivery, Phase, Profile, Suite};

use crate::world::World;

/// The outputs of the story without a crash are fewer than this.
const LONGEST: usize = 200;

/// Enrolment, first set, a refill by the threshold, a rotation, a set by hand under the new key, a push.
fn story(world: &mut World) {
    world.settle();
    for _ in 0..4 {
        take(world);
        world.settle();
    }
    if world.engine.request_rotation(world.now, &mut world.chance).is_ok() {
        world.pump();
    }
    world.settle();
    take(world);
    if world.engine.request_set(world.now, &mut world.chance).is_ok() {
        world.pump();
    }
    world.settle();
    if world.server.handle.is_some() {
        let set = world.server.push();
        world.deliver(&set).ok();
        world.settle();
    }
    take(world);
}

fn take(world: &mut World) {
    world.engine.take_code(matchbook_protocol::Selector::Next, world.now, &mut world.chance).ok();
    world.pump();
}

fn crash_everywhere(profile: Profile) {
    for fuse in 0..LONGEST {
        let mut world = World::new(profile);
        world.fuse = Some(fuse);
        story(&mut world);
        let crashed = world.crashed;
        world.fuse = None;
        world.recover();
        story(&mut world);
        world.recover();
        world.assert_settled();
        assert_eq!(world.account().phase(), Phase::Steady);
        assert!(world.account().history().conflicts == 0);
        assert_eq!(world.server.sets_issued, world.account().history().sets_accepted, "every set arrived once");
        // At most the one code that was being shown is lost.
        let gone = world.account().history().codes_taken as usize - world.shown.len();
        assert!(gone <= usize::from(crashed), "{gone} codes were burnt and never shown");
        if !crashed {
            return;
        }
    }
    panic!("the story is longer than {LONGEST} outputs");
}

/// MB-DEV-1, MB-DEV-2.
#[test]
fn in_suite_1() {
    crash_everywhere(Profile::new(Suite::Symmetric, Delivery::Shared).unwrap());
}

/// MB-DEV-1, MB-DEV-2.
#[test]
fn with_x25519() {
    crash_everywhere(Profile::new(Suite::X25519, Delivery::Shared).unwrap());
}

/// MB-DEV-1, MB-DEV-2.
#[test]
fn in_public_key_mode() {
    crash_everywhere(Profile::new(Suite::X25519, Delivery::PublicKey).unwrap());
}

#[test]
fn at_enrolment() {
    let profile = Profile::new(Suite::X25519, Delivery::Shared).unwrap();
    let mut world = World::new(profile);
    world.crash();
    world.recover();
    world.assert_settled();
    assert_eq!(world.account().remaining(), 5);
}

/// MB-DEV-1, MB-DEV-2.
#[test]
fn a_store_that_fails_shows_no_code_and_sends_nothing() {
    let mut world = World::enrolled(Profile::new(Suite::X25519, Delivery::Shared).unwrap());
    for _ in 0..3 {
        world.engine.take_code(matchbook_protocol::Selector::Next, world.now, &mut world.chance).unwrap();
        // The disk is full: the shell drops the engine at the first output.
        assert!(matches!(world.engine.poll_output(), Some(matchbook_protocol::Output::Persist)));
        world.crash();
    }
    assert_eq!(world.account().remaining(), 5);
    world.assert_settled();
}
