//! The SIM toolkit's side: what a telephone and its network do with the card (TS 31.111), at APDU level.

use matchbook_protocol::sms::tpdu::{Deliver, Submit, Timestamp};
use matchbook_protocol::sms::{Body, Form, Segment, segments};

use crate::host::{Got, PIN, Reader, command, ready, relay, select, send, take, verify};
use crate::memory::Memory;
use crate::server::Server;

/// A telephone that can send short messages for the card.
const PROFILE: [u8; 5] = [0xFF, 0xFF, 0xFF, 0x02, 0x00];

fn profile(card: &mut Reader) -> Got {
    command(card, [0x80, 0x10, 0x00, 0x00], &PROFILE)
}

/// ENVELOPE with SMS-PP DOWNLOAD.
fn envelope(card: &mut Reader, segment: &Segment) -> Got {
    let deliver = Deliver {
        origin: "+4912345678".parse().unwrap(),
        segment: segment.clone(),
        sent_at: Timestamp::from_octets([0x62, 0x11, 0x32, 0x21, 0x43, 0x65, 0x00]),
    };
    download(card, &deliver.encode().unwrap())
}

fn download(card: &mut Reader, tpdu: &[u8]) -> Got {
    let mut inner = vec![0x82, 0x02, 0x83, 0x81, 0x06, 0x02, 0x91, 0x94];
    tlv(&mut inner, 0x8B, tpdu);
    let mut envelope = Vec::new();
    tlv(&mut envelope, 0xD1, &inner);
    command(card, [0x80, 0xC2, 0x00, 0x00], &envelope)
}

fn tlv(out: &mut Vec<u8>, tag: u8, value: &[u8]) {
    out.push(tag);
    if value.len() >= 0x80 {
        out.push(0x81);
    }
    out.push(value.len() as u8);
    out.extend_from_slice(value);
}

/// Fetches the proactive command that a status word announces: its number, and the short message.
fn fetch(card: &mut Reader, announced: u16) -> (u8, Submit) {
    assert_eq!(announced >> 8, 0x91, "{announced:x}");
    let got = send(card, &[0x80, 0x12, 0x00, 0x00, announced as u8]);
    assert!(got.is_ok(), "{got:x?}");
    assert_eq!(got.data.len(), usize::from(announced as u8));
    let inner = match got.data[..] {
        [0xD0, 0x81, length, ref inner @ ..] if inner.len() == usize::from(length) => inner,
        [0xD0, length, ref inner @ ..] if inner.len() == usize::from(length) => inner,
        _ => panic!("no proactive command: {got:x?}"),
    };
    let [0x81, 3, number, 0x13, 0, 0x82, 2, 0x81, 0x83, 0x8B, ref rest @ ..] = *inner else { panic!("{inner:x?}") };
    let tpdu = if rest[0] == 0x81 { &rest[2..] } else { &rest[1..] };
    (number, Submit::decode(tpdu).unwrap())
}

fn respond(card: &mut Reader, number: u8, result: u8) -> u16 {
    let response = [0x81, 3, number, 0x13, 0, 0x82, 2, 0x82, 0x81, 0x83, 1, result];
    command(card, [0x80, 0x14, 0x00, 0x00], &response).word
}

fn message_of(submit: &Submit) -> Vec<u8> {
    match &submit.segment.body {
        Body::Data(data) => data.clone(),
        Body::Text(text) => panic!("{text}"),
    }
}

#[test]
fn a_set_comes_by_short_messages_alone_and_the_next_when_few_codes_are_left() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    card.reset();
    let mut server = Server::with_key();
    server.set_size = 40;
    // The telephone is switched on, and selects nothing.
    let announced = profile(&mut card).word;
    let (number, request) = fetch(&mut card, announced);
    assert_eq!(request.destination.to_string(), "+4912345678");
    assert_eq!(respond(&mut card, number, 0x00), 0x9000);
    let set = server.answer(&message_of(&request)).remove(0);
    let segment = segments(&set, Form::Binary, 9).unwrap().remove(0);
    assert_eq!(segment.header.len() + set.len(), 140, "forty codes fill one short message");
    let (number, acknowledgement) = {
        let announced = envelope(&mut card, &segment).word;
        fetch(&mut card, announced)
    };
    assert_eq!(message_of(&acknowledgement).len(), 45, "REQ");
    assert_eq!(respond(&mut card, number, 0x00), 0x9000, "it goes once");
    select(&mut card);
    verify(&mut card, PIN);
    for index in 1..40 {
        assert_eq!(take(&mut card).unwrap().0, index);
    }
    let last = command(&mut card, [0x80, 0x44, 0, 0], &[]);
    assert_eq!(last.word >> 8, 0x91, "the last code, and a request for more: {last:x?}");
    assert_eq!(last.data.len(), 10);
    let (number, submit) = fetch(&mut card, last.word);
    assert_eq!(message_of(&submit).len(), 45, "REQ");
    assert_eq!(respond(&mut card, number, 0x00), 0x9000);
}

#[test]
fn what_could_not_be_sent_is_tried_again_when_the_telephone_asks() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    let announced = profile(&mut card).word;
    let (number, first) = fetch(&mut card, announced);
    assert_eq!(number, 1, "numbers begin with 1");
    assert_eq!(respond(&mut card, number, 0x21), 0x9000, "the network is busy: it rests");
    assert_eq!(send(&mut card, &[0x80, 0x12, 0, 0, 0]).word, 0x6985, "nothing to fetch");
    let announced = send(&mut card, &[0x80, 0xF2, 0x00, 0x0C]).word;
    let (number, _) = fetch(&mut card, announced);
    assert_eq!(
        respond(&mut card, number ^ 1, 0x00),
        0x6A80,
        "of another command: it was not sent, for all that is known"
    );
    let announced = send(&mut card, &[0x80, 0xF2, 0, 0]).word;
    let (number, again) = fetch(&mut card, announced);
    assert_eq!(message_of(&again), message_of(&first), "the same bytes");
    assert_eq!(respond(&mut card, number, 0x00), 0x9000);
    assert_eq!(send(&mut card, &[0x80, 0xF2, 0, 0]).word, 0x9000, "sent once");
    card.reset();
    assert_eq!(profile(&mut card).word >> 8, 0x91, "and once more after it was switched off");
}

#[test]
fn a_telephone_that_begins_anew_is_asked_again() {
    let mut card = ready(&Memory::new());
    for _ in 0..2 {
        let announced = profile(&mut card).word;
        // It fetches the command, and never says what became of it.
        fetch(&mut card, announced);
        assert_eq!(send(&mut card, &[0x80, 0xF2, 0, 0]).word, 0x9000, "it may be at it yet");
    }
}

#[test]
fn an_acknowledgement_that_could_not_be_sent_is_sent_later() {
    let mut card = ready(&Memory::new());
    let mut server = Server::with_key();
    let announced = profile(&mut card).word;
    let (number, request) = fetch(&mut card, announced);
    respond(&mut card, number, 0x00);
    let set = server.answer(&message_of(&request)).remove(0);
    let announced = envelope(&mut card, &segments(&set, Form::Binary, 9).unwrap().remove(0)).word;
    let (number, acknowledgement) = fetch(&mut card, announced);
    assert_eq!(respond(&mut card, number, 0x21), 0x9000);
    let announced = send(&mut card, &[0x80, 0xF2, 0, 0]).word;
    let (number, again) = fetch(&mut card, announced);
    assert_eq!(message_of(&again), message_of(&acknowledgement));
    assert_eq!(respond(&mut card, number, 0x00), 0x9000);
}

/// A telephone tells no time.
#[test]
fn a_card_without_a_clock_asks_again_after_the_server_had_nothing_for_it() {
    let mut card = ready(&Memory::new());
    let mut server = Server::with_key();
    relay(&mut card, &mut server, 0).unwrap();
    verify(&mut card, PIN);
    server.is_stingy = true;
    while take(&mut card).is_ok() {}
    relay(&mut card, &mut server, 0).unwrap();
    profile(&mut card);
    let status = |card: &mut Reader| send(card, &[0x80, 0xF2, 0, 0]).word;
    // Six hours, a STATUS every 30 seconds.
    let asked = (0..720).filter(|_| status(&mut card) >> 8 == 0x91).count();
    assert_eq!(asked, 1, "it asks at the end of them");
    card.reset();
    select(&mut card);
    relay(&mut card, &mut server, 0).unwrap();
    card.reset();
    profile(&mut card);
    assert_eq!(status(&mut card) >> 8, 0x91, "and when it was switched off meanwhile, at once");
    server.is_stingy = false;
    card.reset();
    select(&mut card);
    relay(&mut card, &mut server, 0).unwrap();
    verify(&mut card, PIN);
    assert!(take(&mut card).is_ok());
}

/// MB-CRD-8.
#[test]
fn short_messages_that_cannot_be_read_are_taken_off_the_centres_hands_too() {
    let mut card = ready(&Memory::new());
    let time = [0x62, 0x11, 0x32, 0x21, 0x43, 0x65, 0x00];
    let usual: &[u8] = &[0x04, 0x91, 0x94, 0x21];
    for (flags, sender, coding, data) in [
        (0x04, usual, 0x08, &[4, 0, 65, 0, 66][..]),
        (0x04, usual, 0x1A, &[4, 0, 65, 0, 66]),
        (0x04, usual, 0x26, &[4, 0, 65, 0, 66]),
        (0x04, usual, 0xF6, &[3, 1, 2, 3, 4]),
        (0x04, usual, 0xF6, &[9, 1]),
        (0x44, usual, 0xF6, &[0]),
        (0x44, usual, 0xF6, &[2, 9, 1]),
        (0x44, usual, 0xF6, &[6, 2, 0x70, 0, 1, 2, 3]),
        (0x04, &[0x05, 0x81, 0x1A, 0x00, 0xFB], 0xF6, &[3, 1, 2, 3]),
        (0x04, &[0x00, 0x91], 0xF6, &[3, 1, 2, 3]),
    ] {
        let tpdu = [&[flags], sender, &[0x7F, coding], &time, data].concat();
        assert_eq!(download(&mut card, &tpdu).word, 0x9000, "{tpdu:x?}");
    }
    assert_eq!(download(&mut card, &[]).word, 0x9000, "not even a first byte");
}

#[test]
fn a_telephone_that_cannot_send_is_not_asked_to() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    for profile in [&[][..], &[0xFF, 0xFF, 0xFF], &[0xFF, 0xFF, 0xFF, 0xFD, 0xFF]] {
        assert_eq!(command(&mut card, [0x80, 0x10, 0, 0], profile).word, 0x9000, "{profile:x?}");
    }
}

/// MB-CRD-8.
#[test]
fn short_messages_of_strangers_are_taken_off_the_centres_hands() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    let writes = memory.writes();
    for body in [vec![0x21; 40], vec![1], vec![0xFF; 133]] {
        let segment = segments(&body, Form::Binary, 0).unwrap().remove(0);
        assert_eq!(envelope(&mut card, &segment).word, 0x9000);
    }
    let other_port = Segment { header: vec![6, 5, 4, 0, 1, 0, 1], body: Body::Data(vec![1, 2, 3]) };
    assert_eq!(envelope(&mut card, &other_port).word, 0x9000);
    assert_eq!(memory.writes(), writes);
    for wrong in [&[][..], &[0xD1], &[0xD1, 0x05, 0x8B], &[0xD6, 0x00], &[0xD1, 0x00]] {
        let got = command(&mut card, [0x80, 0xC2, 0, 0], wrong);
        assert!(matches!(got.word, 0x6A80 | 0x6A81), "{wrong:x?}: {got:x?}");
    }
}
