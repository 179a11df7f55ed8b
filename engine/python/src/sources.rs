//! Live packet sources: which of them this machine has, and what each costs here.

use std::{ops::ControlFlow, time::Duration};

use pyo3::{exceptions::PyValueError, prelude::*};
use wirebook_bench::{
    BenchError, Progress,
    sources::{SourcesConfig, run},
};
use wirebook_io::{
    SourceError,
    live::{Support, support},
};

use crate::errors::WirebookError;

/// The report as JSON, how it was measured in sentences, its figures in words, and sources left out with the reason.
type Report = (String, Vec<String>, Vec<[String; 6]>, Vec<(String, String)>);

/// Each source: its name, whether it is there, what there is or what is missing, and in the latter case what to do.
#[pyfunction]
pub fn sources() -> Vec<(&'static str, bool, String, Option<String>)> {
    let row = |Support { source, state }| match state {
        Ok(words) => (source, true, words, None),
        Err(SourceError::Unavailable { reason, remedy, .. }) => (source, false, reason, Some(remedy)),
        Err(error) => (source, false, error.to_string(), None),
    };
    support().into_iter().map(row).collect()
}

/// Measures the sources beside each other on a network of their own. `progress` is called before each with its name, sources
/// done, sources.
#[pyfunction]
#[pyo3(signature = (*, quick=false, runs=None, progress=None))]
pub fn bench_sources(py: Python<'_>, quick: bool, runs: Option<u32>, progress: Option<Py<PyAny>>) -> PyResult<Report> {
    let base = SourcesConfig::default();
    let base = match quick {
        true => SourcesConfig { runs: 11, flood: Duration::from_millis(100), timed: 1000, ..base },
        false => base,
    };
    let config = SourcesConfig { runs: runs.unwrap_or(base.runs), ..base };
    let mut interrupted = None;
    let report = py.detach(|| {
        run(&config, |at: Progress| {
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
    let report = report.map_err(|error| match error {
        BenchError::Setting { .. } => PyValueError::new_err(error.to_string()),
        other => WirebookError::new_err(other.to_string()),
    })?;
    let json = serde_json::to_string(&report).map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok((json, report.method.clone(), report.rows(), report.left_out))
}
