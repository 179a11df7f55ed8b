//! The books as the generator knows them, to hold another book against.

use wirebook_abi::Side;

use crate::{
    book::{Books, Ladder, NIL},
    counts::MessageCounts,
    symbols::Symbol,
};

/// What a reader of the day must come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayTruth {
    /// The books at the end, before the end of messages clears them.
    pub books: FinalBooks,
    /// Messages by kind.
    pub counts: MessageCounts,
}

/// Every instrument's book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalBooks {
    /// In the order of their keys.
    pub instruments: Vec<FinalBook>,
}

/// One instrument's book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalBook {
    /// The venue's key, as in events.
    pub instrument: u32,
    /// The venue's name.
    pub symbol: String,
    /// Buyers, highest price first.
    pub bids: Vec<FinalLevel>,
    /// Sellers, lowest price first.
    pub asks: Vec<FinalLevel>,
}

/// All orders at one price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalLevel {
    /// [`PRICE_SCALE`](crate::PRICE_SCALE) units to one.
    pub price: i64,
    /// Of all its orders.
    pub quantity: u64,
    /// Orders.
    pub count: u32,
    /// The orders in priority order: id and quantity.
    pub orders: Vec<(u64, u64)>,
}

impl FinalBooks {
    pub(crate) fn of(symbols: &[Symbol], books: &Books) -> Self {
        let book = |(index, symbol): (usize, &Symbol)| FinalBook {
            instrument: index as u32 + 1,
            symbol: name(symbol).to_owned(),
            bids: levels(books, books.ladder(index, Side::BID)),
            asks: levels(books, books.ladder(index, Side::ASK)),
        };
        Self { instruments: symbols.iter().enumerate().map(book).collect() }
    }

    /// Orders in all books.
    pub fn order_count(&self) -> u64 {
        let levels = self.instruments.iter().flat_map(|book| book.bids.iter().chain(&book.asks));
        levels.map(|level| u64::from(level.count)).sum()
    }
}

fn levels(books: &Books, ladder: &Ladder) -> Vec<FinalLevel> {
    let level = |level: &crate::book::Level| {
        let mut orders = Vec::with_capacity(level.count as usize);
        let mut slot = level.head;
        while slot != NIL {
            let order = books.order(slot);
            orders.push((order.id, order.quantity));
            slot = order.next;
        }
        FinalLevel { price: level.price, quantity: level.quantity, count: level.count, orders }
    };
    ladder.best_first().map(level).collect()
}

/// A symbol's name without its padding.
pub(crate) fn name(symbol: &Symbol) -> &str {
    let length = symbol.name.iter().position(|byte| *byte == 0).unwrap_or(symbol.name.len());
    core::str::from_utf8(&symbol.name[..length]).unwrap_or("")
}
