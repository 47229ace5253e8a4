//! How many short messages each message takes, counted on messages that are really sealed.

use matchbook_protocol::sms::{Address, Body, Form, Limits, Reassembler, Segment, segments};
use matchbook_protocol::wire::{
    SYNC_MESSAGE_LEN, enrol_message_len, request_message_len, rotation_message_len, set_message_len,
};
use matchbook_protocol::{
    Alphabet, AuthenticatorId, Code, CodeFormat, CodeIndex, CodeSet, Delivery, Enrol, Epoch, EpochKeys, Handle,
    KeyPair, Party, Profile, Reason, Request, Secret, Suite, Sync, UnixMillis,
};

use crate::rng::Seeded;

const HANDLE: Handle = Handle(1);

/// Everything that seals messages of one profile.
struct Sealer {
    keys: EpochKeys,
    activation: EpochKeys,
    pair: Option<KeyPair>,
    rng: Seeded,
}

impl Sealer {
    fn new(suite: Suite, delivery: Delivery) -> Self {
        let profile = Profile::new(suite, delivery).unwrap();
        let party = Party { id: AuthenticatorId(*b"short ms"), profile };
        let mut rng = Seeded::new("sizes");
        let [keys, activation] = [7, 0].map(|epoch| EpochKeys::derive(&Secret::new([3; 32]), &party, Epoch(epoch)));
        Self { keys, activation, pair: KeyPair::generate(suite, &mut rng).ok(), rng }
    }

    fn public(&self) -> Vec<u8> {
        self.pair.as_ref().map(|pair| pair.public().to_vec()).unwrap_or_default()
    }

    /// A set of the largest codes that the format has.
    fn set(&mut self, alphabet: Alphabet, digits: u8, count: usize) -> Vec<u8> {
        let format = CodeFormat::new(alphabet, digits).unwrap();
        let code = || Code::from_value(format, format.size() - 1).unwrap();
        let codes = (0..count).map(|_| code()).collect();
        let set = CodeSet::new(CodeIndex(1), format, false, codes).unwrap();
        match self.keys.party().profile.delivery() {
            Delivery::Shared => self.keys.seal_set(HANDLE, &set, &mut self.rng).unwrap(),
            Delivery::PublicKey => self.keys.seal_set_to(HANDLE, &self.public(), &set, &mut self.rng).unwrap(),
        }
    }

    fn sync(&mut self) -> Vec<u8> {
        let sync = Sync { last_request: 9, rotate: false, suspended: false, threshold: 5 };
        self.keys.seal_sync(HANDLE, 4, &sync, &mut self.rng).unwrap()
    }

    fn rotation(&mut self) -> Vec<u8> {
        let key = Secret::new([9; 32]);
        match self.keys.party().profile.suite() {
            Suite::Symmetric => self.keys.seal_rotation(HANDLE, &key, &mut self.rng).unwrap(),
            Suite::X25519 | Suite::P256 | Suite::XWing => {
                self.keys.seal_rotation_to(HANDLE, &self.public(), &key, &mut self.rng).unwrap()
            }
        }
    }

    fn request(&mut self, with_key: bool) -> Vec<u8> {
        let ephemeral = with_key.then(|| self.public());
        let request = Request { highest: CodeIndex(40), unused: 4, wanted: 255, reason: Reason::Low, ephemeral };
        self.keys.seal_request(6, &request, &mut self.rng).unwrap()
    }

    fn enrol(&mut self) -> Vec<u8> {
        let enrol = Enrol { profile: self.keys.party().profile, handle: HANDLE, public_key: self.public() };
        self.activation.seal_enrol(1, &enrol, &mut self.rng).unwrap()
    }
}

/// Length of the message; short messages in the binary form, and in the text form. Each is joined again.
fn counted(message: &[u8]) -> (usize, usize, usize) {
    let [binary, text] = [Form::Binary, Form::Text].map(|form| {
        let segments = segments(message, form, 200).unwrap();
        assert_eq!(joined(&segments), message);
        segments.len()
    });
    (message.len(), binary, text)
}

fn joined(segments: &[Segment]) -> Vec<u8> {
    let server: Address = "16020".parse().unwrap();
    let mut reassembler = Reassembler::new(Limits::default());
    let mut whole = segments.iter().rev().map(|segment| reassembler.accept(&server, segment, UnixMillis(0)).unwrap());
    whole.rfind(Option::is_some).flatten().unwrap()
}

/// MB-SMS-1.
#[test]
fn forty_codes_fill_one_short_message_to_the_last_octet() {
    let mut sealer = Sealer::new(Suite::X25519, Delivery::Shared);
    for (digits, count) in [(6, 40), (8, 30)] {
        let message = sealer.set(Alphabet::Decimal, digits, count);
        assert_eq!(counted(&message), (133, 1, 2));
        let segment = segments(&message, Form::Binary, 0).unwrap().remove(0);
        assert_eq!(segment.header, [0x06, 0x05, 0x04, 0x3e, 0x94, 0x3e, 0x94]);
        assert_eq!(segment.body, Body::Data(message.clone()));
        assert_eq!(segment.header.len() + message.len(), 140);
        let one_more = sealer.set(Alphabet::Decimal, digits, count + 1);
        assert!(counted(&one_more).1 == 2);
    }
}

/// MB-SMS-3.
#[test]
fn a_text_message_carries_120_bytes() {
    let mut sealer = Sealer::new(Suite::X25519, Delivery::Shared);
    // The largest sets whose text is one message of 160 characters.
    assert_eq!(counted(&sealer.set(Alphabet::Decimal, 6, 34)), (118, 1, 1));
    assert_eq!(counted(&sealer.set(Alphabet::Decimal, 6, 35)), (121, 1, 2));
    assert_eq!(counted(&sealer.set(Alphabet::Decimal, 8, 26)), (120, 1, 1));
    let exactly = sealer.set(Alphabet::Decimal, 8, 26);
    let segment = segments(&exactly, Form::Text, 0).unwrap().remove(0);
    let Body::Text(text) = segment.body else { panic!("no text") };
    assert_eq!((segment.header.len(), text.len()), (0, 160));
}

/// MB-SMS-1, MB-SMS-2, MB-SMS-3.
#[test]
fn every_message_at_its_size() {
    let mut symmetric = Sealer::new(Suite::Symmetric, Delivery::Shared);
    assert_eq!(counted(&symmetric.set(Alphabet::Decimal, 6, 40)), (133, 1, 2));
    assert_eq!(counted(&symmetric.set(Alphabet::Decimal, 6, 25)), (96, 1, 1));
    assert_eq!(counted(&symmetric.set(Alphabet::Base32, 6, 26)), (131, 1, 2));
    assert_eq!(counted(&symmetric.sync()), (36, 1, 1));
    assert_eq!(counted(&symmetric.rotation()), (65, 1, 1));
    assert_eq!(counted(&symmetric.request(false)), (45, 1, 1));
    assert_eq!(counted(&symmetric.enrol()), (40, 1, 1));

    let mut x25519 = Sealer::new(Suite::X25519, Delivery::PublicKey);
    assert_eq!(counted(&x25519.set(Alphabet::Decimal, 6, 50)), (238, 2, 3));
    assert_eq!(counted(&x25519.set(Alphabet::Decimal, 6, 40)), (213, 2, 2));
    assert_eq!(counted(&x25519.set(Alphabet::Decimal, 6, 1)), (116, 1, 1));
    assert_eq!(counted(&x25519.sync()), (36, 1, 1));
    assert_eq!(counted(&x25519.rotation()), (85, 1, 1));
    assert_eq!(counted(&x25519.request(false)), (45, 1, 1));
    assert_eq!(counted(&x25519.request(true)), (77, 1, 1));
    assert_eq!(counted(&x25519.enrol()), (72, 1, 1));

    let mut p256 = Sealer::new(Suite::P256, Delivery::PublicKey);
    assert_eq!(counted(&p256.set(Alphabet::Decimal, 6, 40)), (246, 2, 3));
    assert_eq!(counted(&p256.sync()), (36, 1, 1));
    assert_eq!(counted(&p256.rotation()), (118, 1, 1));
    assert_eq!(counted(&p256.request(true)), (110, 1, 1));
    assert_eq!(counted(&p256.enrol()), (105, 1, 1));
}

/// MB-SMS-7.
#[test]
fn the_longest_set_is_the_longest_message_by_sms() {
    use matchbook_protocol::sms::{MAX_MESSAGE_LEN, MAX_SEGMENTS, SegmentError};
    let mut p256 = Sealer::new(Suite::P256, Delivery::PublicKey);
    let longest = p256.set(Alphabet::Base32, 12, 250);
    assert_eq!(counted(&longest), (MAX_MESSAGE_LEN, 16, MAX_SEGMENTS));
    let mut xwing = Sealer::new(Suite::XWing, Delivery::PublicKey);
    let too_long = xwing.set(Alphabet::Base32, 12, 250);
    assert_eq!(segments(&too_long, Form::Binary, 0), Err(SegmentError::TooLong));
}

#[test]
fn the_lengths_that_are_reckoned_are_those_of_sealed_messages() {
    for (suite, delivery) in [
        (Suite::Symmetric, Delivery::Shared),
        (Suite::X25519, Delivery::Shared),
        (Suite::X25519, Delivery::PublicKey),
        (Suite::P256, Delivery::Shared),
        (Suite::P256, Delivery::PublicKey),
        (Suite::XWing, Delivery::PublicKey),
    ] {
        let mut sealer = Sealer::new(suite, delivery);
        let profile = sealer.keys.party().profile;
        for (alphabet, digits, count) in
            [(Alphabet::Decimal, 6, 40), (Alphabet::Decimal, 4, 1), (Alphabet::Base32, 12, 250)]
        {
            let format = CodeFormat::new(alphabet, digits).unwrap();
            assert_eq!(sealer.set(alphabet, digits, count).len(), set_message_len(profile, format, count));
        }
        assert_eq!(sealer.sync().len(), SYNC_MESSAGE_LEN);
        assert_eq!(sealer.rotation().len(), rotation_message_len(suite));
        assert_eq!(sealer.request(false).len(), request_message_len(suite, false));
        if suite != Suite::Symmetric {
            assert_eq!(sealer.request(true).len(), request_message_len(suite, true));
        }
        assert_eq!(sealer.enrol().len(), enrol_message_len(suite));
    }
}
