#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use super::*;
use crate::Postgres;
use crate::processes::wait_until;

#[test]
fn bytes_pass_both_ways_and_cuts_are_seen() {
    let proxy = Proxy::new(echo(b"")).unwrap();
    let mut client = connect(&proxy);
    assert_eq!(ask(&mut client, "hello").as_deref(), Some("hello"));
    proxy.cut_all();
    assert_eq!(ask(&mut client, "hello"), None);
    let mut client = connect(&proxy);
    assert_eq!(ask(&mut client, "again").as_deref(), Some("again"));
    proxy.retarget(echo(b"other "));
    assert_eq!(ask(&mut client, "same").as_deref(), Some("same"));
    assert_eq!(ask(&mut connect(&proxy), "one").as_deref(), Some("other one"));
    assert_eq!(proxy.struck(), 0);
    drop(proxy);
    assert_eq!(ask(&mut client, "gone"), None);
}

#[test]
fn what_is_held_goes_on_later() {
    let proxy = Proxy::new(echo(b"")).unwrap();
    let mut client = connect(&proxy);
    assert_eq!(ask(&mut client, "1").as_deref(), Some("1"));
    proxy.hold(true);
    let (sender, receiver) = mpsc::channel();
    let asking = std::thread::spawn(move || sender.send(ask(&mut client, "2")));
    let mut later = connect(&proxy);
    // As often as one looks, nothing comes.
    assert!((0..50).all(|_| receiver.recv_timeout(std::time::Duration::from_millis(1)).is_err()));
    proxy.hold(false);
    assert_eq!(receiver.recv().unwrap().as_deref(), Some("2"));
    asking.join().unwrap().unwrap();
    assert_eq!(ask(&mut later, "3").as_deref(), Some("3"));
}

#[test]
fn a_fault_strikes_as_often_as_planned() {
    let (heard, all) = listening();
    let proxy = Proxy::new(heard).unwrap();
    proxy.plan(When::Text(b"COMMIT".to_vec()), Fault::CutBefore, 1);
    let mut client = connect(&proxy);
    assert_eq!(ask(&mut client, "BEGIN").as_deref(), Some("ok"));
    assert_eq!(ask(&mut client, "COMMIT"), None);
    assert_eq!(ask(&mut connect(&proxy), "COMMIT").as_deref(), Some("ok"));
    proxy.plan(When::Bytes(8), Fault::LoseAnswer { until: Vec::new() }, 2);
    let mut client = connect(&proxy);
    assert_eq!(ask(&mut client, "1234567").as_deref(), Some("ok"));
    assert_eq!(ask(&mut client, "8"), None);
    proxy.plan(When::OneIn { pieces: 1, seed: 0 }, Fault::CutAtOnce, 1);
    assert_eq!(ask(&mut connect(&proxy), "lost"), None);
    proxy.plan(When::OneIn { pieces: 0, seed: 0 }, Fault::CutAtOnce, 1);
    assert_eq!(ask(&mut connect(&proxy), "last").as_deref(), Some("ok"));
    proxy.plan(When::Bytes(1), Fault::CutBefore, 1);
    proxy.forget_plan();
    assert_eq!(ask(&mut connect(&proxy), "end").as_deref(), Some("ok"));
    assert_eq!(proxy.struck(), 3);
    let heard: Vec<String> = all.try_iter().collect();
    let sure: Vec<&str> = heard.iter().map(String::as_str).filter(|text| *text != "lost").collect();
    assert_eq!(sure, ["BEGIN", "COMMIT", "1234567", "8", "last", "end"]);
}

#[test]
fn a_text_is_found_wherever_it_was_split() {
    let text = b"xxCOMMITyyCOCOMMIT";
    for at in 0..text.len() {
        let mut plan = Plan::default();
        plan.renew(When::Text(b"COMMIT".to_vec()), Fault::CutBefore, 9);
        let mut scanner = Scanner::default();
        let (left, right) = text.split_at(at);
        let struck = [left, right].map(|bytes| plan.strikes(&mut scanner, bytes).is_some());
        assert!(struck.contains(&true), "split at {at}");
        assert!(plan.strikes(&mut scanner, b"COMMI").is_none());
        assert!(plan.strikes(&mut scanner, b"T").is_some());
    }
}

#[test]
fn a_commit_is_carried_out_and_its_client_never_hears_of_it() {
    if !Postgres::is_installed() {
        return;
    }
    let server = Postgres::shared().unwrap();
    let database = server.fresh_database().unwrap();
    server.sql(&database, "CREATE TABLE t (n BIGINT)").unwrap();
    let proxy = Proxy::new(([127, 0, 0, 1], server.port()).into()).unwrap();
    let by_proxy = server.by_way_of(&proxy);
    let commit = When::Text(b"COMMIT".to_vec());
    proxy.plan(commit.clone(), Fault::LoseAnswer { until: b"COMMIT\0".to_vec() }, 1);
    by_proxy.sql(&database, "BEGIN; INSERT INTO t VALUES (1); COMMIT").unwrap_err();
    assert_eq!(server.sql(&database, "SELECT n FROM t").unwrap(), "1");
    proxy.plan(commit.clone(), Fault::CutBefore, 1);
    by_proxy.sql(&database, "BEGIN; INSERT INTO t VALUES (2); COMMIT").unwrap_err();
    assert_eq!(server.sql(&database, "SELECT n FROM t").unwrap(), "1");
    proxy.plan(commit, Fault::CutAtOnce, 1);
    by_proxy.sql(&database, "BEGIN; INSERT INTO t VALUES (3); COMMIT").unwrap_err();
    wait_until("the server carries out what it was sent", || {
        Ok(server.sql(&database, "SELECT n FROM t ORDER BY n")? == "1\n3")
    })
    .unwrap();
    by_proxy.sql(&database, "BEGIN; INSERT INTO t VALUES (4); COMMIT").unwrap();
}

/// A server that sends back what it hears, after a prefix.
fn echo(prefix: &'static [u8]) -> SocketAddr {
    served(move |heard| [prefix, heard].concat())
}

/// A server that says ok to everything, and what it heard.
fn listening() -> (SocketAddr, mpsc::Receiver<String>) {
    let (sender, receiver) = mpsc::channel();
    let address = served(move |heard| {
        sender.send(String::from_utf8(heard.to_vec()).unwrap()).unwrap();
        b"ok".to_vec()
    });
    (address, receiver)
}

fn served(answer: impl Fn(&[u8]) -> Vec<u8> + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), answer.clone());
            std::thread::spawn(move || {
                let mut heard = [0; 100];
                while let Ok(count @ 1..) = stream.read(&mut heard) {
                    let _cut = stream.write_all(&answer(&heard[..count]));
                }
            });
        }
    });
    address
}

fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).unwrap()
}

/// The answer; `None` when the connection was cut.
fn ask(client: &mut TcpStream, question: &str) -> Option<String> {
    client.write_all(question.as_bytes()).ok()?;
    let mut answer = [0; 100];
    let count = client.read(&mut answer).ok().filter(|count| *count > 0)?;
    Some(String::from_utf8(answer[..count].to_vec()).unwrap())
}
