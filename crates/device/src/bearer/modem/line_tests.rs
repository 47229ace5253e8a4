#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use matchbook_protocol::sms::{Body, Ports, Segment};

use super::*;
use crate::bearer::modem::MemoryModem;

const SERVER: &str = "+491700000099";

fn server() -> Address {
    SERVER.parse().unwrap()
}

/// A message that reads as a SET for an account slot, or as a SET-PK when it is longer than any SET.
fn message(length: usize, handle: u8) -> Vec<u8> {
    let mut message: Vec<u8> = (0..length).map(|at| u8::try_from(at * 7 % 256).unwrap()).collect();
    let kind = if length > 160 { 0x22 } else { 0x21 };
    message[..7].copy_from_slice(&[kind, handle, 0, 0, 0, 0, 1]);
    message
}

fn line() -> (SmsLine<MemoryModem>, MemoryModem) {
    let modem = MemoryModem::new();
    (SmsLine::new(modem.clone()), modem)
}

fn next(line: &mut SmsLine<MemoryModem>) -> Option<Arrival> {
    line.receive(Duration::ZERO).unwrap()
}

fn deliver(modem: &MemoryModem, message: &[u8], form: Form) {
    for segment in segments(message, form, 5).unwrap() {
        modem.deliver(server(), segment);
    }
}

fn text(text: &str) -> Segment {
    Segment { header: Vec::new(), body: Body::Text(text.to_owned()) }
}

#[test]
fn a_message_stays_on_the_modem_until_it_is_settled() {
    for form in [Form::Binary, Form::Text] {
        let (mut line, modem) = line();
        deliver(&modem, &message(120, 4), form);
        let arrival = next(&mut line).unwrap();
        assert_eq!((&arrival.message, arrival.handle), (&message(120, 4), Handle(4)));
        assert_eq!((modem.stored(), next(&mut line)), (1, None));
        line.settle(arrival);
        assert_eq!(modem.stored(), 0);
    }
}

#[test]
fn parts_in_any_order_make_one_message_and_go_together() {
    for form in [Form::Binary, Form::Text] {
        let (mut line, modem) = line();
        let mut parts = segments(&message(300, 0), form, 9).unwrap();
        assert_eq!(parts.len(), 3);
        parts.reverse();
        for part in parts {
            assert_eq!(next(&mut line), None);
            modem.deliver(server(), part);
        }
        let arrival = next(&mut line).unwrap();
        assert_eq!((arrival.message.clone(), modem.stored()), (message(300, 0), 3));
        line.settle(arrival);
        assert_eq!(modem.stored(), 0);
    }
}

#[test]
fn peoples_texts_stay_and_junk_to_our_port_goes() {
    let (mut line, modem) = line();
    modem.deliver(server(), text("lunch at noon?"));
    modem.deliver(server(), text("abcdefgh"));
    modem.deliver(server(), Segment { header: Vec::new(), body: Body::Data(vec![1, 2, 3]) });
    let to_another = UserDataHeader { ports: Some(Ports { destination: 2948, origin: 9200 }), concatenation: None };
    modem.deliver(server(), Segment { header: to_another.encode(), body: Body::Data(message(96, 0)) });
    assert_eq!((next(&mut line), modem.stored()), (None, 4));
    deliver(&modem, &[9; 50], Form::Binary);
    assert_eq!(next(&mut line), None);
    assert_eq!((next(&mut line), modem.stored()), (None, 4), "what is to our port is no person's");
}

#[test]
fn the_sender_does_not_matter() {
    let (mut line, modem) = line();
    for (from, handle) in [("16020", 1), ("+33612345678", 2), ("Matchbook", 3)] {
        let segment = segments(&message(96, handle), Form::Binary, 1).unwrap().remove(0);
        modem.deliver(from.parse().unwrap(), segment);
        assert_eq!(next(&mut line).unwrap().handle, Handle(handle));
    }
}

#[test]
fn what_cannot_be_deleted_is_deleted_later() {
    let (mut line, modem) = line();
    deliver(&modem, &message(96, 0), Form::Binary);
    let arrival = next(&mut line).unwrap();
    modem.set_trouble(Some(ModemError::Gone { modem: "it".to_owned() }));
    line.settle(arrival);
    assert!(line.receive(Duration::ZERO).is_err());
    modem.set_trouble(None);
    assert_eq!((next(&mut line), modem.stored()), (None, 0));
}

#[test]
fn a_message_goes_out_in_as_many_short_messages_as_it_takes() {
    for (form, length, parts) in
        [(Form::Binary, 133, 1), (Form::Binary, 134, 2), (Form::Text, 120, 1), (Form::Text, 121, 2)]
    {
        let modem = MemoryModem::new();
        let mut line = SmsLine::new(modem.clone()).with_form(form);
        assert_eq!(line.send(&server(), &message(length, 0)).unwrap(), parts);
        let sent = modem.take_sent();
        assert_eq!(sent.len(), parts);
        assert!(sent.iter().all(|(to, _)| *to == server()));
        // Again, as the same short messages.
        line.send(&server(), &message(length, 0)).unwrap();
        assert_eq!(modem.take_sent(), sent);
    }
    let (mut line, _) = line();
    assert!(matches!(line.send(&server(), &message(5_000, 0)), Err(ModemError::CannotSend { .. })));
}

#[test]
fn a_bearer_gives_what_has_come_for_its_account_and_lets_go_of_it_once_it_is_stored() {
    let (mut line, modem) = line();
    deliver(&modem, &message(96, 1), Form::Binary);
    deliver(&modem, &message(100, 2), Form::Binary);
    let mut bearer = line.bearer(Handle(2), server());
    assert_eq!(bearer.exchange(&message(45, 0), None).unwrap(), [message(100, 2)]);
    assert_eq!(modem.stored(), 2);
    // Not told that it is stored, it gives the same again.
    assert_eq!(bearer.exchange(&message(45, 0), None).unwrap(), [message(100, 2)]);
    bearer.taken_in();
    assert_eq!(modem.stored(), 1);
    assert_eq!(bearer.exchange(&message(45, 0), None).unwrap(), Vec::<Vec<u8>>::new());
    assert_eq!(bearer.pace(), Pace::SHORT_MESSAGES);
    assert_eq!(next(&mut line).unwrap().handle, Handle(1), "the other account's is still there");
}

#[test]
fn a_bearer_waits_for_its_own_account() {
    let (mut line, modem) = line();
    let mut bearer = line.bearer(Handle(7), server());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            deliver(&modem, &message(96, 1), Form::Binary);
            deliver(&modem, &message(96, 7), Form::Binary);
        });
        let arrival = bearer.receive(Duration::from_secs(60)).unwrap().unwrap();
        assert_eq!(arrival.handle, Handle(7));
    });
}

#[test]
fn a_flood_of_messages_holds_no_more_than_it_may() {
    let (mut line, modem) = line();
    let mut bearer = line.bearer(Handle(7), server());
    for number in 0..200 {
        deliver(&modem, &message(96 + number % 30, 1), Form::Binary);
    }
    assert_eq!(bearer.receive(Duration::ZERO).unwrap(), None);
    assert_eq!(bearer.line_mut().waiting.len(), MAX_WAITING);
    assert_eq!(modem.stored(), 200, "the rest is there for the next run");
}
