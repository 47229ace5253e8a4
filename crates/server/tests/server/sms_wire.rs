//! What the server's ESME says, as a decoder that is not ours reads it: a recorder stands between the server and the
//! centre, and tshark reads the recording.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use serde_json::json;

use crate::common::sms::{Air, way_at};
use crate::common::{Land, eventually};
use capture::{PORT, Recorder, capture};

#[allow(dead_code, reason = "the centre's own test uses the rest")]
#[path = "../../../smsc/tests/wire/capture.rs"]
mod capture;

/// A set of 30 codes of eight digits, as it leaves.
const SET: &[&str] = &[
    "Operation: Submit_sm (0x00000004)",
    "Originator address: 16020",
    "Type of number (recipient): International (0x01)",
    "Recipient address: 491700000001",
    "01.. .... = GSM features: UDHI indicator (0x1)",
    ".... ..01 = Delivery receipt: Delivery receipt requested (for success or failure) (0x1)",
    "Data coding: Octet unspecified (8-bit binary) (0x04)",
    "Message length: 140",
    "User Data Header Length: 6",
    "Destination port: Available for allocation by SMS applications without the need to refer to 3GPP or IANA (16020)",
];

#[test]
fn tshark_reads_what_the_server_says_to_a_centre() {
    let found = Command::new("tshark").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        assert!(std::env::var_os("CI").is_none(), "tshark is missing: install the package tshark");
        eprintln!("skipped: tshark is missing; install the package tshark");
        return;
    }
    let air = Air::new();
    let centre = air.centre();
    let recorder = Arc::new(air.runtime.block_on(Recorder::start(centre.address())));
    let ways = [way_at("north", recorder.address(), "")];
    let land = Land::of(air, centre, "", &ways, &json!({ "mode": "any-unused", "digits": 8 }));
    let mut mobile = land.new_mobile("alice", "+491700000001", "symmetric");
    mobile.until("the first set", |mobile| mobile.remaining() == 30);
    land.settled(&mut mobile);
    eventually("the receipts are here", || land.counted("Delivered") >= 2.0);
    let read = read_back(&recorder.pdus());
    assert!(!read.contains("Malformed"), "{read}");
    let frames: Vec<&str> = read.split("\nFrame ").collect();
    let has = |lines: &[&str]| frames.iter().any(|frame| lines.iter().all(|line| frame.contains(line)));
    assert!(has(&["Operation: Bind_transceiver (0x00000009)", "System ID: matchbook", "Version (if): 3.4"]), "{read}");
    assert!(has(SET), "{read}");
    assert!(has(&["Operation: Deliver_sm - resp (0x80000005)", "Result: Ok (0x00000000)"]), "{read}");
}

/// What tshark says of all of it.
fn read_back(pdus: &[(bool, Vec<u8>)]) -> String {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("esme-{}.pcap", std::process::id()));
    std::fs::write(&file, capture(pdus)).unwrap();
    let decode_as = format!("tcp.port=={PORT},smpp");
    let output = Command::new("tshark").arg("-r").arg(&file).args(["-d", &decode_as, "-V"]).output().unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
