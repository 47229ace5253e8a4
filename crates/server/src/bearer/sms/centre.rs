//! What the outbox asks of a way out to phones, and where it puts what comes in.

use std::time::Duration;

use async_trait::async_trait;
use matchbook_protocol::sms::{Address, Form, Segment};

/// A way out to phones: an SMPP centre, or an HTTP gateway.
#[async_trait]
pub(crate) trait Centre: Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &str;
    /// How it carries messages.
    fn form(&self) -> Form;
    /// It is bound; for a gateway, the last call got through.
    fn is_up(&self) -> bool;
    /// How many submits could begin now without waiting for the window or the token bucket; 0 when it is down or asked
    /// to slow down.
    fn room(&self) -> usize;
    /// Hands over one short message; waits for the window and the token bucket.
    async fn submit(&self, to: &Address, segment: &Segment, options: &SubmitOptions) -> Result<Accepted, SubmitError>;
}

/// What is asked for a short message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SubmitOptions {
    /// The centre drops what it could not deliver by then.
    pub(crate) validity: Duration,
    /// A delivery receipt is wanted.
    pub(crate) wants_receipt: bool,
}

/// The centre has taken the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// What the centre calls it in its receipt; `None` when it gave no name.
    pub(crate) id: Option<String>,
}

/// The centre has not taken the message, or nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SubmitError {
    /// It asked to slow down; the message was not taken.
    Throttled,
    /// The message surely was not sent.
    Unreachable(String),
    /// It was sent and no answer came: it may have been taken.
    InDoubt(String),
    /// The centre refused it.
    Refused {
        /// The centre's word for it.
        code: String,
        /// The same message will be refused again, as for a number that does not exist.
        is_permanent: bool,
    },
}

/// Where a centre puts what comes in.
#[async_trait]
pub(crate) trait Inbox: Send + Sync {
    /// A short message of a phone; returns after the durable commit of what it brings about.
    async fn message(&self, centre: &str, from: &Address, segment: Segment) -> Result<(), NotNow>;
    /// What became of a short message of ours; returns after the durable commit.
    async fn receipt(&self, centre: &str, receipt: Receipt) -> Result<(), NotNow>;
}

/// It cannot be taken now, and is to come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotNow;

/// A delivery receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// As [`Accepted::id`].
    pub(crate) id: String,
    /// What became of it.
    pub(crate) state: ReceiptState,
    /// The centre's error, printable, at most 40 bytes; empty for none.
    pub(crate) error: String,
}

/// What became of a short message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReceiptState {
    /// It is on the phone.
    Delivered,
    /// The phone was not reached in time.
    Expired,
    /// It will not be delivered.
    Failed,
    /// It is on its way: nothing to settle.
    Other,
}
