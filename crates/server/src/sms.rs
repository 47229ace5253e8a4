//! Short messages: what comes in from the centres, what the outbox hands to them, and what became of it.
//!
//! A message leaves only through the outbox: it is committed, then counted as sent, then handed over; what the centre said
//! is committed after that. A crash in between sends the same bytes again, which the device takes for what they are.

pub(crate) mod dispatch;
pub(crate) mod inbound;

use std::sync::{Arc, Mutex, OnceLock};

use axum::extract::FromRef;
use matchbook_protocol::sms::{Address, Form, Limits, Reassembler};
use matchbook_rules::Authenticator;
use matchbook_rules::request::BearerLimits;
use matchbook_rules::sms::Caps;
use tokio::sync::{Notify, Semaphore};

use crate::bearer::sms::centres::Centres;
use crate::bearer::sms::config::SmsConfig;
use crate::bearer::sms::gateway::Callbacks;
use crate::core::Core;

/// Receipts whose messages are looked for at once; each costs a few reads in twenty seconds.
const MAX_EARLY_RECEIPTS: usize = 256;

/// What the short messages of one server share.
pub(crate) struct Desk {
    /// What devices send to.
    pub(crate) number: Address,
    pub(crate) caps: Caps,
    /// How long a centre tries.
    pub(crate) validity: std::time::Duration,
    /// The pause after the first sending.
    pub(crate) resend_first: std::time::Duration,
    reassembler: Mutex<Reassembler>,
    /// Places for receipts that overtook the note of their message.
    pub(crate) early_receipts: Arc<Semaphore>,
    /// Set once, when they are started; they need the core, which is made before.
    centres: OnceLock<Centres>,
    /// There may be something to send.
    wake: Notify,
}

impl Desk {
    pub(crate) fn new(config: &SmsConfig) -> Self {
        let caps = &config.caps;
        Self {
            number: config.number.clone(),
            caps: Caps {
                messages_per_device: caps.messages_per_device,
                messages_per_prefix: caps.messages_per_prefix,
                messages_per_realm: caps.messages_per_realm,
                sets_per_prefix: caps.sets_per_prefix,
                sets_per_realm: caps.sets_per_realm,
                prefix_digits: caps.prefix_digits,
                alarm_percent: caps.alarm_percent,
            },
            validity: config.validity,
            resend_first: config.resend_first,
            reassembler: Mutex::new(Reassembler::new(Limits::default())),
            early_receipts: Arc::new(Semaphore::new(MAX_EARLY_RECEIPTS)),
            centres: OnceLock::new(),
            wake: Notify::new(),
        }
    }

    /// Takes the centres, once they are started.
    pub(crate) fn open(&self, centres: Centres) {
        if self.centres.set(centres).is_err() {
            tracing::error!("the centres were started twice");
        }
    }

    /// The ways out; `None` before they are started.
    pub(crate) fn centres(&self) -> Option<&Centres> {
        self.centres.get()
    }

    /// There may be something to send.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Completes when there may be something to send.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// How messages go to a number.
    fn form(&self, number: &Address) -> Form {
        let ways = self.centres().map(|centres| centres.for_number(number)).unwrap_or_default();
        ways.first().map_or(Form::Binary, |centre| centre.form())
    }
}

/// Which way a device's message came, or a push goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A dialogue by HTTP.
    Http,
    /// Short messages.
    ShortMessage,
}

impl FromRef<Arc<Core>> for Callbacks {
    fn from_ref(core: &Arc<Core>) -> Self {
        core.sms.as_ref().and_then(Desk::centres).map(Centres::callbacks).unwrap_or_default()
    }
}

impl Core {
    /// What the bearer carries that a message came by.
    pub(crate) fn limits(&self, way: Way, device: &Authenticator) -> BearerLimits {
        match (way, &self.sms, &device.msisdn) {
            (Way::Http, _, _) => BearerLimits::HTTP,
            (Way::ShortMessage, Some(desk), Some(number)) => {
                let limits = match desk.form(number) {
                    Form::Binary => BearerLimits::SMS,
                    Form::Text => BearerLimits::SMS_TEXT,
                };
                let first_ms = u64::try_from(desk.resend_first.as_millis()).unwrap_or(u64::MAX);
                BearerLimits { repeat_after_ms: limits.repeat_after_ms.min(first_ms), ..limits }
            }
            (Way::ShortMessage, _, _) => BearerLimits::SMS,
        }
    }

    /// Which way a push goes to a device: by short message when it has a number, and does not wait on the line.
    pub(crate) fn push_way(&self, device: &Authenticator) -> Way {
        let is_reached = self.sms.is_some() && device.msisdn.is_some();
        if is_reached && !self.waiting.waits(&device.id) { Way::ShortMessage } else { Way::Http }
    }

    /// There may be something to send by short message.
    pub(crate) fn wake_dispatch(&self) {
        if let Some(desk) = &self.sms {
            desk.wake();
        }
    }
}
