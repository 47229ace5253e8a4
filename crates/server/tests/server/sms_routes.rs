//! Which centre a message goes by, what happens when none is there, and who goes first.

use serde_json::{Value, json};

use crate::common::sms::{Air, way};
use crate::common::{Land, Mobile, eventually};

const CALM: &str = "resend_first_s = 3600";

/// The centres that a device's messages went by, newest first.
fn centres(land: &Land, mobile: &Mobile) -> Vec<String> {
    let listed = land.messages(mobile);
    listed["sent"].as_array().unwrap().iter().map(|item| item["centre"].as_str().unwrap().to_owned()).collect()
}

fn newest(land: &Land, mobile: &Mobile) -> Value {
    land.messages(mobile)["sent"][0]["centre"].clone()
}

fn calm_policy() -> Value {
    json!({ "threshold": 0, "set_size": 5, "sets_per_day": 50 })
}

#[test]
fn the_second_centre_takes_over_and_gives_back() {
    let air = Air::new();
    let (north, south) = (air.centre(), air.centre());
    let ways = [way("north", &north, ""), way("south", &south, "")];
    let mut land = Land::of(air, north, CALM, &ways, &calm_policy());
    let mut mobile = land.mobile("alice", "+491700000001");
    assert!(centres(&land, &mobile).iter().all(|name| name == "north"));
    eventually("the other one is up too", || south.bound() == 1);

    let north = land.centre.take().unwrap();
    let address = north.address();
    land.air.stop(north);
    land.push(&mobile);
    mobile.until("a set by the other centre", |mobile| mobile.sets() == 2);
    land.settled(&mut mobile);
    assert_eq!(newest(&land, &mobile), "south");

    land.centre = Some(land.air.centre_at(address));
    land.bound();
    land.push(&mobile);
    mobile.until("a set by the first centre again", |mobile| mobile.sets() == 3);
    land.settled(&mut mobile);
    assert_eq!(newest(&land, &mobile), "north");
}

#[test]
fn a_message_waits_until_a_centre_is_there() {
    let mut land = Land::new(CALM, &calm_policy());
    let mut mobile = land.mobile("alice", "+491700000001");
    let centre = land.centre.take().unwrap();
    let address = centre.address();
    land.air.stop(centre);
    land.push(&mobile);
    eventually("it is seen that no centre is there", || land.counted("NoCentre") > 0.0);
    let waiting = &land.messages(&mobile)["outbox"][0];
    assert_eq!((waiting["attempts"].as_u64(), waiting["bulk"].as_bool()), (Some(0), Some(true)));
    assert!(land.site.metric("matchbook_outbox_messages") >= 0.0);
    eventually("it is counted as unsent", || land.site.metric("matchbook_outbox_unsent") > 0.0);
    land.centre = Some(land.air.centre_at(address));
    mobile.until("the set", |mobile| mobile.sets() == 2);
    land.settled(&mut mobile);
    eventually("nothing is unsent", || land.site.metric("matchbook_outbox_unsent") < 1.0);
}

#[test]
fn numbers_go_by_the_centre_that_serves_them() {
    let air = Air::new();
    let (north, south) = (air.centre(), air.centre());
    let ways = [way("north", &north, "prefixes = [\"+43\"]"), way("south", &south, "prefixes = [\"+4\", \"+49\"]")];
    let land = Land::of(air, north, CALM, &ways, &calm_policy());
    eventually("both are up", || south.bound() == 1);
    for (user, number, centre) in
        [("alice", "+491700000001", "south"), ("bob", "+436600000001", "north"), ("carol", "+411700000001", "south")]
    {
        let mobile = land.mobile(user, number);
        assert!(centres(&land, &mobile).iter().all(|name| name == centre), "{user}");
    }
    // Nobody serves this one: its enrolment is answered with nothing, and waits.
    let mut dora = land.new_mobile("dora", "+12025550100", "symmetric");
    dora.pump();
    eventually("it is taken", || !land.site.stored(dora.id()).outbox.is_empty());
    land.mobile("ed", "+491700000009");
    dora.pump();
    assert!(dora.came.is_empty() && centres(&land, &dora).is_empty());
}

/// An operator's pushes to many give way to what a single user waits for.
#[test]
fn what_somebody_waits_for_goes_before_the_bulk() {
    let air = Air::new();
    let (fast, slow) = (air.centre(), air.centre());
    let ways = [way("fast", &fast, ""), way("slow", &slow, "per_second = 1\nwindow = 4")];
    let mut land = Land::of(air, fast, CALM, &ways, &calm_policy());
    eventually("both are up", || slow.bound() == 1);
    let mut mobile = land.mobile("alice", "+491700000001");
    let crowd: Vec<Mobile> =
        (0..30).map(|number| land.mobile(&format!("user-{number}"), &format!("+4917100{number:05}"))).collect();
    let fast = land.centre.take().unwrap();
    land.air.stop(fast);
    crowd.iter().for_each(|mobile| land.push(mobile));
    let unsent = || {
        let waits = |mobile: &&Mobile| land.site.stored(mobile.id()).outbox.iter().any(|item| item.attempts == 0);
        crowd.iter().filter(waits).count()
    };
    eventually("the first of them goes", || unsent() < 30);
    mobile.ask_for_set();
    mobile.until("the set that was asked for", |mobile| mobile.sets() == 2);
    let left = unsent();
    assert!(left > 10, "{left} of the bulk still wait");
}

/// A centre's pace is kept up: whoever waits is sent to as soon as it has room. At one message each sweep these would
/// take longer than the test has patience.
#[test]
fn a_crowd_is_sent_to_at_the_centres_pace() {
    let air = Air::new();
    let (fast, slow) = (air.centre(), air.centre());
    let ways = [way("fast", &fast, ""), way("slow", &slow, "per_second = 8")];
    let mut land = Land::of(air, fast, CALM, &ways, &calm_policy());
    eventually("both are up", || slow.bound() == 1);
    let mut crowd: Vec<Mobile> =
        (0..100).map(|number| land.mobile(&format!("user-{number}"), &format!("+4917100{number:05}"))).collect();
    let fast = land.centre.take().unwrap();
    land.air.stop(fast);
    crowd.iter().for_each(|mobile| land.push(mobile));
    eventually("all have their sets", || {
        crowd.iter_mut().all(|mobile| {
            mobile.pump();
            mobile.sets() == 2
        })
    });
}
