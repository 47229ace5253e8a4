//! What the centre brings: messages and receipts.

use std::sync::atomic::Ordering;
use std::time::Duration;

use matchbook_protocol::sms::{Body, Segment};

use super::peer::{DATA, DELIVER, Door, ENQUIRE, Peer, RESP, deliver, option, pdu};
use super::{BRISK, Rig, Timing};
use crate::bearer::sms::centre::{Receipt, ReceiptState};
use crate::bearer::sms::testing::{Came, PORTS, number, one_centre, until};

async fn bound(more: &str, timing: Timing) -> (Door, Peer, Rig) {
    let door = Door::open().await;
    let rig = Rig::timed(&one_centre(door.port(), more), timing);
    let peer = door.bound().await;
    (door, peer, rig)
}

async fn answered(peer: &mut Peer, id: u32, sequence: u32) -> u32 {
    let answer = peer.read().await;
    assert_eq!((answer.id, answer.sequence, answer.body), (id | RESP, sequence, vec![0]));
    answer.status
}

fn message(header: &[u8], body: Body) -> Came {
    Came::Message("north".to_owned(), number("+491701234567"), Segment { header: header.to_vec(), body })
}

#[tokio::test]
async fn a_message_with_a_header_is_cut_in_two() {
    let (_door, mut peer, rig) = bound("", BRISK).await;
    let data: Vec<u8> = (0..133).collect();
    let whole = [&PORTS[..], &data[..]].concat();
    // 0x43 is what Kannel writes: the bit counts, not the octet.
    for (sequence, class) in [(1, 0x40), (2, 0x43), (3, 0xc0)] {
        peer.write(DELIVER, 0, sequence, &deliver(class, 4, &whole, &[])).await;
        assert_eq!(answered(&mut peer, DELIVER, sequence).await, 0);
        assert_eq!(rig.inbox.next().await, message(&PORTS, Body::Data(data.clone())));
    }
    peer.write(DELIVER, 0, 4, &deliver(0, 0, b"QUJD+/9=", &[])).await;
    assert_eq!(answered(&mut peer, DELIVER, 4).await, 0);
    assert_eq!(rig.inbox.next().await, message(&[], Body::Text("QUJD+/9=".to_owned())));
    assert_eq!(rig.counts.messages.get(), 4);
}

#[tokio::test]
async fn a_message_in_the_payload_parameter_or_in_a_data_sm_is_the_same() {
    let (_door, mut peer, rig) = bound("", BRISK).await;
    let whole = [&PORTS[..], b"payload"].concat();
    peer.write(DELIVER, 0, 1, &deliver(0x40, 4, &[], &option(0x0424, &whole))).await;
    assert_eq!(answered(&mut peer, DELIVER, 1).await, 0);
    assert_eq!(rig.inbox.next().await, message(&PORTS, Body::Data(b"payload".to_vec())));
    let mut data = b"\0\x01\x01491701234567\0\x00\x0116020\0\x40\0\x04".to_vec();
    data.extend_from_slice(&option(0x0424, &whole));
    peer.write(DATA, 0, 2, &data).await;
    assert_eq!(answered(&mut peer, DATA, 2).await, 0);
    assert_eq!(rig.inbox.next().await, message(&PORTS, Body::Data(b"payload".to_vec())));
}

#[tokio::test]
async fn a_message_is_answered_after_its_commit_and_not_before() {
    let (_door, mut peer, rig) = bound("", BRISK).await;
    rig.inbox.hold();
    peer.write(DELIVER, 0, 1, &deliver(0, 4, b"slow", &[])).await;
    until("it is under work", || rig.inbox.held() == 1).await;
    peer.fence().await;
    rig.inbox.release();
    assert_eq!(answered(&mut peer, DELIVER, 1).await, 0);
}

#[tokio::test]
async fn what_cannot_be_taken_now_is_to_come_again() {
    let (_door, mut peer, rig) = bound("", BRISK).await;
    rig.inbox.not_now.store(true, Ordering::SeqCst);
    peer.write(DELIVER, 0, 1, &deliver(0, 4, b"again", &[])).await;
    assert_eq!(answered(&mut peer, DELIVER, 1).await, 0x64);
    peer.write(DELIVER, 0, 2, &deliver(4, 0, b"id:1 stat:DELIVRD", &[])).await;
    assert_eq!(answered(&mut peer, DELIVER, 2).await, 0x64);
    rig.inbox.not_now.store(false, Ordering::SeqCst);
    peer.write(DELIVER, 0, 3, &deliver(0, 4, b"again", &[])).await;
    assert_eq!(answered(&mut peer, DELIVER, 3).await, 0);
    assert_eq!(rig.counts.put_off.get(), 2);
}

#[tokio::test]
async fn a_commit_that_takes_too_long_is_to_come_again() {
    let (_door, mut peer, rig) = bound("", Timing { inbox: Duration::from_millis(20), ..BRISK }).await;
    rig.inbox.hold();
    peer.write(DELIVER, 0, 1, &deliver(0, 4, b"stuck", &[])).await;
    assert_eq!(answered(&mut peer, DELIVER, 1).await, 0x64);
}

#[tokio::test]
async fn work_that_breaks_off_leaves_the_session_alone() {
    let (_door, mut peer, rig) = bound("", BRISK).await;
    rig.inbox.panics.store(true, Ordering::SeqCst);
    peer.write(DELIVER, 0, 1, &deliver(0, 4, b"bad", &[])).await;
    until("it was begun", || rig.counts.messages.get() == 1).await;
    peer.fence().await;
    rig.inbox.panics.store(false, Ordering::SeqCst);
    peer.write(DELIVER, 0, 2, &deliver(0, 4, b"good", &[])).await;
    assert_eq!(answered(&mut peer, DELIVER, 2).await, 0);
}

#[tokio::test]
async fn a_centre_that_delivers_faster_than_we_commit_is_held_back() {
    let (_door, mut peer, rig) = bound("", BRISK).await;
    rig.inbox.hold();
    let all: Vec<u8> = (1..=200).flat_map(|sequence| pdu(DELIVER, 0, sequence, &deliver(0, 4, b"many", &[]))).collect();
    peer.write_raw(&all).await;
    peer.write(ENQUIRE, 0, 999, &[]).await;
    until("the first are under work", || rig.inbox.held() == 16).await;
    rig.inbox.release();
    let mut sequences = Vec::new();
    for _ in 0..201 {
        let answer = peer.read().await;
        assert_eq!(answer.status, 0);
        sequences.push(answer.sequence);
    }
    assert_eq!(rig.inbox.most_under_work.load(Ordering::SeqCst), 16);
    let place = sequences.iter().position(|sequence| *sequence == 999).unwrap();
    assert!(place >= 184, "it was not read before the deliveries ahead of it were under work: {place}");
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=200).chain([999]).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_receipt_is_read_from_its_parameters_and_from_its_text() {
    let (_door, mut peer, rig) = bound("", BRISK).await;
    let text = b"id:0012AB sub:001 dlvrd:000 submit date:2611222300 done date:2611222301 stat:UNDELIV err:011 text:id:9 stat:DELIVRD";
    let parameters = [option(0x001e, b"FF01\0"), option(0x0427, &[2])].concat();
    for (sequence, body, receipt) in [
        (1, deliver(0x04, 0, text, &[]), ("12ab", ReceiptState::Failed, "011")),
        (2, deliver(0x04, 0, text, &parameters), ("ff01", ReceiptState::Delivered, "011")),
        (3, deliver(0x04, 0, &[], &parameters), ("ff01", ReceiptState::Delivered, "")),
        (4, deliver(0x07, 0, b"id:x-1 stat:EXPIRED", &[]), ("x-1", ReceiptState::Expired, "")),
        // A parameter without its NUL is against the standard, and seen.
        (5, deliver(0x04, 0, text, &option(0x001e, b"FF01")), ("12ab", ReceiptState::Failed, "011")),
    ] {
        peer.write(DELIVER, 0, sequence, &body).await;
        assert_eq!(answered(&mut peer, DELIVER, sequence).await, 0);
        let (id, state, error) = receipt;
        let receipt = Receipt { id: id.to_owned(), state, error: error.to_owned() };
        assert_eq!(rig.inbox.next().await, Came::Receipt("north".to_owned(), receipt));
    }
    for (sequence, body) in [
        (6, deliver(0x04, 0, b"no word of which", &[])),
        (7, deliver(0x20, 0, b"id:7 stat:DELIVRD", &[])),
        (8, deliver(0x08, 0, b"id:7 stat:DELIVRD", &[])),
    ] {
        peer.write(DELIVER, 0, sequence, &body).await;
        assert_eq!(answered(&mut peer, DELIVER, sequence).await, 0);
    }
    assert!(rig.inbox.is_empty().await, "there is nothing to settle");
    assert_eq!(rig.counts.receipts.get(), 5);
}
