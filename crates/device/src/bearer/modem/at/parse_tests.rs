#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_list_has_places_states_and_pdus() {
    let found = list(&lines("+CMGL: 1,0,,24\n07AB\n+CMGL: 4,1,\"a, name\",24\nCDEF\n+CMGL: 5,3,,10\n0102"));
    let found: Vec<(u32, bool, &str)> =
        found.iter().map(|one| (one.index, one.is_received, one.pdu.as_str())).collect();
    assert_eq!(found, [(1, true, "07AB"), (4, true, "CDEF"), (5, false, "0102")]);
}

#[test]
fn a_list_that_is_cut_or_spoilt_loses_only_what_is_spoilt() {
    let found =
        list(&lines("+CMGL: x,0,,24\n07AB\n+CMGL: 2,0,,24\nnot hex\n+CMGL:\n+CMGL: 3\n+CMGL: 4,1\nAB\n+CMGL: 5,1,,9"));
    assert_eq!(found.iter().map(|one| one.index).collect::<Vec<_>>(), [4]);
}

#[test]
fn a_message_is_read() {
    let stored = read(&lines("+CMGR: 1,,24\n07AB"), 9).unwrap();
    assert_eq!(stored, Stored { index: 9, is_received: true, pdu: "07AB".to_owned() });
    assert_eq!(read(&[], 9), None);
    assert_eq!(read(&lines("+CMGR: 0,,24"), 9), None);
}

#[test]
fn stores_say_which_takes_what_comes_and_whether_it_is_full() {
    let some = stores(&lines("+CPMS: \"ME\",3,20,\"ME\",3,20,\"SM\",5,5")).unwrap();
    assert_eq!((some.receiving(), some.full_with()), (Some("SM"), Some(5)));
    let some = stores(&lines("+CPMS: \"SM\",0,0")).unwrap();
    assert_eq!((some.receiving(), some.full_with()), (Some("SM"), None));
    // A name goes back to the modem in a command.
    for bad in ["+CPMS: \"S\"M\",1,2", "+CPMS: SM,1,2", "+CPMS: \"SM;+CFUN=0\",1,2", "+CPMS:", "+CPMS: \"SM\",x,2"] {
        assert_eq!(stores(&lines(bad)), None, "{bad}");
    }
}

#[test]
fn notices_name_a_place() {
    assert_eq!(notice(" \"SM\",4"), Some(("SM".to_owned(), 4)));
    for bad in ["", "\"SM\"", "\"SM\",-1", "\"sm\",1", "\"SM\",99999999999", "SM,1"] {
        assert_eq!(notice(bad), None, "{bad}");
    }
    assert_eq!(place("SM/4"), Some(("SM", 4)));
    assert_eq!((place("4"), place("/org/freedesktop/ModemManager1/SMS/4")), (None, None));
}

#[test]
fn hexadecimal_goes_both_ways() {
    assert_eq!(to_hex(&[0, 0xAB, 0xff]), "00ABFF");
    assert_eq!(from_hex("00abFF"), Some(vec![0, 0xAB, 0xff]));
    for bad in ["", "0", "0g", "é1", "+1"] {
        assert_eq!(from_hex(bad), None, "{bad}");
    }
}
