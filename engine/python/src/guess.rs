//! Which protocol a capture speaks, told from its first packets.

use std::path::PathBuf;

use pyo3::prelude::*;
use wirebook_io::{
    Burst, MergedSource, PacketSource, Polled, SourceError,
    capture::{CaptureSource, Format},
};
use wirebook_runtime::Sample;

use crate::{
    decoder::Decoder,
    errors::CaptureError,
    framing::{candidates, format_name},
};

/// What the first packets of a capture fit.
#[pyclass(frozen, get_all, module = "wirebook._engine")]
pub struct Guess {
    /// Format of the capture.
    format: String,
    /// Decoders that explain messages, best first: index, framing, messages explained, messages and packets not explained.
    fits: Vec<(usize, &'static str, u64, u64)>,
    /// Framings that the first decoder has for such packets, the usual one first.
    framings: Vec<&'static str>,
    /// Receive time of the first packet, nanoseconds since 1970 UTC; 0 where the capture does not say.
    ts_recv_ns: u64,
}

/// Tries each decoder on the first packets of the capture at `path`.
#[pyfunction]
#[pyo3(signature = (path, decoders, format=None))]
pub fn guess(
    py: Python<'_>,
    path: PathBuf,
    decoders: Vec<PyRef<'_, Decoder>>,
    format: Option<&str>,
) -> PyResult<Guess> {
    let format = format_of(format)?;
    let tables: Vec<_> = decoders.iter().map(|decoder| decoder.table()).collect();
    drop(decoders);
    let guessed = py.detach(|| {
        let mut source = open(path.clone(), format)?;
        let format_name = format_name(&source);
        let sample = Sample::from_source(&mut source);
        let fits = wirebook_runtime::guess(&tables, &sample);
        if let Some(error) = sample.into_error() {
            return Err(error);
        }
        let fits = fits.iter().map(|fit| (fit.table, fit.framing.name(), fit.messages, fit.faults)).collect();
        let mut source = open(path, format)?;
        let implied = source.framing();
        let mut burst = Burst::with_capacity(1);
        let first = match source.burst(&mut burst) {
            Ok(Polled::Packets([packet, ..])) => Some((packet.kind, packet.ts_recv_ns)),
            _ => None,
        };
        let framings = match (tables.first(), first) {
            (Some(table), Some((kind, _))) => candidates(*table, implied, kind).map(|each| each.name()).collect(),
            _ => Vec::new(),
        };
        Ok(Guess { format: format_name, fits, framings, ts_recv_ns: first.map_or(0, |(_, time)| time) })
    });
    guessed.map_err(|error: SourceError| CaptureError::new_err(error.to_string()))
}

/// The format that goes by this name.
pub fn format_of(name: Option<&str>) -> PyResult<Option<Format>> {
    name.map(|name| {
        Format::from_name(name).ok_or_else(|| {
            let known = Format::NAMES.join(", ");
            pyo3::exceptions::PyValueError::new_err(format!("format: {name} is not one of {known}"))
        })
    })
    .transpose()
}

/// Opens a capture, as a format where one is given.
pub fn open(path: PathBuf, format: Option<Format>) -> Result<CaptureSource, SourceError> {
    match format {
        Some(format) => CaptureSource::open_as(path, format),
        None => CaptureSource::open(path),
    }
}

/// Opens captures: one as it is, several as one, their packets in the order in which they were received.
pub fn open_all(paths: Vec<PathBuf>, format: Option<Format>) -> Result<Box<dyn PacketSource + Send>, SourceError> {
    let sources: Vec<_> = paths.into_iter().map(|path| open(path, format)).collect::<Result<_, _>>()?;
    match <[CaptureSource; 1]>::try_from(sources) {
        Ok([source]) => Ok(Box::new(source)),
        Err(sources) => {
            let boxed = sources.into_iter().map(|source| -> Box<dyn PacketSource + Send> { Box::new(source) });
            Ok(Box::new(MergedSource::new(boxed)))
        }
    }
}
