//! A device, and the function that stores its state.

use matchbook_kit::protocol::{
    AuthenticatorId, CodeIndex, Delivery, Handle, Pace, Party, Phase, Profile, Provision, Secret, Selector, Suite,
    UnixMillis,
};
use matchbook_kit::{Form, Refusal};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::raised;
use crate::held::Held;
use crate::value::{Code, Event, Mark};

/// One account at work.
#[pyclass(frozen, module = "matchbook")]
pub(crate) struct Device {
    device: Held<matchbook_kit::Device>,
    save: Py<PyAny>,
}

#[pymethods]
impl Device {
    #[staticmethod]
    #[pyo3(signature = (uri, *, save, handle=0))]
    fn enrol(py: Python<'_>, uri: &str, save: Py<PyAny>, handle: u8) -> PyResult<Self> {
        Self::begin(py, matchbook_kit::Device::enrol(uri, handle), save)
    }

    #[staticmethod]
    #[pyo3(signature = (groups, *, save, server="", realm="", label="", handle=0))]
    #[allow(clippy::needless_pass_by_value, reason = "Python's list makes a new one")]
    fn enrol_typed(
        py: Python<'_>,
        groups: Vec<String>,
        save: Py<PyAny>,
        server: &str,
        realm: &str,
        label: &str,
        handle: u8,
    ) -> PyResult<Self> {
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        Self::begin(py, matchbook_kit::Device::enrol_typed(&groups, server, realm, label, handle), save)
    }

    #[staticmethod]
    #[pyo3(signature = (id, key, *, save, server="", realm="", label="", handle=0))]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn provision(
        py: Python<'_>,
        id: &[u8],
        key: &[u8],
        save: Py<PyAny>,
        server: &str,
        realm: &str,
        label: &str,
        handle: u8,
    ) -> PyResult<Self> {
        let id = AuthenticatorId(id.try_into().map_err(|_| PyValueError::new_err("the id is of 8 bytes"))?);
        let key = Secret::from_slice(key).ok_or_else(|| PyValueError::new_err("the key is of 32 bytes"))?;
        let profile = Profile::new(Suite::Symmetric, Delivery::Shared);
        let profile = profile.map_err(|error| PyValueError::new_err(error.to_string()))?;
        let [server, realm, label] = [server, realm, label].map(str::to_owned);
        let (party, handle) = (Party { id, profile }, Handle(handle));
        let provision = Provision { party, handle, key, realm, label, server };
        Self::begin(py, matchbook_kit::Device::provision(provision), save)
    }

    #[staticmethod]
    #[pyo3(signature = (state, *, save))]
    fn restore(py: Python<'_>, state: &[u8], save: Py<PyAny>) -> PyResult<Self> {
        Self::begin(py, matchbook_kit::Device::restore(state), save)
    }

    fn set_bearer(&self, py: Python<'_>, bearer: &str) -> PyResult<()> {
        let pace = match bearer {
            "data" => Pace::DATA,
            "short-messages" => Pace::SHORT_MESSAGES,
            _ => return Err(PyValueError::new_err("a bearer is \"data\" or \"short-messages\"")),
        };
        self.look(py, |device| device.set_pace(pace))
    }

    fn tick(&self, py: Python<'_>, now_ms: u64) -> PyResult<()> {
        self.work(py, |device| device.tick(UnixMillis(now_ms)))
    }

    fn request_set(&self, py: Python<'_>, now_ms: u64) -> PyResult<()> {
        self.work(py, |device| device.request_set(UnixMillis(now_ms)))
    }

    fn request_rotation(&self, py: Python<'_>, now_ms: u64) -> PyResult<()> {
        self.work(py, |device| device.request_rotation(UnixMillis(now_ms)))
    }

    fn request_status(&self, py: Python<'_>, now_ms: u64) -> PyResult<()> {
        self.work(py, |device| device.request_status(UnixMillis(now_ms)))
    }

    fn receive(&self, py: Python<'_>, form: &str, data: &[u8], now_ms: u64) -> PyResult<()> {
        let form = form_of(form)?;
        self.work(py, |device| device.receive(form, data, UnixMillis(now_ms)))
    }

    #[pyo3(signature = (now_ms, index=None))]
    fn take_code(&self, py: Python<'_>, now_ms: u64, index: Option<u32>) -> PyResult<Code> {
        let selector = index.map_or(Selector::Next, |index| Selector::Index(CodeIndex(index)));
        self.device.with(py, |device| {
            self.settled(py, device, |device| device.take_code(selector, UnixMillis(now_ms)))?;
            let taken = device.code().map_err(|refusal| raised(py, refusal))?;
            let code = taken.map(|(index, code)| Code::new(index, code.reveal()));
            device.code_read();
            code.ok_or_else(|| raised(py, Refusal::NotSaved))
        })
    }

    fn message<'py>(&self, py: Python<'py>, form: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let form = form_of(form)?;
        self.device.with(py, |device| {
            let message = device.message(form).map_err(|refusal| raised(py, refusal))?;
            let message = message.map(|message| PyBytes::new(py, &message));
            device.message_read();
            Ok(message)
        })
    }

    fn events(&self, py: Python<'_>) -> PyResult<Vec<Event>> {
        self.device.with(py, |device| {
            let mut events = Vec::new();
            while let Some(event) = device.event().map_err(|refusal| raised(py, refusal))? {
                events.extend(Event::from_engine(&event));
            }
            Ok(events)
        })
    }

    #[getter]
    fn wake_at(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        self.look(py, |device| device.wake_at().map(|time| time.0))
    }

    #[getter]
    fn codes(&self, py: Python<'_>) -> PyResult<Vec<Mark>> {
        self.look(py, |device| device.account().codes().map(Mark::from).collect())
    }

    #[getter]
    fn remaining(&self, py: Python<'_>) -> PyResult<usize> {
        self.look(py, |device| device.account().remaining())
    }

    #[getter]
    fn highest(&self, py: Python<'_>) -> PyResult<u32> {
        self.look(py, |device| device.account().highest().0)
    }

    #[getter]
    fn threshold(&self, py: Python<'_>) -> PyResult<u8> {
        self.look(py, |device| device.account().threshold())
    }

    #[getter]
    fn epoch(&self, py: Python<'_>) -> PyResult<u32> {
        self.look(py, |device| device.account().epoch().0)
    }

    #[getter]
    fn phase(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.look(py, |device| match device.account().phase() {
            Phase::Enrolling => "enrolling",
            Phase::Steady => "steady",
            Phase::Switching => "switching",
        })
    }

    #[getter]
    fn is_suspended(&self, py: Python<'_>) -> PyResult<bool> {
        self.look(py, |device| device.account().is_suspended())
    }

    #[getter]
    fn awaits_answer(&self, py: Python<'_>) -> PyResult<bool> {
        self.look(py, |device| device.account().awaits_answer())
    }

    #[getter]
    fn id<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.look(py, |device| PyBytes::new(py, &device.account().party().id.0))
    }

    #[getter]
    fn profile(&self, py: Python<'_>) -> PyResult<u8> {
        self.look(py, |device| device.account().party().profile.to_byte())
    }

    #[getter]
    fn handle(&self, py: Python<'_>) -> PyResult<u8> {
        self.look(py, |device| device.account().handle().0)
    }

    #[getter]
    fn server(&self, py: Python<'_>) -> PyResult<String> {
        self.look(py, |device| device.account().server().to_owned())
    }

    #[getter]
    fn realm(&self, py: Python<'_>) -> PyResult<String> {
        self.look(py, |device| device.account().realm().to_owned())
    }

    #[getter]
    fn label(&self, py: Python<'_>) -> PyResult<String> {
        self.look(py, |device| device.account().label().to_owned())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        self.look(py, |device| {
            let account = device.account();
            format!("Device(label={:?}, remaining={})", account.label(), account.remaining())
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.save)
    }
}

impl Device {
    fn begin(py: Python<'_>, made: Result<matchbook_kit::Device, Refusal>, save: Py<PyAny>) -> PyResult<Self> {
        let device = Self { device: Held::new(made.map_err(|refusal| raised(py, refusal))?), save };
        device.device.with(py, |made| device.settle(py, made))?;
        Ok(device)
    }

    fn look<T>(&self, py: Python<'_>, look: impl FnOnce(&mut matchbook_kit::Device) -> T) -> PyResult<T> {
        self.device.with(py, |device| Ok(look(device)))
    }

    fn work(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut matchbook_kit::Device) -> Result<(), Refusal>,
    ) -> PyResult<()> {
        self.device.with(py, |device| self.settled(py, device, work))
    }

    /// Does something, and has stored what became of the account, even where it was refused.
    fn settled(
        &self,
        py: Python<'_>,
        device: &mut matchbook_kit::Device,
        work: impl FnOnce(&mut matchbook_kit::Device) -> Result<(), Refusal>,
    ) -> PyResult<()> {
        let was_saved = device.is_saved();
        let done = work(device);
        // What could not be stored once is not tried again: the program may have gone on from an older state since.
        if was_saved {
            self.settle(py, device)?;
        }
        done.map_err(|refusal| raised(py, refusal))
    }

    fn settle(&self, py: Python<'_>, device: &mut matchbook_kit::Device) -> PyResult<()> {
        if device.is_saved() {
            return Ok(());
        }
        let state = PyBytes::new(py, &device.state());
        let returned = self.save.call1(py, (state,))?.into_bound(py);
        // A coroutine has stored nothing yet, and False says that nothing was stored.
        if !returned.is_none() {
            let kind = returned.get_type().name()?;
            let text =
                format!("save has to return None, when the state is stored, and returned a value of type {kind}");
            return Err(PyTypeError::new_err(text));
        }
        device.saved().map_err(|refusal| raised(py, refusal))
    }

    /// What a bug of the library does.
    #[cfg(feature = "vectors")]
    #[allow(clippy::panic, reason = "for the tests, which have no other way to one")]
    pub(crate) fn panic_within(&self, py: Python<'_>) -> PyResult<()> {
        self.look(py, |_| panic!("a bug"))
    }
}

fn form_of(form: &str) -> PyResult<Form> {
    match form {
        "compressed" => Ok(Form::Compressed),
        "cose" => Ok(Form::Cose),
        _ => Err(PyValueError::new_err("a form is \"compressed\" or \"cose\"")),
    }
}
