//! A server of one thread that answers each request with the next scripted answer and remembers what it was asked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Request line and headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct TestServer {
    pub(crate) url: String,
    thread: JoinHandle<Vec<Asked>>,
}

impl TestServer {
    /// Answers as many requests as there are answers, each on a connection of its own.
    pub(crate) fn start(answers: Vec<Vec<u8>>) -> Self {
        Self::start_with(answers, None)
    }

    pub(crate) fn start_tls(answers: Vec<Vec<u8>>, config: Arc<ServerConfig>) -> Self {
        Self::start_with(answers, Some(config))
    }

    fn start_with(answers: Vec<Vec<u8>>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let thread = std::thread::spawn(move || {
            let serve = |answer: &Vec<u8>| {
                let (stream, _) = listener.accept().unwrap();
                match &tls {
                    None => serve(stream, answer),
                    Some(config) => {
                        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                        serve(StreamOwned::new(connection, stream), answer)
                    }
                }
            };
            answers.iter().filter_map(serve).collect()
        });
        Self { url, thread }
    }

    /// What was asked, once all answers are given.
    pub(crate) fn asked(self) -> Vec<Asked> {
        self.thread.join().unwrap()
    }
}

/// `None` when the other side broke off, as it does when it distrusts the certificate.
fn serve(stream: impl Read + Write, answer: &[u8]) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    head.make_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let stream = reader.get_mut();
    stream.write_all(answer).and_then(|()| stream.flush()).ok()?;
    Some(Asked { head, body })
}

/// An answer with a status line, a content type and a body.
pub(crate) fn answer(status: &str, media: &str, body: &[u8]) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// An answer of headers alone.
pub(crate) fn bare(status: &str, header: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{header}content-length: 0\r\nconnection: close\r\n\r\n").into_bytes()
}

/// Silence: the connection is closed without an answer.
pub(crate) fn hang_up() -> Vec<u8> {
    Vec::new()
}

/// A server that never answers, as long as the listener lives.
pub(crate) fn deaf() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
    (listener, url)
}

/// A port of this machine where nobody listens.
pub(crate) fn nobody() -> String {
    let (listener, url) = deaf();
    drop(listener);
    url
}
