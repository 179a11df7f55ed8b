//! Owned pictures of books, for reports and to compare.

use std::fmt;

use wirebook_abi::Side;
use wirebook_book::{BookWriter, GivenLevel, OrderBook, Validity};

use crate::symbols::Symbols;

/// How much of each book a picture has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageDetail {
    /// Levels with their sums.
    Levels,
    /// The orders of each level too, in the order of their queue, where the feed gives orders.
    #[default]
    Orders,
}

/// The books of a channel at one moment, in the order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BooksImage {
    /// A book for each instrument that a message named.
    pub books: Vec<BookImage>,
}

/// One instrument's book.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookImage {
    /// The venue's key, as in events.
    pub key: u32,
    /// The venue's name; `None` where it gave none.
    pub symbol: Option<Box<str>>,
    /// Whether the book may be believed.
    pub validity: Validity,
    /// Sequence of the message that last changed what the book publishes, 0 where none did.
    pub sequence: u64,
    /// Venue time of that message in nanoseconds, by the protocol's clock.
    pub ts_event_ns: u64,
    /// Whether the feed gives the levels outright. Then `bids` and `asks` are those, and orders that it gives too are in
    /// `by_order`.
    pub is_given: bool,
    /// Buyers, highest price first, as tops show them.
    pub bids: Vec<LevelImage>,
    /// Sellers, lowest price first, as tops show them.
    pub asks: Vec<LevelImage>,
    /// Levels of the implied book, where the feed gives one.
    pub implied: SidesImage,
    /// The book of orders that the feed gives beside levels; empty where it gives but one of the two.
    pub by_order: SidesImage,
}

/// Two sides of a further book of an instrument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SidesImage {
    /// Buyers, highest price first.
    pub bids: Vec<LevelImage>,
    /// Sellers, lowest price first.
    pub asks: Vec<LevelImage>,
}

/// One price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LevelImage {
    /// In the protocol's scale.
    pub price: i64,
    /// What rests there.
    pub quantity: u64,
    /// Orders; 0 where the feed gives levels and not this.
    pub order_count: u32,
    /// Id and quantity of each, first served first; empty where only levels were asked for, or the feed gives levels.
    pub orders: Vec<(u64, u64)>,
}

/// Tells sets of books apart: equal for equal levels and queues, on every machine and in every version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub u64);

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl BooksImage {
    /// All books as they stand now.
    pub fn of(books: &BookWriter, symbols: &Symbols, detail: ImageDetail) -> Self {
        let mut keys = books.instruments().to_vec();
        keys.sort_unstable();
        Self { books: keys.into_iter().filter_map(|key| BookImage::of(books, symbols, key, detail)).collect() }
    }

    /// The book of the instrument under the venue's `key`.
    pub fn book(&self, key: u32) -> Option<&BookImage> {
        self.books.binary_search_by_key(&key, |book| book.key).ok().map(|at| &self.books[at])
    }

    /// Orders in all books, as the levels count them.
    pub fn order_count(&self) -> u64 {
        let levels = self.books.iter().flat_map(|book| book.bids.iter().chain(&book.asks));
        levels.map(|level| u64::from(level.order_count)).sum()
    }

    /// A digest of what rests: keys, levels and queues. Names, times and validity are left out, and so are empty books.
    pub fn digest(&self) -> Digest {
        let mut mix = Fnv::default();
        for book in self.books.iter().filter(|book| !book.is_empty()) {
            mix.add(u64::from(book.key));
            mix.side(&book.bids);
            mix.side(&book.asks);
            for further in [&book.implied, &book.by_order].into_iter().filter(|sides| !sides.is_empty()) {
                mix.side(&further.bids);
                mix.side(&further.asks);
            }
        }
        Digest(mix.0)
    }
}

impl BookImage {
    /// The book under the venue's `key` as it stands now; `None` where no message named it.
    pub fn of(books: &BookWriter, symbols: &Symbols, key: u32, detail: ImageDetail) -> Option<Self> {
        let book = books.book(key)?;
        // Nobody else writes between these lines, so that the published top is of the same moment as the book.
        let (sequence, ts_event_ns) = books.reader().top(key).map_or((0, 0), |top| (top.sequence, top.ts_event_ns));
        let by_order = SidesImage::of(|side| levels(book, side, detail));
        let given = books.level_book(key);
        let (shown, by_order) = match given {
            Some(given) => (SidesImage::of(|side| given_levels(given.levels(side), detail)), by_order),
            None => (by_order, SidesImage::default()),
        };
        let implied = given.map(|given| SidesImage::of(|side| given_levels(given.implied(side), detail)));
        Some(Self {
            key,
            symbol: symbols.symbol(key).map(Box::from),
            validity: book.validity(),
            sequence,
            ts_event_ns,
            is_given: given.is_some(),
            bids: shown.bids,
            asks: shown.asks,
            implied: implied.unwrap_or_default(),
            by_order,
        })
    }

    /// Whether nothing rests.
    pub fn is_empty(&self) -> bool {
        let is_empty = self.bids.is_empty() && self.asks.is_empty();
        is_empty && self.implied.is_empty() && self.by_order.is_empty()
    }
}

impl SidesImage {
    fn of(levels: impl Fn(Side) -> Vec<LevelImage>) -> Self {
        Self { bids: levels(Side::BID), asks: levels(Side::ASK) }
    }

    /// Whether nothing rests.
    pub fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }
}

fn given_levels<'a>(levels: impl Iterator<Item = GivenLevel<'a>>, detail: ImageDetail) -> Vec<LevelImage> {
    let image = |level: GivenLevel<'_>| LevelImage {
        price: level.price(),
        quantity: level.quantity(),
        order_count: level.order_count(),
        orders: match detail {
            ImageDetail::Levels => Vec::new(),
            ImageDetail::Orders => level.orders().map(|order| (order.order_id, order.quantity)).collect(),
        },
    };
    levels.map(image).collect()
}

fn levels(book: OrderBook<'_>, side: Side, detail: ImageDetail) -> Vec<LevelImage> {
    let orders = |level: &wirebook_book::Level<'_>| match detail {
        ImageDetail::Levels => Vec::new(),
        ImageDetail::Orders => level.orders().map(|order| (order.order_id, u64::from(order.quantity))).collect(),
    };
    let image = |level: wirebook_book::Level<'_>| LevelImage {
        price: level.price(),
        quantity: level.quantity(),
        order_count: level.order_count(),
        orders: orders(&level),
    };
    book.levels(side).map(image).collect()
}

/// FNV-1a, 64 bits: simple enough to compute anywhere.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, value: u64) {
        for byte in value.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn side(&mut self, levels: &[LevelImage]) {
        self.add(levels.len() as u64);
        for level in levels {
            self.add(level.price as u64);
            self.add(level.quantity);
            self.add(u64::from(level.order_count));
            self.add(level.orders.len() as u64);
            for (id, quantity) in &level.orders {
                self.add(*id);
                self.add(*quantity);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(key: u32, price: i64, orders: &[(u64, u64)]) -> BookImage {
        let quantity = orders.iter().map(|(_, quantity)| quantity).sum();
        let level = LevelImage { price, quantity, order_count: orders.len() as u32, orders: orders.to_vec() };
        let bids = if orders.is_empty() { Vec::new() } else { vec![level] };
        BookImage { key, bids, ..BookImage::default() }
    }

    fn digest(books: &[BookImage]) -> Digest {
        BooksImage { books: books.to_vec() }.digest()
    }

    #[test]
    fn digest_sees_key_price_and_place_in_the_queue() {
        let one = digest(&[book(1, 100, &[(7, 5), (8, 5)])]);
        assert_ne!(one, digest(&[book(2, 100, &[(7, 5), (8, 5)])]));
        assert_ne!(one, digest(&[book(1, 101, &[(7, 5), (8, 5)])]));
        assert_ne!(one, digest(&[book(1, 100, &[(8, 5), (7, 5)])]));
        let mut asks = book(1, 100, &[(7, 5), (8, 5)]);
        std::mem::swap(&mut asks.bids, &mut asks.asks);
        assert_ne!(one, digest(&[asks]));
        let mut implied = book(1, 100, &[(7, 5), (8, 5)]);
        implied.implied.bids = implied.bids.clone();
        assert_ne!(one, digest(&[implied]));
    }

    #[test]
    fn digest_does_not_see_names_and_empty_books() {
        let mut named = book(1, 100, &[(7, 5)]);
        named.symbol = Some("ARL".into());
        assert_eq!(digest(&[book(1, 100, &[(7, 5)])]), digest(&[named, book(3, 0, &[])]));
        assert_eq!(digest(&[]).to_string(), "cbf29ce484222325");
    }
}
