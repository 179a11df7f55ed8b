//! [`Inspection`] as Python iterates it.

use std::{path::PathBuf, sync::Mutex};

use pyo3::{exceptions::PyRuntimeError, prelude::*};

use crate::{
    decoder::{Decoder, framing_of},
    errors::CaptureError,
    guess::{format_of, open},
    inspection::{Choice, Counts, Inspection, Step},
};

/// A capture, message by message: iterating gives texts of whole lines.
#[pyclass(frozen, module = "wirebook._engine")]
pub struct Inspector {
    inspection: Mutex<Inspection>,
}

#[pymethods]
impl Inspector {
    #[new]
    #[pyo3(signature = (
        path, decoder, *, framing=None, format=None, types=Vec::new(), symbols=Vec::new(), limit=None, json=true, hex=false
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        decoder: &Decoder,
        framing: Option<&str>,
        format: Option<&str>,
        types: Vec<String>,
        symbols: Vec<String>,
        limit: Option<u64>,
        json: bool,
        hex: bool,
    ) -> PyResult<Self> {
        let table = decoder.table();
        let framing = framing.map(|name| framing_of(table, name)).transpose()?;
        let format = format_of(format)?;
        let source = py.detach(|| open(path, format)).map_err(|error| CaptureError::new_err(error.to_string()))?;
        let (types, symbols) = (types.into_iter().collect(), symbols.into_iter().collect());
        let choice = Choice { types, symbols, limit, json, hex, framing };
        Ok(Self { inspection: Mutex::new(Inspection::new(source, table, choice)) })
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<String>> {
        loop {
            let step = py.detach(|| self.inspection.lock().ok().map(|mut inspection| inspection.step()));
            match step.ok_or_else(broken)?.map_err(|error| CaptureError::new_err(error.to_string()))? {
                Step::Text(text) => return Ok(Some(text)),
                Step::Nothing => py.check_signals()?,
                Step::End => return Ok(None),
            }
        }
    }

    /// Format of the capture: `pcap`, `length16 in gzip`.
    #[getter]
    fn format(&self) -> PyResult<String> {
        Ok(self.inspection.lock().map_err(|_| broken())?.format())
    }

    /// Messages met so far.
    #[getter]
    fn messages(&self) -> PyResult<u64> {
        Ok(self.counts()?.messages)
    }

    /// Messages shown so far.
    #[getter]
    fn shown(&self) -> PyResult<u64> {
        Ok(self.counts()?.shown)
    }

    /// Messages and packets so far that are not what the protocol says.
    #[getter]
    fn errors(&self) -> PyResult<u64> {
        Ok(self.counts()?.errors)
    }

    /// Packets so far that cannot be of this protocol.
    #[getter]
    fn foreign(&self) -> PyResult<u64> {
        Ok(self.counts()?.foreign)
    }

    /// Bytes read and bytes there are, of the file on the disk; the second is `None` for a pipe.
    fn progress(&self) -> PyResult<(u64, Option<u64>)> {
        let progress = self.inspection.lock().map_err(|_| broken())?.progress().unwrap_or_default();
        Ok((progress.bytes_done, progress.bytes_total))
    }
}

impl Inspector {
    fn counts(&self) -> PyResult<Counts> {
        Ok(self.inspection.lock().map_err(|_| broken())?.counts())
    }
}

fn broken() -> PyErr {
    PyRuntimeError::new_err("the inspection panicked earlier and cannot go on")
}
