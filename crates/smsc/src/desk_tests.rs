#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::sms::{Body, Segment};
use tokio::sync::mpsc;

use super::{AddressRange, Delivery, Desk, Item, MAX_WAITING, Route};

fn route() -> Route {
    Route { centre: "127.0.0.1:2775".parse().unwrap(), system_id: "a".into() }
}

fn message(desk: &mut Desk, to: &str) -> Item {
    let segment = Segment { header: Vec::new(), body: Body::Data(Vec::new()) };
    let delivery = Delivery::Message { from: "+491".parse().unwrap(), to: to.parse().unwrap(), segment };
    Item { order: desk.number(), delivery }
}

fn taker(desk: &mut Desk, id: u64, range: &str, window: usize) -> mpsc::UnboundedReceiver<Item> {
    let (queue, items) = mpsc::unbounded_channel();
    desk.join(id, route(), AddressRange::parse(range), window, queue);
    items
}

fn orders(items: &mut mpsc::UnboundedReceiver<Item>) -> Vec<u64> {
    std::iter::from_fn(|| items.try_recv().ok()).map(|item| item.order).collect()
}

#[test]
fn receivers_take_turns_within_their_windows() {
    let mut desk = Desk::default();
    let (mut one, mut two) = (taker(&mut desk, 1, "", 2), taker(&mut desk, 2, "", 2));
    for _ in 0..6 {
        let item = message(&mut desk, "16020");
        assert!(desk.put(item));
    }
    assert_eq!((orders(&mut one).len(), orders(&mut two).len()), (2, 2));
    assert_eq!(desk.messages_waiting(), 2);
    desk.answered(1);
    assert_eq!(orders(&mut one), [5]);
    desk.leave(1);
    desk.answered(2);
    assert_eq!(orders(&mut two), [6]);
}

#[test]
fn what_comes_back_is_first_again() {
    let mut desk = Desk::default();
    let items: Vec<Item> = (0..3).map(|_| message(&mut desk, "1")).collect();
    for item in items.into_iter().rev() {
        assert!(desk.put(item));
    }
    let mut items = taker(&mut desk, 9, "", 5);
    assert_eq!(orders(&mut items), [1, 2, 3]);
}

#[test]
fn address_ranges() {
    for (range, number, is_in) in [
        ("", "16020", true),
        ("16020", "16020", true),
        ("16020", "160201", false),
        ("^16020$", "16020", true),
        ("^1602.*$", "16021", true),
        ("49*", "4917", true),
        ("49*", "16020", false),
        ("^16020|^16021", "16021", true),
        ("[0-9]+", "5", true),
    ] {
        assert_eq!(AddressRange::parse(range).contains(number), is_in, "{range} {number}");
    }
    let mut desk = Desk::default();
    let (mut one, mut two) = (taker(&mut desk, 1, "16020", 5), taker(&mut desk, 2, "16021", 5));
    for to in ["16021", "16020", "16022"] {
        let item = message(&mut desk, to);
        desk.put(item);
    }
    assert_eq!((orders(&mut one), orders(&mut two)), (vec![2], vec![1]));
    assert_eq!(desk.messages_waiting(), 1);
}

#[test]
fn the_desk_is_bounded() {
    let mut desk = Desk::default();
    for _ in 0..MAX_WAITING {
        let item = message(&mut desk, "1");
        assert!(desk.put(item));
    }
    let item = message(&mut desk, "1");
    assert!(!desk.put(item));
}
