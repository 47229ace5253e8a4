//! The session against somebody else's centre.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use matchbook_protocol::sms::{Body, Segment};
use smpp34::{Tlv, TlvTag};

use super::{BRISK, Rig, Timing};
use crate::bearer::sms::centre::{Centre, Receipt, ReceiptState, SubmitError};
use crate::bearer::sms::config::RouteKind;
use crate::bearer::sms::testing::{Came, OPTIONS, PATIENCE, PORTS, longest, number, one_centre, until};
use crate::bearer::sms::third_party::{ThirdParty, from_phone};

#[tokio::test]
async fn a_message_goes_out_and_its_receipt_comes_back() {
    let centre = ThirdParty::start().await;
    let rig = Rig::start(&one_centre(centre.port, "message_ids = \"hex-then-decimal\"\nsystem_type = \"otc\""));
    rig.until_up().await;
    let bind = centre.desk.binds.lock().unwrap()[0].clone();
    assert_eq!(
        (bind.system_id.as_str(), bind.system_type.as_str(), bind.interface_version),
        ("matchbook", "otc", 0x34)
    );
    let accepted = rig.centre.submit(&number("+491701234567"), &longest(9), &OPTIONS).await.unwrap();
    // 0xab0.
    assert_eq!(accepted.id.as_deref(), Some("2736"));
    let submit = centre.submit().await;
    let Body::Data(data) = longest(9).body else { panic!() };
    assert_eq!(submit.short_message, [&PORTS[..], &data].concat());
    assert_eq!((submit.esm_class, submit.data_coding, submit.registered_delivery), (0x40, 4, 1));
    assert_eq!((submit.source_addr.as_str(), submit.source_addr_ton, submit.source_addr_npi), ("16020", 0, 1));
    assert_eq!((submit.destination_addr.as_str(), submit.dest_addr_ton), ("491701234567", 1));
    assert_eq!((submit.validity_period.as_str(), submit.tlvs.len()), ("000001000000000R", 0));
    let esme = centre.esme().await;
    let text =
        b"id:2736 sub:001 dlvrd:001 submit date:2611222300 done date:2611222301 stat:DELIVRD err:000 text:".to_vec();
    assert!(from_phone(&esme).esm_class(4).short_message(text).send().await.unwrap().is_success());
    let receipt = |state, error: &str| Receipt { id: "2736".to_owned(), state, error: error.to_owned() };
    let came = |receipt| Came::Receipt("north".to_owned(), receipt);
    assert_eq!(rig.inbox.next().await, came(receipt(ReceiptState::Delivered, "000")));
    let options = [Tlv::from_c_string(TlvTag::ReceiptedMessageId, "2736"), Tlv::from_u8(TlvTag::MessageStateTlv, 5)];
    assert!(from_phone(&esme).esm_class(4).tlvs(options).send().await.unwrap().is_success());
    assert_eq!(rig.inbox.next().await, came(receipt(ReceiptState::Failed, "")));
}

#[tokio::test]
async fn messages_come_in_and_what_cannot_be_taken_comes_again() {
    let centre = ThirdParty::start().await;
    let rig = Rig::start(&one_centre(centre.port, ""));
    let esme = centre.esme().await;
    let data: Vec<u8> = (100..233).collect();
    let whole = [&PORTS[..], &data].concat();
    let send = || from_phone(&esme).esm_class(0x40).data_coding(4).short_message(whole.clone()).send();
    rig.inbox.not_now.store(true, Ordering::SeqCst);
    assert_eq!(send().await.unwrap().command_status(), 0x64);
    rig.inbox.not_now.store(false, Ordering::SeqCst);
    assert_eq!(send().await.unwrap().command_status(), 0);
    let segment = Segment { header: PORTS.to_vec(), body: Body::Data(data) };
    assert_eq!(rig.inbox.next().await, Came::Message("north".to_owned(), number("+491701234567"), segment));
    let text = from_phone(&esme).data_coding(0).short_message(b"QUJD".to_vec()).send().await.unwrap();
    assert!(text.is_success());
    let segment = Segment { header: Vec::new(), body: Body::Text("QUJD".to_owned()) };
    assert_eq!(rig.inbox.next().await, Came::Message("north".to_owned(), number("+491701234567"), segment));
}

#[tokio::test]
async fn a_throttling_centre_is_heard_and_a_window_is_filled() {
    let centre = ThirdParty::start().await;
    let more = "window = 50\nper_second = 10000";
    let rig = Rig::timed(&one_centre(centre.port, more), Timing { held: Duration::from_millis(1), ..BRISK });
    rig.until_up().await;
    centre.desk.throttles.store(true, Ordering::SeqCst);
    let refused = rig.centre.submit(&number("+4917"), &longest(0), &OPTIONS).await;
    assert_eq!(refused, Err(SubmitError::Throttled));
    centre.desk.throttles.store(false, Ordering::SeqCst);
    let submits = (0..200_u8).map(|n| {
        let centre = Arc::clone(&rig.centre);
        tokio::spawn(async move { centre.submit(&number("+4917"), &longest(n), &OPTIONS).await })
    });
    let mut ids = std::collections::HashSet::new();
    for submit in submits.collect::<Vec<_>>() {
        ids.insert(submit.await.unwrap().unwrap().id.unwrap());
    }
    assert_eq!(ids.len(), 200);
}

#[tokio::test]
async fn an_idle_link_is_kept_and_a_stop_unbinds() {
    let centre = ThirdParty::start().await;
    let mut config = one_centre(centre.port, "");
    let RouteKind::Smpp(smpp) = &mut config.routes[0].kind else { panic!() };
    smpp.enquire_link = Duration::from_millis(10);
    let rig = Rig::start(&config);
    rig.until_up().await;
    // Some enquiries later it still stands.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(rig.centre.is_up());
    assert_eq!(rig.counts.reconnects.get(), 0);
    rig.stop.send_replace(crate::duties::Duty::Over);
    tokio::time::timeout(PATIENCE, rig.task).await.unwrap().unwrap();
    until("it unbound", || centre.desk.unbinds.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_tried_again() {
    let centre = ThirdParty::start().await;
    let mut config = one_centre(centre.port, "");
    let RouteKind::Smpp(smpp) = &mut config.routes[0].kind else { panic!() };
    smpp.password = crate::bearer::sms::password::Password::new("wrong".to_owned().into());
    let rig = Rig::start(&config);
    until("it was tried twice", || centre.desk.binds.lock().unwrap().len() > 1).await;
    assert!(!rig.centre.is_up());
}
