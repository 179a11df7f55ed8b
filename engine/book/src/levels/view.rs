//! A level book, on the writer's thread.

use wirebook_abi::Side;

use crate::{
    levels::{
        DIRECT, IMPLIED,
        entries::{Entries, Entry},
        given::Given,
    },
    validity::Validity,
    writer::SIGN,
};

/// The price levels of one instrument as its feed gives them: direct ones, and implied ones beside.
#[derive(Clone, Copy, Debug)]
pub struct LevelBook<'a> {
    pub(super) given: &'a Given,
    pub(super) entries: &'a Entries,
    pub(super) validity: Validity,
}

/// One price level of a [`LevelBook`].
#[derive(Clone, Copy, Debug)]
pub struct GivenLevel<'a> {
    /// One level, or the orders of a list that stand at its price, best last.
    entries: &'a [Entry],
    sign: i64,
}

/// An order of a feed that lists orders by their position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedOrder {
    /// The venue's id.
    pub order_id: u64,
    /// What is left of it.
    pub quantity: u64,
}

impl<'a> LevelBook<'a> {
    /// Whether the book may be believed, why not, and since when.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Direct levels of a side, best first. Of a side that is none there are none.
    pub fn levels(self, side: Side) -> impl Iterator<Item = GivenLevel<'a>> {
        self.side(DIRECT, side)
    }

    /// Implied levels of a side, best first.
    pub fn implied(self, side: Side) -> impl Iterator<Item = GivenLevel<'a>> {
        self.side(IMPLIED, side)
    }

    /// The direct level at a price.
    pub fn level(self, side: Side, price: i64) -> Option<GivenLevel<'a>> {
        self.levels(side).find(|level| level.price() == price)
    }

    /// Whether the feed gave an implied level, ever.
    pub fn has_implied(&self) -> bool {
        self.given.has_implied
    }

    /// Levels a side of the direct and of the implied book that the instrument's definition gave; 0 where it gave none.
    pub fn depths(&self) -> [u16; 2] {
        self.given.depths
    }

    fn side(self, book: usize, side: Side) -> impl Iterator<Item = GivenLevel<'a>> {
        let side = match side {
            Side::BID => Some(0),
            Side::ASK => Some(1),
            _ => None,
        };
        side.into_iter().flat_map(move |side: usize| {
            levels_of(self.entries.of(&self.given.books[book].sides[side]))
                .map(move |entries| GivenLevel { entries, sign: SIGN[side] })
        })
    }
}

/// A side's levels, best first: entries that are one level each, and lists cut where the price changes.
pub(super) fn levels_of(entries: &[Entry]) -> impl Iterator<Item = &[Entry]> {
    entries.chunk_by(Entry::shares_level).rev()
}

impl<'a> GivenLevel<'a> {
    /// Fixed-point price in the protocol's scale; [`NO_PRICE`](wirebook_abi::Event::NO_PRICE) of listed market orders.
    pub fn price(&self) -> i64 {
        self.entries[0].key.wrapping_mul(self.sign)
    }

    /// What rests at the price.
    pub fn quantity(&self) -> u64 {
        quantity_of(self.entries)
    }

    /// Orders at the price; 0 where the feed does not say.
    pub fn order_count(&self) -> u32 {
        count_of(self.entries)
    }

    /// The orders of a list at this price, first served first; none where the feed gives levels.
    pub fn orders(&self) -> impl Iterator<Item = ListedOrder> + use<'a> {
        let listed = self.entries.iter().rev().filter(|entry| entry.order_id != 0);
        listed.map(|entry| ListedOrder { order_id: entry.order_id, quantity: entry.quantity })
    }
}

/// Sum of a level's quantities. What is past 64 bits is the venue's error, and stops there.
pub(super) fn quantity_of(level: &[Entry]) -> u64 {
    level.iter().fold(0, |sum, entry| sum.saturating_add(entry.quantity))
}

pub(super) fn count_of(level: &[Entry]) -> u32 {
    level.iter().fold(0, |sum, entry| sum.saturating_add(entry.orders))
}
