//! HTTP gateways: Kannel, and whatever takes a POST (docs/reference/sms-config.md).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use matchbook_protocol::sms::{Address, Form, Segment};
use rand_core::Rng;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::centre::{Accepted, Centre, SubmitError, SubmitOptions};
use super::config::{Dialect, GatewayConfig, RouteConfig};
use super::measures::RouteMeasures;
use super::pace::{self, Pace};
use super::password::Password;
use crate::chance;

mod call;
mod callbacks;
mod fields;
mod generic;
mod kannel;

use call::Caller;
pub(crate) use callbacks::{Callbacks, path_without_secret, router};

/// Nothing is tried for so long after a first call that did not get through; for each further one twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest of these.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// One HTTP gateway.
pub(crate) struct Gateway {
    name: String,
    form: Form,
    number: Address,
    receipts: bool,
    dialect: Dialect,
    caller: Arc<Caller>,
    secret: Password,
    /// Where Kannel brings receipts, without the id.
    receipts_url: Option<String>,
    window: Arc<Semaphore>,
    pace: Pace,
    health: Mutex<Health>,
    counts: RouteMeasures,
}

/// How the last calls went.
#[derive(Default)]
struct Health {
    failures: u32,
    paused_until: Option<Instant>,
}

/// What is sent for one short message.
struct Call {
    /// What comes behind the gateway's URL; empty for none.
    query: String,
    /// The body and its media type; `None` for a GET.
    body: Option<(&'static str, String)>,
}

/// What the gateway answered.
struct Answer {
    status: u16,
    body: String,
}

impl Gateway {
    pub(super) fn new(route: &RouteConfig, gateway: &GatewayConfig, number: Address, counts: RouteMeasures) -> Self {
        let caller = Arc::new(Caller::new(gateway));
        if caller.is_plain() {
            tracing::warn!(gateway = route.name, "the password and the messages go unencrypted: use https://");
        }
        // Before the first call nothing speaks against it.
        counts.up.set(1);
        let secret = Password::new(gateway.secret.expose().to_owned().into());
        let path = callbacks::receipts_path(&route.name, secret.expose());
        Self {
            name: route.name.clone(),
            form: route.form,
            number,
            receipts: route.receipts,
            dialect: gateway.dialect,
            caller,
            receipts_url: gateway.callback_url.as_ref().map(|url| format!("{url}{path}")),
            secret,
            window: Arc::new(Semaphore::new(usize::from(route.window))),
            pace: Pace::new(route.per_second, pace::HELD),
            health: Mutex::default(),
            counts,
        }
    }

    async fn hand_over(
        &self,
        to: &Address,
        segment: &Segment,
        options: SubmitOptions,
    ) -> Result<Accepted, SubmitError> {
        let ended = |_| SubmitError::Unreachable("the server stops".to_owned());
        let id = random_id();
        let call = match self.dialect {
            Dialect::Kannel => {
                let receipts = self.receipts_url.as_deref().filter(|_| options.wants_receipt);
                kannel::call(&self.caller, &self.number, to, segment, &options, receipts.map(|url| (url, id.as_str())))
            }
            Dialect::GenericJson => generic::json(&self.number, to, segment, &options),
            Dialect::GenericForm => generic::form(&self.number, to, segment, &options),
        };
        let place = Arc::clone(&self.window).acquire_owned().await.map_err(ended)?;
        self.pace.take().await;
        let caller = Arc::clone(&self.caller);
        // The place is given back when the call ends, also when nobody waits for it any more.
        let called = tokio::task::spawn_blocking(move || {
            let answer = caller.call(&call);
            drop(place);
            answer
        });
        let answer = called.await.unwrap_or_else(|_| Err(SubmitError::InDoubt("the call broke off".to_owned())));
        self.note(answer.is_ok());
        match self.dialect {
            Dialect::Kannel => kannel::outcome(&answer?, options.wants_receipt.then_some(id)),
            Dialect::GenericJson | Dialect::GenericForm => generic::outcome(&answer?),
        }
    }

    /// Notes whether a call got through.
    fn note(&self, got_through: bool) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        self.counts.up.set(i64::from(got_through));
        if got_through {
            *health = Health::default();
            return;
        }
        self.counts.reconnects.inc();
        let pause = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(health.failures).unwrap_or(u32::MAX));
        health.failures = health.failures.saturating_add(1);
        health.paused_until = Some(Instant::now() + pause.min(LONGEST_PAUSE));
    }

    fn health<T>(&self, look: impl FnOnce(&Health) -> T) -> T {
        look(&self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Centre for Gateway {
    fn name(&self) -> &str {
        &self.name
    }

    fn form(&self) -> Form {
        self.form
    }

    /// Not while it is left alone after a call that did not get through; the next call then tries it.
    fn is_up(&self) -> bool {
        self.health(|health| health.paused_until.is_none_or(|until| until <= Instant::now()))
    }

    fn room(&self) -> usize {
        if !self.is_up() {
            return 0;
        }
        let room = self.window.available_permits().min(self.pace.available());
        // One call is enough to try it.
        if self.health(|health| health.failures > 0) { room.min(1) } else { room }
    }

    async fn submit(&self, to: &Address, segment: &Segment, options: &SubmitOptions) -> Result<Accepted, SubmitError> {
        let options = SubmitOptions { wants_receipt: options.wants_receipt && self.receipts, ..*options };
        self.counts.submits.inc();
        let result = self.hand_over(to, segment, options).await;
        if result == Err(SubmitError::Throttled) {
            self.pace.slow_down();
        }
        self.counts.submitted(&result);
        result
    }
}

/// What we call a message at a gateway that has no name for it: nobody can guess it.
fn random_id() -> String {
    let mut octets = [0; 12];
    chance::rng().fill_bytes(&mut octets);
    HEXLOWER.encode(&octets)
}

/// A word of the gateway for an error: printable, and short.
fn word(answer: &Answer) -> String {
    let said: String = answer.body.chars().filter(|letter| (' '..='~').contains(letter)).take(80).collect();
    format!("{} {said}", answer.status)
}

#[cfg(test)]
mod tests;
