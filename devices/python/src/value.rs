//! What methods give.

use matchbook_kit::protocol;
use pyo3::prelude::*;
use zeroize::Zeroizing;

/// A code that was taken.
#[pyclass(frozen, module = "matchbook")]
pub(crate) struct Code {
    #[pyo3(get)]
    index: u32,
    text: Zeroizing<String>,
}

#[pymethods]
impl Code {
    #[getter]
    fn text(&self) -> &str {
        &self.text
    }

    fn __repr__(&self) -> String {
        format!("Code(index={}, text=…)", self.index)
    }
}

impl Code {
    pub(crate) const fn new(index: protocol::CodeIndex, text: Zeroizing<String>) -> Self {
        Self { index: index.0, text }
    }
}

/// A code's place in the list that a user sees.
#[pyclass(frozen, module = "matchbook")]
pub(crate) struct Mark {
    #[pyo3(get)]
    index: u32,
    #[pyo3(get)]
    is_used: bool,
}

#[pymethods]
impl Mark {
    fn __repr__(&self) -> String {
        let is_used = if self.is_used { "True" } else { "False" };
        format!("Mark(index={}, is_used={is_used})", self.index)
    }
}

impl From<protocol::CodeMark> for Mark {
    fn from(mark: protocol::CodeMark) -> Self {
        Self { index: mark.index.0, is_used: mark.used }
    }
}

/// Something that the user or the operator should know.
#[pyclass(frozen, module = "matchbook")]
#[derive(Default)]
pub(crate) struct Event {
    #[pyo3(get)]
    kind: &'static str,
    #[pyo3(get)]
    first: Option<u32>,
    #[pyo3(get)]
    last: Option<u32>,
    #[pyo3(get)]
    dropped: Option<usize>,
    #[pyo3(get)]
    epoch: Option<u32>,
    #[pyo3(get)]
    remaining: Option<usize>,
}

#[pymethods]
impl Event {
    fn __repr__(&self) -> String {
        format!("Event(kind={:?})", self.kind)
    }
}

impl Event {
    fn of(kind: &'static str) -> Self {
        Self { kind, ..Self::default() }
    }

    /// `None`: it is a code, which a method of its own gives.
    pub(crate) fn from_engine(event: &protocol::Event) -> Option<Self> {
        Some(match event {
            protocol::Event::Enrolled => Self::of("enrolled"),
            protocol::Event::SetAccepted { first, last, count: _, dropped } => {
                Self { first: Some(first.0), last: Some(last.0), dropped: Some(*dropped), ..Self::of("set-accepted") }
            }
            protocol::Event::SetConflict { first, last } => {
                Self { first: Some(first.0), last: Some(last.0), ..Self::of("set-conflict") }
            }
            protocol::Event::KeyReplaced { epoch } => Self { epoch: Some(epoch.0), ..Self::of("key-replaced") },
            protocol::Event::KeyConflict => Self::of("key-conflict"),
            protocol::Event::Code { .. } => return None,
            protocol::Event::RunningLow { remaining } => {
                Self { remaining: Some(*remaining), ..Self::of("running-low") }
            }
            protocol::Event::Suspended => Self::of("suspended"),
            protocol::Event::Resumed => Self::of("resumed"),
            protocol::Event::ReenrolmentNeeded => Self::of("reenrolment-needed"),
        })
    }
}
