//! A real Kannel between us and somebody else's SMPP centre, both ways.

use std::net::Ipv4Addr;

use matchbook_protocol::sms::{Body, Segment};
use tokio::net::TcpListener;

use super::{Rig, SECRET};
use crate::bearer::sms::centre::{Receipt, ReceiptState};
use crate::bearer::sms::gateway::{Callbacks, router};
use crate::bearer::sms::kannel::{Kannel, PASSWORD, Plan, USER};
use crate::bearer::sms::testing::{Came, OPTIONS, PORTS, config, longest, number};
use crate::bearer::sms::third_party::{ThirdParty, from_phone};

/// The server's callbacks, Kannel, and the centre that Kannel is bound to.
struct Chain {
    rig: Rig,
    kannel: Kannel,
    centre: ThirdParty,
}

impl Chain {
    async fn start() -> Option<Self> {
        if !Kannel::is_installed() {
            return None;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let callback_url = format!("http://{}", listener.local_addr().unwrap());
        let centre = ThirdParty::start().await;
        let messages_url = format!("{callback_url}/v1/sms/gateways/kannel/{SECRET}/messages");
        let (centre_port, url) = (centre.port, messages_url);
        let started = move || Kannel::start(&Plan { centre_port, messages_url: &url });
        let kannel = tokio::task::spawn_blocking(started).await.unwrap();
        let rig = Rig::start(&config(&format!(
            "number = \"16020\"\n[[gateway]]\nname = \"kannel\"\nkind = \"kannel\"\nurl = \"{}\"\nuser = \"{USER}\"\n\
             password = \"{PASSWORD}\"\nsecret = \"{SECRET}\"\ncallback_url = \"{callback_url}\"\n",
            kannel.sendsms_url
        )));
        let app = axum::Router::from(router::<Callbacks>()).with_state(rig.callbacks());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Some(Self { rig, kannel, centre })
    }
}

fn message(data: &[u8]) -> Came {
    let segment = Segment { header: PORTS.to_vec(), body: Body::Data(data.to_vec()) };
    Came::Message("kannel".to_owned(), number("+491701234567"), segment)
}

#[tokio::test]
async fn a_binary_message_goes_through_kannel_unchanged_and_its_report_comes_back() {
    let Some(chain) = Chain::start().await else { return };
    let esme = chain.centre.esme().await;
    let accepted = chain.rig.only().submit(&number("+491701234567"), &longest(5), &OPTIONS).await;
    let id = accepted.unwrap_or_else(|error| panic!("{error:?}\n{}", chain.kannel.log())).id.unwrap();
    let submit = chain.centre.submit().await;
    let Body::Data(data) = longest(5).body else { panic!() };
    assert_eq!(submit.short_message, [&PORTS[..], &data].concat());
    assert_eq!((submit.esm_class & 0x40, submit.data_coding), (0x40, 4));
    assert_eq!((submit.source_addr.as_str(), submit.destination_addr.as_str()), ("16020", "491701234567"));
    assert!(!submit.validity_period.is_empty());
    assert_eq!(submit.registered_delivery & 1, 1);
    // The centre's receipt for its first message, 0xab0.
    let text = b"id:00000AB0 sub:001 dlvrd:001 submit date:2611222300 done date:2611222301 stat:DELIVRD err:000 text:";
    let told = from_phone(&esme).esm_class(4).short_message(text.to_vec()).send().await.unwrap();
    assert!(told.is_success());
    let receipt = Receipt { id, state: ReceiptState::Delivered, error: "000".to_owned() };
    assert_eq!(chain.rig.inbox.next().await, Came::Receipt("kannel".to_owned(), receipt));
}

#[tokio::test]
async fn a_message_of_a_phone_comes_through_kannel_unchanged_also_in_two_parts() {
    let Some(chain) = Chain::start().await else { return };
    let esme = chain.centre.esme().await;
    let data: Vec<u8> = (120..253).collect();
    let whole = [&PORTS[..], &data].concat();
    let sent = from_phone(&esme).esm_class(0x40).data_coding(4).short_message(whole).send().await.unwrap();
    assert!(sent.is_success());
    assert_eq!(chain.rig.inbox.next().await, message(&data));
    // Two parts, the second one first: Kannel joins them, and leaves the ports.
    let long: Vec<u8> = (0..200_u8).collect();
    for (part, octets) in [(2, &long[128..]), (1, &long[..128])] {
        let header = [&[11, 5, 4, 0x3e, 0x94, 0x3e, 0x94, 0, 3, 77, 2, part][..]].concat();
        let whole = [&header[..], octets].concat();
        let sent = from_phone(&esme).esm_class(0x40).data_coding(4).short_message(whole).send().await.unwrap();
        assert!(sent.is_success());
    }
    assert_eq!(chain.rig.inbox.next().await, message(&long), "{}", chain.kannel.log());
}

#[tokio::test]
async fn kannel_brings_again_what_could_not_be_taken() {
    let Some(chain) = Chain::start().await else { return };
    let esme = chain.centre.esme().await;
    chain.rig.inbox.not_now.store(true, std::sync::atomic::Ordering::SeqCst);
    let whole = [&PORTS[..], b"later"].concat();
    let sent = from_phone(&esme).esm_class(0x40).data_coding(4).short_message(whole).send().await.unwrap();
    assert!(sent.is_success());
    chain.rig.inbox.until_refused().await;
    chain.rig.inbox.not_now.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(chain.rig.inbox.next().await, message(b"later"));
}
