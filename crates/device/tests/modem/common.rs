//! A simulated network with phones, and what tests say.

use std::sync::Arc;
use std::time::{Duration, Instant};

use matchbook_device::bearer::modem::{Incoming, Modem};
use matchbook_device::protocol::sms::{Address, Body, Form, Segment, segments};
use matchbook_smsc::{Conditions, Network, Phone};
use tokio::runtime::{Builder, Runtime};

/// Generous: nothing here takes a second on a machine that does nothing else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) network: Arc<Network>,
}

impl World {
    pub(crate) fn new() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { runtime, network: Network::new(Conditions::default()) }
    }

    pub(crate) fn phone(&self, number: &str) -> Phone {
        let _inside = self.runtime.enter();
        self.network.phone(address(number))
    }

    /// One phone sends to a number.
    pub(crate) fn send(&self, from: &Phone, to: &str, segment: Segment) {
        self.runtime.block_on(from.send(&address(to), segment));
    }

    /// What a phone gets next.
    pub(crate) fn next(&self, phone: &mut Phone) -> (Address, Segment) {
        let incoming = self
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE, phone.receive()).await.expect("a message comes") });
        (incoming.from, incoming.segment)
    }
}

pub(crate) fn address(number: &str) -> Address {
    number.parse().unwrap()
}

/// A message of so many bytes in binary short messages; its first bytes are those of a set.
pub(crate) fn message(length: usize) -> Vec<u8> {
    let mut message: Vec<u8> = (0..length).map(|at| u8::try_from(at * 7 % 256).unwrap()).collect();
    message[..7].copy_from_slice(&[0x21, 0, 0, 0, 0, 0, 1]);
    message
}

pub(crate) fn binary(length: usize) -> Segment {
    segments(&message(length), Form::Binary, 1).unwrap().remove(0)
}

pub(crate) fn text(text: &str) -> Segment {
    Segment { header: Vec::new(), body: Body::Text(text.to_owned()) }
}

/// Waits for the next message of a modem.
pub(crate) fn received(modem: &mut impl Modem) -> Incoming {
    modem.receive(PATIENCE).unwrap().expect("a message comes")
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
