//! A reader with the card's application in it, and no PC/SC between.

use std::cell::RefCell;
use std::rc::Rc;

use getrandom::SysRng;
use matchbook_card::{Card, NVM_LEN, Nvm, NvmError};
use rand_core::UnwrapErr;
use zeroize::Zeroizing;

use crate::reader::{Reader, ReaderError};

#[derive(Clone)]
pub(crate) struct Memory(Rc<RefCell<Vec<u8>>>);

impl Nvm for Memory {
    fn read(&self, at: usize, into: &mut [u8]) -> Result<(), NvmError> {
        into.copy_from_slice(&self.0.borrow()[at..at + into.len()]);
        Ok(())
    }

    fn write(&mut self, at: usize, bytes: &[u8]) -> Result<(), NvmError> {
        self.0.borrow_mut()[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

pub(crate) struct TestReader {
    card: Card<Memory, UnwrapErr<SysRng>>,
    /// Answers in the place of the card's, once each.
    pub(crate) instead: Vec<Result<Vec<u8>, ReaderError>>,
}

impl TestReader {
    pub(crate) fn new() -> Self {
        let memory = Memory(Rc::new(RefCell::new(vec![0xFF; NVM_LEN])));
        Self { card: Card::new(memory, UnwrapErr(SysRng)), instead: Vec::new() }
    }
}

impl Reader for TestReader {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, ReaderError> {
        match self.instead.pop() {
            Some(answer) => answer.map(Zeroizing::new),
            None => Ok(Zeroizing::new(self.card.transmit(command).to_vec())),
        }
    }
}
