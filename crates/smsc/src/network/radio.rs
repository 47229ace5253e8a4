//! The task that carries what is in the air.

use std::sync::{Arc, Weak};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::Network;

/// How many events one hold of the lock carries.
const BATCH: usize = 1_000;

/// Starts the task; false outside a runtime, where nothing waits either.
pub(super) fn start(network: &Arc<Network>) -> bool {
    let Ok(runtime) = Handle::try_current() else { return false };
    let radio = Radio(Arc::downgrade(network));
    runtime.spawn(radio.run(Arc::clone(&network.sooner)));
    true
}

/// Says, when its runtime ends, that the next message needs a new task.
struct Radio(Weak<Network>);

impl Radio {
    async fn run(self, sooner: Arc<Notify>) {
        loop {
            let Some(network) = self.0.upgrade() else { return };
            let next_due = network.carry();
            drop(network);
            match next_due {
                Some(at) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = sooner.notified() => {}
                },
                None => sooner.notified().await,
            }
        }
    }
}

impl Drop for Radio {
    fn drop(&mut self) {
        if let Some(network) = self.0.upgrade() {
            network.lock().has_radio = false;
        }
    }
}

impl Network {
    /// Carries what is due, and says when there is more.
    fn carry(&self) -> Option<Instant> {
        let mut state = self.lock();
        let now = Instant::now();
        for _ in 0..BATCH {
            let Some(event) = state.air.take_due(now) else { break };
            state.happen(event, now);
        }
        state.air.next_due()
    }
}
