#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;

#[test]
fn connections_go_round_and_skip_what_does_not_accept() {
    let nodes = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let addresses = nodes.each_ref().map(|node| node.local_addr().unwrap());
    let [first, second, third] = nodes;
    answer_with(first, b'1');
    drop(second);
    answer_with(third, b'3');
    let balancer = Balancer::new(&addresses).unwrap();
    let seen: Vec<u8> = (0..6).map(|_| ask(&balancer).unwrap()).collect();
    assert_eq!(seen, b"133133");
    balancer.set(&addresses[..1]);
    assert_eq!((ask(&balancer), ask(&balancer)), (Some(b'1'), Some(b'1')));
    balancer.set(&[]);
    assert_eq!(ask(&balancer), None);
}

fn answer_with(listener: TcpListener, answer: u8) {
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            stream.unwrap().write_all(&[answer]).unwrap();
        }
    });
}

fn ask(balancer: &Balancer) -> Option<u8> {
    let mut answer = [0];
    TcpStream::connect(balancer.address()).unwrap().read_exact(&mut answer).ok().map(|()| answer[0])
}
