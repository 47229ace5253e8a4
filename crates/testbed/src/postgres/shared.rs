//! One server that several processes of a test run find: nextest runs each test in a process of its own.

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::process::{Pid, getppid, getuid};

use super::{Access, Postgres};
use crate::account::Account;
use crate::processes;
use crate::programs::find;
use crate::trouble::Trouble;

/// nextest sets this for every test. Its process is the parent of all of them.
const RUN: &str = "NEXTEST_RUN_ID";

/// The shared server: started by whoever comes first.
pub(super) fn find_or_start() -> Result<Access, Trouble> {
    match (std::env::var_os(RUN), getppid()) {
        (Some(_), Some(runner)) => of_run(&notes_folder()?, runner),
        (None, _) | (_, None) => of_process(),
    }
}

/// The server of this process; the end of the process ends it.
fn of_process() -> Result<Access, Trouble> {
    static SERVER: Mutex<Option<Postgres>> = Mutex::new(None);
    let mut server = SERVER.lock().map_err(|_| Trouble::new("the shared server did not start for another test"))?;
    match &*server {
        Some(server) => Ok(server.access()),
        None => Ok(server.insert(Postgres::start()?).access()),
    }
}

/// The server of a test run. A note that only one process at a time may hold says which port it has.
fn of_run(notes: &Path, runner: Pid) -> Result<Access, Trouble> {
    let path = notes.join(runner.as_raw_nonzero().to_string());
    let note = File::options().read(true).write(true).create(true).truncate(false).open(path);
    let mut note = note.map_err(Trouble::at("open the note on the shared server"))?;
    note.lock().map_err(Trouble::at("lock the note on the shared server"))?;
    let mut port = String::new();
    note.read_to_string(&mut port).map_err(Trouble::at("read the note on the shared server"))?;
    let port = port.trim().parse().ok();
    // A note may be older than its server, when the machine gave a process id once more.
    if let Some(port) = port.filter(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_ok()) {
        return Ok(Access::new(&find()?, Account::of_servers()?, port));
    }
    remove_old(notes);
    let server = Postgres::start()?;
    let access = server.access();
    server.keeper.outlive_us(runner)?;
    note.rewind()
        .and_then(|()| note.set_len(0))
        .and_then(|()| writeln!(note, "{}", access.port()))
        .map_err(Trouble::at("write the note on the shared server"))?;
    Ok(access)
}

/// Our own folder in the temporary folder, where nobody else can put a note.
fn notes_folder() -> Result<PathBuf, Trouble> {
    let uid = getuid().as_raw();
    let folder = std::env::temp_dir().join(format!("matchbook-testbed-{uid}"));
    let _there_already = fs::DirBuilder::new().mode(0o700).create(&folder);
    let metadata = fs::symlink_metadata(&folder).map_err(Trouble::at("make a folder for notes"))?;
    if metadata.is_dir() && metadata.uid() == uid {
        return Ok(folder);
    }
    Err(Trouble::new(format!("{} is not ours: remove it and try again", folder.display())))
}

/// Removes the notes of runs that have ended.
fn remove_old(notes: &Path) {
    for entry in fs::read_dir(notes).into_iter().flatten().flatten() {
        let runner = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        if runner.is_none_or(processes::has_ended) {
            let _gone = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
