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

use rustix::process::{Pid, Signal, geteuid, kill_process};

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
    tools: Tools,
}

/// Why none was started.
#[derive(Debug)]
pub enum PcscdError {
    /// It is not installed.
    NotInstalled,
    /// A program of the system that it takes is not there; which.
    NoTool(&'static str),
    /// This root may not make a network name space: mostly in a container. What the system says.
    NoNetwork(String),
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
        let program = tool("pcscd").filter(|_| Path::new(DRIVER).exists()).ok_or(PcscdError::NotInstalled)?;
        if is_running() {
            return Err(PcscdError::Runs);
        }
        if !geteuid().is_root() {
            return Err(PcscdError::NotRoot);
        }
        let tools = Tools::find()?;
        tools.try_network()?;
        let readers = folder.join("readers.d");
        let written = fs::create_dir_all(&readers).and_then(|()| fs::write(readers.join("matchbook"), reader_file()));
        written.map_err(|error| PcscdError::Failed(error.to_string()))?;
        let log = fs::File::create(folder.join("pcscd.log")).map_err(|error| PcscdError::Failed(error.to_string()))?;
        // It ends with this program, also when that is killed.
        let mut command = Command::new(&tools.setpriv);
        command.args(["--pdeathsig", "TERM"]).arg(&tools.unshare).args(["--net", "--"]).arg(&tools.sh);
        command.args(["-c", "\"$0\" link set lo up && exec \"$@\""]).arg(&tools.ip);
        command.arg(program).args(["--foreground", "--config"]).arg(&readers);
        command.stdin(Stdio::null()).stderr(log.try_clone().map_or_else(|_| Stdio::null(), Stdio::from)).stdout(log);
        let child = command.spawn().map_err(|error| PcscdError::Failed(format!("setpriv: {error}")))?;
        let mut started = Self { child, tools };
        started.wait_until_it_answers(folder, reader)?;
        Ok(started)
    }

    /// A program that runs where the virtual reader listens, and ends with this one.
    #[must_use]
    pub fn in_its_network(&self, program: &Path) -> Command {
        let mut command = Command::new(&self.tools.setpriv);
        command.args(["--pdeathsig", "KILL"]).arg(&self.tools.nsenter);
        command.args(["--net", "--target", &self.child.id().to_string(), "--"]).arg(program);
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
        // The number of a process that has ended may be another's by now.
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // By a signal that it can take its socket and its lock away with.
        let asked = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let until = Instant::now() + PATIENCE;
        while asked.is_ok() && Instant::now() < until {
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
            Self::NoTool(name) => write!(f, "the program {name} is not there"),
            Self::NoNetwork(why) => write!(f, "no network of its own can be made for pcscd: {why}"),
            Self::Runs => f.write_str("a pcscd runs already"),
            Self::NotRoot => f.write_str("only root can start pcscd"),
            Self::Reader(error) => error.fmt(f),
            Self::Failed(why) => write!(f, "pcscd does not start: {why}"),
        }
    }
}

impl std::error::Error for PcscdError {}

/// Programs of the system. They are run by root, so their places are fixed, and not whatever the path says.
#[derive(Debug)]
struct Tools {
    setpriv: PathBuf,
    unshare: PathBuf,
    nsenter: PathBuf,
    sh: PathBuf,
    ip: PathBuf,
}

impl Tools {
    fn find() -> Result<Self, PcscdError> {
        let find = |name| tool(name).ok_or(PcscdError::NoTool(name));
        Ok(Self {
            setpriv: find("setpriv")?,
            unshare: find("unshare")?,
            nsenter: find("nsenter")?,
            sh: find("sh")?,
            ip: find("ip")?,
        })
    }

    /// Makes a network and lets it go, for root may be without the right to.
    fn try_network(&self) -> Result<(), PcscdError> {
        let mut command = Command::new(&self.unshare);
        command.args(["--net", "--"]).arg(&self.ip).args(["link", "set", "lo", "up"]).stdin(Stdio::null());
        let output = command.output().map_err(|error| PcscdError::NoNetwork(error.to_string()))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(PcscdError::NoNetwork(said.lines().last().unwrap_or("unshare fails").to_owned()))
    }
}

/// A program where Debian and its kin have it.
fn tool(name: &str) -> Option<PathBuf> {
    ["/usr/bin", "/usr/sbin", "/bin", "/sbin"]
        .map(|folder| Path::new(folder).join(name))
        .into_iter()
        .find(|at| at.is_file())
}

fn reader_file() -> String {
    format!(
        "FRIENDLYNAME \"Matchbook virtual\"\nDEVICENAME /dev/null:{PORT:#X}\nLIBPATH {DRIVER}\nCHANNELID {PORT:#X}\n"
    )
}

#[cfg(test)]
#[path = "pcscd_tests.rs"]
mod tests;
