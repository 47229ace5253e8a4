#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn a_relative_time_has_sixteen_characters() {
    for (seconds, text) in [
        (0, "000000000000000R"),
        (59, "000000000059000R"),
        (3_600, "000000010000000R"),
        (86_400, "000001000000000R"),
        (72 * 3_600, "000003000000000R"),
        (90_061, "000001010101000R"),
        (u64::MAX, "000031000000000R"),
    ] {
        assert_eq!(validity(Duration::from_secs(seconds)).as_str().trim_end_matches('\0'), text);
    }
}

#[test]
fn codings_are_data_text_or_nothing() {
    let read_as = |coding: u8| {
        let from = (Ton::International, Npi::Isdn, "4917");
        match read(from, 0, DataCoding::from(coding), b"A") {
            Delivery::Message(_, Segment { body: Body::Data(_), .. }) => 'd',
            Delivery::Message(_, Segment { body: Body::Text(_), .. }) => 't',
            Delivery::Unreadable(_) => '-',
            Delivery::Receipt(_) | Delivery::Nothing => '?',
        }
    };
    for coding in 0..=255_u8 {
        let expected = match coding {
            0 | 1 | 3 => 't',
            2 | 4 | 0xf4..=0xf7 => 'd',
            _ => '-',
        };
        assert_eq!(read_as(coding), expected, "{coding:#x}");
    }
}

#[test]
fn senders_are_numbers_and_names() {
    for (ton, npi, text, expected) in [
        (1, 1, "491701234567", Some("+491701234567")),
        (1, 1, "+491701234567", Some("+491701234567")),
        (0, 1, "16020", Some("16020")),
        (5, 0, "Bank", Some("Bank")),
        (1, 1, "", None),
        (1, 1, "49x", None),
        (1, 1, "1234567890123456", None),
        (9, 1, "49", None),
        (1, 18, "49", None),
    ] {
        let from = (Ton::from(ton), Npi::from(npi), text);
        let found = match read(from, 0, DataCoding::from(4), b"A") {
            Delivery::Message(from, _) => Some(from.to_string()),
            _ => None,
        };
        assert_eq!(found.as_deref(), expected, "{ton} {npi} {text}");
    }
}

#[test]
fn only_a_sender_or_a_message_that_can_never_do_is_refused_for_ever() {
    for (status, expected) in [
        (CommandStatus::EsmeRinvdstadr, true),
        (CommandStatus::EsmeRinvmsglen, true),
        (CommandStatus::EsmeRinvsrcadr, false),
        (CommandStatus::EsmeRsyserr, false),
        (CommandStatus::Other(0x400), false),
    ] {
        assert_eq!(is_permanent(status), expected, "{status:?}");
    }
    assert_eq!(word(CommandStatus::EsmeRinvdstadr), "0x0000000b EsmeRinvdstadr");
}
