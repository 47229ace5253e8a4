#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::{distinguished, user};

#[test]
fn the_log_in_name_is_the_uid_or_the_cn() {
    for (text, name) in [
        ("alice", "alice"),
        ("UID=alice", "alice"),
        ("uid = alice ", "alice"),
        ("CN=Alice Example,UID=alice,DC=example", "alice"),
        ("CN=alice, O=Example", "alice"),
        ("2.5.4.3=alice", "alice"),
        ("UID=a\\,b\\2Cc", "a,b,c"),
        ("UID=J\\C3\\BCrgen+O=x", "Jürgen"),
        ("O=Example", "O=Example"),
        ("a b=c", "a b=c"),
        ("=", "="),
        ("", ""),
        ("UID=a\\", "a"),
    ] {
        assert_eq!(user(text).unwrap(), name, "{text}");
    }
}

#[test]
fn a_name_that_is_not_utf8_is_refused() {
    for text in ["UID=al\\FFice", "CN=\\C3", "UID=\\ED\\A0\\80"] {
        assert!(user(text).unwrap_err().contains("UTF-8"), "{text}");
    }
    // Only what is taken counts.
    assert_eq!(user("UID=alice,O=\\FF").unwrap(), "alice");
}

proptest! {
    #[test]
    fn what_is_written_is_read(name in "[^\\p{C}\\p{Z}]([^\\p{C}]{0,20}[^\\p{C}\\p{Z}])?") {
        prop_assert_eq!(user(&distinguished(&name)).unwrap(), name);
    }

    #[test]
    fn any_text_is_some_name(text in any::<String>()) {
        let _ = user(&text);
    }
}
