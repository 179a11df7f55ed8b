//! The benchmark, as Python runs it.

use std::ops::ControlFlow;

use pyo3::{exceptions::PyValueError, prelude::*};
use serde::Serialize;
use wirebook_bench::{BenchConfig, BenchError, LiveBenchConfig, Progress};
use wirebook_simulator::DayConfig;

use crate::{decoder::Decoder, errors::WirebookError};

/// The report as JSON, how it was measured in sentences, and its figures in words, a row each.
type Report = (String, Vec<String>, Vec<(String, String)>);

/// Measures the engine beside the classic design; of `others` it measures decoding alone, where it knows them. `progress` is called before each step with what is done, steps done, steps.
#[pyfunction]
#[pyo3(signature = (
    decoder, others=Vec::new(), *, quick=false, messages=None, symbols=None, runs=None, seed=None, core=None, progress=None
))]
#[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn bench(
    py: Python<'_>,
    decoder: &Decoder,
    others: Vec<PyRef<'_, Decoder>>,
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
    let others: Vec<_> = others.iter().map(|each| each.table()).collect();
    let report = watched(py, progress, |step| wirebook_bench::run(&config, table, &others, step))?;
    Ok((in_json(&report)?, report.method.clone(), report.rows()))
}

/// One day played again and again, for comparisons between processes.
#[pyclass(frozen, module = "wirebook._engine")]
pub struct DayAgain(wirebook_bench::DayAgain);

#[pymethods]
impl DayAgain {
    #[new]
    #[pyo3(signature = (decoder, *, messages, symbols, seed))]
    fn new(py: Python<'_>, decoder: &Decoder, messages: u64, symbols: u32, seed: u64) -> PyResult<Self> {
        let table = decoder.table();
        let config = DayConfig { messages, symbols, seed, ..DayConfig::default() };
        py.detach(|| wirebook_bench::DayAgain::new(table, config)).map(Self).map_err(in_python)
    }

    /// Plays it once: nanoseconds a message of decoding alone, and of everything on.
    fn round(&self, py: Python<'_>) -> PyResult<(f64, f64)> {
        let round = py.detach(|| self.0.round()).map_err(in_python)?;
        Ok((round.decode_ns, round.everything_ns))
    }
}

/// Measures a live channel at a steady rate and in tenfold bursts.
#[pyfunction]
#[pyo3(signature = (decoder, *, messages=None, symbols=None, seed=None, rate=None, core=None))]
pub fn bench_live(
    py: Python<'_>,
    decoder: &Decoder,
    messages: Option<u64>,
    symbols: Option<u32>,
    seed: Option<u64>,
    rate: Option<u64>,
    core: Option<usize>,
) -> PyResult<Report> {
    let base = LiveBenchConfig::default();
    let config = LiveBenchConfig {
        messages: messages.unwrap_or(base.messages),
        symbols: symbols.unwrap_or(base.symbols),
        seed: seed.unwrap_or(base.seed),
        rate: rate.unwrap_or(base.rate),
        core,
    };
    let table = decoder.table();
    let report = py.detach(|| wirebook_bench::run_live(&config, table)).map_err(in_python)?;
    Ok((in_json(&report)?, report.method.clone(), report.rows()))
}

/// Measures without the interpreter. Before each step `progress` is called with the step, steps done and steps, and signals are
/// heard: what either raises ends the work.
pub(crate) fn watched<R: Send>(
    py: Python<'_>,
    progress: Option<Py<PyAny>>,
    measure: impl FnOnce(&mut (dyn FnMut(Progress) -> ControlFlow<()> + Send)) -> Result<R, BenchError> + Send,
) -> PyResult<R> {
    let mut interrupted = None;
    let result = py.detach(|| {
        measure(&mut |at| {
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
    match interrupted {
        Some(error) => Err(error),
        None => result.map_err(in_python),
    }
}

/// A report for programs.
pub(crate) fn in_json(report: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(report).map_err(|error| PyValueError::new_err(error.to_string()))
}

fn in_python(error: BenchError) -> PyErr {
    match error {
        BenchError::Setting { .. } | BenchError::Protocol { .. } => PyValueError::new_err(error.to_string()),
        other => WirebookError::new_err(other.to_string()),
    }
}
