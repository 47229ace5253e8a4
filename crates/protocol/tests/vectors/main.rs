//! Runs the test vectors in `vectors/`, and sees to it that they are the ones that the generator writes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../../examples/vectors/catalogue/mod.rs"]
mod catalogue;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The fewest vectors that there may be.
const FEWEST: usize = 60;

#[test]
fn every_vector_has_its_outcome() {
    let mut wrong = Vec::new();
    for (name, text) in read_folder() {
        let vector: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(format!("{}.json", vector["id"].as_str().unwrap()), name);
        if let Err(difference) = check(&vector) {
            wrong.push(format!("{name}: {difference}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn there_are_enough_and_most_are_refusals() {
    let vectors: Vec<Value> = read_folder().values().map(|text| serde_json::from_str(text).unwrap()).collect();
    let refusals = vectors.iter().filter(|vector| vector["expect"] != "success").count();
    assert!(vectors.len() >= FEWEST, "{} vectors", vectors.len());
    assert!(refusals * 2 > vectors.len(), "{refusals} refusals of {}", vectors.len());
    let kinds: BTreeSet<&str> = vectors.iter().map(|vector| vector["kind"].as_str().unwrap()).collect();
    for kind in kinds {
        let of_kind = |refused: bool| {
            vectors.iter().any(|vector| vector["kind"] == kind && (vector["expect"] != "success") == refused)
        };
        assert!(of_kind(true) && of_kind(false), "{kind} has only one outcome");
    }
    for vector in &vectors {
        let spec = vector["spec"].as_str().unwrap();
        assert!(spec.starts_with('§') && spec.contains(" MB-"), "{spec}");
        assert!(!vector["title"].as_str().unwrap().is_empty());
    }
}

#[test]
fn the_generator_writes_these_files_and_no_others() {
    let written: BTreeMap<String, String> =
        catalogue::all().iter().map(|vector| (vector.file_name(), vector.to_json())).collect();
    assert_eq!(written.len(), catalogue::all().len(), "two vectors have the same id");
    let read = read_folder();
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&read), names(&written));
    for (name, text) in &written {
        assert_eq!(&read[name], text, "{name} is not what the generator writes");
    }
}

/// Whether a vector has the outcome that it states.
fn check(vector: &Value) -> Result<(), String> {
    let expect = vector["expect"].as_str().unwrap();
    let outcome = run::run(vector["kind"].as_str().unwrap(), &vector["input"]);
    let (found, output) = match outcome {
        Ok(output) => ("success", output),
        Err(refusal) => (refusal.name, refusal.output),
    };
    if found != expect {
        return Err(format!("{found} instead of {expect}"));
    }
    if output != vector["output"] {
        return Err(format!("{output} instead of {}", vector["output"]));
    }
    Ok(())
}

/// The vectors' files: name and content.
fn read_folder() -> BTreeMap<String, String> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors");
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect()
}
