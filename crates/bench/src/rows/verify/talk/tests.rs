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
    assert_eq!(codes.given(), 350);
    for (round, devices) in given.chunks(7).enumerate() {
        let index = CodeIndex(u32::try_from(round + 1).unwrap());
        let seen: BTreeSet<u32> = devices.iter().map(|good| good.device).collect();
        assert_eq!(seen.len(), 7);
        for good in devices {
            assert_eq!(good.code, codes.population.code(good.device, index).unwrap().value());
        }
    }
}

fn all(codes: &Codes) -> Vec<Good> {
    std::iter::from_fn(|| codes.take()).collect()
}

fn devices(given: &[Good]) -> BTreeSet<u32> {
    given.iter().map(|good| good.device).collect()
}

#[test]
fn parts_of_a_population_share_no_device_and_no_operation() {
    let population = Population::of(10).unwrap();
    let known = all(&Codes::part(&population, 0..4, 1..3));
    let strange = all(&Codes::part(&population, 4..99, 0..1));
    assert_eq!((known.len(), strange.len()), (8, 6));
    assert_eq!((devices(&known).len(), devices(&strange).len()), (4, 6));
    assert!(devices(&known).is_disjoint(&devices(&strange)));
    assert!(known.iter().all(|good| [CodeIndex(2), CodeIndex(3)].contains(&good.index)));
    assert!(strange.iter().all(|good| good.index == CodeIndex(1)));
    let met = all(&Codes::part(&population, 0..4, 0..1));
    let numbers: BTreeSet<u64> = [&known, &strange, &met].into_iter().flatten().map(|good| good.number).collect();
    assert_eq!(numbers.len(), 18);
    assert!(all(&Codes::part(&population, 4..4, 0..9)).is_empty());
    assert!(all(&Codes::part(&population, 0..4, 50..60)).is_empty());
}

#[test]
fn met_are_those_that_had_their_turn_and_they_go_on_with_their_next_code() {
    let population = Population::of(10).unwrap();
    let first = Codes::part(&population, 2..8, 0..1);
    let seen: Vec<Good> = std::iter::from_fn(|| first.take()).take(4).collect();
    let met = first.met();
    let next = all(&met.walks(0..2));
    assert_eq!((next.len(), devices(&next)), (8, devices(&seen)));
    assert!(next.iter().all(|good| [CodeIndex(2), CodeIndex(3)].contains(&good.index)));
    let later = all(&met.walks(2..4));
    assert!(later.iter().all(|good| [CodeIndex(4), CodeIndex(5)].contains(&good.index)));
    assert!(all(&met.walks(49..51)).is_empty(), "they have 50 codes");
    all(&first);
    assert_eq!(all(&first.met().walks(0..1)).len(), 6);
}

#[test]
fn each_node_has_devices_of_its_own() {
    let population = Population::of(10).unwrap();
    let shares = Shares::each(&population, 0..8, &(0..1), 3);
    let given: Vec<Vec<Good>> = shares.0.iter().map(|codes| all(codes)).collect();
    assert_eq!(given.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2]);
    assert_eq!(devices(&given.concat()).len(), 6);
    assert_eq!(shares.given(), 6);
    assert_eq!(shares.met().walks(&(0..2)).0.iter().map(|codes| all(codes).len()).sum::<usize>(), 12);
    assert_eq!(shares.talks(5, &tokens()).len(), 5);
}

#[test]
fn a_floors_codes_never_end() {
    let codes = Codes::endless(&Population::of(2).unwrap());
    assert_eq!(std::iter::from_fn(|| codes.take()).take(1_000).count(), 1_000);
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
