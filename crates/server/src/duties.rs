//! What one node at a time does of those that share a store: it has the sessions with the centres for short messages,
//! or it looks after due work. A lease in the store says who; who dies is followed by another when its lease is over.
//!
//! A store that is not shared has one node, which has every duty at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use matchbook_protocol::UnixMillis;
use matchbook_store::NodeId;
use rand_core::Rng;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::chance;
use crate::core::Core;
use crate::limits::{LEASE_HELD, LEASE_MARGIN, LEASE_RENEWED};
use crate::seldom::is_news;

/// The lease of the node that has the sessions with the centres.
const CENTRES: &str = "centres";

/// The lease of the node that does due work, prunes, and looks through the outbox when there is no centre.
const SWEEPS: &str = "sweeps";

/// Whether this node keeps up the sessions with the centres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Another node has them, or nobody yet.
    Off,
    /// This node has them.
    On,
    /// The server stops.
    Over,
}

/// This node, and what it does for all.
pub(crate) struct Duties {
    /// This process.
    pub(crate) node: NodeId,
    centres: watch::Sender<Duty>,
    sweeps: AtomicBool,
}

impl Duties {
    /// `is_shared`: there are other nodes, which may have them.
    pub(crate) fn new(is_shared: bool) -> Self {
        let mut node = [0; 16];
        chance::rng().fill_bytes(&mut node);
        let centres = watch::Sender::new(if is_shared { Duty::Off } else { Duty::On });
        Self { node: NodeId(node), centres, sweeps: AtomicBool::new(!is_shared) }
    }

    /// Turns with the duty of the centres.
    pub(crate) fn of_centres(&self) -> watch::Receiver<Duty> {
        self.centres.subscribe()
    }

    /// Whether this node has the sessions with the centres.
    pub(crate) fn has_centres(&self) -> bool {
        *self.centres.borrow() == Duty::On
    }

    /// Whether this node does due work. Two may think so for a moment, which costs work and harms nothing.
    pub(crate) fn has_sweeps(&self) -> bool {
        self.sweeps.load(Ordering::Relaxed)
    }
}

impl Core {
    /// Takes the duties that are free and renews those that this node has, until the server stops.
    pub(crate) async fn take_duties(&self) {
        let mut stopping = self.stopping.clone();
        if !self.store.is_shared() {
            let _stopped = stopping.wait_for(|stopping| *stopping).await;
            self.duties.centres.send_replace(Duty::Over);
            return;
        }
        let mut sure_until = Instant::now();
        loop {
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => break,
                () = self.renew(&mut sure_until) => {}
            }
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => break,
                () = sleep(LEASE_RENEWED) => {}
            }
        }
        self.duties.centres.send_replace(Duty::Over);
        self.duties.sweeps.store(false, Ordering::Relaxed);
    }

    /// Asks for both leases. The sessions end before the lease does: a store that cannot be asked keeps nobody in office.
    async fn renew(&self, sure_until: &mut Instant) {
        let sweeps = self.lease_until(SWEEPS, *sure_until).await;
        self.duties.sweeps.store(sweeps.unwrap_or(false), Ordering::Relaxed);
        if self.sms.is_none() {
            return;
        }
        let asked = Instant::now();
        match self.lease_until(CENTRES, *sure_until).await {
            Some(true) => {
                *sure_until = asked + LEASE_HELD.saturating_sub(LEASE_MARGIN);
                self.turn(Duty::On);
            }
            Some(false) => self.turn(Duty::Off),
            None if Instant::now() < *sure_until => {}
            None => self.turn(Duty::Off),
        }
    }

    /// As [`Core::lease`]; a node that has the sessions asks no longer than it may be sure of them, whatever it asks for.
    async fn lease_until(&self, name: &str, sure_until: Instant) -> Option<bool> {
        tokio::select! {
            answer = self.lease(name) => answer,
            () = sleep_until(sure_until), if self.duties.has_centres() => None,
        }
    }

    /// `None`: the store does not say.
    async fn lease(&self, name: &str) -> Option<bool> {
        match self.store.take_lease(name, self.duties.node, millis(LEASE_HELD)).await {
            Ok(has) => Some(has),
            Err(error) => {
                if is_news(&format!("{name}: {error}")) {
                    tracing::warn!(%error, lease = name, "the store cannot be asked who has a duty");
                }
                None
            }
        }
    }

    fn turn(&self, duty: Duty) {
        let turned = self.duties.centres.send_if_modified(|now| {
            let is_new = *now != duty;
            *now = duty;
            is_new
        });
        match (turned, duty) {
            (true, Duty::On) => {
                tracing::info!("this node has the sessions with the centres");
                self.wake_dispatch();
            }
            (true, Duty::Off) => tracing::info!("another node has the sessions with the centres, or none for now"),
            (true, Duty::Over) | (false, _) => {}
        }
    }

    /// Gives the leases back, so that another node need not wait until they are over. After the sessions have ended.
    pub(crate) async fn give_duties_back(&self) {
        if !self.store.is_shared() {
            return;
        }
        for name in [CENTRES, SWEEPS] {
            if let Err(error) = self.store.give_lease(name, self.duties.node).await {
                tracing::debug!(%error, lease = name, "a lease ends by itself");
            }
        }
    }

    /// Whether this node hands out what is due: where there are centres, the one that has the sessions with them.
    pub(crate) fn drains(&self) -> bool {
        if self.sms.is_some() { self.duties.has_centres() } else { self.duties.has_sweeps() }
    }

    /// Goes by the store's clock, which all nodes share.
    pub(crate) async fn set_clock(&self) {
        if !self.store.is_shared() {
            return;
        }
        let before = chance::system_time();
        match self.store.clock().await {
            Ok(theirs) => {
                let ours = UnixMillis(before.0.midpoint(chance::system_time().0));
                chance::go_by(theirs, ours);
            }
            Err(error) => tracing::warn!(%error, "the store's clock cannot be read; the last difference counts"),
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
