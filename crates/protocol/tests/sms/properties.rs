//! Properties of the codecs: what goes in comes out, arbitrary bytes are refused without a panic, and parts give their
//! message or nothing.

use matchbook_protocol::UnixMillis;
use matchbook_protocol::sms::tpdu::{Deliver, StatusReport, Submit, Timestamp};
use matchbook_protocol::sms::{
    Address, Body, Concatenation, Form, Limits, MAX_MESSAGE_LEN, Ports, Reassembler, Reference, Segment,
    UserDataHeader, alphabet, segment_count, segments, server_number, server_text,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn forms() -> impl Strategy<Value = Form> {
    prop_oneof![Just(Form::Binary), Just(Form::Text)]
}

fn numbers() -> impl Strategy<Value = Address> {
    "\\+?[0-9]{1,15}".prop_map(|text| text.parse().unwrap())
}

fn addresses() -> impl Strategy<Value = Address> {
    prop_oneof![numbers(), "[A-Za-z][ -_a-z]{0,5}".prop_map(|text| text.parse().unwrap())]
}

fn references() -> impl Strategy<Value = Reference> {
    prop_oneof![any::<u8>().prop_map(Reference::Short), any::<u16>().prop_map(Reference::Long)]
}

fn headers() -> impl Strategy<Value = UserDataHeader> {
    let ports = proptest::option::of(any::<(u16, u16)>());
    let part = proptest::option::of((references(), any::<u8>(), any::<u8>()));
    (ports, part).prop_map(|(ports, part)| UserDataHeader {
        ports: ports.map(|(destination, origin)| Ports { destination, origin }),
        concatenation: part.map(|(reference, a, b)| {
            let (number, total) = (a.min(b).max(1), a.max(b).max(1));
            Concatenation { reference, total, number }
        }),
    })
}

fn bodies() -> impl Strategy<Value = Body> {
    prop_oneof![
        vec(any::<u8>(), 0..=126).prop_map(Body::Data),
        vec(0_u8..128, 0..=70).prop_map(|septets| {
            let text = alphabet::decode(&septets);
            Body::Text(text)
        }),
    ]
}

fn segment() -> impl Strategy<Value = Segment> {
    (headers(), bodies()).prop_map(|(header, body)| Segment { header: header.encode(), body })
}

/// Bytes that look a little like a TPDU.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let item = prop_oneof![
        Just(vec![0x44, 0x05, 0x81, 0x61, 0x20, 0xf0]),
        Just(vec![0x51, 0x00, 0x0b, 0x91, 0x94, 0x21, 0x43, 0x65, 0x87, 0xf9]),
        Just(vec![0x06, 0x07, 0x05, 0xd0, 0x61, 0x20, 0x70]),
        Just(vec![0x00, 0x04]),
        Just(vec![0x00, 0x00]),
        Just(vec![0x06, 0x05, 0x04, 0x3e, 0x94, 0x3e, 0x94]),
        Just(vec![0x11; 7]),
        vec(any::<u8>(), 0..40),
    ];
    vec(item, 0..8).prop_map(|items| items.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// MB-SMS-4.
    #[test]
    fn parts_give_their_message_or_nothing(
        message in vec(any::<u8>(), 1..=MAX_MESSAGE_LEN), form in forms(), reference in any::<u8>(),
        order in vec(any::<prop::sample::Index>(), 0..60), others in vec(segment(), 0..4),
    ) {
        let parts = segments(&message, form, reference).unwrap();
        prop_assert_eq!(parts.len(), segment_count(message.len(), form));
        let (server, stranger): (Address, Address) = ("16020".parse().unwrap(), "+666".parse().unwrap());
        let mut reassembler = Reassembler::new(Limits::default());
        for other in &others {
            let _ = reassembler.accept(&stranger, other, UnixMillis(0));
        }
        let mut missing: Vec<usize> = (0..parts.len()).collect();
        for index in order {
            let place = index.index(parts.len());
            missing.retain(|other| *other != place);
            let joined = reassembler.accept(&server, &parts[place], UnixMillis(0)).unwrap();
            prop_assert_eq!(joined.is_some(), missing.is_empty());
            if let Some(joined) = joined {
                prop_assert_eq!(&joined, &message);
                missing = (0..parts.len()).collect();
            }
        }
        let rest: Vec<_> = missing.iter().map(|place| {
            reassembler.accept(&server, &parts[*place], UnixMillis(0)).unwrap()
        }).collect();
        prop_assert_eq!(rest.into_iter().flatten().next_back(), Some(message));
    }

    /// MB-SMS-6.
    #[test]
    fn whatever_comes_in_stays_within_the_limits(
        segments in vec((0_usize..4, segment(), 0_u64..100), 0..80),
        messages in 0_usize..6, messages_per_sender in 0_usize..4, bytes in 0_usize..2_000, age_ms in 0_u64..50,
    ) {
        let limits = Limits { messages, messages_per_sender, parts: 255, age_ms, bytes };
        let senders: Vec<Address> = ["1", "+2", "a", "+4"].iter().map(|text| text.parse().unwrap()).collect();
        let mut reassembler = Reassembler::new(limits);
        for (sender, segment, at) in &segments {
            let _ = reassembler.accept(&senders[*sender], segment, UnixMillis(*at));
            prop_assert!(reassembler.held_messages() <= messages);
            prop_assert!(reassembler.held_bytes() <= bytes);
        }
        reassembler.expire(UnixMillis(1_000));
        prop_assert_eq!(reassembler.held_bytes(), 0);
    }

    #[test]
    fn headers_are_read_back(header in headers()) {
        prop_assert_eq!(UserDataHeader::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn tpdus_are_read_back(
        segment in segment(), from in addresses(), to in numbers(), reference in any::<u8>(),
        wants_report in any::<bool>(), octets in any::<[u8; 7]>(), status in any::<u8>(),
        validity in proptest::option::of(prop_oneof![Just(5_u32), Just(1_440), Just(604_800)]),
    ) {
        let sent_at = Timestamp::from_octets(octets);
        let deliver = Deliver { origin: from, segment: segment.clone(), sent_at };
        if let Ok(bytes) = deliver.encode() {
            prop_assert_eq!(Deliver::decode(&bytes).unwrap(), deliver);
        }
        let submit =
            Submit { reference, destination: to.clone(), segment, validity_minutes: validity, wants_report };
        if let Ok(bytes) = submit.encode() {
            prop_assert!(bytes.len() <= 2 + 10 + 3 + 1 + 140);
            prop_assert_eq!(Submit::decode(&bytes).unwrap(), submit);
        }
        let report = StatusReport { reference, recipient: to, sent_at, settled_at: sent_at, status };
        prop_assert_eq!(StatusReport::decode(&report.encode().unwrap()).unwrap(), report);
    }

    /// MB-ENV-3.
    #[test]
    fn noise_is_refused_or_has_a_meaning(bytes in noise(), text in "\\PC{0,40}", from in addresses()) {
        // Read, written and read again, it says the same; septets can be written in several ways, so not the bytes.
        if let Ok(deliver) = Deliver::decode(&bytes) {
            let _ = deliver.sent_at.at();
            if let Ok(again) = deliver.encode() {
                prop_assert_eq!(Deliver::decode(&again).unwrap(), deliver);
            }
        }
        if let Ok(submit) = Submit::decode(&bytes)
            && let Ok(again) = submit.encode()
        {
            prop_assert_eq!(Submit::decode(&again).unwrap(), submit);
        }
        if let Ok(report) = StatusReport::decode(&bytes) {
            prop_assert_eq!(StatusReport::decode(&report.encode().unwrap()).unwrap(), report);
        }
        let _ = UserDataHeader::decode(&bytes);
        let mut reassembler = Reassembler::new(Limits::default());
        let split = bytes.len() / 2;
        for header in [vec![], bytes[..split].to_vec()] {
            for body in [Body::Data(bytes[split..].to_vec()), Body::Text(text.clone())] {
                let _ = reassembler.accept(&from, &Segment { header: header.clone(), body }, UnixMillis(0));
            }
        }
    }

    #[test]
    fn texts_of_the_alphabet_are_read_back(septets in vec(any::<u8>(), 0..200), text in "\\PC{0,40}") {
        let shown = alphabet::decode(&septets);
        if let Some(written) = alphabet::encode(&shown) {
            prop_assert_eq!(alphabet::decode(&written), shown);
        }
        if let Some(written) = alphabet::encode(&text) {
            prop_assert!(written.iter().all(|septet| *septet < 128));
            prop_assert_eq!(alphabet::decode(&written), text);
        }
    }

    #[test]
    fn addresses_are_read_back(text in "\\PC{0,17}", ton in 0_u8..=8, npi in 0_u8..=16, number in numbers()) {
        if let Ok(address) = text.parse::<Address>() {
            prop_assert_eq!(address.to_string(), text.clone());
        }
        if let Ok(address) = Address::from_parts(ton, npi, &text) {
            let parts = Address::from_parts(address.type_of_number(), address.numbering_plan(), address.text());
            prop_assert_eq!(parts, Ok(address));
        }
        let server = server_text(&number).unwrap();
        prop_assert_eq!(server_number(&server), Some(number));
        let _ = server_number(&text);
    }
}
