//! A plugin's decoder, opened from its capsule and checked.

use pyo3::{
    prelude::*,
    types::{PyCapsule, PyList, PyTuple},
};
use wirebook_abi::{CAPSULE_NAME, CheckedTable, Clock, Framing, OrderIds};

use crate::{describe, errors::PluginRefused};

/// A protocol decoder that this engine can run.
#[pyclass(frozen, module = "wirebook._engine")]
pub struct Decoder {
    table: CheckedTable,
}

impl Decoder {
    /// The table behind it.
    pub fn table(&self) -> CheckedTable {
        self.table
    }
}

#[pymethods]
impl Decoder {
    #[new]
    fn new(capsule: &Bound<'_, PyAny>) -> PyResult<Self> {
        let name = CAPSULE_NAME.to_string_lossy();
        let Ok(capsule) = capsule.cast::<PyCapsule>() else {
            let has = capsule.get_type().name()?;
            return Err(PluginRefused::new_err(format!(
                "the decoder table is a {has}, the engine wants a PyCapsule named {name}: hand over the capsule itself"
            )));
        };
        let Ok(pointer) = capsule.pointer_checked(Some(CAPSULE_NAME)) else {
            return Err(PluginRefused::new_err(format!(
                "the capsule has another name, the engine wants {name}: name it wirebook_abi::CAPSULE_NAME"
            )));
        };
        // SAFETY: only a capsule with the name of a decoder table gets here; the name is that promise.
        let table = unsafe { CheckedTable::from_pointer(pointer.as_ptr()) };
        table.map(|table| Self { table }).map_err(|refused| PluginRefused::new_err(refused.to_string()))
    }

    /// Identity, as `--protocol` takes it.
    #[getter]
    fn protocol(&self) -> &'static str {
        self.table.description().protocol.as_str()
    }

    /// The venue's version of the protocol.
    #[getter]
    fn version(&self) -> &'static str {
        self.table.description().version.as_str()
    }

    /// Who publishes it.
    #[getter]
    fn venue(&self) -> &'static str {
        self.table.description().venue.as_str()
    }

    /// Family of protocols.
    #[getter]
    fn family(&self) -> &'static str {
        self.table.description().family.as_str()
    }

    /// IANA name of the time zone that the clock counts in; empty where it counts from 1970 UTC.
    #[getter]
    fn timezone(&self) -> &'static str {
        self.table.description().timezone.as_str()
    }

    /// Units of a price to one.
    #[getter]
    fn price_scale(&self) -> u64 {
        self.table.description().price_scale
    }

    /// What event times count from: `unix` or `local_midnight`.
    #[getter]
    fn clock(&self) -> &'static str {
        match self.table.description().clock {
            Clock::UNIX => "unix",
            Clock::LOCAL_MIDNIGHT => "local_midnight",
            _ => "unknown",
        }
    }

    /// What order ids promise: `any` or `ascending`.
    #[getter]
    fn order_ids(&self) -> &'static str {
        match self.table.description().order_ids {
            OrderIds::ASCENDING => "ascending",
            OrderIds::PER_SIDE => "per_side",
            _ => "any",
        }
    }

    /// Framings that it takes.
    #[getter]
    fn framings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.table.description().framings.as_slice().iter().map(|framing| framing.name()))
    }

    /// Version of the decoder table that the plugin was built with.
    #[getter]
    fn abi_version(&self) -> u32 {
        self.table.abi_version()
    }

    /// Message types and their fields, as the plugin describes them.
    fn describe<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        describe::messages(py, self.table.description().messages.as_slice())
    }

    /// The header that messages with groups start with, as the plugin describes it; None where messages are flat.
    #[getter]
    fn header<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        describe::header(py, &self.table.description().header)
    }

    fn __repr__(&self) -> String {
        format!("<Decoder {}, ABI {}>", self.protocol(), self.abi_version())
    }
}

/// The framing that goes by `name` and that the decoder's protocol comes in.
///
/// # Errors
///
/// `ValueError` with the names that would do.
pub fn framing_of(table: CheckedTable, name: &str) -> PyResult<Framing> {
    framing_by_name(table, name).map_err(pyo3::exceptions::PyValueError::new_err)
}

/// [`framing_of`] with its error in words.
///
/// # Errors
///
/// The names that would do.
pub fn framing_by_name(table: CheckedTable, name: &str) -> Result<Framing, String> {
    let framings = table.description().framings.as_slice();
    framings.iter().copied().find(|framing| framing.name() == name).ok_or_else(|| {
        let known: Vec<_> = framings.iter().map(|framing| framing.name()).collect();
        format!(
            "framing: {name} is not one that {} comes in; it comes in {}",
            table.description().protocol.as_str(),
            known.join(", ")
        )
    })
}
