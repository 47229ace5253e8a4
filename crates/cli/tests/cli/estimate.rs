//! What devices cost, reckoned without a server.

use serde_json::Value;

use crate::home::Home;

const MONTH: &[&str] = &["estimate", "--digits", "6", "--set", "40", "--codes-per-month", "30", "--price", "0.04"];

fn find<'a>(report: &'a Value, suite: &str, delivery: &str, bearer: &str) -> &'a Value {
    let rows = report["estimates"].as_array().unwrap();
    let is_it = |row: &&Value| row["suite"] == suite && row["delivery"] == delivery && row["bearer"] == bearer;
    rows.iter().find(is_it).unwrap()
}

#[test]
fn every_device_and_bearer_has_its_price() {
    let home = Home::new();
    let report = home.json(&[MONTH, &["--users", "1000"]].concat());
    assert_eq!(report["estimates"].as_array().unwrap().len(), 15);
    let binary = find(&report, "x25519", "shared", "sms-binary");
    assert_eq!((&binary["set_size"], &binary["set_message_bytes"]), (&40.into(), &133.into()));
    assert_eq!((&binary["messages_per_set"], &binary["messages_per_rotation"]), (&1.into(), &5.into()));
    let month = &binary["per_user"];
    let (sets, rotations) = (month["sets"].as_f64().unwrap(), month["rotations"].as_f64().unwrap());
    assert_eq!(sets, 0.75);
    let cost = 0.04 * (3.0 * sets + 5.0 * rotations);
    assert!((month["cost"].as_f64().unwrap() - cost).abs() < 1e-9, "{month}");
    assert!((binary["all_users"]["cost"].as_f64().unwrap() - 1_000.0 * cost).abs() < 1e-6);
    assert_eq!(find(&report, "x25519", "shared", "sms-text")["set_size"], 34);
    assert_eq!(find(&report, "p256", "public-key", "sms-binary")["messages_per_set"], 2);
    for (suite, delivery) in [("symmetric", "shared"), ("p256", "public-key")] {
        let https = find(&report, suite, delivery, "https");
        assert_eq!((&https["messages_per_set"], &https["per_user"]["cost"]), (&0.into(), &0.0.into()));
    }
    assert!(report["assumptions"].as_array().unwrap().len() >= 5);
}

#[test]
fn the_devices_messages_have_a_price_of_their_own() {
    let home = Home::new();
    let report = home.json(&[MONTH, &["--price-mo", "0"]].concat());
    let binary = find(&report, "symmetric", "shared", "sms-binary");
    let month = &binary["per_user"];
    let from_server = month["messages_mt"].as_f64().unwrap();
    assert!((month["cost"].as_f64().unwrap() - 0.04 * from_server).abs() < 1e-9, "{month}");
    assert_eq!((&report["price_mt"], &report["price_mo"]), (&0.04.into(), &0.0.into()));
}

#[test]
fn people_read_a_table_and_what_is_assumed() {
    let home = Home::new();
    let table = home.ok(MONTH);
    assert!(table.lines().next().unwrap().starts_with("device"), "{table}");
    assert!(table.contains("40 codes, 133 bytes") && table.contains("34 codes, 118 bytes"), "{table}");
    assert!(table.contains("every 90 days: 5 short messages, 3 in the symmetric suite"), "{table}");
    assert!(!table.contains('×'), "one user needs no second set of columns");
    let many = home.ok(&[MONTH, &["--users", "10000"]].concat());
    assert!(many.lines().next().unwrap().ends_with("MT × 10000  MO × 10000  cost × 10000"), "{many}");
}

#[test]
fn what_is_out_of_its_range_is_named() {
    let home = Home::new();
    let with = |changes: &[&'static str]| {
        let mut arguments = vec!["estimate", "--codes-per-month", "30", "--price", "0.04"];
        arguments.extend(changes);
        arguments
    };
    home.ok(&with(&[]));
    home.run(&["estimate"]).fails(2, "--codes-per-month <N>");
    home.run(&["estimate", "--codes-per-month", "30"]).fails(2, "--price <PRICE>");
    home.run(&["estimate", "--codes-per-month", "0", "--price", "1"]).fails(2, "1..=100000");
    home.run(&with(&["--digits", "3"])).fails(2, "4..=12");
    home.run(&with(&["--set", "0"])).fails(2, "1..=250");
    home.run(&with(&["--set", "251"])).fails(2, "1..=250");
    home.run(&with(&["--users", "0"])).fails(2, "1..=4000000000");
    home.run(&with(&["--rotate-after-days", "3651"])).fails(2, "1..=3650");
    for wrong in ["-1", "1e3", "nan", "inf", "0,04", "1000001", ".5", "1.2.3", ""] {
        let price = format!("--price-mo={wrong}");
        home.run(&["estimate", "--codes-per-month", "30", "--price", "0.04", &price]).fails(2, "such as 0.04");
    }
}
