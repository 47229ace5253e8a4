//! A pcscd with the virtual reader, for a demonstration or a test: on a machine where none runs, by root, and in a network
//! name space of its own, for its reader listens on every address.

use std::fmt;
use std::fs;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::pcsc::PcscReader;
use crate::reader::ReaderError;

/// Where pcscd's clients find it.
const SOCKET: &str = "/run/pcscd/pcscd.comm";
/// The virtual reader's driver, as Debian installs it.
const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";
/// Where the virtual reader listens.
const PORT: u16 = 0x9F01;
/// How long pcscd may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running pcscd; it ends with this.
#[derive(Debug)]
pub struct Pcscd {
    child: Child,
}

/// Why none was started.
#[derive(Debug)]
pub enum PcscdError {
    /// It is not installed.
    NotInstalled,
    /// One runs already.
    Runs,
    /// Only root can.
    NotRoot,
    /// The program that speaks to readers does not work here.
    Reader(ReaderError),
    /// It does not come up.
    Failed(String),
}

impl Pcscd {
    /// Starts one with two virtual readers and its files in this folder, and waits until it answers `matchbook-reader`, the
    /// program of this path.
    ///
    /// # Errors
    /// See [`PcscdError`].
    pub fn start(folder: &Path, reader: &Path) -> Result<Self, PcscdError> {
        let program = program().filter(|_| Path::new(DRIVER).exists()).ok_or(PcscdError::NotInstalled)?;
        if is_running() {
            return Err(PcscdError::Runs);
        }
        if !is_root() {
            return Err(PcscdError::NotRoot);
        }
        let readers = folder.join("readers.d");
        let written = fs::create_dir_all(&readers).and_then(|()| fs::write(readers.join("matchbook"), reader_file()));
        written.map_err(|error| PcscdError::Failed(error.to_string()))?;
        let log = fs::File::create(folder.join("pcscd.log")).map_err(|error| PcscdError::Failed(error.to_string()))?;
        // It ends with this program, also when that is killed.
        let mut command = Command::new("setpriv");
        command.args([
            "--pdeathsig",
            "TERM",
            "unshare",
            "--net",
            "--",
            "sh",
            "-c",
            "ip link set lo up && exec \"$0\" \"$@\"",
        ]);
        command.arg(program).args(["--foreground", "--config"]).arg(&readers);
        command.stdin(Stdio::null()).stderr(log.try_clone().map_or_else(|_| Stdio::null(), Stdio::from)).stdout(log);
        let child = command.spawn().map_err(|error| PcscdError::Failed(format!("setpriv: {error}")))?;
        let mut started = Self { child };
        started.wait_until_it_answers(folder, reader)?;
        Ok(started)
    }

    /// A program that runs where the virtual reader listens, and ends with this one.
    #[must_use]
    pub fn in_its_network(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "nsenter", "--net", "--target", &self.child.id().to_string(), "--"])
            .arg(program);
        command
    }

    /// Where a card gets into this one of the two virtual readers, in its network.
    #[must_use]
    pub const fn slot(second: bool) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), if second { PORT + 1 } else { PORT })
    }

    fn wait_until_it_answers(&mut self, folder: &Path, reader: &Path) -> Result<(), PcscdError> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                let log = fs::read_to_string(folder.join("pcscd.log")).unwrap_or_default();
                let last = log.lines().last().unwrap_or_default();
                return Err(PcscdError::Failed(format!("it ended ({status}): {last}")));
            }
            // Its socket is there before its readers are.
            let slots = PcscReader::start_program(reader).and_then(|mut reader| reader.list());
            match slots {
                Ok(slots) if !slots.is_empty() => return Ok(()),
                Err(error @ (ReaderError::NoProgram | ReaderError::NoLibrary)) => {
                    return Err(PcscdError::Reader(error));
                }
                Ok(_) | Err(_) if Instant::now() < until => thread::sleep(Duration::from_millis(50)),
                Ok(_) => return Err(PcscdError::Failed("it has no reader".to_owned())),
                Err(error) => return Err(PcscdError::Failed(error.to_string())),
            }
        }
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        // By a signal that it can take its socket and its lock away with.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        let until = Instant::now() + PATIENCE;
        while asked.as_ref().is_ok_and(std::process::ExitStatus::success) && Instant::now() < until {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(20)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a pcscd answers on this machine.
#[must_use]
pub fn is_running() -> bool {
    UnixStream::connect(SOCKET).is_ok()
}

impl fmt::Display for PcscdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled => f.write_str("pcscd and its virtual reader are not installed"),
            Self::Runs => f.write_str("a pcscd runs already"),
            Self::NotRoot => f.write_str("only root can start pcscd"),
            Self::Reader(error) => error.fmt(f),
            Self::Failed(why) => write!(f, "pcscd does not start: {why}"),
        }
    }
}

impl std::error::Error for PcscdError {}

fn program() -> Option<PathBuf> {
    ["/usr/sbin/pcscd", "/usr/bin/pcscd", "/sbin/pcscd"].into_iter().map(PathBuf::from).find(|path| path.is_file())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout == b"0\n")
}

fn reader_file() -> String {
    format!(
        "FRIENDLYNAME \"Matchbook virtual\"\nDEVICENAME /dev/null:{PORT:#X}\nLIBPATH {DRIVER}\nCHANNELID {PORT:#X}\n"
    )
}
