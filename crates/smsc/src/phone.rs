//! A phone: a number's mailbox and radio.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use matchbook_protocol::UnixMillis;
use matchbook_protocol::sms::{Address, Segment};
use tokio::sync::Notify;

use crate::network::Network;

/// A phone that is on. Dropping it switches it off; its number's mailbox stays, and what comes meanwhile waits for the
/// next phone of that number, as long as it is valid.
pub struct Phone {
    network: Arc<Network>,
    number: Address,
    came: Arc<Notify>,
    is_on: bool,
}

/// A short message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Who it is from, as the sender's centre has it.
    pub from: Address,
    /// What it says.
    pub segment: Segment,
    /// When the centre got it.
    pub sent_at: UnixMillis,
}

impl Phone {
    pub(crate) fn new(network: Arc<Network>, number: Address, came: Arc<Notify>) -> Self {
        Self { network, number, came, is_on: true }
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> &Address {
        &self.number
    }

    /// Sends one short message: to another phone when there is one of that number, otherwise to the ESMEs. What does not
    /// fit into a short message is lost; so is what a phone sends that is off.
    pub async fn send(&self, to: &Address, segment: Segment) {
        if self.is_on {
            self.network.send(&self.number, to, segment);
        }
    }

    /// The next short message; waits until one comes. Cancelling it loses nothing.
    pub async fn receive(&mut self) -> Incoming {
        loop {
            let mut came = pin!(self.came.notified());
            // From here on nothing that comes is missed.
            came.as_mut().enable();
            if let Some(incoming) = self.network.take(&self.number) {
                return incoming;
            }
            came.await;
        }
    }

    /// The next short message, when one is there.
    pub fn try_receive(&mut self) -> Option<Incoming> {
        self.network.take(&self.number)
    }

    /// Switches it on or off. What is in the mailbox already can be taken either way.
    pub fn set_on(&mut self, is_on: bool) {
        match (self.is_on, is_on) {
            (false, true) => self.network.switch_on(&self.number),
            (true, false) => self.network.switch_off(&self.number),
            (true, true) | (false, false) => {}
        }
        self.is_on = is_on;
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.set_on(false);
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phone").field("number", &self.number).field("is_on", &self.is_on).finish_non_exhaustive()
    }
}
