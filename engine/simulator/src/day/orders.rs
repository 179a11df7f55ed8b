//! Orders that come, change and go.

use wirebook_abi::{Event, EventCold, EventKind, Side, event::detail};

use super::{Day, OPEN_TO_MEDIAN_LIFE, key};
use crate::{
    book::opposite,
    counts::MessageKind,
    plan::KEPT_PER_MILLE,
    schedule::NEVER,
    symbols::{PRICE_SCALE, tick},
};

/// Participants that quote under their own names.
const PARTICIPANTS: [[u8; 4]; 8] = [*b"AAMM", *b"BOLT", *b"CDRQ", *b"DUNE", *b"EKMS", *b"FJRD", *b"GLCR", *b"HRTH"];

/// Highest price of a stub quote: 199,999.99 dollars.
const CEILING: i64 = 19_999_999 * (PRICE_SCALE as i64 / 100);

/// Where an order stands from the touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Touch,
    Near,
    Far,
    Stub,
}

impl Day {
    /// A delete where one is due or where the market has moved through an order, else an add.
    pub(super) fn churn(&mut self) {
        if let Some(slot) = self.schedule.due(self.number) {
            let symbol = self.books.order(slot).symbol as usize;
            self.delete(slot);
            // Whoever cancels often quotes again at once.
            if self.random.per_mille(300) && self.focus.left <= 1 {
                self.focus.symbol = symbol;
                self.focus.left = 1;
            }
            return;
        }
        let symbol = self.focus();
        match self.stale(symbol) {
            Some(slot) if self.random.per_mille(600) => self.delete(slot),
            _ => self.add(symbol),
        }
    }

    /// Another price or quantity for an order near the touch; false where the symbol has none.
    pub(super) fn replace(&mut self) -> bool {
        let symbol = self.focus();
        let stale = self.stale(symbol);
        let Some(slot) = stale.or_else(|| self.near_touch(symbol)) else { return false };
        // The new order lives as long as the old one would have: whoever changes an order still wants it.
        let due = self.schedule.remove(slot);
        let old = self.books.remove(slot);
        let same_price = stale.is_none() && self.random.per_mille(250);
        let price = if same_price { old.price } else { self.quote(symbol, old.side, false) };
        let mut quantity = if self.random.per_mille(600) { old.quantity } else { self.quantity() };
        if price == old.price && quantity == old.quantity {
            quantity += 100;
        }
        let instrument = key(symbol);
        if self.config.keeps_ids {
            let slot = self.books.add(symbol, old.side, old.id, price, quantity);
            self.schedule.insert(slot, due);
            let event = Event {
                order_id: old.id,
                price,
                quantity,
                instrument,
                kind: EventKind::MODIFY,
                detail: detail::LOSES_PRIORITY,
                ..Event::default()
            };
            self.push(MessageKind::Replace, event, EventCold::default());
            return true;
        }
        let gone = Event { order_id: old.id, instrument, kind: EventKind::DELETE, ..Event::default() };
        let order_id = self.enter(symbol, old.side, price, quantity, due);
        let new = Event { order_id, price, quantity, instrument, kind: EventKind::ADD, side: Side::INHERITED, ..gone };
        self.push(MessageKind::Replace, gone, EventCold::default());
        self.push(MessageKind::Replace, new, EventCold::default());
        true
    }

    /// Part of an order near the touch; false where there is none to take a part of.
    pub(super) fn reduce(&mut self) -> bool {
        let symbol = self.focus();
        let Some(slot) = self.near_touch(symbol) else { return false };
        let order = *self.books.order(slot);
        if order.quantity < 2 {
            return false;
        }
        let quantity = self.part(order.quantity);
        self.books.reduce(slot, quantity);
        let event = Event {
            order_id: order.id,
            quantity,
            instrument: key(symbol),
            kind: EventKind::REDUCE,
            ..Event::default()
        };
        self.push(MessageKind::Reduce, event, EventCold::default());
        true
    }

    /// Less than all of `quantity` (two at least), in round lots where that leaves some.
    pub(super) fn part(&mut self, quantity: u64) -> u64 {
        let lots = (quantity - 1) / 100;
        if lots > 0 { 100 * self.random.between(1, lots) } else { self.random.between(1, quantity - 1) }
    }

    fn add(&mut self, symbol: usize) {
        let side = self.side(symbol);
        let long = self.is_long();
        let price = self.quote(symbol, side, long);
        let quantity = self.quantity();
        let due = self.due(long);
        let order_id = self.enter(symbol, side, price, quantity, due);
        let mix = self.config.mix.add_attributed;
        // Adds are a little under half of all messages.
        let attributed = self.random.below(45_500) < u64::from(mix);
        let participant =
            if attributed { PARTICIPANTS[self.random.below(PARTICIPANTS.len() as u64) as usize] } else { [0; 4] };
        let kind = if attributed { MessageKind::AddAttributed } else { MessageKind::Add };
        let event = Event {
            order_id,
            price,
            quantity,
            instrument: key(symbol),
            kind: EventKind::ADD,
            side,
            ..Event::default()
        };
        self.push(kind, event, EventCold { participant, ..EventCold::default() });
    }

    fn delete(&mut self, slot: u32) {
        self.schedule.remove(slot);
        let order = self.books.remove(slot);
        let event =
            Event { order_id: order.id, instrument: order.symbol + 1, kind: EventKind::DELETE, ..Event::default() };
        self.push(MessageKind::Delete, event, EventCold::default());
    }

    /// Puts a new order into book and schedule and gives its id.
    fn enter(&mut self, symbol: usize, side: Side, price: i64, quantity: u64, due: u64) -> u64 {
        let id = self.next_order(symbol);
        let slot = self.books.add(symbol, side, id, price, quantity);
        self.schedule.insert(slot, due);
        id
    }

    /// Whether the next order is one that waits for hours, more likely the more the books fall short of the plan.
    fn is_long(&mut self) -> bool {
        let short = self.plan.open_orders(self.number).saturating_sub(self.books.open_orders() as u64);
        let chance = short * 1_000 / (self.plan.target / 50 + 1);
        self.random.per_mille(chance.min(950))
    }

    fn due(&mut self, long: bool) -> u64 {
        let (number, close) = (self.number, self.plan.close);
        let due = if !long {
            let median = (self.plan.target / OPEN_TO_MEDIAN_LIFE).max(4);
            number + 1 + self.random.draw(&self.lives, median)
        } else if number < close && self.random.per_mille(350) {
            number + 1 + self.random.below(close - number)
        } else {
            close
        };
        if due < close || number >= close {
            return due;
        }
        if self.random.per_mille(KEPT_PER_MILLE) {
            return NEVER;
        }
        close + self.random.below((self.plan.end - close) * 19 / 20)
    }

    fn side(&mut self, symbol: usize) -> Side {
        let empty = [Side::BID, Side::ASK].into_iter().find(|side| self.books.best(symbol, *side).is_none());
        empty.unwrap_or_else(|| self.coin())
    }

    /// Either side.
    pub(super) fn coin(&mut self) -> Side {
        if self.random.next() >> 63 == 0 { Side::BID } else { Side::ASK }
    }

    /// The newest order of a best level that the fair value has passed: who came last is quick to leave.
    fn stale(&self, symbol: usize) -> Option<u32> {
        let fair = self.universe.symbols[symbol].fair_price();
        let bid = self.books.best(symbol, Side::BID).filter(|level| level.price > fair);
        bid.or_else(|| self.books.best(symbol, Side::ASK).filter(|level| level.price < fair)).map(|level| level.tail)
    }

    fn near_touch(&mut self, symbol: usize) -> Option<u32> {
        let side = self.coin();
        let depth = self.random.draw(&self.exponential, 2) as usize;
        let back = self.random.draw(&self.exponential, 2) as usize;
        self.books.pick(symbol, side, depth, back).or_else(|| self.books.pick(symbol, opposite(side), depth, back))
    }

    /// A price at or behind the touch, or inside the spread: never one that would trade.
    fn quote(&mut self, symbol: usize, side: Side, long: bool) -> i64 {
        let style = match (self.random.below(1_000), long) {
            (0..=549, false) | (0..=49, true) => Style::Touch,
            (550..=959, false) | (50..=519, true) => Style::Near,
            (960..=996, false) | (520..=979, true) => Style::Far,
            _ => Style::Stub,
        };
        let (fair, half, grid) = {
            let symbol = &self.universe.symbols[symbol];
            (symbol.fair_price(), symbol.half_spread, symbol.grid)
        };
        let steps = match style {
            Style::Touch => self.random.draw(&self.exponential, 1),
            Style::Near => 1 + self.random.draw(&self.exponential, if long { 40 } else { 14 }),
            Style::Far | Style::Stub => 0,
        };
        let away = match style {
            // Half a per cent to most of the price.
            Style::Far => fair / 200 + self.random.draw(&self.exponential, (fair / 25) as u64) as i64,
            _ => half + steps as i64 * grid,
        };
        let sign = if side == Side::BID { -1 } else { 1 };
        let raw = match style {
            Style::Stub if side == Side::BID => 1,
            Style::Stub => CEILING - (self.random.below(3) * 10) as i64 * tick(CEILING),
            _ => fair + sign * away,
        };
        let rounds = self.random.per_mille(if style == Style::Far { 500 } else { 200 }) && style != Style::Touch;
        self.allowed(symbol, side, raw, if rounds { 5 } else { 1 })
    }

    /// `raw` rounded away from the touch to `ticks` ticks, kept on its own side of the book.
    fn allowed(&self, symbol: usize, side: Side, raw: i64, ticks: i64) -> i64 {
        let step = tick(raw) * ticks;
        if side == Side::BID {
            let rounded = (raw / step * step).max(tick(raw).min(raw.max(1)));
            match self.books.best(symbol, Side::ASK) {
                Some(ask) => rounded.min(ask.price - tick(ask.price - 1)),
                None => rounded,
            }
        } else {
            let rounded = ((raw + step - 1) / step * step).min(CEILING);
            match self.books.best(symbol, Side::BID) {
                Some(bid) => rounded.max(bid.price + tick(bid.price)),
                None => rounded.max(1_000),
            }
        }
    }

    fn quantity(&mut self) -> u64 {
        match self.random.below(100) {
            0..=54 => 100,
            55..=66 => 200,
            67..=78 => 100 * self.random.between(3, 9),
            79..=90 => self.random.between(1, 99),
            91..=97 => 500 * self.random.between(2, 10),
            _ => 100 + self.random.draw(&self.exponential, 2_000),
        }
    }
}
