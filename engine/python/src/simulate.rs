//! A synthetic day, written to a file.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use pyo3::{
    exceptions::{PyOSError, PyValueError},
    prelude::*,
    types::PyDict,
};
use wirebook_abi::CheckedTable;
use wirebook_simulator::{DayConfig, DayTruth, Format, Packing, Progress, WriteError, WriteOptions, write_day};

use crate::decoder::Decoder;

/// Writes a synthetic trading day to `path` through the protocol's encoder. The file appears when it is complete.
///
/// `progress` is called with messages made and messages of the day.
#[pyfunction]
#[pyo3(signature = (
    path, decoder, *, seed, symbols, messages, midnight_unix_ns, format="pcap", open_orders=None, zipf_exponent=1.0,
    id_streams=1, messages_per_packet=None, channels=None, end_of_messages=true, session="SIMULATED1", progress=None
))]
#[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn simulate<'py>(
    py: Python<'py>,
    path: PathBuf,
    decoder: &Decoder,
    seed: u64,
    symbols: u32,
    messages: u64,
    midnight_unix_ns: u64,
    format: &str,
    open_orders: Option<u64>,
    zipf_exponent: f64,
    id_streams: u32,
    messages_per_packet: Option<u32>,
    channels: Option<u32>,
    end_of_messages: bool,
    session: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let config = DayConfig {
        seed,
        symbols,
        messages,
        open_orders,
        zipf_exponent,
        id_streams,
        end_of_messages,
        session: session.to_owned(),
        midnight_unix_ns,
        ..DayConfig::default()
    };
    let mut options = WriteOptions::new(match format {
        "pcap" => Format::Pcap,
        "length16" => Format::Length16File,
        other => return Err(PyValueError::new_err(format!("format: {other} is not one of pcap, length16"))),
    });
    options.packing = messages_per_packet.map_or(Packing::Natural, Packing::Fixed);
    options.channels = channels;
    let table = decoder.table();
    let mut interrupted = None;
    let written = py.detach(|| {
        let mut watch = |state: &Progress| {
            let heard = Python::attach(|py| {
                py.check_signals()?;
                let call = |callback: &Py<PyAny>| callback.call1(py, (state.messages, state.messages_total));
                progress.as_ref().map(call).transpose()
            });
            match heard {
                Ok(_) => ControlFlow::Continue(()),
                Err(error) => {
                    interrupted = Some(error);
                    ControlFlow::Break(())
                }
            }
        };
        write(&path, config, table, &options, &mut watch)
    });
    match (interrupted, written) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(in_python(&path, error)),
        (None, Ok((truth, size))) => facts(py, &truth, size),
    }
}

/// Writes beside the file and renames, so that nothing takes half a day for a whole one.
fn write(
    path: &Path,
    config: DayConfig,
    table: CheckedTable,
    options: &WriteOptions,
    watch: &mut impl FnMut(&Progress) -> ControlFlow<()>,
) -> Result<(DayTruth, u64), WriteError> {
    let io = |source| WriteError::Io { bytes: 0, source };
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    let mut output = BufWriter::with_capacity(1 << 20, File::create(&partial).map_err(io)?);
    let written = write_day(config, table, options, &mut output, watch).and_then(|truth| {
        output.flush().map_err(io)?;
        let size = output.get_ref().metadata().map_err(io)?.len();
        fs::rename(&partial, path).map_err(io)?;
        Ok((truth, size))
    });
    if written.is_err() {
        // What is left of a failed attempt is of no use, and the error at hand says more than another one here.
        let _ = fs::remove_file(&partial);
    }
    written
}

fn facts<'py>(py: Python<'py>, truth: &DayTruth, size: u64) -> PyResult<Bound<'py, PyDict>> {
    let orders = truth.books.instruments.iter().flat_map(|book| book.bids.iter().chain(&book.asks));
    let types = PyDict::new(py);
    for (kind, count) in truth.counts.iter().filter(|(_, count)| *count > 0) {
        types.set_item(format!("{kind:?}"), count)?;
    }
    let facts = PyDict::new(py);
    facts.set_item("messages", truth.counts.total())?;
    facts.set_item("message_kinds", types)?;
    facts.set_item("instruments", truth.books.instruments.len())?;
    facts.set_item("open_orders", orders.map(|level| u64::from(level.count)).sum::<u64>())?;
    facts.set_item("bytes", size)?;
    Ok(facts)
}

fn in_python(path: &Path, error: WriteError) -> PyErr {
    match error {
        WriteError::Io { source, .. } => PyOSError::new_err(format!("{}: {source}", path.display())),
        other => PyValueError::new_err(other.to_string()),
    }
}
