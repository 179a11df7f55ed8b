//! The engine's channel around a decoder: sequences, events and books after each packet.

use std::sync::Mutex;

use pyo3::{
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
    types::{PyDict, PyList},
};
use wirebook_abi::{CheckedTable, Event, EventCold, Record};
use wirebook_book::{BookConfig, BookWriter};
use wirebook_runtime::{Applied, BookImage, EventSink, ImageDetail, LevelImage, Pipeline};

use super::events::in_python;
use crate::decoder::{Decoder, framing_of};

/// A channel with books, small enough to be made anew for each test.
#[pyclass(module = "wirebook._engine")]
pub struct RigChannel {
    /// Never locked: it lets Python hold what only one thread may use at a time.
    pipeline: Mutex<Pipeline>,
    table: CheckedTable,
}

/// Price, quantity and count of a level, and its queue.
type LevelFacts = (i64, u64, u32, Vec<(u64, u64)>);

/// Keeps the events that the pipeline applied.
#[derive(Default)]
struct Kept(Vec<(Event, EventCold, Option<Record>)>);

impl EventSink for Kept {
    const WANTS_RECEIVE_TIME: bool = false;

    fn take(&mut self, applied: Applied<'_>) {
        for (event, cold) in applied.events.iter().zip(applied.cold) {
            let record = usize::from(cold.record).checked_sub(1).and_then(|index| applied.records.get(index)).copied();
            self.0.push((*event, *cold, record));
        }
    }
}

#[pymethods]
impl RigChannel {
    #[new]
    fn new(decoder: &Decoder, framing: &str) -> PyResult<Self> {
        let table = decoder.table();
        let framing = framing_of(table, framing)?;
        let decoder = table.create(framing).map_err(|refused| PyValueError::new_err(refused.to_string()))?;
        let config = BookConfig {
            instruments: 1 << 10,
            orders: 1 << 12,
            levels: 1 << 12,
            window_bits: 10,
            ..BookConfig::of(table.description())
        };
        let books = BookWriter::new(&config).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self { pipeline: Mutex::new(Pipeline::new(decoder, books)), table })
    }

    /// Takes a packet, or the bytes of a stream as far as they are whole messages, and gives the events that were applied.
    fn packet<'py>(&mut self, py: Python<'py>, packet: &[u8]) -> PyResult<Bound<'py, PyList>> {
        let mut kept = Kept::default();
        let pipeline = self.pipeline()?;
        let mut at = 0;
        while at < packet.len() {
            let size = pipeline.packet(&packet[at..], 0, at as u64, &mut kept);
            if size == 0 {
                break;
            }
            at += size;
        }
        pipeline.flush(&mut kept);
        let description = self.table.description();
        let events =
            kept.0.iter().map(|(event, cold, record)| in_python(py, event, cold, record.as_ref(), description));
        PyList::new(py, events.collect::<PyResult<Vec<_>>>()?)
    }

    /// What the channel has counted so far.
    fn counts<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let pipeline = self.pipeline()?;
        let (sequencer, books) = (pipeline.sequencer().counters(), pipeline.books().counters());
        let counts = PyDict::new(py);
        counts.set_item("messages", pipeline.messages())?;
        counts.set_item("gaps", pipeline.gap_count())?;
        counts.set_item("missing", pipeline.missing())?;
        counts.set_item("duplicates", sequencer.duplicates)?;
        counts.set_item("sessions", sequencer.sessions)?;
        counts.set_item("heartbeats", sequencer.heartbeats)?;
        counts.set_item("next_sequence", pipeline.sequencer().next_sequence())?;
        counts.set_item("unknown_orders", books.unknown_orders)?;
        counts.set_item("duplicate_orders", books.duplicate_orders)?;
        counts.set_item("overdrawn_orders", books.overdrawn_orders)?;
        counts.set_item("misplaced_events", books.misplaced_events)?;
        counts.set_item("failed", pipeline.decoder().failed())?;
        let faults = PyDict::new(py);
        for fault in pipeline.faults().first() {
            let name = fault.status.name();
            let before = faults.get_item(name)?.map_or(Ok(0), |count| count.extract::<u64>())?;
            faults.set_item(name, before + 1)?;
        }
        counts.set_item("faults", faults)?;
        Ok(counts)
    }

    /// The books as they stand, with levels and queues.
    fn books<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let image = self.pipeline()?.image(ImageDetail::Orders);
        let books = image.books.iter().map(|book| book_in_python(py, book));
        PyList::new(py, books.collect::<PyResult<Vec<_>>>()?)
    }
}

impl RigChannel {
    fn pipeline(&mut self) -> PyResult<&mut Pipeline> {
        self.pipeline.get_mut().map_err(|_| PyRuntimeError::new_err("an earlier call panicked"))
    }
}

fn book_in_python<'py>(py: Python<'py>, book: &BookImage) -> PyResult<Bound<'py, PyDict>> {
    let facts = PyDict::new(py);
    facts.set_item("key", book.key)?;
    facts.set_item("symbol", book.symbol.as_deref())?;
    facts.set_item("state", book.validity.state.name())?;
    facts.set_item("reason", book.validity.reason.name())?;
    facts.set_item("bids", book.bids.iter().map(level_facts).collect::<Vec<_>>())?;
    facts.set_item("asks", book.asks.iter().map(level_facts).collect::<Vec<_>>())?;
    Ok(facts)
}

fn level_facts(level: &LevelImage) -> LevelFacts {
    (level.price, level.quantity, level.order_count, level.orders.clone())
}
