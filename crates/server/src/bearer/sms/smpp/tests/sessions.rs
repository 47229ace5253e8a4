//! From the bind to the unbind.

use std::time::Duration;

use super::peer::{BIND, Door, ENQUIRE, NACK, RESP, UNBIND};
use super::{BRISK, Rig, Timing};
use crate::bearer::sms::centre::{Centre, SubmitError};
use crate::bearer::sms::config::RouteKind;
use crate::bearer::sms::testing::{OPTIONS, PATIENCE, longest, number, one_centre, until};
use crate::duties::Duty;

#[tokio::test]
async fn the_bind_says_what_the_configuration_says() {
    for (version, octet) in [("3.4", 0x34), ("5.0", 0x50)] {
        let door = Door::open().await;
        let more = format!("version = \"{version}\"\nsystem_type = \"otc\"");
        let rig = Rig::start(&one_centre(door.port(), &more));
        let mut peer = door.accept().await;
        let bind = peer.read().await;
        assert_eq!((bind.id, bind.status, bind.sequence), (BIND, 0, 1));
        let mut expected = b"matchbook\0secret\0otc\0".to_vec();
        expected.extend_from_slice(&[octet, 0, 0, 0]);
        assert_eq!(bind.body, expected);
        assert!(!rig.centre.is_up());
        // A centre of SMPP 5.0 says which version it speaks.
        peer.write(BIND | RESP, 0, 1, b"centre\0\x02\x10\x00\x01\x50").await;
        rig.until_up().await;
        assert_eq!(rig.counts.up.get(), 1);
    }
}

#[tokio::test]
async fn a_refused_bind_is_tried_again_and_nothing_is_sent_meanwhile() {
    let door = Door::open().await;
    let rig = Rig::start(&one_centre(door.port(), ""));
    for (id, status) in [(BIND | RESP, 0x0e), (NACK, 3), (BIND | RESP, 0x0d)] {
        let mut peer = door.accept().await;
        let bind = peer.read().await;
        peer.write(id, status, bind.sequence, &[]).await;
        assert_eq!(peer.read_to_end().await, [], "it hangs up");
        assert_eq!(rig.centre.room(), 0);
        let sent = rig.centre.submit(&number("+491701234567"), &longest(0), &OPTIONS).await;
        assert!(matches!(sent, Err(SubmitError::Unreachable(_))), "{sent:?}");
    }
    let _peer = door.bound().await;
    rig.until_up().await;
    assert_eq!(rig.counts.reconnects.get(), 3);
}

#[tokio::test]
async fn what_comes_before_the_bind_is_answered_is_refused() {
    let door = Door::open().await;
    let rig = Rig::start(&one_centre(door.port(), ""));
    let mut peer = door.accept().await;
    let bind = peer.read().await;
    peer.write(super::peer::DELIVER, 0, 7, &super::peer::deliver(0, 4, b"early", &[])).await;
    let refused = peer.read().await;
    assert_eq!((refused.id, refused.status, refused.sequence), (super::peer::DELIVER | RESP, 4, 7));
    peer.fence().await;
    peer.write(0x77, 0, 8, &[]).await;
    let refused = peer.read().await;
    assert_eq!((refused.id, refused.status, refused.sequence), (NACK, 4, 8));
    peer.write(super::peer::SUBMIT | RESP, 0, 9, b"x\0").await;
    peer.write(BIND | RESP, 0, bind.sequence, b"centre\0").await;
    rig.until_up().await;
    assert!(rig.inbox.is_empty().await);
}

#[tokio::test]
async fn a_centre_that_only_talks_is_left() {
    let door = Door::open().await;
    let _rig = Rig::start(&one_centre(door.port(), ""));
    let mut peer = door.accept().await;
    peer.read().await;
    let talk = super::peer::pdu(ENQUIRE, 0, 3, &[]).repeat(100);
    peer.try_write(&talk).await;
    let said = peer.read_to_end().await;
    assert!(said.len() <= 64, "{}", said.len());
    door.bound().await;
}

/// A session that tries an idle link often.
fn enquiring(door: &Door, response: Duration) -> Rig {
    let mut config = one_centre(door.port(), "");
    let RouteKind::Smpp(smpp) = &mut config.routes[0].kind else { panic!() };
    smpp.enquire_link = Duration::from_millis(20);
    Rig::timed(&config, Timing { response, ..BRISK })
}

#[tokio::test]
async fn an_idle_link_is_tried_and_any_answer_is_one() {
    let door = Door::open().await;
    let rig = enquiring(&door, PATIENCE);
    let mut peer = door.bound().await;
    for answer in [ENQUIRE | RESP, NACK, ENQUIRE | RESP, NACK] {
        let enquiry = peer.read().await;
        assert_eq!((enquiry.id, enquiry.body.len()), (ENQUIRE, 0));
        peer.write(answer, 0, enquiry.sequence, &[]).await;
    }
    assert_eq!(peer.read().await.id, ENQUIRE);
    assert!(rig.centre.is_up());
}

#[tokio::test]
async fn a_dead_link_is_left() {
    let door = Door::open().await;
    let rig = enquiring(&door, Duration::from_millis(20));
    let mut peer = door.bound().await;
    assert_eq!(peer.read().await.id, ENQUIRE);
    assert_eq!(peer.read_to_end().await, [], "it is not answered, and the session ends");
    let _peer = door.bound().await;
    until("it was counted", || rig.counts.reconnects.get() > 0).await;
}

#[tokio::test]
async fn a_centre_that_unbinds_is_answered_and_bound_again() {
    let door = Door::open().await;
    let rig = Rig::start(&one_centre(door.port(), ""));
    let mut peer = door.bound().await;
    peer.write(UNBIND, 0, 5, &[]).await;
    let said = peer.read_to_end().await;
    assert_eq!(said.len(), 1);
    assert_eq!((said[0].id, said[0].sequence), (UNBIND | RESP, 5));
    let _peer = door.bound().await;
    rig.until_up().await;
}

#[tokio::test]
async fn a_server_that_stops_unbinds() {
    let door = Door::open().await;
    let rig = Rig::start(&one_centre(door.port(), ""));
    let mut peer = door.bound().await;
    rig.until_up().await;
    rig.stop.send_replace(Duty::Over);
    let unbind = peer.read().await;
    assert_eq!((unbind.id, unbind.body.len()), (UNBIND, 0));
    peer.write(UNBIND | RESP, 0, unbind.sequence, &[]).await;
    assert_eq!(peer.read_to_end().await, []);
    rig.until_down().await;
    tokio::time::timeout(PATIENCE, rig.task).await.unwrap().unwrap();
    let sent = rig.centre.submit(&number("+491701234567"), &longest(0), &OPTIONS).await;
    assert!(matches!(sent, Err(SubmitError::Unreachable(_))));
}

#[tokio::test]
async fn a_server_that_stops_lets_the_submits_under_way_be_answered_first() {
    let door = Door::open().await;
    let rig = Rig::timed(&one_centre(door.port(), ""), Timing { unbind: PATIENCE, ..BRISK });
    let mut peer = door.bound().await;
    rig.until_up().await;
    let centre = std::sync::Arc::clone(&rig.centre);
    let answer = tokio::spawn(async move { centre.submit(&number("+4917"), &longest(0), &OPTIONS).await });
    let raw = peer.read().await;
    rig.stop.send_replace(Duty::Over);
    // What comes in now is to come again.
    peer.write(super::peer::DELIVER, 0, 7, &super::peer::deliver(0, 4, b"late", &[])).await;
    loop {
        let refused = peer.read().await;
        assert_eq!((refused.id, refused.sequence), (super::peer::DELIVER | RESP, 7));
        if refused.status == 0x64 {
            break;
        }
        // The session had not heard of the stop yet.
        peer.write(super::peer::DELIVER, 0, 7, &super::peer::deliver(0, 4, b"late", &[])).await;
    }
    peer.accept(&raw, "last").await;
    assert_eq!(peer.read().await.id, UNBIND);
    assert_eq!(answer.await.unwrap().unwrap().id.as_deref(), Some("last"));
}

#[tokio::test]
async fn a_server_stops_although_the_centre_says_nothing() {
    let door = Door::open().await;
    let rig = Rig::timed(&one_centre(door.port(), ""), Timing { unbind: Duration::from_millis(50), ..BRISK });
    let mut peer = door.bound().await;
    rig.until_up().await;
    rig.stop.send_replace(Duty::Over);
    tokio::time::timeout(PATIENCE, rig.task).await.unwrap().unwrap();
    assert_eq!(peer.read_to_end().await.iter().map(|raw| raw.id).collect::<Vec<_>>(), [UNBIND]);
}

#[tokio::test]
async fn a_server_stops_while_nobody_can_be_reached() {
    let port = Door::open().await.port();
    let rig = Rig::start(&one_centre(port, ""));
    until("it was tried", || rig.counts.reconnects.get() > 1).await;
    rig.stop.send_replace(Duty::Over);
    tokio::time::timeout(PATIENCE, rig.task).await.unwrap().unwrap();
}

/// Another node took the duty over, and gave it back.
#[tokio::test]
async fn a_node_that_is_relieved_unbinds_and_binds_when_it_is_its_turn_again() {
    let door = Door::open().await;
    let rig = Rig::start(&one_centre(door.port(), ""));
    let mut peer = door.bound().await;
    rig.until_up().await;
    rig.stop.send_replace(Duty::Off);
    let unbind = peer.read().await;
    assert_eq!(unbind.id, UNBIND);
    peer.write(UNBIND | RESP, 0, unbind.sequence, &[]).await;
    assert_eq!(peer.read_to_end().await, []);
    rig.until_down().await;
    let sent = rig.centre.submit(&number("+491701234567"), &longest(0), &OPTIONS).await;
    assert!(matches!(sent, Err(SubmitError::Unreachable(_))), "it is the other node's");
    assert_eq!(rig.counts.reconnects.get(), 0, "it does not try");
    rig.stop.send_replace(Duty::On);
    let _peer = door.bound().await;
    rig.until_up().await;
}
