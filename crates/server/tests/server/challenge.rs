//! Which code is asked for: the same until it is spent, and a number for names that nobody has too.

use serde_json::{Value, json};

use crate::common::{Api, Site, attempt};

fn gone(party: &Api, user: &str, index: u32) -> crate::common::Reply {
    party.post("/v1/challenge", &json!({ "user": user, "unavailable": index }))
}

#[test]
fn the_number_stays_until_its_code_is_spent() {
    let mut site = Site::new();
    let party = site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    let asked = party.post("/v1/challenge", &json!({ "user": "alice" })).ok();
    assert_eq!(asked, json!({ "index": 1, "prompt": "code 1" }));
    let by_device = party.post("/v1/challenge", &json!({ "device": phone.id().to_string() })).ok();
    assert_eq!(by_device, asked);
    let (first, second) = (phone.take(), phone.take());
    assert!(!party.accepts(&attempt("alice", &second)));
    assert_eq!(party.challenge("alice"), 1, "a failure changes nothing");
    assert!(party.accepts(&attempt("alice", &first)));
    assert_eq!(party.challenge("alice"), 2);
    site.restart();
    assert_eq!(party.at(site.url()).challenge("alice"), 2);
}

#[test]
fn a_code_that_is_gone_is_skipped_and_dead() {
    let site = Site::new();
    let party = site.realm("ship", &json!({ "skips_per_day": 2 }));
    let mut phone = site.phone("ship", "alice");
    let (first, second) = (phone.take(), phone.take());
    assert_eq!(gone(&party, "alice", 1).ok()["index"], 2);
    assert_eq!(gone(&party, "alice", 1).ok()["index"], 2, "a repetition skips nothing more");
    assert_eq!(gone(&party, "alice", 7).ok()["index"], 2, "nor does another number");
    assert!(!party.accepts(&attempt("alice", &first)), "the code was given up");
    assert!(party.accepts(&attempt("alice", &second)));
    assert_eq!(gone(&party, "alice", 3).ok()["index"], 4);
    gone(&party, "alice", 4).slowed();
    assert_eq!(party.challenge("alice"), 4, "the day's skips are used up; asking goes on");
    let skipped = site.events("ship").into_iter().filter(|(kind, _)| kind == "code-skipped").count();
    assert_eq!(skipped, 2);
}

#[test]
fn skipping_makes_a_refill_due_like_using() {
    let site = Site::new();
    let party = site.realm("ship", &json!({ "set_size": 4, "threshold": 2 }));
    let mut phone = site.phone("ship", "alice");
    assert_eq!(gone(&party, "alice", 1).ok()["index"], 2);
    assert_eq!(gone(&party, "alice", 2).ok()["index"], 3);
    crate::common::eventually("the server issues a set", || site.stored(phone.id()).sets.len() == 2);
    assert_eq!(phone.sync().codes_received(), 4);
}

/// A stranger cannot tell names apart by asking: a made-up number is plausible, stays, moves on when it is skipped, and
/// is capped like a real one.
#[test]
fn an_unknown_name_gets_a_plausible_and_steady_number() {
    let mut site = Site::new();
    let party = site.realm("ship", &json!({}));
    site.realm("other", &json!({}));
    let numbers: Vec<u32> = (0..30).map(|user| party.challenge(&format!("nobody-{user}"))).collect();
    assert!(numbers.iter().all(|number| (1..=40 + 300 * 4).contains(number)), "{numbers:?}");
    assert!(numbers.windows(2).any(|pair| pair[0] != pair[1]), "{numbers:?}");
    let keys = |body: &Value| -> Vec<String> { body.as_object().unwrap().keys().cloned().collect() };
    let asked = party.post("/v1/challenge", &json!({ "user": "nobody-0" })).ok();
    assert_eq!(keys(&asked), ["index", "prompt"]);

    let in_another_realm = json!({ "user": "nobody-0", "realm": "other" });
    party.post("/v1/challenge", &in_another_realm).ok();
    party.post("/v1/challenge", &json!({ "device": "00000000000000aa" })).ok();
    for (user, number) in numbers.iter().enumerate() {
        assert_eq!(party.challenge(&format!("nobody-{user}")), *number);
    }
    site.restart();
    let party = party.at(site.url());
    assert_eq!(party.challenge("nobody-3"), numbers[3]);
    for skip in 0..3 {
        let next = gone(&party, "nobody-3", numbers[3] + skip).ok();
        assert_eq!(next["index"], numbers[3] + skip + 1);
    }
    gone(&party, "nobody-3", numbers[3] + 3).slowed();
}

/// A device that may not log in is asked like any other.
#[test]
fn a_suspension_does_not_show_in_the_number() {
    let site = Site::new();
    let party = site.realm("ship", &json!({}));
    let mut phone = site.phone("ship", "alice");
    assert!(party.accepts(&attempt("alice", &phone.take())));
    site.command("ship", phone.id(), "suspend").ok();
    assert_eq!(party.challenge("alice"), 2);
    assert_eq!(gone(&party, "alice", 2).ok()["index"], 3);
    site.command("ship", phone.id(), "resume").ok();
    assert_eq!(party.challenge("alice"), 3);
}

#[test]
fn a_challenge_names_one_of_user_and_device() {
    let site = Site::in_memory();
    let party = site.realm("ship", &json!({}));
    for body in [json!({}), json!({ "user": "alice", "device": "00000000000000aa" }), json!({ "device": "xyz" })] {
        party.post("/v1/challenge", &body).problem(400, "bad-request");
    }
}
