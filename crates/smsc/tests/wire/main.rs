//! Our PDUs as an independent decoder reads them: a session over a real socket, recorded on the way, written as a capture
//! and shown to tshark.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod capture;
#[path = "../centre/esme.rs"]
#[allow(dead_code)]
mod esme;

use std::path::PathBuf;
use std::process::Command as Process;
use std::sync::Arc;

use matchbook_protocol::sms::{Body, Segment};
use matchbook_smsc::{CentreOptions, Conditions};
use rusmpp::values::DataCoding;
use rusmpp::{CommandStatus, Pdu};

use capture::{PORT, Recorder, capture};
use esme::{ALICE, BOB, Esme, Role, centre, submit, with_header};

const PORTS: [u8; 7] = [6, 5, 4, 0x3e, 0x94, 0x3e, 0x94];

#[tokio::test]
async fn tshark_reads_in_our_pdus_what_was_meant() {
    if !has_tshark() {
        assert!(std::env::var_os("CI").is_none(), "tshark is missing, and CI skips nothing: apt-get install tshark");
        println!("skipped: tshark is missing; apt-get install tshark");
        return;
    }
    let (pdus, ids) = session().await;
    let read = read_back(&pdus);
    let expected = expected(&ids);
    assert_eq!(read.len(), expected.len(), "{}", read.join("\n"));
    for (number, (text, lines)) in (1..).zip(read.iter().zip(expected)) {
        for line in lines {
            assert!(text.lines().any(|other| other.trim() == line), "no {line:?} in packet {number}:\n{text}");
        }
        assert!(!text.contains("Malformed") && !text.contains("Expert Info"), "packet {number}:\n{text}");
    }
}

/// What tshark is to say of each packet.
fn expected(ids: &[String]) -> Vec<Vec<String>> {
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<String>>();
    let with_id = |mut lines: Vec<String>, field: &str, id: &str| {
        lines.push(format!("{field}: {id}"));
        lines
    };
    let answered = lines(&["Operation: Deliver_sm - resp (0x80000005)", "Result: Ok (0x00000000)"]);
    vec![
        lines(&["Operation: Bind_transceiver (0x00000009)", "System ID: esme"]),
        lines(&["Operation: Bind_transceiver - resp (0x80000009)", "SMSC-supported version: 3.4"]),
        lines(SEALED),
        with_id(lines(TAKEN), "Message id.", &ids[0]),
        with_id(lines(DELIVERED), "SMSC identifier", &ids[0]),
        answered.clone(),
        lines(&["Recipient address: 491700000002", "Data coding: SMSC default alphabet (0x00)", "Message length: 4"]),
        with_id(lines(TAKEN), "Message id.", &ids[1]),
        with_id(lines(UNDELIVERABLE), "SMSC identifier", &ids[1]),
        answered.clone(),
        lines(PART),
        answered.clone(),
        lines(&["Operation: Deliver_sm (0x00000005)", "Message length: 8", "Message bytes: 51554a4452455647"]),
        answered,
        lines(&["Operation: Submit_sm (0x00000004)", "Message length: 200"]),
        lines(&[
            "Operation: Submit_sm - resp (0x80000004)",
            "Result: Message length is invalid (0x00000001)",
            "Length: 16",
        ]),
        lines(&["Operation: Unbind (0x00000006)"]),
        lines(&["Operation: Unbind - resp (0x80000006)"]),
    ]
}

const SEALED: &[&str] = &[
    "Operation: Submit_sm (0x00000004)",
    "Type of number (originator): Unknown (0x00)",
    "Originator address: 16020",
    "Type of number (recipient): International (0x01)",
    "Recipient address: 491700000001",
    "01.. .... = GSM features: UDHI indicator (0x1)",
    ".... ..01 = Delivery receipt: Delivery receipt requested (for success or failure) (0x1)",
    "Data coding: Octet unspecified (8-bit binary) (0x04)",
    "Message length: 140",
    "User Data Header Length: 6",
    "Destination port: Available for allocation by SMS applications without the need to refer to 3GPP or IANA (16020)",
    "Originator port: Available for allocation by SMS applications without the need to refer to 3GPP or IANA (16020)",
];

const TAKEN: &[&str] = &["Operation: Submit_sm - resp (0x80000004)", "Result: Ok (0x00000000)"];

const DELIVERED: &[&str] = &[
    "Operation: Deliver_sm (0x00000005)",
    "Originator address: 491700000001",
    "Recipient address: 16020",
    "..00 01.. = Message type: Short message contains SMSC Delivery Receipt (0x1)",
    "Message state: DELIVERED (2)",
];

const UNDELIVERABLE: &[&str] = &[
    "..00 01.. = Message type: Short message contains SMSC Delivery Receipt (0x1)",
    "Message state: UNDELIVERABLE (5)",
    "Error type: GSM (3)",
    "Error code: 0x0001",
];

const PART: &[&str] = &[
    "Operation: Deliver_sm (0x00000005)",
    "Type of number (originator): International (0x01)",
    "Originator address: 491700000001",
    "Recipient address: 16020",
    "01.. .... = GSM features: UDHI indicator (0x1)",
    "Message length: 140",
    "User Data Header Length: 11",
    "Message identifier: 7",
    "Message parts: 2",
    "Message part number: 1",
];

/// A session with a bit of everything: the PDUs in the order in which they crossed, and the message ids.
async fn session() -> (Vec<(bool, Vec<u8>)>, Vec<String>) {
    let (network, centre) = centre(Conditions::default(), CentreOptions::default()).await;
    let phone = network.phone(ALICE.parse().unwrap());
    let recorder = Arc::new(Recorder::start(centre.address()).await);
    let mut esme = Esme::bound(recorder.address(), Role::Transceiver).await;
    let mut ids = Vec::new();
    let sealed = [&PORTS[..], &[0x5a; 133]].concat();
    ids.push(esme.submit(with_header(submit(ALICE, &sealed))).await);
    esme.receive().await;
    ids.push(esme.submit(submit(BOB, b"QUJD").with_data_coding(DataCoding::McSpecific)).await);
    esme.receive().await;
    let header = vec![11, 0, 3, 7, 2, 1, 5, 4, 0x3e, 0x94, 0x3e, 0x94];
    for segment in [
        Segment { header, body: Body::Data(vec![0xa5; 128]) },
        Segment { header: Vec::new(), body: Body::Text("QUJDREVG".into()) },
    ] {
        phone.send(&"16020".parse().unwrap(), segment).await;
        esme.receive().await;
    }
    assert_eq!(esme.status_of(submit(ALICE, &[0; 200])).await, CommandStatus::EsmeRinvmsglen);
    esme.request(Pdu::Unbind).await;
    esme.end().await;
    (recorder.pdus(), ids)
}

fn has_tshark() -> bool {
    Process::new("tshark").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// What tshark says of each packet.
fn read_back(pdus: &[(bool, Vec<u8>)]) -> Vec<String> {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("smpp-{}.pcap", std::process::id()));
    std::fs::write(&file, capture(pdus)).unwrap();
    let decode_as = format!("tcp.port=={PORT},smpp");
    let output = Process::new("tshark").arg("-r").arg(&file).args(["-d", &decode_as, "-V"]).output().unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.split("\nFrame ").map(str::to_owned).collect()
}
