//! What the centres and gateways count. The only label is a name of the configuration, so that there are few.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::centre::{Accepted, SubmitError};

/// Which centre or gateway.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RouteLabels {
    pub(crate) centre: String,
}

/// The counts of all centres and gateways. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct SmsMeasures {
    up: Family<RouteLabels, Gauge>,
    submits: Family<RouteLabels, Counter>,
    accepted: Family<RouteLabels, Counter>,
    throttled: Family<RouteLabels, Counter>,
    refused: Family<RouteLabels, Counter>,
    in_doubt: Family<RouteLabels, Counter>,
    unreachable: Family<RouteLabels, Counter>,
    reconnects: Family<RouteLabels, Counter>,
    messages: Family<RouteLabels, Counter>,
    receipts: Family<RouteLabels, Counter>,
    put_off: Family<RouteLabels, Counter>,
    malformed: Family<RouteLabels, Counter>,
}

/// The counts of one centre or gateway.
#[derive(Clone, Default)]
pub(crate) struct RouteMeasures {
    /// 1 while it is bound; for a gateway, while the last call got through.
    pub(crate) up: Gauge,
    /// Short messages handed over.
    pub(crate) submits: Counter,
    /// Those of them that were taken.
    pub(crate) accepted: Counter,
    /// Those of them that it asked to send more slowly.
    pub(crate) throttled: Counter,
    /// Those of them that were refused.
    pub(crate) refused: Counter,
    /// Those of them that were not answered.
    pub(crate) in_doubt: Counter,
    /// Those of them that could not be sent.
    pub(crate) unreachable: Counter,
    /// Connections lost, and attempts that failed.
    pub(crate) reconnects: Counter,
    /// Short messages of phones that came in.
    pub(crate) messages: Counter,
    /// Receipts that came in.
    pub(crate) receipts: Counter,
    /// Messages and receipts that the server could not take at once, and that are to come again.
    pub(crate) put_off: Counter,
    /// What came in and cannot be read.
    pub(crate) malformed: Counter,
}

impl SmsMeasures {
    /// Adds them to a registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "sms_up",
            "Centres that are bound, and gateways whose last call got through",
            self.up.clone(),
        );
        let mut counter = |name: &str, help: &str, family: &Family<RouteLabels, Counter>| {
            registry.register(name, help, family.clone());
        };
        counter("sms_submits", "Short messages handed to a centre", &self.submits);
        counter("sms_accepted", "Short messages that a centre took", &self.accepted);
        counter("sms_throttled", "Short messages that a centre asked to send more slowly", &self.throttled);
        counter("sms_refused", "Short messages that a centre refused", &self.refused);
        counter("sms_in_doubt", "Short messages that a centre did not answer", &self.in_doubt);
        counter("sms_unreachable", "Short messages that could not be sent to a centre", &self.unreachable);
        counter("sms_reconnects", "Connections to centres lost, and attempts that failed", &self.reconnects);
        counter("sms_messages", "Short messages of phones that came in", &self.messages);
        counter("sms_receipts", "Delivery receipts that came in", &self.receipts);
        counter("sms_put_off", "Messages and receipts that are to come again", &self.put_off);
        counter("sms_malformed", "What came in and cannot be read", &self.malformed);
    }

    /// The counts of the centre or gateway of this name.
    pub(crate) fn of(&self, name: &str) -> RouteMeasures {
        let labels = RouteLabels { centre: name.to_owned() };
        RouteMeasures {
            up: self.up.get_or_create_owned(&labels),
            submits: self.submits.get_or_create_owned(&labels),
            accepted: self.accepted.get_or_create_owned(&labels),
            throttled: self.throttled.get_or_create_owned(&labels),
            refused: self.refused.get_or_create_owned(&labels),
            in_doubt: self.in_doubt.get_or_create_owned(&labels),
            unreachable: self.unreachable.get_or_create_owned(&labels),
            reconnects: self.reconnects.get_or_create_owned(&labels),
            messages: self.messages.get_or_create_owned(&labels),
            receipts: self.receipts.get_or_create_owned(&labels),
            put_off: self.put_off.get_or_create_owned(&labels),
            malformed: self.malformed.get_or_create_owned(&labels),
        }
    }
}

impl RouteMeasures {
    /// Counts what came of a submit.
    pub(super) fn submitted(&self, result: &Result<Accepted, SubmitError>) {
        match result {
            Ok(_) => self.accepted.inc(),
            Err(SubmitError::Throttled) => self.throttled.inc(),
            Err(SubmitError::Refused { .. }) => self.refused.inc(),
            Err(SubmitError::InDoubt(_)) => self.in_doubt.inc(),
            Err(SubmitError::Unreachable(_)) => self.unreachable.inc(),
        };
    }
}
