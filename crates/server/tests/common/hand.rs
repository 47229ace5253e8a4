//! A device of the symmetric suite without an engine: each message is made by hand, so that a test says exactly what is
//! sent, how often and under which key.

use matchbook_protocol::{
    AuthenticatorId, CodeIndex, CodeSet, Downlink, Enrol, Enrolment, Epoch, EpochKeys, Handle, Party, Reason, Request,
    Secret, Sync, UnverifiedDownlink, activation_key, compress_downlink, expand_uplink, split_sequence,
};

use super::raw;

/// The device.
pub(crate) struct Hand {
    pub(crate) party: Party,
    pub(crate) keys: EpochKeys,
    pub(crate) counter: u32,
    pub(crate) url: String,
}

/// What came back: the whole answer, and the messages in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) http: Vec<u8>,
    pub(crate) status: u16,
    /// Compressed.
    pub(crate) messages: Vec<Vec<u8>>,
}

/// A request that asks for nothing.
pub(crate) fn status(highest: u32, unused: u8) -> Request {
    Request { highest: CodeIndex(highest), unused, wanted: 0, reason: Reason::Status, ephemeral: None }
}

/// A request for a set.
pub(crate) fn wants(highest: u32, unused: u8, wanted: u8) -> Request {
    Request { highest: CodeIndex(highest), unused, wanted, reason: Reason::Manual, ephemeral: None }
}

pub(crate) fn rng() -> impl rand_core::CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}

impl Hand {
    pub(crate) fn new(enrolment: &Enrolment) -> Self {
        let key = activation_key(&enrolment.secret, &enrolment.party);
        let keys = EpochKeys::derive(&key, &enrolment.party, Epoch(0));
        Self { party: enrolment.party, keys, counter: 0, url: enrolment.server.clone() }
    }

    pub(crate) fn id(&self) -> AuthenticatorId {
        self.party.id
    }

    /// The next ENROL, compressed.
    pub(crate) fn seal_enrol(&mut self) -> Vec<u8> {
        self.counter += 1;
        let enrol = Enrol { profile: self.party.profile, handle: Handle(0), public_key: Vec::new() };
        self.keys.seal_enrol(self.counter, &enrol, &mut rng()).unwrap()
    }

    pub(crate) fn enrol(&mut self) -> Sync {
        let message = self.seal_enrol();
        self.sync_in(&self.post(&message))
    }

    /// The next request, compressed.
    pub(crate) fn seal(&mut self, request: &Request) -> Vec<u8> {
        self.counter += 1;
        self.keys.seal_request(self.counter, request, &mut rng()).unwrap()
    }

    pub(crate) fn request(&mut self, request: &Request) -> Answer {
        let message = self.seal(request);
        self.post(&message)
    }

    /// Sends a message in the compressed form.
    pub(crate) fn post(&self, message: &[u8]) -> Answer {
        self.post_waiting(message, 0)
    }

    /// The same, and lets the answer be held for so many seconds.
    pub(crate) fn post_waiting(&self, message: &[u8], wait_s: u32) -> Answer {
        self.read(&raw_post(&self.url, &expand_uplink(message).unwrap(), wait_s))
    }

    pub(crate) fn read(&self, http: &[u8]) -> Answer {
        let end = http.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        let head = std::str::from_utf8(&http[..end]).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let messages = split_sequence(&http[end..]).unwrap_or_default();
        let messages = messages.into_iter().map(|cose| compress_downlink(cose, &self.party).unwrap()).collect();
        Answer { http: http.to_vec(), status, messages }
    }

    pub(crate) fn open(&self, message: &[u8]) -> Downlink {
        self.keys.open_downlink(&UnverifiedDownlink::decode(message).unwrap(), None).unwrap()
    }

    /// The only set of an answer, or of none.
    pub(crate) fn set_in(&self, answer: &Answer) -> Option<CodeSet> {
        let mut sets: Vec<CodeSet> = answer
            .messages
            .iter()
            .filter_map(|message| match self.open(message) {
                Downlink::Set(set) => Some(set),
                Downlink::Rotation { .. } | Downlink::Sync { .. } => None,
            })
            .collect();
        assert!(sets.len() <= 1);
        sets.pop()
    }

    /// The last SYNC of an answer.
    pub(crate) fn sync_in(&self, answer: &Answer) -> Sync {
        let mut syncs = answer.messages.iter().rev().filter_map(|message| match self.open(message) {
            Downlink::Sync { sync, .. } => Some(sync),
            Downlink::Set(_) | Downlink::Rotation { .. } => None,
        });
        syncs.next().unwrap()
    }

    /// The key that an answer offers.
    pub(crate) fn rotation_in(&self, answer: &Answer) -> Option<(Epoch, Secret<32>)> {
        answer.messages.iter().find_map(|message| match self.open(message) {
            Downlink::Rotation { next, key } => Some((next, key)),
            Downlink::Set(_) | Downlink::Sync { .. } => None,
        })
    }
}

/// Posts a body as a device's message, and gives the whole answer with the date masked.
pub(crate) fn raw_post(url: &str, body: &[u8], wait_s: u32) -> Vec<u8> {
    use std::io::Write;
    let request = format!(
        "POST /v1/device/messages HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/cose\r\n\
         Prefer: wait={wait_s}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = raw::connect(url);
    stream.write_all(request.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = raw::read_to_end(&mut stream);
    if let Some(start) = answer.windows(6).position(|window| window == b"\ndate:") {
        let length = answer[start + 1..].iter().position(|byte| *byte == b'\r').unwrap();
        answer[start + 1..start + 1 + length].fill(b'x');
    }
    answer
}

/// The codes of a set, as people type them.
pub(crate) fn codes(set: &CodeSet) -> Vec<String> {
    set.codes().iter().map(|code| code.reveal().to_string()).collect()
}
