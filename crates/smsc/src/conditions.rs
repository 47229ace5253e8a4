//! What a network does to messages.

use std::time::Duration;

/// What a network does to messages. The default is a perfect one: everything arrives once, whole, in order, at once.
///
/// Probabilities are from 0.0 (never) to 1.0 (always); each counts for one passage of one short message over the radio,
/// in either direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// What all decisions come from.
    pub seed: u64,
    /// A message never arrives.
    pub loss: f64,
    /// A message arrives twice.
    pub duplication: f64,
    /// A message is kept back until a later one of the same number has overtaken it, or for a second.
    pub reordering: f64,
    /// How long each message takes.
    pub delay: Duration,
    /// How much longer it may take: evenly from nothing to this. Messages overtake each other by it.
    pub jitter: Duration,
    /// Some bits of a message's user data are flipped.
    pub corruption: f64,
    /// How many submits a second a centre takes; ESMEs above it are throttled. `None`: as many as come.
    pub per_second: Option<u32>,
    /// How a centre writes delivery receipts.
    pub receipts: ReceiptForm,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            seed: 0,
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            corruption: 0.0,
            per_second: None,
            receipts: ReceiptForm::Both,
        }
    }
}

/// How a centre writes delivery receipts. Centres differ, so an ESME has to read all of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReceiptForm {
    /// The text and the parameters.
    #[default]
    Both,
    /// As optional parameters: receipted_message_id and message_state (SMPP 3.4 §5.3.2.12, §5.3.2.35).
    Tlv,
    /// As the text of the short message (SMPP 3.4 appendix B).
    Text,
    /// Never, whatever the ESME asked for.
    None,
}
