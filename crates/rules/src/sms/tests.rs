#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::{CodeIndex, Delivery, Suite};

use super::*;
use crate::model::{DispatchId, OutboxKind};
use crate::request::BearerLimits;
use crate::testing::hand::Hand;
use crate::testing::world::{World, profile};

const CAPS: Caps = Caps {
    messages_per_device: 5,
    messages_per_prefix: 100,
    messages_per_realm: 100,
    sets_per_prefix: 100,
    sets_per_realm: 100,
    prefix_digits: 4,
    alarm_percent: 80,
};
const SET: OutboxKind = OutboxKind::Set { first: CodeIndex(1), last: CodeIndex(40) };

/// A world with a set in the outbox.
fn world() -> World {
    let (mut world, mut hand) = Hand::enrolled(profile(Suite::Symmetric, Delivery::Shared));
    world.limits = BearerLimits::SMS;
    let request = hand.want();
    world.receive(&request).unwrap();
    world
}

fn admit(world: &mut World, tally: &mut Tally, caps: &Caps, parts: u8) -> Admission {
    let (device, item) = (world.device().clone(), world.state.outbox[0].clone());
    let number = "+491700000001".parse().unwrap();
    let counted = Counted { authenticator: &device, number: &number, item: &item, parts };
    tally.admit(&counted, caps, &world.keyring, world.now, &mut world.rng)
}

fn events(admission: &Admission) -> Vec<EventKind> {
    let (Admission::Admitted(writes) | Admission::Capped { writes, .. }) = admission;
    let kinds = writes.iter().filter_map(|write| match write {
        Write::Audit(event) => Some(event.kind),
        _ => None,
    });
    kinds.collect()
}

#[test]
fn a_cap_warns_once_tells_once_and_opens_after_its_day() {
    let (mut world, mut tally) = (world(), Tally::default());
    let began = world.now;
    let told: Vec<_> = (0..5).map(|_| events(&admit(&mut world, &mut tally, &CAPS, 1))).collect();
    assert_eq!(told, [vec![], vec![], vec![], vec![EventKind::MessagesNearCap], vec![EventKind::MessagesCapped]]);
    world.now = world.now.plus(1_000);
    let capped = admit(&mut world, &mut tally, &CAPS, 1);
    assert!(events(&capped).is_empty());
    assert!(matches!(capped, Admission::Capped { until, .. } if until == began.plus(CAP_WINDOW_MS)));
    world.now = began.plus(CAP_WINDOW_MS);
    assert!(matches!(admit(&mut world, &mut tally, &CAPS, 1), Admission::Admitted(_)));
}

#[test]
fn every_part_counts_and_a_set_counts_once() {
    let (mut world, mut tally) = (world(), Tally::default());
    let Admission::Admitted(writes) = admit(&mut world, &mut tally, &CAPS, 2) else { panic!("it is capped") };
    let counts = writes.iter().filter(|write| matches!(write, Write::CountFailure { .. })).count();
    assert_eq!(counts, 3 * 2 + 2, "two messages by device, prefix and realm; one set by prefix and realm");
    world.state.outbox[0].attempts = 1;
    let Admission::Admitted(writes) = admit(&mut world, &mut tally, &CAPS, 2) else { panic!("it is capped") };
    assert_eq!(writes.iter().filter(|write| matches!(write, Write::CountFailure { .. })).count(), 3 * 2);
    let capped = admit(&mut world, &mut tally, &CAPS, 2);
    assert_eq!(events(&capped), [EventKind::MessagesCapped], "what is left is used up, so that it is told of");
    assert!(events(&admit(&mut world, &mut tally, &CAPS, 2)).is_empty());
}

#[test]
fn what_was_counted_before_is_loaded_once() {
    let (mut world, mut tally) = (world(), Tally::default());
    let (device, item) = (world.device().clone(), world.state.outbox[0].clone());
    let number = "+491700000001".parse().unwrap();
    let counted = Counted { authenticator: &device, number: &number, item: &item, parts: 1 };
    let missing = tally.missing(&counted, &CAPS, &world.keyring);
    assert_eq!(missing.len(), 5);
    let full = Bucket { failures: 5, window_started_at: world.now, last_failure_at: world.now };
    missing.iter().for_each(|key| tally.load(&device.realm, *key, full));
    assert!(tally.missing(&counted, &CAPS, &world.keyring).is_empty());
    assert!(matches!(admit(&mut world, &mut tally, &CAPS, 1), Admission::Capped { .. }));
}

#[test]
fn the_pause_doubles_up_to_a_day_and_an_answer_never_comes_by_itself() {
    let now = UnixMillis(1_000);
    let pause = |attempt| due_again(SET, attempt, 300_000, now).since(now);
    assert_eq!([1, 2, 3].map(pause), [300_000, 600_000, 1_200_000]);
    assert_eq!(pause(u32::MAX), 24 * 3_600_000);
    assert_eq!(due_again(OutboxKind::Answer, 1, 300_000, now), HELD_BACK_UNTIL);
}

#[test]
fn a_receipt_settles_its_message_alone() {
    let world = world();
    let item = &world.state.outbox[0];
    let dispatch = Dispatch {
        id: DispatchId {
            realm: item.realm.clone(),
            authenticator: item.authenticator,
            message: item.message,
            attempt: 1,
            part: 1,
        },
        parts: 1,
        content: Content::Set,
        bytes: 133,
        centre: "north".to_owned(),
        centre_id: Some("7".to_owned()),
        at: world.now,
        state: DispatchState::Submitted,
        settled_at: None,
        error: String::new(),
    };
    let mut rng = crate::testing::TestRng::new(1);
    let mut settled = |state| settle(&dispatch, state, "000", world.now, &mut rng).writes;
    let delivered = settled(DispatchState::Delivered);
    let rests = |write: &Write| {
        matches!(write, Write::OutboxDue { message, next_attempt_at, .. }
            if *message == item.message && *next_attempt_at == world.now.plus(DELIVERED_PAUSE_MS))
    };
    assert!(delivered.len() == 2 && delivered.iter().any(rests), "{delivered:?}");
    for (state, kind) in
        [(DispatchState::Expired, EventKind::MessageExpired), (DispatchState::Failed, EventKind::MessageFailed)]
    {
        let writes = settled(state);
        assert!(writes.iter().any(|write| matches!(write, Write::Audit(event) if event.kind == kind)), "{writes:?}");
        assert!(!writes.iter().any(|write| matches!(write, Write::OutboxDue { .. })));
    }
}
