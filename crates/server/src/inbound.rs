//! A device's message, from the bearer to the committed answer. Every bearer hands its bytes to [`Core::receive`].

use matchbook_protocol::AuthenticatorId;
use matchbook_protocol::wire::{Party, UnverifiedUplink};
use matchbook_rules::refusal::{Culprit, Refusal};
use matchbook_rules::request;
use matchbook_store::CommitError;

use crate::chance;
use crate::core::{Core, Outcome, as_seen};
use crate::metrics::MessageOutcome;
use crate::problem::Problem;
use crate::sms::Way;

/// What goes back to the device, committed before it leaves.
pub(crate) struct Answer {
    /// Who the device is; the answer goes to its registered place, not to the sender of the message.
    pub(crate) party: Party,
    /// Sealed messages in the compressed form, 0–4.
    pub(crate) messages: Vec<Vec<u8>>,
    /// The message was new, so that holding the answer for a push is not a replayer's choice.
    pub(crate) fresh: bool,
}

impl Core {
    /// Takes a message in the compressed form. `Ok(None)`: it was refused, which the sender is not told; an unknown
    /// identification code, a bad tag and a revoked authenticator cost and look the same.
    pub(crate) async fn receive(&self, bytes: &[u8], way: Way) -> Result<Option<Answer>, Problem> {
        let answer = self.receive_from(bytes, way).await;
        self.metrics.message(match &answer {
            Ok(Some(_)) => MessageOutcome::Answered,
            Ok(None) => MessageOutcome::Refused,
            Err(_) => MessageOutcome::Unavailable,
        });
        answer
    }

    async fn receive_from(&self, bytes: &[u8], way: Way) -> Result<Option<Answer>, Problem> {
        let Ok(unverified) = UnverifiedUplink::decode(bytes) else {
            request::burn_equal_cost(bytes, &self.keyring);
            return Ok(None);
        };
        let id = unverified.id();
        let known = self
            .decide_device(&id, |snapshot| {
                let (now, mut rng) = (chance::now(), chance::rng());
                let party = Party { id, profile: snapshot.authenticator.profile };
                let limits = self.limits(way, &snapshot.authenticator);
                match request::decide(bytes, snapshot, &self.keyring, &limits, now, &mut rng) {
                    Ok(decision) => {
                        let fresh = decision.fresh;
                        let answer = Answer { party, messages: decision.reply, fresh };
                        Ok(Outcome { changes: decision.changes, answer: Some(answer), tells: true })
                    }
                    Err(refusal) => {
                        note(&id, &refusal);
                        Ok(Outcome { changes: matchbook_rules::Changes::default(), answer: None, tells: false })
                    }
                }
            })
            .await?;
        match known {
            Some(Some(answer)) => Ok(Some(answer)),
            Some(None) => Ok(None),
            None => {
                request::burn_equal_cost(bytes, &self.keyring);
                Ok(None)
            }
        }
    }

    /// The sealed messages that wait for a device, oldest first, for a held request.
    pub(crate) async fn waiting_messages(&self, party: &Party) -> Result<Vec<Vec<u8>>, Problem> {
        let Some(snapshot) = self.store.load_device(&party.id).await? else { return Ok(Vec::new()) };
        let messages: Vec<_> = request::waiting(&snapshot).into_iter().map(|item| item.bytes.clone()).collect();
        if messages.is_empty() {
            return Ok(messages);
        }
        match self.make_sure_of(vec![as_seen(&snapshot.authenticator)]).await {
            Ok(()) => Ok(messages),
            // The device asks again, or fetches them with its next request.
            Err(CommitError::Conflict(_)) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What a stranger may bring about at will is information; what only the store's or our own fault can be is an error.
fn note(id: &AuthenticatorId, refusal: &Refusal) {
    let why = &refusal.inward;
    match refusal.culprit {
        Culprit::Peer | Culprit::Operator => tracing::info!(device = %id, why, "a device's message was refused"),
        Culprit::Store | Culprit::Bug => tracing::error!(device = %id, why, "a device's message cannot be answered"),
    }
}
