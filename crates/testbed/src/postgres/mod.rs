//! One PostgreSQL server of a test: a data folder of its own, a port of its own.

mod access;
mod keeper;
mod shared;
mod standby;
mod template;
mod tls;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal};

use crate::account::Account;
use crate::ports;
use crate::processes::{self, wait_until};
use crate::programs::{Programs, find};
use crate::trouble::Trouble;
use keeper::Keeper;
use standby::Stopped;

pub use access::Access;
pub use standby::Waiting;

/// How often a server is tried on another port when its own was taken in between.
const PORTS_TRIED: u32 = 5;

/// What every server of the tests is set to, before a test's own wishes. Durable like a real one: what is small here is
/// memory alone.
const SETTINGS: [(&str, &str); 12] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("max_connections", "200"),
    ("shared_buffers", "32MB"),
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    // In the data folder, so that a killed server leaves nothing elsewhere.
    ("dynamic_shared_memory_type", "mmap"),
    ("jit", "off"),
    // A standby that a test holds up for long still finds what it missed, and neither side gives the other up: otherwise
    // it would connect anew, past the walsender that the test has stopped.
    ("wal_keep_size", "512MB"),
    ("wal_sender_timeout", "0"),
    ("wal_receiver_timeout", "0"),
];

/// A server, its processes and its folder. Dropping it ends and removes all of them, and so does the end of the test's
/// process, however it comes.
pub struct Postgres {
    programs: Programs,
    account: Account,
    /// Where its folder is, and where its standbys' are.
    place: PathBuf,
    folder: PathBuf,
    port: u16,
    /// The first process of the server, when it runs.
    postmaster: Option<Pid>,
    /// Before the keeper: a stopped process would hold up the server's end.
    stopped: Stopped,
    keeper: Keeper,
}

impl Postgres {
    /// The superuser of every server of the tests.
    pub const USER: &str = template::USER;

    /// Whether servers can be started here. Without the programs a test fails in CI, and elsewhere says what was skipped.
    ///
    /// # Panics
    /// In CI (the variable `CI` is set) when the programs are missing.
    #[must_use]
    pub fn is_installed() -> bool {
        let missing = find().err();
        if let Some(missing) = &missing {
            assert!(std::env::var_os("CI").is_none(), "{missing}");
            eprintln!("skipped: {missing}");
        }
        missing.is_none()
    }

    /// Starts a server with an empty database cluster.
    ///
    /// # Errors
    /// Says what is missing or what the server complained of.
    pub fn start() -> Result<Self, Trouble> {
        Self::start_with(&[])
    }

    /// Starts a server with settings of `postgresql.conf` on top of the ones that all tests have.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn start_with(settings: &[(&str, &str)]) -> Result<Self, Trouble> {
        Self::start_in(&std::env::temp_dir(), settings)
    }

    /// The same, with the data in a folder below `place`: on the disk that is to be measured. Whoever the servers run as
    /// has to get there.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn start_in(place: &Path, settings: &[(&str, &str)]) -> Result<Self, Trouble> {
        let programs = find()?;
        let account = Account::of_servers()?;
        let settings = [&SETTINGS, settings].concat();
        Self::start_on(&programs, account, place, &settings, &|data| template::unpack(&programs, account, data))
    }

    /// One server for all tests of a run that do no more than use databases of their own: a tenth of the cost of one
    /// each. It ends with nextest, or, without nextest, with the test's process.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn shared() -> Result<Access, Trouble> {
        shared::find_or_start()
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its first process, when it runs; all others are children of it.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.postmaster.and_then(|postmaster| u32::try_from(postmaster.as_raw_nonzero().get()).ok())
    }

    /// See [`Access::url`].
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.access().url(database)
    }

    /// See [`Access::database`].
    ///
    /// # Errors
    /// The name is not plain or taken, or the server does not run.
    pub fn database(&self, name: &str) -> Result<String, Trouble> {
        self.access().database(name)
    }

    /// See [`Access::sql`].
    ///
    /// # Errors
    /// What `psql` complained of.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String, Trouble> {
        self.access().sql(database, sql)
    }

    /// How to reach it, also while somebody else kills it.
    #[must_use]
    pub fn access(&self) -> Access {
        Access::new(&self.programs, self.account, self.port)
    }

    /// What the server wrote to its log, for a test that fails.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }

    /// Ends all its processes at once, as a power cut would. What it did not write to files is lost; the folder stays.
    ///
    /// # Errors
    /// It does not run, or a process outlives SIGKILL.
    pub fn kill(&mut self) -> Result<(), Trouble> {
        let postmaster = self.running()?;
        // Stopped, it starts no process that we would overlook.
        processes::pause(postmaster)?;
        let mut all = processes::children(postmaster);
        all.push(postmaster);
        for process in &all {
            processes::signal(*process, Signal::KILL);
        }
        wait_until("a killed server ends", || Ok(all.iter().all(|process| processes::has_ended(*process))))?;
        self.took_its_end()?;
        match fs::read_to_string(self.data().join("postmaster.pid")).ok().as_deref().and_then(memory_segment) {
            Some(segment) => self.keeper.remove_memory(segment),
            None => Ok(()),
        }
    }

    /// Shuts it down in good order, without waiting for clients to leave.
    ///
    /// # Errors
    /// It does not run, or does not end.
    pub fn stop_fast(&mut self) -> Result<(), Trouble> {
        let postmaster = self.running()?;
        processes::signal(postmaster, Signal::INT);
        wait_until("a server stops", || Ok(processes::has_ended(postmaster)))?;
        self.took_its_end()
    }

    /// Starts it again after [`Postgres::kill`] or [`Postgres::stop_fast`], on the same port and folder, and returns when
    /// it takes connections.
    ///
    /// # Errors
    /// It runs already, or does not come up.
    pub fn start_again(&mut self) -> Result<(), Trouble> {
        if self.postmaster.is_some() {
            return Err(Trouble::new("the server runs already"));
        }
        match self.launch()? {
            Launch::Ready => Ok(()),
            Launch::PortTaken => Err(Trouble::new(format!("port {} was taken in between", self.port))),
        }
    }

    /// Starts a server on a data folder that `fill` makes, with settings on top of those that it finds there.
    fn start_on(
        programs: &Programs,
        account: Account,
        place: &Path,
        settings: &[(&str, &str)],
        fill: &dyn Fn(&Path) -> Result<(), Trouble>,
    ) -> Result<Self, Trouble> {
        let folder =
            tempfile::Builder::new().prefix("matchbook-pg-").tempdir_in(place).map_err(Trouble::at("make a folder"))?;
        account.own(folder.path())?;
        let data = folder.path().join("data");
        let mut command = Command::new(programs.program("postgres"));
        command.arg("-D").arg(&data);
        let keeper = Keeper::of(account, folder.path(), &command)?;
        // From here on the keeper removes it.
        let folder = folder.keep();
        let (programs, stopped) = (programs.clone(), Stopped::default());
        let place = place.to_owned();
        let mut server = Self { programs, account, place, folder, port: 0, postmaster: None, stopped, keeper };
        fill(&data)?;
        server.configure(settings)?;
        for _attempt in 0..PORTS_TRIED {
            server.port = ports::free()?;
            server.configure(&[("port", &server.port.to_string())])?;
            if let Launch::Ready = server.launch()? {
                return Ok(server);
            }
        }
        Err(Trouble::new("every port that was free a moment ago was taken by somebody else"))
    }

    fn launch(&mut self) -> Result<Launch, Trouble> {
        let log_before = self.log().len();
        let postmaster = self.keeper.start()?;
        self.postmaster = Some(postmaster);
        let mut ended = false;
        wait_until("a server takes connections", || {
            ended = processes::has_ended(postmaster);
            Ok(ended || self.is_ready(postmaster))
        })?;
        if !ended {
            return Ok(Launch::Ready);
        }
        self.took_its_end()?;
        let log = self.log().split_off(log_before);
        if log.contains("Address already in use") {
            return Ok(Launch::PortTaken);
        }
        Err(Trouble::new(format!("PostgreSQL does not start:\n{log}")))
    }

    /// The server says in its file whether it takes connections; a file that a killed one left has another id.
    fn is_ready(&self, postmaster: Pid) -> bool {
        let status = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = status.lines();
        let id = lines.next().and_then(|id| id.parse().ok()).and_then(Pid::from_raw);
        id == Some(postmaster) && lines.nth(6).is_some_and(|status| status.trim_end() == "ready")
    }

    fn took_its_end(&mut self) -> Result<(), Trouble> {
        self.postmaster = None;
        self.keeper.reap()
    }

    fn running(&self) -> Result<Pid, Trouble> {
        self.postmaster.ok_or_else(|| Trouble::new("the server does not run"))
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Adds lines to the configuration; of two lines on one setting PostgreSQL takes the last.
    fn configure(&self, settings: &[(&str, &str)]) -> Result<(), Trouble> {
        use std::io::Write;
        let lines: String =
            settings.iter().map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''"))).collect();
        let file = fs::OpenOptions::new().append(true).open(self.data().join("postgresql.conf"));
        file.and_then(|mut file| file.write_all(lines.as_bytes())).map_err(Trouble::at("write postgresql.conf"))
    }
}

enum Launch {
    Ready,
    PortTaken,
}

/// The segment of shared memory that a server noted in its file: the seventh line holds its key and its id.
fn memory_segment(status: &str) -> Option<u32> {
    status.lines().nth(6)?.split_whitespace().nth(1)?.parse().ok()
}
