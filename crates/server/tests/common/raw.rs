//! HTTP/1.1 byte by byte, for what a client library hides.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::PATIENCE;

/// Where a URL of the tests leads.
pub(crate) fn connect(url: &str) -> TcpStream {
    let stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// All that comes until the other side closes. A reset is an end too.
pub(crate) fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let (mut all, mut part) = (Vec::new(), [0; 4_096]);
    loop {
        match stream.read(&mut part) {
            Ok(0) => return all,
            Ok(count) => all.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return all,
            Err(error) => panic!("{error} after {} bytes", all.len()),
        }
    }
}

/// Sends a request on a connection of its own and gives the whole answer, with the date masked.
pub(crate) fn exchange(url: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let mut stream = connect(url);
    stream.write_all(request.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let answer = String::from_utf8_lossy(&read_to_end(&mut stream)).into_owned();
    let lines = answer.split("\r\n").map(|line| if line.starts_with("date:") { "date: masked" } else { line });
    lines.collect::<Vec<_>>().join("\r\n")
}
