//! Live packet sources: which of them this machine has, and what each costs here.

use std::time::Duration;

use pyo3::prelude::*;
use wirebook_bench::sources::{SourcesConfig, run};
use wirebook_io::{
    SourceError,
    live::{Support, support},
};

use crate::bench::{in_json, watched};

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
    let report = watched(py, progress, |step| run(&config, step))?;
    Ok((in_json(&report)?, report.method.clone(), report.rows(), report.left_out))
}
