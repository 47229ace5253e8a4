//! What a centre remembers of a submit until it is settled, and the receipt that tells the ESME.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use matchbook_protocol::UnixMillis;
use matchbook_protocol::sms::Address;
use tokio::time::Instant;

use crate::conditions::ReceiptForm;
use crate::desk::Route;

/// Which receipts an ESME asked for (registered_delivery, SMPP 5.0 §4.7.21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// None.
    Nothing,
    /// Whatever became of the message.
    Outcome,
    /// Only that it failed.
    Failure,
    /// Only that it arrived.
    Success,
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All of it is in the phone's mailbox.
    Delivered,
    /// Its validity was over first.
    Expired,
    /// There is no such phone, or its mailbox is full.
    Undeliverable,
}

/// A submit under way.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) id: String,
    pub(crate) route: Route,
    pub(crate) wants: Wants,
    pub(crate) from: Address,
    pub(crate) to: Address,
    pub(crate) submitted_at: UnixMillis,
    pub(crate) expires: Instant,
    /// Parts that are not in the mailbox yet. Behind the network's lock, as all that follows.
    pub(crate) missing: AtomicU16,
    pub(crate) is_settled: AtomicBool,
    pub(crate) has_alarm: AtomicBool,
}

impl Ticket {
    /// One more part is in the mailbox; whether that was the last one.
    pub(crate) fn part_arrived(&self) -> bool {
        self.missing.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Whether this was the first end of the message: one has only one.
    pub(crate) fn settle(&self) -> bool {
        !self.is_settled.swap(true, Ordering::Relaxed)
    }

    /// Whether the end of the message's validity is to be waited for, and nobody does yet.
    pub(crate) fn takes_alarm(&self) -> bool {
        !self.is_settled.load(Ordering::Relaxed) && !self.has_alarm.swap(true, Ordering::Relaxed)
    }

    /// The receipt, when the ESME asked for it.
    pub(crate) fn receipt(&self, outcome: Outcome, form: ReceiptForm, now: UnixMillis) -> Option<Receipt> {
        let is_wanted = match (self.wants, outcome) {
            (Wants::Nothing, _) => false,
            (Wants::Outcome, _)
            | (Wants::Failure, Outcome::Expired | Outcome::Undeliverable)
            | (Wants::Success, Outcome::Delivered) => true,
            (Wants::Failure, Outcome::Delivered) | (Wants::Success, Outcome::Expired | Outcome::Undeliverable) => false,
        };
        (is_wanted && form != ReceiptForm::None).then(|| Receipt {
            id: self.id.clone(),
            from: self.to.clone(),
            to: self.from.clone(),
            outcome,
            submitted_at: self.submitted_at,
            settled_at: now,
            form,
        })
    }
}

/// What became of a submit.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    /// The centre's message id.
    pub(crate) id: String,
    /// Who the message was for.
    pub(crate) from: Address,
    /// Who submitted it.
    pub(crate) to: Address,
    pub(crate) outcome: Outcome,
    pub(crate) submitted_at: UnixMillis,
    pub(crate) settled_at: UnixMillis,
    pub(crate) form: ReceiptForm,
}
