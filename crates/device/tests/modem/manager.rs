//! The real ModemManager, on a bus of its own, with a modem of the simulated network.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use matchbook_device::bearer::modem::{ManagerOptions, Modem, ModemError, ModemManagerModem, ModemName, SmsLine};
use matchbook_device::protocol::sms::{Body, Segment};
use matchbook_smsc::modem::{self, ModemHandle, ModemOptions};

use crate::common::{PATIENCE, World, address, binary, message, text, until};

const OURS: &str = "+491700000001";
const SERVER: &str = "+491700000099";
/// What these tests need beside the library.
const PROGRAMS: [&str; 3] = ["dbus-daemon", "ModemManager", "gdbus"];
const SERVICE: &str = "org.freedesktop.ModemManager1";
const ROOT: &str = "/org/freedesktop/ModemManager1";

/// ModemManager overlooks a message that comes within 0.7 seconds of another one.
const APART: Duration = Duration::from_secs(2);

/// A bus, ModemManager on it, and a simulated modem that it manages.
struct Bench {
    manager: Child,
    bus: Child,
    address: String,
    _modem: ModemHandle,
}

impl Bench {
    /// `None` when a program is missing, and may be.
    fn start(world: &World, name: &str, spacing: Duration) -> Option<Self> {
        if let Some(missing) = PROGRAMS.into_iter().find(|program| !is_there(program)) {
            assert!(env::var_os("CI").is_none(), "{missing} is missing");
            println!("skipped: {missing} is missing");
            return None;
        }
        let mut bus = Command::new("dbus-daemon");
        bus.args(["--session", "--nofork", "--print-address"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut bus = bus.spawn().unwrap();
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        // ModemManager takes the prefix for part of the socket's name.
        let socket = format!("abstract:matchbook-{name}-{}", std::process::id());
        let phone = world.phone(OURS);
        let modem = {
            let _inside = world.runtime.enter();
            modem::unix(phone, &socket, ModemOptions { spacing, ..ModemOptions::default() }).unwrap()
        };
        let mut manager = Command::new("ModemManager");
        manager.args(["--test-session", "--test-enable", "--no-auto-scan", "--test-no-udev"]);
        manager.args(["--test-no-suspend-resume", "--test-no-qrtr"]);
        manager.env("DBUS_SESSION_BUS_ADDRESS", &address).env("DBUS_SYSTEM_BUS_ADDRESS", &address);
        let log = env::var_os("MATCHBOOK_MM_LOG");
        manager.stdin(Stdio::null());
        match log {
            Some(path) => {
                manager.arg("--log-level=DEBUG").stderr(std::fs::File::create(path).unwrap());
            }
            None => {
                manager.stdout(Stdio::null()).stderr(Stdio::null());
            }
        }
        let manager = manager.spawn().unwrap();
        let bench = Self { manager, bus, address, _modem: modem };
        let profile = format!("[\"{socket}\"]");
        until("ModemManager takes the test profile", || {
            bench.gdbus(&["-m", &format!("{SERVICE}.Test.SetProfile"), "fake", "generic", &profile])
        });
        Some(bench)
    }

    fn gdbus(&self, call: &[&str]) -> bool {
        let mut command = Command::new("gdbus");
        command.args(["call", "--session", "-d", SERVICE, "-o", ROOT]).args(call);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().success()
    }

    fn options(&self) -> ManagerOptions {
        ManagerOptions { bus: Some(self.address.clone()), ..ManagerOptions::default() }
    }

    /// The modem, once ModemManager has found it.
    fn open(&self, name: &ModemName) -> ModemManagerModem {
        let mut found = None;
        until("ModemManager finds the modem", || {
            found = match ModemManagerModem::open(name.clone(), self.options()) {
                Ok(modem) => Some(modem),
                Err(error) => {
                    println!("not yet: {error}");
                    None
                }
            };
            found.is_some()
        });
        found.unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for child in [&mut self.manager, &mut self.bus] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn is_there(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&folders).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(program)).any(|path| path.is_file())
}

/// Data without the header, as ModemManager sends and shows it.
fn bare(length: usize) -> Segment {
    Segment { header: Vec::new(), body: Body::Data(message(length)) }
}

#[test]
fn a_message_that_fills_a_short_message_goes_both_ways() {
    let world = World::new();
    let mut server = world.phone(SERVER);
    let Some(bench) = Bench::start(&world, "both", APART) else { return };
    let mut modem = bench.open(&ModemName::Only);

    modem.send(&address(SERVER), &binary(133)).unwrap();
    assert_eq!(world.next(&mut server), (address(OURS), bare(133)));

    let mut line = SmsLine::new(modem);
    world.send(&server, OURS, text("lunch at noon?"));
    world.send(&server, OURS, binary(133));
    let arrival = line.receive(PATIENCE).unwrap().expect("a message comes");
    assert_eq!(arrival.message, message(133));
    line.settle(arrival);
    drop(line);

    // What was taken in is gone from the modem, and the text is still there.
    let mut again = bench.open(&ModemName::parse("mm:0").unwrap());
    let kept = again.receive(PATIENCE).unwrap().expect("the text");
    assert_eq!(kept.segment, text("lunch at noon?"));
    assert_eq!(again.receive(Duration::from_secs(1)).unwrap(), None);
    let none = ModemManagerModem::open(ModemName::parse("mm:7").unwrap(), bench.options()).unwrap_err();
    assert_eq!(none, ModemError::NoModem { name: Some("7".to_owned()) });
}

#[test]
fn what_modem_manager_overlooks_comes_with_the_next_transmission() {
    let world = World::new();
    let server = world.phone(SERVER);
    let Some(bench) = Bench::start(&world, "close", Duration::ZERO) else { return };
    let mut line = SmsLine::new(bench.open(&ModemName::Only));
    let mut missing = vec![96, 110, 133];
    // A server that has no answer sends the same again.
    for _ in 0..20 {
        for length in &missing {
            world.send(&server, OURS, binary(*length));
        }
        while let Some(arrival) = line.receive(Duration::from_secs(3)).unwrap() {
            missing.retain(|length| *length != arrival.message.len());
            line.settle(arrival);
        }
        if missing.is_empty() {
            return;
        }
        println!("overlooked: {missing:?}");
    }
    panic!("{missing:?} never came");
}

#[test]
fn a_bus_that_is_not_there_is_said_to_be_so() {
    let options = ManagerOptions { bus: Some("unix:path=/nowhere/bus".to_owned()), ..ManagerOptions::default() };
    let error = ModemManagerModem::open(ModemName::Only, options).unwrap_err();
    assert!(matches!(error, ModemError::Bus { .. }), "{error}");
    assert!(error.to_string().contains("serial port"), "{error}");
}
