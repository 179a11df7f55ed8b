//! The writer: events in, books and published tops out.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::ops::Range;

use wirebook_abi::{Event, EventCold, EventKind, Side, TradingState, detail, flags};

use crate::{
    compare::Compare,
    config::{BookConfig, ConfigError},
    far::FarArena,
    instrument::{Instrument, KNOWN, LEVELS, PENDING, Seat},
    keys::InstrumentKeys,
    level::{LevelRef, LevelSlab},
    levels::LevelBooks,
    orders::{MAX_QUANTITY, OrderRef, Orders},
    ranks::NEAR,
    reader::{BookReader, Published},
    salt::{self, salt},
    top::{SINCE, TopHead, TopLevel},
    validity::{BookState, Conditions, Reason, Validity},
    view::OrderBook,
    zeroed::{Lines, zeroed},
};

/// What turns a key into a price, and back, by side.
pub(crate) const SIGN: [i64; 2] = [-1, 1];

/// Events between a look at an id and the next step for it: about what one miss takes.
const LAG: usize = 12;

/// New events that are looked at together: fewer wait, so that little is done for each packet alone.
const TOGETHER: usize = 16;

/// Level of orders whose side is not known. It stands in no book.
pub(crate) const LIMBO: LevelRef = 0;

/// Changed instruments that gather, while events wait behind, before they are published together. Their slots' lines come
/// meanwhile, and what changes twice is published once.
const PUBLISH_TOGETHER: usize = 64;

/// Doubts of a book that are over when it is cleared.
const MENDED_BY_CLEAR: [Reason; 6] = [
    Reason::JoinedLate,
    Reason::Gap,
    Reason::UnknownOrder,
    Reason::UnknownLevel,
    Reason::Contradiction,
    Reason::Oversized,
];

/// What did not go as the books expected, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookCounters {
    /// Events that named an order never added.
    pub unknown_orders: u64,
    /// Adds that take the side of an order never added: nobody knows their side, so they rest in no book.
    pub orphaned_adds: u64,
    /// Adds of an id that is open: left out.
    pub duplicate_orders: u64,
    /// Executions and reductions of more than was left: the order is gone.
    pub overdrawn_orders: u64,
    /// Orders of a quantity past 2^32 - 2: left out.
    pub oversized_orders: u64,
    /// Level events that named a level that is not there: nothing is made up for it.
    pub unknown_levels: u64,
    /// Level events of a price other than the one that stands there, new levels that were there already, and sides found out of
    /// order at the end of an event group.
    pub contradicted_levels: u64,
    /// Events of an instrument key out of range, or a side that is none: left out.
    pub misplaced_events: u64,
    /// Times that reserved memory ran out and grew.
    pub growths: u64,
    /// Tops published.
    pub publications: u64,
}

/// How far [`BookWriter::advance`] has come in a caller's array of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Where looking ahead began anew: everything before was applied when it did.
    base: usize,
    /// Events looked at.
    seen: usize,
    /// Events applied.
    pub applied: usize,
}

/// Keeps the books of every instrument of a venue. One thread owns it; others read through [`reader`](Self::reader).
#[derive(Debug)]
pub struct BookWriter {
    orders: Orders,
    levels: LevelSlab,
    far: FarArena,
    pub(crate) instruments: Lines<Instrument>,
    pub(crate) published: Arc<Published>,
    /// Books of levels that the feed gives.
    pub(crate) given: LevelBooks,
    /// Sequence since which each instrument's state holds.
    pub(crate) since: Box<[u64]>,
    /// Indexes of instruments that a message named, in the order of the first.
    known: Vec<u32>,
    /// Venue keys beside `known`.
    keys: Vec<u32>,
    /// Indexes of instruments that changed in the event group under way.
    pending: Vec<u32>,
    /// Side and instrument of the order last deleted in the event group under way.
    inherited: Option<(usize, u32)>,
    /// Hold for instruments that are yet to be named, too.
    channel_doubts: Conditions,
    /// Sequence since which the newest of them does.
    doubted_since: u64,
    pub(crate) counters: BookCounters,
    /// Open orders in limbo.
    orphans: usize,
    /// Instruments by what their books are.
    in_state: [u32; BookState::COUNT],
    /// A message was of the market as a whole.
    market_spoke: bool,
    /// Ids are unique only with instrument and side, and held with a salt of these.
    ids_per_side: bool,
    compare: Compare,
    /// Where requests for snapshots wait.
    #[cfg(feature = "std")]
    pub(crate) desk: Arc<crate::snapshot::Desk>,
}

// SAFETY: an integer.
unsafe impl crate::zeroed::Zeroable for u64 {}

impl BookWriter {
    /// Empty books, with the memory of `config` reserved.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] where a size is out of range.
    pub fn new(config: &BookConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let keys = InstrumentKeys::new(config.instrument_limit, config.instruments);
        let capacity = keys.capacity() as usize;
        Ok(Self {
            orders: Orders::new(config.window_bits, config.orders),
            levels: LevelSlab::new(config.levels),
            far: FarArena::new(config.levels * 3),
            instruments: Lines::zeroed(capacity),
            published: Arc::new(Published::new(keys)),
            given: LevelBooks::new(capacity, config.levels),
            since: zeroed(capacity),
            known: Vec::with_capacity(capacity),
            keys: Vec::with_capacity(capacity),
            pending: Vec::with_capacity(capacity),
            inherited: None,
            channel_doubts: Conditions::default(),
            doubted_since: 0,
            counters: BookCounters::default(),
            orphans: 0,
            in_state: [0; BookState::COUNT],
            market_spoke: false,
            ids_per_side: config.ids_per_side,
            compare: Compare::new(),
            #[cfg(feature = "std")]
            desk: Arc::new(crate::snapshot::Desk::new()),
        })
    }

    /// A reader of the published tops.
    pub fn reader(&self) -> BookReader {
        BookReader(Arc::clone(&self.published))
    }

    /// What did not go as expected so far.
    pub fn counters(&self) -> BookCounters {
        let growths = self.orders.growths() + self.levels.growths + self.far.growths + self.given.growths();
        BookCounters { growths, ..self.counters }
    }

    /// Orders open now.
    pub fn open_orders(&self) -> usize {
        self.orders.open - self.orphans
    }

    /// Price levels of orders there are now.
    pub fn open_levels(&self) -> usize {
        self.levels.open
    }

    /// Venue keys of the instruments that a message named, in the order of the first.
    pub fn instruments(&self) -> &[u32] {
        &self.keys
    }

    /// How many instruments' books are in this state.
    pub fn count_in(&self, state: BookState) -> u32 {
        self.in_state[state as usize]
    }

    /// Whether a message was of the market as a whole, under the key that stands for no instrument.
    pub fn market_spoke(&self) -> bool {
        self.market_spoke
    }

    /// The book of the instrument under the venue's `key`; `None` where no message named it.
    pub fn book(&self, key: u32) -> Option<OrderBook<'_>> {
        let index = self.published.keys.get(key)?;
        let instrument = &self.instruments[index as usize];
        (instrument.flags & KNOWN != 0).then(|| OrderBook {
            instrument,
            since_sequence: self.since[index as usize],
            orders: &self.orders,
            levels: &self.levels,
            far: &self.far,
            index,
            salts: if self.ids_per_side { [salt(key, Side::BID), salt(key, Side::ASK)] } else { [0; 2] },
        })
    }

    /// Key of the instrument in whose book the order `id` rests. Ids that are unique by side only say nothing of it.
    pub fn instrument_of_order(&self, id: u64) -> Option<u32> {
        let id = Some(id).filter(|_| !self.ids_per_side)?;
        let at = self.orders.find(id).filter(|at| self.orders.get(*at).level() != LIMBO)?;
        Some(self.key(self.levels.get(self.orders.get(at).level()).instrument()))
    }

    /// Address and size in bytes of each large reserve of order books, for the caller to advise the kernel about huge pages.
    pub fn memory_regions(&self) -> Vec<(usize, usize)> {
        let fixed = [
            crate::prefetch::region_of(&self.instruments),
            crate::prefetch::region_of(&self.published.slots),
            self.levels.region(),
        ];
        fixed.into_iter().chain(self.far.regions()).chain(self.orders.regions()).collect()
    }

    /// Takes events up to the end of `events` into the books, from where `cursor` stands: looks at the newest early, so that
    /// their memory is on its way, and applies those some dozens of events behind. Where only a few are new it waits for more.
    /// With `drain` all are applied.
    ///
    /// Applied events are completed: an order event gets its instrument and side, and its order's price where it has none of
    /// its own; a delete gets the quantity that left; events of a doubtful book get [`flags::MAYBE_BAD_BOOK`].
    #[inline]
    pub fn advance(&mut self, events: &mut [Event], cold: &[EventCold], cursor: &mut Cursor, drain: bool) {
        if drain {
            self.drain_with(events, cold, cursor, || {});
        } else if events.len().min(cold.len()) >= cursor.seen + TOGETHER {
            let applied = cursor.applied;
            self.salt(events, cursor.seen..usize::MAX);
            self.look_and_change(events, cold, cursor);
            self.salt(events, applied..cursor.applied);
        }
    }

    /// [`advance`](Self::advance) that drains, for who measures: `applied` is called once all is applied, before it is published.
    pub fn drain_with(
        &mut self,
        events: &mut [Event],
        cold: &[EventCold],
        cursor: &mut Cursor,
        applied: impl FnOnce(),
    ) {
        let from = cursor.applied;
        self.salt(events, cursor.seen..usize::MAX);
        self.look_and_change(events, cold, cursor);
        self.drain(events, cold, cursor, applied);
        self.salt(events, from..cursor.applied);
    }

    /// Salts the ids of these events, or takes the salt off again, where ids need it.
    #[inline]
    fn salt(&self, events: &mut [Event], range: Range<usize>) {
        if self.ids_per_side {
            let end = range.end.min(events.len());
            salt::toggle(events.get_mut(range.start..end).unwrap_or_default());
        }
    }

    /// Looks at the new events, and applies as many that were looked at before.
    fn look_and_change(&mut self, events: &mut [Event], cold: &[EventCold], cursor: &mut Cursor) {
        let len = events.len().min(cold.len());
        let (events, cold) = (&mut events[..len], &cold[..len]);
        self.look_ahead(events, cursor);
        for at in cursor.seen..len {
            self.look_at_order(&events[at]);
            self.look_at_level(&events[at - LAG]);
            let (event, cold) = (&mut events[at - 2 * LAG], &cold[at - 2 * LAG]);
            self.change(event, cold);
            if event.flags & flags::LAST != 0 && self.pending.len() >= PUBLISH_TOGETHER {
                self.publish_pending(cold);
            }
        }
        cursor.seen = len;
        cursor.applied = cursor.base.max(len.saturating_sub(2 * LAG));
    }

    /// Looks at events until the first of them is far enough behind to be applied.
    #[inline]
    fn look_ahead(&self, events: &[Event], cursor: &mut Cursor) {
        while cursor.seen < events.len().min(cursor.base + 2 * LAG) {
            self.look_at_order(&events[cursor.seen]);
            if cursor.seen >= cursor.base + LAG {
                self.look_at_level(&events[cursor.seen - LAG]);
            }
            cursor.seen += 1;
        }
    }

    /// Takes the events that were looked at and not applied through the steps they lack.
    fn drain(&mut self, events: &mut [Event], cold: &[EventCold], cursor: &mut Cursor, applied: impl FnOnce()) {
        let len = events.len().min(cold.len());
        let (events, cold) = (&mut events[..len], &cold[..len]);
        for event in &events[len.saturating_sub(LAG).max(cursor.base)..] {
            self.look_at_level(event);
        }
        for (event, cold) in events.iter_mut().zip(cold).skip(cursor.applied) {
            self.change_one(event, cold);
        }
        applied();
        if let (Some(event), Some(cold)) = (events.last(), cold.last())
            && event.flags & flags::LAST != 0
        {
            self.publish_pending(cold);
        }
        *cursor = Cursor { base: len, seen: len, applied: len };
    }

    /// First step, on sight: the order's slot and the instrument's state.
    #[inline]
    fn look_at_order(&self, event: &Event) {
        self.orders.prefetch(self.orders.candidate(event.order_id));
        crate::prefetch::read(&self.instruments, event.instrument as usize);
    }

    /// Second step: the order's level, and the best levels of its side. Neither step asks what kind of event it is: no branch
    /// foretells that, and a line too many costs less than a wrong guess. An add's order is not there yet; its slot is free,
    /// unless an older one holds it.
    #[inline]
    fn look_at_level(&self, event: &Event) {
        let Some(order) = self.orders.peek(self.orders.candidate(event.order_id)) else { return };
        self.levels.prefetch(order.level());
        let side_of_order = (order.side() as u8 + 1) * u8::from(event.side == Side::NONE);
        self.prefetch_side(event.instrument, event.side.0 | side_of_order);
        self.look_at_far(event);
        // Where another order holds the slot. One comparison, for two would be two branches, which no habit foretells.
        if order.id().min(order.id() ^ event.order_id) != 0 {
            self.orders.prefetch_aside(event.order_id);
        }
    }

    /// The lines of the far levels, where an add's price belongs among them. Which adds' do is a habit, which events are adds is
    /// none: so that is no branch of its own.
    #[inline(always)]
    fn look_at_far(&self, event: &Event) {
        let Some(instrument) = self.instruments.get(event.instrument as usize) else { return };
        let side = usize::from(event.side == Side::ASK);
        let is_behind = instrument.is_behind(side, event.price.wrapping_mul(SIGN[side]));
        if u8::from(event.side != Side::NONE) & u8::from(is_behind) != 0 {
            self.far.prefetch(instrument.far(side));
        }
    }

    /// The lines at the best end of a side, by its code; of no side, the instrument's first line again.
    #[inline]
    fn prefetch_side(&self, index: u32, side: u8) {
        Instrument::prefetch(&self.instruments, index, side);
    }

    /// Applies one event and publishes at its group's end; [`advance`](Self::advance) is for many.
    pub fn apply(&mut self, event: &mut Event, cold: &EventCold) {
        if self.ids_per_side {
            salt::toggle(core::slice::from_mut(event));
        }
        self.change_one(event, cold);
        if self.ids_per_side {
            salt::toggle(core::slice::from_mut(event));
        }
        if event.flags & flags::LAST != 0 {
            self.publish_pending(cold);
        }
    }

    #[inline(always)]
    fn change(&mut self, event: &mut Event, cold: &EventCold) {
        match event.kind {
            EventKind::ADD => self.add(event, cold),
            EventKind::DELETE => self.take(event, cold, u64::MAX),
            EventKind::EXECUTE | EventKind::REDUCE => self.take(event, cold, event.quantity),
            _ => self.change_rarely(event, cold),
        }
        if event.flags & flags::LAST != 0 {
            self.inherited = None;
        }
    }

    /// [`change`](Self::change), not within a loop of its own.
    #[inline(never)]
    fn change_one(&mut self, event: &mut Event, cold: &EventCold) {
        self.change(event, cold);
    }

    #[inline(never)]
    fn change_rarely(&mut self, event: &mut Event, cold: &EventCold) {
        match event.kind {
            EventKind::MODIFY => self.modify(event, cold),
            EventKind::CLEAR => self.clear(event, cold),
            EventKind::STATUS => self.status(event, cold),
            EventKind::LEVEL_SET | EventKind::LEVEL_DELETE => self.level(event, cold),
            _ => self.note(event),
        }
    }

    /// Index of an instrument key; a new one is entered.
    #[inline(always)]
    pub(crate) fn index(&mut self, key: u32) -> Option<u32> {
        let Some(index) = self.published.keys.get_or_insert(key, self.known.len() as u32) else {
            self.counters.misplaced_events += 1;
            return None;
        };
        if self.instruments[index as usize].flags & KNOWN == 0 {
            self.name(index, key);
        }
        Some(index)
    }

    #[cold]
    fn name(&mut self, index: u32, key: u32) {
        self.instruments[index as usize].flags |= KNOWN;
        self.known.push(index);
        self.keys.push(key);
        self.in_state[BookState::Valid as usize] += 1;
        for reason in self.channel_doubts.iter() {
            self.mark(index, reason, true, self.doubted_since);
        }
    }

    #[inline]
    fn key(&self, index: u32) -> u32 {
        match self.published.keys {
            InstrumentKeys::Direct { .. } => index,
            InstrumentKeys::Hashed { .. } => self.keys[index as usize],
        }
    }

    #[inline]
    pub(crate) fn flag_doubt(&self, index: u32, event: &mut Event) {
        if self.instruments[index as usize].conditions.is_doubtful() {
            event.flags |= flags::MAYBE_BAD_BOOK;
        }
    }

    /// An event that moves no order: only the instrument becomes known, which a trade may name by its order.
    fn note(&mut self, event: &mut Event) {
        if event.instrument == Event::NO_INSTRUMENT
            && event.kind == EventKind::TRADE
            && let Some(key) = self.instrument_of_order(event.order_id)
        {
            event.instrument = key;
        }
        if event.instrument == Event::NO_INSTRUMENT {
            self.market_spoke = true;
        } else if let Some(index) = self.index(event.instrument) {
            self.flag_doubt(index, event);
        }
    }

    #[inline(always)]
    fn add(&mut self, event: &mut Event, cold: &EventCold) {
        let Some(index) = self.index(event.instrument) else { return };
        if event.side == Side::INHERITED {
            let Some((side, _)) = self.inherited else {
                self.orphan(event);
                self.flag_doubt(index, event);
                return;
            };
            event.side = Side(side as u8 + 1);
        }
        let side = usize::from(event.side.0).wrapping_sub(1);
        if side > 1 {
            self.counters.misplaced_events += 1;
            return;
        }
        if event.quantity > MAX_QUANTITY {
            self.counters.oversized_orders += 1;
            self.mark(index, Reason::Oversized, true, cold.sequence);
        } else if self.orders.contains(event.order_id) {
            self.counters.duplicate_orders += 1;
            self.mark(index, Reason::Contradiction, true, cold.sequence);
        } else {
            self.rest(index, side, event.order_id, event.price, event.quantity as u32);
        }
        self.flag_doubt(index, event);
    }

    /// A replace of an order never added: the new order's side is not known, so it rests in no book. Its id is kept, for
    /// messages that name it name an order that was added.
    #[cold]
    fn orphan(&mut self, event: &Event) {
        self.counters.orphaned_adds += 1;
        if event.quantity <= MAX_QUANTITY && !self.orders.contains(event.order_id) {
            self.orders.insert(event.order_id, LIMBO, 0, event.quantity as u32);
            self.orphans += 1;
        }
    }

    fn forget_orphans(&mut self) {
        if self.orphans == 0 {
            return;
        }
        let orphans: Vec<OrderRef> =
            self.orders.iter_open().filter(|at| self.orders.get(*at).level() == LIMBO).collect();
        for at in orphans {
            self.orders.remove(at);
        }
        self.orphans = 0;
    }

    /// What is taken from an order of unknown side changes no book.
    #[cold]
    fn take_orphan(&mut self, at: OrderRef, event: &mut Event, quantity: u64) {
        event.flags |= flags::MAYBE_BAD_BOOK;
        let order = self.orders.get_mut(at);
        let left = u64::from(order.quantity());
        if event.kind == EventKind::DELETE {
            event.quantity = left;
        }
        if quantity < left {
            order.reduce(quantity as u32);
        } else {
            self.orders.remove(at);
            self.orphans -= 1;
        }
    }

    /// Puts an order at the back of its level's queue.
    #[inline(always)]
    fn rest(&mut self, index: u32, side: usize, id: u64, price: i64, quantity: u32) {
        let level = self.level_at(index, side, price);
        let order = self.orders.insert(id, level, side, quantity);
        if let Some(seat) = self.levels.push(level, order, quantity, &mut self.orders) {
            self.changed(index, seat);
        }
    }

    /// The level at a price; a new one where there is none.
    #[inline(always)]
    fn level_at(&mut self, index: u32, side: usize, price: i64) -> LevelRef {
        let key = price.wrapping_mul(SIGN[side]);
        let instrument = &mut self.instruments[index as usize];
        let rank = instrument.rank(side, key, self.compare);
        if let Some(level) = instrument.near_at(side, rank, key) {
            return level;
        }
        if instrument.is_far(side, rank) {
            return self.far_level(index, side, price);
        }
        if instrument.near_len(side) == NEAR {
            instrument.move_to_far(side, &mut self.far, &mut self.levels);
            // Those that moved were the worst: what they stood before is far now, too.
            if rank >= instrument.near_len(side) {
                return self.far_level(index, side, price);
            }
        }
        let level = self.levels.insert(price, index, side);
        instrument.seat_level(side, rank, key, level, &mut self.levels);
        level
    }

    /// The far level at a price; a new one where there is none.
    #[inline(never)]
    fn far_level(&mut self, index: u32, side: usize, price: i64) -> LevelRef {
        let Self { instruments, far, levels, .. } = self;
        let key = price.wrapping_mul(SIGN[side]);
        let run = instruments[index as usize].far_mut(side);
        match far.find(key, *run) {
            Ok(at) => far.levels(*run)[at],
            Err(at) => {
                let level = levels.insert(price, index, side);
                far.insert(run, at, key, level, levels);
                level
            }
        }
    }

    /// Takes `quantity` off an order, or all of it.
    #[inline(always)]
    fn take(&mut self, event: &mut Event, cold: &EventCold, quantity: u64) {
        let Some(at) = self.orders.find(event.order_id) else {
            self.unknown_order(event, cold);
            return;
        };
        let order = self.orders.get(at);
        let (left, side) = (order.quantity(), order.side());
        if order.level() == LIMBO {
            self.take_orphan(at, event, quantity);
            return;
        }
        let level = self.levels.get(order.level());
        let index = level.instrument();
        event.side = Side(side as u8 + 1);
        event.instrument = self.key(index);
        if event.kind != EventKind::EXECUTE || event.detail & detail::PRICED == 0 {
            event.price = level.price;
        }
        if event.kind == EventKind::DELETE {
            event.quantity = u64::from(left);
            self.inherited = Some((side, index));
        } else if quantity > u64::from(left) {
            if left == 0 {
                // How much there is of it is not told: only a delete takes it.
                self.flag_doubt(index, event);
                return;
            }
            self.counters.overdrawn_orders += 1;
            self.mark(index, Reason::Contradiction, true, cold.sequence);
        }
        if quantity >= u64::from(left) {
            self.remove(at, index);
        } else {
            self.reduce(at, quantity as u32, index);
        }
        self.flag_doubt(index, event);
    }

    /// Takes a part off an order that keeps its place.
    #[inline]
    fn reduce(&mut self, at: OrderRef, quantity: u32, index: u32) {
        self.resize(at, self.orders.get(at).quantity() - quantity, index);
    }

    /// Makes `quantity` of an order that keeps its place.
    #[inline]
    fn resize(&mut self, at: OrderRef, quantity: u32, index: u32) {
        let order = self.orders.get_mut(at);
        let less = u64::from(order.quantity()).wrapping_sub(u64::from(quantity));
        order.set_quantity(quantity);
        let level = self.levels.get_mut(order.level());
        level.quantity = level.quantity.wrapping_sub(less);
        if let Some(seat) = level.near_seat() {
            self.changed(index, seat);
        }
    }

    /// Takes an order out of its book.
    #[inline(always)]
    fn remove(&mut self, at: OrderRef, index: u32) {
        let order = self.orders.get(at);
        let (level_at, left) = (order.level(), order.quantity());
        let level = self.levels.get_mut(level_at);
        level.remove(at, left, &mut self.orders);
        let (seat, is_empty) = (level.near_seat(), level.order_count() == 0);
        self.orders.remove(at);
        if is_empty {
            self.emptied(level_at, index, seat);
        }
        if let Some(seat) = seat {
            self.changed(index, seat);
        }
    }

    /// Takes out a level whose last order went. A far one stays, hollow.
    #[inline]
    fn emptied(&mut self, level: LevelRef, index: u32, seat: Option<Seat>) {
        let Self { instruments, far, levels, .. } = self;
        let Some(seat) = seat else {
            levels.open -= 1;
            return;
        };
        levels.remove(level);
        let instrument = &mut instruments[index as usize];
        instrument.unseat(seat);
        if instrument.wants_refill(seat / NEAR) {
            instrument.refill(seat / NEAR, far, levels);
        }
    }

    /// Notes for readers what a near level's seat holds now.
    #[inline]
    fn changed(&mut self, index: u32, seat: Seat) {
        self.instruments[index as usize].changed |= 1 << seat;
        self.pend(index, seat);
    }

    /// Gives an order another price or quantity. Unless the event says otherwise, it keeps its place only where less of it
    /// rests at the same price.
    #[inline(never)]
    fn modify(&mut self, event: &mut Event, cold: &EventCold) {
        let [remaining, keeps, loses, put] =
            [detail::REMAINING, detail::KEEPS_PRIORITY, detail::LOSES_PRIORITY, detail::PUT]
                .map(|bit| event.detail & bit != 0);
        let Some(at) = self.orders.find(event.order_id) else {
            match remaining && event.quantity == 0 {
                // What went before in the group took all of it.
                true => {}
                false if put => self.add(event, cold),
                false => self.unknown_order(event, cold),
            }
            return;
        };
        let order = self.orders.get(at);
        let (left, side) = (order.quantity(), order.side());
        if order.level() == LIMBO {
            // Its side is still unknown: what the message gives is all there is to keep.
            self.take_orphan(at, event, u64::MAX);
            if !remaining || event.quantity != 0 {
                self.orphan(event);
            }
            return;
        }
        let level = self.levels.get(order.level());
        let (index, price) = (level.instrument(), level.price);
        event.instrument = self.key(index);
        let to = if matches!(event.side, Side::BID | Side::ASK) { usize::from(event.side.0) - 1 } else { side };
        event.side = Side(to as u8 + 1);
        if remaining {
            event.price = price;
        }
        let keeps_place = remaining || keeps || (!loses && event.quantity <= u64::from(left));
        if event.quantity > MAX_QUANTITY {
            self.counters.oversized_orders += 1;
            self.mark(index, Reason::Oversized, true, cold.sequence);
        } else if remaining && event.quantity == 0 {
            self.remove(at, index);
        } else if to == side && price == event.price && keeps_place {
            self.resize(at, event.quantity as u32, index);
        } else {
            self.remove(at, index);
            self.rest(index, to, event.order_id, event.price, event.quantity as u32);
        }
        self.flag_doubt(index, event);
    }

    #[cold]
    fn unknown_order(&mut self, event: &mut Event, cold: &EventCold) {
        self.counters.unknown_orders += 1;
        event.flags |= flags::MAYBE_BAD_BOOK;
        if event.instrument != Event::NO_INSTRUMENT
            && let Some(index) = self.index(event.instrument)
        {
            self.mark(index, Reason::UnknownOrder, true, cold.sequence);
        }
    }

    fn status(&mut self, event: &mut Event, cold: &EventCold) {
        self.note(event);
        let halted = match TradingState(event.detail) {
            TradingState::HALTED | TradingState::PAUSED => true,
            TradingState::TRADING | TradingState::QUOTATION => false,
            _ => return,
        };
        if let Some(index) = self.published.keys.get(event.instrument) {
            self.mark(index, Reason::TradingHalt, halted, cold.sequence);
        }
    }

    fn clear(&mut self, event: &mut Event, cold: &EventCold) {
        if event.detail & detail::WHOLE_CHANNEL != 0 {
            self.clear_all(cold.sequence);
        } else if let Some(index) = self.index(event.instrument) {
            match (event.side, event.detail & (detail::CLEAR_LEVELS | detail::CLEAR_ORDERS)) {
                (Side::BID | Side::ASK, _) => self.clear_side(index, usize::from(event.side == Side::ASK)),
                (_, detail::CLEAR_LEVELS) => self.clear_given(index, cold.sequence),
                (_, detail::CLEAR_ORDERS) => self.clear_orders(index, cold.sequence),
                _ => self.clear_book(index, cold.sequence),
            }
        }
    }

    fn clear_all(&mut self, sequence: u64) {
        for reason in MENDED_BY_CLEAR {
            self.channel_doubts.set(reason, false);
        }
        self.forget_orphans();
        for at in 0..self.known.len() {
            self.clear_book(self.known[at], sequence);
        }
    }

    /// Empties every book: a new session makes what the old one built void. Call it between event groups.
    pub fn clear_channel(&mut self, sequence: u64, ts_event_ns: u64) {
        self.clear_all(sequence);
        self.publish_pending(&EventCold { sequence, ts_event_ns, ..EventCold::default() });
    }

    /// Empties a book. What was doubtful of it is so no more.
    fn clear_book(&mut self, index: u32, sequence: u64) {
        self.clear_levels(index);
        for side in 0..2 {
            self.clear_side(index, side);
        }
        for reason in MENDED_BY_CLEAR {
            self.mark(index, reason, false, sequence);
        }
    }

    /// Empties the level books of an instrument. What was doubtful of them is so no more; what its orders are is not said.
    fn clear_given(&mut self, index: u32, sequence: u64) {
        self.clear_levels(index);
        for reason in [Reason::JoinedLate, Reason::Gap, Reason::UnknownLevel, Reason::Contradiction, Reason::Oversized]
        {
            self.mark(index, reason, false, sequence);
        }
    }

    /// Takes an instrument's orders off both sides. Whether its levels may be believed is not said.
    fn clear_orders(&mut self, index: u32, sequence: u64) {
        for side in 0..2 {
            self.clear_side(index, side);
        }
        self.mark(index, Reason::UnknownOrder, false, sequence);
    }

    /// Takes the orders off one side. What was doubtful of the book stays so.
    fn clear_side(&mut self, index: u32, side: usize) {
        while let Some(order) = self.first_of_best(index, side) {
            self.remove(order, index);
        }
    }

    fn first_of_best(&self, index: u32, side: usize) -> Option<OrderRef> {
        let instrument = &self.instruments[index as usize];
        let best = instrument.near_levels(side).next()?;
        self.levels.get(best).queue(&self.orders).next()
    }

    /// Marks every instrument, and those yet to be named, as doubtful from `sequence` on: after a gap that nothing fills, or
    /// when the channel was joined late. Call it between event groups.
    pub fn doubt_channel(&mut self, reason: Reason, sequence: u64, ts_event_ns: u64) {
        self.doubt_channel_but(reason, sequence, ts_event_ns, |_| false);
    }

    /// The same, but for the instruments of which `is_sound` says by their key that nothing of theirs is missing.
    pub fn doubt_channel_but(
        &mut self,
        reason: Reason,
        sequence: u64,
        ts_event_ns: u64,
        is_sound: impl Fn(u32) -> bool,
    ) {
        self.channel_doubts.set(reason, true);
        self.doubted_since = sequence;
        for at in 0..self.known.len() {
            if !is_sound(self.keys[at]) {
                self.mark(self.known[at], reason, true, sequence);
            }
        }
        self.publish_pending(&EventCold { sequence, ts_event_ns, ..EventCold::default() });
    }

    /// Takes a doubt of the whole channel back, once what it was about is mended: every message up to `sequence` is in the
    /// books. Other doubts stay. Call it between event groups.
    pub fn lift_channel(&mut self, reason: Reason, sequence: u64, ts_event_ns: u64) {
        self.channel_doubts.set(reason, false);
        for at in 0..self.known.len() {
            self.mark(self.known[at], reason, false, sequence);
        }
        self.publish_pending(&EventCold { sequence, ts_event_ns, ..EventCold::default() });
    }

    /// From here on an instrument that a message names first is in no doubt. What those that are known lack stays so.
    pub fn trust_newcomers(&mut self) {
        self.channel_doubts = Conditions::default();
    }

    /// Whether the book of the instrument under `key` may differ from the venue's; also where no message named it yet.
    pub fn is_doubtful(&self, key: u32) -> bool {
        match self.published.keys.get(key).map(|index| &self.instruments[index as usize]) {
            Some(instrument) if instrument.flags & KNOWN != 0 => instrument.conditions.is_doubtful(),
            _ => self.channel_doubts.is_doubtful(),
        }
    }

    /// Sets or lifts a condition; the state's beginning is noted when the state changes.
    pub(crate) fn mark(&mut self, index: u32, reason: Reason, on: bool, sequence: u64) {
        let instrument = &mut self.instruments[index as usize];
        let before = instrument.conditions.state();
        instrument.conditions.set(reason, on);
        let after = instrument.conditions.state();
        if after != before {
            self.in_state[before.0 as usize] -= 1;
            self.in_state[after.0 as usize] += 1;
            self.since[index as usize] = sequence;
            instrument.changed |= SINCE;
            self.pend(index, 0);
        }
    }

    /// Notes that readers are to see a change, in this seat for one.
    #[inline]
    pub(crate) fn pend(&mut self, index: u32, seat: Seat) {
        let instrument = &mut self.instruments[index as usize];
        if instrument.flags & PENDING == 0 {
            instrument.flags |= PENDING;
            self.pending.push(index);
            self.published.slots[index as usize].prefetch(seat);
        }
    }

    /// Publishes what changed since the last time. The books stand at the end of an event group, whose last event's cold part
    /// is given: every message up to its sequence is in what readers get.
    fn publish_pending(&mut self, cold: &EventCold) {
        for at in 0..self.pending.len() {
            self.publish(self.pending[at], cold);
        }
        self.pending.clear();
    }

    #[inline]
    fn publish(&mut self, index: u32, cold: &EventCold) {
        if self.instruments[index as usize].flags & LEVELS != 0 {
            self.publish_levels(index, cold);
            return;
        }
        let crossed = self.instruments[index as usize].is_crossed();
        if crossed != self.instruments[index as usize].conditions.has(Reason::Crossed) {
            self.mark(index, Reason::Crossed, crossed, cold.sequence);
        }
        let head = self.top_head(index, cold);
        let instrument = &mut self.instruments[index as usize];
        let changed = core::mem::take(&mut instrument.changed);
        self.published.slots[index as usize].publish(&head, changed, |seat| {
            let level = self.levels.get(instrument.level(seat));
            TopLevel { price: level.price, quantity: level.quantity, order_count: level.order_count() }
        });
        self.counters.publications += 1;
    }

    /// What the next publication of an instrument carries besides levels; it is pending no more.
    #[inline]
    pub(crate) fn top_head(&mut self, index: u32, cold: &EventCold) -> TopHead {
        let instrument = &mut self.instruments[index as usize];
        instrument.flags &= !PENDING;
        TopHead {
            sequence: cold.sequence,
            ts_event_ns: cold.ts_event_ns,
            state: instrument.conditions.state(),
            since_sequence: if instrument.changed & SINCE == 0 { 0 } else { self.since[index as usize] },
            lens: [instrument.near_len(0), instrument.near_len(1)],
            ranks: [instrument.ranks(0), instrument.ranks(1)],
        }
    }

    /// The state of a known instrument.
    pub fn validity(&self, key: u32) -> Option<Validity> {
        self.book(key).map(|book| book.validity())
    }
}
