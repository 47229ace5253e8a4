//! On what a run was made.

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use matchbook_protocol::CodeIndex;
use serde::Serialize;

use crate::population::{self, Population};

/// The machine, its software, and how busy it was.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Machine {
    /// Cores that a process may use.
    pub cores: usize,
    /// The processor's name.
    pub processor: String,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// The kernel's release.
    pub kernel: String,
    /// The file system that the databases were on.
    pub file_system: String,
    /// The compiler.
    pub rustc: String,
    /// The commit that was measured; with `+` when files differed from it.
    pub commit: String,
    /// Versions of the databases.
    pub databases: Vec<String>,
    /// The day, in UTC.
    pub day: String,
    /// What the tag of one code takes on one core, in ns, before and after: by which two runs are compared. A core that
    /// shares its parts with a busy one takes up to twice as long.
    pub tag_ns_before: f64,
    /// After it.
    pub tag_ns_after: f64,
    /// Processes that wanted to run, on average over the last minute: before and after. The run itself makes about two.
    pub load_before: String,
    /// After it.
    pub load_after: String,
}

impl Machine {
    /// This one; `place` is where the databases will be.
    #[must_use]
    pub fn here(place: &Path) -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            memory_mib: field("/proc/meminfo", "MemTotal").and_then(|text| kib(&text)).unwrap_or_default() / 1_024,
            kernel: read("/proc/sys/kernel/osrelease").unwrap_or_else(unknown),
            file_system: file_system(place).unwrap_or_else(unknown),
            rustc: output("rustc", &["--version"]).unwrap_or_else(unknown),
            commit: commit().unwrap_or_else(unknown),
            databases: databases(),
            day: output("date", &["-u", "+%Y-%m-%d"]).unwrap_or_else(unknown),
            tag_ns_before: tag_ns(),
            tag_ns_after: 0.0,
            load_before: load(),
            load_after: String::new(),
        }
    }

    /// To be called at the end.
    pub fn note_end(&mut self) {
        self.tag_ns_after = tag_ns();
        self.load_after = load();
    }
}

/// Tags that are made to measure one.
const TAGS: u32 = 100_000;

fn tag_ns() -> f64 {
    let Ok(population) = Population::of(1) else { return 0.0 };
    let (Ok(realm), Ok(code)) = (population::realm(), population.code(0, CodeIndex(1))) else { return 0.0 };
    let (keyring, id, began) = (population::keyring(), population::id(0), Instant::now());
    for index in 0..TAGS {
        black_box(keyring.code_tag(&realm, id, CodeIndex(index), black_box(&code)));
    }
    began.elapsed().as_secs_f64() * 1e9 / f64::from(TAGS)
}

fn databases() -> Vec<String> {
    let postgres = matchbook_testbed::find().ok();
    let postgres = postgres.and_then(|programs| output(programs.program("postgres").to_str()?, &["--version"]));
    let postgres = postgres.map(|version| version.replace("postgres (PostgreSQL)", "PostgreSQL"));
    [Some(format!("SQLite {}", rusqlite::version())), postgres].into_iter().flatten().collect()
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn read(file: &str) -> Option<String> {
    Some(std::fs::read_to_string(file).ok()?.trim().to_owned())
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = read(file)?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn kib(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

fn load() -> String {
    read("/proc/loadavg").and_then(|text| Some(text.split(' ').next()?.to_owned())).unwrap_or_else(unknown)
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn commit() -> Option<String> {
    let commit = output("git", &["rev-parse", "--short=12", "HEAD"])?;
    let differs = output("git", &["status", "--porcelain", "--untracked-files=no"])?;
    Some(if differs.is_empty() { commit } else { format!("{commit}+") })
}

/// The type of the mount that holds the folder: the one with the longest path above it.
fn file_system(place: &Path) -> Option<String> {
    let place = place.canonicalize().ok()?;
    let mounts = read("/proc/mounts")?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (_device, at, kind) = (words.next()?, words.next()?, words.next()?);
        place.starts_with(at).then(|| (at.len(), kind.to_owned()))
    });
    mounts.max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}
