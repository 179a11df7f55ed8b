//! Snapshots of single instruments, joined with the increments of their channel.
//!
//! Some venues send beside the increments a loop that gives one instrument's state after the other, each as of a sequence of
//! the channel. While a channel is in doubt, after a late start or a gap, [`Join`] keeps a journal of its newest events. When an
//! instrument's snapshot is whole, its book is built from that, and what the journal has of it behind the snapshot is applied
//! again. From then on the book is right, whatever others lack. A snapshot that is ahead of the increments is taken too: those
//! of the instrument that it contains already are left out when they come.

use std::collections::{HashMap, HashSet, VecDeque};

use wirebook_abi::{BatchBuffer, Event, EventCold, EventKind, Record, Tag, detail, flags};
use wirebook_book::BookWriter;
use wirebook_channel::Gap;

/// Events that the journal holds; older ones are dropped, and snapshots from before them are of no use.
const JOURNAL_EVENTS: usize = 1 << 17;

/// Entries that one instrument's snapshot may have.
const SNAPSHOT_EVENTS: usize = 1 << 18;

/// Instruments that snapshots are joined of, at most.
const INSTRUMENTS: usize = 1 << 18;

/// Sequences that a snapshot may be ahead of the channel: more is not of this numbering.
const AHEAD: u64 = 1 << 20;

/// What became of snapshots, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JoinCounters {
    /// Snapshots of instruments that were taken.
    pub joined: u64,
    /// Snapshots of instruments that lacked nothing.
    pub needless: u64,
    /// Snapshots from before what the journal has: events between are missing.
    pub too_old: u64,
    /// Snapshots so far ahead of the channel that they are not of its numbering, or ahead in the middle of a group
    /// of events, or of what else is known of the instrument.
    pub too_new: u64,
    /// Snapshots that did not come whole.
    pub incomplete: u64,
    /// Events applied again behind a snapshot.
    pub replayed: u64,
    /// Events that a snapshot contained before they came, and events of orders whose state is not known.
    pub left_out: u64,
    /// Events that fell out of a full journal.
    pub dropped: u64,
}

impl JoinCounters {
    /// The sums of these and others.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            joined: self.joined + other.joined,
            needless: self.needless + other.needless,
            too_old: self.too_old + other.too_old,
            too_new: self.too_new + other.too_new,
            incomplete: self.incomplete + other.incomplete,
            replayed: self.replayed + other.replayed,
            left_out: self.left_out + other.left_out,
            dropped: self.dropped + other.dropped,
        }
    }

    /// Snapshots that could not be used.
    pub fn unusable(&self) -> u64 {
        self.too_old + self.too_new + self.incomplete
    }
}

/// Which part of an instrument's state something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aspect {
    Levels,
    Orders,
    Both,
}

impl Aspect {
    /// `None` of an event that changes no book.
    #[inline]
    fn of(event: &Event) -> Option<Self> {
        match event.kind {
            EventKind::LEVEL_SET | EventKind::LEVEL_DELETE => Some(Self::Levels),
            EventKind::CLEAR => Some(Self::Both),
            kind if (EventKind::ADD..=EventKind::DELETE).contains(&kind) => Some(Self::Orders),
            _ => None,
        }
    }

    fn touches(self, other: Self) -> bool {
        self == other || self == Self::Both || other == Self::Both
    }
}

/// Sequences as of which an instrument's state was given.
#[derive(Clone, Copy, Debug, Default)]
struct Given {
    levels: Option<u64>,
    orders: Option<u64>,
}

impl Given {
    /// As of which sequence an aspect is known; of both the lower one.
    fn of(self, aspect: Aspect) -> Option<u64> {
        match aspect {
            Aspect::Levels => self.levels,
            Aspect::Orders => self.orders,
            Aspect::Both => self.levels.or(self.orders),
        }
    }
}

/// When an instrument's snapshot is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    /// With its first message.
    Message,
    /// With so many entries, or where another one begins.
    Entries(u64),
    /// With the last of so many parts.
    Parts { next: i64, all: i64 },
    /// Where an event says so.
    End,
}

/// A snapshot that is coming in.
#[derive(Debug)]
struct Coming {
    clear: (Event, EventCold, Record),
    as_of: u64,
    goal: Goal,
    is_wanted: bool,
    is_of_orders: bool,
    has_levels: bool,
    has_orders: bool,
    entries: u64,
}

impl Coming {
    fn key(&self) -> u32 {
        self.clear.0.instrument
    }

    fn aspect(&self) -> Aspect {
        match (self.is_of_orders, self.has_levels, self.has_orders) {
            (true, ..) | (_, false, true) => Aspect::Orders,
            (_, true, false) => Aspect::Levels,
            _ => Aspect::Both,
        }
    }
}

/// A loop of snapshots or definitions.
#[derive(Debug, Default)]
struct Loop {
    coming: Option<Coming>,
    /// Entries of the snapshot that is coming in.
    events: Vec<(Event, EventCold)>,
    /// The instrument whose snapshot was taken last: its statistics follow.
    last_taken: Option<u32>,
    /// Usable snapshots in a row, and of how many instruments the loop is.
    run: u64,
    instruments: u64,
    gives_snapshots: bool,
    /// They are of orders that stand beside levels.
    is_of_orders: bool,
    /// Passes of the loop so far.
    pass: u64,
}

impl Loop {
    fn is_whole(&self) -> bool {
        self.instruments != 0 && self.run >= self.instruments
    }
}

/// The last event of a batch.
fn newest(ring: &mut BatchBuffer) -> Option<(Event, EventCold)> {
    let (events, cold, _) = ring.parts_mut();
    Some((*events.last()?, *cold.last()?))
}

/// What to do with an event of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sorted {
    /// Nothing.
    Kept,
    /// Hand it on.
    Pass,
    /// The snapshot that was coming in is whole; the event is to be sorted again behind it.
    WholeBefore,
    /// The snapshot that was coming in is whole with it.
    Whole,
}

/// A whole snapshot that is to be taken.
#[derive(Debug)]
pub(crate) struct Taken {
    /// What drops the book's old state, and its record.
    pub clear: (Event, EventCold, Record),
    /// The last sequence that it contains.
    pub as_of: u64,
    aspect: Aspect,
}

/// The snapshots of a channel, and what is kept to join them.
#[derive(Debug)]
pub(crate) struct Join {
    loops: Vec<Loop>,
    given: HashMap<u32, Given>,
    /// Key and pass of each instrument that a loop has defined.
    defined: HashMap<u32, (usize, u64)>,
    journal: VecDeque<(Event, EventCold)>,
    /// First sequence from which on the journal has every event.
    covered_from: u64,
    /// Instruments lack what came before.
    is_doubtful: bool,
    has_begun: bool,
    /// The highest sequence as of which an instrument was given, while the channel is not past it.
    ahead: u64,
    /// The channel's messages give orders.
    gives_orders: bool,
    /// Instruments whose levels are known and whose orders are not.
    dark: HashSet<u32>,
    counters: JoinCounters,
}

impl Join {
    pub fn new() -> Self {
        Self {
            loops: Vec::new(),
            given: HashMap::new(),
            defined: HashMap::new(),
            journal: VecDeque::new(),
            covered_from: 0,
            is_doubtful: true,
            has_begun: false,
            ahead: 0,
            gives_orders: false,
            dark: HashSet::new(),
            counters: JoinCounters::default(),
        }
    }

    pub fn counters(&self) -> JoinCounters {
        self.counters
    }

    /// Whether instruments lack what a snapshot would give.
    pub fn is_doubtful(&self) -> bool {
        self.is_doubtful
    }

    /// Whether the channel's events are to be sifted.
    #[inline]
    pub fn is_active(&self) -> bool {
        self.is_doubtful || self.ahead != 0 || self.has_dark()
    }

    /// Whether the journal is kept.
    fn notes(&self) -> bool {
        self.is_doubtful || self.has_dark()
    }

    #[inline]
    fn has_dark(&self) -> bool {
        self.gives_orders && !self.dark.is_empty()
    }

    /// Another session: what was given is void.
    pub fn begin_session(&mut self) {
        let loops = core::mem::take(&mut self.loops);
        let defined = core::mem::take(&mut self.defined);
        *self = Self { loops, defined, counters: self.counters, ..Self::new() };
        for each in &mut self.loops {
            (each.run, each.coming) = (0, None);
        }
    }

    /// Messages are missing. Instruments that were given as of a later sequence lack nothing.
    pub fn lose(&mut self, gap: Gap) {
        for given in self.given.values_mut() {
            let keep = |as_of: Option<u64>| as_of.filter(|as_of| *as_of >= gap.last);
            *given = Given { levels: keep(given.levels), orders: keep(given.orders) };
        }
        self.given.retain(|_, given| given.levels.is_some() || given.orders.is_some());
        let given = &self.given;
        self.dark.retain(|key| given.get(key).is_some_and(|given| given.orders.is_none()));
        self.has_begun = true;
        self.doubt(gap.last.saturating_add(1));
    }

    /// From `next` on the journal is whole; before it is not.
    fn doubt(&mut self, next: u64) {
        self.journal.clear();
        if self.journal.capacity() == 0 {
            self.journal.reserve_exact(JOURNAL_EVENTS);
        }
        self.covered_from = next;
        self.is_doubtful = true;
        for each in &mut self.loops {
            each.run = 0;
        }
    }

    /// Whether nothing of an instrument's book is missing in spite of a loss.
    pub fn is_sound(&self, key: u32) -> bool {
        self.given.get(&key).is_some_and(|given| given.levels.is_some())
    }

    /// Looks at the events of the channel from `from` on, and leaves out what is not to be applied. Says whether the last one
    /// leaves its group open.
    #[inline]
    pub fn sift(&mut self, ring: &mut BatchBuffer, from: usize) -> bool {
        let Some((last, last_cold)) = newest(ring) else { return false };
        let is_open = last.flags & flags::LAST == 0;
        if !self.is_active() {
            return is_open;
        }
        ring.retain_from(from, |event, cold| self.keeps(event, cold));
        let ends = ring.len() > from && newest(ring).is_some_and(|(event, _)| event.flags & flags::LAST != 0);
        if !is_open && !ends {
            // The event that ended the group is left out; what is left of the group ends all the same.
            let end =
                Event { kind: EventKind::END, instrument: last.instrument, flags: flags::LAST, ..Event::default() };
            ring.push(end, EventCold { record: 0, ..last_cold }, None);
        }
        is_open
    }

    /// Looks at an event of the channel, and says whether it is to be applied.
    fn keeps(&mut self, event: &Event, cold: &EventCold) -> bool {
        if !self.has_begun {
            // The first message of a session that begins here, for no turn was announced.
            self.has_begun = true;
            self.is_doubtful = false;
        }
        if cold.sequence > self.ahead {
            self.ahead = 0;
        }
        let Some(aspect) = Aspect::of(event) else { return true };
        if event.detail & detail::WHOLE_CHANNEL != 0 && event.kind == EventKind::CLEAR {
            self.begin_session();
            (self.is_doubtful, self.has_begun) = (false, true);
            return true;
        }
        self.gives_orders |= aspect == Aspect::Orders;
        let given = self.given.get(&event.instrument).copied().unwrap_or_default();
        if given.of(aspect).is_some_and(|as_of| cold.sequence <= as_of) {
            self.counters.left_out += 1;
            return false;
        }
        if self.notes() {
            self.note(event, cold);
        }
        if aspect == Aspect::Orders && given.orders.is_none() && self.dark.contains(&event.instrument) {
            self.counters.left_out += 1;
            return false;
        }
        true
    }

    fn note(&mut self, event: &Event, cold: &EventCold) {
        if self.journal.len() >= JOURNAL_EVENTS
            && let Some((_, oldest)) = self.journal.pop_front()
        {
            self.counters.dropped += 1;
            self.covered_from = oldest.sequence + 1;
        }
        self.journal.push_back((*event, *cold));
    }

    fn of(&mut self, index: usize) -> &mut Loop {
        if index >= self.loops.len() {
            self.loops.resize_with(index + 1, Loop::default);
        }
        &mut self.loops[index]
    }

    /// A loop begins anew, or goes on behind packets that were lost. What was coming in is not whole: when a loop begins anew
    /// nobody knows whether its end was lost.
    pub fn turn_loop(&mut self, index: usize, is_lossy: bool) {
        self.abandon(index);
        let each = self.of(index);
        each.pass += 1;
        if is_lossy {
            each.run = 0;
        }
    }

    /// Drops the snapshot that is coming in.
    fn abandon(&mut self, index: usize) {
        let each = self.of(index);
        if each.coming.take().is_some_and(|coming| coming.is_wanted) {
            each.run = 0;
            self.counters.incomplete += 1;
        }
    }

    /// Sorts an event of a loop, with the record that it has.
    pub fn sort(
        &mut self,
        index: usize,
        event: &Event,
        cold: &EventCold,
        record: Option<&Record>,
        books: &BookWriter,
    ) -> Sorted {
        let as_of = record.and_then(|record| record.get(Tag::AS_OF_SEQUENCE));
        match (event.kind, as_of) {
            (EventKind::CLEAR, Some(as_of)) => {
                let Some(record) = record else { return Sorted::Kept };
                self.begin(index, event, cold, record, as_of as u64, books)
            }
            (EventKind::END, _) => self.end(index, record),
            (EventKind::DEFINITION, _) => {
                let here = (index, self.of(index).pass);
                let is_room = self.defined.len() < INSTRUMENTS || self.defined.contains_key(&event.instrument);
                let is_first = is_room && *self.defined.entry(event.instrument).or_insert(here) == here;
                self.pass_if(is_first)
            }
            _ if Aspect::of(event).is_some() => self.gather(index, event, cold),
            _ if event.instrument == Event::NO_INSTRUMENT => self.pass_if(self.is_doubtful),
            _ => {
                let is_last = self.of(index).last_taken == Some(event.instrument);
                self.pass_if(is_last || (self.is_doubtful && !self.given.contains_key(&event.instrument)))
            }
        }
    }

    fn pass_if(&self, passes: bool) -> Sorted {
        if passes { Sorted::Pass } else { Sorted::Kept }
    }

    fn begin(
        &mut self,
        index: usize,
        event: &Event,
        cold: &EventCold,
        record: &Record,
        as_of: u64,
        books: &BookWriter,
    ) -> Sorted {
        let (is_doubtful, given) = (self.is_doubtful, self.given.get(&event.instrument).copied().unwrap_or_default());
        let is_dark = self.dark.contains(&event.instrument);
        match self.of(index).coming.as_ref().map(|coming| coming.goal) {
            Some(Goal::Entries(_)) => return Sorted::WholeBefore,
            Some(_) => self.abandon(index),
            None => {}
        }
        let tag = |tag| record.get(tag);
        let goal = match (tag(Tag::SNAPSHOT_PARTS), tag(Tag::SNAPSHOT_BIDS), tag(Tag::SNAPSHOT_OFFERS)) {
            (Some(0), ..) => Goal::End,
            (Some(all @ 2..), ..) => Goal::Parts { next: 2, all },
            (None, Some(bids), Some(offers)) => Goal::Entries(bids.saturating_add(offers).max(0) as u64),
            _ => Goal::Message,
        };
        let is_of_orders = tag(Tag::SNAPSHOT_PARTS).is_some_and(|parts| parts > 0);
        let lacks = if is_of_orders { given.orders.is_none() } else { given.levels.is_none() };
        let each = self.of(index);
        each.gives_snapshots = true;
        each.is_of_orders = is_of_orders;
        each.instruments = tag(Tag::SNAPSHOT_INSTRUMENTS).map_or(each.instruments, |count| count.max(0) as u64);
        each.events.clear();
        each.last_taken = None;
        each.coming = Some(Coming {
            clear: (*event, *cold, *record),
            as_of,
            goal,
            is_wanted: if is_doubtful || (is_of_orders && is_dark) {
                lacks
            } else {
                books.is_doubtful(event.instrument)
            },
            is_of_orders,
            has_levels: false,
            has_orders: false,
            entries: 0,
        });
        let is_whole = goal == Goal::Entries(0) || (goal == Goal::Message && event.flags & flags::LAST != 0);
        if is_whole { Sorted::Whole } else { Sorted::Kept }
    }

    fn gather(&mut self, index: usize, event: &Event, cold: &EventCold) -> Sorted {
        let each = self.of(index);
        let Some(coming) = each.coming.as_mut() else { return Sorted::Kept };
        let is_full = coming.is_wanted && each.events.len() >= SNAPSHOT_EVENTS;
        if coming.key() != event.instrument || is_full {
            self.abandon(index);
            return Sorted::Kept;
        }
        coming.entries += 1;
        coming.has_levels |= Aspect::of(event) == Some(Aspect::Levels);
        coming.has_orders |= Aspect::of(event) == Some(Aspect::Orders);
        if coming.is_wanted {
            each.events.push((*event, *cold));
        }
        let is_whole = match coming.goal {
            Goal::Entries(count) => coming.entries >= count,
            Goal::Message => event.flags & flags::LAST != 0,
            Goal::Parts { .. } | Goal::End => false,
        };
        if is_whole { Sorted::Whole } else { Sorted::Kept }
    }

    fn end(&mut self, index: usize, record: Option<&Record>) -> Sorted {
        let each = self.of(index);
        let Some(coming) = each.coming.as_mut() else { return Sorted::Kept };
        let part = record.and_then(|record| Some((record.get(Tag::SNAPSHOT_PART)?, record.get(Tag::AS_OF_SEQUENCE)?)));
        match (coming.goal, part) {
            (Goal::End, None) => Sorted::Whole,
            (Goal::Parts { next, all }, Some((part, as_of))) if part == next && as_of as u64 == coming.as_of => {
                coming.goal = Goal::Parts { next: next + 1, all };
                if part == all { Sorted::Whole } else { Sorted::Kept }
            }
            _ => {
                self.abandon(index);
                Sorted::Kept
            }
        }
    }

    /// Judges the snapshot that is whole, and says what it is where it is wanted and fits. `next` is the channel's next sequence.
    /// Where the channel is in the middle of a group of events, one that is ahead of it is not taken: readers would get it with
    /// what else the group has changed so far.
    pub fn take(&mut self, index: usize, next: u64, is_open: bool, books: &BookWriter) -> Option<Taken> {
        let coming = self.of(index).coming.take()?;
        if !coming.is_wanted {
            self.counters.needless += 1;
            self.of(index).run += 1;
            return None;
        }
        let (as_of, key, aspect) = (coming.as_of, coming.key(), coming.aspect());
        let covered_from = if self.notes() { self.covered_from } else { next };
        let misfit = match () {
            () if self.has_begun && as_of.saturating_add(1) < covered_from => Some(&mut self.counters.too_old),
            () if self.is_torn(key, aspect, as_of, next) => Some(&mut self.counters.too_new),
            () if is_open && as_of >= next => Some(&mut self.counters.too_new),
            () if self.has_begun && as_of > next.saturating_add(AHEAD) => Some(&mut self.counters.too_new),
            () if self.given.len() >= INSTRUMENTS && !self.given.contains_key(&key) => {
                Some(&mut self.counters.incomplete)
            }
            () => None,
        };
        if let Some(counter) = misfit {
            *counter += 1;
            self.of(index).run = 0;
            return None;
        }
        let mut clear = coming.clear;
        clear.0.detail |= self.note_given(key, aspect, as_of, coming.is_of_orders, books);
        clear.1.sequence = as_of;
        if as_of >= next {
            self.ahead = self.ahead.max(as_of);
        }
        self.counters.joined += 1;
        let each = self.of(index);
        each.run += 1;
        each.last_taken = Some(key);
        for (_, cold) in &mut each.events {
            cold.sequence = as_of;
        }
        Some(Taken { clear, as_of, aspect })
    }

    /// Whether a snapshot would leave levels and orders of a book as of different sequences, one of them ahead of the channel:
    /// no sequence would be right for readers.
    fn is_torn(&self, key: u32, aspect: Aspect, as_of: u64, next: u64) -> bool {
        let given = self.given.get(&key).copied().unwrap_or_default();
        let other = match aspect {
            Aspect::Levels => given.orders,
            Aspect::Orders => given.levels,
            Aspect::Both => None,
        };
        other.is_some_and(|other| other != as_of && other.max(as_of) >= next)
    }

    /// Notes as of when an instrument is known, and says which part of its book the snapshot replaces.
    fn note_given(&mut self, key: u32, aspect: Aspect, as_of: u64, is_of_orders: bool, books: &BookWriter) -> u8 {
        // In a channel that lacks nothing else, the part that the snapshot does not give is right as it is.
        let known = (!self.is_doubtful).then_some(0);
        let given = self.given.entry(key).or_insert(Given { levels: known, orders: known });
        let has_levels = books.level_book(key).is_some();
        let detail = match aspect {
            Aspect::Levels if given.orders.is_some() => detail::CLEAR_LEVELS,
            Aspect::Orders if is_of_orders || (known.is_some() && has_levels) => detail::CLEAR_ORDERS,
            _ => 0,
        };
        if aspect != Aspect::Levels {
            given.orders = Some(as_of);
        }
        if aspect != Aspect::Orders || !is_of_orders {
            given.levels = Some(as_of);
        }
        if given.orders.is_none() {
            self.dark.insert(key);
        } else {
            self.dark.remove(&key);
        }
        detail
    }

    /// Entries of the snapshot that was taken last of a loop.
    pub fn entries(&self, index: usize) -> &[(Event, EventCold)] {
        self.loops.get(index).map_or(&[], |each| &each.events)
    }

    /// What the journal has behind a snapshot, of what the snapshot gave.
    pub fn behind(&self, taken: &Taken) -> impl Iterator<Item = (Event, &EventCold)> {
        let (key, aspect, as_of) = (taken.clear.0.instrument, taken.aspect, taken.as_of);
        let from = self.journal.partition_point(|(_, cold)| cold.sequence <= as_of);
        let scope = match aspect {
            Aspect::Levels => detail::CLEAR_LEVELS,
            Aspect::Orders if taken.clear.0.detail & detail::CLEAR_ORDERS != 0 => detail::CLEAR_ORDERS,
            _ => 0,
        };
        self.journal.range(from..).filter_map(move |(event, cold)| {
            let is_of_it = Aspect::of(event).is_some_and(|each| each.touches(aspect));
            if event.instrument != key || !is_of_it {
                return None;
            }
            let scope = if event.kind == EventKind::CLEAR { scope } else { 0 };
            Some((Event { detail: event.detail | scope, ..*event }, cold))
        })
    }

    pub fn note_replayed(&mut self, events: u64) {
        self.counters.replayed += events;
    }

    /// Whether the channel's doubt just ended: each loop has given every instrument.
    pub fn settle(&mut self) -> bool {
        let giving = || self.loops.iter().filter(|each| each.gives_snapshots);
        let gives_books = giving().any(|each| !each.is_of_orders);
        if !self.is_doubtful || !gives_books || !giving().all(Loop::is_whole) {
            return false;
        }
        self.is_doubtful = false;
        if !self.notes() {
            self.journal.clear();
        }
        true
    }
}
