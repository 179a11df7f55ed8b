//! The Python module: one capsule a protocol, and nothing else.

use std::ptr::NonNull;

use pyo3::{prelude::*, types::PyCapsule};
use wirebook_abi::{CAPSULE_NAME, DecoderTable};

const TABLES: [(&str, &DecoderTable); 10] = [
    ("EQUITIES_2_41_64", &crate::EQUITIES_2_41_64),
    ("EQUITIES_2_41_29", &crate::EQUITIES_2_41_29),
    ("EQUITIES_2", &crate::EQUITIES_2),
    ("OPTIONS_2_41_64", &crate::OPTIONS_2_41_64),
    ("OPTIONS_2_39_4", &crate::OPTIONS_2_39_4),
    ("COMPLEX_2_1_18", &crate::COMPLEX_2_1_18),
    ("CFE_1_2_19", &crate::CFE_1_2_19),
    ("CFE_1_1_12", &crate::CFE_1_1_12),
    ("CFE_1_1_6", &crate::CFE_1_1_6),
    ("EUROPE_6_67", &crate::EUROPE_6_67),
];

fn capsule<'py>(py: Python<'py>, table: &'static DecoderTable) -> PyResult<Bound<'py, PyCapsule>> {
    // SAFETY: the pointer is that of a static, which lives as long as the process; the capsule's users only read it.
    unsafe { PyCapsule::new_with_pointer(py, NonNull::from(table).cast(), CAPSULE_NAME) }
}

/// Decoder tables of wirebook-pitch, as capsules named `wirebook.decoder`.
#[pymodule]
fn _decoder(module: &Bound<'_, PyModule>) -> PyResult<()> {
    for (name, table) in TABLES {
        module.add(name, capsule(module.py(), table)?)?;
    }
    Ok(())
}
