//! What it came to.

use std::net::SocketAddr;

use matchbook_smsc::{Counts, Network, NumberCounts};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::CliError;
use crate::ui::Ui;

/// The sums at the end.
pub(super) struct Sums {
    seed: u64,
    listen: SocketAddr,
    counts: Counts,
    waiting_for_esmes: usize,
    numbers: Vec<NumberCounts>,
}

/// The sums as JSON.
#[derive(Serialize)]
struct Document {
    seed: u64,
    listen: String,
    #[serde(flatten)]
    counts: Map<String, Value>,
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
    pub(super) fn of(network: &Network, listen: SocketAddr, seed: u64) -> Self {
        Self {
            seed,
            listen,
            counts: network.counts(),
            waiting_for_esmes: network.messages_waiting(),
            numbers: network.numbers(),
        }
    }

    pub(super) fn print(self, ui: &Ui) -> Result<(), CliError> {
        let counts = named(&self.counts).into_iter();
        if ui.is_json() {
            return ui.json(&Document {
                seed: self.seed,
                listen: self.listen.to_string(),
                counts: counts.map(|(name, count)| (name.to_owned(), count.into())).collect(),
                waiting_for_esmes: self.waiting_for_esmes,
                numbers: self.numbers.into_iter().map(Number::from).collect(),
            });
        }
        let mut fields: Vec<(&str, String)> = counts.map(|(name, count)| (name, count.to_string())).collect();
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
