//! Processes by their ids: what runs, what has ended, and signals. `/proc` tells.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::trouble::Trouble;

#[cfg(test)]
mod tests;

/// How long anything may take on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// How often a condition is looked at.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until a condition holds. There is a bound, so that a test that would hang says for what it waited.
///
/// # Errors
/// The condition does not hold in two minutes, or looking at it failed.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> Result<bool, Trouble>) -> Result<(), Trouble> {
    let began = Instant::now();
    while !holds()? {
        if began.elapsed() > PATIENCE {
            return Err(Trouble::new(format!("waited {} s in vain: {what}", PATIENCE.as_secs())));
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// Sends a signal; a process that is gone needs none.
pub(crate) fn signal(process: Pid, signal: Signal) {
    let _gone = kill_process(process, signal);
}

/// Lets a stopped process go on.
pub(crate) fn resume(process: Pid) {
    signal(process, Signal::CONT);
}

/// Stops a process where it stands, and returns when it does.
pub(crate) fn pause(process: Pid) -> Result<(), Trouble> {
    signal(process, Signal::STOP);
    wait_until("a process stops on SIGSTOP", || Ok(matches!(state(process), None | Some('T' | 'Z' | 'X'))))
}

/// Whether a process has ended; whether its parent knows already does not matter.
pub(crate) fn has_ended(process: Pid) -> bool {
    matches!(state(process), None | Some('Z' | 'X'))
}

/// The processes that one has started and that did not end yet.
pub(crate) fn children(parent: Pid) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    ids.filter(|id| stat(*id).is_some_and(|stat| stat.parent == parent.as_raw_nonzero().get())).collect()
}

fn state(process: Pid) -> Option<char> {
    stat(process).map(|stat| stat.state)
}

struct Stat {
    state: char,
    parent: i32,
}

fn stat(process: Pid) -> Option<Stat> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?)
}

/// `1234 (name) S 1 …`; the name may hold blanks and brackets.
fn parse_stat(line: &str) -> Option<Stat> {
    let (_, rest) = line.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    let state = words.next()?.chars().next()?;
    Some(Stat { state, parent: words.next()?.parse().ok()? })
}
