//! A plugin's decoder, opened from its capsule and checked.

use pyo3::{
    prelude::*,
    types::{PyCapsule, PyDict, PyList, PyTuple},
};
use wirebook_abi::{CAPSULE_NAME, CheckedTable, Clock, FieldInfo, FieldKind, Framing, MessageInfo, OrderIds};

use crate::errors::PluginRefused;

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
        let messages = self.table.description().messages.as_slice();
        let described = messages.iter().map(|message| describe_message(py, message)).collect::<PyResult<Vec<_>>>()?;
        PyList::new(py, described)
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
    let framings = table.description().framings.as_slice();
    framings.iter().copied().find(|framing| framing.name() == name).ok_or_else(|| {
        let known: Vec<_> = framings.iter().map(|framing| framing.name()).collect();
        pyo3::exceptions::PyValueError::new_err(format!(
            "framing: {name} is not one that {} comes in; it comes in {}",
            table.description().protocol.as_str(),
            known.join(", ")
        ))
    })
}

fn describe_message<'py>(py: Python<'py>, message: &MessageInfo) -> PyResult<Bound<'py, PyDict>> {
    let fields =
        message.fields.as_slice().iter().map(|field| describe_field(py, field)).collect::<PyResult<Vec<_>>>()?;
    let described = PyDict::new(py);
    described.set_item("type", message.type_text.as_str())?;
    described.set_item("name", message.name.as_str())?;
    described.set_item("about", message.about.as_str())?;
    described.set_item("bytes", message.length)?;
    described.set_item("fields", fields)?;
    Ok(described)
}

fn describe_field<'py>(py: Python<'py>, field: &FieldInfo) -> PyResult<Bound<'py, PyDict>> {
    let codes = PyDict::new(py);
    for value in field.enumeration.values.as_slice() {
        codes.set_item(value.code.as_str(), value.name.as_str())?;
    }
    let described = PyDict::new(py);
    described.set_item("name", field.name.as_str())?;
    described.set_item("kind", kind_name(field.kind))?;
    described.set_item("unit", field.unit.as_str())?;
    described.set_item("offset", field.offset)?;
    described.set_item("bytes", field.size)?;
    described.set_item("scale", field.scale)?;
    described.set_item("codes", codes)?;
    Ok(described)
}

fn kind_name(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::UNSIGNED => "unsigned",
        FieldKind::SIGNED => "signed",
        FieldKind::CHAR => "char",
        FieldKind::ASCII | FieldKind::ASCII_NUL => "ascii",
        FieldKind::ASCII_DECIMAL => "ascii_decimal",
        FieldKind::BYTES => "bytes",
        FieldKind::BITS => "bits",
        _ => "unknown",
    }
}
