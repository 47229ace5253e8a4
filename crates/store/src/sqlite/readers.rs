//! A few connections that only read, on threads where waiting for the disk harms nobody.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Transaction};
use tokio::sync::Semaphore;
use tokio::task;

use super::rows::ReadError;
use super::{READERS, open, sentence};
use crate::LoadError;

/// The pool.
#[derive(Clone)]
pub(super) struct Readers {
    path: Arc<PathBuf>,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path: Arc::new(path),
            permits: Arc::new(Semaphore::new(READERS)),
            idle: Arc::new(Mutex::new(Vec::with_capacity(READERS))),
        }
    }

    /// Reads in one transaction: everything that `read` sees was there at one moment, and is durable.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Transaction<'_>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, LoadError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| LoadError::Unavailable("the store is closed".to_owned()))?;
        let pool = self.clone();
        let reading = task::spawn_blocking(move || {
            let result = pool.read_blocking(read);
            drop(permit);
            result
        });
        reading.await.unwrap_or_else(|error| {
            Err(LoadError::Unavailable(format!("a read of the store was cut off ({error}): try again")))
        })
    }

    fn read_blocking<T>(&self, read: impl FnOnce(&Transaction<'_>) -> Result<T, ReadError>) -> Result<T, LoadError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path)?,
        };
        let result = in_transaction(&mut connection, read).map_err(|error| sentence::of_read(&self.path, error));
        // After an error the connection is opened anew: that costs little, and what it had cached may be the trouble.
        if result.is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        result
    }
}

/// Another connection that only reads.
pub(super) fn connect(path: &Path) -> Result<Connection, LoadError> {
    open::open_reader(path).map_err(|error| match error {
        open::OpenError::Damaged(why) | open::OpenError::NotAStore(why) => LoadError::Damaged(why),
        other => LoadError::Unavailable(other.to_string()),
    })
}

fn in_transaction<T>(
    connection: &mut Connection,
    read: impl FnOnce(&Transaction<'_>) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    let transaction = connection.transaction()?;
    let result = read(&transaction)?;
    transaction.finish()?;
    Ok(result)
}
