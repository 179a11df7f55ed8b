//! The benchmark, as Python runs it.

use std::ops::ControlFlow;

use pyo3::{exceptions::PyValueError, prelude::*};
use wirebook_bench::{BenchConfig, BenchError, Progress};

use crate::{decoder::Decoder, errors::WirebookError};

/// The report as JSON, how it was measured in sentences, and its figures in words, a row each.
type Report = (String, Vec<String>, Vec<(String, String)>);

/// Measures the engine beside the classic design. `progress` is called before each step with what is done, steps done, steps.
#[pyfunction]
#[pyo3(signature = (
    decoder, *, quick=false, messages=None, symbols=None, runs=None, seed=None, core=None, progress=None
))]
#[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn bench(
    py: Python<'_>,
    decoder: &Decoder,
    quick: bool,
    messages: Option<u64>,
    symbols: Option<u32>,
    runs: Option<u32>,
    seed: Option<u64>,
    core: Option<usize>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Report> {
    let base = if quick { BenchConfig::quick() } else { BenchConfig::default() };
    let config = BenchConfig {
        messages: messages.unwrap_or(base.messages),
        comparison_messages: messages.map_or(base.comparison_messages, |most| base.comparison_messages.min(most)),
        symbols: symbols.unwrap_or(base.symbols),
        runs: runs.unwrap_or(base.runs),
        seed: seed.unwrap_or(base.seed),
        core,
        ..base
    };
    let table = decoder.table();
    let mut interrupted = None;
    let report = py.detach(|| {
        wirebook_bench::run(&config, table, |at: Progress| {
            let heard = Python::attach(|py| {
                py.check_signals()?;
                progress.as_ref().map(|callback| callback.call1(py, (at.step, at.done, at.total))).transpose()
            });
            match heard {
                Ok(_) => ControlFlow::Continue(()),
                Err(error) => {
                    interrupted = Some(error);
                    ControlFlow::Break(())
                }
            }
        })
    });
    if let Some(error) = interrupted {
        return Err(error);
    }
    let report = report.map_err(in_python)?;
    let json = serde_json::to_string(&report).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok((json, report.method.clone(), report.rows()))
}

fn in_python(error: BenchError) -> PyErr {
    match error {
        BenchError::Setting { .. } | BenchError::Protocol { .. } => PyValueError::new_err(error.to_string()),
        other => WirebookError::new_err(other.to_string()),
    }
}
