//! An outside decoder reads our TPDUs: what tshark says of them is compared with what we meant.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use matchbook_protocol::UnixMillis;
use matchbook_protocol::sms::tpdu::{Deliver, StatusReport, Submit, Timestamp};
use matchbook_protocol::sms::{Body, Form, Segment, segments};

const PHONE: &str = "+4915112345678";
const SERVER: &str = "16020";
const REFERENCE: u8 = 0xa7;

/// MB-SMS-1, MB-SMS-2, MB-SMS-3.
#[test]
fn tshark_reads_delivers_as_we_mean_them() {
    let sent_at = Timestamp::new(UnixMillis(1_700_000_000_000), 4);
    let mut pdus = Vec::new();
    let mut expected = Vec::new();
    for origin in [SERVER, PHONE, "Matchbook"] {
        for segment in samples() {
            let deliver = Deliver { origin: origin.parse().unwrap(), segment, sent_at };
            pdus.push((FROM_NETWORK, deliver.encode().unwrap()));
            let mut fields = user_data(&deliver.segment);
            fields.extend(address("gsm_sms.tp-oa", origin));
            fields.extend([("gsm_sms.tp-mti", "0".into()), ("gsm_sms.tp-mms", "1".into())]);
            // 2023-11-14 22:13:20 in UTC, an hour later on its clock.
            let time = [("year", 23), ("month", 11), ("day", 14), ("hour", 23), ("minutes", 13), ("seconds", 20)];
            fields.extend(time.map(|(name, value)| (scts(name), value.to_string())));
            fields.push((scts("timezone"), "4".into()));
            expected.push(fields);
        }
    }
    compare("deliver", &pdus, &expected);
}

/// MB-SMS-1, MB-SMS-2, MB-SMS-3.
#[test]
fn tshark_reads_submits_as_we_mean_them() {
    let mut pdus = Vec::new();
    let mut expected = Vec::new();
    for (number, segment) in (1_u8..).zip(samples()) {
        let to = if number % 2 == 0 { SERVER } else { PHONE };
        let wants_report = number % 3 == 0;
        // One day is octet 167, whose value is the 24th half hour above 12 hours.
        let validity_minutes = (number % 4 != 0).then_some(24 * 60);
        let destination = to.parse().unwrap();
        let submit = Submit { reference: number, destination, segment, validity_minutes, wants_report };
        pdus.push((FROM_PHONE, submit.encode().unwrap()));
        let mut fields = user_data(&submit.segment);
        fields.extend(address("gsm_sms.tp-da", to));
        fields.extend([
            ("gsm_sms.tp-mti", "1".into()),
            ("gsm_sms.tp-mr", number.to_string()),
            ("gsm_sms.tp-srr", u8::from(wants_report).to_string()),
            ("gsm_sms.tp-rd", "0".into()),
            ("gsm_sms.tp-vpf", if validity_minutes.is_some() { "2" } else { "0" }.into()),
            ("gsm_sms.vp.validity_period", validity_minutes.map_or(String::new(), |_| "167".into())),
        ]);
        expected.push(fields);
    }
    compare("submit", &pdus, &expected);
}

#[test]
fn tshark_reads_status_reports_as_we_mean_them() {
    let at = |seconds: u64| Timestamp::utc(UnixMillis(1_700_000_000_000 + seconds * 1_000));
    let report = |status| StatusReport {
        reference: REFERENCE,
        recipient: PHONE.parse().unwrap(),
        sent_at: at(0),
        settled_at: at(125),
        status,
    };
    let statuses = [(0x00, "0", "0"), (0x20, "1", "0"), (0x46, "2", "6"), (0x61, "3", "1")];
    let pdus: Vec<_> = statuses.map(|(status, ..)| (FROM_NETWORK, report(status).encode().unwrap())).into();
    let expected = statuses.map(|(_, error, reason)| {
        let mut fields = address("gsm_sms.tp-ra", PHONE);
        fields.extend([
            ("gsm_sms.tp-mti", "2".into()),
            ("gsm_sms.tp-mr", REFERENCE.to_string()),
            ("gsm_sms.dis_field.st_error", error.into()),
            ("gsm_sms.dis.field_st_reason", reason.into()),
            (scts("minutes"), "13;15".into()),
            (scts("seconds"), "20;25".into()),
        ]);
        fields
    });
    compare("status-report", &pdus, &expected);
}

/// MB-SMS-2.
#[test]
fn tshark_joins_our_parts() {
    let message: Vec<u8> = (0..=255).chain(0..=81).collect();
    let parts = segments(&message, Form::Binary, REFERENCE).unwrap();
    let deliver = |segment: &Segment| {
        let (origin, sent_at) = (SERVER.parse().unwrap(), Timestamp::utc(UnixMillis(1_700_000_000_000)));
        (FROM_NETWORK, Deliver { origin, segment: segment.clone(), sent_at }.encode().unwrap())
    };
    let pdus: Vec<_> = parts.iter().map(deliver).collect();
    assert_eq!(pdus.len(), 3);
    let fields = ["gsm_sms.fragment.count", "gsm_sms.reassembled.length"];
    let Some(rows) = tshark("joined", &pdus, &fields, true) else { return };
    assert_eq!(rows.last().unwrap(), &["3", "338"]);
}

const FROM_NETWORK: u32 = 0;
const FROM_PHONE: u32 = 1;

/// What a field of tshark's shall say.
type Field = (&'static str, String);

/// Segments of every layout, full ones and nearly empty ones.
fn samples() -> Vec<Segment> {
    let mut samples = Vec::new();
    for form in [Form::Binary, Form::Text] {
        for length in [1, 36, 45, 77, 120, 133, 238] {
            let message: Vec<u8> = (0..length).map(|place: u8| place.wrapping_mul(83)).collect();
            samples.extend(segments(&message, form, REFERENCE).unwrap());
        }
    }
    assert_eq!(samples.len(), 18);
    samples
}

/// Header, coding, length and content.
fn user_data(segment: &Segment) -> Vec<Field> {
    let header_len = segment.header.len();
    let (coding, length, body, text) = match &segment.body {
        Body::Data(data) => (4, header_len + data.len(), HEXLOWER.encode(data), String::new()),
        Body::Text(text) => (0, (header_len * 8).div_ceil(7) + text.len(), String::new(), text.clone()),
    };
    let has = |element: &[u8]| segment.header.windows(element.len()).any(|part| part == element);
    let port = if has(&[0x05, 0x04]) { "16020" } else { "" };
    let part = if has(&[0x00, 0x03]) { segment.header.last_chunk::<3>().copied() } else { None };
    let part = part.map_or(Default::default(), |part| part.map(|octet| octet.to_string()));
    let [reference, total, number] = part;
    vec![
        ("gsm_sms.tp-udhi", u8::from(header_len > 0).to_string()),
        ("gsm_sms.tp-rp", "0".into()),
        ("gsm_sms.tp-pid", "0".into()),
        ("gsm_sms.tp-dcs", coding.to_string()),
        ("gsm_sms.tp.user_data_length", length.to_string()),
        ("gsm_sms.dis_field_udh.user_data_header_length", segment.header.first().map_or(String::new(), u8::to_string)),
        ("gsm_sms.destination_port", port.into()),
        ("gsm_sms.originator_port", port.into()),
        ("gsm_sms.udh.mm.msg_id", reference),
        ("gsm_sms.udh.mm.msg_parts", total),
        ("gsm_sms.udh.mm.msg_part", number),
        ("gsm_sms.sms_body", body),
        ("gsm_sms.sms_text", text),
    ]
}

/// Digits or name, and their type.
fn address(field: &'static str, text: &str) -> Vec<Field> {
    let (ton, npi) = match text {
        PHONE => ("1", "1"),
        SERVER => ("0", "1"),
        _ => ("5", "0"),
    };
    vec![
        (field, text.trim_start_matches('+').into()),
        ("gsm_sms.dis_field_addr.num_type", ton.into()),
        ("gsm_sms.dis_field_addr.num_plan", npi.into()),
    ]
}

fn scts(name: &str) -> &'static str {
    match name {
        "year" => "gsm_sms.scts.year",
        "month" => "gsm_sms.scts.month",
        "day" => "gsm_sms.scts.day",
        "hour" => "gsm_sms.scts.hour",
        "minutes" => "gsm_sms.scts.minutes",
        "seconds" => "gsm_sms.scts.seconds",
        "timezone" => "gsm_sms.scts.timezone",
        _ => panic!("no field {name}"),
    }
}

/// Every PDU has the fields that it should have, and tshark finds nothing malformed.
fn compare(name: &str, pdus: &[(u32, Vec<u8>)], expected: &[Vec<Field>]) {
    assert_eq!(pdus.len(), expected.len());
    let mut fields: Vec<&str> = expected[0].iter().map(|(field, _)| *field).collect();
    fields.extend(["_ws.malformed", "_ws.expert.message"]);
    let Some(rows) = tshark(name, pdus, &fields, false) else { return };
    assert_eq!(rows.len(), pdus.len());
    for ((row, wanted), (_, pdu)) in rows.iter().zip(expected).zip(pdus) {
        assert_eq!(row.len(), fields.len());
        let clean = ["", ""].map(String::from);
        for ((field, found), wanted) in fields.iter().zip(row).zip(wanted.iter().map(|(_, value)| value).chain(&clean))
        {
            assert_eq!(&plain(field, found), wanted, "{name}: {field} of {}", HEXLOWER.encode(pdu));
        }
    }
}

/// tshark writes bytes with and without colons.
fn plain(field: &str, found: &str) -> String {
    if field != "gsm_sms.sms_body" {
        return found.to_owned();
    }
    let found = found.replace(':', "");
    assert!(HEXLOWER_PERMISSIVE.decode(found.as_bytes()).is_ok(), "{found}");
    found
}

/// What tshark reads: a row a PDU, a column a field. `None` when there is no tshark, which CI does not let pass.
fn tshark(name: &str, pdus: &[(u32, Vec<u8>)], fields: &[&str], joins: bool) -> Option<Vec<Vec<String>>> {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.pcap"));
    fs::write(&path, pcap(pdus)).unwrap();
    let mut command = Command::new("tshark");
    command.arg("-r").arg(&path).args(["-T", "fields", "-E", "separator=/t", "-E", "aggregator=;"]);
    command.args(["-o", if joins { "gsm_sms.reassemble:TRUE" } else { "gsm_sms.reassemble:FALSE" }]);
    command.args(fields.iter().flat_map(|field| ["-e", *field]));
    let Ok(output) = command.output() else {
        assert!(env::var_os("CI").is_none(), "there is no tshark, and CI skips nothing");
        println!("skipped: there is no tshark to read {}", path.display());
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = String::from_utf8(output.stdout).unwrap();
    Some(rows.lines().map(|row| row.split('\t').map(str::to_owned).collect()).collect())
}

/// A capture file of exported PDUs (link type 252): each behind tags that name the dissector, 12, and the direction, 35.
fn pcap(pdus: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 0xffff, 252_u32] {
        file.extend(word.to_le_bytes());
    }
    for (direction, pdu) in pdus {
        let mut packet = [&[0, 12, 0, 8][..], b"gsm_sms\0", &[0, 35, 0, 4], &direction.to_be_bytes(), &[0; 4]].concat();
        packet.extend(pdu);
        let length = u32::try_from(packet.len()).unwrap();
        for word in [0, 0, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}
