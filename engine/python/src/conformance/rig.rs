//! One decoder, called as a test wants it.

use std::{collections::HashMap, sync::Mutex};

use pyo3::{
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyDict, PyList},
};
use wirebook_abi::{BatchBuffer, CheckedTable, DecoderInstance, Frame, FrameKind, Group, Numbering, Span, Status};
use wirebook_conformance::{Run, decode_framed, newer_version, older_versions, run_packet};
use wirebook_inspect::{FieldValue, Value};

use super::events::{OwnedGroup, events_of, faults_of};
use crate::decoder::{Decoder, framing_of};

/// Most bytes of a message or packet that is written.
const OUTPUT: usize = 1 << 16;

/// Most messages of a packet that are split.
const SPANS: usize = 4096;

/// A decoder for one channel, called as a test wants it.
#[pyclass(module = "wirebook._engine")]
pub struct Rig {
    /// Never locked: it lets Python hold what only one thread may use at a time.
    works: Mutex<Works>,
    table: CheckedTable,
}

struct Works {
    decoder: DecoderInstance,
    batch: BatchBuffer,
    frame: Frame,
}

#[pymethods]
impl Rig {
    #[new]
    #[pyo3(signature = (decoder, framing, *, events=1024, records=512))]
    fn new(decoder: &Decoder, framing: &str, events: u32, records: u32) -> PyResult<Self> {
        let table = decoder.table();
        let framing = framing_of(table, framing)?;
        let decoder = table.create(framing).map_err(|refused| PyValueError::new_err(refused.to_string()))?;
        let batch = BatchBuffer::new(events as usize, records as usize, table.description());
        Ok(Self { works: Mutex::new(Works { decoder, batch, frame: Frame::default() }), table })
    }

    /// Frames a packet and decodes it from message `skip` on.
    #[pyo3(signature = (packet, skip=0))]
    fn run<'py>(&mut self, py: Python<'py>, packet: &[u8], skip: u32) -> PyResult<Bound<'py, PyDict>> {
        let works = self.works()?;
        let run = run_packet(&mut works.decoder, packet, skip, &mut works.batch);
        works.frame = run.frame;
        self.in_python(py, &run)
    }

    /// Decodes the packet that was framed last once more, from message `skip` on.
    fn decode<'py>(&mut self, py: Python<'py>, packet: &[u8], skip: u32) -> PyResult<Bound<'py, PyDict>> {
        let works = self.works()?;
        let run = decode_framed(&mut works.decoder, packet, &works.frame, skip, &mut works.batch);
        self.in_python(py, &run)
    }

    /// Status, and the messages of the packet that was framed last.
    fn split<'py>(&mut self, py: Python<'py>, packet: &[u8]) -> PyResult<(&'static str, Bound<'py, PyList>)> {
        let mut spans = vec![Span::default(); SPANS];
        let decoded = self.works()?.decoder.split(packet, &mut spans);
        // The instance has checked that each span lies in the packet.
        let messages = spans[..decoded.messages as usize].iter().map(|span| {
            let start = span.offset as usize;
            PyBytes::new(py, &packet[start..start + span.size as usize])
        });
        Ok((decoded.status.name(), PyList::new(py, messages.collect::<Vec<_>>())?))
    }

    /// Status, and the message that means these events.
    fn encode<'py>(
        &mut self,
        py: Python<'py>,
        events: Vec<Bound<'py, PyDict>>,
    ) -> PyResult<(&'static str, Bound<'py, PyBytes>)> {
        let group = OwnedGroup::from_python(&events, self.table.description())?;
        let mut output = vec![0; OUTPUT];
        let group = Group { events: &group.events, cold: &group.cold, records: &group.records };
        let outcome = self.works()?.decoder.encode(group, &mut output);
        Ok(written(py, outcome.status, &output, outcome.offset))
    }

    /// Status, and a packet of these messages.
    #[pyo3(signature = (messages, *, session, first_sequence, kind="data"))]
    fn pack<'py>(
        &mut self,
        py: Python<'py>,
        messages: Vec<Vec<u8>>,
        session: &str,
        first_sequence: u64,
        kind: &str,
    ) -> PyResult<(&'static str, Bound<'py, PyBytes>)> {
        let mut name = [0; 16];
        let slot = name.get_mut(..session.len());
        slot.ok_or_else(|| PyValueError::new_err("session: longer than 16 bytes"))?.copy_from_slice(session.as_bytes());
        let kind = frame_kind(kind)?;
        let frame = Frame { first_sequence, session: name, kind, ..Frame::default() };
        let mut output = vec![0; OUTPUT];
        let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let outcome = self.works()?.decoder.pack(&frame, &slices, &mut output);
        Ok(written(py, outcome.status, &output, outcome.offset))
    }

    /// A message of named values, by the description alone: bytes as they are, text as a code, its meaning or a number.
    #[pyo3(signature = (message, fields))]
    fn build<'py>(
        &self,
        py: Python<'py>,
        message: &str,
        fields: HashMap<String, Given>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let values = fields.iter().map(|(name, value)| (name.as_str(), value.into()));
        let bytes = wirebook_inspect::encode(self.table.description(), message, values)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Name of the message that the bytes are; `None` where the description has none such.
    fn identify(&self, message: &[u8]) -> Option<&'static str> {
        wirebook_inspect::message(self.table.description(), message).ok().map(|found| found.info.name.as_str())
    }

    /// Paths of the fields that say something in a message: not zero, blank or null. `None` where it is none of the description.
    fn said(&self, message: &[u8]) -> Option<Vec<String>> {
        let found = wirebook_inspect::message(self.table.description(), message).ok()?;
        Some(found.fields().filter(|field| says_something(field.value)).map(|field| field.path.to_string()).collect())
    }

    /// The message as a newer version of the protocol may send it, with bytes that nobody here knows.
    fn newer<'py>(&self, py: Python<'py>, message: &[u8]) -> Option<Bound<'py, PyBytes>> {
        newer_version(self.table.description(), message).map(|newer| PyBytes::new(py, &newer))
    }

    /// The message as older versions of the protocol sent it, without the fields that came later, each with its version.
    fn older<'py>(&self, py: Python<'py>, message: &[u8]) -> Vec<(u32, Bound<'py, PyBytes>)> {
        let older = older_versions(self.table.description(), message);
        older.into_iter().map(|(version, bytes)| (version, PyBytes::new(py, &bytes))).collect()
    }

    /// Whether the framing's bytes are a stream without packet borders.
    #[getter]
    fn is_stream(&mut self) -> PyResult<bool> {
        Ok(self.works()?.decoder.framing().is_stream())
    }

    /// Whether the decoder panicked or overran what it was given.
    #[getter]
    fn failed(&mut self) -> PyResult<bool> {
        Ok(self.works()?.decoder.failed())
    }
}

fn says_something(value: Value<'_>) -> bool {
    match value {
        Value::Unsigned(value) | Value::Bits(value) => value != 0,
        Value::Signed(value) => value != 0,
        Value::Decimal(value) => value.mantissa != 0,
        Value::Text(text) => text.0.iter().any(|byte| !matches!(byte, b' ' | 0)),
        Value::Bytes(bytes) => bytes.iter().any(|byte| *byte != 0),
        Value::Null(_) => false,
        Value::Float(value) => value != 0.0 && !value.is_nan(),
        Value::Utf8(text) => !text.is_empty(),
        Value::List(_) => true,
    }
}

/// A value for a field, as Python gives it.
#[derive(FromPyObject)]
enum Given {
    Bytes(Vec<u8>),
    Text(String),
    Integer(i128),
}

impl From<&Given> for FieldValue {
    fn from(given: &Given) -> Self {
        match given {
            Given::Bytes(bytes) => Self::Bytes(bytes.clone()),
            Given::Text(text) => Self::Text(text.clone()),
            Given::Integer(value) => Self::Integer(*value),
        }
    }
}

impl Rig {
    fn works(&mut self) -> PyResult<&mut Works> {
        self.works.get_mut().map_err(|_| PyRuntimeError::new_err("an earlier call panicked"))
    }

    fn in_python<'py>(&self, py: Python<'py>, run: &Run) -> PyResult<Bound<'py, PyDict>> {
        let facts = PyDict::new(py);
        facts.set_item("framed", run.framed.status.name())?;
        facts.set_item("framed_offset", run.framed.offset)?;
        facts.set_item("kind", kind_name(run.frame.kind))?;
        facts.set_item("session", text_of(&run.frame.session))?;
        facts.set_item("first_sequence", run.frame.first_sequence)?;
        let numbering = if run.frame.numbering == Numbering::PACKETS { "packets" } else { "messages" };
        facts.set_item("numbering", numbering)?;
        facts.set_item("message_count", run.frame.message_count)?;
        facts.set_item("size_bytes", run.frame.size_bytes)?;
        facts.set_item("status", run.status.name())?;
        facts.set_item("messages", run.messages)?;
        facts.set_item("offset", run.offset)?;
        facts.set_item("counted", run.counted)?;
        facts.set_item("stalled", run.stalled)?;
        facts.set_item("failed", run.failed)?;
        facts.set_item("events", events_of(py, run, self.table.description())?)?;
        facts.set_item("faults", faults_of(py, &run.faults)?)?;
        Ok(facts)
    }
}

fn written<'py>(py: Python<'py>, status: Status, output: &[u8], size: u32) -> (&'static str, Bound<'py, PyBytes>) {
    let size = if status == Status::OK { size as usize } else { 0 };
    (status.name(), PyBytes::new(py, &output[..size]))
}

const KINDS: [(FrameKind, &str); 4] = [
    (FrameKind::DATA, "data"),
    (FrameKind::HEARTBEAT, "heartbeat"),
    (FrameKind::END_OF_SESSION, "end_of_session"),
    (FrameKind::CONTROL, "control"),
];

fn kind_name(kind: FrameKind) -> &'static str {
    KINDS.iter().find(|(each, _)| *each == kind).map_or("unknown", |(_, name)| name)
}

fn frame_kind(name: &str) -> PyResult<FrameKind> {
    let found = KINDS.iter().find(|(_, each)| *each == name).map(|(kind, _)| *kind);
    found
        .ok_or_else(|| PyValueError::new_err(format!("kind: {name} is not data, heartbeat, end_of_session or control")))
}

fn text_of(bytes: &[u8]) -> String {
    bytes.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
}
