use super::shown;

#[test]
fn of_what_looks_like_a_key_the_length_is_told() {
    let hex = "0707070707070707070707070707070707070707070707070707070707070707";
    let base64 = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    for (text, said) in [
        (hex.to_owned(), "[64 characters]".to_owned()),
        (base64.to_owned(), "[44 characters]".to_owned()),
        (format!("card {base64}, blue"), "card [44 characters], blue".to_owned()),
        (format!("{base64};{hex}"), "[44 characters];[64 characters]".to_owned()),
        (format!("{} {hex}", "ab-".repeat(18)), "[119 characters]".to_owned()),
        (format!("{} {hex}", "xy-".repeat(18)), "[54 characters] [64 characters]".to_owned()),
        (format!("{} {hex}", "xy.".repeat(13)), format!("{} [64 characters]", "xy.".repeat(13))),
        ("Aa-_0".repeat(9), "[45 characters]".to_owned()),
        ("07 ".repeat(32), "[95 characters] ".to_owned()),
        (format!("x{}", "07:".repeat(32)), "x07:[92 characters]:".to_owned()),
    ] {
        assert_eq!(shown(&text), said, "{text}");
    }
}

#[test]
fn other_texts_are_escaped_and_cut() {
    for text in [
        "",
        "0011223344556677",
        "NumberOfTransactions",
        "urn:ietf:params:xml:ns:keyprov:pskc:hotp",
        "http://www.w3.org/2001/04/xmlenc#tripledes-cbc",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512",
        "2030-01-01T00:00:00Z",
    ] {
        assert_eq!(shown(text), text);
    }
    assert_eq!(shown("a\u{1b}[2Jü"), "a\\u{1b}[2Jü");
    assert_eq!(shown(&"x ".repeat(31)), format!("{}…", "x ".repeat(30)));
    assert_eq!(shown(&"x ".repeat(30)), "x ".repeat(30));
    assert_eq!(shown(&format!("{}yyyy", "x ".repeat(29))), format!("{}yy…", "x ".repeat(29)));
}
