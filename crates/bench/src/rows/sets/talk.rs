//! What devices and the operator send. A device's requests are sealed before they are measured, each with the keys that
//! the store has of it; the first answer of each connection is opened and looked into.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use matchbook_protocol::wire::WANTED_SERVERS_CHOICE;
use matchbook_protocol::{
    CodeIndex, Downlink, EpochKeys, KeyPair, Party, Reason, Request, Suite, UnverifiedDownlink, compress_downlink,
    expand_uplink, split_sequence,
};

use super::Work;
use crate::load::{Answer, Talk};
use crate::population::{Population, REALM, Tokens, id, rng};
use crate::trouble::{Result, Trouble};

/// Devices that have something to ask, each once.
pub struct Devices {
    population: Population,
    work: Work,
    /// Sealed requests in COSE's form; none where the operator asks.
    requests: Arc<Vec<Vec<u8>>>,
    /// A floor gives to each as often as it is asked.
    is_endless: bool,
    next: AtomicU32,
}

/// The counter of a filled device's next request.
const COUNTER: u32 = 4;

impl Devices {
    /// Seals a request of each.
    ///
    /// # Errors
    /// The protocol refuses to seal one.
    pub fn of(population: &Population, work: Work) -> Result<Self> {
        let Some(request) = request(population, work)? else { return Ok(Self::with(population, work, Vec::new())) };
        let all = (0..population.devices).map(|device| sealed(&population.keys(device), COUNTER, &request));
        Ok(Self::with(population, work, all.collect::<Result<_>>()?))
    }

    /// The same requests over and over, for the floor.
    #[must_use]
    pub fn endless(&self) -> Arc<Self> {
        let (population, requests) = (self.population.clone(), Arc::clone(&self.requests));
        Arc::new(Self { population, work: self.work, requests, is_endless: true, next: AtomicU32::new(0) })
    }

    fn with(population: &Population, work: Work, requests: Vec<Vec<u8>>) -> Self {
        let (population, requests) = (population.clone(), Arc::new(requests));
        Self { population, work, requests, is_endless: false, next: AtomicU32::new(0) }
    }

    fn take(&self) -> Option<u32> {
        let (number, devices) = (self.next.fetch_add(1, Ordering::Relaxed), self.population.devices);
        if self.is_endless { number.checked_rem(devices) } else { (number < devices).then_some(number) }
    }

    fn party(&self, device: u32) -> Party {
        Party { id: id(device), profile: self.population.profile }
    }
}

/// What a device asks for; `None` where it is the operator who does.
fn request(population: &Population, work: Work) -> Result<Option<Request>> {
    let (highest, unused) = (CodeIndex(population.codes.into()), population.codes);
    let plain = Request { highest, unused, wanted: 0, reason: Reason::Status, ephemeral: None };
    Ok(match work {
        Work::Issue | Work::IssuePublicKey => {
            Some(Request { wanted: WANTED_SERVERS_CHOICE, reason: Reason::First, ..plain })
        }
        Work::Refill => Some(Request { wanted: WANTED_SERVERS_CHOICE, reason: Reason::Low, ..plain }),
        Work::Push => None,
        Work::Rotation => {
            let ephemeral = Some(pair()?.public().to_vec());
            Some(Request { reason: Reason::Rotate, ephemeral, ..plain })
        }
    })
}

/// The key pair of all devices, static and ephemeral: what it costs to use does not depend on it.
fn pair() -> Result<KeyPair> {
    KeyPair::from_secret_bytes(Suite::X25519, &[9; 32]).map_err(Trouble::because("a key pair was not made"))
}

fn sealed(keys: &EpochKeys, counter: u32, request: &Request) -> Result<Vec<u8>> {
    let sealed = keys.seal_request(counter, request, &mut rng());
    let sealed = sealed.map_err(Trouble::because("a request was not sealed"))?;
    expand_uplink(&sealed).map_err(Trouble::because("a request has no COSE form"))
}

/// One connection.
pub struct SetTalk {
    devices: Arc<Devices>,
    operator: String,
    /// Whether answers are looked into; a floor's are not.
    is_subject: bool,
    was_opened: bool,
    device: u32,
    /// The second request of the device at hand.
    second: Option<Vec<u8>>,
}

impl SetTalk {
    /// For [`crate::load::run`].
    #[must_use]
    pub fn boxed(devices: &Arc<Devices>, tokens: &Tokens, is_subject: bool) -> Box<dyn Talk> {
        let (devices, operator) = (Arc::clone(devices), tokens.operator.clone());
        Box::new(Self { devices, operator, is_subject, was_opened: false, device: 0, second: None })
    }

    /// Opens what the device got, and wants it to be what it asked for.
    fn open(&self, answer: &Answer<'_>) -> Result<Downlink> {
        let messages = split_sequence(answer.body).map_err(Trouble::because("no sequence of messages came"))?;
        let party = self.devices.party(self.device);
        let cose = messages.last().ok_or_else(|| Trouble::new("a device got no message"))?;
        let message = compress_downlink(cose, &party).map_err(Trouble::because("no message came"))?;
        let message = UnverifiedDownlink::decode(&message).map_err(Trouble::because("no message came"))?;
        let opened = self.devices.population.keys(self.device).open_downlink(&message, Some(&pair()?));
        opened.map_err(Trouble::because("a device cannot open its message"))
    }

    fn check_set(&self, answer: &Answer<'_>) -> Result<()> {
        match self.open(answer)? {
            Downlink::Set(set) if set.count() == 40 => Ok(()),
            other => Err(Trouble::new(format!("a device got {other:?} instead of 40 codes"))),
        }
    }

    /// The request under the key that the answer offers.
    fn switched(&self, answer: &Answer<'_>) -> Result<Vec<u8>> {
        match self.open(answer)? {
            Downlink::Rotation { next, key } => {
                let keys = EpochKeys::derive(&key, &self.devices.party(self.device), next);
                let codes = self.devices.population.codes;
                let highest = CodeIndex(codes.into());
                let request = Request { highest, unused: codes, wanted: 0, reason: Reason::Status, ephemeral: None };
                sealed(&keys, COUNTER + 1, &request)
            }
            other => Err(Trouble::new(format!("a device got {other:?} instead of a key"))),
        }
    }

    fn push(&self, out: &mut Vec<u8>) {
        let (device, operator) = (id(self.device), &self.operator);
        let head = format!(
            "POST /v1/realms/{REALM}/devices/{device}/push HTTP/1.1\r\nHost: 127.0.0.1\r\n\
             Authorization: Bearer {operator}\r\nContent-Length: 0\r\n\r\n"
        );
        out.extend_from_slice(head.as_bytes());
    }
}

fn message(body: &[u8], out: &mut Vec<u8>) {
    let head = format!(
        "POST /v1/device/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/cose\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(body);
}

impl Talk for SetTalk {
    fn ask(&mut self, out: &mut Vec<u8>) -> bool {
        if let Some(second) = &self.second {
            message(second, out);
            return true;
        }
        let Some(device) = self.devices.take() else { return false };
        self.device = device;
        let place = usize::try_from(device).unwrap_or(usize::MAX);
        match self.devices.requests.get(place) {
            Some(request) => message(request, out),
            None => self.push(out),
        }
        true
    }

    fn hear(&mut self, answer: &Answer<'_>) -> Result<bool> {
        if !(200..300).contains(&answer.status) {
            let body = String::from_utf8_lossy(answer.body);
            return Err(Trouble::new(format!("{} was answered {} {body}", self.devices.work.name(), answer.status)));
        }
        let is_first = !std::mem::replace(&mut self.was_opened, true);
        match (self.devices.work, self.second.take()) {
            (Work::Issue | Work::IssuePublicKey | Work::Refill, _) if self.is_subject && is_first => {
                self.check_set(answer).map(|()| true)
            }
            (Work::Issue | Work::IssuePublicKey | Work::Refill | Work::Push, _) | (Work::Rotation, Some(_)) => Ok(true),
            (Work::Rotation, None) => {
                let place = usize::try_from(self.device).unwrap_or(usize::MAX);
                self.second = match self.is_subject {
                    true => Some(self.switched(answer)?),
                    false => self.devices.requests.get(place).cloned(),
                };
                Ok(false)
            }
        }
    }
}
