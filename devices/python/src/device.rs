//! A device, and the function that stores its state.

use matchbook_kit::protocol::{
    AuthenticatorId, CodeIndex, Delivery, Handle, Pace, Party, Phase, Profile, Provision, Secret, Selector, Suite,
    UnixMillis,
};
use matchbook_kit::{Form, Refusal};
use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::raised;
use crate::value::{Code, Event, Mark};

/// One account at work.
#[pyclass(module = "matchbook")]
pub(crate) struct Device {
    device: matchbook_kit::Device,
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

    fn set_bearer(&mut self, bearer: &str) -> PyResult<()> {
        self.device.set_pace(match bearer {
            "data" => Pace::DATA,
            "short-messages" => Pace::SHORT_MESSAGES,
            _ => return Err(PyValueError::new_err("a bearer is \"data\" or \"short-messages\"")),
        });
        Ok(())
    }

    fn tick(&mut self, py: Python<'_>, now_ms: u64) -> PyResult<()> {
        self.work(py, |device| device.tick(UnixMillis(now_ms)))
    }

    fn request_set(&mut self, py: Python<'_>, now_ms: u64) -> PyResult<()> {
        self.work(py, |device| device.request_set(UnixMillis(now_ms)))
    }

    fn request_rotation(&mut self, py: Python<'_>, now_ms: u64) -> PyResult<()> {
        self.work(py, |device| device.request_rotation(UnixMillis(now_ms)))
    }

    fn request_status(&mut self, py: Python<'_>, now_ms: u64) -> PyResult<()> {
        self.work(py, |device| device.request_status(UnixMillis(now_ms)))
    }

    fn receive(&mut self, py: Python<'_>, form: &str, data: &[u8], now_ms: u64) -> PyResult<()> {
        let form = form_of(form)?;
        self.work(py, |device| device.receive(form, data, UnixMillis(now_ms)))
    }

    #[pyo3(signature = (now_ms, index=None))]
    fn take_code(&mut self, py: Python<'_>, now_ms: u64, index: Option<u32>) -> PyResult<Code> {
        let selector = index.map_or(Selector::Next, |index| Selector::Index(CodeIndex(index)));
        self.work(py, |device| device.take_code(selector, UnixMillis(now_ms)))?;
        let taken = self.device.code().map_err(|refusal| raised(py, refusal))?;
        let code = taken.map(|(index, code)| Code::new(index, code.reveal()));
        self.device.code_read();
        code.ok_or_else(|| raised(py, Refusal::NotSaved))
    }

    fn message<'py>(&mut self, py: Python<'py>, form: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let message = self.device.message(form_of(form)?).map_err(|refusal| raised(py, refusal))?;
        let message = message.map(|message| PyBytes::new(py, &message));
        self.device.message_read();
        Ok(message)
    }

    fn events(&mut self, py: Python<'_>) -> PyResult<Vec<Event>> {
        let mut events = Vec::new();
        while let Some(event) = self.device.event().map_err(|refusal| raised(py, refusal))? {
            events.extend(Event::from_engine(&event));
        }
        Ok(events)
    }

    #[getter]
    fn wake_at(&self) -> Option<u64> {
        self.device.wake_at().map(|time| time.0)
    }

    #[getter]
    fn codes(&self) -> Vec<Mark> {
        self.device.account().codes().map(Mark::from).collect()
    }

    #[getter]
    fn remaining(&self) -> usize {
        self.device.account().remaining()
    }

    #[getter]
    fn highest(&self) -> u32 {
        self.device.account().highest().0
    }

    #[getter]
    fn threshold(&self) -> u8 {
        self.device.account().threshold()
    }

    #[getter]
    fn epoch(&self) -> u32 {
        self.device.account().epoch().0
    }

    #[getter]
    fn phase(&self) -> &'static str {
        match self.device.account().phase() {
            Phase::Enrolling => "enrolling",
            Phase::Steady => "steady",
            Phase::Switching => "switching",
        }
    }

    #[getter]
    fn is_suspended(&self) -> bool {
        self.device.account().is_suspended()
    }

    #[getter]
    fn awaits_answer(&self) -> bool {
        self.device.account().awaits_answer()
    }

    #[getter]
    fn id<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.device.account().party().id.0)
    }

    #[getter]
    fn profile(&self) -> u8 {
        self.device.account().party().profile.to_byte()
    }

    #[getter]
    fn handle(&self) -> u8 {
        self.device.account().handle().0
    }

    #[getter]
    fn server(&self) -> &str {
        self.device.account().server()
    }

    #[getter]
    fn realm(&self) -> &str {
        self.device.account().realm()
    }

    #[getter]
    fn label(&self) -> &str {
        self.device.account().label()
    }

    fn __repr__(&self) -> String {
        format!("Device(label={:?}, remaining={})", self.label(), self.remaining())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.save)
    }
}

impl Device {
    fn begin(py: Python<'_>, made: Result<matchbook_kit::Device, Refusal>, save: Py<PyAny>) -> PyResult<Self> {
        let mut device = Self { device: made.map_err(|refusal| raised(py, refusal))?, save };
        device.settle(py)?;
        Ok(device)
    }

    /// Does something, and has stored what became of the account, even where it was refused.
    fn work(
        &mut self,
        py: Python<'_>,
        work: impl FnOnce(&mut matchbook_kit::Device) -> Result<(), Refusal>,
    ) -> PyResult<()> {
        let was_saved = self.device.is_saved();
        let done = work(&mut self.device);
        // What could not be stored once is not tried again: the program may have gone on from an older state since.
        if was_saved {
            self.settle(py)?;
        }
        done.map_err(|refusal| raised(py, refusal))
    }

    fn settle(&mut self, py: Python<'_>) -> PyResult<()> {
        if self.device.is_saved() {
            return Ok(());
        }
        let state = PyBytes::new(py, &self.device.state());
        self.save.call1(py, (state,))?;
        self.device.saved().map_err(|refusal| raised(py, refusal))
    }
}

fn form_of(form: &str) -> PyResult<Form> {
    match form {
        "compressed" => Ok(Form::Compressed),
        "cose" => Ok(Form::Cose),
        _ => Err(PyValueError::new_err("a form is \"compressed\" or \"cose\"")),
    }
}
