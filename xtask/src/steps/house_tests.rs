use super::{MAX_LINES, bad_names, links, too_long};

#[test]
fn a_file_of_the_limit_passes_and_one_line_more_does_not() {
    assert_eq!(too_long("a.rs", &"x\n".repeat(MAX_LINES)), None);
    assert!(too_long("a.rs", &"x\n".repeat(MAX_LINES + 1)).is_some());
}

#[test]
fn computed_codes_and_carried_tokens_are_not_our_words() {
    assert_eq!(bad_names("a.rs", "struct OtpSet;").len(), 1);
    assert_eq!(bad_names("a.rs", "let device_token = 1;").len(), 1);
    assert!(bad_names("a.rs", "struct TokenRecord; let bearer_token = option; // otp").is_empty());
}

#[test]
fn links_to_files_are_found() {
    let page = "[a](b.md) [c](https://example.org) [d](#e) ![f](../g.png#h)";
    assert_eq!(links(page), ["b.md", "../g.png"]);
}
