//! A centre that means no good, or is broken: the session answers or ends, comes back, and never holds much.

use std::time::Duration;

use super::peer::{DELIVER, Door, ENQUIRE, NACK, Peer, RESP, SUBMIT, deliver, option, pdu};
use super::{BRISK, Rig, Timing};
use crate::bearer::sms::testing::{Came, one_centre};

async fn bound(timing: Timing) -> (Door, Peer, Rig) {
    let door = Door::open().await;
    let rig = Rig::timed(&one_centre(door.port(), ""), timing);
    let peer = door.bound().await;
    (door, peer, rig)
}

#[tokio::test]
async fn a_length_that_cannot_be_ends_the_connection() {
    let (door, mut peer, rig) = bound(BRISK).await;
    for length in [0_u32, 15, 0x1_0001, 0x8000_0000, u32::MAX] {
        peer.write_raw(&length.to_be_bytes()).await;
        let said = peer.read_to_end().await;
        assert_eq!(said.len(), 1, "{length}");
        assert_eq!((said[0].id, said[0].status, said[0].sequence), (NACK, 2, 0), "{length}");
        peer = door.bound().await;
        rig.until_up().await;
    }
    assert_eq!((rig.counts.malformed.get(), rig.counts.reconnects.get()), (5, 5));
}

#[tokio::test]
async fn an_octet_too_many_harms_no_other_pdu() {
    let (_door, mut peer, _rig) = bound(BRISK).await;
    peer.write(ENQUIRE, 0, 7, &[0]).await;
    let nack = peer.read().await;
    assert_eq!((nack.id, nack.status, nack.sequence), (NACK, 2, 7));
    peer.fence().await;
}

#[tokio::test]
async fn a_message_length_that_lies_does_not_read_on_in_the_next_pdu() {
    let (_door, mut peer, rig) = bound(BRISK).await;
    let mut lie = deliver(0, 4, b"short", &[]);
    let place = lie.len() - 6;
    lie[place] = 255;
    let secret = deliver(0, 4, &[b's'; 250], &[]);
    peer.write_raw(&[pdu(DELIVER, 0, 1, &lie), pdu(DELIVER, 0, 2, &secret)].concat()).await;
    let mut answers = [peer.read().await, peer.read().await];
    answers.sort_by_key(|answer| answer.sequence);
    let seen: Vec<_> = answers.iter().map(|answer| (answer.id, answer.status, answer.sequence)).collect();
    assert_eq!(seen, [(DELIVER | RESP, 0x65, 1), (DELIVER | RESP, 0, 2)]);
    assert!(matches!(rig.inbox.next().await, Came::Message(..)));
    assert!(rig.inbox.is_empty().await);
}

#[tokio::test]
async fn what_is_no_message_is_refused_for_good() {
    let (_door, mut peer, rig) = bound(BRISK).await;
    let long_header = deliver(0x40, 4, &[200, 1, 2], &[]);
    let no_header = deliver(0x40, 4, &[], &[]);
    let wide = deliver(0, 8, b"\0A", &[]);
    let mut no_sender = deliver(0, 4, b"x", &[]);
    no_sender[3..15].copy_from_slice(b"not a number");
    for (sequence, body) in
        [(1, long_header), (2, no_header), (3, wide), (4, no_sender), (5, vec![1, 2, 3]), (6, vec![])]
    {
        peer.write(DELIVER, 0, sequence, &body).await;
        let refused = peer.read().await;
        assert_eq!(
            (refused.id, refused.status, refused.sequence),
            if sequence == 6 {
                // Nothing at all is no deliver_sm.
                (NACK, 3, 6)
            } else {
                (DELIVER | RESP, 0x65, sequence)
            }
        );
    }
    peer.fence().await;
    assert!(rig.inbox.is_empty().await);
}

#[tokio::test]
async fn unknown_requests_are_refused_and_unknown_answers_are_nothing() {
    let (_door, mut peer, _rig) = bound(BRISK).await;
    for id in [0x0000_0777, SUBMIT, 3, 0x0000_0009, 0x0001_0000] {
        peer.write(id, 0, 5, &[]).await;
        let nack = peer.read().await;
        assert_eq!((nack.id, nack.status, nack.sequence), (NACK, 3, 5), "{id:#x}");
    }
    for id in [SUBMIT | RESP, ENQUIRE | RESP, NACK, 0x8000_0777, DELIVER | RESP, 0xffff_ffff] {
        peer.write(id, 0, 0x0555_5555, &[]).await;
    }
    peer.write(0x102, 0, 1, b"\x01\x014917\0\0\x0116020\0").await;
    peer.fence().await;
}

#[tokio::test]
async fn a_stream_of_rubbish_ends_the_connection() {
    let (door, mut peer, rig) = bound(BRISK).await;
    let rubbish = pdu(DELIVER, 0, 1, &[0xff; 40]).repeat(100);
    peer.try_write(&rubbish).await;
    let said = peer.read_to_end().await;
    assert!(said.len() <= 16, "{}", said.len());
    let _peer = door.bound().await;
    rig.until_up().await;
}

#[tokio::test]
async fn a_centre_that_asks_and_does_not_listen_is_left() {
    let (door, mut peer, rig) = bound(Timing { write: Duration::from_millis(200), ..BRISK }).await;
    let questions = pdu(ENQUIRE, 0, 1, &[]).repeat(4_096);
    let mut written = 0_usize;
    while peer.try_write(&questions).await {
        written += questions.len();
        assert!(written < 1 << 30, "its answers are kept somewhere");
    }
    drop(peer);
    let _peer = door.bound().await;
    rig.until_up().await;
}

#[tokio::test]
async fn a_header_without_its_body_holds_one_pdu_at_most() {
    let (door, mut peer, rig) = bound(BRISK).await;
    let mut head = pdu(DELIVER, 0, 1, &[]);
    head[..4].copy_from_slice(&65_536_u32.to_be_bytes());
    peer.write_raw(&head).await;
    peer.write_raw(&[0; 1_000]).await;
    rig.until_up().await;
    drop(peer);
    let _peer = door.bound().await;
    rig.until_up().await;
}

#[tokio::test]
async fn options_without_end_are_no_trouble() {
    let (_door, mut peer, rig) = bound(BRISK).await;
    let options = option(0x1501, &[]).repeat(16_000);
    peer.write(DELIVER, 0, 1, &deliver(0, 4, b"much ado", &options)).await;
    let answer = peer.read().await;
    assert_eq!((answer.id, answer.status), (DELIVER | RESP, 0));
    assert!(matches!(rig.inbox.next().await, Came::Message(..)));
}
