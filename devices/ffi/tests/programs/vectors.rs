//! The test vectors, as lines for tests/c/vectors.c.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::{Link, compile, hex, under_valgrind, unhex};

/// Every kind runs through `mb_vector_run`; enrolments and messages from the server through the functions of devices besides.
#[test]
fn every_vector_has_its_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = Vec::new();
    for vector in vectors().values() {
        if cfg!(feature = "vectors") {
            let expected = json!({ "expect": vector["expect"], "output": vector["output"] });
            lines.push(format!("run\t{vector}\t{expected}"));
        }
        match vector["kind"].as_str().unwrap() {
            "enrolment-uri" => lines.push(uri_line(vector)),
            "enrolment-typed" => lines.push(typed_line(vector)),
            "open-downlink" => lines.push(open_line(vector)),
            // A device does these within, or never.
            "code-parse" | "compress" | "expand" | "key-schedule" | "open-uplink" | "pack" | "sequence" | "unpack" => {}
            other => panic!("{other} is a kind that this test does not know"),
        }
    }
    let mut command = under_valgrind(&compile("vectors", folder.path(), Link::Shared));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = lines.join("\n") + "\n";
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    writer.join().unwrap().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{} passed\n", lines.len()));
}

/// What a device makes of a message: one with the state that the vector describes.
fn open_line(vector: &Value) -> String {
    let (input, output) = (&vector["input"], &vector["output"]);
    let expected = match vector["expect"].as_str().unwrap() {
        // It confirms the last request that there can be, which this device has not sent.
        "success" if vector["id"] == "open-downlink-sync-flags" => "device-restored",
        "success" => "ok",
        "wrong-handle" => "not-ours",
        "wrong-profile" => "wrong-kind",
        "wrong-epoch" => "unknown-key",
        // A device has a static pair whenever its suite has one: here it is another than the message is sealed to.
        "no-key-pair" if vector["id"] == "open-downlink-set-pk-no-pair" => "forged",
        "no-key-pair" => "unknown-key",
        "authentication" => "forged",
        // It is as long as another suite's, which is seen when it is opened.
        "length" if vector["id"] == "open-downlink-rot-pk-p256-length" => "forged",
        "count" | "digits" | "index-overflow" | "packed-length" | "packed-too-large" | "reserved-bits" => "invalid",
        "next-epoch" => "invalid",
        "length" | "too-long" | "too-short" | "unknown-type" | "version" | "wrong-direction" | "zero-sequence" => {
            "malformed"
        }
        other => panic!("{other} is an outcome that this test does not know"),
    };
    let what = match output["type"].as_str() {
        None => String::new(),
        Some("set") => {
            let codes: Vec<&str> =
                output["codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
            format!("set\t{}\t{}", output["first"], codes.join("|"))
        }
        Some("rotation") => format!("rotation\t{}\t{}", output["next_epoch"], output["next_key"].as_str().unwrap()),
        Some("sync") => format!("sync\t{}\t{}", output["threshold"], u8::from(output["suspended"].as_bool().unwrap())),
        Some(other) => panic!("{other} is a type that this test does not know"),
    };
    let (id, message) = (vector["id"].as_str().unwrap(), input["message"].as_str().unwrap());
    format!("open\t{id}\t{}\t{message}\t{expected}\t{what}", hex(&state(input)))
}

/// A secret key of these bytes is stored as it is in every suite.
const CLAMPED: u8 = 0x40;

/// The state of a device that is as the vector says, laid out as crates/protocol/src/engine/codec.rs says.
fn state(input: &Value) -> Vec<u8> {
    let bytes = |name: &str| input.get(name).map(|hex| unhex(hex.as_str().unwrap()));
    let number = |name: &str| input[name].as_u64().unwrap();
    let is_symmetric = number("profile") == 1;
    let mut out = minicbor::Encoder::new(Vec::new());
    let pair = |out: &mut minicbor::Encoder<Vec<u8>>, secret: Option<Vec<u8>>| {
        match secret {
            Some(secret) => out.bytes(&secret).unwrap(),
            None => out.null().unwrap(),
        };
    };
    out.array(19).unwrap().u8(1).unwrap().bytes(&bytes("id").unwrap()).unwrap();
    out.u64(number("profile")).unwrap().u64(number("handle")).unwrap();
    out.str("").unwrap().str("").unwrap().str("").unwrap();
    out.array(3).unwrap().u8(1).unwrap().bytes(&bytes("key").unwrap()).unwrap().u64(number("epoch")).unwrap();
    pair(&mut out, bytes("key_pair").or_else(|| (!is_symmetric).then(|| vec![CLAMPED; 32])));
    pair(&mut out, bytes("key_pair").filter(|_| !is_symmetric));
    // Many requests were sent, so that no answer is ahead of them; none waits.
    out.u32(u32::MAX - 9).unwrap().null().unwrap().u8(0).unwrap().u8(0).unwrap().bool(false).unwrap();
    out.u8(0).unwrap().u8(0).unwrap().array(0).unwrap().array(5).unwrap();
    for _ in 0..5 {
        out.u8(0).unwrap();
    }
    let state = out.into_writer();
    assert!(matchbook_kit::Device::restore(&state).is_ok(), "{input}");
    state
}

fn uri_line(vector: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let output = &vector["output"];
    let fields = [text(&vector["input"]["uri"]), text(&vector["expect"]), account(output)];
    format!("uri\t{}", fields.join("\t"))
}

fn typed_line(vector: &Value) -> String {
    let (input, output) = (&vector["input"], &vector["output"]);
    let groups: Vec<&str> = input["groups"].as_array().unwrap().iter().map(|group| group.as_str().unwrap()).collect();
    let text = |name: &str| input[name].as_str().unwrap();
    let group = output["group"].as_u64().unwrap_or(0);
    let (id, profile) = (output["id"].as_str().unwrap_or_default(), &output["profile"]);
    let expect = vector["expect"].as_str().unwrap();
    let [server, realm, label] = ["server", "realm", "label"].map(text);
    format!("typed\t{}\t{server}\t{realm}\t{label}\t{expect}\t{group}\t{id}\t{profile}", groups.join("|"))
}

fn account(output: &Value) -> String {
    let text = |name: &str| output[name].as_str().unwrap_or_default();
    [text("server"), text("realm"), text("label"), text("id"), &output["profile"].to_string()].join("\t")
}

fn vectors() -> BTreeMap<PathBuf, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path, serde_json::from_str(&text).unwrap())
    };
    let vectors: BTreeMap<_, _> = files.map(read).collect();
    assert!(vectors.len() >= 300, "{} vectors", vectors.len());
    vectors
}
