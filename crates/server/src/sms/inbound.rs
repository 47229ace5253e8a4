//! Short messages that come in: joined, decided about, committed; and receipts, noted with what they are about.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use matchbook_protocol::sms::{Address, Segment};
use matchbook_rules::{Dispatch, DispatchState, sms};

use super::Way;
use crate::bearer::sms::centre::{Inbox, NotNow, Receipt, ReceiptState};
use crate::chance;
use crate::core::Core;
use crate::metrics::{Inbound, SmsEvent};

/// How often a receipt that overtook the note of its message is looked for again, and how long apart: the note is one
/// commit behind the centre's answer.
const RECEIPT_PAUSES: [Duration; 6] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// Where the centres put what comes in. It does not keep the server alive.
pub(crate) struct Door(pub(crate) Weak<Core>);

#[async_trait]
impl Inbox for Door {
    async fn message(&self, _centre: &str, from: &Address, segment: Segment) -> Result<(), NotNow> {
        self.0.upgrade().ok_or(NotNow)?.take_short_message(from, &segment).await
    }

    async fn receipt(&self, centre: &str, receipt: Receipt) -> Result<(), NotNow> {
        if receipt.state == ReceiptState::Other {
            return Ok(());
        }
        let core = self.0.upgrade().ok_or(NotNow)?;
        let known = core.store.dispatch_of(centre, &receipt.id).await.map_err(later)?;
        match known {
            Some(dispatch) => core.take_receipt(&dispatch, &receipt).await,
            None => {
                core.look_again(centre.to_owned(), receipt);
                Ok(())
            }
        }
    }
}

impl Core {
    /// Who sent it counts for nothing but the limit on senders: numbers are forged easily. The answer goes to the number
    /// that the device is registered with.
    async fn take_short_message(&self, from: &Address, segment: &Segment) -> Result<(), NotNow> {
        let Some(desk) = &self.sms else { return Err(NotNow) };
        if !self.rates.sender(from) {
            self.metrics.inbound(Inbound::Limited);
            return Ok(());
        }
        let joined = {
            let mut reassembler = desk.reassembler.lock().unwrap_or_else(PoisonError::into_inner);
            reassembler.accept(from, segment, chance::now())
        };
        match joined {
            Ok(None) => {
                self.metrics.inbound(Inbound::Part);
                Ok(())
            }
            Ok(Some(bytes)) => {
                self.metrics.inbound(Inbound::Whole);
                let received = self.receive(&bytes, Way::ShortMessage).await;
                desk.wake();
                received.map(drop).map_err(|problem| {
                    tracing::warn!(%problem, "a short message cannot be taken now and is to come again");
                    NotNow
                })
            }
            Err(error) => {
                tracing::debug!(%error, "a short message was refused");
                self.metrics.inbound(Inbound::Refused);
                Ok(())
            }
        }
    }

    async fn take_receipt(&self, dispatch: &Dispatch, receipt: &Receipt) -> Result<(), NotNow> {
        let state = match receipt.state {
            ReceiptState::Delivered => DispatchState::Delivered,
            ReceiptState::Expired => DispatchState::Expired,
            ReceiptState::Failed => DispatchState::Failed,
            ReceiptState::Other => return Ok(()),
        };
        if dispatch.settled_at.is_some() {
            return Ok(());
        }
        // Centres write err:000 when nothing went wrong.
        let error = if state == DispatchState::Delivered { "" } else { receipt.error.as_str() };
        let changes = sms::settle(dispatch, state, error, chance::now(), &mut chance::rng());
        self.commit(changes).await.map_err(later)?;
        self.metrics.sms(match receipt.state {
            ReceiptState::Delivered | ReceiptState::Other => SmsEvent::Delivered,
            ReceiptState::Expired => SmsEvent::Expired,
            ReceiptState::Failed => SmsEvent::Failed,
        });
        Ok(())
    }

    /// Looks for the message of a receipt a few times more, beside the session: nobody waits for a receipt, and one that is
    /// not ours is not to keep others waiting. When too many are looked for, it is dropped: a receipt is a hint.
    fn look_again(self: Arc<Self>, centre: String, receipt: Receipt) {
        let permit = self.sms.as_ref().and_then(|desk| Arc::clone(&desk.early_receipts).try_acquire_owned().ok());
        let Some(permit) = permit else {
            self.metrics.sms(SmsEvent::UnknownReceipt);
            return;
        };
        tokio::spawn(async move {
            let _held = permit;
            for pause in RECEIPT_PAUSES {
                tokio::time::sleep(pause).await;
                if let Ok(Some(dispatch)) = self.store.dispatch_of(&centre, &receipt.id).await
                    && self.take_receipt(&dispatch, &receipt).await.is_ok()
                {
                    return;
                }
            }
            tracing::debug!(centre, "a receipt of a message that is not ours, or was forgotten");
            self.metrics.sms(SmsEvent::UnknownReceipt);
        });
    }
}

fn later(error: impl std::fmt::Display) -> NotNow {
    tracing::warn!(%error, "a receipt cannot be taken now and is to come again");
    NotNow
}
