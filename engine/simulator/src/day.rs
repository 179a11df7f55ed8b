//! The day itself: one message after another, each an event group that the books so far allow.

mod orders;
mod session;
mod trades;

use std::collections::VecDeque;

use wirebook_abi::{Event, EventCold, EventKind, Group, Record, Side, flags};

use crate::{
    book::Books,
    clock::{Clock, Pace},
    config::{ConfigError, DayConfig},
    counts::{MessageCounts, MessageKind},
    plan::{Phase, Plan, Traffic},
    random::Random,
    schedule::Schedule,
    symbols::{FINE, Universe},
    tables::Quantiles,
    truth::{DayTruth, FinalBooks},
};
use session::Scripted;

/// Orders open at a time for each message of the median order's life: what makes lives and books of any size go together.
const OPEN_TO_MEDIAN_LIFE: u64 = 256;
/// Spread of the logarithm of lives: a tenth are cancelled within a few hundred messages, one in a hundred stays for millions.
const LIFE_SIGMA: f64 = 3.0;

/// One message of a day.
#[derive(Clone, Copy, Debug)]
pub struct GroupView<'a> {
    /// Its events, the last one flagged [`LAST`](flags::LAST). Prices have [`PRICE_SCALE`](crate::PRICE_SCALE) units to one.
    pub events: &'a [Event],
    /// Beside each event its cold part; the sequence counts messages from 1, the message index is 0.
    pub cold: &'a [EventCold],
    /// Records that the events refer to.
    pub records: &'a [Record],
    /// Venue time, ns since midnight.
    pub ts_ns: u64,
    /// What the message is.
    pub kind: MessageKind,
    /// Of an execution, what is left of the order.
    pub remaining: u64,
}

impl<'a> GroupView<'a> {
    /// The group as an encoder takes it.
    pub fn group(&self) -> Group<'a> {
        Group { events: self.events, cold: self.cold, records: self.records }
    }
}

/// A synthetic trading day.
///
/// Books are never crossed or locked, every order that a message names is open, executions hit the front of the queue at the
/// best price, and no more is taken off an order than it has.
#[derive(Debug)]
pub struct Day {
    config: DayConfig,
    plan: Plan,
    random: Random,
    universe: Universe,
    books: Books,
    schedule: Schedule,
    clock: Clock,
    lives: Quantiles,
    exponential: Quantiles,
    pending: VecDeque<Scripted>,
    halts: VecDeque<session::Halt>,
    focus: Focus,
    /// Relative level of the whole market, in 1e-9.
    market: i64,
    sweep: Option<(usize, Side)>,
    number: u64,
    /// Last id of each stream.
    last_orders: Vec<u64>,
    last_match: u64,
    matches: [u64; 16],
    match_instruments: [u32; 16],
    output: Output,
    counts: MessageCounts,
}

/// Where the market looks at the moment.
#[derive(Debug, Default)]
struct Focus {
    symbol: usize,
    left: u64,
    recent: [usize; 8],
    at: usize,
    /// Messages of a market-wide move to come.
    rush: u64,
    paused: bool,
}

/// The message being made.
#[derive(Debug, Default)]
struct Output {
    events: Vec<Event>,
    cold: Vec<EventCold>,
    records: Vec<Record>,
    kind: Option<MessageKind>,
    remaining: u64,
}

impl Day {
    /// Lays out a day; nothing of it is made yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the first field that cannot be.
    pub fn new(config: DayConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut random = Random::new(config.seed);
        let plan = Plan::new(&config);
        Ok(Self {
            universe: Universe::new(&config, &mut random),
            books: Books::new(config.symbols as usize),
            schedule: Schedule::new(config.messages),
            clock: Clock::new(&plan),
            lives: Quantiles::lognormal(LIFE_SIGMA),
            exponential: Quantiles::exponential(),
            pending: VecDeque::new(),
            halts: VecDeque::new(),
            focus: Focus::default(),
            market: 0,
            sweep: None,
            number: 0,
            last_orders: (0..u64::from(config.id_streams)).collect(),
            last_match: 0,
            matches: [0; 16],
            match_instruments: [0; 16],
            output: Output::default(),
            counts: MessageCounts::default(),
            config,
            plan,
            random,
        })
    }

    /// Makes the next message; `None` at the end of the day.
    pub fn next_group(&mut self) -> Option<GroupView<'_>> {
        if self.number == self.plan.messages {
            return None;
        }
        self.output.events.clear();
        self.output.cold.clear();
        self.output.records.clear();
        self.output.remaining = 0;
        if !self.turn_of_day() && !self.scripted() {
            self.traffic();
        }
        self.number += 1;
        let ts_ns = self.clock.now_ns();
        let kind = self.output.kind.expect("every message has said what it is");
        self.counts.note(kind);
        for cold in &mut self.output.cold {
            cold.ts_event_ns = ts_ns;
            cold.sequence = self.number;
        }
        if let Some(last) = self.output.events.last_mut() {
            last.flags = flags::LAST;
        }
        let Output { events, cold, records, remaining, .. } = &self.output;
        Some(GroupView { events, cold, records, ts_ns, kind, remaining: *remaining })
    }

    /// What the day was made of.
    pub fn config(&self) -> &DayConfig {
        &self.config
    }

    /// Messages so far, by kind.
    pub fn counts(&self) -> &MessageCounts {
        &self.counts
    }

    /// Orders open now.
    pub fn open_orders(&self) -> usize {
        self.books.open_orders()
    }

    /// Name of an instrument by its key; empty where there is none.
    pub fn symbol(&self, instrument: u32) -> &str {
        let symbol = (instrument as usize).checked_sub(1).and_then(|index| self.universe.symbols.get(index));
        symbol.map_or("", |symbol| crate::truth::name(symbol))
    }

    /// The books as they stand now. The end of messages, which clears a channel, leaves them: at the day's end they are those
    /// just before it.
    pub fn final_books(&self) -> FinalBooks {
        FinalBooks::of(&self.universe.symbols, &self.books)
    }

    /// What a reader of the messages so far must come to.
    pub fn truth(&self) -> DayTruth {
        DayTruth { books: self.final_books(), counts: self.counts }
    }

    fn traffic(&mut self) {
        self.focus.paused = false;
        if !self.resume_halted() && !self.sweep_on() {
            let done = match self.plan.traffic(self.number, &mut self.random) {
                Traffic::Churn => false,
                Traffic::Replace => self.replace(),
                Traffic::Execute => self.execute(),
                Traffic::ExecutePriced => self.execute_priced(),
                Traffic::Reduce => self.reduce(),
                Traffic::Trade => self.trade(),
                Traffic::TradeBreak => self.trade_break(),
                Traffic::Imbalance => self.imbalance(),
                Traffic::Halt => self.halt(),
            };
            if !done {
                self.churn();
            }
        }
        let pace = match (self.focus.paused, self.focus.rush) {
            (false, _) => Pace::Burst,
            (true, 0) => Pace::Pause,
            (true, _) => Pace::Rush,
        };
        self.focus.rush = self.focus.rush.saturating_sub(1);
        self.clock.advance(self.number, pace, &mut self.random);
    }

    /// The symbol that the market looks at: stays for a burst, comes back to what was active, or goes by activity.
    fn focus(&mut self) -> usize {
        if self.focus.left == 0 {
            self.refocus();
        }
        self.focus.left -= 1;
        self.move_fair(self.focus.symbol);
        self.focus.symbol
    }

    fn refocus(&mut self) {
        let phase = self.plan.phase(self.number);
        let bursts = self.config.bursts;
        let mean = u64::from(bursts.mean_messages);
        if phase == Phase::Market {
            self.market += self.random.normal_quarters() * 200;
            let chance = u64::from(bursts.market_wide) * mean * 2;
            if self.focus.rush == 0 && self.random.below(self.plan.close - self.plan.open) < chance {
                self.focus.rush = (self.plan.messages / 2_000).clamp(1, 5_000);
                self.market += self.random.normal_quarters() * 300_000;
            }
        }
        let excited = self.random.below(100) < u64::from(bursts.excitement_percent);
        self.focus.symbol = if excited && phase != Phase::PreOpen {
            self.focus.recent[self.random.below(8) as usize]
        } else if phase == Phase::PreOpen && self.random.per_mille(700) {
            self.universe.draw_deep(&mut self.random)
        } else {
            self.universe.draw_active(&mut self.random)
        };
        self.focus.recent[self.focus.at] = self.focus.symbol;
        self.focus.at = (self.focus.at + 1) % 8;
        self.focus.left = match self.focus.rush {
            // One burst in fifty is ten times as long.
            0 if self.random.per_mille(20) => 1 + self.random.draw(&self.exponential, mean * 10),
            0 => 1 + self.random.draw(&self.exponential, mean - 1),
            _ => 1,
        };
        self.focus.paused = true;
    }

    /// One step of the fair value: its own, and what the market did since; never far from the book.
    fn move_fair(&mut self, index: usize) {
        let quarters = self.random.normal_quarters();
        let symbol = &mut self.universe.symbols[index];
        let followed =
            i128::from(symbol.reference * FINE) * i128::from(self.market - symbol.market_seen) / 1_000_000_000;
        symbol.market_seen = self.market;
        let moved = symbol.fair + quarters * symbol.move_quarter + followed as i64;
        let reach = symbol.half_spread * 12;
        let low = self.books.best(index, Side::BID).map_or(0, |level| level.price - reach).max(symbol.reference / 4);
        let high = self.books.best(index, Side::ASK).map_or(i64::MAX / FINE, |level| level.price + reach);
        symbol.fair = moved.clamp(low * FINE, high.min(symbol.reference * 4).max(low + 1) * FINE);
    }

    fn push(&mut self, kind: MessageKind, event: Event, cold: EventCold) {
        self.output.kind = Some(kind);
        self.output.events.push(event);
        self.output.cold.push(cold);
    }

    /// The event's record, ready for its values.
    fn record(&mut self, kind: EventKind, instrument: u32) -> (&mut Record, u16) {
        self.output.records.push(Record::new(kind, instrument));
        let at = self.output.records.len();
        (&mut self.output.records[at - 1], at as u16)
    }

    /// Ids rise within a stream, with gaps for orders that are not displayed, and tell their stream by the remainder.
    fn next_order(&mut self, symbol: usize) -> u64 {
        let streams = self.last_orders.len();
        let step = 1 + u64::from(self.random.next().trailing_zeros());
        let last = &mut self.last_orders[symbol % streams];
        *last += step * streams as u64;
        *last
    }

    fn next_match(&mut self, instrument: u32) -> u64 {
        self.last_match += 1 + u64::from(self.random.next().trailing_zeros());
        self.matches[(self.last_match % 16) as usize] = self.last_match;
        self.match_instruments[(self.last_match % 16) as usize] = instrument;
        self.last_match
    }
}

/// The venue's key of a symbol.
fn key(symbol: usize) -> u32 {
    symbol as u32 + 1
}
