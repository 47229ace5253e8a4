//! The host with the card's application behind it.

use std::time::Duration;

use getrandom::SysRng;
use matchbook_device::bearer::{Bearer, BearerError};
use matchbook_device::protocol::{Alphabet, Code};
use matchbook_device::protocol::{
    AuthenticatorId, CodeFormat, CodeIndex, CodeSet, Delivery, Enrolment, Epoch, EpochKeys, Event, Handle, Pace, Party,
    Profile, Secret, Suite, UnverifiedUplink, Uplink,
};
use rand_core::UnwrapErr;

use crate::test_reader::TestReader;
use crate::{Account, Ask, CardError, Host, Life, Personal, Pin, ReaderError, RelayCause, State, relay, relay_all};

const KEY: [u8; 32] = [5; 32];

fn party() -> Party {
    Party { id: AuthenticatorId([8; 8]), profile: Profile::new(Suite::Symmetric, Delivery::Shared).unwrap() }
}

fn pin(text: &str) -> Pin {
    Pin::parse(text).unwrap()
}

fn personalised() -> Host<TestReader> {
    let mut card = Host::select(TestReader::new()).unwrap();
    let key = Secret::new(KEY);
    let (realm, label, server) = ("sea", "ship", "https://codes.example");
    let account = Account::FactoryKey { id: party().id, key: &key, realm, label, server };
    let (pin, puk) = (pin("1234"), pin("12345678"));
    card.personalise(&Personal { account, pin: &pin, puk: &puk, pin_tries: 3, puk_tries: 2 }).unwrap();
    card
}

/// A server that answers the first request with a set.
struct Server {
    answers: Vec<Vec<u8>>,
    fails: bool,
    heard: usize,
}

impl Server {
    fn new() -> Self {
        let keys = EpochKeys::derive(&Secret::new(KEY), &party(), Epoch(0));
        let format = CodeFormat::new(Alphabet::Decimal, 6).unwrap();
        let mut rng = UnwrapErr(SysRng);
        let codes = (0..3).map(|_| Code::draw(format, &mut rng)).collect();
        let set = CodeSet::new(CodeIndex(1), format, false, codes).unwrap();
        Self { answers: vec![keys.seal_set(Handle(0), &set, &mut rng).unwrap()], fails: false, heard: 0 }
    }
}

impl Bearer for Server {
    fn exchange(&mut self, message: &[u8], _: Option<Duration>) -> Result<Vec<Vec<u8>>, BearerError> {
        if self.fails {
            return Err(BearerError::Busy { retry_after: None });
        }
        let keys = EpochKeys::derive(&Secret::new(KEY), &party(), Epoch(0));
        let opened = keys.open_uplink(&UnverifiedUplink::decode(message).unwrap()).unwrap();
        assert!(matches!(opened, Uplink::Request { .. }));
        self.heard += 1;
        Ok(std::mem::take(&mut self.answers))
    }
}

#[test]
fn a_card_is_personalised_once_and_says_so() {
    let mut card = Host::select(TestReader::new()).unwrap();
    let about = card.about().unwrap();
    assert_eq!((about.life, about.has_pin), (Life::Initialisation, false));
    assert_eq!(card.identity().unwrap(), None);
    let mut card = personalised();
    let about = card.about().unwrap();
    assert_eq!((about.life, about.pin_tries, about.puk_tries), (Life::Operational, 3, 2));
    let identity = card.identity().unwrap().unwrap();
    assert_eq!((identity.party, identity.label.as_str()), (party(), "ship"));
    let enrolment = Enrolment {
        party: party(),
        secret: Secret::new([1; 16]),
        server: "https://codes.example".to_owned(),
        realm: String::new(),
        label: String::new(),
    };
    let (pin, puk) = (pin("1234"), pin("12345678"));
    let account = Account::Enrolment(&enrolment);
    let again = card.personalise(&Personal { account, pin: &pin, puk: &puk, pin_tries: 3, puk_tries: 2 });
    assert_eq!(again, Err(CardError::NotNow));
}

#[test]
fn messages_are_relayed_until_both_are_quiet() {
    let mut card = personalised();
    let mut server = Server::new();
    let relayed = relay(&mut card, &mut server, Ask::Sync, None).unwrap();
    // The request, and the acknowledgement, which nobody answers.
    assert_eq!((relayed.sent, relayed.received, relayed.codes_received(), server.heard), (2, 1, 3, 2));
    assert!(relayed.refused.is_empty() && !relayed.answered);
    assert!(matches!(relayed.events[0], Event::SetAccepted { count: 3, .. }), "{:?}", relayed.events);
    let counts = card.counts().unwrap();
    assert_eq!((counts.unused, counts.state, counts.waits), (3, State::Steady, true));
    assert_eq!(card.codes(), Err(CardError::NeedsPin));
    card.verify_pin(&pin("1234")).unwrap();
    assert_eq!(card.codes().unwrap(), [1, 2, 3]);
    assert_eq!(card.take_code(Some(CodeIndex(2))).unwrap().index, CodeIndex(2));
    assert_eq!(card.take_code(Some(CodeIndex(2))).err(), Some(CardError::NotNow));
    assert_eq!(card.take_code(None).unwrap().code.len(), 6);
    assert_eq!(card.epoch(), Ok(0));
}

#[test]
fn what_is_forged_is_refused_and_what_fails_breaks_off() {
    let mut card = personalised();
    let mut server = Server::new();
    *server.answers[0].last_mut().unwrap() ^= 1;
    let relayed = relay(&mut card, &mut server, Ask::Sync, None).unwrap();
    assert!(relayed.refused.iter().all(|why| *why == CardError::Forged) && relayed.refused.len() == 1);
    server.fails = true;
    let failure = relay(&mut card, &mut server, Ask::Set, None).unwrap_err();
    assert!(matches!(failure.cause, RelayCause::Bearer(BearerError::Busy { .. })));
    // The same message goes when the network is back.
    server.fails = false;
    server.answers = Server::new().answers;
    assert_eq!(relay(&mut card, &mut server, Ask::Waiting, None).unwrap().codes_received(), 3);
}

/// Short messages: the answer comes later.
struct Radio {
    sent: Vec<Vec<u8>>,
}

impl Bearer for Radio {
    fn exchange(&mut self, message: &[u8], _: Option<Duration>) -> Result<Vec<Vec<u8>>, BearerError> {
        self.sent.push(message.to_vec());
        Ok(Vec::new())
    }

    fn pace(&self) -> Pace {
        Pace::SHORT_MESSAGES
    }
}

#[test]
fn what_waits_is_paid_for_once_by_short_message() {
    let mut card = personalised();
    let asks = [(Ask::Waiting, None), (Ask::Set, None)];
    let mut radio = Radio { sent: Vec::new() };
    let relayed = relay_all(&mut card, &mut radio, &asks).unwrap();
    assert_eq!((relayed.sent, radio.sent.len(), relayed.answered), (1, 1, false));
    // Over the network the second is asked too.
    let mut server = Server::new();
    assert_eq!(relay_all(&mut card, &mut server, &asks).unwrap().codes_received(), 3);
    assert!(server.heard > 1);
}

#[test]
fn tries_of_pin_and_puk_are_told() {
    let mut card = personalised();
    assert_eq!(card.verify_pin(&pin("9999")), Err(CardError::WrongPin { left: 2 }));
    assert_eq!(card.change_pin(&pin("0000"), &pin("5555")), Err(CardError::WrongPin { left: 1 }));
    assert_eq!(card.verify_pin(&pin("9999")), Err(CardError::WrongPin { left: 0 }));
    assert_eq!(card.verify_pin(&pin("1234")), Err(CardError::Blocked));
    assert_eq!(card.unblock(&pin("11111111"), &pin("5555")), Err(CardError::WrongPin { left: 1 }));
    card.unblock(&pin("12345678"), &pin("5555")).unwrap();
    card.change_pin(&pin("5555"), &pin("66666")).unwrap();
    assert!(card.verify_pin(&pin("66666")).is_ok());
    for bad in ["", "123", "123456789", "12a4", "１２３４"] {
        assert!(Pin::parse(bad).is_err(), "{bad}");
    }
}

/// What a card or reader that is not ours may answer: an error each, and no panic.
#[test]
fn strange_answers_are_errors() {
    let answers: [&[u8]; 6] = [&[], &[0x90], &[0x6A, 0x82], &[0x90, 0x00], &[0x61, 0x05], &[1, 2, 3, 0x90, 0x00]];
    for strange in answers {
        let mut card = personalised();
        card.reader_mut().instead = vec![Ok(strange.to_vec()), Ok(strange.to_vec())];
        let failed = card.counts().unwrap_err();
        assert!(!failed.to_string().is_empty(), "{strange:x?}");
        card.reader_mut().instead = vec![Err(ReaderError::NoCard)];
        assert_eq!(card.about(), Err(CardError::Reader(ReaderError::NoCard)));
    }
    let mut other = TestReader::new();
    other.instead = vec![Ok(vec![0x6D, 0x00])];
    assert_eq!(Host::select(other).err(), Some(CardError::NoApplication));
    let mut card = personalised();
    card.reader_mut().instead = vec![Ok([&[2, 12][..], &[0; 11], &[0x90, 0]].concat())];
    assert_eq!(card.take_message(&[1], Pace::DATA).err(), Some(CardError::Nonsense));
}
