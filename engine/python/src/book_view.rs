//! A book as frames.

use wirebook_abi::{Event, Side};
use wirebook_export::{
    ExportError, FrameInfo, LevelRow, OrderRow, Quote, RecordBatch, TopRow, Units, levels_batch, orders_batch,
};
use wirebook_inspect::Decimal;
use wirebook_runtime::{BookImage, LevelImage};

use crate::player::Player;

/// A picture of a book, with what its numbers read as.
pub struct BookView<'a> {
    /// The book.
    pub book: &'a BookImage,
    price_scale: u64,
    units: Units,
    info: &'a FrameInfo,
}

/// A price as a number; `None` of market orders.
pub fn decimal(price: i64, price_scale: u64) -> Option<Decimal> {
    (price != Event::NO_PRICE).then_some(Decimal { mantissa: price.into(), scale: price_scale })
}

impl<'a> BookView<'a> {
    /// Reads `book`, one of `player`'s.
    pub fn new(player: &'a Player, book: &'a BookImage) -> Self {
        Self { book, price_scale: player.price_scale, units: player.units, info: &player.info }
    }

    /// The venue's text for the instrument; empty where it was not named.
    pub fn symbol(&self) -> &'a str {
        self.book.symbol.as_deref().unwrap_or("")
    }

    /// Levels of a side, best first, as tops show them.
    pub fn side(&self, side: Side) -> &'a [LevelImage] {
        if side == Side::BID { &self.book.bids } else { &self.book.asks }
    }

    /// Levels of a side of the implied book, best first.
    pub fn implied_side(&self, side: Side) -> &'a [LevelImage] {
        if side == Side::BID { &self.book.implied.bids } else { &self.book.implied.asks }
    }

    /// Whether the feed gives this instrument's orders, be it beside levels; an empty book does not say.
    pub fn has_orders(&self) -> bool {
        let is_listed = || self.ranked().any(|(_, _, level)| !level.orders.is_empty());
        !self.book.is_given || self.book.is_empty() || !self.book.by_order.is_empty() || is_listed()
    }

    /// A price as a number; `None` of market orders.
    pub fn decimal(&self, price: i64) -> Option<Decimal> {
        decimal(price, self.price_scale)
    }

    /// Venue time of the message that it stands at, nanoseconds since 1970 UTC; `None` before the first.
    pub fn ts_event_ns(&self) -> Option<i64> {
        let time = self.units.ts_base_ns().saturating_add_unsigned(self.book.ts_event_ns);
        (self.book.sequence != 0 || self.book.ts_event_ns != 0).then_some(time)
    }

    /// Best of a side.
    pub fn best(&self, side: Side) -> Option<Quote> {
        let level = self.side(side).first()?;
        Some(Quote { price: level.price, quantity: level.quantity, order_count: level.order_count })
    }

    /// Orders of both sides, as the levels count them.
    pub fn order_count(&self) -> u64 {
        self.ranked().map(|(_, _, level)| u64::from(level.order_count)).sum()
    }

    /// Best bid and ask, as a row of a frame over many books.
    pub fn top(&self) -> TopRow<'a> {
        TopRow {
            symbol: self.symbol(),
            sequence: self.book.sequence,
            ts_event_ns: self.ts_event_ns(),
            bid: self.best(Side::BID),
            ask: self.best(Side::ASK),
        }
    }

    /// The best `most` levels of each side, bids first, best first.
    ///
    /// # Errors
    ///
    /// [`ExportError::Price`] for a price that a frame cannot hold.
    pub fn levels(&self, most: usize) -> Result<RecordBatch, ExportError> {
        levels_batch(self.info, self.units, self.level_rows(most, false))
    }

    /// The same of the implied book.
    ///
    /// # Errors
    ///
    /// As [`levels`](Self::levels).
    pub fn implied(&self, most: usize) -> Result<RecordBatch, ExportError> {
        levels_batch(self.info, self.units, self.level_rows(most, true))
    }

    /// Every level, direct ones first.
    ///
    /// # Errors
    ///
    /// As [`levels`](Self::levels).
    pub fn all_levels(&self) -> Result<RecordBatch, ExportError> {
        let rows = self.level_rows(usize::MAX, false).chain(self.level_rows(usize::MAX, true));
        levels_batch(self.info, self.units, rows)
    }

    fn level_rows(&self, most: usize, is_implied: bool) -> impl Iterator<Item = LevelRow<'a>> {
        let symbol = self.symbol();
        let sides = [Side::BID, Side::ASK]
            .map(|side| (side, if is_implied { self.implied_side(side) } else { self.side(side) }));
        sides.into_iter().flat_map(move |(side, levels)| {
            levels.iter().zip(0..).take(most).map(move |(level, rank)| LevelRow {
                symbol,
                side,
                rank,
                price: level.price,
                quantity: level.quantity,
                order_count: level.order_count,
                is_implied,
            })
        })
    }

    /// The queues, first served first: of one price, or of all.
    ///
    /// # Errors
    ///
    /// As [`levels`](Self::levels).
    pub fn orders(&self, price: Option<i64>) -> Result<RecordBatch, ExportError> {
        let levels = self.by_order().filter(|(_, _, level)| price.is_none_or(|price| level.price == price));
        let rows = levels.flat_map(|(side, rank, level)| {
            level.orders.iter().zip(0..).map(move |(&(order_id, quantity), position)| OrderRow {
                symbol: self.symbol(),
                side,
                rank,
                price: level.price,
                position,
                order_id,
                quantity,
            })
        });
        orders_batch(self.info, self.units, rows)
    }

    /// Every level with its side and rank.
    fn ranked(&self) -> impl Iterator<Item = (Side, u32, &'a LevelImage)> {
        ranked(&self.book.bids, &self.book.asks)
    }

    /// Every level that orders make: where the feed gives both, beside those that it gives.
    fn by_order(&self) -> impl Iterator<Item = (Side, u32, &'a LevelImage)> {
        let by_order = &self.book.by_order;
        let (bids, asks) = match by_order.is_empty() {
            true => (&self.book.bids, &self.book.asks),
            false => (&by_order.bids, &by_order.asks),
        };
        ranked(bids, asks)
    }

    /// Where an order stands; `None` where it does not rest here.
    pub fn position(&self, order_id: u64) -> Option<Position> {
        self.by_order().find_map(|(side, _, level)| {
            let ahead = level.orders.iter().position(|(id, _)| *id == order_id)?;
            let quantity_ahead = level.orders[..ahead].iter().map(|(_, quantity)| quantity).sum();
            Some(Position { side, price: level.price, quantity: level.orders[ahead].1, ahead, quantity_ahead })
        })
    }
}

fn ranked<'a>(
    bids: &'a [LevelImage],
    asks: &'a [LevelImage],
) -> impl Iterator<Item = (Side, u32, &'a LevelImage)> + use<'a> {
    let side = |side, levels: &'a [LevelImage]| levels.iter().zip(0..).map(move |(level, rank)| (side, rank, level));
    side(Side::BID, bids).chain(side(Side::ASK, asks))
}

/// Where an order stands in its level's queue.
pub struct Position {
    /// Its side.
    pub side: Side,
    /// In the protocol's scale.
    pub price: i64,
    /// What is left of it.
    pub quantity: u64,
    /// Orders that are served before it at this price.
    pub ahead: usize,
    /// Their quantity.
    pub quantity_ahead: u64,
}
