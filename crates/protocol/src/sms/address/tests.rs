//! Numbers, short codes and names.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use alloc::string::ToString;

use super::*;

fn parts(text: &str) -> (u8, u8, String) {
    let address: Address = text.parse().unwrap();
    assert_eq!(address.to_string(), text);
    (address.type_of_number(), address.numbering_plan(), address.text().into())
}

#[test]
fn texts_say_what_they_are() {
    assert_eq!(parts("+4912345678"), (1, 1, "4912345678".into()));
    assert_eq!(parts("16020"), (0, 1, "16020".into()));
    assert_eq!(parts("Matchbook"), (5, 0, "Matchbook".into()));
    assert_eq!(parts("Café 24/7"), (5, 0, "Café 24/7".into()));
    assert!("Matchbook".parse::<Address>().unwrap().is_name());
    assert!(!"16020".parse::<Address>().unwrap().is_name());
}

#[test]
fn what_is_none_is_refused() {
    let read = |text: &str| text.parse::<Address>().unwrap_err();
    assert_eq!(read(""), AddressError::Empty);
    assert_eq!(read("+"), AddressError::Empty);
    assert_eq!(read("1234567890123456"), AddressError::TooLong);
    assert_eq!(read("+1234567890123456"), AddressError::TooLong);
    assert_eq!(read("+49 123"), AddressError::Character);
    assert_eq!(read("+49a"), AddressError::Character);
    assert_eq!(read("12-34"), AddressError::Character);
    assert_eq!(read("*100#"), AddressError::Character);
    assert_eq!(read("Matchbook 12"), AddressError::TooLong);
    // A brace takes two septets: eleven in all, and twelve.
    assert!("{abcdefghi".parse::<Address>().is_ok());
    assert_eq!(read("{abcdefghij"), AddressError::TooLong);
    assert_eq!(read("a`b"), AddressError::Character);
    assert_eq!(read("a\nb"), AddressError::Character);
    assert_eq!(read("日本"), AddressError::Character);
}

#[test]
fn no_name_looks_like_a_number() {
    assert_eq!(Address::from_parts(5, 0, "+4912345"), Err(AddressError::Character));
    assert_eq!(Address::from_parts(5, 0, "16020"), "16020".parse());
    assert_eq!(Address::from_parts(5, 9, "Bank"), "Bank".parse());
    assert_eq!(Address::from_parts(8, 1, "1"), Err(AddressError::Field));
    assert_eq!(Address::from_parts(1, 16, "1"), Err(AddressError::Field));
    let national = Address::from_parts(2, 1, "0171234").unwrap();
    assert_eq!((national.type_of_number(), national.to_string().as_str()), (2, "0171234"));
}
