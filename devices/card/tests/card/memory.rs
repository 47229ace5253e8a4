//! Memory that loses its power in the middle of a write.

use std::cell::RefCell;
use std::rc::Rc;

use matchbook_card::{NVM_LEN, Nvm, NvmError};

/// What a write leaves in which the power is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tear {
    /// It was not begun.
    Nothing,
    /// A part of it is there.
    Half,
    /// Bytes that are neither the old ones nor the new ones.
    Garbage,
    /// All of it is there, and nobody was told.
    Whole,
}

pub(crate) const TEARS: [Tear; 4] = [Tear::Nothing, Tear::Half, Tear::Garbage, Tear::Whole];

/// Clones share their bytes, as a card that is put into another reader has.
#[derive(Clone)]
pub(crate) struct Memory(Rc<RefCell<State>>);

struct State {
    bytes: Vec<u8>,
    /// Writes that succeed before the power is cut.
    left: Option<usize>,
    tear: Tear,
    is_dead: bool,
    writes: usize,
}

impl Memory {
    /// As it comes from the factory: anything.
    pub(crate) fn new() -> Self {
        let bytes = (0..NVM_LEN).map(|at| (at * 31 % 251) as u8).collect();
        Self(Rc::new(RefCell::new(State { bytes, left: None, tear: Tear::Nothing, is_dead: false, writes: 0 })))
    }

    /// Another one with the same bytes.
    pub(crate) fn copy(&self) -> Self {
        let bytes = self.0.borrow().bytes.clone();
        Self(Rc::new(RefCell::new(State { bytes, left: None, tear: Tear::Nothing, is_dead: false, writes: 0 })))
    }

    /// The power is cut in the write after so many more.
    pub(crate) fn cut_after(&self, writes: usize, tear: Tear) {
        let mut state = self.0.borrow_mut();
        (state.left, state.tear) = (Some(writes), tear);
    }

    /// The power comes back, and stays. Says whether it was cut.
    pub(crate) fn revive(&self) -> bool {
        let mut state = self.0.borrow_mut();
        state.left = None;
        std::mem::take(&mut state.is_dead)
    }

    /// All of it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.borrow().bytes.clone()
    }

    /// How often it was written.
    pub(crate) fn writes(&self) -> usize {
        self.0.borrow().writes
    }

    /// Whether these bytes are anywhere in it.
    pub(crate) fn holds(&self, needle: &[u8]) -> bool {
        self.0.borrow().bytes.windows(needle.len()).any(|window| window == needle)
    }
}

impl Nvm for Memory {
    fn read(&self, at: usize, into: &mut [u8]) -> Result<(), NvmError> {
        let state = self.0.borrow();
        if state.is_dead {
            return Err(NvmError);
        }
        into.copy_from_slice(&state.bytes[at..at + into.len()]);
        Ok(())
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<(), NvmError> {
        let mut state = self.0.borrow_mut();
        if state.is_dead {
            return Err(NvmError);
        }
        state.writes += 1;
        if state.left == Some(0) {
            state.is_dead = true;
            let torn = match state.tear {
                Tear::Nothing => Vec::new(),
                Tear::Half => bytes[..bytes.len() / 2].to_vec(),
                Tear::Garbage => bytes.iter().map(|byte| byte ^ 0x5A).collect(),
                Tear::Whole => bytes.to_vec(),
            };
            state.bytes[at..at + torn.len()].copy_from_slice(&torn);
            return Err(NvmError);
        }
        state.left = state.left.map(|left| left - 1);
        state.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}
