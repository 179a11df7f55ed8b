//! Events as mappings, in the shape of test vectors: what is not said is zero, none or empty.

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyDict, PyList},
};
use wirebook_abi::{Description, Event, EventCold, EventKind, Fault, Record, Side, Tag, TradingState, flags};
use wirebook_conformance::Run;

/// What the price is called of an order that has none.
const NO_PRICE: &str = "none";

/// The events of a run, each with its record.
pub fn events_of<'py>(py: Python<'py>, run: &Run, description: &Description) -> PyResult<Bound<'py, PyList>> {
    let events = run.events.iter().zip(&run.cold).zip(&run.records);
    let facts: PyResult<Vec<_>> =
        events.map(|((event, cold), record)| in_python(py, event, cold, record.as_ref(), description)).collect();
    PyList::new(py, facts?)
}

/// The faults of a run.
pub fn faults_of<'py>(py: Python<'py>, faults: &[Fault]) -> PyResult<Bound<'py, PyList>> {
    let facts = faults.iter().map(|fault| {
        let facts = PyDict::new(py);
        facts.set_item("status", fault.status.name())?;
        facts.set_item("sequence", fault.sequence)?;
        facts.set_item("offset", fault.offset)?;
        facts.set_item("message_type", fault.message_type)?;
        Ok(facts)
    });
    PyList::new(py, facts.collect::<PyResult<Vec<_>>>()?)
}

/// One event with all that belongs to it.
pub fn in_python<'py>(
    py: Python<'py>,
    event: &Event,
    cold: &EventCold,
    record: Option<&Record>,
    description: &Description,
) -> PyResult<Bound<'py, PyDict>> {
    let facts = PyDict::new(py);
    facts.set_item("kind", event.kind.name())?;
    if event.instrument != Event::NO_INSTRUMENT {
        facts.set_item("instrument", event.instrument)?;
    }
    if is_level(event.kind) {
        unless_zero(&facts, "position", u64::from(event.level_position()))?;
        unless_zero(&facts, "orders", u64::from(event.level_orders()))?;
        unless_zero(&facts, "depth", u64::from(event.level_depth()))?;
    } else {
        unless_zero(&facts, "order_id", event.order_id)?;
    }
    match event.side {
        Side::NONE => {}
        Side::INHERITED => facts.set_item("side", "inherited")?,
        side => facts.set_item("side", side.code())?,
    }
    unless_zero(&facts, "quantity", event.quantity)?;
    match event.price {
        0 => {}
        Event::NO_PRICE => facts.set_item("price", NO_PRICE)?,
        price => facts.set_item("price", price)?,
    }
    match (event.kind, TradingState(event.detail).name()) {
        (EventKind::STATUS, state) if state != "unknown" && event.detail != 0 => facts.set_item("state", state)?,
        _ => unless_zero(&facts, "detail", u64::from(event.detail))?,
    }
    if event.flags & flags::LAST == 0 {
        facts.set_item("last", false)?;
    }
    unless_zero(&facts, "flags", u64::from(event.flags & !flags::LAST))?;
    facts.set_item("ts", cold.ts_event_ns)?;
    facts.set_item("sequence", cold.sequence)?;
    unless_zero(&facts, "match_id", cold.match_id)?;
    unless_empty(&facts, "participant", &cold.participant)?;
    if let Some(message) = description.messages.as_slice().get(usize::from(cold.message)) {
        facts.set_item("message", message.name.as_str())?;
    }
    if let Some(record) = record {
        facts.set_item("record", record_in_python(py, event, record)?)?;
    }
    Ok(facts)
}

fn record_in_python<'py>(py: Python<'py>, event: &Event, record: &Record) -> PyResult<Bound<'py, PyDict>> {
    let facts = PyDict::new(py);
    if record.instrument != event.instrument {
        facts.set_item("instrument", record.instrument)?;
    }
    unless_empty(&facts, "text", &record.text)?;
    unless_empty(&facts, "code", &record.code)?;
    if record.count != 0 {
        let values = PyDict::new(py);
        for (tag, value) in record.tags.iter().zip(record.values).take(usize::from(record.count)) {
            values.set_item(tag.name(), value)?;
        }
        facts.set_item("values", values)?;
    }
    Ok(facts)
}

fn is_level(kind: EventKind) -> bool {
    matches!(kind, EventKind::LEVEL_SET | EventKind::LEVEL_DELETE)
}

fn unless_zero(facts: &Bound<'_, PyDict>, key: &str, value: u64) -> PyResult<()> {
    if value == 0 { Ok(()) } else { facts.set_item(key, value) }
}

/// Text without the NULs that pad it; bytes past ASCII as Latin-1.
fn unless_empty(facts: &Bound<'_, PyDict>, key: &str, text: &[u8]) -> PyResult<()> {
    let end = text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let text: String = text[..end].iter().map(|byte| char::from(*byte)).collect();
    if text.is_empty() { Ok(()) } else { facts.set_item(key, text) }
}

/// Events of a group, ready for an encoder.
#[derive(Default)]
pub struct OwnedGroup {
    /// The events.
    pub events: Vec<Event>,
    /// Beside each its cold part.
    pub cold: Vec<EventCold>,
    /// The records that they name.
    pub records: Vec<Record>,
}

impl OwnedGroup {
    /// Reads mappings as [`in_python`] writes them.
    ///
    /// # Errors
    ///
    /// `ValueError` naming the event, the key and what would do.
    pub fn from_python(events: &[Bound<'_, PyDict>], description: &Description) -> PyResult<Self> {
        let mut group = Self::default();
        for (index, facts) in events.iter().enumerate() {
            let read = |key: &str| Key { facts, index, key: key.to_owned() };
            let kind = read("kind").named((1..=15).map(EventKind), EventKind::name)?.unwrap_or_default();
            let event = event_from(&read, kind)?;
            let mut cold = cold_from(&read, description)?;
            if let Some(record) = facts.get_item("record")? {
                let record = record.cast::<PyDict>()?;
                let read = |key: &str| Key { facts: record, index, key: key.to_owned() };
                group.records.push(record_from(&read, record, &event)?);
                cold.record = group.records.len() as u16;
            }
            group.events.push(event);
            group.cold.push(cold);
        }
        Ok(group)
    }
}

fn event_from<'a>(read: &impl Fn(&str) -> Key<'a>, kind: EventKind) -> PyResult<Event> {
    let detail = match read("state").named((0..=10).map(TradingState), TradingState::name)? {
        Some(state) => state.0,
        None => read("detail").number()?.unwrap_or(0),
    };
    let last = read("last").number::<bool>()?.unwrap_or(true);
    Ok(Event {
        order_id: if is_level(kind) {
            let [position, depth] = [read("position").number()?.unwrap_or(0), read("depth").number()?.unwrap_or(0)];
            Event::level_key_within(position, read("orders").number()?.unwrap_or(0), depth)
        } else {
            read("order_id").number()?.unwrap_or(0)
        },
        price: match read("price").named([Event::NO_PRICE].into_iter(), |_| NO_PRICE) {
            Ok(Some(none)) => none,
            _ => read("price").number()?.unwrap_or(0),
        },
        quantity: read("quantity").number()?.unwrap_or(0),
        instrument: read("instrument").number()?.unwrap_or(Event::NO_INSTRUMENT),
        kind,
        side: read("side").named((1..=3).map(Side), side_name)?.unwrap_or(Side::NONE),
        flags: read("flags").number::<u8>()?.unwrap_or(0) | if last { flags::LAST } else { 0 },
        detail,
    })
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::BID => "B",
        Side::ASK => "A",
        _ => "inherited",
    }
}

fn cold_from<'a>(read: &impl Fn(&str) -> Key<'a>, description: &Description) -> PyResult<EventCold> {
    let messages = description.messages.as_slice();
    let message = read("message").named(0..messages.len(), |index| messages[index].name.as_str())?;
    Ok(EventCold {
        ts_event_ns: read("ts").number()?.unwrap_or(0),
        sequence: read("sequence").number()?.unwrap_or(0),
        match_id: read("match_id").number()?.unwrap_or(0),
        participant: read("participant").text()?,
        message: message.unwrap_or(0) as u16,
        record: 0,
    })
}

fn record_from<'a>(read: &impl Fn(&str) -> Key<'a>, facts: &Bound<'_, PyDict>, event: &Event) -> PyResult<Record> {
    let mut record = Record::new(event.kind, read("instrument").number()?.unwrap_or(event.instrument));
    record.text = read("text").text()?;
    record.code = read("code").text()?;
    if let Some(values) = facts.get_item("values")? {
        for (tag, value) in values.cast::<PyDict>()? {
            let name: String = tag.extract()?;
            let known =
                Tag::from_name(&name).ok_or_else(|| PyValueError::new_err(format!("record.values: no tag {name}")))?;
            record.push(known, value.extract()?);
        }
    }
    Ok(record)
}

/// One key of an event's mapping.
struct Key<'a> {
    facts: &'a Bound<'a, PyDict>,
    index: usize,
    key: String,
}

impl Key<'_> {
    fn wrong(&self, wanted: &str) -> PyErr {
        PyValueError::new_err(format!("events[{}].{}: not {wanted}", self.index, self.key))
    }

    fn number<T>(&self) -> PyResult<Option<T>>
    where
        T: for<'a, 'py> FromPyObject<'a, 'py>,
    {
        let Some(value) = self.facts.get_item(&self.key)? else { return Ok(None) };
        value.extract().map(Some).map_err(|_| self.wrong("a number that fits"))
    }

    fn named<T: Copy>(
        &self,
        mut all: impl Iterator<Item = T>,
        name: impl Fn(T) -> &'static str,
    ) -> PyResult<Option<T>> {
        let Some(value) = self.facts.get_item(&self.key)? else { return Ok(None) };
        let wanted: String = value.extract().map_err(|_| self.wrong("a name"))?;
        all.find(|each| name(*each) == wanted).map(Some).ok_or_else(|| self.wrong("a known name"))
    }

    /// Text in Latin-1, NUL padded; empty where there is none.
    fn text<const SIZE: usize>(&self) -> PyResult<[u8; SIZE]> {
        let mut bytes = [0; SIZE];
        let Some(value) = self.facts.get_item(&self.key)? else { return Ok(bytes) };
        let text: String = value.extract().map_err(|_| self.wrong("a text"))?;
        let wide = || self.wrong(&format!("at most {SIZE} Latin-1 characters"));
        for (at, character) in text.chars().enumerate() {
            let byte = u8::try_from(u32::from(character)).map_err(|_| wide())?;
            *bytes.get_mut(at).ok_or_else(wide)? = byte;
        }
        Ok(bytes)
    }
}
