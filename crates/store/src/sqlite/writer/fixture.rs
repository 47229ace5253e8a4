//! What the writer has of a new store, for its tests.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;

use super::Accepts;
use crate::hot::Hot;
use crate::sqlite::lock::Lock;
use crate::sqlite::open::{OpenOptions, Origin, open};

/// A store in a folder of its own.
pub(super) struct Opened {
    // In this order: the connection is closed before what follows is.
    pub(super) connection: Connection,
    pub(super) accepts: Accepts,
    pub(super) hot: Arc<Hot>,
    pub(super) path: PathBuf,
    pub(super) lock: Lock,
    pub(super) folder: TempDir,
}

pub(super) fn opened() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let options = OpenOptions { create: true, ..OpenOptions::default() };
    let (lock, connection) = open(&path, options, Origin::Store).unwrap();
    let hot = Arc::new(Hot::new(1 << 20));
    let accepts = Accepts::read(&connection, Arc::clone(&hot), 1 << 20).unwrap();
    Opened { connection, accepts, hot, path, lock, folder }
}
