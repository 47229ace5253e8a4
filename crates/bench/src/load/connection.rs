//! One connection: bytes out, one answer in. It reads what our servers write and no more of HTTP than that.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::Answer;
use crate::trouble::{Result, Trouble};

/// A server that does not answer for so long is taken for stuck. A device's held request takes up to 55 s.
const PATIENCE: Duration = Duration::from_secs(90);

/// The longest answer: a page of lists is never asked for.
const MAX_ANSWER: usize = 16 * 1_024;

/// An open connection.
pub(super) struct Connection {
    stream: TcpStream,
    out: Vec<u8>,
    input: Box<[u8]>,
    /// How much of it holds the answer so far.
    filled: usize,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.map_err(Trouble::because("the server cannot be reached"))?;
        stream.set_nodelay(true).map_err(Trouble::because("a connection cannot be set up"))?;
        Ok(Self { stream, out: Vec::new(), input: vec![0; MAX_ANSWER].into(), filled: 0 })
    }

    /// Sends what `write` puts into the buffer; `false` when it puts nothing.
    pub(super) async fn ask(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) -> Result<bool> {
        self.out.clear();
        if !write(&mut self.out) {
            return Ok(false);
        }
        let mut sent = 0;
        while let Some(rest) = self.out.get(sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.try_write(rest) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stream.writable().await.map_err(Trouble::because("a request was not sent"))?;
                }
                Err(error) => return Err(Trouble::because("a request was not sent")(error)),
            }
        }
        Ok(true)
    }

    /// Waits for one answer and gives it to `read`.
    pub(super) async fn answer<T>(&mut self, read: impl FnOnce(&Answer<'_>) -> T) -> Result<T> {
        self.filled = 0;
        let mut head = None;
        loop {
            let input = self.input.get(..self.filled).unwrap_or_default();
            if head.is_none() {
                head = Head::read(input)?;
            }
            if let Some(Head { status, start, length }) = head
                && let Some(body) = input.get(start..start + length)
            {
                return Ok(read(&Answer { status, body }));
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<()> {
        let Self { stream, input, filled, .. } = self;
        let room = input.get_mut(*filled..).filter(|room| !room.is_empty());
        let mut room = ReadBuf::new(room.ok_or_else(|| Trouble::new("an answer is longer than 16 KiB"))?);
        // Unlike try_read, this knows after a short read that the socket is empty, and saves asking the system.
        let reading = poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut room));
        let read = tokio::time::timeout(PATIENCE, reading).await;
        read.map_err(|_| Trouble::new("the server has not answered for 90 s"))?
            .map_err(Trouble::because("no answer came"))?;
        match room.filled().len() {
            0 => Err(Trouble::new("the server closed a connection instead of answering")),
            count => {
                *filled += count;
                Ok(())
            }
        }
    }
}

/// Of an answer's head, what matters.
#[derive(Clone, Copy)]
struct Head {
    status: u16,
    /// Where the body begins.
    start: usize,
    /// How long it is.
    length: usize,
}

impl Head {
    /// `None` until it is there as a whole.
    fn read(input: &[u8]) -> Result<Option<Self>> {
        let Some(end) = input.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
        let head = input.get(..end).unwrap_or_default();
        let wrong = || Trouble::new(format!("no HTTP/1.1 answer: {:?}", String::from_utf8_lossy(head)));
        let status = head.get(9..12).and_then(number).ok_or_else(wrong)?;
        let length = match content_length(head) {
            Some(length) => length,
            None if status == 204 => 0,
            None => return Err(wrong()),
        };
        Ok(Some(Self { status: u16::try_from(status).map_err(|_| wrong())?, start: end + 4, length }))
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"\r\ncontent-length: ";
    let at = head.windows(NAME.len()).position(|window| window.eq_ignore_ascii_case(NAME))?;
    let rest = head.get(at + NAME.len()..)?;
    number(rest.split(|byte| *byte == b'\r').next()?)
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests;
