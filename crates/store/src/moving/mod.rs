//! Moving a store to another database: every row as it is, by what it means and not by how it lies there.
//!
//! - [`Movable`] is what an engine gives: rows in the order of their keys, and notes beside them that are changed in the
//!   same transaction as rows are written.
//! - [`copy`] is the move itself, the same for all engines. It goes on where it was after any interruption.
//! - One source has at most one target, and the other way round: each notes the other's name of this move. Who lets the
//!   source be written again (`thaw`) takes its note away, so that a copy of what it was before is never finished.

mod copy;
mod entity;
mod key;
mod notes;

#[cfg(test)]
mod tests;

pub use copy::{CopyError, CopyOptions, Count, Progress, Report, check_source, copy};
pub use entity::{Entity, Failures, Forgotten, Kind, NamedBucket};
pub use key::Key;
pub use notes::{Change, Note};

pub(crate) use notes::{Leaving, MADE, Mark};

use async_trait::async_trait;

use matchbook_protocol::UnixMillis;

use crate::{CommitError, LoadError};

/// Rows that are read and written at once: some milliseconds of work, and at most a few MiB.
pub const PAGE: u32 = 2_000;

/// What became of the copy of a store that is to be written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyFate {
    /// It may have served: every device is marked as restored at this time, as after a backup was put back.
    MayHaveServed(UnixMillis),
    /// It was given up and never served. Refused when it was whole.
    NeverServed,
    /// It may have been whole, and is dropped; no server ever ran on it.
    Dropped,
}

/// A store whose rows can be moved.
#[async_trait]
pub trait Movable: Send + Sync {
    /// Where it is, without a password.
    fn name(&self) -> String;

    /// Rows of a kind behind `after`, in the order of their keys; fewer than `limit` only when there are no more.
    async fn export(&self, kind: Kind, after: Option<Key>, limit: u32) -> Result<Vec<Entity>, LoadError>;

    /// How many rows of a kind there are.
    async fn count(&self, kind: Kind) -> Result<u64, LoadError>;

    /// What is noted.
    async fn note(&self, note: Note) -> Result<Option<Vec<u8>>, LoadError>;

    /// Changes notes and inserts rows as they are, in one transaction: a conflict when a note is not what it was, or a
    /// row is there. It does so in a read-only store too.
    async fn write(&self, changes: Vec<Change>, entities: Vec<Entity>) -> Result<(), CommitError>;

    /// Returns when no write of anybody is under way that began before the store became read-only.
    async fn hold(&self) -> Result<(), CommitError>;
}
