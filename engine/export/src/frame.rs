//! Events as Arrow record batches.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{
    ArrayRef, RecordBatch,
    builder::{
        Decimal128Builder, StringBuilder, TimestampNanosecondBuilder, UInt8Builder, UInt16Builder, UInt32Builder,
        UInt64Builder,
    },
};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use wirebook_abi::{Event, EventCold, EventKind};

use crate::{
    Events, ExportError, Result, Symbols, Units,
    columns::{
        PRICE_LIMIT, SymbolColumn, code_field, kind_array, kind_code, price_builder, price_field, price_fits,
        side_array, side_code, symbol_field,
    },
};

/// What a frame says of itself in its schema's metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameInfo {
    /// Identity of the protocol: `nasdaq-totalview-5.0`.
    pub protocol: String,
    /// Day of the events, `2019-12-30`; empty where unknown.
    pub date: String,
}

impl FrameInfo {
    pub(crate) fn metadata(&self) -> HashMap<String, String> {
        let pairs = [("wirebook.protocol", self.protocol.as_str()), ("wirebook.date", self.date.as_str())];
        pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.into(), value.into()))
            .collect()
    }
}

const UTC: &str = "UTC";

pub(crate) fn time_field(name: &str, nullable: bool) -> Field {
    with_unit(Field::new(name, DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into())), nullable), "ns")
}

pub(crate) fn with_unit(field: Field, unit: &str) -> Field {
    field.with_metadata(HashMap::from([("unit".to_owned(), unit.to_owned())]))
}

/// Columns of an event frame.
///
/// | column | type | |
/// |---|---|---|
/// | `ts_event` | timestamp, ns, UTC | venue time |
/// | `ts_recv` | timestamp, ns, UTC | receive time; null where unknown |
/// | `sequence` | u64 | of the message in its channel |
/// | `instrument` | u32 | the venue's key; null where the event is of none |
/// | `symbol` | dictionary of text | null where the instrument was not named |
/// | `kind` | dictionary of text | [`EventKind::name`] |
/// | `side` | dictionary of text | `B`, `A` or `N` |
/// | `price` | decimal, 18 digits, 9 places | exact; null for kinds that have none |
/// | `quantity` | u64 | added, taken off, executed or traded |
/// | `order_id`, `match_id` | u64 | 0 where none |
/// | `participant` | text | null where none |
/// | `flags`, `detail` | u8 | as in [`Event`] |
/// | `position` | u16 | of a price level from the best, from 1; null where its price names it |
/// | `order_count` | u32 | of a price level; null where it is not known |
///
/// Prices are decimals because polars, pyarrow and DuckDB compute with them exactly and Parquet stores them in eight bytes.
/// pandas makes Python objects of them unless told to keep Arrow types (`types_mapper=pandas.ArrowDtype`).
pub fn event_schema(info: &FrameInfo) -> SchemaRef {
    let fields = vec![
        time_field("ts_event", false),
        time_field("ts_recv", true),
        Field::new("sequence", DataType::UInt64, false),
        Field::new("instrument", DataType::UInt32, true),
        symbol_field(),
        code_field("kind"),
        code_field("side"),
        price_field("price"),
        Field::new("quantity", DataType::UInt64, false),
        Field::new("order_id", DataType::UInt64, false),
        Field::new("match_id", DataType::UInt64, false),
        Field::new("participant", DataType::Utf8, true),
        Field::new("flags", DataType::UInt8, false),
        Field::new("detail", DataType::UInt8, false),
        Field::new("position", DataType::UInt16, true),
        Field::new("order_count", DataType::UInt32, true),
    ];
    Arc::new(Schema::new_with_metadata(fields, info.metadata()))
}

/// Gathers events into record batches. Buffers are reserved for a batch ahead; a row allocates nothing of its own.
///
/// ```
/// use std::collections::BTreeMap;
/// use wirebook_abi::{Event, EventCold, EventKind};
/// use wirebook_export::{EventFrameBuilder, Events, FrameInfo, Units};
///
/// let midnight_ns = 1_577_682_000_000_000_000; // 2019-12-30 in New York
/// let mut builder = EventFrameBuilder::new(&FrameInfo::default(), Units::new(10_000, midnight_ns)?, 65_536);
/// let add = Event { price: 873_900, quantity: 100, instrument: 7, kind: EventKind::ADD, ..Event::default() };
/// let symbols = BTreeMap::from([(7, "AAPL".to_owned())]);
/// builder.append(Events::new(&[add], &[EventCold::default()], &[]), &symbols)?;
/// assert_eq!(builder.finish()?.num_rows(), 1);
/// # Ok::<(), wirebook_export::ExportError>(())
/// ```
#[derive(Debug)]
pub struct EventFrameBuilder {
    schema: SchemaRef,
    units: Units,
    capacity: usize,
    rows: usize,
    ts_event: TimestampNanosecondBuilder,
    ts_recv: TimestampNanosecondBuilder,
    sequence: UInt64Builder,
    instrument: UInt32Builder,
    symbol: SymbolColumn,
    kind: UInt8Builder,
    side: UInt8Builder,
    price: Decimal128Builder,
    quantity: UInt64Builder,
    order_id: UInt64Builder,
    match_id: UInt64Builder,
    participant: StringBuilder,
    flags: UInt8Builder,
    detail: UInt8Builder,
    position: UInt16Builder,
    order_count: UInt32Builder,
}

impl EventFrameBuilder {
    /// A builder for batches of about `capacity` rows.
    pub fn new(info: &FrameInfo, units: Units, capacity: usize) -> Self {
        Self {
            schema: event_schema(info),
            units,
            capacity,
            rows: 0,
            ts_event: TimestampNanosecondBuilder::with_capacity(capacity).with_timezone(UTC),
            ts_recv: TimestampNanosecondBuilder::with_capacity(capacity).with_timezone(UTC),
            sequence: UInt64Builder::with_capacity(capacity),
            instrument: UInt32Builder::with_capacity(capacity),
            symbol: SymbolColumn::with_capacity(capacity),
            kind: UInt8Builder::with_capacity(capacity),
            side: UInt8Builder::with_capacity(capacity),
            price: price_builder(capacity),
            quantity: UInt64Builder::with_capacity(capacity),
            order_id: UInt64Builder::with_capacity(capacity),
            match_id: UInt64Builder::with_capacity(capacity),
            participant: StringBuilder::with_capacity(capacity, capacity),
            flags: UInt8Builder::with_capacity(capacity),
            detail: UInt8Builder::with_capacity(capacity),
            position: UInt16Builder::with_capacity(capacity),
            order_count: UInt32Builder::with_capacity(capacity),
        }
    }

    /// The schema of every batch.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Rows that wait for [`finish`](Self::finish).
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether no row waits.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether as many rows wait as were reserved for.
    pub fn is_full(&self) -> bool {
        self.rows >= self.capacity
    }

    /// Appends events, one row each.
    ///
    /// # Errors
    ///
    /// [`ExportError::Price`] or [`ExportError::Time`] for the first event that has no row; those before it have theirs.
    pub fn append(&mut self, events: Events<'_>, symbols: &(impl Symbols + ?Sized)) -> Result<()> {
        events.iter().try_for_each(|(event, cold, ts_recv_ns)| self.append_row(event, cold, ts_recv_ns, symbols))
    }

    fn append_row(
        &mut self,
        event: &Event,
        cold: &EventCold,
        ts_recv_ns: Option<i64>,
        symbols: &(impl Symbols + ?Sized),
    ) -> Result<()> {
        let ts_event_ns = self.units.ts_event_ns(cold)?;
        let price = if has_price(event) { Some(self.price(event, cold)?) } else { None };
        self.ts_event.append_value(ts_event_ns);
        self.ts_recv.append_option(ts_recv_ns);
        self.sequence.append_value(cold.sequence);
        self.append_instrument(event, symbols);
        self.kind.append_value(kind_code(event.kind));
        self.side.append_value(side_code(event.side));
        self.price.append_option(price);
        self.quantity.append_value(event.quantity);
        self.append_ids(event, cold);
        self.participant.append_option(participant(cold));
        self.flags.append_value(event.flags);
        self.detail.append_value(event.detail);
        self.rows += 1;
        Ok(())
    }

    /// Of a level event the order that it lists, its position and count; of others order and match.
    fn append_ids(&mut self, event: &Event, cold: &EventCold) {
        let is_level = is_level(event.kind);
        let (order_id, match_id) = if is_level { (cold.match_id, 0) } else { (event.order_id, cold.match_id) };
        self.order_id.append_value(order_id);
        self.match_id.append_value(match_id);
        self.position.append_option(Some(event.level_position()).filter(|position| is_level && *position != 0));
        self.order_count.append_option(Some(event.level_orders()).filter(|count| is_level && *count != 0));
    }

    fn append_instrument(&mut self, event: &Event, symbols: &(impl Symbols + ?Sized)) {
        if event.kind == EventKind::DEFINITION {
            self.symbol.forget(event.instrument);
        }
        self.instrument.append_option(Some(event.instrument).filter(|key| *key != Event::NO_INSTRUMENT));
        self.symbol.append(event.instrument, symbols);
    }

    fn price(&self, event: &Event, cold: &EventCold) -> Result<i128> {
        match self.units.price_e9(event.price) {
            Some(price_e9) if price_fits(price_e9) => Ok(price_e9.into()),
            _ => Err(ExportError::Price { sequence: cold.sequence, price: event.price, limit: PRICE_LIMIT }),
        }
    }

    /// The rows so far as a batch, and an empty builder.
    ///
    /// # Errors
    ///
    /// None for rows that [`append`](Self::append) took; Arrow's own checks are passed on.
    pub fn finish(&mut self) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.ts_event.finish()),
            Arc::new(self.ts_recv.finish()),
            Arc::new(self.sequence.finish()),
            Arc::new(self.instrument.finish()),
            self.symbol.finish()?,
            kind_array(self.kind.finish())?,
            side_array(self.side.finish())?,
            Arc::new(self.price.finish()),
            Arc::new(self.quantity.finish()),
            Arc::new(self.order_id.finish()),
            Arc::new(self.match_id.finish()),
            Arc::new(self.participant.finish()),
            Arc::new(self.flags.finish()),
            Arc::new(self.detail.finish()),
            Arc::new(self.position.finish()),
            Arc::new(self.order_count.finish()),
        ];
        self.rows = 0;
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}

fn is_level(kind: EventKind) -> bool {
    matches!(kind, EventKind::LEVEL_SET | EventKind::LEVEL_DELETE)
}

/// Whether an event has a price: most kinds of it, unless it is of market orders.
fn has_price(event: &Event) -> bool {
    let is_of_order = matches!(
        event.kind,
        EventKind::ADD
            | EventKind::MODIFY
            | EventKind::REDUCE
            | EventKind::EXECUTE
            | EventKind::DELETE
            | EventKind::TRADE
    );
    (is_of_order || is_level(event.kind)) && event.price != Event::NO_PRICE
}

/// The participant's text; `None` where there is none, or bytes that are no text.
fn participant(cold: &EventCold) -> Option<&str> {
    let text = std::str::from_utf8(&cold.participant).ok()?.trim_end_matches(['\0', ' ']);
    (!text.is_empty()).then_some(text)
}
