//! A store that fails, or does not know whether it did: nothing is accepted that is not durable, and a retry with the
//! same operation id gets one consistent answer.

use serde_json::{Value, json};

use crate::common::hooked::{Meant, of_device, of_issue, of_skip, of_verify};
use crate::common::{Api, Fault, Hooked, Phone, Reply, Site, Stands, attempt, hand, on_stores};

on_stores! { [memory postgres] {
    a_commit_that_failed_accepts_nothing,
    a_doubt_is_resolved_by_the_same_write,
    a_refusal_in_doubt_counts_once,
    a_lasting_doubt_is_told_and_a_retry_is_consistent,
    a_set_in_doubt_is_one_set,
    a_skip_in_doubt_skips_one_code,
    conflicts_are_decided_again_and_bounded,
    a_store_that_cannot_be_read_answers_503,
    a_command_that_failed_did_nothing,
}}

/// As often as the server writes a commit in doubt, in all.
const WRITES: usize = 5;

struct Scene {
    site: Site,
    store: std::sync::Arc<Hooked>,
    party: Api,
    phone: Phone,
}

fn scene(stands: Stands) -> Scene {
    let (site, store) = Site::hooked_on(stands);
    let party = site.realm("ship", &json!({}));
    let phone = site.phone("ship", "alice");
    Scene { site, store, party, phone }
}

impl Scene {
    fn fail(&self, meant: Meant, faults: &[Fault]) {
        self.store.fail(meant, faults);
    }

    fn verify(&self, body: &Value) -> Reply {
        self.party.post("/v1/verify", body)
    }

    fn failures(&self) -> u64 {
        self.site.shown("ship", self.phone.id())["failures"].as_u64().unwrap()
    }

    fn spent(&self) -> usize {
        self.site.stored(self.phone.id()).spent.len()
    }
}

#[track_caller]
fn unavailable(reply: &Reply) {
    reply.problem(503, "unavailable");
    assert!(reply.retry_after().is_some_and(|seconds| seconds > 0));
}

fn a_commit_that_failed_accepts_nothing(stands: Stands) {
    let mut scene = scene(stands);
    let body = attempt("alice", &scene.phone.take());
    scene.fail(of_verify, &[Fault::Unavailable]);
    unavailable(&scene.verify(&body));
    assert_eq!((scene.spent(), scene.failures()), (0, 0));
    assert!(scene.verify(&body).verdict(), "the same request again");
    assert_eq!(scene.spent(), 1);
}

/// That nothing was decided is said where it is so, and not after a doubt.
#[test]
fn a_store_that_becomes_read_only_after_a_doubt_promises_nothing() {
    let mut scene = scene(Stands::Memory);
    for faults in [vec![Fault::ReadOnly], vec![Fault::InDoubtApplied, Fault::ReadOnly]] {
        let body = attempt("alice", &scene.phone.take());
        scene.fail(of_verify, &faults);
        let is_sure = faults.len() == 1;
        let problem = scene.verify(&body).problem(503, if is_sure { "read-only" } else { "unavailable" });
        let says_so = problem["detail"].as_str().unwrap().starts_with("Nothing was decided: ");
        assert_eq!(says_so, is_sure, "{problem}");
        assert!(scene.verify(&body).verdict(), "the same request again");
    }
}

fn a_doubt_is_resolved_by_the_same_write(stands: Stands) {
    for fault in [Fault::InDoubtApplied, Fault::InDoubtLost] {
        let mut scene = scene(stands);
        let code = scene.phone.take();
        let body = attempt("alice", &code);
        scene.fail(of_verify, &[fault]);
        assert!(scene.verify(&body).verdict(), "{fault:?}");
        assert!(scene.store.is_spent());
        assert!(scene.verify(&body).verdict(), "{fault:?}");
        assert!(!scene.verify(&attempt("alice", &code)).verdict(), "{fault:?}");
        assert_eq!(scene.spent(), 1, "{fault:?}");
        assert!(scene.site.metric("matchbook_commits_in_doubt_total") >= 1.0);
    }
}

fn a_refusal_in_doubt_counts_once(stands: Stands) {
    for faults in [
        vec![Fault::InDoubtApplied],
        vec![Fault::InDoubtLost],
        vec![Fault::InDoubtLost, Fault::InDoubtApplied],
        vec![Fault::InDoubtLost; WRITES],
    ] {
        let scene = scene(stands);
        let body = attempt("alice", "000000000000");
        scene.fail(of_verify, &faults);
        let mut reply = scene.verify(&body);
        if faults.len() == WRITES {
            unavailable(&reply);
            assert_eq!(scene.failures(), 0);
            reply = scene.verify(&body);
        }
        assert!(!reply.verdict(), "{faults:?}");
        assert!(!scene.verify(&body).verdict());
        assert_eq!(scene.failures(), 1, "{faults:?}");
    }
}

fn a_lasting_doubt_is_told_and_a_retry_is_consistent(stands: Stands) {
    for last in [Fault::InDoubtLost, Fault::InDoubtApplied] {
        let mut scene = scene(stands);
        let code = scene.phone.take();
        let body = attempt("alice", &code);
        let mut faults = vec![Fault::InDoubtLost; WRITES - 1];
        faults.push(last);
        scene.fail(of_verify, &faults);
        unavailable(&scene.verify(&body));
        assert!(scene.store.is_spent(), "{WRITES} writes and no more");
        assert!(scene.verify(&body).verdict(), "{last:?}");
        assert!(!scene.verify(&attempt("alice", &code)).verdict(), "{last:?}");
        assert_eq!(scene.spent(), 1, "{last:?}");
    }
}

/// In doubt, what a read shows need not be durable: it is answered only once a later write was.
#[test]
fn what_was_in_doubt_is_not_answered_on_a_read_alone() {
    let mut scene = scene(Stands::Memory);
    let body = attempt("alice", &scene.phone.take());
    scene.fail(of_verify, &[Fault::InDoubtApplied]);
    scene.store.fail_probes(true);
    unavailable(&scene.verify(&body));
    assert!(scene.store.is_spent());
    unavailable(&scene.verify(&body));
    unavailable(&scene.verify(&body));
    scene.store.fail_probes(false);
    let probes = scene.store.probes();
    assert!(scene.verify(&body).verdict());
    assert_eq!(scene.store.probes(), probes + 1, "one write made it sure");
    assert!(scene.verify(&body).verdict());
    assert_eq!(scene.store.probes(), probes + 1, "and there is no doubt left");
}

/// The same at the device's bearer: a set whose commit is in doubt is not sent on a read alone.
#[test]
fn a_set_in_doubt_is_not_sent_on_a_read_alone() {
    let (site, store) = Site::hooked_in_memory();
    site.realm("ship", &json!({}));
    let mut hand = site.hand("ship", "alice");
    let message = hand.seal(&hand::wants(0, 0, 255));
    store.fail(of_issue, &[Fault::InDoubtApplied]);
    store.fail_probes(true);
    for _ in 0..3 {
        let answer = hand.post(&message);
        assert_eq!((answer.status, answer.messages.len()), (503, 0));
    }
    store.fail_probes(false);
    let answer = hand.post(&message);
    assert_eq!(hand.set_in(&answer).unwrap().count(), 40);
    assert_eq!(site.stored(hand.id()).sets.len(), 1);
}

fn a_set_in_doubt_is_one_set(stands: Stands) {
    for fault in [Fault::InDoubtApplied, Fault::InDoubtLost, Fault::Unavailable, Fault::Conflict] {
        let (site, store) = Site::hooked_on(stands);
        let party = site.realm("ship", &json!({}));
        let mut phone = site.new_phone("ship", "alice", "x25519", "shared");
        store.fail(of_issue, &[fault]);
        match phone.on(|device| device.sync()) {
            Ok(_) => assert_ne!(fault, Fault::Unavailable),
            Err(failure) => {
                assert_eq!(fault, Fault::Unavailable);
                assert!(failure.to_string().contains("busy"), "{failure}");
                phone.sync();
            }
        }
        assert!(store.is_spent());
        assert_eq!((phone.remaining(), site.stored(phone.id()).sets.len()), (40, 1), "{fault:?}");
        assert!(party.accepts(&attempt("alice", &phone.take())), "{fault:?}");
    }
}

fn a_skip_in_doubt_skips_one_code(stands: Stands) {
    for fault in [Fault::InDoubtApplied, Fault::InDoubtLost, Fault::Conflict] {
        let scene = scene(stands);
        scene.fail(of_skip, &[fault]);
        let body = json!({ "user": "alice", "unavailable": 1 });
        assert_eq!(scene.party.post("/v1/challenge", &body).ok()["index"], 2, "{fault:?}");
        assert_eq!(scene.spent(), 1, "{fault:?}");
    }
}

/// Who loses a race decides again; who loses for ever is told to come back.
fn conflicts_are_decided_again_and_bounded(stands: Stands) {
    let mut scene = scene(stands);
    let body = attempt("alice", &scene.phone.take());
    scene.fail(of_verify, &[Fault::Conflict; 15]);
    assert!(scene.verify(&body).verdict());
    let next = attempt("alice", &scene.phone.take());
    scene.fail(of_verify, &[Fault::Conflict; 16]);
    unavailable(&scene.verify(&next));
    assert!(scene.store.is_spent());
    assert!(scene.verify(&next).verdict());
}

fn a_store_that_cannot_be_read_answers_503(stands: Stands) {
    let mut scene = scene(stands);
    let body = attempt("alice", &scene.phone.take());
    scene.store.fail_reads(true);
    unavailable(&scene.verify(&body));
    unavailable(&scene.party.post("/v1/challenge", &json!({ "user": "alice" })));
    unavailable(&scene.site.command("ship", scene.phone.id(), "push"));
    let failure = scene.phone.on(|device| device.sync()).unwrap_err();
    assert!(failure.to_string().contains("busy"), "{failure}");
    scene.store.fail_reads(false);
    assert!(scene.verify(&body).verdict());
    scene.phone.sync();
}

/// What an operator does is told as done only when it is.
fn a_command_that_failed_did_nothing(stands: Stands) {
    let scene = scene(stands);
    let id = scene.phone.id();
    scene.fail(of_device, &[Fault::Unavailable]);
    unavailable(&scene.site.command("ship", id, "suspend"));
    assert_eq!(scene.site.shown("ship", id)["status"], "active");
    scene.fail(of_device, &[Fault::InDoubtLost; WRITES]);
    unavailable(&scene.site.command("ship", id, "suspend"));
    scene.site.command("ship", id, "suspend").ok();
    assert_eq!(scene.site.shown("ship", id)["status"], "suspended");
}

/// Readiness means that the store can commit.
#[test]
fn readiness_follows_the_store() {
    let (site, store) = Site::hooked_in_memory();
    let stranger = site.stranger();
    crate::common::eventually("ready", || stranger.get("/readyz").status == 200);
    store.fail_probes(true);
    crate::common::eventually("not ready", || stranger.get("/readyz").status == 503);
    assert_eq!(stranger.get("/healthz").status, 200, "it still runs");
    store.fail_probes(false);
    crate::common::eventually("ready again", || stranger.get("/readyz").status == 200);
    let before = store.probes();
    for _ in 0..50 {
        stranger.get("/readyz");
    }
    assert!(store.probes() - before < 25, "asking often does not cost a write each time");
}
