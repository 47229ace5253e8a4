//! Both forms of an enrolment, and slips in them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::*;
use crate::ids::AuthenticatorId;
use crate::profile::{Delivery, Profile, Suite};

fn enrolment() -> Enrolment {
    Enrolment {
        party: Party {
            id: AuthenticatorId([0x9f, 3, 0xa1, 0xc2, 0xd4, 0xe5, 0xb6, 0xf7]),
            profile: Profile::new(Suite::X25519, Delivery::Shared).unwrap(),
        },
        secret: Secret::new(*b"0123456789abcdef"),
        server: "https://codes.example/m?a=b&c".into(),
        realm: "acme".into(),
        label: "Zoë's key = 100 %".into(),
    }
}

fn from_uri(uri: &str) -> EnrolmentError {
    Enrolment::from_uri(uri).unwrap_err()
}

#[test]
fn the_uri_is_read_back() {
    let uri = enrolment().to_uri();
    assert_eq!(
        *uri,
        "matchbook:enrol?v=1&k=AQKfA6HC1OW29zAxMjM0NTY3ODlhYmNkZWY&s=https%3A%2F%2Fcodes.example%2Fm%3Fa%3Db%26c&r=acme\
         &l=Zo%C3%AB%27s%20key%20%3D%20100%20%25"
    );
    assert_eq!(Enrolment::from_uri(&uri).unwrap(), enrolment());
    let shouted = uri.replacen("matchbook:enrol?", "MATCHBOOK:ENROL?", 1);
    assert_eq!(Enrolment::from_uri(&shouted).unwrap(), enrolment());
    let bare = Enrolment { server: String::new(), realm: String::new(), label: String::new(), ..enrolment() };
    assert_eq!(Enrolment::from_uri(&bare.to_uri()).unwrap(), bare);
}

#[test]
fn the_longest_uri_fits() {
    let longest = Enrolment {
        server: format!("https://{}", "/".repeat(MAX_SERVER_LEN - 8)),
        realm: "é".repeat(MAX_REALM_LEN / 2),
        label: "%".repeat(MAX_LABEL_LEN),
        ..enrolment()
    };
    assert!(longest.to_uri().len() <= MAX_URI_LEN);
    assert_eq!(Enrolment::from_uri(&longest.to_uri()).unwrap(), longest);
}

/// MB-ENR-1.
#[test]
fn wrong_uris_are_refused() {
    let uri = enrolment().to_uri();
    assert_eq!(from_uri("").name(), "scheme");
    assert_eq!(from_uri("otpauth://totp/x").name(), "scheme");
    assert_eq!(from_uri(&uri.replacen("v=1", "v=2", 1)).name(), "version");
    assert_eq!(from_uri(&uri.replacen("k=AQ", "k=Ag", 1)).name(), "version");
    assert_eq!(from_uri(&format!("{}&x=1", *uri)).name(), "parameter");
    assert_eq!(from_uri(&format!("{}&", *uri)).name(), "parameter");
    assert_eq!(from_uri(&format!("{}&v=1", *uri)).name(), "duplicate");
    assert_eq!(from_uri(&uri.replacen("&r=acme", "", 1)).name(), "missing");
    assert_eq!(from_uri(&uri.replacen("%25", "%2", 1)).name(), "percent");
    assert_eq!(from_uri(&uri.replacen("%25", "%+5", 1)).name(), "percent");
    assert_eq!(from_uri(&uri.replacen("%C3", "", 1)).name(), "percent");
    assert_eq!(from_uri(&uri.replacen("k=AQKf", "k=AQK", 1)).name(), "key");
    assert_eq!(from_uri(&uri.replacen("k=AQKf", "k=AQ+f", 1)).name(), "key");
    assert_eq!(from_uri(&uri.replacen("NkZWY&", "NkZWYA&", 1)).name(), "key");
    assert_eq!(from_uri(&uri.replacen("k=AQKf", "k=AYGf", 1)).name(), "profile");
    assert_eq!(from_uri(&uri.replacen("https", "ftp", 1)).name(), "server");
    assert_eq!(from_uri(&uri.replacen("acme", "a%00me", 1)).name(), "realm");
    assert_eq!(from_uri(&uri.replacen("acme", &"a".repeat(65), 1)).name(), "realm");
    assert_eq!(from_uri(&uri.replacen("100", "%0A", 1)).name(), "label");
    assert_eq!(from_uri(&format!("{}{}", *uri, "x".repeat(MAX_URI_LEN))).name(), "too-long");
}

#[test]
fn the_groups_are_read_back() {
    let groups = enrolment().to_typed();
    assert_eq!(groups.len(), TYPED_GROUPS);
    assert_eq!(TYPED_GROUPS, 9);
    assert!(groups[..8].iter().all(|group| group.len() == 6));
    assert_eq!(groups[8].len(), 3);
    let read = |groups: &[&str]| {
        let given = enrolment();
        Enrolment::from_typed(groups, &given.server, &given.realm, &given.label)
    };
    let plain: Vec<&str> = groups.iter().map(String::as_str).collect();
    assert_eq!(read(&plain).unwrap(), enrolment());
    let sloppy: Vec<String> =
        groups.iter().map(|group| group.to_lowercase().replace('0', "o").replace('1', "l") + " ").collect();
    let sloppy: Vec<&str> = sloppy.iter().map(String::as_str).collect();
    assert_eq!(read(&sloppy).unwrap(), enrolment());
    assert_eq!(read(&plain[..8]).unwrap_err(), EnrolmentError::GroupCount { found: 8 });
    assert_eq!(read(&[]).unwrap_err().name(), "group-count");
}

/// MB-ENR-2.
#[test]
fn every_single_slip_is_found_in_its_group() {
    let groups = enrolment().to_typed();
    for (number, group) in (1..).zip(groups.iter()) {
        for place in 0..group.len() {
            for symbol in "0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U".chars() {
                let mut slip: Vec<char> = group.chars().collect();
                if slip[place] == symbol {
                    continue;
                }
                slip[place] = symbol;
                let slip: String = slip.into_iter().collect();
                assert_eq!(read_with(&groups, number, &slip), EnrolmentError::Group { number }, "{group} {slip}");
            }
        }
        for place in 1..group.len() {
            let mut swapped: Vec<char> = group.chars().collect();
            swapped.swap(place - 1, place);
            let swapped: String = swapped.into_iter().collect();
            if swapped != *group {
                assert_eq!(read_with(&groups, number, &swapped), EnrolmentError::Group { number }, "{group} {swapped}");
            }
        }
        assert_eq!(read_with(&groups, number, &group[1..]), EnrolmentError::Group { number });
        assert_eq!(read_with(&groups, number, &(group.to_string() + "0")), EnrolmentError::Group { number });
        assert_eq!(read_with(&groups, number, ""), EnrolmentError::Group { number });
    }
    assert_eq!(EnrolmentError::Group { number: 3 }.to_string(), "group 3 is mistyped");
}

/// What reading says when group `number` is replaced.
fn read_with(groups: &[String], number: usize, replacement: &str) -> EnrolmentError {
    let mut groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    groups[number - 1] = replacement;
    Enrolment::from_typed(&groups, "", "", "").unwrap_err()
}

#[test]
fn bits_after_the_last_byte_are_refused() {
    let groups = enrolment().to_typed();
    // "CR" is 0x66 and two bits 00; "CS" differs in the last of these and has a check symbol of its own.
    assert_eq!(groups[8], "CR1");
    assert_eq!(read_with(&groups, 9, "CS2"), EnrolmentError::Group { number: 9 });
}

#[test]
fn the_texts_of_the_typed_form_are_checked() {
    let groups = enrolment().to_typed();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let read = |server, realm, label| Enrolment::from_typed(&groups, server, realm, label).map(drop);
    assert_eq!(read("gopher://x", "", ""), Err(EnrolmentError::Server));
    assert_eq!(read("", "\n", ""), Err(EnrolmentError::Realm));
    assert_eq!(read("", "", "\u{7f}"), Err(EnrolmentError::Label));
    assert_eq!(read("http://x", "r", "l"), Ok(()));
}

#[test]
fn an_enrolment_is_never_printed() {
    let printed = format!("{:?}", enrolment());
    assert!(printed.contains("Secret(…)"));
    assert!(!printed.contains("0123456789abcdef"));
}

/// MB-ENR-7.
#[test]
fn a_server_may_be_a_number() {
    let by_sms = |server: &str| Enrolment { server: server.into(), ..enrolment() };
    for (server, number) in [("sms:+4912345678", "+4912345678"), ("sms:16020", "16020")] {
        let given = by_sms(server);
        let read = Enrolment::from_uri(&given.to_uri()).unwrap();
        assert_eq!(read, given);
        let address: crate::sms::Address = number.parse().unwrap();
        assert_eq!(read.sms_server(), Some(address.clone()));
        assert_eq!(crate::sms::server_text(&address).as_deref(), Some(server));
    }
    assert_eq!(enrolment().sms_server(), None);
    for wrong in ["sms:", "sms:+", "sms:Bank", "sms:+49?body=x", "sms:12345678901234567", "SMS:16020", "tel:16020"] {
        assert_eq!(from_uri(&by_sms(wrong).to_uri()), EnrolmentError::Server, "{wrong}");
    }
    let profile = |suite| Profile::new(suite, Delivery::Shared).unwrap();
    assert!(Enrolment::is_server("sms:16020", profile(Suite::P256)));
    assert!(!Enrolment::is_server("sms:16020", profile(Suite::XWing)));
    assert!(Enrolment::is_server("http://x", profile(Suite::XWing)));
}
