#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;

/// Takes requests without a body and answers each with `answer`; nothing is a connection that is closed.
fn server(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut seen = [0; 1_024];
                while stream.read(&mut seen).is_ok_and(|count| count > 0) && !answer.is_empty() {
                    stream.write_all(answer.as_bytes()).unwrap();
                }
            });
        }
    });
    address
}

/// Asks so many times, and wants 200.
struct Asks {
    left: u32,
}

impl Talk for Asks {
    fn ask(&mut self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Result<bool> {
        if answer.status == 200 { Ok(true) } else { Err(Trouble::new("not 200")) }
    }
}

fn load(address: SocketAddr, connections: usize, left: u32, measured: Duration) -> Result<Measured> {
    let target = Target { addresses: &[address], pids: &[std::process::id()], databases: &[] };
    let talks = (0..connections).map(|_| Box::new(Asks { left }) as Box<dyn Talk>).collect();
    run(&target, talks, Spell { warm_up: Duration::ZERO, measured })
}

const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[test]
fn every_connection_asks_until_the_spell_is_over() {
    let address = server(GOOD);
    // A machine that is very busy may get nothing done in one spell.
    let spells = (0..100).map(|_| load(address, 3, u32::MAX, Duration::from_millis(100)).unwrap());
    let it = spells.into_iter().find(|it| it.done > 3).unwrap();
    assert!(it.per_second > 0.0 && it.p999_us >= it.p50_us, "{it:?}");
}

#[test]
fn a_spell_ends_when_nobody_has_anything_to_ask() {
    // An hour is not waited for.
    let it = load(server(GOOD), 2, 4, Duration::from_secs(3_600)).unwrap();
    assert!(it.done <= 6, "{it:?}");
}

#[test]
fn a_wrong_answer_and_none_end_the_measurement() {
    let hour = Duration::from_secs(3_600);
    let wrong = load(server("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"), 2, 9, hour).unwrap_err();
    assert_eq!(wrong.0, "not 200");
    let cut = load(server(""), 2, 9, hour).unwrap_err();
    assert!(cut.0.contains("closed a connection"), "{cut}");
}
