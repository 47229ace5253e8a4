//! The device of the model: the engine's rules, without anything that is not about keys and sets.

use crate::search::{Down, Key, Request, Set};
use crate::{Mode, Mutant};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Keys {
    Steady(Key),
    Switching { old: Key, new: Key },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Device {
    pub(crate) keys: Keys,
    /// The ephemeral key of the rotation that was asked for.
    pub(crate) ephemeral: Option<u8>,
    pub(crate) ephemerals_made: u8,
    pub(crate) counter: u8,
    /// The sets it holds, in the order of their indexes.
    pub(crate) held: Vec<Set>,
    pub(crate) pending: Option<Request>,
    pub(crate) in_conflict: bool,
}

impl Device {
    pub(crate) const fn new() -> Self {
        Self {
            keys: Keys::Steady(Key(0)),
            ephemeral: None,
            ephemerals_made: 0,
            counter: 0,
            held: Vec::new(),
            pending: None,
            in_conflict: false,
        }
    }

    /// The key that it sends under.
    pub(crate) const fn sending(&self) -> Key {
        match self.keys {
            Keys::Steady(key) | Keys::Switching { new: key, .. } => key,
        }
    }

    /// Whether it can read a message under `key`.
    pub(crate) fn holds(&self, key: Key) -> bool {
        match self.keys {
            Keys::Steady(own) => own == key,
            Keys::Switching { old, new } => old == key || new == key,
        }
    }

    pub(crate) fn highest(&self) -> u8 {
        self.held.last().map_or(0, |set| set.index)
    }

    /// Makes a request that takes over what the pending one asks for.
    pub(crate) fn ask(&mut self, wanted: bool, rotate: bool, mode: Mode) -> Request {
        let (older_wanted, older_rotate) = self.pending.as_ref().map_or((false, false), |p| (p.wanted, p.rotate));
        let rotate = rotate || older_rotate;
        if rotate && mode == Mode::PublicKey && self.ephemeral.is_none() {
            self.renew_ephemeral();
        }
        self.counter += 1;
        let request = Request {
            counter: self.counter,
            key: self.sending(),
            highest: self.highest(),
            wanted: wanted || older_wanted,
            rotate,
            ephemeral: if rotate { self.ephemeral } else { None },
        };
        self.pending = Some(request.clone());
        request
    }

    /// A device that keeps its ephemeral key in memory alone loses it with the power, and makes another. The engine
    /// stores it; the protocol has to bear either.
    pub(crate) const fn renew_ephemeral(&mut self) {
        self.ephemerals_made += 1;
        self.ephemeral = Some(self.ephemerals_made);
    }

    /// Takes a message, and says what is sent for it.
    pub(crate) fn receive(&mut self, message: &Down, mode: Mode, mutant: Option<Mutant>) -> Option<Request> {
        match &self.keys {
            Keys::Steady(key) if *key == message.key() => self.accept(message, mode, mutant),
            Keys::Switching { old, new } if *new == message.key() => {
                let _erased = old;
                self.keys = Keys::Steady(*new);
                self.ephemeral = None;
                self.accept(message, mode, mutant)
            }
            Keys::Switching { old, .. } if *old == message.key() => self.late(message, mode, mutant),
            Keys::Steady(_) | Keys::Switching { .. } => None,
        }
    }

    fn accept(&mut self, message: &Down, mode: Mode, mutant: Option<Mutant>) -> Option<Request> {
        match message {
            Down::Set { set, .. } => self.accept_set(set, mode),
            Down::Rotation { under, new, ephemeral } => {
                if !self.opens(*ephemeral, mutant) {
                    return None;
                }
                self.keys = match mutant {
                    Some(Mutant::DeviceSwitchesOnSend) => Keys::Steady(*new),
                    Some(_) | None => Keys::Switching { old: *under, new: *new },
                };
                if let Some(pending) = &mut self.pending {
                    pending.rotate = false;
                }
                Some(self.ask(false, false, mode))
            }
            Down::Sync { last_request, .. } => {
                if self.pending.as_ref().is_some_and(|pending| *last_request >= pending.counter) {
                    self.pending = None;
                }
                None
            }
        }
    }

    fn accept_set(&mut self, set: &Set, mode: Mode) -> Option<Request> {
        if let Some(held) = self.held.iter().find(|held| held.index == set.index) {
            self.in_conflict |= held != set;
            return self.pending.clone();
        }
        if set.index <= self.highest() {
            return None;
        }
        self.held.push(set.clone());
        if let Some(pending) = &mut self.pending {
            pending.wanted = false;
        }
        Some(self.ask(false, false, mode))
    }

    /// A message under the key that is being replaced.
    fn late(&mut self, message: &Down, mode: Mode, mutant: Option<Mutant>) -> Option<Request> {
        match message {
            Down::Set { set, .. } if mutant == Some(Mutant::SetUnderOldKey) => self.accept_set(set, mode),
            Down::Rotation { new, ephemeral, .. } if self.opens(*ephemeral, mutant) => {
                self.in_conflict |= *new != self.sending();
                self.pending.clone()
            }
            Down::Set { .. } | Down::Sync { .. } | Down::Rotation { .. } => self.pending.clone(),
        }
    }

    fn opens(&self, ephemeral: Option<u8>, mutant: Option<Mutant>) -> bool {
        ephemeral.is_none() || ephemeral == self.ephemeral || mutant == Some(Mutant::OfferNotBound)
    }
}
