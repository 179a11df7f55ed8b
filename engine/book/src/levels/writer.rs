//! Level events into level books.

use wirebook_abi::{Event, EventCold, EventKind, detail, flags};

use crate::{
    instrument::LEVELS,
    levels::{
        DIRECT, IMPLIED,
        entries::{DISORDERED, Entries, Entry, LISTED, Run, SUSPECT},
        given::{Given, GivenBook},
        publish::GivenSide,
        view::LevelBook,
    },
    orders::MAX_QUANTITY,
    ranks::NEAR,
    top::{TOP_LEVELS, TopHead, TopSlot},
    validity::{Reason, Validity},
    writer::{BookWriter, SIGN},
};

/// What an event did to a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Touched {
    Nothing,
    /// The entry of this rank, and no other.
    One(usize),
    /// Every entry from this rank on.
    From(usize),
}

/// What an event did, and what of it contradicts the book.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    touched: Touched,
    misfit: Option<Misfit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Misfit {
    /// It names a level that is not there.
    Unknown,
    /// It names one that is there, but is not as it says.
    Contradiction,
}

impl Outcome {
    const UNKNOWN: Self = Self { touched: Touched::Nothing, misfit: Some(Misfit::Unknown) };

    fn of(touched: Touched) -> Self {
        Self { touched, misfit: None }
    }
}

/// One side under change.
struct Target<'a> {
    run: &'a mut Run,
    entries: &'a mut Entries,
    /// Levels that the feed gives of it; 0 for all.
    depth: usize,
}

impl Target<'_> {
    fn rank(&self, at: usize) -> usize {
        self.run.len() - 1 - at
    }

    /// Index of the entry at a position from the best; `None` where there is none.
    fn at(&self, position: usize) -> Option<usize> {
        self.run.len().checked_sub(position)
    }

    fn set(&mut self, position: usize, is_new: bool, entry: Entry) -> Outcome {
        match (position, is_new) {
            (0, _) => self.set_by_price(is_new, entry),
            (_, true) if self.depth != 0 && position > self.depth => Outcome::UNKNOWN,
            (_, true) => match (self.run.len() + 1).checked_sub(position) {
                Some(at) => self.insert(at, entry),
                // What the feed gives is kept; what should stand before it is missing.
                None => Outcome { misfit: Some(Misfit::Unknown), ..self.insert(0, entry) },
            },
            (_, false) => match self.at(position) {
                Some(at) => self.replace(at, entry),
                None => Outcome::UNKNOWN,
            },
        }
    }

    fn set_by_price(&mut self, is_new: bool, entry: Entry) -> Outcome {
        match (self.entries.find(self.run, entry.key), entry.quantity) {
            (Ok(at), 0) => self.remove(at..at + 1),
            (Err(_), 0) => Outcome::of(Touched::Nothing),
            (Ok(at), _) => Outcome { misfit: is_new.then_some(Misfit::Contradiction), ..self.replace(at, entry) },
            // A level past the depth is not of the book.
            (Err(0), _) if self.depth != 0 && self.run.len() >= self.depth => Outcome::of(Touched::Nothing),
            (Err(at), _) => self.insert(at, entry),
        }
    }

    fn insert(&mut self, at: usize, entry: Entry) -> Outcome {
        match self.entries.insert(self.run, at, entry, self.depth) {
            Some(at) => {
                self.suspect(at);
                Outcome::of(Touched::From(self.rank(at)))
            }
            None => Outcome::UNKNOWN,
        }
    }

    fn replace(&mut self, at: usize, entry: Entry) -> Outcome {
        let before = core::mem::replace(self.entries.get_mut(self.run, at), entry);
        if before.key != entry.key || before.order_id != entry.order_id {
            self.suspect(at);
        }
        Outcome::of(Touched::One(self.rank(at)))
    }

    /// Notes an entry that does not fit between its neighbours: within a group of events that may pass.
    fn suspect(&mut self, at: usize) {
        let entries = self.entries.of(self.run);
        let entry = &entries[at];
        if entry.order_id != 0 {
            self.run.marks |= LISTED;
        }
        let fits_worse = at == 0 || entry.precedes(&entries[at - 1]);
        let fits_better = entries.get(at + 1).is_none_or(|better| better.precedes(entry));
        if !(fits_worse && fits_better) {
            self.run.marks |= SUSPECT;
        }
    }

    fn remove(&mut self, range: core::ops::Range<usize>) -> Outcome {
        if range.is_empty() {
            return Outcome::of(Touched::Nothing);
        }
        let rank = self.rank(range.end - 1);
        self.entries.remove(self.run, range);
        Outcome::of(Touched::From(rank))
    }

    /// Takes one level out, and completes the event by what stood there.
    fn delete(&mut self, event: &mut Event, sign: i64) -> Outcome {
        let found = match event.level_position() {
            0 => self.entries.find(self.run, event.price.wrapping_mul(sign)).ok(),
            position => self.at(position.into()),
        };
        let Some(at) = found else { return Outcome::UNKNOWN };
        let entry = self.entries.of(self.run)[at];
        let price = entry.key.wrapping_mul(sign);
        let agrees = event.price == price || (event.price == 0 && event.level_position() != 0);
        (event.price, event.quantity) = (price, entry.quantity);
        Outcome { misfit: (!agrees).then_some(Misfit::Contradiction), ..self.remove(at..at + 1) }
    }

    /// Takes out a level and every better one, or every worse one, or all.
    fn delete_run(&mut self, event: &Event, sign: i64) -> Outcome {
        const ALL: u8 = detail::THROUGH | detail::ONWARD;
        let (len, position) = (self.run.len(), usize::from(event.level_position()));
        let through = event.detail & detail::THROUGH != 0;
        if event.detail & ALL == ALL {
            return self.remove(0..len);
        }
        if position == 0 {
            let found = self.entries.find(self.run, event.price.wrapping_mul(sign));
            let (from, to) = found.map_or_else(|at| (at, at), |at| (at, at + 1));
            return self.remove(if through { from..len } else { 0..to });
        }
        match self.at(position) {
            Some(at) => self.remove(if through { at..len } else { 0..at + 1 }),
            // What there is of them goes.
            None => {
                let gone = self.remove(if through { 0..len } else { 0..0 });
                Outcome { misfit: Some(Misfit::Unknown), ..gone }
            }
        }
    }
}

/// The order's or level's entry that an event gives.
fn entry_of(event: &Event, cold: &EventCold, sign: i64) -> Entry {
    let orders = event.level_orders().max(u32::from(cold.match_id != 0));
    Entry { key: event.price.wrapping_mul(sign), quantity: event.quantity, order_id: cold.match_id, orders, unused: 0 }
}

/// Best key of a side that is a price. Orders without one stand before it, and cross nothing.
fn best_price(entries: &[Entry]) -> Option<i64> {
    entries.iter().rev().map(|entry| entry.key).find(|key| *key != Event::NO_PRICE)
}

impl Given {
    fn is_crossed(&self, entries: &Entries) -> bool {
        let [bids, asks] = &self.books[DIRECT].sides;
        match (best_price(entries.of(bids)), best_price(entries.of(asks))) {
            // Keys of bids are negated prices: the sum is ask minus bid.
            (Some(bid), Some(ask)) => bid.saturating_add(ask) <= 0,
            _ => false,
        }
    }
}

impl GivenBook {
    /// Drops what a side has past its depth (0: no limit), and says whether readers see that.
    fn limit(&mut self, side: usize, depth: usize, entries: &mut Entries) -> bool {
        if depth == 0 || self.sides[side].len() <= depth {
            return false;
        }
        entries.truncate(&mut self.sides[side], depth);
        self.touch(side, Touched::From(depth))
    }

    /// Notes for readers what was touched, and says whether they see it.
    fn touch(&mut self, side: usize, touched: Touched) -> bool {
        let run = &self.sides[side];
        let rank = match touched {
            Touched::Nothing => return run.has(SUSPECT),
            Touched::One(rank) | Touched::From(rank) => rank,
        };
        let is_seen = rank <= run.shown as usize || run.has(SUSPECT);
        if rank < TOP_LEVELS {
            self.note(side, rank, matches!(touched, Touched::From(_)));
        }
        is_seen
    }
}

impl BookWriter {
    /// Applies a level event.
    #[inline(never)]
    pub(crate) fn level(&mut self, event: &mut Event, cold: &EventCold) {
        let side = usize::from(event.side.0).wrapping_sub(1);
        if side > 1 || event.instrument == Event::NO_INSTRUMENT {
            self.counters.misplaced_events += 1;
            return;
        }
        let Some(index) = self.index(event.instrument) else { return };
        if cold.match_id == 0 {
            event.flags |= flags::MBP;
        } else if event.quantity > MAX_QUANTITY {
            self.counters.oversized_orders += 1;
            self.mark(index, Reason::Oversized, true, cold.sequence);
        }
        self.give_levels(index);
        let book = if event.detail & detail::IMPLIED != 0 { IMPLIED } else { DIRECT };
        let (given, entries) = self.given.parts(index);
        let mut is_seen = book == IMPLIED && !given.has_implied;
        given.has_implied |= book == IMPLIED;
        let depth = if given.depths[book] != 0 { given.depths[book] } else { event.level_depth() };
        is_seen |= given.books[book].limit(side, depth.into(), entries);
        let mut target = Target { run: &mut given.books[book].sides[side], entries, depth: depth.into() };
        let outcome = if event.kind == EventKind::LEVEL_SET {
            let is_new = event.detail & detail::INSERT != 0;
            target.set(event.level_position().into(), is_new, entry_of(event, cold, SIGN[side]))
        } else if event.detail & (detail::THROUGH | detail::ONWARD) != 0 {
            target.delete_run(event, SIGN[side])
        } else {
            target.delete(event, SIGN[side])
        };
        is_seen |= given.books[book].touch(side, outcome.touched);
        if is_seen {
            self.pend(index, side * NEAR);
        }
        if let Some(misfit) = outcome.misfit {
            self.misfit(index, misfit, cold.sequence);
        }
        self.flag_doubt(index, event);
    }

    /// From its first level on, readers see the instrument's level book.
    #[inline]
    fn give_levels(&mut self, index: u32) {
        let flags = &mut self.instruments[index as usize].flags;
        if *flags & LEVELS == 0 {
            *flags |= LEVELS;
            self.pend(index, 0);
        }
    }

    #[cold]
    fn misfit(&mut self, index: u32, misfit: Misfit, sequence: u64) {
        let (counter, reason) = match misfit {
            Misfit::Unknown => (&mut self.counters.unknown_levels, Reason::UnknownLevel),
            Misfit::Contradiction => (&mut self.counters.contradicted_levels, Reason::Contradiction),
        };
        *counter += 1;
        self.mark(index, reason, true, sequence);
    }

    /// Sets how many levels a side the feed gives of an instrument's direct book and of its implied one, as its definition
    /// says; 0 where it does not say, which leaves the one that is known. Levels past that are dropped.
    pub fn set_depth(&mut self, key: u32, direct: u16, implied: u16) {
        let Some(index) = self.index(key) else { return };
        let (given, entries) = self.given.parts(index);
        let mut is_seen = false;
        for ((book, known), depth) in given.books.iter_mut().zip(&mut given.depths).zip([direct, implied]) {
            *known = if depth == 0 { *known } else { depth };
            for side in 0..2 {
                is_seen |= book.limit(side, depth.into(), entries);
            }
        }
        if is_seen {
            self.pend(index, 0);
        }
    }

    /// Empties the level books of an instrument.
    pub(crate) fn clear_levels(&mut self, index: u32) {
        if self.instruments[index as usize].flags & LEVELS == 0 {
            return;
        }
        let (given, entries) = self.given.parts(index);
        for book in &mut given.books {
            for side in 0..2 {
                entries.truncate(&mut book.sides[side], 0);
                book.sides[side].marks = 0;
            }
        }
        self.pend(index, 0);
    }

    /// Looks over sides in which an entry did not fit between its neighbours. At the end of a group every entry does.
    fn check_order(&mut self, index: u32, sequence: u64) {
        let (given, entries) = self.given.parts(index);
        let mut newly_disordered = 0;
        for run in given.books.iter_mut().flat_map(|book| &mut book.sides).filter(|run| run.has(SUSPECT)) {
            if entries.of(run).windows(2).all(|pair| pair[1].precedes(&pair[0])) {
                run.marks &= !(SUSPECT | DISORDERED);
            } else if !run.has(DISORDERED) {
                run.marks |= DISORDERED;
                newly_disordered += 1;
            }
        }
        for _ in 0..newly_disordered {
            self.misfit(index, Misfit::Contradiction, sequence);
        }
    }

    /// Publishes the level books of an instrument.
    #[inline(never)]
    pub(crate) fn publish_levels(&mut self, index: u32, cold: &EventCold) {
        self.check_order(index, cold.sequence);
        let (given, entries) = self.given.parts(index);
        let crossed = given.is_crossed(entries);
        if crossed != self.instruments[index as usize].conditions.has(Reason::Crossed) {
            self.mark(index, Reason::Crossed, crossed, cold.sequence);
        }
        let head = TopHead { since_sequence: self.since[index as usize], ..self.top_head(index, cold) };
        let (given, entries) = self.given.parts(index);
        given.books[DIRECT].publish(&self.published.slots[index as usize], &head, entries);
        if given.has_implied {
            given.books[IMPLIED].publish(&self.published.implied[index as usize], &head, entries);
        }
        self.counters.publications += 1;
    }

    /// The level book of the instrument under the venue's `key`; `None` where the feed gave no level of it.
    pub fn level_book(&self, key: u32) -> Option<LevelBook<'_>> {
        let index = self.published.keys.get(key)?;
        let instrument = &self.instruments[index as usize];
        let given = self.given.get(index).filter(|_| instrument.flags & LEVELS != 0)?;
        let (state, reason) = instrument.conditions.state();
        let validity = Validity { state, reason, since_sequence: self.since[index as usize] };
        Some(LevelBook { given, entries: &self.given.entries, validity })
    }

    /// Levels that feeds give now, implied ones and the orders of lists among them.
    pub fn given_levels(&self) -> usize {
        self.given.entries.open
    }

    /// Whether nothing rests in any book.
    pub fn is_empty(&self) -> bool {
        self.open_orders() == 0 && self.given_levels() == 0
    }
}

impl GivenBook {
    fn publish(&mut self, slot: &TopSlot, head: &TopHead, entries: &Entries) {
        let sides = [0, 1].map(|side| GivenSide::new(entries, &self.sides[side], side));
        slot.publish_given(head, core::mem::take(&mut self.changed), &sides);
        let shown = [sides[0].shown(), sides[1].shown()];
        for (run, shown) in self.sides.iter_mut().zip(shown) {
            run.shown = shown;
        }
    }
}
