//! Where C's pointers become references, and the only unsafe code. The header says what a caller promises: that a pointer
//! is NULL or points at what its type says, and stays valid during the call. Everything else is checked.

#![allow(unsafe_code, reason = "this is the border")]

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use matchbook_kit::Device;

use crate::Status;

/// A device: one account at work. Any number of threads may use it, one after the other waits.
pub struct MbDevice(Mutex<Device>);

/// The header promises that threads may share a device, and that one may free what another made.
const _: fn() = || {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<MbDevice>();
};

/// Bytes that the library reads during the call. `data` may be NULL when `len` is 0.
#[repr(C)]
pub struct Bytes {
    /// The first byte.
    data: *const u8,
    /// How many there are.
    len: usize,
}

/// A UTF-8 text with a NUL behind it, which the library reads during the call.
#[repr(transparent)]
pub struct Text(*const c_char);

/// Room that the library writes into. `data` may be NULL when `room` is 0: that asks how much is needed.
#[repr(C)]
pub struct Buffer {
    /// The first byte.
    data: *mut u8,
    /// How many bytes there is room for.
    room: usize,
    /// Set by the library: how many bytes it wrote; with MB_STATUS_BUFFER_TOO_SMALL, how much room it needs.
    len: usize,
}

impl Bytes {
    /// The bytes.
    pub(crate) fn read(&self) -> Result<&[u8], Status> {
        if self.len == 0 {
            return Ok(&[]);
        }
        if self.data.is_null() {
            return Err(Status::Null);
        }
        if self.len > isize::MAX.unsigned_abs() {
            return Err(Status::Length);
        }
        // SAFETY: it is not NULL, of a length that a slice may have, and only C makes values of this type, having promised
        // that so many bytes are there until the call returns; a value of this type lives no longer than the call.
        Ok(unsafe { std::slice::from_raw_parts(self.data, self.len) })
    }
}

impl Text {
    /// The text.
    pub(crate) fn read(&self) -> Result<&str, Status> {
        if self.0.is_null() {
            return Err(Status::Null);
        }
        // SAFETY: it is not NULL, and only C makes values of this type, having promised that a NUL ends it and that it
        // stays until the call returns; a value of this type lives no longer than the call.
        let text = unsafe { CStr::from_ptr(self.0) };
        text.to_str().map_err(|_| Status::NotUtf8)
    }
}

impl Buffer {
    /// Writes bytes, all or none.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Status> {
        self.len = bytes.len();
        if self.room < bytes.len() {
            return Err(Status::BufferTooSmall);
        }
        if bytes.is_empty() {
            return Ok(());
        }
        if self.data.is_null() {
            return Err(Status::Null);
        }
        // SAFETY: it is not NULL, and only C makes values of this type, having promised that `room` bytes may be written
        // there; `bytes` is ours, at most `room` long, and so does not overlap with them.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.data, bytes.len()) };
        Ok(())
    }

    /// Writes a text and a NUL behind it, which `len` does not count unless the room is too small.
    pub(crate) fn write_text(&mut self, text: &str) -> Result<(), Status> {
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(text.len().saturating_add(1)));
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        self.write(&bytes)?;
        self.len = text.len();
        Ok(())
    }
}

/// Puts a value where C wants it.
pub(crate) fn put<T>(out: Option<&mut MaybeUninit<T>>, value: T) -> Result<(), Status> {
    out.ok_or(Status::Null)?.write(value);
    Ok(())
}

/// Makes a device, and puts it where C wants it; where none was made, a NULL.
pub(crate) fn make(
    out: Option<&mut MaybeUninit<Option<Box<MbDevice>>>>,
    make: impl FnOnce() -> Result<Device, Status>,
) -> Status {
    guard(|| {
        let out = out.ok_or(Status::Null)?;
        out.write(None);
        let device = make()?;
        out.write(Some(Box::new(MbDevice(Mutex::new(device)))));
        Ok(())
    })
}

/// Works with a device.
pub(crate) fn with(device: Option<&MbDevice>, work: impl FnOnce(&mut Device) -> Result<(), Status>) -> Status {
    guard(|| {
        let device = device.ok_or(Status::Null)?;
        // A panic within it has poisoned it: nobody knows what state it is in.
        let mut device = device.0.lock().map_err(|_| Status::Internal)?;
        work(&mut device)
    })
}

/// Does something from which no panic leaves.
pub(crate) fn guard(work: impl FnOnce() -> Result<(), Status>) -> Status {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => Status::Ok,
        Ok(Err(status)) => status,
        Err(_) => Status::Internal,
    }
}

#[cfg(test)]
#[path = "border_tests.rs"]
mod tests;
