#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn the_preferred_wait_is_read_and_bounded() {
    let wait = |value: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert("prefer", HeaderValue::from_static(value));
        preferred_wait(&headers).as_secs()
    };
    assert_eq!(wait("wait=30"), 30);
    assert_eq!(wait("respond-async, wait=7"), 7);
    assert_eq!(wait("wait=\"12\""), 12);
    assert_eq!(wait("wait=100000000"), MAX_WAIT.as_secs());
    assert_eq!(wait("wait=-1"), 0);
    assert_eq!(wait("wait=99999999999999999999999"), 0);
    assert_eq!(preferred_wait(&HeaderMap::new()).as_secs(), 0);
}
