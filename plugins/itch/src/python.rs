//! The Python module: one capsule a protocol, and nothing else.

use std::ptr::NonNull;

use pyo3::{prelude::*, types::PyCapsule};
use wirebook_abi::{CAPSULE_NAME, DecoderTable};

use crate::TABLES;

fn capsule<'py>(py: Python<'py>, table: &'static DecoderTable) -> PyResult<Bound<'py, PyCapsule>> {
    // SAFETY: the pointer is that of a static, which lives as long as the process; the capsule's users only read it.
    unsafe { PyCapsule::new_with_pointer(py, NonNull::from(table).cast(), CAPSULE_NAME) }
}

/// Decoder tables of wirebook-itch, as capsules named `wirebook.decoder`.
#[pymodule]
fn _decoder(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    for (name, table) in TABLES {
        module.add(name, capsule(py, table)?)?;
    }
    Ok(())
}
