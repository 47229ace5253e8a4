//! Processor time and memory of a process, as Linux tells them. Processor time for a piece of work is the figure that a
//! busy machine changes least.

use std::collections::BTreeMap;
use std::time::Duration;

/// Processor time of a process's threads, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    threads: BTreeMap<u32, Thread>,
}

#[derive(Clone, Debug)]
struct Thread {
    name: String,
    nanos: u64,
}

impl Snapshot {
    /// Of a process; empty where the system does not tell.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
        let ids = tasks.into_iter().flatten().filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok());
        Self { threads: ids.filter_map(|id| Some((id, Thread::read(pid, id)?))).collect() }
    }

    /// Of several processes together.
    #[must_use]
    pub fn of_all(pids: &[u32]) -> Self {
        Self { threads: pids.iter().flat_map(|pid| Self::of(*pid).threads).collect() }
    }

    /// Of processes and their children, as a PostgreSQL server is one process and its children.
    #[must_use]
    pub fn of_families(parents: &[u32]) -> Self {
        let families: Vec<u32> =
            parents.iter().flat_map(|parent| [vec![*parent], children(*parent)].concat()).collect();
        Self::of_all(&families)
    }

    /// What was used since an earlier moment, by threads that are still there.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Duration {
        Duration::from_nanos(self.used_since(earlier).map(|(_, nanos)| nanos).sum())
    }

    /// The same of the threads whose name begins so.
    #[must_use]
    pub fn since_named(&self, earlier: &Self, prefix: &str) -> Duration {
        let named = self.used_since(earlier).filter(|(thread, _)| thread.name.starts_with(prefix));
        Duration::from_nanos(named.map(|(_, nanos)| nanos).sum())
    }

    fn used_since<'a>(&'a self, earlier: &'a Self) -> impl Iterator<Item = (&'a Thread, u64)> {
        self.threads.iter().map(|(id, thread)| {
            let before = earlier.threads.get(id).map_or(0, |before| before.nanos);
            (thread, thread.nanos.saturating_sub(before))
        })
    }
}

impl Thread {
    fn read(pid: u32, id: u32) -> Option<Self> {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/task/{id}/{file}")).ok();
        let nanos = read("schedstat")?.split(' ').next()?.parse().ok()?;
        Some(Self { name: read("comm")?.trim().to_owned(), nanos })
    }
}

fn children(pid: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// Memory of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Bytes of it in memory now.
    pub resident: u64,
    /// The most that it ever had.
    pub peak: u64,
}

impl Memory {
    /// Of a process; zeros where the system does not tell.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|rest| rest.trim_start_matches(':').split_whitespace().next()?.parse::<u64>().ok());
            kib.unwrap_or_default() * 1_024
        };
        Self { resident: bytes("VmRSS"), peak: bytes("VmHWM") }
    }
}

#[cfg(test)]
mod tests;
