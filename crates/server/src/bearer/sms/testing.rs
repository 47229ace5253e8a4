//! What the tests of centres and gateways share: an inbox that remembers, and configurations.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use matchbook_protocol::sms::{Address, Body, Segment};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::timeout;

use super::centre::{Inbox, NotNow, Receipt, SubmitOptions};
use super::config::SmsConfig;

/// How long a condition that has to come may take on a machine that is busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What a test's inbox was given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    Message(String, Address, Segment),
    Receipt(String, Receipt),
}

/// An inbox that remembers what came, holds it while it is told to, and can say "not now".
pub(super) struct TestInbox {
    came: mpsc::UnboundedSender<Came>,
    taken: Mutex<mpsc::UnboundedReceiver<Came>>,
    open: watch::Sender<bool>,
    under_work: AtomicUsize,
    /// The most that were under work at once.
    pub(super) most_under_work: AtomicUsize,
    /// How often it said "not now".
    refused: AtomicUsize,
    /// Answer "not now".
    pub(super) not_now: AtomicBool,
    /// Break off.
    pub(super) panics: AtomicBool,
}

impl TestInbox {
    pub(super) fn new() -> Arc<Self> {
        let (came, taken) = mpsc::unbounded_channel();
        Arc::new(Self {
            came,
            taken: Mutex::new(taken),
            open: watch::Sender::new(true),
            under_work: AtomicUsize::new(0),
            most_under_work: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            not_now: AtomicBool::new(false),
            panics: AtomicBool::new(false),
        })
    }

    /// Holds what comes from now on.
    pub(super) fn hold(&self) {
        self.open.send_replace(false);
    }

    /// Lets go what is held.
    pub(super) fn release(&self) {
        self.open.send_replace(true);
    }

    /// How many are under work.
    pub(super) fn held(&self) -> usize {
        self.under_work.load(Ordering::SeqCst)
    }

    /// The next that came.
    pub(super) async fn next(&self) -> Came {
        timeout(PATIENCE, self.taken.lock().await.recv()).await.expect("nothing came").unwrap()
    }

    /// It has said "not now".
    pub(super) async fn until_refused(&self) {
        until("it was refused", || self.refused.load(Ordering::SeqCst) > 0).await;
    }

    /// Nothing more has come so far.
    pub(super) async fn is_empty(&self) -> bool {
        self.taken.lock().await.is_empty()
    }

    async fn work(&self, came: Came) -> Result<(), NotNow> {
        let now = self.under_work.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_work.fetch_max(now, Ordering::SeqCst);
        let mut open = self.open.subscribe();
        open.wait_for(|open| *open).await.unwrap();
        self.under_work.fetch_sub(1, Ordering::SeqCst);
        assert!(!self.panics.load(Ordering::SeqCst), "this inbox breaks off");
        if self.not_now.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Err(NotNow);
        }
        self.came.send(came).unwrap();
        Ok(())
    }
}

#[async_trait]
impl Inbox for TestInbox {
    async fn message(&self, centre: &str, from: &Address, segment: Segment) -> Result<(), NotNow> {
        self.work(Came::Message(centre.to_owned(), from.clone(), segment)).await
    }

    async fn receipt(&self, centre: &str, receipt: Receipt) -> Result<(), NotNow> {
        self.work(Came::Receipt(centre.to_owned(), receipt)).await
    }
}

/// A configuration from its text.
pub(super) fn config(text: &str) -> SmsConfig {
    SmsConfig::from_toml(text, Path::new("/nowhere")).unwrap()
}

/// One centre at a port of this machine.
pub(super) fn one_centre(port: u16, more: &str) -> SmsConfig {
    config(&format!(
        "number = \"16020\"\n[[centre]]\nname = \"north\"\naddress = \"127.0.0.1:{port}\"\nsystem_id = \"matchbook\"\n\
         password = \"secret\"\n{more}\n"
    ))
}

/// The header of a binary message: ports 16020 to 16020.
pub(super) const PORTS: [u8; 7] = [6, 5, 4, 0x3e, 0x94, 0x3e, 0x94];

/// The longest binary message that one short message carries: every octet value is in it somewhere.
pub(super) fn longest(first: u8) -> Segment {
    let data = (0..133_u8).map(|place| place.wrapping_mul(7).wrapping_add(first)).collect();
    Segment { header: PORTS.to_vec(), body: Body::Data(data) }
}

pub(super) fn number(text: &str) -> Address {
    text.parse().unwrap()
}

pub(super) const OPTIONS: SubmitOptions =
    SubmitOptions { validity: Duration::from_secs(24 * 3_600), wants_receipt: true };

/// Waits until a condition holds.
pub(super) async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("it never came to pass: {what}"));
}
