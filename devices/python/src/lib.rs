//! The device library for Python. Its documentation is `python/matchbook/_matchbook.pyi`, and
//! `docs/how-to/device-in-python.md` shows it at work.
//!
//! All decisions are `matchbook-kit`'s. Here is what Python adds to it: the function that stores is called before a method
//! returns anything that rests on what it stores.

mod device;
mod error;
mod held;
mod value;

use pyo3::prelude::*;

/// The compiled half of the package matchbook.
#[pymodule]
fn _matchbook(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<device::Device>()?;
    module.add_class::<value::Code>()?;
    module.add_class::<value::Mark>()?;
    module.add_class::<value::Event>()?;
    error::add(module)?;
    #[cfg(feature = "vectors")]
    {
        module.setattr("_vector_run", wrap_pyfunction!(vector_run, module)?)?;
        module.setattr("_panic_within", wrap_pyfunction!(panic_within, module)?)?;
    }
    Ok(())
}

/// Runs a test vector, the text of a file of vectors/, and gives its outcome as JSON; None when it is no vector. It gives
/// bare keys away: only modules that were built with the feature vectors have it.
#[cfg(feature = "vectors")]
#[pyfunction]
#[pyo3(name = "_vector_run")]
fn vector_run(vector: &str) -> Option<String> {
    matchbook_kit::vectors::run(vector)
}

/// Panics in a call of the device. For tests, and in no other build.
#[cfg(feature = "vectors")]
#[pyfunction]
#[pyo3(name = "_panic_within")]
fn panic_within(device: &Bound<'_, device::Device>) -> PyResult<()> {
    device.get().panic_within(device.py())
}
