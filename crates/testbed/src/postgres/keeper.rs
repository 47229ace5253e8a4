//! A shell that starts a server for us and outlives us if need be: however a test ends, its server ends too, and the
//! folder goes.
//!
//! The shell is the server's parent, so the server's process id stays valid until the shell is told to reap it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::Pid;

use crate::account::Account;
use crate::trouble::Trouble;

/// Orders come line by line. At their end, which is our end, the server is shut down at once. SIGCONT is for a server that
/// a test had stopped.
const SCRIPT: &str = r#"
folder=$1; shift
child=; other=
while read -r order argument; do
    case $order in
    start) "$@" </dev/null >>"$folder/log" 2>&1 & child=$!; echo "$child" ;;
    reap) wait "$child"; child=; echo reaped ;;
    memory) ipcrm -m "$argument" 2>/dev/null; echo removed ;;
    outlive) other=$argument; echo noted ;;
    esac
done
if [ -n "$other" ]; then
    # Not to the pipe: tail ends when nobody reads it any more.
    tail --pid="$other" -f /dev/null >/dev/null
fi
if [ -n "$child" ]; then
    kill -QUIT "$child"; kill -CONT "$child"; wait "$child"
fi
cd / && rm -rf "$folder"
"#;

/// The shell. Dropping it ends the server and removes the folder.
pub(super) struct Keeper {
    folder: PathBuf,
    shell: Child,
    /// `None` once it was closed.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Keeper {
    /// A keeper of a folder, which will start this command.
    pub(super) fn of(account: Account, folder: &Path, command: &Command) -> Result<Self, Trouble> {
        let mut shell = account
            .command("/bin/sh", folder)
            .args(["-c", SCRIPT, "keeper"])
            .arg(folder)
            .arg(command.get_program())
            .args(command.get_args())
            // A group of its own: what ends the test's group does not end the keeper.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Trouble::at("start a shell"))?;
        let orders = shell.stdin.take();
        let answers = shell.stdout.take().ok_or_else(|| Trouble::new("a shell has no output"))?;
        Ok(Self { folder: folder.to_owned(), shell, orders, answers: BufReader::new(answers) })
    }

    /// Starts the server; its process id.
    pub(super) fn start(&mut self) -> Result<Pid, Trouble> {
        let answer = self.order("start")?;
        let id = answer.parse().ok().and_then(Pid::from_raw);
        id.ok_or_else(|| Trouble::new(format!("a process id was expected of the shell, not {answer:?}")))
    }

    /// Takes note that the server has ended, or waits until it does. Its id is no longer valid.
    pub(super) fn reap(&mut self) -> Result<(), Trouble> {
        self.order("reap").map(drop)
    }

    /// Removes a segment of shared memory that a killed server left. Without this, tests would use up the machine's
    /// segments, which are few.
    pub(super) fn remove_memory(&mut self, segment: u32) -> Result<(), Trouble> {
        self.order(&format!("memory {segment}")).map(drop)
    }

    /// Lets the server live until another process ends, whatever becomes of us.
    pub(super) fn outlive_us(mut self, until: Pid) -> Result<(), Trouble> {
        self.order(&format!("outlive {}", until.as_raw_nonzero()))?;
        self.close();
        // Dropping it would wait for that process.
        std::mem::forget(self);
        Ok(())
    }

    /// What the kernel does for us when we are killed: no more orders come.
    pub(super) fn close(&mut self) {
        drop(self.orders.take());
    }

    fn order(&mut self, order: &str) -> Result<String, Trouble> {
        let orders = self.orders.as_mut().ok_or_else(|| Trouble::new("the keeper has ended"))?;
        writeln!(orders, "{order}").map_err(Trouble::at("give the keeper an order"))?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(Trouble::at("hear the keeper"))?;
        Ok(answer.trim_end().to_owned())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.close();
        let _status = self.shell.wait();
        // Empty by now; its account may not remove the name from a place that is ours alone.
        let _gone = fs::remove_dir(&self.folder);
    }
}
