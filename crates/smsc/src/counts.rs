//! What happened.

use matchbook_protocol::sms::Address;

/// What happened on a network since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Submits that a centre took.
    pub submitted: u64,
    /// Submits that a centre refused because too many came.
    pub throttled: u64,
    /// Submits that a centre refused for any other reason.
    pub refused: u64,
    /// Short messages that reached a phone's mailbox, copies included.
    pub delivered: u64,
    /// Passages over the radio that came to nothing, in both directions.
    pub lost: u64,
    /// Copies that the radio made, in both directions.
    pub duplicated: u64,
    /// Short messages that arrived behind a later one of the same number, in both directions.
    pub reordered: u64,
    /// Short messages whose bits were flipped, in both directions.
    pub corrupted: u64,
    /// Submits that did not reach their phone within their validity.
    pub expired: u64,
    /// Submits to numbers that are no phones, or whose mailbox was full.
    pub undeliverable: u64,
    /// Receipts that an ESME has.
    pub receipts: u64,
    /// Receipts that were dropped because too many waited.
    pub receipts_dropped: u64,
    /// Short messages that phones sent.
    pub mo_sent: u64,
    /// Of these, the ones that came to the desk of the centres, copies included.
    pub mo_queued: u64,
    /// Of these, the ones that an ESME has.
    pub mo_delivered: u64,
    /// Deliveries to ESMEs that have to be tried again: refused for now, not answered, or cut off.
    pub retried: u64,
    /// Messages of phones that were dropped: an ESME refused them for good, or too many waited.
    pub mo_dropped: u64,
    /// Connections that centres took.
    pub connections: u64,
    /// PDUs that were no good.
    pub bad_pdus: u64,
}

/// What happened to one phone's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberCounts {
    /// The number.
    pub number: Address,
    /// Short messages that came into its mailbox, copies included.
    pub received: u64,
    /// Short messages that it sent.
    pub sent: u64,
    /// Passages from and to it that came to nothing.
    pub lost: u64,
    /// Copies that the radio made, from and to it.
    pub duplicated: u64,
    /// What lies in the mailbox now.
    pub waiting: usize,
}
