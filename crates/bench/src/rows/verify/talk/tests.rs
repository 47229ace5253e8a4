#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use super::*;

fn codes(devices: u32) -> Arc<Codes> {
    Arc::new(Codes::of(&Population::of(devices).unwrap()))
}

fn tokens() -> Tokens {
    Tokens { relying_party: "mb_party".to_owned(), operator: "mb_operator".to_owned() }
}

#[test]
fn each_code_is_given_out_once_and_a_devices_in_order() {
    let codes = codes(7);
    let given: Vec<Good> = std::iter::from_fn(|| codes.take()).collect();
    assert_eq!(given.len(), 350);
    assert_eq!(codes.left(), 0);
    for (round, devices) in given.chunks(7).enumerate() {
        let index = CodeIndex(u32::try_from(round + 1).unwrap());
        let seen: BTreeSet<u32> = devices.iter().map(|good| good.device).collect();
        assert_eq!(seen.len(), 7);
        for good in devices {
            assert_eq!(good.code, codes.population.code(good.device, index).unwrap().value());
        }
    }
}

#[test]
fn a_request_names_the_user_and_the_code_as_they_are() {
    let codes = codes(3);
    let talk = Verifies::new(&codes, &tokens());
    let mut out = Vec::new();
    talk.write(Good { number: 258, device: 42, index: CodeIndex(1), code: 1_234 }, &mut out);
    let text = String::from_utf8(out).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("Authorization: Bearer mb_party\r\n"), "{head}");
    assert!(head.ends_with(&format!("Content-Length: {}", body.len())), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["user"], "u00000042");
    assert_eq!(body["code"], "001234");
    assert!(body["operation_id"].as_str().unwrap().ends_with("0000000000000102"));
}

#[test]
fn a_refused_code_ends_the_measurement() {
    let mut talk = Verifies::new(&codes(1), &tokens());
    assert!(talk.hear(&Answer { status: 200, body: ACCEPTED.as_bytes() }).unwrap());
    assert!(talk.hear(&Answer { status: 200, body: br#"{"accepted":false}"# }).is_err());
    assert!(talk.hear(&Answer { status: 503, body: b"" }).is_err());
}
