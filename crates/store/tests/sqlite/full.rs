//! Disks that are full, and flushes that fail: no success is answered, and nothing that was acknowledged is lost.

use std::collections::BTreeSet;
use std::process::Command;

use matchbook_protocol::CodeIndex;
use matchbook_store::Store;
use matchbook_store::contract::fixtures::id;

use crate::child::{Worker, acknowledged, shim};
use crate::open;

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let inner = Worker::command("fill", &path);
    // No file may grow beyond 1 MiB: the system then refuses writes with EFBIG. Blocks of 512 bytes or 1 KiB.
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\""])
        .arg(inner.get_program())
        .args(inner.get_args());
    for (name, value) in inner.get_envs() {
        command.env(name, value.unwrap());
    }
    let lines = lines_of(Worker::start(command));
    let spent: BTreeSet<u32> = lines.iter().filter_map(|line| acknowledged(line)).collect();
    let failed: Vec<&String> = lines.iter().filter(|line| line.starts_with("failed ")).collect();
    assert!(!spent.is_empty() && !failed.is_empty(), "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("done"));
    assert!(failed.iter().all(|line| line.contains("in doubt ") || line.contains("unavailable ")), "{failed:?}");
    let store = open(&path).unwrap();
    store.check().await.unwrap();
    let device = store.load_device(&id(1)).await.unwrap().unwrap();
    for index in &spent {
        assert!(device.spent.contains(&CodeIndex(*index)), "code {index} is unused again");
    }
    store.probe().await.unwrap();
}

#[tokio::test]
async fn a_failed_commit_is_never_a_success_and_the_store_goes_on() {
    let Some(shim) = shim() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut command = Worker::command("fail", &path);
    command.env("LD_PRELOAD", &shim).env("SHIM_MODE", folder.path().join("mode"));
    let lines = lines_of(Worker::start(command));
    let said = |prefix: &str| {
        let prefix = prefix.to_owned();
        lines.iter().filter_map(move |line| line.strip_prefix(&prefix)).collect::<Vec<&str>>()
    };
    assert_eq!(lines.last().map(String::as_str), Some("done"), "{lines:?}");
    // No room: nothing was written, and the sentence says what to do.
    for index in 5..=8 {
        let [why] = said(&format!("failed {index} ")).try_into().unwrap();
        assert!(why.starts_with("unavailable the disk that holds ") && why.contains("free some space"), "{why}");
    }
    // A flush that failed leaves it open what a power cut would leave.
    for index in 15..=18 {
        let [why] = said(&format!("failed {index} ")).try_into().unwrap();
        assert!(why.starts_with("in doubt "), "{why}");
    }
    for index in 1..=30_u32 {
        let failing = (5..=8).contains(&index) || (15..=18).contains(&index);
        assert_eq!(lines.contains(&format!("spent {index}")), !failing, "{index}");
        // A reader never sees what was not acknowledged.
        assert_eq!(said(&format!("seen {index} ")), [(!failing).to_string()], "{index}");
        let [again] = said(&format!("again {index} ")).try_into().unwrap();
        assert_eq!(again == "ok", failing, "{index}: {again}");
    }
    let store = open(&path).unwrap();
    assert_eq!(store.load_device(&id(1)).await.unwrap().unwrap().spent.len(), 30);
}

fn lines_of(mut worker: Worker) -> Vec<String> {
    std::iter::from_fn(|| worker.next()).collect()
}
