//! A protocol's description as plain Python data: messages, fields, groups, codes.

use std::path::PathBuf;

use pyo3::{
    IntoPyObjectExt,
    exceptions::PyValueError,
    prelude::*,
    types::{PyDict, PyList},
};
use wirebook_abi::{
    FieldInfo, FieldKind, MessageInfo,
    describe::{DataInfo, GroupInfo, HeaderInfo, PartInfo, Scaling, Slot},
};

/// Puts each value under its key.
macro_rules! dict {
    ($py:expr, { $($key:literal: $value:expr),* $(,)? }) => {{
        let dict = PyDict::new($py);
        $(dict.set_item($key, $value)?;)*
        dict
    }};
}

/// A list of what `describe` makes of each item.
fn list<'py, T>(
    py: Python<'py>,
    items: &[T],
    describe: impl Fn(Python<'py>, &T) -> PyResult<Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyList>> {
    PyList::new(py, items.iter().map(|item| describe(py, item)).collect::<PyResult<Vec<_>>>()?)
}

/// Reads the layout of an SBE description, or of a venue's XML schema: name, header, messages.
#[pyfunction]
pub fn read_sbe_layout<'py>(py: Python<'py>, path: PathBuf) -> PyResult<Bound<'py, PyDict>> {
    let read = py.detach(|| wirebook_codegen::sbe_description(&path));
    let description = read.map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok(dict!(py, {
        "protocol": description.protocol.as_str(),
        "header": header(py, &description.header)?,
        "messages": messages(py, description.messages.as_slice())?,
    }))
}

/// Message types and their fields.
pub fn messages<'py>(py: Python<'py>, messages: &[MessageInfo]) -> PyResult<Bound<'py, PyList>> {
    list(py, messages, message)
}

/// The header that messages with groups start with; None where messages are flat.
pub fn header<'py>(py: Python<'py>, header: &HeaderInfo) -> PyResult<Bound<'py, PyAny>> {
    if header.size == 0 {
        return Ok(py.None().into_bound(py));
    }
    let described = dict!(py, {
        "bytes": header.size,
        "byte_order": byte_order(header.big_endian),
        "block_length": slot(py, header.block_length)?,
        "template_id": slot(py, header.template_id)?,
        "schema_id": slot(py, header.schema_id)?,
        "version": slot(py, header.version)?,
    });
    Ok(described.into_any())
}

fn message<'py>(py: Python<'py>, message: &MessageInfo) -> PyResult<Bound<'py, PyDict>> {
    let schema = (message.schema_id != MessageInfo::ANY_SCHEMA).then_some(message.schema_id);
    Ok(dict!(py, {
        "type": message.type_text.as_str(),
        "type_value": message.type_value,
        "name": message.name.as_str(),
        "about": message.about.as_str(),
        "bytes": message.length,
        "schema": schema,
        "since": message.since,
        "block_bytes": message.block_length,
        "fields": list(py, message.fields.as_slice(), field)?,
        "groups": list(py, message.groups.as_slice(), group)?,
        "data": list(py, message.data.as_slice(), data)?,
        "parts": list(py, message.parts.as_slice(), part)?,
    }))
}

fn field<'py>(py: Python<'py>, field: &FieldInfo) -> PyResult<Bound<'py, PyDict>> {
    let codes = PyDict::new(py);
    for value in field.enumeration.values.as_slice() {
        codes.set_item(value.code.as_str(), value.name.as_str())?;
    }
    Ok(dict!(py, {
        "name": field.name.as_str(),
        "kind": kind_name(field.kind),
        "unit": field.unit.as_str(),
        "offset": field.offset,
        "bytes": field.size,
        "byte_order": byte_order(field.big_endian),
        "scale": field.scale,
        "scaling": scaling_name(field.scaling),
        "scale_from": field.scale_from.as_str(),
        "null": (field.nullable != 0).then_some(field.null),
        "since": field.since,
        "count": field.count,
        "constant": field.constant.as_str(),
        "enumeration": field.enumeration.name.as_str(),
        "codes": codes,
    }))
}

fn group<'py>(py: Python<'py>, described: &GroupInfo) -> PyResult<Bound<'py, PyDict>> {
    Ok(dict!(py, {
        "name": described.name.as_str(),
        "since": described.since,
        "dimension_bytes": described.dimension_size,
        "block_length": slot(py, described.block_length)?,
        "count": slot(py, described.count)?,
        "entry_bytes": described.entry_size,
        "dimension": list(py, described.dimension.as_slice(), field)?,
        "fields": list(py, described.fields.as_slice(), field)?,
        "groups": list(py, described.groups.as_slice(), group)?,
        "data": list(py, described.data.as_slice(), data)?,
    }))
}

fn data<'py>(py: Python<'py>, data: &DataInfo) -> PyResult<Bound<'py, PyDict>> {
    let described = field(py, &data.field)?;
    described.set_item("length", slot(py, data.length)?)?;
    described.set_item("head_bytes", data.head_size)?;
    Ok(described)
}

/// Numbers of fields count from 0 here, and are None where no field says it.
fn part<'py>(py: Python<'py>, part: &PartInfo) -> PyResult<Bound<'py, PyDict>> {
    Ok(dict!(py, {
        "name": part.name.as_str(),
        "offset": part.offset,
        "stride": part.stride,
        "count": part.count,
        "count_field": part.count_field.checked_sub(1),
        "offset_field": part.offset_field.checked_sub(1),
        "present_field": part.present_field.checked_sub(1),
        "present_mask": part.present_mask,
        "repeats": part.repeats != 0,
        "fields": list(py, part.fields.as_slice(), field)?,
    }))
}

/// Offset and size; None where there is none.
fn slot<'py>(py: Python<'py>, slot: Slot) -> PyResult<Bound<'py, PyAny>> {
    (slot.size != 0).then_some((slot.offset, slot.size)).into_bound_py_any(py)
}

fn byte_order(big_endian: u8) -> &'static str {
    if big_endian != 0 { "big" } else { "little" }
}

fn scaling_name(scaling: Scaling) -> &'static str {
    match scaling {
        Scaling::FIXED => "fixed",
        Scaling::EXPONENT => "exponent",
        Scaling::DECIMALS => "decimals",
        Scaling::DENOMINATOR => "denominator",
        _ => "unknown",
    }
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
        FieldKind::FLOAT => "float",
        FieldKind::UTF8 => "utf8",
        _ => "unknown",
    }
}
