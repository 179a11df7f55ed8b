//! Books as Arrow record batches: levels, order queues, best prices.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, RecordBatch,
    builder::{
        BooleanBuilder, Decimal128Builder, TimestampNanosecondBuilder, UInt8Builder, UInt32Builder, UInt64Builder,
    },
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use wirebook_abi::{Event, Side};

use crate::{
    ExportError, FrameInfo, Result, Units,
    columns::{
        PRICE_LIMIT, SymbolColumn, code_field, price_builder, price_field, price_fits, side_array, side_code,
        symbol_field,
    },
    frame::time_field,
};

/// A price level of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelRow<'a> {
    /// Symbol of the book.
    pub symbol: &'a str,
    /// Side of the level.
    pub side: Side,
    /// 0 for the best price of the side.
    pub rank: u32,
    /// In the protocol's own scale; [`Event::NO_PRICE`] of market orders.
    pub price: i64,
    /// Of all orders at the price.
    pub quantity: u64,
    /// Orders at the price; 0 where the feed gives levels and not this.
    pub order_count: u32,
    /// Of the implied book.
    pub is_implied: bool,
}

/// An order in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRow<'a> {
    /// Symbol of the book.
    pub symbol: &'a str,
    /// Side of the order.
    pub side: Side,
    /// Rank of its level; 0 for the best price of the side.
    pub rank: u32,
    /// In the protocol's own scale; [`Event::NO_PRICE`] of a market order.
    pub price: i64,
    /// Place in the level's queue; 0 is served first.
    pub position: u32,
    /// The venue's order id.
    pub order_id: u64,
    /// What is left of it.
    pub quantity: u64,
}

/// Best price of a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// In the protocol's own scale; [`Event::NO_PRICE`] of market orders.
    pub price: i64,
    /// Of all orders at the price.
    pub quantity: u64,
    /// Orders at the price.
    pub order_count: u32,
}

/// Best bid and offer of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopRow<'a> {
    /// Symbol of the book.
    pub symbol: &'a str,
    /// Sequence of the message that the book stands at.
    pub sequence: u64,
    /// Venue time of that message, nanoseconds since 1970 UTC; `None` where unknown.
    pub ts_event_ns: Option<i64>,
    /// Best bid; `None` where the side is empty.
    pub bid: Option<Quote>,
    /// Best ask.
    pub ask: Option<Quote>,
}

/// A schema whose first columns say where in its book a row stands, as [`PlaceColumns`] has them.
fn placed_schema(info: &FrameInfo, own: [Field; 3]) -> SchemaRef {
    let rank = Field::new("rank", DataType::UInt32, false);
    schema(info, [symbol_field(), code_field("side"), rank, price_field("price")].into_iter().chain(own).collect())
}

/// Columns of [`levels_batch`]: symbol, side, rank, price (null of market orders), quantity, order_count, implied.
pub fn levels_schema(info: &FrameInfo) -> SchemaRef {
    placed_schema(
        info,
        [
            Field::new("quantity", DataType::UInt64, false),
            Field::new("order_count", DataType::UInt32, false),
            Field::new("implied", DataType::Boolean, false),
        ],
    )
}

/// Price levels as a frame, a row each.
///
/// # Errors
///
/// [`ExportError::Price`] for a price that the column cannot hold.
pub fn levels_batch<'a>(
    info: &FrameInfo,
    units: Units,
    rows: impl IntoIterator<Item = LevelRow<'a>>,
) -> Result<RecordBatch> {
    let mut place = PlaceColumns::new(units);
    let (mut quantity, mut order_count) = (UInt64Builder::new(), UInt32Builder::new());
    let mut implied = BooleanBuilder::new();
    for row in rows {
        place.append(row.symbol, row.side, row.rank, row.price)?;
        quantity.append_value(row.quantity);
        order_count.append_value(row.order_count);
        implied.append_value(row.is_implied);
    }
    let mut columns = place.finish()?;
    columns.push(Arc::new(quantity.finish()));
    columns.push(Arc::new(order_count.finish()));
    columns.push(Arc::new(implied.finish()));
    Ok(RecordBatch::try_new(levels_schema(info), columns)?)
}

/// Columns of [`orders_batch`]: symbol, side, rank, price (null of market orders), position, order_id, quantity.
pub fn orders_schema(info: &FrameInfo) -> SchemaRef {
    placed_schema(
        info,
        [
            Field::new("position", DataType::UInt32, false),
            Field::new("order_id", DataType::UInt64, false),
            Field::new("quantity", DataType::UInt64, false),
        ],
    )
}

/// Orders in their queues as a frame, a row each.
///
/// # Errors
///
/// [`ExportError::Price`] for a price that the column cannot hold.
pub fn orders_batch<'a>(
    info: &FrameInfo,
    units: Units,
    rows: impl IntoIterator<Item = OrderRow<'a>>,
) -> Result<RecordBatch> {
    let mut place = PlaceColumns::new(units);
    let (mut position, mut order_id, mut quantity) = (UInt32Builder::new(), UInt64Builder::new(), UInt64Builder::new());
    for row in rows {
        place.append(row.symbol, row.side, row.rank, row.price)?;
        position.append_value(row.position);
        order_id.append_value(row.order_id);
        quantity.append_value(row.quantity);
    }
    let mut columns = place.finish()?;
    columns.push(Arc::new(position.finish()));
    columns.push(Arc::new(order_id.finish()));
    columns.push(Arc::new(quantity.finish()));
    Ok(RecordBatch::try_new(orders_schema(info), columns)?)
}

/// Columns of [`tops_batch`]: symbol, sequence, ts_event, and of bid and ask each price, quantity and count, null where the side is empty.
pub fn tops_schema(info: &FrameInfo) -> SchemaRef {
    let mut fields =
        vec![symbol_field(), Field::new("sequence", DataType::UInt64, false), time_field("ts_event", true)];
    for side in ["bid", "ask"] {
        fields.push(price_field(&format!("{side}_price")));
        fields.push(Field::new(format!("{side}_quantity"), DataType::UInt64, true));
        fields.push(Field::new(format!("{side}_order_count"), DataType::UInt32, true));
    }
    schema(info, fields)
}

/// Best bids and offers as a frame, a row a book.
///
/// # Errors
///
/// [`ExportError::Price`] for a price that the column cannot hold.
pub fn tops_batch<'a>(
    info: &FrameInfo,
    units: Units,
    rows: impl IntoIterator<Item = TopRow<'a>>,
) -> Result<RecordBatch> {
    let (mut symbol, mut sequence) = (SymbolColumn::default(), UInt64Builder::new());
    let mut ts_event = TimestampNanosecondBuilder::new().with_timezone("UTC");
    let (mut bid, mut ask) = (QuoteColumns::new(units), QuoteColumns::new(units));
    for row in rows {
        bid.append(row.bid, row.sequence)?;
        ask.append(row.ask, row.sequence)?;
        symbol.append_symbol(row.symbol);
        sequence.append_value(row.sequence);
        ts_event.append_option(row.ts_event_ns);
    }
    let mut columns: Vec<ArrayRef> = vec![symbol.finish()?, Arc::new(sequence.finish()), Arc::new(ts_event.finish())];
    columns.extend(bid.finish());
    columns.extend(ask.finish());
    Ok(RecordBatch::try_new(tops_schema(info), columns)?)
}

fn schema(info: &FrameInfo, fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new_with_metadata(fields, info.metadata()))
}

fn price_e9(units: Units, price: i64, sequence: u64) -> Result<Option<i128>> {
    if price == Event::NO_PRICE {
        return Ok(None);
    }
    match units.price_e9(price) {
        Some(price_e9) if price_fits(price_e9) => Ok(Some(price_e9.into())),
        _ => Err(ExportError::Price { sequence, price, limit: PRICE_LIMIT }),
    }
}

/// Where in a book a row belongs.
struct PlaceColumns {
    units: Units,
    symbol: SymbolColumn,
    side: UInt8Builder,
    rank: UInt32Builder,
    price: Decimal128Builder,
}

impl PlaceColumns {
    fn new(units: Units) -> Self {
        Self {
            units,
            symbol: SymbolColumn::default(),
            side: UInt8Builder::new(),
            rank: UInt32Builder::new(),
            price: price_builder(0),
        }
    }

    fn append(&mut self, symbol: &str, side: Side, rank: u32, price: i64) -> Result<()> {
        self.price.append_option(price_e9(self.units, price, 0)?);
        self.symbol.append_symbol(symbol);
        self.side.append_value(side_code(side));
        self.rank.append_value(rank);
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<ArrayRef>> {
        Ok(vec![
            self.symbol.finish()?,
            side_array(self.side.finish())?,
            Arc::new(self.rank.finish()),
            Arc::new(self.price.finish()),
        ])
    }
}

struct QuoteColumns {
    units: Units,
    price: Decimal128Builder,
    quantity: UInt64Builder,
    order_count: UInt32Builder,
}

impl QuoteColumns {
    fn new(units: Units) -> Self {
        Self { units, price: price_builder(0), quantity: UInt64Builder::new(), order_count: UInt32Builder::new() }
    }

    fn append(&mut self, quote: Option<Quote>, sequence: u64) -> Result<()> {
        let price = quote.map(|quote| price_e9(self.units, quote.price, sequence)).transpose()?;
        self.price.append_option(price.flatten());
        self.quantity.append_option(quote.map(|quote| quote.quantity));
        self.order_count.append_option(quote.map(|quote| quote.order_count));
        Ok(())
    }

    fn finish(mut self) -> [ArrayRef; 3] {
        [Arc::new(self.price.finish()), Arc::new(self.quantity.finish()), Arc::new(self.order_count.finish())]
    }
}
