//! [`Player`] as Python drives it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::{
    exceptions::{PyKeyError, PyRuntimeError, PyValueError},
    prelude::*,
    types::{PyCapsule, PyDict},
};
use wirebook_abi::Side;
use wirebook_export::{ExportError, FrameInfo, Units, event_schema, tops_batch};

use wirebook_runtime::{
    BookImage, Bound as Place, Bounds, ImageDetail, PlacedFault, ReplayConfig, ReplayError, Summary,
};

use crate::{
    book::Book,
    book_view::BookView,
    books_file,
    decoder::{Decoder, framing_of},
    errors::{CaptureError, WirebookError},
    frames::{Frame, schema_capsule, stream_capsule},
    guess::{format_of, open_all},
    player::{Output, PlayError, Player},
    recorder::Recorder,
    tape::Tape,
};

/// Rows of a batch at most: some gigabytes.
const MOST_ROWS: usize = 1 << 24;

/// Symbol, orders, and of bid and ask each price and quantity.
type TopTexts = (String, u64, Option<(String, u64)>, Option<(String, u64)>);

type Shared = Arc<Mutex<Player>>;

/// A capture being replayed. Iterating gives frames of events; books stand where the replay does.
#[pyclass(frozen, module = "wirebook._engine")]
pub struct Replay {
    player: Shared,
    schema: SchemaRef,
}

#[pymethods]
impl Replay {
    #[new]
    #[pyo3(signature = (
        paths, decoder, *, framing, format=None, ts_base_ns=0, date="", symbols=None, start_ns=None, end_ns=None,
        start_sequence=None, end_sequence=None, batch_rows=None, output=None, tape=None, dataset="XNAS.ITCH"
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        paths: Vec<PathBuf>,
        decoder: &Decoder,
        framing: &str,
        format: Option<&str>,
        ts_base_ns: i64,
        date: &str,
        symbols: Option<Vec<String>>,
        start_ns: Option<u64>,
        end_ns: Option<u64>,
        start_sequence: Option<u64>,
        end_sequence: Option<u64>,
        batch_rows: Option<usize>,
        output: Option<PathBuf>,
        tape: Option<String>,
        dataset: &str,
    ) -> PyResult<Self> {
        let table = decoder.table();
        let description = table.description();
        let framing = framing_of(table, framing)?;
        let format = format_of(format)?;
        let units = Units::new(description.price_scale, ts_base_ns).map_err(export_error)?;
        let info = FrameInfo { protocol: description.protocol.as_str().to_owned(), date: date.to_owned() };
        let bounds =
            Bounds { from: bound(start_ns, start_sequence, "start")?, to: bound(end_ns, end_sequence, "end")? };
        let source = py.detach(|| open_all(paths, format)).map_err(|error| CaptureError::new_err(error.to_string()))?;
        let config = ReplayConfig { bounds, only: symbols, ..ReplayConfig::default() };
        let replay =
            wirebook_runtime::Replay::new(source, table, framing, config).map_err(|error| play_error(error.into()))?;
        let output = match (output, batch_rows, tape) {
            (Some(path), ..) => {
                let recorder = Recorder::file(&info, units, &path, dataset).map_err(export_error)?;
                Output::Recorder(Box::new(recorder))
            }
            (None, Some(rows), _) => {
                Output::Recorder(Box::new(Recorder::batches(&info, units, rows.clamp(1, MOST_ROWS))))
            }
            (None, None, Some(symbol)) => Output::Tape(Tape::new(symbol)),
            (None, None, None) => Output::Nothing,
        };
        let schema = event_schema(&info);
        Ok(Self { player: Arc::new(Mutex::new(Player::new(replay, output, units, info))), schema })
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Frame>> {
        loop {
            {
                let mut player = self.lock()?;
                if let Some(batch) = player.next_batch() {
                    return Ok(Some(Frame::new(batch)));
                }
                if let Some(error) = player.take_broken() {
                    return Err(play_error(error));
                }
                if player.ended() {
                    return Ok(None);
                }
            }
            py.detach(|| self.player.lock().ok().map(|mut player| player.step_to_batch())).ok_or_else(broken)?;
            py.check_signals()?;
        }
    }

    /// Plays on to the end. `progress` is called now and then with bytes done, bytes in all, messages.
    #[pyo3(signature = (progress=None))]
    fn run(&self, py: Python<'_>, progress: Option<Py<PyAny>>) -> PyResult<()> {
        while self.step(py)? {
            while self.lock()?.next_batch().is_some() {}
            py.check_signals()?;
            if let Some(callback) = &progress {
                let ((done, total), messages) = {
                    let player = self.lock()?;
                    (player.progress(), player.messages())
                };
                callback.call1(py, (done, total, messages))?;
            }
        }
        Ok(())
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.schema)
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The interface lets a producer that cannot cast give what it has.
        let _ = requested_schema;
        stream_capsule(py, Box::new(Stream { player: self.player.clone(), schema: self.schema.clone() }))
    }

    /// Counts so far.
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let (summary, rows) = self.lock()?.summary();
        in_python(py, summary, rows)
    }

    /// Symbols of the instruments so far.
    fn symbols(&self) -> PyResult<Vec<String>> {
        Ok(self.lock()?.symbols().map(str::to_owned).collect())
    }

    /// The book of a symbol.
    fn book(&self, symbol: String) -> PyResult<Book> {
        if !self.lock()?.has(&symbol) {
            return Err(PyKeyError::new_err(symbol));
        }
        Ok(Book::new(self.player.clone(), symbol))
    }

    /// Best bid and ask of every book that has one, in the order of the instruments' keys.
    fn tops(&self, py: Python<'_>) -> PyResult<Frame> {
        let batch = py.detach(|| {
            let player = self.player.lock().ok()?;
            let books: Vec<_> = player.books(ImageDetail::Levels).filter(|book| !book.is_empty()).collect();
            let rows: Vec<_> = books.iter().map(|book| BookView::new(&player, book).top()).collect();
            Some(tops_batch(&player.info, player.units, rows))
        });
        batch.ok_or_else(broken)?.map(Frame::new).map_err(export_error)
    }

    /// Best prices over time and trades of the taped instrument: times in nanoseconds since 1970 UTC, prices as they are,
    /// `None` where a side is empty.
    fn tape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let player = self.lock()?;
        let Output::Tape(tape) = player.output() else {
            return Err(PyValueError::new_err("tape: none was asked for"));
        };
        let time = |ns: u64| player.units.ts_base_ns().saturating_add_unsigned(ns);
        // For a picture only: pixels are coarser than what a float rounds.
        let price = |price: i64| price as f64 / player.price_scale as f64;
        let side = |value: i64| (value != 0).then(|| price(value));
        let touches: Vec<_> = tape.touches().iter().map(|(at, bid, ask)| (time(*at), side(*bid), side(*ask))).collect();
        let trades: Vec<_> = tape.trades().iter().map(|(at, value, size)| (time(*at), price(*value), *size)).collect();
        let facts = PyDict::new(py);
        facts.set_item("touches", touches)?;
        facts.set_item("trades", trades)?;
        Ok(facts)
    }

    /// Best bid and ask of each book that has one, as texts and numbers: symbol, orders, bid price and quantity, ask price and
    /// quantity.
    fn top_rows(&self, py: Python<'_>) -> PyResult<Vec<TopTexts>> {
        let rows = py.detach(|| {
            let player = self.player.lock().ok()?;
            let texts = |book: BookImage| {
                let view = BookView::new(&player, &book);
                let text = |price| view.decimal(price).map_or("market".to_owned(), |price| price.to_string());
                let best = |side| view.best(side).map(|best| (text(best.price), best.quantity));
                (view.symbol().to_owned(), view.order_count(), best(Side::BID), best(Side::ASK))
            };
            Some(player.books(ImageDetail::Levels).filter(|book| !book.is_empty()).map(texts).collect())
        });
        rows.ok_or_else(broken)
    }

    /// Writes every book to a file whose ending says its format.
    #[pyo3(signature = (path, *, orders=false))]
    fn write_books(&self, py: Python<'_>, path: PathBuf, orders: bool) -> PyResult<()> {
        let written = py.detach(|| Some(books_file::write(&path, &*self.player.lock().ok()?, orders)));
        written.ok_or_else(broken)?.map_err(export_error)
    }
}

impl Replay {
    fn lock(&self) -> PyResult<MutexGuard<'_, Player>> {
        self.player.lock().map_err(|_| broken())
    }

    /// Whether there is more to play.
    fn step(&self, py: Python<'_>) -> PyResult<bool> {
        let step = py.detach(|| self.player.lock().ok().map(|mut player| player.step()));
        let more = step.ok_or_else(broken)?.map_err(play_error)?;
        py.check_signals()?;
        Ok(more)
    }
}

/// Batches for a consumer of Arrow's stream interface, which pulls without the interpreter.
struct Stream {
    player: Shared,
    schema: SchemaRef,
}

impl Iterator for Stream {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let Ok(mut player) = self.player.lock() else {
            return Some(Err(ArrowError::CDataInterface(BROKEN.into())));
        };
        player.play_to_batch().map_err(|error| ArrowError::ExternalError(Box::new(error))).transpose()
    }
}

impl RecordBatchReader for Stream {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

fn in_python(py: Python<'_>, summary: Summary, rows: u64) -> PyResult<Bound<'_, PyDict>> {
    let types = PyDict::new(py);
    for (message_type, count) in &summary.message_types {
        types.set_item(message_type, count)?;
    }
    let faults = PyDict::new(py);
    for (status, count) in &summary.statuses {
        faults.set_item(status.name(), count)?;
    }
    let stats = PyDict::new(py);
    stats.set_item("messages", summary.messages)?;
    stats.set_item("message_types", types)?;
    stats.set_item("instruments", summary.instruments)?;
    stats.set_item("unknown_orders", summary.unknown_orders)?;
    stats.set_item("gaps", summary.gaps)?;
    stats.set_item("errors", summary.errors)?;
    stats.set_item("seconds", summary.seconds)?;
    stats.set_item("messages_per_second", summary.messages_per_second)?;
    stats.set_item("channels", summary.channels)?;
    stats.set_item("open_orders", summary.open_orders)?;
    stats.set_item("given_levels", summary.given_levels)?;
    stats.set_item("unknown_levels", summary.books.unknown_levels)?;
    stats.set_item("contradicted_levels", summary.books.contradicted_levels)?;
    stats.set_item("snapshots_joined", summary.joins.joined)?;
    stats.set_item("snapshots_unusable", summary.joins.unusable())?;
    stats.set_item("missing", summary.missing)?;
    stats.set_item("duplicates", summary.duplicates)?;
    stats.set_item("foreign_packets", summary.foreign_packets)?;
    stats.set_item("undecoded_bytes", summary.undecoded_bytes)?;
    stats.set_item("faults", faults)?;
    stats.set_item("first_faults", summary.first_faults.iter().map(fault_in_words).collect::<Vec<_>>())?;
    stats.set_item("source_error", summary.source_error)?;
    stats.set_item("events_recorded", rows)?;
    Ok(stats)
}

fn fault_in_words(placed: &PlacedFault) -> String {
    let fault = &placed.fault;
    format!("byte {}, sequence {}: {}", fault.offset, fault.sequence, fault.status.name())
}

/// A place by time or by sequence.
fn bound(time_ns: Option<u64>, sequence: Option<u64>, which: &str) -> PyResult<Option<Place>> {
    match (time_ns, sequence) {
        (Some(_), Some(_)) => Err(PyValueError::new_err(format!("{which}: give a time or a sequence, not both"))),
        (Some(time_ns), None) => Ok(Some(Place::TimeNs(time_ns))),
        (None, sequence) => Ok(sequence.map(Place::Sequence)),
    }
}

const BROKEN: &str = "the replay panicked earlier and cannot go on";

/// An earlier call panicked while it held the player.
pub fn broken() -> PyErr {
    PyRuntimeError::new_err(BROKEN)
}

/// What the engine says of frames and files.
pub fn export_error(error: ExportError) -> PyErr {
    WirebookError::new_err(error.to_string())
}

fn play_error(error: PlayError) -> PyErr {
    match error {
        PlayError::Replay(ReplayError::Source(error)) => CaptureError::new_err(error.to_string()),
        error => WirebookError::new_err(error.to_string()),
    }
}
