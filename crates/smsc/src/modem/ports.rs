//! Where programs find a modem: a pseudo-terminal, or an abstract unix socket.

use std::io;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{self, OptionalActions};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Modem, ModemOptions};
use crate::Phone;

/// A modem at work. Dropping it unplugs the modem: its port goes away at once.
#[derive(Debug)]
pub struct ModemHandle {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Modem>,
}

impl ModemHandle {
    /// Unplugs the modem and gives it back with all that it stores; `None` when its task has failed.
    pub async fn unplug(mut self) -> Option<Modem> {
        drop(self.stop.take());
        (&mut self.task).await.ok()
    }
}

impl Drop for ModemHandle {
    fn drop(&mut self) {
        if self.stop.is_some() {
            self.task.abort();
        }
    }
}

/// Puts a new modem on a pseudo-terminal, and gives the path that a program opens like a serial port.
///
/// # Errors
/// The system has no pseudo-terminal left.
pub fn pty(phone: Phone, options: ModemOptions) -> io::Result<(PathBuf, ModemHandle)> {
    plug_pty(Modem::new(phone, &options))
}

/// Puts a modem on a pseudo-terminal, as [`pty`] does a new one.
///
/// # Errors
/// As [`pty`].
pub fn plug_pty(mut modem: Modem) -> io::Result<(PathBuf, ModemHandle)> {
    let (path, mut pty) = Pty::open()?;
    let handle = ModemHandle::start(async move |stopped| {
        tokio::select! {
            // The stream has no end: this program holds the other side open too.
            _ = modem.serve(&mut pty) => {}
            _ = stopped => {}
        }
        modem
    });
    Ok((path, handle))
}

/// Puts a modem on an abstract unix socket, for one program after the other. Messages that come in between are stored.
///
/// # Errors
/// The name is taken.
pub fn unix(phone: Phone, name: &str, options: ModemOptions) -> io::Result<ModemHandle> {
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    let listener = std::os::unix::net::UnixListener::bind_addr(&address)?;
    listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(listener)?;
    let mut modem = Modem::new(phone, &options);
    Ok(ModemHandle::start(async move |stopped| {
        tokio::select! {
            () = serve_all(&mut modem, &listener) => {}
            _ = stopped => {}
        }
        modem
    }))
}

async fn serve_all(modem: &mut Modem, listener: &UnixListener) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((mut stream, _)) = accepted else { return };
                // A program that hangs up in the middle is like one that hangs up at the end.
                let _ = modem.serve(&mut stream).await;
            }
            () = modem.keep_next() => {}
        }
    }
}

impl ModemHandle {
    fn start<F: Future<Output = Modem> + Send + 'static>(run: impl FnOnce(oneshot::Receiver<()>) -> F) -> Self {
        let (stop, stopped) = oneshot::channel();
        Self { stop: Some(stop), task: tokio::spawn(run(stopped)) }
    }
}

/// The modem's side of a pseudo-terminal.
struct Pty {
    modem_side: AsyncFd<OwnedFd>,
    /// Held open, so that a program that closes its side does not end ours.
    _program_side: OwnedFd,
}

impl Pty {
    fn open() -> io::Result<(PathBuf, Self)> {
        let modem_side = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        rustix::pty::grantpt(&modem_side)?;
        rustix::pty::unlockpt(&modem_side)?;
        let name = rustix::pty::ptsname(&modem_side, Vec::new())?;
        let path = PathBuf::from(name.to_string_lossy().into_owned());
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let program_side = rustix::fs::open(&path, flags, Mode::empty())?;
        let mut settings = termios::tcgetattr(&program_side)?;
        settings.make_raw();
        termios::tcsetattr(&program_side, OptionalActions::Now, &settings)?;
        let old = rustix::fs::fcntl_getfl(&modem_side)?;
        rustix::fs::fcntl_setfl(&modem_side, old | OFlags::NONBLOCK)?;
        Ok((path, Self { modem_side: watched(modem_side)?, _program_side: program_side }))
    }
}

/// tokio would rather have `AsyncFd::register`, which is unsafe because a type may close the descriptor that it shows; an
/// `OwnedFd` does not.
#[allow(deprecated, reason = "sound for an OwnedFd, and this workspace has no unsafe code")]
fn watched(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(fd)
}

impl AsyncRead for Pty {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.modem_side.poll_read_ready(context))?;
            let mut buffer = [0; 256];
            let room = buffer.len().min(into.remaining());
            let read = guard.try_io(|fd| {
                let buffer = buffer.get_mut(..room).unwrap_or_default();
                rustix::io::read(fd.get_ref(), buffer).map_err(io::Error::from)
            });
            if let Ok(read) = read {
                into.put_slice(buffer.get(..read?).unwrap_or_default());
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Pty {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.modem_side.poll_write_ready(context))?;
            let written = guard.try_io(|fd| rustix::io::write(fd.get_ref(), bytes).map_err(io::Error::from));
            if let Ok(written) = written {
                return Poll::Ready(written);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
