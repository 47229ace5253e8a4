//! The search: all successors of a state, the properties, and the limits that keep it finite.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher};

use crate::device::{Device, Keys};
use crate::server::Server;
use crate::{Mode, Mutant};

/// A key by its number; 0 is the activation secret's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) u8);

/// A set: one index, and what its codes are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Set {
    pub(crate) index: u8,
    pub(crate) content: u8,
}

/// REQ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Request {
    pub(crate) counter: u8,
    pub(crate) key: Key,
    pub(crate) highest: u8,
    pub(crate) wanted: bool,
    pub(crate) rotate: bool,
    pub(crate) ephemeral: Option<u8>,
}

/// SET, ROT and SYNC.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Down {
    Set { set: Set, key: Key },
    Rotation { under: Key, new: Key, ephemeral: Option<u8> },
    Sync { key: Key, last_request: u8 },
}

impl Down {
    /// The key that it is sealed under.
    pub(crate) const fn key(&self) -> Key {
        match self {
            Self::Set { key, .. } | Self::Rotation { under: key, .. } | Self::Sync { key, .. } => *key,
        }
    }
}

/// Which property does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Broken {
    NoSharedKey,
    Stranded,
    TwoSets,
    VoidCode,
    Conflict,
}

/// What a search found.
#[derive(Debug)]
pub(crate) struct Explored {
    pub(crate) states: usize,
    pub(crate) rotations: u8,
    pub(crate) broken: BTreeSet<Broken>,
}

/// How often the parties do what they may leave undone. What they have to do is never limited.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Left {
    pub(crate) sets_asked: u8,
    pub(crate) sets_pushed: u8,
    pub(crate) rotations: u8,
    pub(crate) ephemerals_lost: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    device: Device,
    server: Server,
    up: BTreeSet<Request>,
    down: BTreeSet<Down>,
    left: Left,
}

/// More states than the search ever needs: a model that grew beyond this is no longer small.
const MOST_STATES: usize = 3_000_000;

/// Goes through every reachable state, or until the `wanted` property is broken. What lies beyond a state without a
/// shared key is not looked at.
pub(crate) fn explore(mode: Mode, left: Left, mutant: Option<Mutant>, wanted: Option<Broken>) -> Explored {
    let start =
        State { device: Device::new(), server: Server::new(), up: BTreeSet::new(), down: BTreeSet::new(), left };
    let mut seen: HashSet<State, BuildHasherDefault<DefaultHasher>> = HashSet::default();
    let mut queue = VecDeque::from([start.clone()]);
    let mut rotations = 0;
    let mut broken = BTreeSet::new();
    seen.insert(start);
    while let Some(state) = queue.pop_front() {
        let found = state.broken(mode, mutant);
        broken.extend(found);
        if wanted.is_some() && found == wanted {
            break;
        }
        if found == Some(Broken::NoSharedKey) {
            continue;
        }
        if let Keys::Steady(Key(number)) = state.device.keys {
            rotations = rotations.max(number);
        }
        for next in state.successors(mode, mutant) {
            if !seen.contains(&next) {
                assert!(seen.len() < MOST_STATES, "the model is too large");
                queue.push_back(next.clone());
                seen.insert(next);
            }
        }
    }
    Explored { states: seen.len(), rotations, broken }
}

impl State {
    fn successors(&self, mode: Mode, mutant: Option<Mutant>) -> Vec<Self> {
        let mut all = Vec::new();
        for request in &self.up {
            let mut next = self.clone();
            let replies = next.server.receive(request, mode, mutant);
            next.sent_down(replies, &mut all);
        }
        for message in &self.down {
            let mut next = self.clone();
            let request = next.device.receive(message, mode, mutant);
            next.sent_up(request, &mut all);
        }
        self.resends(&mut all);
        self.devices_own(mode, &mut all);
        self.servers_own(mode, mutant, &mut all);
        all
    }

    /// What waits for an answer is sent again.
    fn resends(&self, all: &mut Vec<Self>) {
        let mut next = self.clone();
        next.up.extend(self.device.pending.clone());
        all.push(next);
        let mut next = self.clone();
        next.down.extend(self.server.outbox());
        all.push(next);
    }

    /// What the device does of its own accord.
    fn devices_own(&self, mode: Mode, all: &mut Vec<Self>) {
        if self.left.sets_asked > 0 {
            let mut next = self.clone();
            next.left.sets_asked -= 1;
            let request = next.device.ask(true, false, mode);
            next.sent_up(Some(request), all);
        }
        if mode == Mode::Symmetric || !matches!(self.device.keys, Keys::Steady(_)) {
            return;
        }
        if self.left.rotations > 0 && self.device.ephemeral.is_none() {
            let mut next = self.clone();
            next.left.rotations -= 1;
            let request = next.device.ask(false, true, mode);
            next.sent_up(Some(request), all);
        }
        if self.left.ephemerals_lost > 0 && self.device.ephemeral.is_some() {
            let mut next = self.clone();
            next.left.ephemerals_lost -= 1;
            next.device.renew_ephemeral();
            let request = next.device.ask(false, true, mode);
            next.sent_up(Some(request), all);
        }
    }

    /// What the server does of its own accord.
    fn servers_own(&self, mode: Mode, mutant: Option<Mutant>, all: &mut Vec<Self>) {
        if self.left.sets_pushed > 0 {
            let mut next = self.clone();
            next.left.sets_pushed -= 1;
            next.server.push();
            let messages = next.server.outbox();
            next.sent_down(messages, all);
        }
        if mode == Mode::Symmetric && self.left.rotations > 0 && self.server.offer.is_none() {
            let mut next = self.clone();
            next.left.rotations -= 1;
            next.server.make_offer(None, mutant);
            let messages = next.server.outbox();
            next.sent_down(messages, all);
        }
    }

    /// The device stored its state, and sent the request or lost power before.
    fn sent_up(self, request: Option<Request>, all: &mut Vec<Self>) {
        if let Some(request) = request {
            let mut sent = self.clone();
            sent.up.insert(request);
            all.push(sent);
        }
        all.push(self);
    }

    /// The server stored its state, and sent the messages or lost power before.
    fn sent_down(self, messages: Vec<Down>, all: &mut Vec<Self>) {
        let mut sent = self.clone();
        sent.down.extend(messages);
        all.push(sent);
        all.push(self);
    }

    fn broken(&self, mode: Mode, mutant: Option<Mutant>) -> Option<Broken> {
        let (device, server) = (&self.device, &self.server);
        if !server.holds(device.sending()) || !device.holds(server.key) {
            return Some(Broken::NoSharedKey);
        }
        if server.outstanding.len() > 1 {
            return Some(Broken::TwoSets);
        }
        if device.in_conflict {
            return Some(Broken::Conflict);
        }
        if device.held.iter().any(|set| !server.valid.contains(set)) {
            return Some(Broken::VoidCode);
        }
        (!self.clone().comes_to_rest(mode, mutant)).then_some(Broken::Stranded)
    }

    /// Loses everything in flight, lets both send again what they keep, over a wire that now delivers, and says whether
    /// they come to rest with one key.
    fn comes_to_rest(mut self, mode: Mode, mutant: Option<Mutant>) -> bool {
        self.up.clear();
        self.down.clear();
        for _ in 0..MOST_ROUNDS {
            let mut up: VecDeque<Request> = self.device.pending.clone().into_iter().collect();
            let mut down: VecDeque<Down> = self.server.outbox().into();
            if up.is_empty() && down.is_empty() {
                return self.device.keys == Keys::Steady(self.server.key);
            }
            for _ in 0..MOST_MESSAGES {
                if let Some(request) = up.pop_front() {
                    down.extend(self.server.receive(&request, mode, mutant));
                } else if let Some(message) = down.pop_front() {
                    up.extend(self.device.receive(&message, mode, mutant));
                } else {
                    break;
                }
            }
        }
        false
    }
}

/// Rounds of retransmission that are more than enough.
const MOST_ROUNDS: usize = 8;
/// Messages in one round that are more than enough.
const MOST_MESSAGES: usize = 40;
