//! What trades, and what is said of auctions.

use wirebook_abi::{Event, EventCold, EventKind, Side, Tag, event::detail};

use super::{Day, key};
use crate::{
    book::opposite,
    clock::START_OF_MARKET_HOURS,
    counts::MessageKind,
    plan::Phase,
    symbols::{PRICE_SCALE, tick},
};

/// Records give prices in 1e-9.
const RECORD_UNITS: i64 = 1_000_000_000 / PRICE_SCALE as i64;

impl Day {
    /// An aggressive order meets the front of the queue at the best price; false where there is none.
    pub(super) fn execute(&mut self) -> bool {
        let symbol = self.focus();
        let side = self.coin();
        let sides = [side, opposite(side)];
        let Some(side) = sides.into_iter().find(|side| self.books.best(symbol, *side).is_some()) else { return false };
        self.sweep = Some((symbol, side));
        self.execute_front(symbol, side, None)
    }

    /// The rest of an aggressive order; false where it is filled.
    pub(super) fn sweep_on(&mut self) -> bool {
        match self.sweep {
            Some((symbol, side)) if self.random.per_mille(375) => self.execute_front(symbol, side, None),
            _ => {
                self.sweep = None;
                false
            }
        }
    }

    /// An execution a tick better for the resting order than its price.
    pub(super) fn execute_priced(&mut self) -> bool {
        let symbol = self.focus();
        let side = self.coin();
        let Some(best) = self.books.best(symbol, side).map(|level| level.price) else { return false };
        let price = if side == Side::BID { best - tick(best - 1) } else { best + tick(best) };
        price > 0 && self.execute_front(symbol, side, Some((price, None)))
    }

    /// Executes the front order of a side: at its own price, or at a given one; how much is drawn or given.
    pub(super) fn execute_front(&mut self, symbol: usize, side: Side, priced: Option<(i64, Option<u64>)>) -> bool {
        if !self.universe.symbols[symbol].trading {
            return false;
        }
        let Some(slot) = self.books.best(symbol, side).map(|level| level.head) else { return false };
        let order = *self.books.order(slot);
        let quantity = match priced {
            Some((_, Some(given))) => given.min(order.quantity),
            _ if order.quantity < 2 || self.random.per_mille(600) => order.quantity,
            _ => self.part(order.quantity),
        };
        if quantity == order.quantity {
            self.schedule.remove(slot);
            self.books.remove(slot);
        } else {
            self.books.reduce(slot, quantity);
        }
        self.output.remaining = order.quantity - quantity;
        let crossed = priced.is_some_and(|(_, given)| given.is_some());
        let event = Event {
            order_id: order.id,
            price: priced.map_or(0, |(price, _)| price),
            quantity,
            instrument: key(symbol),
            kind: EventKind::EXECUTE,
            // The cross prints its executions once more, in bulk.
            detail: u8::from(priced.is_some()) * detail::PRICED + u8::from(crossed) * detail::NON_PRINTABLE,
            ..Event::default()
        };
        let kind = if priced.is_some() { MessageKind::ExecutePriced } else { MessageKind::Execute };
        let match_id = self.next_match(key(symbol));
        self.push(kind, event, EventCold { match_id, ..EventCold::default() });
        true
    }

    /// A trade with a hidden order, at the touch or inside the spread.
    pub(super) fn trade(&mut self) -> bool {
        let symbol = self.focus();
        if !self.universe.symbols[symbol].trading {
            return false;
        }
        let price = self.between_touches(symbol);
        let quantity = if self.random.per_mille(600) { 100 } else { self.random.between(1, 900) };
        // The venue shows every such trade as a buy, whoever bought.
        let event = Event {
            price,
            quantity,
            instrument: key(symbol),
            kind: EventKind::TRADE,
            side: Side::BID,
            ..Event::default()
        };
        let match_id = self.next_match(key(symbol));
        self.push(MessageKind::Trade, event, EventCold { match_id, ..EventCold::default() });
        true
    }

    /// One of the last trades is void; false where there was none.
    pub(super) fn trade_break(&mut self) -> bool {
        let at = self.random.below(16) as usize;
        let match_id = core::mem::take(&mut self.matches[at]);
        if match_id == 0 {
            return false;
        }
        let instrument = self.match_instruments[at];
        let event = Event { instrument, kind: EventKind::TRADE_BREAK, ..Event::default() };
        self.push(MessageKind::TradeBreak, event, EventCold { match_id, ..EventCold::default() });
        true
    }

    /// Interest in the next cross of one of the symbols that have one.
    pub(super) fn imbalance(&mut self) -> bool {
        if self.plan.crosses == 0 {
            return false;
        }
        let rank = self.random.below(self.plan.crosses) as usize;
        let symbol = self.universe.by_rank[rank] as usize;
        let instrument = key(symbol);
        let opening = self.clock.now_ns() < START_OF_MARKET_HOURS && self.plan.phase(self.number) == Phase::PreOpen;
        let near = self.between_touches(symbol);
        let reference = self.universe.symbols[symbol].reference;
        let (paired, open) = (100 * self.random.below(5_000), 100 * self.random.below(800));
        let direction = match (open, self.coin()) {
            (0, _) => b'N',
            (_, Side::BID) => b'B',
            _ => b'S',
        };
        let (record, index) = self.record(EventKind::IMBALANCE, instrument);
        record.push(Tag::PAIRED_QUANTITY, paired as i64);
        record.push(Tag::IMBALANCE_QUANTITY, open as i64);
        record.push(Tag::INTEREST_CODE, i64::from(direction));
        record.push(Tag::FAR_PRICE, near * RECORD_UNITS);
        record.push(Tag::NEAR_PRICE, near * RECORD_UNITS);
        record.push(Tag::REFERENCE_PRICE, reference * RECORD_UNITS);
        record.push(Tag::CROSS_CODE, i64::from(if opening { b'O' } else { b'C' }));
        record.push(Tag::VARIATION_CODE, i64::from(b'L'));
        let event = Event { instrument, kind: EventKind::IMBALANCE, ..Event::default() };
        self.push(MessageKind::Imbalance, event, EventCold { record: index, ..EventCold::default() });
        true
    }

    /// The fair value, kept between the best prices.
    pub(super) fn between_touches(&self, symbol: usize) -> i64 {
        let fair = self.universe.symbols[symbol].fair_price();
        let low = self.books.best(symbol, Side::BID).map(|level| level.price);
        let high = self.books.best(symbol, Side::ASK).map(|level| level.price);
        let price = fair / tick(fair) * tick(fair);
        price.min(high.unwrap_or(i64::MAX)).max(low.unwrap_or(1))
    }
}
