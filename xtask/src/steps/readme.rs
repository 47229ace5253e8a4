//! The commands that the pages show: each exists, with its flags, and the README's tour runs as it is pasted.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use super::demo::{at_home, empty_home};
use super::libraries::{BUILD, SAMPLE};
use super::{Outcome, none_of};
use crate::context::Context;
use crate::process;

/// Looks every shown command up in the binary's help, then runs the tour.
pub(super) fn run(context: &Context) -> Result<Outcome, String> {
    let binary = context.release_binary();
    if !binary.is_file() {
        return Err("there is no release binary; the step demo builds it".to_owned());
    }
    let home = empty_home(context)?;
    let mut manual = Manual { binary: &binary, home: &home, pages: BTreeMap::new() };
    let mut findings = Vec::new();
    let mut shown = 0_usize;
    for file in context.files()?.iter().filter(|file| file.ends_with(".md")) {
        for (line, command) in shell_commands(&context.read(file)?) {
            let Some(arguments) = arguments_of(&command) else { continue };
            shown += 1;
            if let Err(why) = manual.check(&arguments) {
                findings.push(format!("{file}:{line}: {command}: {why}"));
            }
        }
    }
    let outcome = none_of(&findings, "shown commands are wrong", format!("{shown} commands, and the tour ran"))?;
    run_tour(context, &home)?;
    Ok(outcome)
}

/// The README's tour, pasted into one shell.
fn run_tour(context: &Context, home: &Path) -> Result<(), String> {
    let readme = context.read("README.md")?;
    let blocks = blocks(&readme).into_iter().filter(|block| block.info == TOUR);
    let commands: Vec<String> = blocks.flat_map(|block| block.lines).map(|(_, line)| line).collect();
    if commands.is_empty() {
        return Err(format!("README.md has no block that is marked `{TOUR}`"));
    }
    let script = home.join("tour.sh");
    // What the shell started is ended with it: the server of the tour runs beside it.
    let text = format!("set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{}\n", commands.join("\n"));
    std::fs::write(&script, text).map_err(|why| format!("{} cannot be written: {why}", script.display()))?;
    let folder = context.release_binary();
    let folder = folder.parent().ok_or("the release binary is in no folder")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(folder.to_path_buf()).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(path).map_err(|why| why.to_string())?;
    let address = free_address()?;
    let mut shell = at_home(Path::new("bash"), home);
    // The port that the page names may be taken on this machine.
    shell.env("MATCHBOOK_LISTEN", &address).env("MATCHBOOK_SERVER", format!("http://{address}"));
    process::run(shell.arg(&script).env("PATH", path))
}

/// A loopback address that nobody listens on.
pub(super) fn free_address() -> Result<String, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|why| format!("no loopback port is free: {why}"))?;
    listener.local_addr().map(|address| address.to_string()).map_err(|why| why.to_string())
}

/// The info string of the tour's blocks.
const TOUR: &str = "sh tour";

/// A fenced block.
pub(super) struct Block {
    /// What stands behind the fence.
    pub(super) info: String,
    /// Its lines, each with its number in the page.
    pub(super) lines: Vec<(usize, String)>,
}

/// The fenced blocks of a page.
pub(super) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in (1..).zip(page.lines()) {
        match (line.trim_start().strip_prefix("```"), open.take()) {
            (Some(info), None) => open = Some(Block { info: info.trim().to_owned(), lines: Vec::new() }),
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.lines.push((number, line.to_owned()));
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    blocks
}

/// The commands of a page's shell blocks, continued lines joined.
fn shell_commands(page: &str) -> Vec<(usize, String)> {
    let is_shell = |block: &Block| ["sh", TOUR, BUILD, SAMPLE, "console"].contains(&block.info.as_str());
    let mut commands: Vec<(usize, String)> = Vec::new();
    for block in blocks(page).into_iter().filter(is_shell) {
        let mut continued = false;
        for (number, line) in block.lines {
            let part = line.trim().trim_start_matches("$ ").trim_end_matches('\\').to_owned();
            match commands.last_mut() {
                Some((_, command)) if continued => command.push_str(&part),
                Some(_) | None => commands.push((number, part)),
            }
            continued = line.ends_with('\\');
        }
    }
    commands
}

/// What `matchbook` is given in a command line, up to a pipe, a redirection or a comment; `None` when it does not run it.
fn arguments_of(command: &str) -> Option<Vec<String>> {
    let at = command.find("matchbook ")?;
    let before = command.get(..at)?;
    let is_run = before.is_empty() || before.ends_with("$(") || before.ends_with("| ") || before.ends_with("sudo ");
    if !is_run {
        return None;
    }
    let rest = command.get(at + "matchbook ".len()..)?;
    let words = rest.split_whitespace().take_while(|word| !is_end(word));
    Some(words.map(|word| word.trim_end_matches(')').trim_matches('"').to_owned()).collect())
}

fn is_end(word: &str) -> bool {
    ["|", "&", "&&", "||", ";", "<", ">", "2>"].contains(&word) || word.starts_with(['#', '>', '<'])
}

/// What the binary says of itself.
struct Manual<'a> {
    binary: &'a Path,
    home: &'a Path,
    pages: BTreeMap<Vec<String>, String>,
}

impl Manual<'_> {
    /// Whether the command exists and has these flags.
    fn check(&mut self, arguments: &[String]) -> Result<(), String> {
        let mut path: Vec<String> = Vec::new();
        let mut page = self.page(&path)?;
        let mut words = arguments.iter().peekable();
        while let Some(word) = words.next_if(|word| !word.starts_with('-')) {
            let commands = commands_in(&page);
            if !commands.contains(word) {
                if !commands.is_empty() {
                    return Err(format!(
                        "there is no command {:?}",
                        [path.as_slice(), std::slice::from_ref(word)].concat().join(" ")
                    ));
                }
                break;
            }
            path.push(word.clone());
            page = self.page(&path)?;
        }
        for flag in words.filter(|word| word.starts_with("--")) {
            let name = flag.split('=').next().unwrap_or(flag);
            if !page.split(|c: char| c != '-' && !c.is_ascii_alphanumeric()).any(|word| word == name) {
                return Err(format!("`matchbook {}` has no {name}", path.join(" ")));
            }
        }
        Ok(())
    }

    fn page(&mut self, path: &[String]) -> Result<String, String> {
        if let Some(page) = self.pages.get(path) {
            return Ok(page.clone());
        }
        let mut command: Command = at_home(self.binary, self.home);
        let page = process::output_of(command.args(path).arg("--help"))?;
        self.pages.insert(path.to_vec(), page.clone());
        Ok(page)
    }
}

/// The commands that a help page lists.
fn commands_in(page: &str) -> Vec<String> {
    let listed = page.lines().skip_while(|line| line.trim() != "Commands:").skip(1);
    let listed = listed.take_while(|line| line.starts_with("  "));
    let names = listed.filter(|line| !line.starts_with("    ")).filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

#[cfg(test)]
#[path = "readme_tests.rs"]
mod tests;
