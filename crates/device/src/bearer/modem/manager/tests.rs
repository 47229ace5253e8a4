#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

#[test]
fn names_of_modems() {
    assert_eq!(ModemName::parse("mm"), Some(ModemName::Only));
    let path = "/org/freedesktop/ModemManager1/Modem/12";
    assert_eq!(ModemName::parse("mm:12"), Some(ModemName::Path(path.to_owned())));
    assert_eq!(ModemName::parse(&format!("mm:{path}")), ModemName::parse("mm:12"));
    for other in ["", "mm:", "mm:x", "mm:-1", "mm:/org", "mm0", "/dev/ttyUSB0", "mm:9999999999"] {
        assert_eq!(ModemName::parse(other), None, "{other}");
    }
    assert_eq!(ModemName::parse("mm:12").unwrap().to_string(), "mm:12");
}

#[test]
fn a_sender_that_is_no_address_does_not_lose_the_message() {
    for (number, from) in [("+4917", "+4917"), ("16020", "16020"), ("Matchbook", "Matchbook"), ("", "0"), ("☎", "0")]
    {
        let short = Short { number: number.to_owned(), text: String::new(), data: vec![0x21; 40] };
        let incoming = incoming("/sms/1", &short).unwrap();
        assert_eq!(incoming.from.to_string(), from);
        assert_eq!(incoming.segment.body, Body::Data(vec![0x21; 40]));
    }
}
