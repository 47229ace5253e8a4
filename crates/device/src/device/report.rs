//! What an exchange with the server brought.

use matchbook_protocol::{Event, PeerError};

/// What an exchange with the server brought. All of it is stored.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Why messages were refused, in order. A message of a stranger is refused and changes nothing.
    pub refused: Vec<PeerError>,
    /// How many messages were sent and got through.
    pub sent: u32,
    /// How many bytes they had, in their compressed form.
    pub sent_bytes: u32,
    /// How many messages came.
    pub received: u32,
    /// Whether the server has answered all that the device asked. When it has not, it does not know the device (an
    /// enrolment that expired, an authenticator that was revoked), or the answer is still to come.
    pub answered: bool,
}

impl Report {
    /// How many codes came.
    #[must_use]
    pub fn codes_received(&self) -> usize {
        self.events
            .iter()
            .filter_map(|event| {
                let Event::SetAccepted { count, .. } = event else { return None };
                Some(usize::from(*count))
            })
            .sum()
    }

    /// Whether anything happened or was refused.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.events.is_empty() && self.refused.is_empty()
    }
}
