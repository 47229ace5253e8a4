//! A bearer that remembers what it carried, so that the demo can show the bytes.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use matchbook_device::bearer::{Bearer, BearerError};
use matchbook_protocol::wire::{DownlinkKind, UnverifiedDownlink};

/// What one device sent and got, in the compressed form.
#[derive(Clone, Default)]
pub(super) struct Tape {
    messages: Arc<Mutex<Vec<Recorded>>>,
}

/// One message.
#[derive(Clone)]
pub(super) struct Recorded {
    pub(super) sent: bool,
    pub(super) bytes: Vec<u8>,
}

impl Tape {
    /// Forgets what was before, so that an act sees only its own messages.
    pub(super) fn rewind(&self) {
        self.lock().clear();
    }

    /// The newest message that was sent.
    pub(super) fn last_sent(&self) -> Option<Vec<u8>> {
        self.lock().iter().rev().find(|message| message.sent).map(|message| message.bytes.clone())
    }

    /// The first message that was sent.
    pub(super) fn first_sent(&self) -> Option<Vec<u8>> {
        self.lock().iter().find(|message| message.sent).map(|message| message.bytes.clone())
    }

    /// The newest message of a kind that came.
    pub(super) fn last_received(&self, kind: DownlinkKind) -> Option<Vec<u8>> {
        let is_kind = |bytes: &[u8]| UnverifiedDownlink::decode(bytes).is_ok_and(|m| m.header().kind == kind);
        self.lock().iter().rev().find(|message| !message.sent && is_kind(&message.bytes)).map(|m| m.bytes.clone())
    }

    /// How many messages of a kind came.
    pub(super) fn received(&self, kind: DownlinkKind) -> usize {
        let is_kind = |bytes: &[u8]| UnverifiedDownlink::decode(bytes).is_ok_and(|m| m.header().kind == kind);
        self.lock().iter().filter(|message| !message.sent && is_kind(&message.bytes)).count()
    }

    fn push(&self, sent: bool, bytes: &[u8]) {
        self.lock().push(Recorded { sent, bytes: bytes.to_vec() });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Recorded>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bearer with a tape.
pub(super) struct Taped<B> {
    pub(super) bearer: B,
    pub(super) tape: Tape,
}

impl<B: Bearer> Bearer for Taped<B> {
    fn exchange(&mut self, message: &[u8], wait: Option<Duration>) -> Result<Vec<Vec<u8>>, BearerError> {
        self.tape.push(true, message);
        let answers = self.bearer.exchange(message, wait)?;
        for answer in &answers {
            self.tape.push(false, answer);
        }
        Ok(answers)
    }
}

/// Bytes in hexadecimal, cut after the first 24, with their number.
pub(super) fn hex(bytes: &[u8]) -> String {
    const SHOWN: usize = 24;
    let mut text = String::new();
    for byte in bytes.iter().take(SHOWN) {
        // Writing into a String cannot fail.
        let _written = write!(text, "{byte:02x}");
    }
    let cut = if bytes.len() > SHOWN { "…" } else { "" };
    format!("{text}{cut} ({} bytes)", bytes.len())
}
