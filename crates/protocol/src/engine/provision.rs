//! An account whose key was put into the device where it was made (§7.1): there is nothing to enrol.

use alloc::string::String;

use rand_core::CryptoRng;

use super::account::{Account, DEFAULT_THRESHOLD, History, MAX_TEXT_LEN};
use super::holdings::Holdings;
use super::keys::KeyState;
use super::{Engine, ProvisionError};
use crate::ids::{Epoch, Handle, UnixMillis};
use crate::profile::Suite;
use crate::secret::Secret;
use crate::wire::Party;

/// What a device is given where it is made. The server is given the same key for the same authenticator.
#[derive(Debug)]
pub struct Provision {
    /// The authenticator, and its profile, which is of suite 1: the server knows no public key of the device.
    pub party: Party,
    /// The device's own number for the account.
    pub handle: Handle,
    /// K_0.
    pub key: Secret<32>,
    /// The realm; at most [`MAX_TEXT_LEN`] bytes.
    pub realm: String,
    /// What the account is called on the device; at most [`MAX_TEXT_LEN`] bytes.
    pub label: String,
    /// The server, as an [`Enrolment`](crate::Enrolment) names it.
    pub server: String,
}

impl Engine {
    /// Begins an account that needs no enrolment. The first outputs are `Persist` and a request for the first set.
    ///
    /// # Errors
    /// See [`ProvisionError`]; nothing was sent then.
    pub fn provision(provision: Provision, rng: &mut (impl CryptoRng + ?Sized)) -> Result<Self, ProvisionError> {
        let Provision { party, handle, key, realm, label, server } = provision;
        if [&realm, &label, &server].into_iter().any(|text| text.len() > MAX_TEXT_LEN) {
            return Err(ProvisionError::TextTooLong);
        }
        if party.profile.suite() != Suite::Symmetric {
            return Err(ProvisionError::Suite);
        }
        let mut engine = Self::restore(Account {
            party,
            handle,
            realm,
            label,
            server,
            key: KeyState::Steady { key, epoch: Epoch(0) },
            static_pair: None,
            ephemeral: None,
            counter: 0,
            pending: None,
            last_sync: 0,
            threshold: DEFAULT_THRESHOLD,
            suspended: false,
            refill_asked: UnixMillis(0),
            holdings: Holdings::default(),
            history: History::default(),
        });
        engine.changed = true;
        engine.ask(engine.refill(), UnixMillis(0), rng).map_err(|_| ProvisionError::SealFailed)?;
        engine.flush();
        Ok(engine)
    }
}
