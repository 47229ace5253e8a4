//! Short messages come in, in any order, doubled, late or never; messages come out.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::PORT;
use super::address::Address;
use super::base64;
use super::header::{Concatenation, Reference, UserDataHeader};
use super::segment::{Body, MAX_MESSAGE_LEN, MAX_SEGMENTS, Segment, USER_DATA_OCTETS, USER_DATA_SEPTETS};
use crate::ids::UnixMillis;
use crate::named::named_errors;

/// How much a [`Reassembler`] keeps. Whoever can send short messages can fill it, so each of these is a limit on what a
/// stranger makes us hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages in the making, of all senders. Default 256.
    pub messages: usize,
    /// Messages in the making of one sender, so that none pushes all the others out. Default 8.
    pub messages_per_sender: usize,
    /// Parts of one message, at most 255. Default [`MAX_SEGMENTS`].
    pub parts: usize,
    /// How long after its first part a message may be completed, in milliseconds. Default 24 hours: as long as centres
    /// commonly try to deliver.
    pub age_ms: u64,
    /// Bytes of all parts that are held. Default 256 KiB.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            messages: 256,
            messages_per_sender: 8,
            parts: MAX_SEGMENTS,
            age_ms: 24 * 60 * 60 * 1_000,
            bytes: 256 * 1_024,
        }
    }
}

named_errors! {
    /// Why a short message was refused. None of these touches what is held.
    pub enum SmsError {
        /// The user data header is malformed.
        Header = "header": "the short message's user data header is malformed",
        /// It is for another application.
        OtherPort = "other-port": "the short message is for another application's port",
        /// It is part of a message of more parts than any of ours has.
        TooManyParts = "too-many-parts": "the short message is part of a message with too many parts",
        /// It holds nothing.
        Empty = "empty": "the short message holds nothing",
        /// Longer than any message by SMS, or a part longer than a short message.
        TooLong = "too-long": "the short message is longer than any of ours",
        /// A text that is no base64: a person's message, or one that a gateway changed.
        NotBase64 = "not-base64": "the short message's text is not standard base64",
    }
}

/// Joins the parts of messages. Whatever comes in, it holds no more than its [`Limits`]: when there is too much, the
/// sender with the most messages in the making loses its oldest.
#[derive(Debug)]
pub struct Reassembler {
    limits: Limits,
    makings: BTreeMap<Key, Making>,
    /// Counts the messages that were begun: tells which is older when the clock does not.
    begun: u64,
}

impl Reassembler {
    /// One that holds nothing yet.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, makings: BTreeMap::new(), begun: 0 }
    }

    /// Takes one short message; gives the message in its compressed form when this was all that was missing. The same
    /// part again changes nothing. A part with another content under the same number begins its message anew, because
    /// the reference came round or somebody forges: nothing is verified here, so what comes out may be a mixture that
    /// does not open, and the next transmission mends it.
    ///
    /// # Errors
    /// See [`SmsError`].
    pub fn accept(&mut self, from: &Address, segment: &Segment, now: UnixMillis) -> Result<Option<Vec<u8>>, SmsError> {
        let header = UserDataHeader::decode(&segment.header).map_err(|_| SmsError::Header)?;
        if header.ports.is_some_and(|ports| ports.destination != PORT) {
            return Err(SmsError::OtherPort);
        }
        let (kind, content) = content_of(&segment.body)?;
        match header.concatenation {
            Some(part) if part.total > 1 => {
                if usize::from(part.total) > self.limits.parts {
                    return Err(SmsError::TooManyParts);
                }
                if content.len() > kind.longest_part() {
                    return Err(SmsError::TooLong);
                }
                let key = Key { from: from.clone(), reference: part.reference, total: part.total, kind };
                self.hold(key, part, content, now).map(|joined| message_of(kind, &joined)).transpose()
            }
            Some(Concatenation { .. }) | None => message_of(kind, content).map(Some),
        }
    }

    /// How many bytes of parts are held.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.makings.values().map(Making::bytes).sum()
    }

    /// How many messages are in the making.
    #[must_use]
    pub fn held_messages(&self) -> usize {
        self.makings.len()
    }

    /// Forgets messages whose time is up. [`Reassembler::accept`] does it too; this is for whoever wants the memory back
    /// while nothing comes in.
    pub fn expire(&mut self, now: UnixMillis) {
        let age_ms = self.limits.age_ms;
        // Counted both ways, so that a clock that was set back does not keep a message for ever.
        self.makings.retain(|_, making| now.since(making.started).max(making.started.since(now)) <= age_ms);
    }

    /// Keeps a part; the joined content when it was the last one missing.
    fn hold(&mut self, key: Key, part: Concatenation, content: &[u8], now: UnixMillis) -> Option<Vec<u8>> {
        self.expire(now);
        let is_new = !self.makings.contains_key(&key);
        if is_new {
            self.begun = self.begun.saturating_add(1);
        }
        let fresh = Making { started: now, order: self.begun, parts: BTreeMap::new() };
        let making = self.makings.entry(key.clone()).or_insert(fresh);
        making.put(part.number, content, now);
        if making.parts.len() == usize::from(part.total) {
            return self.makings.remove(&key).map(|making| making.parts.into_values().flatten().collect());
        }
        if is_new && self.count_of(&key.from) > self.limits.messages_per_sender {
            self.evict_oldest_of(&key.from);
        }
        while self.makings.len() > self.limits.messages || self.held_bytes() > self.limits.bytes {
            let Some(sender) = self.greediest() else { break };
            self.evict_oldest_of(&sender);
        }
        None
    }

    fn count_of(&self, sender: &Address) -> usize {
        self.makings.keys().filter(|key| key.from == *sender).count()
    }

    fn evict_oldest_of(&mut self, sender: &Address) {
        let its_own = self.makings.iter().filter(|(key, _)| key.from == *sender);
        let oldest = its_own.min_by_key(|(_, making)| making.order).map(|(key, _)| key.clone());
        if let Some(key) = oldest {
            self.makings.remove(&key);
        }
    }

    /// The sender with the most messages in the making; of several, the one with the oldest.
    fn greediest(&self) -> Option<Address> {
        let mut senders: BTreeMap<&Address, (usize, u64)> = BTreeMap::new();
        for (key, making) in &self.makings {
            let (count, oldest) = senders.entry(&key.from).or_insert((0, u64::MAX));
            *count += 1;
            *oldest = making.order.min(*oldest);
        }
        let greediest = senders.into_iter().max_by_key(|(_, (count, oldest))| (*count, core::cmp::Reverse(*oldest)));
        greediest.map(|(sender, _)| sender.clone())
    }
}

/// What ties parts together. Data and text never mix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    from: Address,
    reference: Reference,
    total: u8,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Data,
    Text,
}

impl Kind {
    /// No part that came as one short message is longer.
    const fn longest_part(self) -> usize {
        match self {
            Self::Data => USER_DATA_OCTETS,
            Self::Text => USER_DATA_SEPTETS,
        }
    }
}

/// A message of which parts are missing.
#[derive(Debug)]
struct Making {
    started: UnixMillis,
    order: u64,
    parts: BTreeMap<u8, Vec<u8>>,
}

impl Making {
    fn put(&mut self, number: u8, content: &[u8], now: UnixMillis) {
        if self.parts.get(&number).is_some_and(|held| held != content) {
            self.parts.clear();
            self.started = now;
        }
        self.parts.entry(number).or_insert_with(|| content.into());
    }

    fn bytes(&self) -> usize {
        self.parts.values().map(Vec::len).sum()
    }
}

/// A body's bytes: data as it is, text without what gateways put around it.
fn content_of(body: &Body) -> Result<(Kind, &[u8]), SmsError> {
    let (kind, content) = match body {
        Body::Data(data) => (Kind::Data, data.as_slice()),
        Body::Text(text) => {
            let text = base64::trimmed(text);
            if !base64::is_alphabetic(text) {
                return Err(SmsError::NotBase64);
            }
            (Kind::Text, text.as_bytes())
        }
    };
    if content.is_empty() { Err(SmsError::Empty) } else { Ok((kind, content)) }
}

/// The message that whole content stands for.
fn message_of(kind: Kind, content: &[u8]) -> Result<Vec<u8>, SmsError> {
    let longest = match kind {
        Kind::Data => MAX_MESSAGE_LEN,
        Kind::Text => base64::characters_of(MAX_MESSAGE_LEN),
    };
    if content.len() > longest {
        return Err(SmsError::TooLong);
    }
    match kind {
        Kind::Data => Ok(content.into()),
        Kind::Text => base64::decode(content).ok_or(SmsError::NotBase64),
    }
}

#[cfg(test)]
mod tests;
