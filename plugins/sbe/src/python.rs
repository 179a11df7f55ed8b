//! The Python module: one capsule a protocol, and nothing else.

use std::ptr::NonNull;

use pyo3::{prelude::*, types::PyCapsule};
use wirebook_abi::{CAPSULE_NAME, DecoderTable};

use crate::{B3_1, B3_2, BINANCE, CME, COINBASE_1_2, COINBASE_1_7, DERIBIT, MEMX, MOEX, OPTIQ};

fn capsule<'py>(py: Python<'py>, table: &'static DecoderTable) -> PyResult<Bound<'py, PyCapsule>> {
    // SAFETY: the pointer is that of a static, which lives as long as the process; the capsule's users only read it.
    unsafe { PyCapsule::new_with_pointer(py, NonNull::from(table).cast(), CAPSULE_NAME) }
}

/// Decoder tables of wirebook-sbe, as capsules named `wirebook.decoder`.
#[pymodule]
fn _decoder(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("CME", capsule(py, &CME)?)?;
    module.add("B3_1", capsule(py, &B3_1)?)?;
    module.add("B3_2", capsule(py, &B3_2)?)?;
    module.add("MEMX", capsule(py, &MEMX)?)?;
    module.add("COINBASE_1_2", capsule(py, &COINBASE_1_2)?)?;
    module.add("COINBASE_1_7", capsule(py, &COINBASE_1_7)?)?;
    module.add("DERIBIT", capsule(py, &DERIBIT)?)?;
    module.add("MOEX", capsule(py, &MOEX)?)?;
    module.add("OPTIQ", capsule(py, &OPTIQ)?)?;
    module.add("BINANCE", capsule(py, &BINANCE)?)
}
