//! Standbys: streaming, required for a commit or not, held up, promoted.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};

use rustix::process::Pid;

use super::access::ALWAYS;
use super::template::{USER, run};
use super::{Access, Postgres};
use crate::processes::{self, PATIENCE, wait_until};
use crate::trouble::Trouble;

#[cfg(test)]
mod tests;

/// What tells a commit that waits for a standby. An internal lock has the same name, and another type.
const FOR_STANDBY: &str = "(wait_event_type = 'IPC' AND wait_event = 'SyncRep')";

impl Postgres {
    /// Starts a standby of this server, and returns when it streams. No commit waits for it yet. Once promoted, it is a
    /// primary that requires no standby.
    ///
    /// # Errors
    /// The name is not plain (lower-case letters, digits, underscores), or one of the two servers does not do its part.
    pub fn standby(&self, name: &str) -> Result<Self, Trouble> {
        Access::check_plain(name)?;
        let upstream = format!("host={} port={} user={USER} application_name={name}", Ipv4Addr::LOCALHOST, self.port);
        let follow = [("primary_conninfo", upstream.as_str()), ("cluster_name", name)];
        let standby = Self::start_on(&self.programs, self.account, &self.place, &follow, &|data| {
            let mut copy = self.account.command(self.programs.program("pg_basebackup"), &std::env::temp_dir());
            run(copy.args(["-X", "stream", "-c", "fast", "--no-sync", "-d", &upstream, "-D"]).arg(data))?;
            let made = [("standby.signal", "making it a standby"), ("postgresql.auto.conf", "forgetting ALTER SYSTEM")];
            made.into_iter().try_for_each(|(file, what)| {
                fs::write(data.join(file), "").map_err(Trouble::at(what))?;
                self.account.own(&data.join(file))
            })
        })?;
        let state = format!("SELECT state FROM pg_stat_replication WHERE application_name = '{name}'");
        wait_until("the standby streams", || Ok(self.sql(ALWAYS, &state)? == "streaming"))?;
        Ok(standby)
    }

    /// Lets every commit wait for standbys from now on: `names` is the value of `synchronous_standby_names`, such as the
    /// name of one. Empty, no commit waits any more. Returns when it holds for every later commit, and when a standby has
    /// the earlier ones.
    ///
    /// # Errors
    /// No standby of these names streams, or the server does not run.
    pub fn require_standby(&self, names: &str) -> Result<(), Trouble> {
        let quoted = names.replace('\'', "''");
        self.sql(ALWAYS, &format!("ALTER SYSTEM SET synchronous_standby_names = '{quoted}'"))?;
        self.sql(ALWAYS, "SELECT pg_reload_conf()")?;
        wait_until("the server takes note", || Ok(self.sql(ALWAYS, "SHOW synchronous_standby_names")? == names))?;
        // The checkpointer is who lets commits wait, when it comes to read its configuration: before each checkpoint, but
        // for the one that it may be about to begin.
        self.sql(ALWAYS, "CHECKPOINT")?;
        self.sql(ALWAYS, "CHECKPOINT")?;
        let written = self.sql(ALWAYS, "SELECT pg_current_wal_insert_lsn()")?;
        let required = format!(
            "SELECT count(*) > 0 FROM pg_stat_replication \
             WHERE sync_state IN ('sync', 'quorum') AND flush_lsn >= '{written}'"
        );
        wait_until("a standby is synchronous", || Ok(names.is_empty() || self.sql(ALWAYS, &required)? == "t"))
    }

    /// Makes a standby a primary, and returns when it takes writes.
    ///
    /// # Errors
    /// It is no standby, or does not run.
    pub fn promote(&self) -> Result<(), Trouble> {
        let promoted = self.sql(ALWAYS, &format!("SELECT pg_promote(true, {})", PATIENCE.as_secs()))?;
        if promoted == "t" { Ok(()) } else { Err(Trouble::new("the standby was not promoted in time")) }
    }

    /// Stops the processes that send to standbys where they stand: commits that wait for a standby hang from now on.
    ///
    /// # Errors
    /// There is none.
    pub fn pause_walsenders(&self) -> Result<(), Trouble> {
        let ids = self.sql(ALWAYS, "SELECT pid FROM pg_stat_replication")?;
        let senders: Vec<Pid> = ids.lines().filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect();
        if senders.is_empty() {
            return Err(Trouble::new("no standby is connected"));
        }
        senders.into_iter().try_for_each(|sender| {
            self.stopped.add(sender);
            let id = sender.as_raw_nonzero();
            let sleeps = format!("SELECT wait_event = 'WalSenderMain' FROM pg_stat_activity WHERE pid = {id}");
            // Stopped in the midst of its work, it would hold a lock that commits need, and not let them come as far as
            // their wait for the standby.
            wait_until("a walsender stands still while it sleeps", || {
                processes::pause(sender)?;
                let does_sleep = self.sql(ALWAYS, &sleeps)? == "t";
                if !does_sleep {
                    processes::resume(sender);
                }
                Ok(does_sleep)
            })
        })
    }

    /// Lets them go on.
    pub fn resume_walsenders(&self) {
        self.stopped.resume();
    }

    /// The commits that wait for a standby at this moment.
    ///
    /// # Errors
    /// The server does not run.
    pub fn waiting_commits(&self) -> Result<BTreeSet<Waiting>, Trouble> {
        self.waiting(FOR_STANDBY, "true")
    }

    /// The transactions that wait for a standby or for each other.
    ///
    /// # Errors
    /// The server does not run.
    pub fn waiting_transactions(&self) -> Result<BTreeSet<Waiting>, Trouble> {
        self.waiting(&format!("{FOR_STANDBY} OR wait_event_type = 'Lock'"), "true")
    }

    /// Cancels the wait of all commits that wait for a standby; which. Their clients hear success, with a warning.
    ///
    /// # Errors
    /// The server does not run.
    pub fn cancel_waiting_commits(&self) -> Result<BTreeSet<Waiting>, Trouble> {
        self.waiting(FOR_STANDBY, "pg_cancel_backend(pid)")
    }

    /// Ends the backends of all commits that wait for a standby; which. Their clients hear nothing of the outcome.
    ///
    /// # Errors
    /// The server does not run.
    pub fn terminate_waiting_commits(&self) -> Result<BTreeSet<Waiting>, Trouble> {
        self.waiting(FOR_STANDBY, "pg_terminate_backend(pid)")
    }

    fn waiting(&self, which: &str, done: &str) -> Result<BTreeSet<Waiting>, Trouble> {
        let whose = "backend_type = 'client backend' AND pid <> pg_backend_pid()";
        let select = format!("SELECT pid, xact_start, {done} FROM pg_stat_activity WHERE {whose} AND ({which})");
        let rows = self.sql(ALWAYS, &select)?;
        Ok(rows.lines().filter_map(|row| row.strip_suffix("|t")).map(|row| Waiting(row.to_owned())).collect())
    }
}

/// A transaction that waits, told from others by its backend and its beginning.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waiting(String);

/// Processes that a test has stopped. Dropping this lets them go on.
#[derive(Default)]
pub(super) struct Stopped(Mutex<Vec<Pid>>);

impl Stopped {
    fn add(&self, process: Pid) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(process);
    }

    fn resume(&self) {
        let mut stopped = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stopped.drain(..).for_each(processes::resume);
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.resume();
    }
}
