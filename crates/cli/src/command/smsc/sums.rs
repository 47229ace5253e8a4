//! What it came to.

use std::net::SocketAddr;

use matchbook_smsc::{Counts, Network, NumberCounts};
use serde::Serialize;

use crate::error::CliError;
use crate::ui::Ui;

/// The sums at the end.
#[derive(Serialize)]
pub(super) struct Sums {
    seed: u64,
    listen: String,
    #[serde(flatten)]
    counts: serde_json::Map<String, serde_json::Value>,
    waiting_for_esmes: usize,
    numbers: Vec<Number>,
}

/// One phone's number.
#[derive(Serialize)]
struct Number {
    number: String,
    received: u64,
    sent: u64,
    lost: u64,
    duplicated: u64,
    waiting: usize,
}

impl Sums {
    pub(super) fn of(network: &Network, address: SocketAddr, seed: u64) -> Self {
        let counts = named(&network.counts()).into_iter().map(|(name, count)| (name.to_owned(), count.into()));
        Self {
            seed,
            listen: address.to_string(),
            counts: counts.collect(),
            waiting_for_esmes: network.messages_waiting(),
            numbers: network.numbers().into_iter().map(Number::from).collect(),
        }
    }

    pub(super) fn print(&self, ui: &Ui) -> Result<(), CliError> {
        if ui.is_json() {
            return ui.json(self);
        }
        let mut fields: Vec<(&str, String)> =
            self.counts.iter().map(|(name, count)| (name.as_str(), count.to_string())).collect();
        fields.push(("waiting_for_esmes", self.waiting_for_esmes.to_string()));
        fields.push(("seed", self.seed.to_string()));
        ui.fields(&fields)
    }
}

impl From<NumberCounts> for Number {
    fn from(counts: NumberCounts) -> Self {
        let NumberCounts { number, received, sent, lost, duplicated, waiting } = counts;
        Self { number: number.to_string(), received, sent, lost, duplicated, waiting }
    }
}

/// The counts under their names.
pub(super) fn named(counts: &Counts) -> Vec<(&'static str, u64)> {
    // All of them: a new one does not compile until it stands here.
    let Counts {
        submitted,
        throttled,
        refused,
        delivered,
        lost,
        duplicated,
        reordered,
        corrupted,
        expired,
        undeliverable,
        receipts,
        receipts_dropped,
        mo_sent,
        mo_queued,
        mo_delivered,
        retried,
        mo_dropped,
        connections,
        bad_pdus,
    } = *counts;
    vec![
        ("submitted", submitted),
        ("throttled", throttled),
        ("refused", refused),
        ("delivered", delivered),
        ("lost", lost),
        ("duplicated", duplicated),
        ("reordered", reordered),
        ("corrupted", corrupted),
        ("expired", expired),
        ("undeliverable", undeliverable),
        ("receipts", receipts),
        ("receipts_dropped", receipts_dropped),
        ("mo_sent", mo_sent),
        ("mo_queued", mo_queued),
        ("mo_delivered", mo_delivered),
        ("retried", retried),
        ("mo_dropped", mo_dropped),
        ("connections", connections),
        ("bad_pdus", bad_pdus),
    ]
}
