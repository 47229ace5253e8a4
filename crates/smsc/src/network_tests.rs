#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;
use std::time::Duration;

use matchbook_protocol::sms::{Address, Body, Segment};
use tokio::time::{Instant, sleep, timeout};

use super::Network;
use crate::air::{Event, MAX_EVENTS};
use crate::chance::Leg;
use crate::conditions::Conditions;
use crate::mailbox::MAX_WAITING;
use crate::phone::Phone;

const ALICE: &str = "+491700000001";
const BOB: &str = "+491700000002";

fn number(text: &str) -> Address {
    text.parse().unwrap()
}

fn numbered(ordinal: u32) -> Segment {
    Segment { header: Vec::new(), body: Body::Data(ordinal.to_be_bytes().to_vec()) }
}

fn ordinal(segment: &Segment) -> u32 {
    match &segment.body {
        Body::Data(octets) => u32::from_be_bytes(octets[..].try_into().unwrap()),
        Body::Text(text) => panic!("{text}"),
    }
}

/// What arrives at Alice of `count` messages of Bob, until nothing is under way any more.
async fn arrivals(network: &Arc<Network>, count: u32) -> Vec<u32> {
    let (mut alice, bob) = (network.phone(number(ALICE)), network.phone(number(BOB)));
    for ordinal in 0..count {
        bob.send(alice.number(), numbered(ordinal)).await;
    }
    sleep(Duration::from_secs(3_600)).await;
    std::iter::from_fn(|| alice.try_receive()).map(|incoming| ordinal(&incoming.segment)).collect()
}

fn rough() -> Conditions {
    Conditions {
        seed: 11,
        loss: 0.2,
        duplication: 0.1,
        reordering: 0.1,
        delay: Duration::from_millis(200),
        jitter: Duration::from_secs(2),
        ..Conditions::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_perfect_network_carries_everything_at_once_and_in_order() {
    let network = Network::new(Conditions::default());
    let (mut alice, bob) = (network.phone(number(ALICE)), network.phone(number(BOB)));
    let began = Instant::now();
    for ordinal in 0..100 {
        bob.send(alice.number(), numbered(ordinal)).await;
    }
    for expected in 0..100 {
        let incoming = alice.receive().await;
        assert_eq!((ordinal(&incoming.segment), &incoming.from), (expected, bob.number()));
    }
    assert_eq!(Instant::now(), began);
    assert_eq!(network.counts().reordered, 0);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_run() {
    let first = arrivals(&Network::new(rough()), 500).await;
    assert_eq!(arrivals(&Network::new(rough()), 500).await, first);
    assert_ne!(arrivals(&Network::new(Conditions { seed: 12, ..rough() }), 500).await, first);
}

#[tokio::test(start_paused = true)]
async fn counts_are_what_happened() {
    let network = Network::new(rough());
    let came = arrivals(&network, 2_000).await;
    let counts = network.counts();
    assert_eq!((counts.mo_sent, counts.delivered), (2_000, came.len() as u64));
    // Every message crosses twice: up and down.
    assert_eq!(counts.delivered, 2_000 + counts.duplicated - counts.lost);
    assert!(counts.lost > 500 && counts.duplicated > 200 && counts.reordered > 1_000, "{counts:?}");
    let numbers = network.numbers();
    assert_eq!(numbers.iter().map(|one| one.lost).sum::<u64>(), counts.lost);
    assert_eq!(numbers.iter().map(|one| one.duplicated).sum::<u64>(), counts.duplicated);
    assert_eq!((numbers[0].received, numbers[1].sent), (counts.delivered, 2_000));
}

#[tokio::test(start_paused = true)]
async fn messages_take_their_time() {
    let conditions = Conditions { delay: Duration::from_secs(5), ..Conditions::default() };
    let network = Network::new(conditions);
    let (mut alice, bob) = (network.phone(number(ALICE)), network.phone(number(BOB)));
    let began = Instant::now();
    bob.send(alice.number(), numbered(1)).await;
    assert!(timeout(Duration::from_secs(9), alice.receive()).await.is_err());
    alice.receive().await;
    let took = began.elapsed();
    assert!((Duration::from_secs(10)..Duration::from_secs(11)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_is_overtaken_or_let_go() {
    let network = Network::new(Conditions { reordering: 1.0, ..Conditions::default() });
    assert_eq!(arrivals(&network, 1).await, [0]);
    // Each second one overtakes the one before it: up, and down again.
    let came = arrivals(&network, 8).await;
    let mut sorted = came.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert!(network.counts().reordered > 0, "{came:?}");
}

#[tokio::test(start_paused = true)]
async fn corruption_is_seen_and_counted() {
    let network = Network::new(Conditions { corruption: 1.0, ..Conditions::default() });
    let (mut alice, bob) = (network.phone(number(ALICE)), network.phone(number(BOB)));
    let sent = Segment { header: vec![6, 5, 4, 1, 2, 3, 4], body: Body::Data(vec![0; 50]) };
    bob.send(alice.number(), sent.clone()).await;
    assert_ne!(alice.receive().await.segment, sent);
    assert_eq!(network.counts().corrupted, 2);
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_is_off_gets_it_when_it_is_on() {
    let network = Network::new(Conditions::default());
    let bob = network.phone(number(BOB));
    let mut alice = network.phone(number(ALICE));
    alice.set_on(false);
    bob.send(alice.number(), numbered(1)).await;
    assert_eq!(alice.try_receive(), None);
    assert_eq!(network.numbers()[0].waiting, 1);
    alice.send(bob.number(), numbered(9)).await;
    alice.set_on(true);
    assert_eq!(ordinal(&alice.receive().await.segment), 1);
    drop(alice);
    bob.send(&number(ALICE), numbered(2)).await;
    // With a plus sign or without, it is the same number.
    let mut alice = network.phone(number("491700000001"));
    assert_eq!(ordinal(&alice.receive().await.segment), 2);
    assert_eq!(network.counts().mo_sent, 2);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_lost() {
    let network = Network::new(Conditions::default());
    let bob = network.phone(number(BOB));
    bob.send(&number(ALICE), Segment { header: Vec::new(), body: Body::Data(vec![0; 141]) }).await;
    assert_eq!((network.counts().mo_sent, network.counts().lost, network.messages_waiting()), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn waiting_is_cancelled_without_loss_and_several_phones_share_a_number() {
    let network = Network::new(Conditions { delay: Duration::from_secs(1), ..Conditions::default() });
    let (mut one, mut two) = (network.phone(number(ALICE)), network.phone(number(ALICE)));
    let bob = network.phone(number(BOB));
    for count in 0..20 {
        bob.send(one.number(), numbered(count)).await;
        let came = tokio::select! {
            incoming = one.receive() => incoming,
            incoming = two.receive() => incoming,
        };
        assert_eq!(ordinal(&came.segment), count);
    }
}

#[tokio::test(start_paused = true)]
async fn mailboxes_are_bounded() {
    let network = Network::new(Conditions::default());
    let (alice, bob) = (network.phone(number(ALICE)), network.phone(number(BOB)));
    for count in 0..=u32::try_from(MAX_WAITING).unwrap() {
        bob.send(alice.number(), numbered(count)).await;
    }
    let counts = network.counts();
    assert_eq!((counts.delivered, counts.lost), (MAX_WAITING as u64, 1));
}

#[tokio::test(start_paused = true)]
async fn the_air_is_bounded() {
    let network = Network::new(Conditions { delay: Duration::from_secs(1), ..Conditions::default() });
    let bob = network.phone(number(BOB));
    let later = Instant::now() + Duration::from_secs(3_600);
    network.with(|state, _| {
        for ordinal in 0..MAX_EVENTS as u64 {
            state.air.schedule(later, Event::LetGo(Leg::Up, number(BOB), ordinal + 1_000));
        }
    });
    assert!(!network.has_room());
    bob.send(&number(ALICE), numbered(1)).await;
    assert_eq!(network.counts().lost, 1);
    sleep(Duration::from_secs(3_601)).await;
    assert!(network.has_room());
}

#[test]
fn the_radio_goes_on_in_the_next_runtime() {
    let network = Network::new(Conditions { delay: Duration::from_millis(1), ..Conditions::default() });
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for count in 0..3 {
        runtime().block_on(async {
            let (mut alice, bob): (Phone, Phone) = (network.phone(number(ALICE)), network.phone(number(BOB)));
            bob.send(alice.number(), numbered(count)).await;
            assert_eq!(ordinal(&alice.receive().await.segment), count);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn the_network_ends_with_its_last_owner() {
    let network = Network::new(rough());
    let weak = Arc::downgrade(&network);
    arrivals(&network, 10).await;
    drop(network);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(weak.strong_count(), 0);
}
