//! The day's frame: system events, the directory, crosses, halts.

use wirebook_abi::{Event, EventCold, EventKind, Side, Tag, TradingState, event::detail};

use super::{Day, key};
use crate::{clock, clock::Pace, counts::MessageKind};

/// A message that is settled already.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scripted {
    /// The front order of a side takes part in the cross.
    CrossExecution(usize, Side),
    /// The cross is printed.
    CrossPrint(usize),
}

/// A symbol that does not trade.
#[derive(Clone, Copy, Debug)]
pub(super) struct Halt {
    symbol: usize,
    /// Message from which its state may change.
    until: u64,
    next: TradingState,
    reason: &'static [u8],
}

impl Day {
    /// The message that stands at this number whatever happens; false where there is none.
    pub(super) fn turn_of_day(&mut self) -> bool {
        let number = self.number;
        let plan = &self.plan;
        match number {
            0 => self.system(TradingState::START_OF_MESSAGES, clock::START_OF_MESSAGES),
            _ if number <= plan.symbols => self.definition(number as usize - 1),
            _ if number < plan.start => {
                let symbol = (number - plan.symbols) as usize - 1;
                self.clock.advance(number, Pace::Pause, &mut self.random);
                self.status(symbol, TradingState::TRADING, b"");
            }
            _ if number == plan.start => self.system(TradingState::START_OF_SYSTEM_HOURS, clock::START_OF_SYSTEM_HOURS),
            _ if number == plan.open => {
                self.system(TradingState::START_OF_MARKET_HOURS, clock::START_OF_MARKET_HOURS);
                self.script_crosses();
            }
            _ if number == plan.close => {
                self.system(TradingState::END_OF_MARKET_HOURS, clock::END_OF_MARKET_HOURS);
                self.script_crosses();
            }
            _ if number == plan.end => self.system(TradingState::END_OF_SYSTEM_HOURS, clock::END_OF_SYSTEM_HOURS),
            _ if number > plan.end => self.system(TradingState::END_OF_MESSAGES, clock::END_OF_MESSAGES),
            _ => return false,
        }
        true
    }

    /// The next settled message that can be; false where none is left.
    pub(super) fn scripted(&mut self) -> bool {
        while let Some(scripted) = self.pending.pop_front() {
            let done = match scripted {
                Scripted::CrossExecution(symbol, side) => self.cross_execution(symbol, side),
                Scripted::CrossPrint(symbol) => self.cross_print(symbol),
            };
            if done {
                self.clock.advance(self.number, Pace::Burst, &mut self.random);
                return true;
            }
        }
        false
    }

    /// Stops trading in a symbol; false where it has stopped already, or the day is too far on to bring it back.
    pub(super) fn halt(&mut self) -> bool {
        let symbol = self.focus();
        let pause = (self.plan.messages / 500).max(1);
        if !self.universe.symbols[symbol].trading || self.number + 3 * pause > self.plan.close {
            return false;
        }
        let (state, reason): (_, &[u8]) =
            if self.random.per_mille(800) { (TradingState::PAUSED, b"LUDP") } else { (TradingState::HALTED, b"T1") };
        self.status(symbol, state, reason);
        self.halts.push_back(Halt { symbol, until: self.number + pause, next: TradingState::QUOTATION, reason });
        true
    }

    /// Takes a halted symbol one step nearer to trading; false where none is due.
    pub(super) fn resume_halted(&mut self) -> bool {
        let Some(halt) = self.halts.front().copied().filter(|halt| halt.until <= self.number) else { return false };
        self.halts.pop_front();
        self.status(halt.symbol, halt.next, halt.reason);
        if halt.next == TradingState::QUOTATION {
            let until = self.number + (self.plan.messages / 500).max(1);
            self.halts.push_back(Halt { until, next: TradingState::TRADING, ..halt });
        }
        true
    }

    fn system(&mut self, state: TradingState, time_ns: u64) {
        self.clock.turn(time_ns);
        let event =
            Event { instrument: Event::NO_INSTRUMENT, kind: EventKind::STATUS, detail: state.0, ..Event::default() };
        self.push(MessageKind::System, event, EventCold::default());
        if state == TradingState::END_OF_MESSAGES {
            let clear = Event { kind: EventKind::CLEAR, detail: detail::WHOLE_CHANNEL, ..event };
            self.push(MessageKind::System, clear, EventCold::default());
        }
    }

    fn definition(&mut self, symbol: usize) {
        self.clock.advance(self.number, Pace::Pause, &mut self.random);
        let name = self.universe.symbols[symbol].name;
        let (record, index) = self.record(EventKind::DEFINITION, key(symbol));
        record.set_text(&name);
        record.push(Tag::ROUND_LOT, 100);
        record.push(Tag::CLASS_CODE, i64::from(b'C'));
        record.push(Tag::MARKET_CODE, i64::from(b'Q'));
        // Not one of the venue's special kinds.
        record.code[0] = b'Z';
        let event = Event { instrument: key(symbol), kind: EventKind::DEFINITION, ..Event::default() };
        self.push(MessageKind::Definition, event, EventCold { record: index, ..EventCold::default() });
    }

    fn status(&mut self, symbol: usize, state: TradingState, reason: &[u8]) {
        self.universe.symbols[symbol].trading = state == TradingState::TRADING;
        let (record, index) = self.record(EventKind::STATUS, key(symbol));
        record.set_text(reason);
        let event = Event { instrument: key(symbol), kind: EventKind::STATUS, detail: state.0, ..Event::default() };
        self.push(MessageKind::Status, event, EventCold { record: index, ..EventCold::default() });
    }

    fn script_crosses(&mut self) {
        for rank in 0..self.plan.crosses as usize {
            let symbol = self.universe.by_rank[rank] as usize;
            // The liveliest half have enough interest for displayed orders to take part.
            if rank * 2 < self.plan.crosses as usize {
                self.pending.push_back(Scripted::CrossExecution(symbol, Side::BID));
                self.pending.push_back(Scripted::CrossExecution(symbol, Side::ASK));
            }
            self.pending.push_back(Scripted::CrossPrint(symbol));
        }
    }

    fn cross_execution(&mut self, symbol: usize, side: Side) -> bool {
        let front = |side| {
            let slot = self.books.best(symbol, side).map(|level| level.head)?;
            Some(self.books.order(slot).quantity)
        };
        let price = self.between_touches(symbol);
        let paired = match (side, front(Side::BID), front(Side::ASK)) {
            (Side::BID, Some(bid), Some(ask)) => bid.min(ask),
            // What the bid gave; the ask's front has at least that.
            (Side::ASK, _, Some(_)) => self.universe.symbols[symbol].cross_quantity,
            _ => 0,
        };
        if paired == 0 || !self.execute_front(symbol, side, Some((price, Some(paired)))) {
            return false;
        }
        self.universe.symbols[symbol].cross_quantity = paired;
        true
    }

    fn cross_print(&mut self, symbol: usize) -> bool {
        let price = self.between_touches(symbol);
        let instrument = key(symbol);
        let displayed = core::mem::take(&mut self.universe.symbols[symbol].cross_quantity);
        let hidden = if self.random.per_mille(700) { 100 * self.random.below(3_000) } else { 0 };
        let quantity = displayed + hidden;
        let opening = self.number < self.plan.close;
        let (record, index) = self.record(EventKind::TRADE, instrument);
        record.push(Tag::CROSS_CODE, i64::from(if opening { b'O' } else { b'C' }));
        let event = Event {
            price: if quantity == 0 { 0 } else { price },
            quantity,
            instrument,
            kind: EventKind::TRADE,
            detail: detail::CROSS,
            ..Event::default()
        };
        let match_id = self.next_match(key(symbol));
        self.push(MessageKind::Cross, event, EventCold { match_id, record: index, ..EventCold::default() });
        true
    }
}
