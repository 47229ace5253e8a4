//! Counts and times, for Prometheus.

use std::sync::atomic::Ordering;
use std::time::Duration;

use matchbook_store::StoreCounts;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::bearer::sms::measures::SmsMeasures;

/// The server's metrics. Labels are few and fixed: no name that a stranger can choose becomes one.
pub(crate) struct Metrics {
    registry: Registry,
    /// Verifies, by what came of them.
    pub(crate) verifies: Family<VerifyLabels, Counter>,
    /// Messages of devices, by what came of them.
    pub(crate) device_messages: Family<MessageLabels, Counter>,
    /// Decisions taken again after a conflict.
    pub(crate) conflicts: Counter,
    /// Commits whose outcome was in doubt.
    pub(crate) doubts: Counter,
    /// Transactions that the store tried again by itself.
    pub(crate) store_retries: Counter,
    /// Transactions of the store whose outcome was in doubt.
    pub(crate) store_doubts: Counter,
    /// Sealed messages handed to a bearer again.
    pub(crate) resends: Counter,
    /// From the commit's call to its durability.
    pub(crate) commit_seconds: Histogram,
    /// Sealed messages that wait to be acknowledged.
    pub(crate) outbox: Gauge,
    /// The age of the oldest of them.
    pub(crate) outbox_oldest_seconds: Gauge,
    /// Short messages, by what became of them.
    pub(crate) sms: Family<SmsLabels, Counter>,
    /// Short messages that came in.
    pub(crate) sms_inbound: Family<InboundLabels, Counter>,
    /// What the centres count of themselves.
    pub(crate) centres: SmsMeasures,
    /// Sealed messages that were never sent.
    pub(crate) unsent: Gauge,
    /// The age of the oldest of them.
    pub(crate) unsent_oldest_seconds: Gauge,
    /// Devices whose request is held for a push.
    pub(crate) waiting: Gauge,
    /// Authenticators that are not revoked.
    pub(crate) authenticators: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct VerifyLabels {
    pub(crate) outcome: VerifyOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum VerifyOutcome {
    Accepted,
    Rejected,
    Repeated,
    Slowed,
    Reused,
    Unavailable,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct MessageLabels {
    pub(crate) outcome: MessageOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum MessageOutcome {
    Answered,
    Refused,
    Unavailable,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct SmsLabels {
    pub(crate) event: SmsEvent,
}

/// What became of a short message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum SmsEvent {
    Submitted,
    Resent,
    InDoubt,
    Throttled,
    NoCentre,
    Capped,
    Delivered,
    Expired,
    Failed,
    UnknownReceipt,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct InboundLabels {
    pub(crate) outcome: Inbound,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Inbound {
    Whole,
    Part,
    Refused,
    Limited,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("matchbook");
        let metrics = Self {
            verifies: Family::default(),
            device_messages: Family::default(),
            conflicts: Counter::default(),
            doubts: Counter::default(),
            store_retries: Counter::default(),
            store_doubts: Counter::default(),
            resends: Counter::default(),
            commit_seconds: Histogram::new(exponential_buckets(0.000_1, 2.0, 16)),
            outbox: Gauge::default(),
            outbox_oldest_seconds: Gauge::default(),
            sms: Family::default(),
            sms_inbound: Family::default(),
            centres: SmsMeasures::default(),
            unsent: Gauge::default(),
            unsent_oldest_seconds: Gauge::default(),
            waiting: Gauge::default(),
            authenticators: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("verifies", "Verifies, by what came of them", metrics.verifies.clone());
        registry.register("device_messages", "Messages of devices", metrics.device_messages.clone());
        registry.register("conflicts", "Decisions taken again after a conflict", metrics.conflicts.clone());
        registry.register("commits_in_doubt", "Commits whose outcome was in doubt", metrics.doubts.clone());
        let retries = "Transactions that the store tried again because they lost a race";
        registry.register("store_retries", retries, metrics.store_retries.clone());
        registry.register("store_doubts", "Transactions of the store in doubt", metrics.store_doubts.clone());
        registry.register("outbox_resends", "Sealed messages sent again", metrics.resends.clone());
        registry.register_with_unit(
            "commit",
            "From a commit's call to its durability",
            Unit::Seconds,
            metrics.commit_seconds.clone(),
        );
        registry.register("outbox_messages", "Sealed messages not yet acknowledged", metrics.outbox.clone());
        registry.register_with_unit(
            "outbox_oldest",
            "The age of the oldest unacknowledged message",
            Unit::Seconds,
            metrics.outbox_oldest_seconds.clone(),
        );
        registry.register("short_messages", "Short messages, by what became of them", metrics.sms.clone());
        registry.register("short_messages_inbound", "Short messages that came in", metrics.sms_inbound.clone());
        metrics.centres.register(&mut registry);
        registry.register("outbox_unsent", "Sealed messages that were never sent", metrics.unsent.clone());
        registry.register_with_unit(
            "outbox_unsent_oldest",
            "The age of the oldest message that was never sent",
            Unit::Seconds,
            metrics.unsent_oldest_seconds.clone(),
        );
        registry.register("waiting_devices", "Devices whose request is held for a push", metrics.waiting.clone());
        registry.register("authenticators", "Authenticators that are not revoked", metrics.authenticators.clone());
        Self { registry, ..metrics }
    }

    pub(crate) fn verified(&self, outcome: VerifyOutcome) {
        self.verifies.get_or_create(&VerifyLabels { outcome }).inc();
    }

    pub(crate) fn message(&self, outcome: MessageOutcome) {
        self.device_messages.get_or_create(&MessageLabels { outcome }).inc();
    }

    pub(crate) fn sms(&self, event: SmsEvent) {
        self.sms.get_or_create(&SmsLabels { event }).inc();
    }

    pub(crate) fn inbound(&self, outcome: Inbound) {
        self.sms_inbound.get_or_create(&InboundLabels { outcome }).inc();
    }

    pub(crate) fn committed(&self, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
    }

    /// What the store counts by itself. Its counts only grow, so a reading that comes late changes nothing.
    pub(crate) fn of_store(&self, counts: StoreCounts) {
        self.store_retries.inner().fetch_max(counts.retries, Ordering::Relaxed);
        self.store_doubts.inner().fetch_max(counts.doubts, Ordering::Relaxed);
    }

    /// The OpenMetrics text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _written = encode(&mut text, &self.registry);
        text
    }
}
