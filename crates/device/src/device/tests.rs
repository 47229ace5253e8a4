#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use matchbook_protocol::{CodeIndex, Delivery, Epoch, Event, Handle, Phase, Suite};

use super::*;
use crate::bearer::BearerError;
use crate::test_peer::{TestPeer, enrolment};
use crate::vault::MemoryVault;

fn start(suite: Suite, delivery: Delivery) -> (Wallet<MemoryVault>, TestPeer) {
    let enrolment = enrolment(1, suite, delivery);
    let mut wallet = Wallet::open(MemoryVault::new()).unwrap();
    wallet.enrol(&enrolment).unwrap();
    (wallet, TestPeer::new(&enrolment))
}

fn enrolled(suite: Suite, delivery: Delivery) -> (Wallet<MemoryVault>, TestPeer) {
    let (mut wallet, mut peer) = start(suite, delivery);
    wallet.device(Handle(0), &mut peer).unwrap().sync().unwrap();
    (wallet, peer)
}

fn account(wallet: &Wallet<MemoryVault>) -> &Account {
    wallet.account(Handle(0)).unwrap()
}

fn profiles() -> [(Suite, Delivery); 5] {
    [
        (Suite::Symmetric, Delivery::Shared),
        (Suite::X25519, Delivery::Shared),
        (Suite::X25519, Delivery::PublicKey),
        (Suite::P256, Delivery::Shared),
        (Suite::P256, Delivery::PublicKey),
    ]
}

#[test]
fn the_first_sync_enrols_and_brings_the_first_set_in_every_profile() {
    for (suite, delivery) in profiles() {
        let (mut wallet, mut peer) = start(suite, delivery);
        let report = wallet.device(Handle(0), &mut peer).unwrap().sync().unwrap();
        assert!(report.answered && report.refused.is_empty(), "{report:?}");
        assert!(matches!(report.events[0], Event::Enrolled), "{report:?}");
        assert_eq!(report.codes_received(), 10);
        assert_eq!(account(&wallet).remaining(), 10);
        let taken = wallet.take_code(Handle(0), Selector::Next).unwrap();
        assert_eq!(*taken.code.reveal(), peer.issued[0]);
    }
}

#[test]
fn a_set_by_hand_comes_on_top() {
    let (mut wallet, mut peer) = enrolled(Suite::X25519, Delivery::Shared);
    let report = wallet.device(Handle(0), &mut peer).unwrap().request_set().unwrap();
    assert_eq!(report.codes_received(), 10);
    assert_eq!(account(&wallet).remaining(), 20);
}

#[test]
fn a_key_is_replaced_and_a_set_comes_under_the_new_one_in_every_profile() {
    for (suite, delivery) in profiles() {
        let (mut wallet, mut peer) = enrolled(suite, delivery);
        let report = wallet.device(Handle(0), &mut peer).unwrap().rotate().unwrap();
        assert!(
            report.events.iter().any(|event| matches!(event, Event::KeyReplaced { epoch: Epoch(1) })),
            "{report:?}"
        );
        assert_eq!((account(&wallet).phase(), account(&wallet).epoch()), (Phase::Steady, Epoch(1)));
        assert_eq!(peer.epoch(), Epoch(1));
        wallet.device(Handle(0), &mut peer).unwrap().request_set().unwrap();
        let last = wallet.take_code(Handle(0), Selector::Index(CodeIndex(20))).unwrap();
        assert_eq!(*last.code.reveal(), peer.issued[19]);
    }
}

#[test]
fn lost_answers_are_asked_for_again_with_the_same_bytes() {
    let (mut wallet, mut peer) = start(Suite::X25519, Delivery::Shared);
    // The n-th attempt gets one exchange further.
    for lost in 0..6 {
        peer.lose_answers = u32::from(lost % 2 == 0);
        let result = wallet.device(Handle(0), &mut peer).unwrap().sync();
        assert_eq!(result.is_err(), lost % 2 == 0);
    }
    assert_eq!(account(&wallet).remaining(), 10);
    assert_eq!(peer.issued.len(), 10, "one set, however often it was asked for");
}

#[test]
fn what_came_before_the_network_broke_is_reported_and_kept() {
    struct Breaks(TestPeer, u32);
    impl Bearer for Breaks {
        fn exchange(&mut self, message: &[u8], wait: Option<Duration>) -> Result<Vec<Vec<u8>>, BearerError> {
            self.1 -= 1;
            if self.1 == 0 {
                return Err(BearerError::TimedOut { server: "the test".to_owned() });
            }
            self.0.exchange(message, wait)
        }
    }
    let (mut wallet, peer) = start(Suite::X25519, Delivery::Shared);
    // ENROL and the first request get through, the acknowledgement does not.
    let failure = wallet.device(Handle(0), Breaks(peer, 3)).unwrap().sync().unwrap_err();
    assert!(matches!(failure.cause, SyncCause::Bearer(BearerError::TimedOut { .. })));
    assert_eq!(failure.report.codes_received(), 10);
    assert_eq!(account(&Wallet::open(wallet.into_vault()).unwrap()).remaining(), 10);
}

#[test]
fn a_server_that_does_not_know_the_device_is_silence_and_not_an_error() {
    let (mut wallet, mut peer) = start(Suite::X25519, Delivery::Shared);
    peer.is_silent = true;
    let report = wallet.device(Handle(0), &mut peer).unwrap().sync().unwrap();
    assert!(!report.answered && report.is_quiet());
    assert_eq!(report.sent, 1);
    let failure = wallet.device(Handle(0), &mut peer).unwrap().request_set().unwrap_err();
    assert!(matches!(failure.cause, SyncCause::Request(RequestError::NotEnrolled)));
}

#[test]
fn a_long_poll_waits_with_a_new_request_and_brings_a_push() {
    let (mut wallet, mut peer) = enrolled(Suite::X25519, Delivery::Shared);
    peer.waits.clear();
    peer.push = true;
    let wait = Duration::from_secs(30);
    let report = wallet.device(Handle(0), &mut peer).unwrap().wait_for_push(wait).unwrap();
    assert_eq!(report.codes_received(), 10);
    assert_eq!(peer.waits, [Some(wait), None], "the poll is held, the acknowledgement is not");
}

#[test]
fn a_request_for_more_than_the_device_keeps_is_told() {
    let (mut wallet, mut peer) = start(Suite::X25519, Delivery::Shared);
    peer.set_size = 250;
    wallet.device(Handle(0), &mut peer).unwrap().sync().unwrap();
    let failure = wallet.device(Handle(0), &mut peer).unwrap().request_set().unwrap_err();
    assert!(matches!(failure.cause, SyncCause::Request(RequestError::HoldsEnough)));
}

#[test]
fn a_forged_message_is_refused_in_the_report() {
    let (mut wallet, mut peer) = enrolled(Suite::X25519, Delivery::Shared);
    let before = account(&wallet).encode().to_vec();
    let report = wallet.device(Handle(0), &mut peer).unwrap().receive(&[0x21; 133]).unwrap();
    assert_eq!(report.refused.len(), 1);
    assert_eq!(account(&wallet).encode().as_slice(), before);
}

#[test]
fn listening_brings_pushes_until_it_is_told_to_stop() {
    let (mut wallet, mut peer) = enrolled(Suite::X25519, Delivery::Shared);
    peer.push = true;
    let stop = AtomicBool::new(false);
    let polls = AtomicU32::new(0);
    let options = ListenOptions { wait: Duration::from_secs(1), least_interval: Duration::from_millis(1) };
    let mut device = wallet.device(Handle(0), &mut peer).unwrap();
    device
        .listen(&stop, &options, |heard| {
            assert!(matches!(heard, Heard::Report(_)));
            if polls.fetch_add(1, Ordering::Relaxed) == 4 {
                stop.store(true, Ordering::Relaxed);
            }
        })
        .unwrap();
    assert_eq!(polls.load(Ordering::Relaxed), 5);
    assert_eq!(account(&wallet).remaining(), 20);
}

#[test]
fn listening_tells_of_trouble_and_of_silence_and_goes_on() {
    let (mut wallet, mut peer) = enrolled(Suite::X25519, Delivery::Shared);
    let options = ListenOptions { least_interval: Duration::from_millis(1), ..ListenOptions::default() };
    let mut heard_of = |peer: &mut TestPeer| {
        let stop = AtomicBool::new(false);
        let mut heard = Vec::new();
        let mut device = wallet.device(Handle(0), peer).unwrap();
        let tell = |what| {
            heard.push(what);
            stop.store(true, Ordering::Relaxed);
        };
        device.listen(&stop, &options, tell).unwrap();
        heard
    };
    peer.lose_answers = 1;
    let trouble = heard_of(&mut peer);
    assert!(matches!(trouble[..], [Heard::Trouble { pause, .. }] if pause == Duration::from_secs(1)), "{trouble:?}");
    peer.is_silent = true;
    assert!(matches!(heard_of(&mut peer)[..], [Heard::Silence { .. }]));
    peer.is_silent = false;
    assert!(matches!(heard_of(&mut peer)[..], [Heard::Report(_)]));
}
