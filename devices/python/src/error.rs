//! Exceptions, each with its reason.

use matchbook_kit::Refusal;
use matchbook_kit::protocol::EnrolmentError as NoEnrolment;
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(matchbook, MatchbookError, PyException, "The device did not do what it was asked.");
create_exception!(matchbook, NotSavedError, MatchbookError, "An earlier state could not be stored.");
create_exception!(matchbook, EnrolmentError, MatchbookError, "The text is no enrolment, or cannot be begun.");
create_exception!(matchbook, StateError, MatchbookError, "The bytes are no state.");
create_exception!(matchbook, BodyError, MatchbookError, "The bytes are not what a server answers by HTTP.");
create_exception!(matchbook, PeerError, MatchbookError, "A message was refused.");
create_exception!(matchbook, RequestError, MatchbookError, "Nothing was asked for.");
create_exception!(matchbook, TakeError, MatchbookError, "No code was taken.");

/// Puts the exceptions into the module.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("MatchbookError", py.get_type::<MatchbookError>())?;
    module.add("NotSavedError", py.get_type::<NotSavedError>())?;
    module.add("EnrolmentError", py.get_type::<EnrolmentError>())?;
    module.add("StateError", py.get_type::<StateError>())?;
    module.add("BodyError", py.get_type::<BodyError>())?;
    module.add("PeerError", py.get_type::<PeerError>())?;
    module.add("RequestError", py.get_type::<RequestError>())?;
    module.add("TakeError", py.get_type::<TakeError>())
}

/// The function that stores calls the device that waits for it.
pub(crate) fn within_save(py: Python<'_>) -> PyErr {
    named(py, MatchbookError::new_err("save may not call the device, which waits for it"), "in-save")
}

/// A panic, now or earlier.
pub(crate) fn internal(py: Python<'_>) -> PyErr {
    named(py, MatchbookError::new_err("a bug of the library: restore the state that was stored last"), "internal")
}

fn named(py: Python<'_>, error: PyErr, reason: &str) -> PyErr {
    error.value(py).setattr("reason", reason).err().unwrap_or(error)
}

/// The exception for a refusal.
pub(crate) fn raised(py: Python<'_>, refusal: Refusal) -> PyErr {
    let text = refusal.to_string();
    let error = match refusal {
        Refusal::NotSaved | Refusal::NotGiven => {
            NotSavedError::new_err("an earlier state could not be stored: restore the one that was stored last")
        }
        Refusal::CodeUnread | Refusal::NoRandomness => MatchbookError::new_err(text),
        Refusal::Enrolment(_) | Refusal::Enrol(_) | Refusal::Provision(_) => EnrolmentError::new_err(text),
        Refusal::State(_) => StateError::new_err(text),
        Refusal::Body(_) => BodyError::new_err(text),
        Refusal::Peer(_) => PeerError::new_err(text),
        Refusal::Request(_) => RequestError::new_err(text),
        Refusal::Take(_) => TakeError::new_err(text),
    };
    let value = error.value(py);
    let explained = value.setattr("reason", refusal.name()).and_then(|()| match refusal {
        Refusal::Enrolment(NoEnrolment::Group { number }) => value.setattr("group", number),
        Refusal::Enrolment(_) | Refusal::Enrol(_) | Refusal::Provision(_) => value.setattr("group", py.None()),
        Refusal::NotSaved
        | Refusal::NotGiven
        | Refusal::CodeUnread
        | Refusal::NoRandomness
        | Refusal::State(_)
        | Refusal::Body(_)
        | Refusal::Peer(_)
        | Refusal::Request(_)
        | Refusal::Take(_) => Ok(()),
    });
    explained.err().unwrap_or(error)
}
