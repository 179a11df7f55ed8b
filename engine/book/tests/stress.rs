//! One writer and readers on other threads, all at full speed: no reader ever sees a state that never was.
//!
//! `WIREBOOK_STRESS_READS` sets how many tops are read in all: by default 10^8 in release builds, two million else.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use wirebook_abi::{Event, EventCold, EventKind, Side, flags};
use wirebook_book::{BookConfig, BookReader, BookWriter, Cut, ReadError, Selection, SnapshotReader, Top, TopLevel};

const READERS: u64 = 3;
/// Few, so that publications fall into each other's reads.
const INSTRUMENTS: u64 = 2;
/// Steps of an instrument between two states built from nothing.
const REBUILD: u64 = 64;
const DEADLINE: Duration = Duration::from_secs(900);

fn writer() -> BookWriter {
    let config =
        BookConfig { instrument_limit: 64, orders: 4_096, levels: 4_096, window_bits: 10, ..BookConfig::default() };
    BookWriter::new(&config).expect("sizes in range")
}

fn event(kind: EventKind, order_id: u64, instrument: u32, side: Side, price: i64, quantity: u64) -> Event {
    Event { order_id, price, quantity, instrument, kind, side, flags: 0, detail: 0 }
}

/// The state of an instrument at a step, by arithmetic alone: every level's price and quantity, and how many there are, tell
/// the step, so that no mixture of two states passes for one.
#[derive(Clone, Copy, Debug)]
struct State {
    step: u64,
}

impl State {
    fn epoch(self) -> u64 {
        self.step / REBUILD
    }

    fn counts(self) -> [u64; 2] {
        [1 + self.epoch() % 10, 1 + self.epoch() * 7 % 10]
    }

    fn levels(self) -> u64 {
        self.counts().iter().sum()
    }

    /// Side and price of the level with this index, bids first, best first.
    fn place(self, level: u64) -> (Side, i64) {
        let middle = 1_000_000 + (self.epoch() % 1_000) as i64 * 50;
        match level.checked_sub(self.counts()[0]) {
            None => (Side::BID, middle - 1 - level as i64),
            Some(level) => (Side::ASK, middle + 1 + level as i64),
        }
    }

    /// What rests at a level: the last step that touched it, plus one.
    fn quantity(self, level: u64) -> u64 {
        let start = self.epoch() * REBUILD;
        let last = self.step.saturating_sub((self.step + self.levels() - level) % self.levels());
        last.max(start) + 1
    }

    fn expected(self, level: u64) -> TopLevel {
        TopLevel { price: self.place(level).1, quantity: self.quantity(level), order_count: 1 }
    }
}

/// Events that lead an instrument from the step before to this one.
fn events_to(step: u64, instrument: u32, events: &mut Vec<Event>) {
    events.clear();
    let (now, order) = (State { step }, |level: u64| u64::from(instrument) * 100 + level);
    if !step.is_multiple_of(REBUILD) {
        let level = step % now.levels();
        let (side, price) = now.place(level);
        events.push(event(EventKind::MODIFY, order(level), instrument, side, price, step + 1));
        return;
    }
    let before = step.checked_sub(1).map_or(0, |step| State { step }.levels());
    let gone = (0..before).map(|level| event(EventKind::DELETE, order(level), instrument, Side::NONE, 0, 0));
    let new = (0..now.levels()).map(|level| {
        let (side, price) = now.place(level);
        event(EventKind::ADD, order(level), instrument, side, price, step + 1)
    });
    events.extend(gone.chain(new));
}

/// Whether a top is one state, at the sequence that it names.
fn check(top: &Top, instrument: u64) {
    if top.sequence == 0 {
        assert_eq!((top.bids().len(), top.asks().len()), (0, 0), "nothing is published yet");
        return;
    }
    let state = State { step: (top.sequence - 1) / INSTRUMENTS };
    assert_eq!((top.sequence - 1) % INSTRUMENTS, instrument, "of another instrument: {top:?}");
    assert_eq!(top.ts_event_ns, top.sequence * 7, "{top:?}");
    let lens = [top.bids().len() as u64, top.asks().len() as u64];
    assert_eq!(lens, state.counts(), "{top:?}");
    for (at, level) in top.bids().iter().chain(top.asks()).enumerate() {
        assert_eq!(*level, state.expected(at as u64), "level {at} at {state:?}: {top:?}");
    }
}

/// What a reader saw.
#[derive(Debug, Default)]
struct Seen {
    busy: u64,
    /// Reads whose sequence was newer than the one before.
    moved: u64,
}

fn read(reader: &BookReader, reads: u64, deadline: Instant) -> Seen {
    let (mut seen, mut newest) = (Seen::default(), [0; INSTRUMENTS as usize]);
    let mut taken = 0;
    while taken < reads {
        assert!(
            !taken.is_multiple_of(4_096) || Instant::now() < deadline,
            "{taken} of {reads} reads before the deadline"
        );
        let instrument = taken % INSTRUMENTS;
        match reader.top(instrument as u32) {
            Ok(top) => {
                check(&top, instrument);
                let newest = &mut newest[instrument as usize];
                assert!(top.sequence >= *newest, "back from {newest} to {}", top.sequence);
                seen.moved += u64::from(top.sequence > *newest);
                *newest = top.sequence;
                taken += 1;
            }
            Err(ReadError::Busy) => seen.busy += 1,
            Err(error) => panic!("{error}"),
        }
    }
    seen
}

/// Publishes states until it is told to stop; gives how many.
fn publish(books: &mut BookWriter, stop: &AtomicBool) -> u64 {
    let (mut sequence, mut events) = (0, Vec::new());
    while !stop.load(Ordering::Relaxed) {
        for instrument in 0..INSTRUMENTS {
            sequence += 1;
            let cold = EventCold { sequence, ts_event_ns: sequence * 7, ..EventCold::default() };
            events_to((sequence - 1) / INSTRUMENTS, instrument as u32, &mut events);
            if let Some(last) = events.last_mut() {
                last.flags |= flags::LAST;
            }
            for event in &mut events {
                books.apply(event, &cold);
            }
        }
    }
    sequence
}

#[test]
fn no_top_is_torn_mixed_or_older_than_the_one_before() {
    let usual = if cfg!(debug_assertions) { 2_000_000 } else { 100_000_000 };
    let reads: u64 =
        std::env::var("WIREBOOK_STRESS_READS").map_or(usual, |text| text.parse().expect("a number of reads"));
    let (stop, deadline) = (AtomicBool::new(false), Instant::now() + DEADLINE);
    let mut books = writer();
    let reader = books.reader();
    let (published, seen) = thread::scope(|scope| {
        let readers: Vec<_> =
            (0..READERS).map(|_| scope.spawn(|| read(&reader, reads.div_ceil(READERS), deadline))).collect();
        let writer = scope.spawn(|| publish(&mut books, &stop));
        let seen: Vec<_> = readers.into_iter().map(|reader| reader.join()).collect();
        stop.store(true, Ordering::Relaxed);
        (writer.join().expect("the writer does not panic"), seen)
    });
    let seen: Vec<Seen> = seen.into_iter().map(|seen| seen.expect("no reader saw a state that never was")).collect();
    let (busy, moved) = seen.iter().fold((0, 0), |(busy, moved), seen| (busy + seen.busy, moved + seen.moved));
    eprintln!("{reads} reads of {published} publications: {moved} of them news, {busy} busy");
    assert_eq!(books.counters().unknown_orders + books.counters().duplicate_orders, 0);
    assert!(moved > 1_000, "readers saw the books change");
}

/// An order as it was added, for a count that does not depend on books.
type Placed = (u32, Side, i64, u64);

/// Number that the orders of all books add up to, whatever their order.
fn digest(order_id: u64, (instrument, side, price, quantity): Placed) -> u64 {
    let words = [order_id, u64::from(instrument), u64::from(side.0), price as u64, quantity];
    words.into_iter().fold(0, |hash, word| (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29))
}

/// A random day, and for each sequence the digest of what rests after it.
fn random_day(messages: u64) -> (Vec<Event>, Vec<u64>) {
    let (mut open, mut orders) = (Vec::new(), HashMap::<u64, Placed>::new());
    let (mut events, mut digests, mut sum, mut random) = (Vec::new(), vec![0], 0_u64, 1_u64);
    for sequence in 1..=messages {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = random >> 33;
        let mut next = if open.len() < 200 || (open.len() < 2_000 && pick % 2 == 0) {
            let side = if pick & 2 == 0 { Side::BID } else { Side::ASK };
            let away = (pick >> 2) as i64 % 40;
            let price = if side == Side::BID { 1_000 - away } else { 1_001 + away };
            let placed = ((pick >> 9) as u32 % 8, side, price, 1 + (pick >> 12) % 900);
            open.push(sequence);
            orders.insert(sequence, placed);
            sum = sum.wrapping_add(digest(sequence, placed));
            event(EventKind::ADD, sequence, placed.0, side, price, placed.3)
        } else {
            let id = open.swap_remove(pick as usize % open.len());
            sum = sum.wrapping_sub(digest(id, orders.remove(&id).expect("it is open")));
            event(EventKind::DELETE, id, 0, Side::NONE, 0, 0)
        };
        next.flags = flags::LAST;
        events.push(next);
        digests.push(sum);
    }
    (events, digests)
}

/// Whether a cut is the state after its sequence, and its levels are what their orders add up to.
fn check_cut(cut: &Cut, digests: &[u64]) {
    let mut sum = 0_u64;
    for book in cut.books() {
        for side in [Side::BID, Side::ASK] {
            for level in book.levels(side) {
                let orders = level.orders();
                assert_eq!(orders.len(), level.order_count() as usize);
                assert_eq!(orders.iter().map(|order| u64::from(order.quantity)).sum::<u64>(), level.quantity());
                // Ids rise with time here, so a queue rises too.
                assert!(orders.is_sorted_by_key(|order| order.order_id));
                for order in orders {
                    let placed = (book.instrument(), side, level.price(), u64::from(order.quantity));
                    sum = sum.wrapping_add(digest(order.order_id, placed));
                }
            }
        }
    }
    assert_eq!(sum, digests[cut.sequence as usize], "the books at sequence {}", cut.sequence);
}

/// Tells readers that the writer is done, be it by a panic.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks for cuts until the writer is done; gives how many it checked.
fn cut(reader: &SnapshotReader, digests: &[u64], done: &AtomicBool) -> u64 {
    let (mut newest, mut cuts) = (0, 0);
    while !done.load(Ordering::Relaxed) {
        let Ok(ticket) = reader.request(Selection::All, true) else { continue };
        let Ok(cut) = reader.wait(ticket, Duration::from_millis(200)) else { continue };
        check_cut(&cut, digests);
        assert!(cut.sequence >= newest, "back from {newest} to {}", cut.sequence);
        (newest, cuts) = (cut.sequence, cuts + 1);
    }
    cuts
}

#[test]
fn every_cut_is_the_state_at_its_sequence() {
    let (mut events, digests) = random_day(if cfg!(debug_assertions) { 300_000 } else { 3_000_000 });
    let mut books = writer();
    let (first, done) = (books.snapshot_reader(), AtomicBool::new(false));
    // Two that share their snapshots, and one of its own.
    let readers = [first.clone(), first.independent(), first];
    let cuts: u64 = thread::scope(|scope| {
        let (digests, done) = (&digests, &done);
        let readers: Vec<_> = readers.iter().map(|reader| scope.spawn(move || cut(reader, digests, done))).collect();
        let writing = Done(done);
        for (at, event) in events.iter_mut().enumerate() {
            let sequence = at as u64 + 1;
            books.apply(event, &EventCold { sequence, ..EventCold::default() });
            if sequence.is_multiple_of(7) {
                books.serve_snapshots(sequence, 0);
            }
        }
        drop(writing);
        readers.into_iter().map(|reader| reader.join().expect("every cut is sound")).sum()
    });
    eprintln!("{cuts} cuts");
    assert!(cuts >= 10, "{cuts} cuts were taken while the writer was at work");
}
