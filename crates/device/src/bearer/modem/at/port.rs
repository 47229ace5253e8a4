//! A serial port, or a pseudo-terminal: raw, locked, and never waited on without an end.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::termios::{self, ControlModes, OptionalActions, QueueSelector};

use crate::bearer::modem::ModemError;

/// The port is there no more.
#[derive(Debug)]
pub(super) struct PortGone;

/// An open serial port.
#[derive(Debug)]
pub(super) struct Port {
    file: File,
}

impl Port {
    /// Opens a port and makes it ready: raw, at a speed, for this program alone.
    pub(super) fn open(path: &Path, baud: u32) -> Result<Self, ModemError> {
        let name = || path.display().to_string();
        let failed = |error: io::Error| match Errno::from_io_error(&error) {
            Some(Errno::BUSY) => ModemError::PortInUse { port: name() },
            _ => ModemError::Port { port: name(), cause: words(&error) },
        };
        let flags = OFlags::NOCTTY | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or(0);
        let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ModemError::PortInUse { port: name() }),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        make_raw(&file, baud).map_err(|error| match error {
            Errno::NOTTY => ModemError::Port { port: name(), cause: "it is no serial port".to_owned() },
            other => failed(other.into()),
        })?;
        // The lock is for programs that look; this one is for all but root's. A pseudo-terminal would keep it after us.
        if !is_pseudo_terminal(path) {
            let _ = termios::ioctl_tiocexcl(&file);
        }
        Ok(Self { file })
    }

    /// Drops what came and was not read.
    pub(super) fn discard_input(&self) {
        let _ = termios::tcflush(&self.file, QueueSelector::IFlush);
    }

    /// Reads what is there, or what comes until then; 0 bytes when nothing did.
    pub(super) fn read(&mut self, buffer: &mut [u8], until: Instant) -> Result<usize, PortGone> {
        loop {
            match self.file.read(buffer) {
                Ok(0) => return Err(PortGone),
                Ok(length) => return Ok(length),
                Err(error) if is_passing(&error) => {}
                Err(_) => return Err(PortGone),
            }
            if !self.wait(PollFlags::IN, until)? {
                return Ok(0);
            }
        }
    }

    /// Writes all of it; `false` when the port did not take it by then.
    pub(super) fn write_all(&mut self, mut bytes: &[u8], until: Instant) -> Result<bool, PortGone> {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return Err(PortGone),
                Ok(length) => bytes = bytes.get(length..).unwrap_or_default(),
                Err(error) if is_passing(&error) => {
                    if !self.wait(PollFlags::OUT, until)? {
                        return Ok(false);
                    }
                }
                Err(_) => return Err(PortGone),
            }
        }
        Ok(true)
    }

    /// Waits until the port is ready; `false` when the time is up.
    fn wait(&self, what: PollFlags, until: Instant) -> Result<bool, PortGone> {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(timeout) = Timespec::try_from(left) else { return Err(PortGone) };
        let mut ports = [PollFd::new(&self.file, what)];
        match poll(&mut ports, Some(&timeout)) {
            Ok(0) => Ok(false),
            Ok(_) => {
                let [port] = &ports;
                let is_gone = port.revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL);
                if is_gone && !port.revents().contains(PollFlags::IN) { Err(PortGone) } else { Ok(true) }
            }
            // A signal: the caller looks again, and its time is still running.
            Err(Errno::INTR) => Ok(true),
            Err(_) => Err(PortGone),
        }
    }
}

fn make_raw(file: &File, baud: u32) -> Result<(), Errno> {
    let mut settings = termios::tcgetattr(file)?;
    settings.make_raw();
    settings.set_speed(baud)?;
    settings.control_modes.insert(ControlModes::CREAD | ControlModes::CLOCAL);
    termios::tcsetattr(file, OptionalActions::Now, &settings)
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn is_pseudo_terminal(path: &Path) -> bool {
    path.canonicalize().unwrap_or_else(|_| PathBuf::from(path)).starts_with("/dev/pts")
}

/// The system's reason in words alone.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words).to_lowercase()
}
