#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::{AuthenticatorId, Delivery, Handle, Profile, Secret, Suite, UnixMillis};

use super::*;
use crate::testing::hand::Hand;
use crate::testing::world::World;

const IMPORT: ImportId = ImportId([3; 16]);

fn device(byte: u8, user: &str) -> FactoryDevice {
    FactoryDevice {
        id: AuthenticatorId([byte; 8]),
        key: Secret::new([byte.wrapping_add(9); 32]),
        subscriber: SubscriberId::new(user).unwrap(),
        label: "card".to_owned(),
    }
}

/// What becomes of the devices; and what is put aside.
fn staged(
    world: &mut World,
    creates_users: bool,
    devices: &[FactoryDevice],
    seen: &ImportSnapshot,
) -> (Vec<Finding>, Option<Staged>) {
    let World { state, keyring, now, rng, .. } = world;
    let terms = Terms { realm: &state.realm, import: IMPORT, creates_users };
    let (findings, changes) = stage(&terms, devices, seen, keyring, *now, rng).unwrap();
    let staged = changes.map(|changes| match changes.writes.as_slice() {
        [Write::Stage(staged)] => (**staged).clone(),
        other => panic!("{other:?}"),
    });
    (findings, staged)
}

fn with_alice(world: &World) -> ImportSnapshot {
    ImportSnapshot { subscribers: vec![world.subscriber.clone()], ..ImportSnapshot::default() }
}

fn why(finding: &Finding) -> &str {
    match finding {
        Finding::Refused(why) => why,
        other => panic!("{other:?}"),
    }
}

// MB-ENR-9
#[test]
fn an_imported_device_is_active_in_slot_0_with_its_key_at_epoch_0() {
    let mut world = World::new(1, Default::default());
    let seen = with_alice(&world);
    let devices = [device(1, "alice"), device(2, "bob"), device(3, "bob")];
    let (findings, staged) = staged(&mut world, true, &devices, &seen);
    let (old, new) = (Finding::New { makes_user: false }, Finding::New { makes_user: true });
    assert_eq!(findings, [old, new.clone(), new]);
    let staged = staged.unwrap();
    let users: Vec<_> = staged.subscribers.iter().map(|it| it.id.as_str()).collect();
    assert_eq!((users, staged.devices.len(), staged.import), (vec!["bob"], 3, IMPORT));
    for (device, given) in staged.devices.iter().zip(&devices) {
        assert_eq!((device.status, device.handle, device.version), (Status::Active, Handle(0), Version(0)));
        assert_eq!(device.profile, Profile::new(Suite::Symmetric, Delivery::Shared).unwrap());
        let key = world.keyring.open_key(&place(device, Epoch(0)), &device.keys.current.sealed).unwrap();
        assert_eq!(key, given.key);
    }
}

#[test]
fn one_that_cannot_be_taken_keeps_its_part_out() {
    let mut world = World::new(1, Default::default());
    let seen = with_alice(&world);
    let zero = FactoryDevice { key: Secret::new([0; 32]), ..device(4, "alice") };
    let long = FactoryDevice { label: "x".repeat(65), ..device(5, "alice") };
    let devices = [device(1, "alice"), device(1, "alice"), device(2, "bob"), zero, long];
    let (findings, staged) = staged(&mut world, false, &devices, &seen);
    assert!(staged.is_none());
    assert_eq!(findings[0], Finding::New { makes_user: false });
    for (finding, says) in findings[1..].iter().zip(["in the file before", "no such user", "all zeros", "a label"]) {
        assert!(why(finding).contains(says), "{finding:?}");
    }
    let mut seen = with_alice(&world);
    seen.subscribers[0].suspended = true;
    seen.taken = vec![(AuthenticatorId([2; 8]), RealmId::new("other").unwrap())];
    let (findings, _) = self::staged(&mut world, true, &[device(1, "alice"), device(2, "alice")], &seen);
    assert!(why(&findings[0]).contains("suspended"));
    assert!(why(&findings[1]).contains("taken by another device") && !why(&findings[1]).contains("realm"));
}

#[test]
fn the_same_device_again_is_there_already() {
    let mut world = World::new(1, Default::default());
    let seen = with_alice(&world);
    let (_, staged) = staged(&mut world, true, &[device(1, "alice")], &seen);
    let there = Authenticator { version: Version(1), ..staged.unwrap().devices[0].clone() };
    let judged = |world: &mut World, there: Authenticator, device: FactoryDevice| {
        let taken = vec![(there.id, there.realm.clone())];
        let seen = ImportSnapshot { taken, devices: vec![there], ..with_alice(world) };
        let (findings, staged) = self::staged(world, true, &[device], &seen);
        assert!(staged.is_none(), "nothing is done");
        findings[0].clone()
    };
    assert_eq!(judged(&mut world, there.clone(), device(1, "alice")), Finding::AlreadyThere);
    // Also when it has begun to work.
    let used = Authenticator { requests: RequestWindow { highest: 3, seen: 7 }, ..there.clone() };
    assert_eq!(judged(&mut world, used, device(1, "alice")), Finding::AlreadyThere);
    let other = FactoryDevice { key: Secret::new([77; 32]), ..device(1, "alice") };
    assert!(why(&judged(&mut world, there.clone(), other)).contains("another key"));
    assert!(why(&judged(&mut world, there.clone(), device(1, "bob"))).contains("another user's"));
    let revoked = Authenticator { status: Status::Revoked, ..there.clone() };
    assert!(why(&judged(&mut world, revoked, device(1, "alice"))).contains("revoked"));
    let mut later = there;
    later.keys.current.epoch = Epoch(1);
    assert!(why(&judged(&mut world, later, device(1, "alice"))).contains("another key by now"));
}

#[test]
fn only_a_key_that_was_never_used_is_given_out() {
    let mut world = World::new(1, Default::default());
    let seen = with_alice(&world);
    let (_, staged) = staged(&mut world, true, &[device(1, "alice")], &seen);
    let fresh = staged.unwrap().devices[0].clone();
    let given = |world: &World, device: &Authenticator| exportable(device, &world.keyring).unwrap();
    assert_eq!(given(&world, &fresh).unwrap(), device(1, "alice").key);
    for used in [
        Authenticator { requests: RequestWindow { highest: 1, seen: 1 }, ..fresh.clone() },
        Authenticator { next_index: CodeIndex(41), ..fresh.clone() },
        Authenticator { sync_sequence: 1, ..fresh.clone() },
    ] {
        assert_eq!(given(&world, &used).unwrap_err(), Kept::Used);
    }
    for status in [Status::Suspended, Status::Revoked] {
        assert_eq!(given(&world, &Authenticator { status, ..fresh.clone() }).unwrap_err(), Kept::NotInUse);
    }
    let pending = Status::Pending { expires_at: UnixMillis(9) };
    assert_eq!(given(&world, &Authenticator { status: pending, ..fresh.clone() }).unwrap_err(), Kept::Enrolled);
    assert_eq!(given(&world, &Authenticator { restored: true, ..fresh }).unwrap_err(), Kept::NotInUse);
    for suite in [Suite::Symmetric, Suite::X25519] {
        let (mut world, _) = Hand::enrolled(Profile::new(suite, Delivery::Shared).unwrap());
        world.device_mut().subscriber = SubscriberId::new("alice").unwrap();
        assert!(given(&world, world.device()).is_err(), "an enrolled one has used its key");
    }
}

#[test]
fn parts_and_imports_are_bounded() {
    let mut world = World::new(1, Default::default());
    let devices: Vec<_> = (0..=MAX_PART).map(|_| device(1, "alice")).collect();
    let World { state, keyring, now, rng, .. } = &mut world;
    let terms = Terms { realm: &state.realm, import: IMPORT, creates_users: true };
    assert!(stage(&terms, &devices, &ImportSnapshot::default(), keyring, *now, rng).is_err());
    assert!(go_live(&state.realm, IMPORT, MAX_DEVICES + 1, *now, rng).is_err());
    assert!(go_live(&state.realm, IMPORT, MAX_DEVICES, *now, rng).is_ok());
}
