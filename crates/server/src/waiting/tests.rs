#![allow(clippy::unwrap_used)]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::*;

fn is_ready(future: impl Future<Output = ()>) -> bool {
    pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
}

#[test]
fn a_push_before_the_wait_is_not_missed() {
    let room = Waiting::default();
    let id = AuthenticatorId([1; 8]);
    assert!(!room.wake(&id), "nobody waits");
    let place = room.enter(id).unwrap();
    assert!(!is_ready(place.push()));
    assert!(room.wake(&id));
    assert!(is_ready(place.push()));
    assert!(!is_ready(place.push()), "one push, one waking");
}

#[test]
fn a_newer_request_releases_the_older_one_and_keeps_the_place() {
    let room = Waiting::default();
    let id = AuthenticatorId([1; 8]);
    let older = room.enter(id).unwrap();
    let newer = room.enter(id).unwrap();
    assert!(is_ready(older.replaced()));
    assert!(!is_ready(newer.replaced()));
    drop(older);
    assert_eq!(room.count(), 1, "the older one's leaving does not take the newer one's place");
    assert!(room.wake(&id));
    assert!(is_ready(newer.push()));
    drop(newer);
    assert_eq!(room.count(), 0);
}
