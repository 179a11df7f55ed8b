//! Events to a DBN file of the `mbo` schema.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    num::NonZeroU64,
    path::Path,
};

use dbn::{
    Dataset, MappingInterval, MboMsg, Metadata, Publisher, SType, Schema, SymbolMapping,
    encode::{EncodeRecord, dbn::MetadataEncoder, dbn::RecordEncoder},
    publishers::PUBLISHER_COUNT,
};
use time::{Date, Duration, OffsetDateTime};
use wirebook_abi::{Event, EventCold, EventKind, Side, event::detail, flags};

use crate::{
    Events, ExportError, Result, Symbols, Units,
    mbo::{MboFrame, MboRecords},
    order_prices::OrderPrices,
    partial_file::PartialFile,
};

const ZSTD_LEVEL: i32 = 3;

/// What a DBN file says of all its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbnConfig {
    /// Databento's code of the dataset: `XNAS.ITCH`.
    pub dataset: String,
    /// Databento's number of the publisher: 2 for Nasdaq.
    pub publisher_id: u16,
    /// Number of the channel; 0 where there is but one.
    pub channel_id: u8,
}

impl DbnConfig {
    /// For a dataset, with its publisher number where Databento has one for it and 0 elsewhere.
    pub fn new(dataset: &str) -> Self {
        let dataset_code = dataset.parse::<Dataset>().ok();
        // The venue that a dataset is named for comes before those whose trades it only reports.
        let mut publishers = (1..=PUBLISHER_COUNT as u16).filter_map(|id| Publisher::try_from(id).ok());
        let publisher = publishers.find(|publisher| Some(publisher.dataset()) == dataset_code);
        let publisher_id = publisher.map_or(0, u16::from);
        Self { dataset: dataset.to_owned(), publisher_id, channel_id: 0 }
    }
}

impl Default for DbnConfig {
    fn default() -> Self {
        Self::new("XNAS.ITCH")
    }
}

/// What went into a DBN file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DbnSummary {
    /// Records written.
    pub records: u64,
    /// Events that the schema has no record for: statuses, definitions, statistics, imbalances, trade breaks, levels.
    pub without_record: u64,
    /// Of them, events of price levels.
    pub levels: u64,
    /// Events of orders that the book did not know, and so could not complete.
    pub unknown_orders: u64,
    /// Executions at a price of their own whose order's price the writer never saw: their cancel has the execution's.
    pub unknown_order_prices: u64,
}

/// Writes events to a DBN file, `mbo` schema, version 3, that appears when [`finish`](Self::finish) succeeds.
///
/// Records are spooled beside the file first, since a DBN file begins with what is known last: its times and symbols.
///
/// - One record an event, but an execution is three: `T` with the aggressor's side, `F` and `C` of the resting order.
/// - Prices are in 1e-9, `sequence` is the low 32 bits, only a group's final record has the `LAST` flag.
/// - Without a receive time `ts_recv` is `ts_event` and the record is flagged `BAD_TS_RECV`.
/// - `ts_in_delta` is `ts_recv` less `ts_event`, as near as 32 bits come.
pub struct DbnWriter {
    frame: MboFrame,
    dataset: String,
    file: PartialFile,
    compressed: bool,
    spool: PartialFile,
    /// The newest record, held back: a group's last event may have no record of its own, and this one is its last then.
    pending: Option<MboMsg>,
    orders: OrderPrices,
    symbols: BTreeMap<u32, Option<String>>,
    span: Option<(u64, u64)>,
    /// The feed names orders.
    has_orders: bool,
    summary: DbnSummary,
}

impl DbnWriter {
    /// Begins a file; a name that ends in `.zst` asks for compression.
    ///
    /// # Errors
    ///
    /// [`ExportError::File`] where the folder takes no file.
    pub fn create(path: &Path, config: &DbnConfig, units: Units) -> Result<Self> {
        let mut spool = path.as_os_str().to_owned();
        spool.push(".records");
        Ok(Self {
            frame: MboFrame { units, publisher_id: config.publisher_id, channel_id: config.channel_id },
            dataset: config.dataset.clone(),
            file: PartialFile::create(path)?,
            compressed: path.extension().is_some_and(|ending| ending == "zst"),
            spool: PartialFile::create(Path::new(&spool))?,
            pending: None,
            orders: OrderPrices::default(),
            symbols: BTreeMap::new(),
            span: None,
            has_orders: false,
            summary: DbnSummary::default(),
        })
    }

    /// Writes the records of completed events. Groups may reach over several calls.
    ///
    /// # Errors
    ///
    /// [`ExportError::Quantity`], [`ExportError::Price`] or [`ExportError::Time`] for an event that DBN cannot hold, and what the
    /// file system refused; drop the writer, and nothing is left of the file.
    pub fn write(&mut self, events: Events<'_>, symbols: &(impl Symbols + ?Sized)) -> Result<()> {
        for (event, cold, ts_recv_ns) in events.iter() {
            self.write_event(event, cold, ts_recv_ns, symbols)?;
            self.orders.follow(&self.frame.units, event);
            if event.flags & flags::LAST != 0 {
                self.end_group();
            }
        }
        Ok(())
    }

    /// Follows events that are not to be written, such as those before the asked-for time, so that the writer knows the price
    /// of every order that is executed at another one later.
    pub fn observe(&mut self, events: Events<'_>) {
        for (event, _, _) in events.iter() {
            self.orders.follow(&self.frame.units, event);
        }
    }

    /// Completes the file, gives it its name and tells what went in. What a feed says of price levels has no record in the
    /// `mbo` schema: of one that gives orders as well these are left out and counted.
    ///
    /// # Errors
    ///
    /// [`ExportError::LevelsOnly`] for a feed of price levels alone, and what the file system refused.
    pub fn finish(mut self) -> Result<DbnSummary> {
        if self.summary.levels != 0 && !self.has_orders {
            return Err(ExportError::LevelsOnly { levels: self.summary.levels });
        }
        self.flush_pending()?;
        let metadata = self.metadata();
        let (mut records, _removed_at_the_end) = self.spool.into_reader()?;
        let mut file = self.file;
        if self.compressed {
            let mut encoder = zstd::Encoder::new(&mut file, ZSTD_LEVEL).map_err(dbn_io("compressing"))?;
            write_all(&metadata, &mut records, &mut encoder)?;
            encoder.finish().map_err(dbn_io("compressing"))?;
        } else {
            write_all(&metadata, &mut records, &mut file)?;
        }
        file.commit()?;
        Ok(self.summary)
    }

    fn write_event(
        &mut self,
        event: &Event,
        cold: &EventCold,
        ts_recv_ns: Option<i64>,
        symbols: &(impl Symbols + ?Sized),
    ) -> Result<()> {
        if event.kind == EventKind::CLEAR && event.detail & detail::WHOLE_CHANNEL != 0 {
            return self.clear_all(event, cold, ts_recv_ns);
        }
        if event.kind == EventKind::DEFINITION {
            self.name(event.instrument, symbols);
        }
        self.has_orders |= names_order(event.kind);
        if names_order(event.kind) && (event.side == Side::NONE || event.instrument == Event::NO_INSTRUMENT) {
            self.summary.unknown_orders += 1;
            return Ok(());
        }
        let own_price = self.own_price(event);
        let records = match self.frame.records(event, cold, ts_recv_ns, own_price)? {
            Some(records) if event.instrument != Event::NO_INSTRUMENT => records,
            _ => {
                self.summary.without_record += 1;
                let is_level = matches!(event.kind, EventKind::LEVEL_SET | EventKind::LEVEL_DELETE);
                self.summary.levels += u64::from(is_level);
                return Ok(());
            }
        };
        if !matches!(self.symbols.get(&event.instrument), Some(Some(_))) {
            self.name(event.instrument, symbols);
        }
        self.push(records)
    }

    /// A clear of the channel is one of every instrument that the file has, each the last of its instrument.
    fn clear_all(&mut self, event: &Event, cold: &EventCold, ts_recv_ns: Option<i64>) -> Result<()> {
        let instruments: Vec<u32> = self.symbols.keys().copied().collect();
        for instrument in instruments {
            let clear = Event { instrument, ..*event };
            if let Some(records) = self.frame.records(&clear, cold, ts_recv_ns, None)? {
                self.push(records)?;
                if event.flags & flags::LAST != 0 {
                    self.end_group();
                }
            }
        }
        Ok(())
    }

    fn name(&mut self, instrument: u32, symbols: &(impl Symbols + ?Sized)) {
        if let Some(symbol) = symbols.symbol(instrument) {
            self.symbols.insert(instrument, Some(symbol.to_owned()));
        } else {
            self.symbols.entry(instrument).or_default();
        }
    }

    fn own_price(&mut self, event: &Event) -> Option<i64> {
        if event.kind != EventKind::EXECUTE || event.detail & detail::PRICED == 0 {
            return None;
        }
        let price = self.orders.price_e9(event);
        if price.is_none() {
            self.summary.unknown_order_prices += 1;
        }
        price
    }

    fn push(&mut self, records: MboRecords) -> Result<()> {
        for record in records.into_iter().flatten() {
            let (first, last) = self.span.unwrap_or((record.ts_recv, record.ts_recv));
            self.span = Some((first.min(record.ts_recv), last.max(record.ts_recv)));
            self.flush_pending()?;
            self.pending = Some(record);
        }
        Ok(())
    }

    /// Flags the newest record; where the group had none, that is the last of the group before and flagged already.
    fn end_group(&mut self) {
        if let Some(record) = &mut self.pending {
            record.flags.set_last();
        }
    }

    fn flush_pending(&mut self) -> Result<()> {
        if let Some(record) = self.pending.take() {
            RecordEncoder::new(&mut self.spool).encode_record(&record)?;
            self.summary.records += 1;
        }
        Ok(())
    }

    fn metadata(&self) -> Metadata {
        let midnight = u64::try_from(self.frame.units.ts_base_ns()).unwrap_or(0);
        let (first, last) = self.span.unwrap_or((midnight, midnight));
        let (start_date, end_date) = (utc_date(first), utc_date(last).saturating_add(Duration::DAY));
        let mapping = |(instrument, symbol): (&u32, &Option<String>)| {
            let intervals = vec![MappingInterval { start_date, end_date, symbol: instrument.to_string() }];
            Some(SymbolMapping { raw_symbol: symbol.clone()?, intervals })
        };
        let mappings: Vec<_> = self.symbols.iter().filter_map(mapping).collect();
        Metadata::builder()
            .dataset(self.dataset.clone())
            .schema(Some(Schema::Mbo))
            .start(first)
            .end(NonZeroU64::new(last.saturating_add(1)))
            .stype_in(Some(SType::RawSymbol))
            .stype_out(SType::InstrumentId)
            .symbols(mappings.iter().map(|mapping| mapping.raw_symbol.clone()).collect())
            .mappings(mappings)
            .build()
    }
}

fn names_order(kind: EventKind) -> bool {
    matches!(kind, EventKind::ADD | EventKind::MODIFY | EventKind::REDUCE | EventKind::EXECUTE | EventKind::DELETE)
}

fn utc_date(ts_ns: u64) -> Date {
    OffsetDateTime::from_unix_timestamp_nanos(ts_ns.into()).map_or(Date::MIN, OffsetDateTime::date)
}

fn write_all(metadata: &Metadata, records: &mut impl io::Read, output: &mut impl Write) -> Result<()> {
    MetadataEncoder::new(&mut *output).encode(metadata)?;
    io::copy(records, output).map_err(dbn_io("copying records behind the header"))?;
    Ok(())
}

fn dbn_io(context: &'static str) -> impl Fn(io::Error) -> ExportError {
    move |source| dbn::Error::io(source, context).into()
}
