//! What goes to the centre, and what its answers mean.

use std::sync::Arc;

use matchbook_protocol::sms::{Body, Segment};
use tokio::task::JoinHandle;

use super::peer::{Door, Peer, Raw, SUBMIT};
use super::{BRISK, Rig, Timing};
use crate::bearer::sms::centre::{Accepted, Centre, SubmitError, SubmitOptions};
use crate::bearer::sms::testing::{OPTIONS, PATIENCE, longest, number, one_centre, until};

type Answer = JoinHandle<Result<Accepted, SubmitError>>;

async fn bound(more: &str, timing: Timing) -> (Door, Peer, Rig) {
    let door = Door::open().await;
    let rig = Rig::timed(&one_centre(door.port(), more), timing);
    let peer = door.bound().await;
    rig.until_up().await;
    (door, peer, rig)
}

/// Hands over the `n`th message.
fn submit(rig: &Rig, n: u8) -> Answer {
    let centre = Arc::clone(&rig.centre);
    tokio::spawn(async move { centre.submit(&number("+491701234567"), &longest(n), &OPTIONS).await })
}

async fn submitted(peer: &mut Peer) -> Raw {
    let raw = peer.read().await;
    assert_eq!(raw.id, SUBMIT);
    raw
}

fn accepted(id: &str) -> Result<Accepted, SubmitError> {
    Ok(Accepted { id: Some(id.to_owned()) })
}

#[tokio::test]
async fn a_binary_message_is_one_submit_with_its_header_in_short_message() {
    let (_door, mut peer, rig) = bound("", BRISK).await;
    let answer = submit(&rig, 3);
    let raw = submitted(&mut peer).await;
    let Segment { header, body: Body::Data(data) } = longest(3) else { panic!() };
    let mut expected = b"\0\x00\x0116020\0\x01\x01491701234567\0".to_vec();
    // esm_class with the header's bit, protocol, priority, no schedule, one day, receipt, no replacement, 8-bit data.
    expected.extend_from_slice(b"\x40\0\0\x00000001000000000R\0\x01\0\x04\0\x8c");
    expected.extend_from_slice(&header);
    expected.extend_from_slice(&data);
    assert_eq!(raw.body, expected, "and no optional parameter behind it");
    peer.accept(&raw, " 00AbC1 ").await;
    assert_eq!(answer.await.unwrap(), accepted("abc1"));
    assert_eq!((rig.counts.submits.get(), rig.counts.accepted.get()), (1, 1));
}

#[tokio::test]
async fn a_text_is_an_octet_a_character_without_a_header() {
    let (_door, mut peer, rig) = bound("form = \"text\"\nreceipts = false", BRISK).await;
    let centre = Arc::clone(&rig.centre);
    let text = Segment { header: Vec::new(), body: Body::Text("QUJD+/9=".to_owned()) };
    let options = SubmitOptions { validity: std::time::Duration::from_secs(72 * 3_600), wants_receipt: true };
    let answer = tokio::spawn(async move { centre.submit(&number("+491701234567"), &text, &options).await });
    let raw = submitted(&mut peer).await;
    let expected = b"\0\x00\x0116020\0\x01\x01491701234567\0\0\0\0\x00000003000000000R\0\0\0\0\0\x08QUJD+/9=";
    assert_eq!(raw.body, expected, "the configuration wants no receipts");
    peer.write(SUBMIT | super::peer::RESP, 0, raw.sequence, b"\0").await;
    assert_eq!(answer.await.unwrap(), Ok(Accepted { id: None }));
}

#[tokio::test]
async fn what_is_no_short_message_never_leaves() {
    let (_door, mut peer, rig) = bound("", BRISK).await;
    let to = number("+491701234567");
    for segment in [
        Segment { header: vec![0; 7], body: Body::Data(vec![0; 134]) },
        Segment { header: Vec::new(), body: Body::Text("a".repeat(161)) },
        Segment { header: Vec::new(), body: Body::Text("é".to_owned()) },
    ] {
        let refused = rig.centre.submit(&to, &segment, &OPTIONS).await;
        assert!(matches!(refused, Err(SubmitError::Refused { is_permanent: true, .. })), "{refused:?}");
    }
    peer.fence().await;
}

#[tokio::test]
async fn a_throttle_stops_the_next_submit_and_is_counted() {
    for status in [0x58, 0x14] {
        let (_door, mut peer, rig) = bound("", Timing { held: PATIENCE, ..BRISK }).await;
        until("the bucket is full", || rig.centre.room() == 10).await;
        let answer = submit(&rig, 0);
        let raw = submitted(&mut peer).await;
        peer.write(SUBMIT | super::peer::RESP, status, raw.sequence, &[]).await;
        assert_eq!(answer.await.unwrap(), Err(SubmitError::Throttled));
        assert_eq!(rig.centre.room(), 0, "it is asked to slow down");
        assert_eq!(rig.counts.throttled.get(), 1);
    }
}

#[tokio::test]
async fn after_a_throttle_it_goes_on() {
    let held = std::time::Duration::from_millis(20);
    let (_door, mut peer, rig) = bound("", Timing { held, ..BRISK }).await;
    for (n, status) in [(0, 0x58), (1, 0x58), (2, 0)] {
        let answer = submit(&rig, n);
        let raw = submitted(&mut peer).await;
        peer.write(SUBMIT | super::peer::RESP, status, raw.sequence, b"x\0").await;
        let expected = if status == 0 { accepted("x") } else { Err(SubmitError::Throttled) };
        assert_eq!(answer.await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_refusal_says_whether_it_is_for_ever() {
    let (_door, mut peer, rig) = bound("", BRISK).await;
    for (status, is_permanent) in
        [(0x0b, true), (0x50, true), (0x01, true), (0x08, false), (0x45, false), (0x7777, false)]
    {
        let answer = submit(&rig, 0);
        let raw = submitted(&mut peer).await;
        peer.write(SUBMIT | super::peer::RESP, status, raw.sequence, &[]).await;
        let Err(SubmitError::Refused { code, is_permanent: found }) = answer.await.unwrap() else { panic!() };
        assert_eq!(found, is_permanent, "{code}");
        assert!(code.starts_with(&format!("{status:#010x}")), "{code}");
    }
    let answer = submit(&rig, 0);
    let raw = submitted(&mut peer).await;
    peer.write(super::peer::NACK, 3, raw.sequence, &[]).await;
    assert!(matches!(answer.await.unwrap(), Err(SubmitError::Refused { is_permanent: false, .. })));
}

#[tokio::test]
async fn an_answer_whose_body_cannot_be_read_counts_by_its_status() {
    let (_door, mut peer, rig) = bound("", BRISK).await;
    let answer = submit(&rig, 0);
    let raw = submitted(&mut peer).await;
    // An id of 70 characters is too long.
    peer.accept(&raw, &"7".repeat(70)).await;
    assert_eq!(answer.await.unwrap(), Ok(Accepted { id: None }));
    peer.fence().await;
}

#[tokio::test]
async fn without_an_answer_a_submit_is_in_doubt_and_gives_its_place_back() {
    let timing = Timing { response: std::time::Duration::from_millis(50), ..BRISK };
    let (_door, mut peer, rig) = bound("window = 1\nenquire_link_s = 600", timing).await;
    let answer = submit(&rig, 0);
    let late = submitted(&mut peer).await;
    assert!(matches!(answer.await.unwrap(), Err(SubmitError::InDoubt(_))));
    peer.accept(&late, "too late").await;
    until("the place is free", || rig.centre.room() == 1).await;
    assert_eq!(rig.counts.in_doubt.get(), 1);
    peer.fence().await;
}

#[tokio::test]
async fn a_connection_that_breaks_in_an_answer_leaves_the_submit_in_doubt_and_comes_back() {
    let (door, mut peer, rig) = bound("", BRISK).await;
    let answer = submit(&rig, 0);
    let raw = submitted(&mut peer).await;
    let whole = super::peer::pdu(SUBMIT | super::peer::RESP, 0, raw.sequence, b"half\0");
    peer.write_raw(&whole[..18]).await;
    drop(peer);
    assert!(matches!(answer.await.unwrap(), Err(SubmitError::InDoubt(_))));
    let mut peer = door.bound().await;
    rig.until_up().await;
    let answer = submit(&rig, 1);
    let raw = submitted(&mut peer).await;
    peer.accept(&raw, "again").await;
    assert_eq!(answer.await.unwrap(), accepted("again"));
    assert_eq!(rig.counts.reconnects.get(), 1);
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_the_place_to_the_answer() {
    let (_door, mut peer, rig) = bound("window = 1", BRISK).await;
    let answer = submit(&rig, 0);
    let raw = submitted(&mut peer).await;
    answer.abort();
    assert!(answer.await.unwrap_err().is_cancelled());
    assert_eq!(rig.centre.room(), 0, "it is still unanswered");
    peer.accept(&raw, "x").await;
    until("the place is free", || rig.centre.room() == 1).await;
}

#[tokio::test]
async fn no_more_than_the_window_are_unanswered() {
    let (_door, mut peer, rig) = bound("window = 3\nper_second = 10000", BRISK).await;
    let answers: Vec<_> = (0..20).map(|n| submit(&rig, n)).collect();
    let mut unanswered = Vec::new();
    for _ in 0..3 {
        unanswered.push(submitted(&mut peer).await);
    }
    peer.fence().await;
    assert_eq!(rig.centre.room(), 0);
    for _ in 0..17 {
        let raw = unanswered.remove(0);
        peer.accept(&raw, "x").await;
        unanswered.push(submitted(&mut peer).await);
    }
    for raw in unanswered {
        peer.accept(&raw, "x").await;
    }
    for answer in answers {
        assert_eq!(answer.await.unwrap(), accepted("x"));
    }
}

#[tokio::test]
async fn answers_find_their_submits_in_any_order() {
    let (_door, mut peer, rig) = bound("", BRISK).await;
    let answers: Vec<_> = (0..5).map(|n| submit(&rig, n)).collect();
    let mut taken = Vec::new();
    for _ in 0..5 {
        taken.push(submitted(&mut peer).await);
    }
    for raw in taken.iter().rev() {
        // The message's first octet behind the header says which it is.
        let first = raw.body[raw.body.len() - 133];
        peer.accept(raw, &format!("id{first}")).await;
    }
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.await.unwrap(), accepted(&format!("id{n}")));
    }
}
