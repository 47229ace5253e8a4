//! Test vectors, through this build.

#![allow(unsafe_code, reason = "exported names; unsafe blocks are in border.rs alone")]

use crate::border::{Buffer, Text, guard};
use crate::status::Status;

/// Runs a test vector, the text of a file of vectors/, and gives its outcome as the library finds it, as JSON with a NUL
/// behind it: {"expect":...,"output":...}, sorted by name, nothing spaced.
///
/// Only a library that was built with `--features vectors` has it, and such a library gives bare keys away: for tests of a
/// build, never for a device.
///
/// MB_STATUS_NULL; MB_STATUS_NOT_UTF8; MB_STATUS_BODY: the text is no vector; MB_STATUS_BUFFER_TOO_SMALL; MB_STATUS_INTERNAL.
#[unsafe(no_mangle)]
pub extern "C" fn mb_vector_run(vector: Text, outcome: Option<&mut Buffer>) -> Status {
    guard(|| {
        let found = matchbook_kit::vectors::run(vector.read()?).ok_or(Status::Body)?;
        outcome.ok_or(Status::Null)?.write_text(&found)
    })
}
