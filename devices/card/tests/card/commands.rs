//! The standard's side: selection, PINs, lengths, chains, the life cycle.

use crate::host::{
    PIN, PIN_TRIES, PUK, PUK_TRIES, activate, command, extended, factory_key, insert, pins, put, ready, select, send,
    verify,
};
use crate::memory::Memory;
use crate::server::ID;

const CHANGE: [u8; 4] = [0x00, 0x24, 0x00, 0x80];
const UNBLOCK: [u8; 4] = [0x00, 0x2C, 0x00, 0x80];
const NEW_PIN: &[u8; 8] = b"567890\xFF\xFF";

#[test]
fn nothing_works_before_the_application_is_selected() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    card.reset();
    for apdu in [[0x00, 0xCA, 0x01, 0x01, 0x00], [0x80, 0x44, 0x00, 0x00, 0x00], [0x00, 0x20, 0x00, 0x80, 0x00]] {
        assert_eq!(send(&mut card, &apdu).word, 0x6A82, "{apdu:x?}");
    }
    assert_eq!(send(&mut card, &[0x00, 0xC0, 0x00, 0x00, 0x00]).word, 0x6985, "nothing to fetch");
    assert_eq!(command(&mut card, [0x00, 0xA4, 0x04, 0x00], b"\xA0\x00\x00\x00\x03").word, 0x6A82);
    assert_eq!(command(&mut card, [0x00, 0xA4, 0x00, 0x00], &[0x3F, 0x00]).word, 0x6A86, "by name alone");
    let got = select(&mut card);
    assert!(got.is_ok());
    assert_eq!(got.data[..4], [0x6F, 0x10, 0x84, 0x0B], "control information with the name");
    assert_eq!(got.data[got.data.len() - 3..], [0x8A, 0x01, 0x05], "and the life cycle");
}

#[test]
fn commands_come_whole_chained_or_extended() {
    let data = factory_key();
    for way in [command, extended] {
        let memory = Memory::new();
        let mut card = insert(&memory);
        select(&mut card);
        assert!(way(&mut card, [0x00, 0xDA, 0x01, 0x11], &data).is_ok());
        assert_eq!(way(&mut card, [0x00, 0xCA, 0x01, 0x01], &[]).data, ID);
    }
    let memory = Memory::new();
    let mut card = insert(&memory);
    select(&mut card);
    for part in data.chunks(7) {
        let apdu = [&[0x10, 0xDA, 0x01, 0x11, part.len() as u8], part].concat();
        assert!(send(&mut card, &apdu).is_ok());
    }
    assert!(send(&mut card, &[0x00, 0xDA, 0x01, 0x11]).is_ok(), "the last part may be empty");
    assert_eq!(command(&mut card, [0x00, 0xCA, 0x01, 0x01], &[]).data, ID);
}

#[test]
fn a_chain_that_is_broken_off_does_nothing() {
    let memory = Memory::new();
    let mut card = insert(&memory);
    select(&mut card);
    assert!(send(&mut card, &[0x10, 0xDA, 0x01, 0x11, 0x02, 7, 7]).is_ok());
    assert_eq!(send(&mut card, &[0x00, 0xCA, 0x01, 0x04, 0x00]).word, 0x6883);
    assert!(send(&mut card, &[0x00, 0xCA, 0x01, 0x04, 0x00]).is_ok(), "the chain is forgotten");
    let too_long = [&[0x10, 0xDA, 0x01, 0x11, 0xFF][..], &[0; 255]].concat();
    let words: Vec<_> = (0..9).map(|_| send(&mut card, &too_long).word).collect();
    assert_eq!(words, [[0x9000; 8].as_slice(), &[0x6700]].concat(), "2,040 bytes, and 255 too many");
}

#[test]
fn an_answer_is_cut_into_what_the_reader_takes() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    assert_eq!(send(&mut card, &[0x00, 0xCA, 0x01, 0x01]).word, 0x6108, "none was expected");
    let first = send(&mut card, &[0x00, 0xC0, 0x00, 0x00, 0x05]);
    assert_eq!((first.data, first.word), (ID[..5].to_vec(), 0x6103));
    let rest = send(&mut card, &[0x00, 0xC0, 0x00, 0x00, 0x03]);
    assert_eq!((rest.data, rest.word), (ID[5..].to_vec(), 0x9000));
    assert_eq!(send(&mut card, &[0x00, 0xC0, 0x00, 0x00, 0x01]).word, 0x6985, "nothing is left");
}

#[test]
fn classes_channels_and_instructions_that_are_not_there_are_refused() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    let cases: [(&[u8], u16); 9] = [
        (&[0x01, 0xCA, 0x01, 0x01, 0x00], 0x6881),
        (&[0x0C, 0xCA, 0x01, 0x01, 0x00], 0x6882),
        (&[0xA0, 0xCA, 0x01, 0x01, 0x00], 0x6E00),
        (&[0x00, 0xB0, 0x00, 0x00, 0x00], 0x6D00),
        (&[0x80, 0xFE, 0x00, 0x00, 0x00], 0x6D00),
        (&[0x00, 0xCA, 0x02, 0x01, 0x00], 0x6A88),
        (&[0x00, 0x20, 0x00, 0x81, 0x00], 0x6A86),
        (&[0x80, 0x40, 0x09, 0x00, 0x00], 0x6A86),
        (&[0x00, 0xCA], 0x6700),
    ];
    for (apdu, word) in cases {
        assert_eq!(send(&mut card, apdu).word, word, "{apdu:x?}");
    }
    assert_eq!(send(&mut card, &[]).word, 0x6700);
}

#[test]
fn a_pin_has_its_tries_and_the_puk_gives_new_ones() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    assert_eq!(verify(&mut card, &[]).word, 0x63C0 | u16::from(PIN_TRIES));
    assert_eq!(verify(&mut card, b"0000\xFF\xFF\xFF\xFF").word, 0x63C2);
    assert!(verify(&mut card, PIN).is_ok());
    assert!(verify(&mut card, &[]).is_ok(), "verified");
    for left in [2, 1, 0] {
        assert_eq!(verify(&mut card, b"0000\xFF\xFF\xFF\xFF").word, 0x63C0 | left);
    }
    assert_eq!(verify(&mut card, &[]).word, 0x6983, "no longer verified either");
    assert_eq!(verify(&mut card, PIN).word, 0x6983);
    assert_eq!(command(&mut card, CHANGE, &[PIN.as_slice(), NEW_PIN].concat()).word, 0x6983);
    card.reset();
    select(&mut card);
    assert_eq!(verify(&mut card, PIN).word, 0x6983, "a reset gives no tries");
    assert_eq!(command(&mut card, UNBLOCK, &[b"00000000", NEW_PIN.as_slice()].concat()).word, 0x63C4);
    assert!(command(&mut card, UNBLOCK, &[PUK.as_slice(), NEW_PIN].concat()).is_ok());
    assert!(verify(&mut card, NEW_PIN).is_ok());
    assert_eq!(verify(&mut card, PIN).word, 0x63C2);
    assert!(command(&mut card, CHANGE, &[NEW_PIN.as_slice(), PIN].concat()).is_ok());
    assert!(verify(&mut card, PIN).is_ok());
    for left in (0..u16::from(PUK_TRIES)).rev() {
        assert_eq!(command(&mut card, UNBLOCK, &[b"00000000", NEW_PIN.as_slice()].concat()).word, 0x63C0 | left);
    }
    assert_eq!(command(&mut card, UNBLOCK, &[PUK.as_slice(), NEW_PIN].concat()).word, 0x6983, "for good");
}

#[test]
fn a_pin_that_is_none_costs_no_try() {
    let memory = Memory::new();
    let mut card = ready(&memory);
    for new in [&b"123\xFF\xFF\xFF\xFF\xFF"[..], b"1234", b"12\xFF34\xFF\xFF\xFF", b"12345678\xFF"] {
        let got = command(&mut card, CHANGE, &[b"0000\xFF\xFF\xFF\xFF", new].concat());
        assert!(matches!(got.word, 0x6A80 | 0x6700), "{got:x?}");
    }
    assert_eq!(verify(&mut card, &[]).word, 0x63C0 | u16::from(PIN_TRIES));
    assert_eq!(verify(&mut card, b"1234").word, 0x6700);
    assert_eq!(verify(&mut card, &[]).word, 0x63C0 | u16::from(PIN_TRIES));
}

/// MB-CRD-2.
#[test]
fn a_card_is_personalised_once() {
    let memory = Memory::new();
    let mut card = insert(&memory);
    select(&mut card);
    assert_eq!(verify(&mut card, PIN).word, 0x6984, "there is no PIN yet");
    assert_eq!(activate(&mut card).word, 0x6985, "nothing to use");
    assert!(put(&mut card, 0x11, &factory_key()).is_ok());
    assert_eq!(activate(&mut card).word, 0x6985, "no PIN");
    for wrong in [&pins()[..17], &[0; 18], &[&pins()[..16], &[0, 5]].concat(), &[&pins()[..16], &[3, 16]].concat()] {
        assert!(!put(&mut card, 0x12, wrong).is_ok(), "{wrong:x?}");
    }
    assert!(put(&mut card, 0x12, &pins()).is_ok());
    assert_eq!(command(&mut card, [0x80, 0x40, 0x00, 0x00], &[]).word, 0x6985, "not in use yet");
    assert!(put(&mut card, 0x11, &factory_key()).is_ok(), "may still be changed");
    assert!(activate(&mut card).is_ok());
    for locked in
        [put(&mut card, 0x10, b"matchbook:"), put(&mut card, 0x11, &factory_key()), put(&mut card, 0x12, &pins())]
    {
        assert_eq!(locked.word, 0x6985);
    }
    assert_eq!(activate(&mut card).word, 0x6985);
}

#[test]
fn what_is_no_key_from_the_factory_is_refused() {
    let memory = Memory::new();
    let mut card = insert(&memory);
    select(&mut card);
    let whole = factory_key();
    for len in 0..whole.len() {
        assert!(!put(&mut card, 0x11, &whole[..len]).is_ok(), "{len} bytes");
    }
    assert!(!put(&mut card, 0x11, &[&whole[..], &[0]].concat()).is_ok());
    assert_eq!(command(&mut card, [0x00, 0xCA, 0x01, 0x01], &[]).word, 0x6A88, "no account");
    assert!(!put(&mut card, 0x10, b"matchbook:enrol?v=1").is_ok());
}

/// MB-CRD-3.
#[test]
fn a_pin_that_was_verified_before_another_was_put_opens_nothing() {
    let memory = Memory::new();
    let mut card = insert(&memory);
    select(&mut card);
    put(&mut card, 0x11, &factory_key());
    put(&mut card, 0x12, &pins());
    assert!(verify(&mut card, PIN).is_ok());
    let other = [b"9999\xFF\xFF\xFF\xFF", PUK, &[3, 5][..]].concat();
    assert!(put(&mut card, 0x12, &other).is_ok() && activate(&mut card).is_ok());
    assert_eq!(verify(&mut card, &[]).word, 0x63C3);
    assert_eq!(command(&mut card, [0x80, 0x44, 0, 0], &[]).word, 0x6982);
}
