//! One thread at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use pyo3::prelude::*;
use pyo3::sync::MutexExt;

use crate::error;

/// Something that threads share: a call waits for the one before it, and lets Python go on meanwhile. After a panic within
/// a call every call is refused, as nobody knows what state it is in.
pub(crate) struct Held<T> {
    value: Mutex<T>,
    /// The thread that a call is running in.
    holder: Mutex<Option<ThreadId>>,
}

impl<T> Held<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { value: Mutex::new(value), holder: Mutex::new(None) }
    }

    /// Works with it. A call from within a call would wait for itself: it is refused.
    pub(crate) fn with<R>(&self, py: Python<'_>, work: impl FnOnce(&mut T) -> PyResult<R>) -> PyResult<R> {
        // No other thread can make this true or false.
        if *self.holder() == Some(thread::current().id()) {
            return Err(error::within_save(py));
        }
        let worked = catch_unwind(AssertUnwindSafe(|| {
            let mut value = self.value.lock_py_attached(py).map_err(|_| error::internal(py))?;
            *self.holder() = Some(thread::current().id());
            let _left = Leave(self);
            work(&mut value)
        }));
        worked.unwrap_or_else(|_| Err(error::internal(py)))
    }

    /// Nothing of Python runs while this is locked, so that nobody waits for it.
    fn holder(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.holder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that the thread is through, also where it panics.
struct Leave<'a, T>(&'a Held<T>);

impl<T> Drop for Leave<'_, T> {
    fn drop(&mut self) {
        *self.0.holder() = None;
    }
}
