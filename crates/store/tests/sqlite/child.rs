//! This test binary as a child process that can be killed, starved of disk and have its flushes fail.

use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use std::{env, fs, thread};

use matchbook_protocol::CodeIndex;
use matchbook_rules::{AuditEvent, Write};
use matchbook_store::contract::fixtures::{acceptance, commit, event, id, lookup_user, set, spend_one, with_device};
use matchbook_store::{CommitError, Store};

const ROLE: &str = "MATCHBOOK_STORE_TEST_ROLE";
const STORE: &str = "MATCHBOOK_STORE_TEST_PATH";

/// Callers that spend at once, so that commits are grouped.
const SPENDERS: usize = 16;
/// Codes of each set.
const SET: u8 = 250;

/// A child at work. Dropping it kills it.
pub(crate) struct Worker {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Worker {
    /// The command that makes this binary play a role on a store.
    pub(crate) fn command(role: &str, store: &Path) -> Command {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "child::play", "--ignored", "--nocapture"]).env(ROLE, role).env(STORE, store);
        command
    }

    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line that the role said; `None` when it has ended.
    pub(crate) fn next(&mut self) -> Option<String> {
        self.lines.by_ref().map(Result::unwrap).find_map(|line| Some(line.split_once("child: ")?.1.to_owned()))
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The indices that a child's lines acknowledge.
pub(crate) fn acknowledged(line: &str) -> Option<u32> {
    line.strip_prefix("spent ")?.parse().ok()
}

/// The library that stands between a child and the system; `None` where it cannot be built.
pub(crate) fn shim() -> Option<PathBuf> {
    static BUILT: OnceLock<Option<(tempfile::TempDir, PathBuf)>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("shim.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sqlite/shim.c");
        let cc = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .args([source, "-ldl", "-lpthread"])
            .status();
        (cfg!(target_os = "linux") && cc.is_ok_and(|status| status.success())).then_some((folder, library))
    });
    if built.is_none() {
        eprintln!("skipped: no C compiler, or not Linux");
    }
    built.as_ref().map(|(_, library)| library.clone())
}

fn say(words: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "child: {words}").unwrap();
    out.flush().unwrap();
}

#[test]
#[ignore = "other tests start it as a child process"]
fn play() {
    let (Ok(role), Some(path)) = (env::var(ROLE), env::var_os(STORE)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let store = match crate::open(Path::new(&path)) {
        Ok(store) => Arc::new(store),
        Err(error) => return say(&format!("not opened: {error}")),
    };
    match role.as_str() {
        "hold" => {
            say("held");
            thread::sleep(Duration::from_secs(600));
        }
        "spend" => runtime.block_on(spend_on_and_on(store, u32::MAX)),
        "accept" => runtime.block_on(accept_on_and_on(store)),
        "spend-100" => runtime.block_on(spend_on_and_on(store, 100)),
        "fill" => runtime.block_on(fill(&*store)),
        "fail" => runtime.block_on(fail_and_recover(&*store)),
        "doubt" => runtime.block_on(leave_in_doubt(&*store)),
        "look" => runtime.block_on(look(&*store)),
        other => panic!("no such role: {other}"),
    }
}

/// Spends index after index, and says each once it is acknowledged.
async fn spend_on_and_on(store: Arc<dyn Store>, most: u32) {
    let begun = match store.load_device(&id(1)).await.unwrap() {
        Some(device) => device.authenticator.next_index.0.max(device.highest_spent.0 + 1),
        None => {
            with_device(&*store).await;
            1
        }
    };
    // A killed child may have left a set that reaches beyond the highest spend.
    let sets = store.load_device(&id(1)).await.unwrap().unwrap().sets;
    let first = sets.last().map_or(begun, |set| set.first.0 + u32::from(SET)).max(begun);
    let next = Arc::new(AtomicU32::new(first));
    let issued = Arc::new(tokio::sync::Mutex::new(first));
    let mut spenders = tokio::task::JoinSet::new();
    for _ in 0..SPENDERS {
        let (store, next, issued) = (Arc::clone(&store), Arc::clone(&next), Arc::clone(&issued));
        spenders.spawn(async move {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index - first >= most {
                    return;
                }
                let mut end = issued.lock().await;
                while *end <= index {
                    commit(&*store, vec![Write::InsertSet(Box::new(set("alpha", 1, *end, SET)))]).await.unwrap();
                    *end += u32::from(SET);
                }
                drop(end);
                spend_one(&*store, index).await.unwrap();
                say(&format!("spent {index}"));
            }
        });
    }
    while let Some(done) = spenders.join_next().await {
        done.unwrap();
    }
}

/// Accepts code after code, from several callers, and says each once it is acknowledged. It pauses now and then, so that
/// the journal is folded.
async fn accept_on_and_on(store: Arc<dyn Store>) {
    if store.load_device(&id(1)).await.unwrap().is_none() {
        with_device(&*store).await;
    }
    let device = store.load_device(&id(1)).await.unwrap().unwrap();
    let last = device.sets.last().map_or(0, |set| set.first.0 + u32::from(SET) - 1);
    let mut first = last.max(device.highest_spent.0) + 1;
    loop {
        commit(&*store, vec![Write::InsertSet(Box::new(set("alpha", 1, first, SET)))]).await.unwrap();
        // What is remembered is what the journal is written from.
        store.load_verify(&lookup_user("alpha", "ada")).await.unwrap();
        let next = Arc::new(AtomicU32::new(first));
        first += u32::from(SET);
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..SPENDERS {
            let (store, next) = (Arc::clone(&store), Arc::clone(&next));
            callers.spawn(async move {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= first {
                        return;
                    }
                    store.commit(acceptance(index)).await.unwrap();
                    say(&format!("spent {index}"));
                    if index % 64 == 0 {
                        thread::sleep(Duration::from_millis(30));
                    }
                }
            });
        }
        while let Some(done) = callers.join_next().await {
            done.unwrap();
        }
    }
}

/// Writes until the disk is full, then says how that went.
async fn fill(store: &dyn Store) {
    with_device(store).await;
    commit(store, vec![Write::InsertSet(Box::new(set("alpha", 1, 1, SET)))]).await.unwrap();
    for index in 1..=u32::from(SET) {
        let big = AuditEvent { detail: "x".repeat(20_000), ..event("alpha", index.into(), 0) };
        let writes = vec![
            Write::Audit(Box::new(big)),
            Write::Spend(Box::new(matchbook_store::contract::fixtures::spend("alpha", 1, index))),
        ];
        match commit(store, writes).await {
            Ok(()) => say(&format!("spent {index}")),
            Err(error) => say(&format!("failed {index} {}", told(&error))),
        }
    }
    say("done");
}

/// Commits well, fails as the file of `SHIM_MODE` says, and commits well again.
async fn fail_and_recover(store: &dyn Store) {
    let mode = PathBuf::from(env::var_os("SHIM_MODE").unwrap());
    with_device(store).await;
    commit(store, vec![Write::InsertSet(Box::new(set("alpha", 1, 1, SET)))]).await.unwrap();
    for index in 1..=30 {
        let letter = match index {
            5..=8 => "F",
            15..=18 => "S",
            _ => "",
        };
        fs::write(&mode, letter).unwrap();
        match spend_one(store, index).await {
            Ok(()) => say(&format!("spent {index}")),
            Err(error) => say(&format!("failed {index} {}", told(&error))),
        }
        // Readers go on whatever the writer meets, and see what was acknowledged.
        let spent = store.load_device(&id(1)).await.unwrap().unwrap().spent;
        say(&format!("seen {index} {}", spent.contains(&CodeIndex(index))));
    }
    fs::write(&mode, "").unwrap();
    // The same write again is what tells.
    for index in 1..=30 {
        let again = spend_one(store, index).await;
        say(&format!("again {index} {}", again.map_or_else(|error| told(&error), |()| "ok".to_owned())));
    }
    say("done");
}

/// Spends 1 well and 2 without a flush, and waits to be killed.
async fn leave_in_doubt(store: &dyn Store) {
    with_device(store).await;
    commit(store, vec![Write::InsertSet(Box::new(set("alpha", 1, 1, SET)))]).await.unwrap();
    spend_one(store, 1).await.unwrap();
    fs::write(env::var_os("SHIM_MODE").unwrap(), "S").unwrap();
    let doubt = spend_one(store, 2).await.unwrap_err();
    assert!(matches!(doubt, CommitError::InDoubt(_)), "{doubt}");
    say("left");
    thread::sleep(Duration::from_secs(600));
}

/// Says what is spent, and waits to be killed.
async fn look(store: &dyn Store) {
    for index in store.load_device(&id(1)).await.unwrap().unwrap().spent {
        say(&format!("spent {index}"));
    }
    say("looked");
    thread::sleep(Duration::from_secs(600));
}

fn told(error: &CommitError) -> String {
    match error {
        CommitError::Conflict(why) => format!("conflict {why}"),
        CommitError::Unavailable(why) | CommitError::ReadOnly(why) => format!("unavailable {why}"),
        CommitError::InDoubt(why) => format!("in doubt {why}"),
    }
}
