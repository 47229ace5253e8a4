//! An AT modem on a pseudo-terminal.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use matchbook_device::bearer::modem::{AtModem, AtOptions, Modem, ModemError, Pin, SmsLine};
use matchbook_smsc::modem::{self, ModemHandle, ModemOptions};

use crate::common::{PATIENCE, World, address, binary, message, received, text};

const OURS: &str = "+491700000001";
const SERVER: &str = "+491700000099";

fn plug(world: &World, options: ModemOptions) -> (PathBuf, ModemHandle) {
    let phone = world.phone(OURS);
    let _inside = world.runtime.enter();
    modem::pty(phone, options).unwrap()
}

fn open(path: &PathBuf) -> AtModem {
    AtModem::open(path, AtOptions::default()).unwrap()
}

#[test]
fn a_message_goes_out_and_one_comes_in() {
    let world = World::new();
    let mut server = world.phone(SERVER);
    let (path, _handle) = plug(&world, ModemOptions::default());
    let mut modem = open(&path);

    modem.send(&address(SERVER), &binary(133)).unwrap();
    assert_eq!(world.next(&mut server), (address(OURS), binary(133)));

    world.send(&server, OURS, binary(45));
    let incoming = received(&mut modem);
    assert_eq!((incoming.from, incoming.segment), (address(SERVER), binary(45)));
    assert!(incoming.place.is_some(), "the modem keeps it");
    assert_eq!(modem.receive(Duration::ZERO).unwrap(), None, "each is given once");
}

#[test]
fn texts_in_the_default_alphabet_go_both_ways() {
    let world = World::new();
    let mut server = world.phone(SERVER);
    let (path, _handle) = plug(&world, ModemOptions::default());
    let mut modem = open(&path);
    modem.send(&address(SERVER), &text("SGVsbG8+/w==")).unwrap();
    assert_eq!(world.next(&mut server).1, text("SGVsbG8+/w=="));
    world.send(&server, OURS, text("hello {you}"));
    assert_eq!(received(&mut modem).segment, text("hello {you}"));
}

#[test]
fn what_came_before_is_found_in_the_store_and_stays_until_it_is_deleted() {
    let world = World::new();
    let server = world.phone(SERVER);
    let (path, handle) = plug(&world, ModemOptions::default());
    drop(open(&path));
    for length in [40, 50, 60] {
        world.send(&server, OURS, binary(length));
    }
    let mut modem = open(&path);
    let first = received(&mut modem);
    assert_eq!(first.segment, binary(40));
    assert_eq!(received(&mut modem).segment, binary(50));
    modem.delete(first.place.as_ref().unwrap()).unwrap();
    modem.delete(first.place.as_ref().unwrap()).unwrap();
    drop(modem);

    let mut modem = open(&path);
    assert_eq!(received(&mut modem).segment, binary(50), "it was not deleted, so it comes again");
    assert_eq!(received(&mut modem).segment, binary(60));
    drop(modem);
    assert_eq!(world.runtime.block_on(handle.unplug()).unwrap().stored(), 2);
}

#[test]
fn a_place_that_was_used_again_is_not_deleted() {
    let world = World::new();
    let server = world.phone(SERVER);
    let (path, handle) = plug(&world, ModemOptions::default());
    let mut modem = open(&path);
    world.send(&server, OURS, binary(40));
    let first = received(&mut modem);
    let place = first.place.unwrap();
    modem.delete(&place).unwrap();
    world.send(&server, OURS, text("from a friend"));
    assert_eq!(received(&mut modem).place.as_ref(), Some(&place), "the lowest free place");
    // As if the message had changed behind the modem's back: what is there is not what was taken in.
    let mut other = open_after(modem, &path);
    other.delete(&place).unwrap();
    assert_eq!(world.runtime.block_on(handle.unplug()).unwrap().stored(), 1);
}

/// A modem that has seen nothing yet.
fn open_after(old: AtModem, path: &PathBuf) -> AtModem {
    drop(old);
    open(path)
}

#[test]
fn a_line_takes_ours_and_leaves_peoples_texts() {
    let world = World::new();
    let server = world.phone(SERVER);
    let (path, handle) = plug(&world, ModemOptions::default());
    let mut line = SmsLine::new(open(&path));
    world.send(&server, OURS, text("lunch at noon?"));
    world.send(&server, OURS, binary(133));
    let arrival = line.receive(PATIENCE).unwrap().unwrap();
    assert_eq!(arrival.message, message(133));
    line.settle(arrival);
    drop(line);
    assert_eq!(world.runtime.block_on(handle.unplug()).unwrap().stored(), 1, "the text stays");
}

#[test]
fn a_full_store_is_told_once_and_goes_on_when_there_is_room() {
    let world = World::new();
    let server = world.phone(SERVER);
    let (path, _handle) = plug(&world, ModemOptions { capacity: 2, ..ModemOptions::default() });
    let mut modem = open(&path);
    for n in 0..2 {
        world.send(&server, OURS, text(&format!("text {n}")));
        // This one may already find the store full when it looks for the second.
        while modem.receive(PATIENCE).is_err() {}
    }
    world.send(&server, OURS, binary(45));
    let mut modem = open_after(modem, &path);
    let places: Vec<_> = (0..2).map(|_| received(&mut modem).place.unwrap()).collect();
    let full = modem.receive(PATIENCE).unwrap_err();
    assert_eq!(full, ModemError::StoreFull { messages: 2 });
    assert_eq!(modem.receive(Duration::ZERO).unwrap(), None, "it is told once");
    modem.delete(&places[1]).unwrap();
    assert_eq!(received(&mut modem).segment, binary(45));
}

#[test]
fn the_card_wants_its_pin() {
    let world = World::new();
    let mut server = world.phone(SERVER);
    let (path, _handle) = plug(&world, ModemOptions { pin: Some("4711".to_owned()), ..ModemOptions::default() });
    assert_eq!(AtModem::open(&path, AtOptions::default()).unwrap_err(), ModemError::PinNeeded);
    let with = |pin: &str| AtOptions { pin: Pin::parse(pin), ..AtOptions::default() };
    assert_eq!(AtModem::open(&path, with("0000")).unwrap_err(), ModemError::PinRefused);
    let mut modem = AtModem::open(&path, with(" 4711\n")).unwrap();
    modem.send(&address(SERVER), &binary(45)).unwrap();
    assert_eq!(world.next(&mut server).1, binary(45));
    assert!(ModemError::PinNeeded.to_string().contains("--pin-file"));
    assert!(!format!("{:?}", with("4711")).contains("4711"));
}

#[test]
fn a_card_that_locked_itself_is_left_alone() {
    let world = World::new();
    let (path, _handle) = plug(&world, ModemOptions { pin: Some("4711".to_owned()), ..ModemOptions::default() });
    let wrong = AtOptions { pin: Pin::parse("0000"), ..AtOptions::default() };
    for _ in 0..3 {
        assert_eq!(AtModem::open(&path, wrong.clone()).unwrap_err(), ModemError::PinRefused);
    }
    let locked = AtModem::open(&path, wrong).unwrap_err();
    assert_eq!(locked, ModemError::Locked { waits_for: "SIM PUK".to_owned() });
}

#[test]
fn two_programs_do_not_share_a_port() {
    let world = World::new();
    let (path, _handle) = plug(&world, ModemOptions::default());
    let _first = open(&path);
    let refused = AtModem::open(&path, AtOptions::default()).unwrap_err();
    assert_eq!(refused, ModemError::PortInUse { port: path.display().to_string() });
}

#[test]
fn what_is_no_port_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = AtModem::open(folder.path().join("none"), AtOptions::default()).unwrap_err();
    assert!(matches!(&missing, ModemError::Port { cause, .. } if cause == "no such file or directory"), "{missing}");
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let none = AtModem::open(&file, AtOptions::default()).unwrap_err();
    assert!(matches!(&none, ModemError::Port { cause, .. } if cause == "it is no serial port"), "{none}");
}

#[test]
fn a_modem_that_was_away_is_set_up_again() {
    let world = World::new();
    let mut server = world.phone(SERVER);
    let folder = tempfile::tempdir().unwrap();
    let port = folder.path().join("ttyUSB0");
    let (path, handle) = plug(&world, ModemOptions::default());
    symlink(&path, &port).unwrap();
    let mut modem = open(&port);
    modem.send(&address(SERVER), &binary(45)).unwrap();
    world.next(&mut server);

    let mut unplugged = world.runtime.block_on(handle.unplug()).unwrap();
    let gone = modem.receive(PATIENCE).unwrap_err();
    assert!(matches!(gone, ModemError::Gone { .. }), "{gone}");
    assert!(modem.send(&address(SERVER), &binary(45)).is_err());
    // While it is away a message comes; the network keeps it.
    world.send(&server, OURS, binary(90));

    unplugged.restart();
    let inside = world.runtime.enter();
    let (path, _handle) = modem::plug_pty(unplugged).unwrap();
    drop(inside);
    std::fs::remove_file(&port).unwrap();
    symlink(&path, &port).unwrap();
    assert_eq!(received(&mut modem).segment, binary(90));
    modem.send(&address(SERVER), &binary(46)).unwrap();
    assert_eq!(world.next(&mut server).1, binary(46));
}
