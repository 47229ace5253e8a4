use super::{identifiers, words};

fn names(source: &str) -> Vec<String> {
    identifiers(source).into_iter().map(|(_, name)| name).collect()
}

#[test]
fn comments_and_literals_hold_no_names() {
    let source = r##"
        // otp in a comment
        /* otp /* nested otp */ otp */
        let a = "otp \" otp"; let b = r#"otp " otp"#; let c = 'o'; let d = '\''; let e = b"otp";
    "##;
    assert_eq!(names(source), ["let", "a", "let", "b", "let", "c", "let", "d", "let", "e", "b"]);
}

#[test]
fn lifetimes_are_not_texts() {
    assert_eq!(names("fn f<'a>(x: &'a Otp) {}"), ["fn", "f", "a", "x", "a", "Otp"]);
}

#[test]
fn every_name_has_its_line() {
    assert_eq!(
        identifiers("a\n/* x\n */ b \"\n\"\nc"),
        [(1, "a".to_owned()), (3, "b".to_owned()), (5, "c".to_owned())]
    );
}

#[test]
fn names_fall_into_words() {
    assert_eq!(words("OtpCode"), ["otp", "code"]);
    assert_eq!(words("device_token_2"), ["device", "token", "2"]);
    assert_eq!(words("MAX_OTP"), ["max", "otp"]);
    assert_eq!(words("_hidden"), ["hidden"]);
    assert!(!words("not_potent").contains(&"otp".to_owned()));
}
