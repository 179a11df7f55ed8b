//! `mbo` data, DBN or CSV, as events.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read},
};

use dbn::{
    MboMsg, UNDEF_PRICE, VersionUpgradePolicy,
    decode::{DecodeRecord, DynDecoder},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use wirebook_abi::{Event, EventCold, EventKind, Side};

use crate::{ExportError, Result, mbo::aggressor};

/// Units to one of the prices of [`MboEvent`].
pub const MBO_PRICE_SCALE: u64 = 1_000_000_000;

/// One `mbo` record as an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MboEvent {
    /// What it does to the book; prices in [`MBO_PRICE_SCALE`], flags as they stand in the record.
    pub event: Event,
    /// Time (nanoseconds since 1970 UTC) and sequence.
    pub cold: EventCold,
    /// Receive time, nanoseconds since 1970 UTC.
    pub ts_recv_ns: i64,
}

/// Reads DBN (plain or zstd) or CSV of the `mbo` schema, told apart by the first bytes.
///
/// An `A` is an add, an `M` a modify, an `R` a clear, a `T` a trade. A `C` is a delete where it takes the rest of the order, else a
/// reduce. An `F` is left out: the trade before and the cancel behind it say the same, and it changes no book.
///
/// # Errors
///
/// [`ExportError::Dbn`] or [`ExportError::Csv`] where the front of the input is neither.
pub fn mbo_events<R: Read>(input: R) -> Result<MboEvents<BufReader<R>>> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let front = input.fill_buf().map_err(|source| dbn::Error::io(source, "reading the first bytes"))?;
    let is_dbn = front.starts_with(b"DBN") || front.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    let records = if is_dbn {
        Records::Dbn(Box::new(DynDecoder::inferred_with_buffer(input, VersionUpgradePolicy::AsIs)?))
    } else {
        Records::Csv(Box::new(CsvRecords::new(input)?))
    };
    Ok(MboEvents { records, rest: HashMap::new() })
}

/// Events of `mbo` data; made by [`mbo_events`].
pub struct MboEvents<R: BufRead> {
    records: Records<R>,
    /// What is left of each open order.
    rest: HashMap<(u32, u64), u32>,
}

enum Records<R: BufRead> {
    Dbn(Box<DynDecoder<'static, R>>),
    Csv(Box<CsvRecords<R>>),
}

/// What an event needs of a record, whichever way it was written.
#[derive(Clone, Copy, Debug)]
struct Row {
    ts_recv_ns: u64,
    ts_event_ns: u64,
    instrument: u32,
    action: u8,
    side: u8,
    price_e9: i64,
    size: u32,
    order_id: u64,
    flags: u8,
    sequence: u32,
}

impl<R: BufRead> Iterator for MboEvents<R> {
    type Item = Result<MboEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let row = match self.records.next_row() {
                Ok(row) => row?,
                Err(error) => return Some(Err(error)),
            };
            if let Some(kind) = self.kind(&row) {
                return Some(Ok(row.event(kind)));
            }
        }
    }
}

impl<R: BufRead> MboEvents<R> {
    fn kind(&mut self, row: &Row) -> Option<EventKind> {
        let key = (row.instrument, row.order_id);
        match row.action {
            b'A' | b'M' => {
                self.rest.insert(key, row.size);
                Some(if row.action == b'A' { EventKind::ADD } else { EventKind::MODIFY })
            }
            b'C' => Some(self.cancel(key, row.size)),
            b'R' => {
                self.rest.retain(|(instrument, _), _| *instrument != row.instrument);
                Some(EventKind::CLEAR)
            }
            b'T' => Some(EventKind::TRADE),
            _ => None,
        }
    }

    fn cancel(&mut self, key: (u32, u64), size: u32) -> EventKind {
        match self.rest.get_mut(&key) {
            Some(rest) if *rest > size => {
                *rest -= size;
                EventKind::REDUCE
            }
            _ => {
                self.rest.remove(&key);
                EventKind::DELETE
            }
        }
    }
}

impl<R: BufRead> Records<R> {
    fn next_row(&mut self) -> Result<Option<Row>> {
        match self {
            Self::Dbn(decoder) => Ok(decoder.decode_record::<MboMsg>()?.map(Row::of)),
            Self::Csv(records) => records.next_row(),
        }
    }
}

impl Row {
    fn of(record: &MboMsg) -> Self {
        Self {
            ts_recv_ns: record.ts_recv,
            ts_event_ns: record.hd.ts_event,
            instrument: record.hd.instrument_id,
            action: record.action as u8,
            side: record.side as u8,
            price_e9: record.price,
            size: record.size,
            order_id: record.order_id,
            flags: record.flags.raw(),
            sequence: record.sequence,
        }
    }

    fn event(&self, kind: EventKind) -> MboEvent {
        let side = match self.side {
            b'B' => Side::BID,
            b'A' => Side::ASK,
            _ => Side::NONE,
        };
        let trade = kind == EventKind::TRADE;
        let event = Event {
            order_id: if trade { 0 } else { self.order_id },
            price: if self.price_e9 == UNDEF_PRICE { 0 } else { self.price_e9 },
            quantity: self.size.into(),
            instrument: self.instrument,
            kind,
            side: if trade { aggressor(side) } else { side },
            flags: self.flags,
            detail: 0,
        };
        let cold = EventCold { ts_event_ns: self.ts_event_ns, sequence: self.sequence.into(), ..EventCold::default() };
        MboEvent { event, cold, ts_recv_ns: i64::try_from(self.ts_recv_ns).unwrap_or(0) }
    }
}

const COLUMNS: [&str; 10] =
    ["ts_recv", "ts_event", "instrument_id", "action", "side", "price", "size", "order_id", "flags", "sequence"];

/// Rows of a CSV file with Databento's column names, in whatever order.
struct CsvRecords<R> {
    reader: csv::Reader<R>,
    record: csv::StringRecord,
    columns: [usize; COLUMNS.len()],
}

impl<R: Read> CsvRecords<R> {
    fn new(input: R) -> Result<Self> {
        let mut reader = csv::Reader::from_reader(input);
        let header = reader.headers().map_err(csv_error)?.clone();
        let mut columns = [0; COLUMNS.len()];
        for (column, name) in columns.iter_mut().zip(COLUMNS) {
            let found = header.iter().position(|each| each == name);
            *column = found.ok_or_else(|| ExportError::Csv(format!("the header has no column {name}")))?;
        }
        Ok(Self { reader, record: csv::StringRecord::new(), columns })
    }

    fn next_row(&mut self) -> Result<Option<Row>> {
        if !self.reader.read_record(&mut self.record).map_err(csv_error)? {
            return Ok(None);
        }
        Ok(Some(Row {
            ts_recv_ns: self.field(0, "a time", time_ns)?,
            ts_event_ns: self.field(1, "a time", time_ns)?,
            instrument: self.field(2, "an instrument id", |text| text.parse().ok())?,
            action: self.field(3, "an action", letter)?,
            side: self.field(4, "a side", letter)?,
            price_e9: self.field(5, "a price", price_e9)?,
            size: self.field(6, "a size", |text| text.parse().ok())?,
            order_id: self.field(7, "an order id", |text| text.parse().ok())?,
            flags: self.field(8, "a flag set", |text| text.parse().ok())?,
            sequence: self.field(9, "a sequence", |text| text.parse().ok())?,
        }))
    }

    fn field<T>(&self, index: usize, expected: &'static str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        let text = self.record.get(self.columns[index]).unwrap_or("");
        parse(text).ok_or_else(|| ExportError::CsvField {
            line: self.record.position().map_or(0, csv::Position::line),
            column: COLUMNS[index],
            value: text.to_owned(),
            expected,
        })
    }
}

fn csv_error(error: csv::Error) -> ExportError {
    ExportError::Csv(error.to_string())
}

fn letter(text: &str) -> Option<u8> {
    text.bytes().next().filter(|_| text.len() == 1)
}

/// Nanoseconds since 1970, as a number or as a date with time.
fn time_ns(text: &str) -> Option<u64> {
    text.parse().ok().or_else(|| OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos().try_into().ok())
}

/// A price in 1e-9: a decimal with its point, or the integer itself; nothing is no price.
fn price_e9(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(UNDEF_PRICE);
    }
    let Some((whole, fraction)) = text.split_once('.') else {
        return text.parse().ok();
    };
    if fraction.len() > 9 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    // Digits put together read as the integer in 1e-9, sign included.
    format!("{whole}{fraction:0<9}").parse().ok()
}
