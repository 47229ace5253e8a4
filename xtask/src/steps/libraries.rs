//! The device libraries as their users get them: the wheel is built, installed and tested, and what the pages on them
//! print is done as it is printed, in empty folders.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::demo::{at_home, empty_home};
use super::readme::{Block, blocks, free_address};
use super::{Outcome, passed};
use crate::context::Context;
use crate::process;

/// The info string of blocks that are run in the repository, and make and install a library.
pub(super) const BUILD: &str = "sh build";
/// The info string of blocks that are run in an empty folder.
pub(super) const SAMPLE: &str = "sh sample";

/// Tests the wheel, then goes through the pages.
pub(super) fn run(context: &Context) -> Result<Outcome, String> {
    let Some(maturin) = context.python_program("maturin") else {
        return Ok(Outcome::Skipped("there is no Python environment with maturin; run the step python".to_owned()));
    };
    let binary = context.release_binary();
    if !binary.is_file() {
        return Err("there is no release binary; the step demo builds it".to_owned());
    }
    test_wheel(context, &maturin, &binary)?;
    for page in PAGES {
        follow(context, page)?;
    }
    Ok(passed())
}

const PAGES: [&str; 2] = ["docs/how-to/device-in-c.md", "docs/how-to/device-in-python.md"];

/// Builds the wheel with the test vectors' runner, installs it where the tests' tools are, and runs the tests.
fn test_wheel(context: &Context, maturin: &Path, binary: &Path) -> Result<(), String> {
    let wheels = empty(&context.scratch("wheels")?)?;
    let python = context.python().ok_or("there is no Python environment")?;
    let mut build = Command::new(maturin);
    build.args(["build", "--quiet", "--locked", "--features", "vectors", "--compatibility", "linux"]);
    build.args(["--manifest-path", "devices/python/Cargo.toml", "--out"]).arg(&wheels);
    process::run(build.arg("--interpreter").arg(&python).current_dir(&context.root))?;
    let wheel = only_file(&wheels)?;
    // Not into the environment itself, which stays what its list says.
    let installed = empty(&context.scratch("wheel")?)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--target"]);
    process::run(pip.arg(&installed).arg(wheel))?;
    let mut pytest = Command::new(&python);
    pytest.args(["-B", "-m", "pytest", "--quiet", "-p", "no:cacheprovider", "devices/python/tests"]);
    pytest.env("PYTHONPATH", &installed).env("MATCHBOOK_BINARY", binary);
    process::run(pytest.current_dir(&context.root))?;
    let mut stubtest = Command::new(&python);
    stubtest.args(["-m", "mypy.stubtest", "matchbook"]).env("PYTHONPATH", &installed).env("MYPYPATH", &installed);
    process::run(stubtest.current_dir(&wheels))
}

/// Does what a page prints: makes the library, writes the sample into an empty folder, runs the commands there, and looks
/// for what they are to print.
fn follow(context: &Context, page: &str) -> Result<(), String> {
    let found = blocks(&context.read(page)?);
    let home = empty_home(context)?;
    let folder = empty(&context.scratch("sample")?)?;
    let commands = |info: &str| lines(found.iter().filter(|block| block.info == info));
    for block in &found {
        if let Some(name) = sample_name(&block.info) {
            let path = folder.join(name);
            std::fs::write(&path, lines([block]))
                .map_err(|why| format!("{} cannot be written: {why}", path.display()))?;
        }
    }
    let mut build = shell(context, &home, &commands(BUILD))?;
    process::run(build.current_dir(&context.root))?;
    let mut sample = shell(context, &home, &commands(SAMPLE))?;
    let address = free_address()?;
    // The port that the page names may be taken on this machine.
    sample.env("MATCHBOOK_LISTEN", &address).env("MATCHBOOK_SERVER", format!("http://{address}"));
    let printed = process::output_of(sample.current_dir(&folder))?;
    let expected = lines(found.iter().filter(|block| block.info == "text"));
    if expected.is_empty() {
        return Err(format!("{page} does not say what its sample prints"));
    }
    if !masked(&printed).contains(&masked(&expected)) {
        return Err(format!("{page} says that its sample prints\n{expected}\nand it printed\n{printed}"));
    }
    println!("{page}: {}", masked(&expected).trim().replace('\n', "; "));
    Ok(())
}

/// The file that a block of code is to be put in: `c device.c`, `python device.py`.
fn sample_name(info: &str) -> Option<&str> {
    let (language, name) = info.split_once(' ')?;
    ["c", "python"].contains(&language).then_some(name)
}

fn lines<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> String {
    let lines = blocks.into_iter().flat_map(|block| &block.lines);
    lines.map(|(_, line)| format!("{line}\n")).collect()
}

/// Codes are others each time: runs of six digits and more are not compared.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    let mut digits = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        masked.push_str(if digits.len() < CODE_DIGITS { &digits } else { "(code)" });
        digits.clear();
        masked.extend(Some(c).filter(|c| *c != '\0'));
    }
    masked
}

/// The digits of a code, unless a policy says otherwise.
const CODE_DIGITS: usize = 6;

/// Commands in one shell that ends at the first failure, and ends what it started. Its home is empty; cargo, our binary and
/// the Python environment are found all the same.
fn shell(context: &Context, home: &Path, commands: &str) -> Result<Command, String> {
    if commands.is_empty() {
        return Err(format!("a page lacks a block `{BUILD}` or `{SAMPLE}`"));
    }
    let mut shell = at_home(Path::new("bash"), home);
    shell.arg("-c").arg(format!("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{commands}"));
    let binary = context.release_binary();
    let ours = binary.parent().ok_or("the release binary is in no folder")?.to_path_buf();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [ours, context.venv().join("bin")].into_iter().chain(std::env::split_paths(&path));
    shell.env("PATH", std::env::join_paths(folders).map_err(|why| why.to_string())?);
    for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        shell.env(name, std::env::var_os(name).unwrap_or_else(|| at_users_home(folder)));
    }
    Ok(shell)
}

fn at_users_home(folder: &str) -> OsString {
    PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(folder).into_os_string()
}

/// The folder, with nothing in it.
fn empty(folder: &Path) -> Result<PathBuf, String> {
    std::fs::remove_dir_all(folder)
        .and_then(|()| std::fs::create_dir_all(folder))
        .map_err(|why| format!("{} cannot be emptied: {why}", folder.display()))?;
    Ok(folder.to_path_buf())
}

fn only_file(folder: &Path) -> Result<PathBuf, String> {
    let entries = std::fs::read_dir(folder).map_err(|why| format!("{} cannot be read: {why}", folder.display()))?;
    let files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    match files.as_slice() {
        [file] => Ok(file.clone()),
        other => Err(format!("{} holds {} files instead of one", folder.display(), other.len())),
    }
}

#[cfg(test)]
#[path = "libraries_tests.rs"]
mod tests;
