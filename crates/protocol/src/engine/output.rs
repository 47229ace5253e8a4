//! What the engine wants done: an ordered queue of actions for the shell.

use crate::codes::Code;
use crate::ids::{CodeIndex, Epoch, UnixMillis};

/// One action. The shell takes them one by one with [`Engine::poll_output`](super::Engine::poll_output) after every
/// call and carries each out before it takes the next.
#[derive(Debug)]
pub enum Output {
    /// Store [`Engine::account`](super::Engine::account) durably, now. When that fails, the shell drops the engine with
    /// all that is still queued, and goes on from the account that it stored last.
    Persist,
    /// Send these bytes, a message in its compressed form, to the server.
    Transmit(alloc::vec::Vec<u8>),
    /// Something that the user or the shell should know.
    Event(Event),
    /// Call [`Engine::tick`](super::Engine::tick) at this time, unless another `WaitUntil` follows.
    WaitUntil(UnixMillis),
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The server confirmed the enrolment.
    Enrolled,
    /// A new set is held.
    SetAccepted {
        /// The index of its first code.
        first: CodeIndex,
        /// The index of its last code.
        last: CodeIndex,
        /// How many codes it has, 1 to 250.
        count: u8,
        /// How many unused codes of older sets were dropped because the set said so (RESET).
        dropped: usize,
    },
    /// A set was refused: it has indexes that are held already, with other codes. The operator should know.
    SetConflict {
        /// The index of the refused set's first code.
        first: CodeIndex,
        /// The index of its last code.
        last: CodeIndex,
    },
    /// The key was replaced, and the old one is erased.
    KeyReplaced {
        /// The number of the new key.
        epoch: Epoch,
    },
    /// Another key was offered than the one that is being switched to; refused. The operator should know.
    KeyConflict,
    /// A code was taken. It is already burnt in the stored account: show it to the user once.
    Code {
        /// The code's index.
        index: CodeIndex,
        /// The code.
        code: Code,
    },
    /// As many unused codes as the threshold are left, or fewer.
    RunningLow {
        /// How many are left.
        remaining: usize,
    },
    /// The server suspended the authenticator: its codes are refused for now, and no sets come.
    Suspended,
    /// The suspension is over.
    Resumed,
    /// This device's state is older than what the server knows of it, as after a restored backup: it has to be enrolled
    /// again.
    ReenrolmentNeeded,
}
