//! Full-depth snapshots: one cut through many books at one sequence, for readers on other threads.
//!
//! A reader asks and brings the buffer; the writer fills it between two packets and publishes it; readers hold it under epoch
//! protection, and when the last of them has let go a replaced buffer returns to the pool. The writer never waits for a reader,
//! takes part in no epoch and frees nothing: readers retire what it replaced. All it does while nobody asks is two loads.

use std::{
    boxed::Box,
    fmt,
    marker::PhantomData,
    mem,
    ops::Deref,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    thread,
    time::{Duration, Instant},
    vec::Vec,
};

use crossbeam_epoch::{self as epoch, Atomic, Guard, Owned, Shared};
use crossbeam_queue::ArrayQueue;
use wirebook_abi::Side;

use crate::{GivenLevel, LevelBook, OrderBook, QueuedOrder, Validity, writer::BookWriter};

/// Requests that wait for the writer at most.
const REQUESTS: usize = 64;

/// Free buffers that are kept at most.
const POOLED: usize = 16;

/// How long a waiting reader sleeps between looks.
const NAP: Duration = Duration::from_micros(50);

/// Whose books a snapshot shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection<'a> {
    /// Every instrument that a message named, in the order of the first.
    All,
    /// The instruments under these venue keys, in this order; those that no message named are left out.
    Keys(&'a [u32]),
}

/// Books of several instruments at one sequence.
#[derive(Debug, Default)]
pub struct Cut {
    /// Sequence of the last message that is in the books.
    pub sequence: u64,
    /// The venue's time of the newest event before it, nanoseconds, by the protocol's clock.
    pub ts_event_ns: u64,
    ticket: u64,
    /// Instruments asked for; unused where all are.
    keys: Vec<u32>,
    all: bool,
    with_orders: bool,
    books: Vec<BookEntry>,
    levels: Vec<LevelEntry>,
    orders: Vec<QueuedOrder>,
    /// The cut that this one replaced, until a reader retires it.
    replaced: Atomic<Cut>,
}

#[derive(Clone, Copy, Debug)]
struct BookEntry {
    instrument: u32,
    validity: Validity,
    levels: Sides,
    implied: Sides,
    by_order: Sides,
}

/// Where bids begin, where asks do, and where they end.
type Sides = [u32; 3];

#[derive(Clone, Copy, Debug)]
struct LevelEntry {
    price: i64,
    quantity: u64,
    order_count: u32,
    first_order: u32,
    /// Orders that the cut has of it.
    orders: u32,
}

/// One book of a [`Cut`].
#[derive(Clone, Copy, Debug)]
pub struct CutBook<'a> {
    cut: &'a Cut,
    entry: &'a BookEntry,
}

/// One level of a [`CutBook`].
#[derive(Clone, Copy, Debug)]
pub struct CutLevel<'a> {
    cut: &'a Cut,
    entry: &'a LevelEntry,
}

impl Cut {
    /// The books, in the order of the selection.
    pub fn books(&self) -> impl ExactSizeIterator<Item = CutBook<'_>> {
        self.books.iter().map(|entry| CutBook { cut: self, entry })
    }

    /// Number of the request that this answers.
    pub fn ticket(&self) -> Ticket {
        Ticket(self.ticket)
    }

    fn take_book(&mut self, instrument: u32, book: OrderBook<'_>, given: Option<LevelBook<'_>>) {
        let by_order = self.take_sides(|cut, side| cut.take_orders(book, side));
        let (levels, implied) = match given {
            Some(given) => (
                self.take_sides(|cut, side| cut.take_given(given.levels(side))),
                self.take_sides(|cut, side| cut.take_given(given.implied(side))),
            ),
            None => (by_order, [0; 3]),
        };
        self.books.push(BookEntry { instrument, validity: book.validity(), levels, implied, by_order });
    }

    fn take_sides(&mut self, mut take: impl FnMut(&mut Self, Side)) -> Sides {
        let start = self.levels.len() as u32;
        take(self, Side::BID);
        let asks = self.levels.len() as u32;
        take(self, Side::ASK);
        [start, asks, self.levels.len() as u32]
    }

    fn take_orders(&mut self, book: OrderBook<'_>, side: Side) {
        for level in book.levels(side) {
            self.take_level((level.price(), level.quantity(), level.order_count()), level.orders());
        }
    }

    fn take_given<'a>(&mut self, levels: impl Iterator<Item = GivenLevel<'a>>) {
        for level in levels {
            let orders = level.orders().map(|order| QueuedOrder {
                order_id: order.order_id,
                // The book is marked where a listed order has more.
                quantity: u32::try_from(order.quantity).unwrap_or(u32::MAX),
            });
            self.take_level((level.price(), level.quantity(), level.order_count()), orders);
        }
    }

    fn take_level(&mut self, level: (i64, u64, u32), orders: impl Iterator<Item = QueuedOrder>) {
        let (price, quantity, order_count) = level;
        let first_order = self.orders.len() as u32;
        if self.with_orders {
            self.orders.extend(orders);
        }
        let orders = self.orders.len() as u32 - first_order;
        self.levels.push(LevelEntry { price, quantity, order_count, first_order, orders });
    }
}

impl<'a> CutBook<'a> {
    /// The venue's key.
    pub fn instrument(&self) -> u32 {
        self.entry.instrument
    }

    /// Whether the book may be believed, why not, and since when.
    pub fn validity(&self) -> Validity {
        self.entry.validity
    }

    /// Levels of a side, best first, as tops show them. Of a side that is none there are none.
    pub fn levels(&self, side: Side) -> impl ExactSizeIterator<Item = CutLevel<'a>> + use<'a> {
        self.side(self.entry.levels, side)
    }

    /// Implied levels of a side, where the feed gives them.
    pub fn implied(&self, side: Side) -> impl ExactSizeIterator<Item = CutLevel<'a>> + use<'a> {
        self.side(self.entry.implied, side)
    }

    /// Levels that the orders of a side make; the same as [`levels`](Self::levels) unless the feed gives levels too.
    pub fn order_levels(&self, side: Side) -> impl ExactSizeIterator<Item = CutLevel<'a>> + use<'a> {
        self.side(self.entry.by_order, side)
    }

    fn side(&self, sides: Sides, side: Side) -> impl ExactSizeIterator<Item = CutLevel<'a>> + use<'a> {
        let [bids, asks, end] = sides.map(|at| at as usize);
        let range = match side {
            Side::BID => bids..asks,
            Side::ASK => asks..end,
            _ => end..end,
        };
        let cut = self.cut;
        cut.levels[range].iter().map(move |entry| CutLevel { cut, entry })
    }
}

impl<'a> CutLevel<'a> {
    /// Fixed-point price in the protocol's scale.
    pub fn price(&self) -> i64 {
        self.entry.price
    }

    /// Sum of its orders' quantities.
    pub fn quantity(&self) -> u64 {
        self.entry.quantity
    }

    /// Orders at this price; 0 where the feed gives levels and not this.
    pub fn order_count(&self) -> u32 {
        self.entry.order_count
    }

    /// The queue, first served first; empty where orders were not asked for, or the feed gives the level without them.
    pub fn orders(&self) -> &'a [QueuedOrder] {
        let first = self.entry.first_order as usize;
        &self.cut.orders[first..first + self.entry.orders as usize]
    }
}

/// Number of a request; later ones of the same reader are higher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Why there is no snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The writer has 64 requests waiting already.
    TooManyRequests,
    /// The writer did not come to it in time: no packet came, or it has ended.
    Timeout,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TooManyRequests => "64 requests for snapshots are waiting: ask again later",
            Self::Timeout => "the books' writer did not serve the snapshot in time: it serves between packets",
        })
    }
}

impl core::error::Error for SnapshotError {}

/// What a reader puts before the writer.
#[derive(Debug)]
struct Request {
    slot: Arc<Slot>,
    cut: Box<Cut>,
}

/// Where requests wait and free buffers lie.
#[derive(Debug)]
pub(crate) struct Desk {
    requests: ArrayQueue<Request>,
    free: ArrayQueue<Box<Cut>>,
}

impl Desk {
    pub fn new() -> Self {
        Self { requests: ArrayQueue::new(REQUESTS), free: ArrayQueue::new(POOLED) }
    }

    /// Takes a buffer back; past what is kept it is freed.
    fn give_back(&self, cut: Box<Cut>) {
        drop(self.free.push(cut));
    }
}

/// Where a reader's newest cut stands.
#[derive(Debug, Default)]
struct Slot {
    newest: Atomic<Cut>,
    /// Requests so far. Only readers lock it, so that tickets stand in the queue in their order.
    tickets: Mutex<u64>,
}

impl Slot {
    /// Puts `cut` in the place of the newest one. Only the writer calls it.
    fn publish(&self, cut: Box<Cut>) {
        // SAFETY: nothing is dereferenced under this guard; the pointers are only moved.
        let guard = unsafe { epoch::unprotected() };
        // No other thread writes `newest`, so that a plain load has the cut that the store below replaces.
        cut.replaced.store(self.newest.load(Ordering::Relaxed, guard), Ordering::Relaxed);
        // Pairs with the Acquire load in `newest`: whoever sees the cut sees what is in it.
        self.newest.store(Owned::from(cut), Ordering::Release);
    }

    fn newest<'g>(&self, guard: &'g Guard) -> Option<&'g Cut> {
        // Pairs with the Release store in `publish`.
        let newest = self.newest.load(Ordering::Acquire, guard);
        // SAFETY: a cut in the slot is whole; once replaced it lives until every guard of that time is gone.
        unsafe { newest.as_ref() }
    }

    /// Has replaced cuts returned to the pool when nobody holds them any more.
    fn retire_replaced(&self, desk: &Arc<Desk>, guard: &Guard) {
        let Some(newest) = self.newest(guard) else { return };
        // Pairs with itself on another reader's thread: each cut is taken by one of them.
        let mut replaced = newest.replaced.swap(Shared::null(), Ordering::AcqRel, guard);
        // SAFETY: a replaced cut lives at least until it is retired, which only the one who took it does, below.
        while let Some(cut) = unsafe { replaced.as_ref() } {
            // As above.
            let earlier = cut.replaced.swap(Shared::null(), Ordering::AcqRel, guard);
            let (desk, cut) = (Arc::clone(desk), replaced.as_raw().cast_mut());
            // SAFETY: no slot leads to the cut, so that who reads it was pinned before now. The closure owns the cut, which
            // came from a box, and what it touches may be touched by any thread.
            unsafe { guard.defer_unchecked(move || desk.give_back(Box::from_raw(cut))) };
            replaced = earlier;
        }
        guard.flush();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut newest = mem::take(&mut self.newest);
        // SAFETY: nobody else has the slot, hence nobody reads its cuts; each is owned by the slot or the cut before.
        while let Some(mut cut) = unsafe { newest.try_into_owned() } {
            newest = mem::take(&mut cut.replaced);
        }
    }
}

/// Asks for full-depth snapshots, from any thread, while the writer goes on.
///
/// Clones show the same snapshots; [`independent`](Self::independent) makes a reader with snapshots of its own.
#[derive(Clone, Debug)]
pub struct SnapshotReader {
    desk: Arc<Desk>,
    slot: Arc<Slot>,
}

impl SnapshotReader {
    pub(crate) fn new(desk: &Arc<Desk>) -> Self {
        Self { desk: Arc::clone(desk), slot: Arc::default() }
    }

    /// A reader of the same books whose snapshots are its own.
    pub fn independent(&self) -> Self {
        Self::new(&self.desk)
    }

    /// Asks for a snapshot, with the orders of each level or without. The writer serves it at the next end of a burst.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::TooManyRequests`] when the writer does not keep up.
    pub fn request(&self, selection: Selection<'_>, with_orders: bool) -> Result<Ticket, SnapshotError> {
        self.slot.retire_replaced(&self.desk, &epoch::pin());
        let mut cut = self.desk.free.pop().unwrap_or_default();
        cut.keys.clear();
        if let Selection::Keys(keys) = selection {
            cut.keys.extend_from_slice(keys);
        }
        (cut.all, cut.with_orders) = (selection == Selection::All, with_orders);
        let mut tickets = self.slot.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        cut.ticket = *tickets + 1;
        match self.desk.requests.push(Request { slot: Arc::clone(&self.slot), cut }) {
            Ok(()) => {
                *tickets += 1;
                Ok(Ticket(*tickets))
            }
            Err(request) => {
                self.desk.give_back(request.cut);
                Err(SnapshotError::TooManyRequests)
            }
        }
    }

    /// The newest snapshot; `None` before the first. It does not change while it is held, and costs the writer nothing; but
    /// no buffer returns to the pool meanwhile.
    pub fn newest(&self) -> Option<HeldCut<'_>> {
        let guard = epoch::pin();
        let cut: *const Cut = self.slot.newest(&guard)?;
        Some(HeldCut { cut, _guard: guard, _reader: PhantomData })
    }

    /// Waits until the request with this ticket is served, no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Timeout`].
    pub fn wait(&self, ticket: Ticket, timeout: Duration) -> Result<HeldCut<'_>, SnapshotError> {
        let deadline = Instant::now() + timeout;
        loop {
            match self.newest() {
                Some(cut) if cut.ticket() >= ticket => return Ok(cut),
                _ if Instant::now() >= deadline => return Err(SnapshotError::Timeout),
                _ => thread::sleep(NAP),
            }
        }
    }
}

/// A snapshot that a reader holds.
#[derive(Debug)]
pub struct HeldCut<'a> {
    cut: *const Cut,
    _guard: Guard,
    /// The slot outlives the cut that was loaded from it.
    _reader: PhantomData<&'a SnapshotReader>,
}

impl Deref for HeldCut<'_> {
    type Target = Cut;

    fn deref(&self) -> &Cut {
        // SAFETY: the guard under which the pointer was loaded is still held, and so is the slot.
        unsafe { &*self.cut }
    }
}

impl BookWriter {
    /// A reader of full-depth snapshots.
    pub fn snapshot_reader(&self) -> SnapshotReader {
        SnapshotReader::new(&self.desk)
    }

    /// Serves the snapshots that were asked for. Call it between event groups, when all events up to `sequence` are applied:
    /// at the end of a burst. The work is that of copying what is asked for; when nothing is, two loads.
    #[inline]
    pub fn serve_snapshots(&mut self, sequence: u64, ts_event_ns: u64) {
        if !self.desk.requests.is_empty() {
            self.serve(sequence, ts_event_ns);
        }
    }

    /// Serves as many as can wait, so that readers who ask again and again cannot keep the writer here.
    #[cold]
    fn serve(&mut self, sequence: u64, ts_event_ns: u64) {
        for _ in 0..REQUESTS {
            let Some(Request { slot, mut cut }) = self.desk.requests.pop() else { break };
            (cut.sequence, cut.ts_event_ns) = (sequence, ts_event_ns);
            self.fill(&mut cut);
            slot.publish(cut);
        }
    }

    fn fill(&self, cut: &mut Cut) {
        cut.books.clear();
        cut.levels.clear();
        cut.orders.clear();
        let asked = mem::take(&mut cut.keys);
        for key in if cut.all { self.instruments() } else { &asked } {
            if let Some(book) = self.book(*key) {
                cut.take_book(*key, book, self.level_book(*key));
            }
        }
        cut.keys = asked;
    }
}

#[cfg(test)]
mod tests {
    use wirebook_abi::{Event, EventCold, EventKind, flags};

    use super::*;
    use crate::BookConfig;

    const SOON: Duration = Duration::from_secs(10);

    fn writer() -> BookWriter {
        let config =
            BookConfig { instrument_limit: 100, orders: 100, levels: 100, window_bits: 8, ..BookConfig::default() };
        BookWriter::new(&config).expect("sizes in range")
    }

    fn add(books: &mut BookWriter, order_id: u64, instrument: u32, side: Side, price: i64, quantity: u64) {
        let mut event =
            Event { order_id, price, quantity, instrument, kind: EventKind::ADD, side, flags: flags::LAST, detail: 0 };
        books.apply(&mut event, &EventCold { sequence: order_id, ..EventCold::default() });
    }

    fn three_books() -> BookWriter {
        let mut books = writer();
        add(&mut books, 1, 7, Side::BID, 100, 10);
        add(&mut books, 2, 7, Side::BID, 100, 20);
        add(&mut books, 3, 7, Side::ASK, 102, 5);
        add(&mut books, 4, 3, Side::ASK, 50, 1);
        add(&mut books, 5, 9, Side::BID, 1, 2);
        books
    }

    #[test]
    fn cut_shows_every_level_and_queue_at_its_sequence() {
        let mut books = three_books();
        let reader = books.snapshot_reader();
        assert!(reader.newest().is_none());
        let ticket = reader.request(Selection::All, true).expect("the first request");
        books.serve_snapshots(5, 77);
        let cut = reader.wait(ticket, SOON).expect("served");
        assert_eq!((cut.sequence, cut.ts_event_ns), (5, 77));
        let instruments: Vec<u32> = cut.books().map(|book| book.instrument()).collect();
        assert_eq!(instruments, [7, 3, 9]);
        let book = cut.books().next().expect("three books");
        let bid = book.levels(Side::BID).next().expect("two orders");
        assert_eq!((bid.price(), bid.quantity(), bid.order_count()), (100, 30, 2));
        let queue = [QueuedOrder { order_id: 1, quantity: 10 }, QueuedOrder { order_id: 2, quantity: 20 }];
        assert_eq!(bid.orders(), queue);
        assert_eq!(book.levels(Side::ASK).map(|level| level.price()).collect::<Vec<_>>(), [102]);
        assert_eq!(book.levels(Side::NONE).len(), 0);
        assert_eq!(book.validity(), Validity::default());
    }

    #[test]
    fn keys_select_and_orders_are_left_out_unless_asked_for() {
        let mut books = three_books();
        let reader = books.snapshot_reader();
        let ticket = reader.request(Selection::Keys(&[9, 42, 7, 1_000]), false).expect("the first request");
        books.serve_snapshots(5, 0);
        let cut = reader.wait(ticket, SOON).expect("served");
        assert_eq!(cut.books().map(|book| book.instrument()).collect::<Vec<_>>(), [9, 7]);
        let bid = cut.books().nth(1).and_then(|book| book.levels(Side::BID).next()).expect("a bid");
        assert_eq!((bid.order_count(), bid.orders()), (2, &[][..]));
    }

    #[test]
    fn held_cut_stays_as_it_is_while_others_follow() {
        let mut books = three_books();
        let reader = books.snapshot_reader();
        reader.request(Selection::All, true).expect("the first request");
        books.serve_snapshots(5, 0);
        let held = reader.newest().expect("served");
        let before: Vec<QueuedOrder> = held.orders.clone();
        for id in 6..56 {
            add(&mut books, id, 7, Side::BID, 100, id);
            reader.request(Selection::All, true).expect("the writer keeps up");
            books.serve_snapshots(id, 0);
        }
        assert_eq!((held.sequence, &held.orders), (5, &before));
        assert_eq!(reader.newest().expect("served").sequence, 55);
    }

    #[test]
    fn independent_readers_have_snapshots_of_their_own_and_clones_share() {
        let mut books = three_books();
        let reader = books.snapshot_reader();
        let (clone, other) = (reader.clone(), reader.independent());
        reader.request(Selection::Keys(&[7]), false).expect("the first request");
        other.request(Selection::Keys(&[3]), false).expect("the second");
        books.serve_snapshots(5, 0);
        let seen =
            |reader: &SnapshotReader| reader.newest().and_then(|cut| cut.books().next().map(|book| book.instrument()));
        assert_eq!([seen(&reader), seen(&clone), seen(&other)], [Some(7), Some(7), Some(3)]);
    }

    #[test]
    fn requests_past_the_desk_are_refused_and_waiting_ends() {
        let mut books = three_books();
        let reader = books.snapshot_reader();
        let tickets: Vec<Ticket> = (0..REQUESTS).map_while(|_| reader.request(Selection::All, false).ok()).collect();
        assert_eq!(tickets.len(), REQUESTS);
        assert_eq!(reader.request(Selection::All, false), Err(SnapshotError::TooManyRequests));
        assert_eq!(reader.wait(tickets[0], Duration::ZERO).err(), Some(SnapshotError::Timeout));
        books.serve_snapshots(5, 0);
        assert_eq!(reader.newest().map(|cut| cut.ticket()), tickets.last().copied());
        let next = reader.request(Selection::All, false).expect("there is room again");
        assert!(next > tickets[REQUESTS - 1]);
    }

    #[test]
    fn buffers_return_to_the_pool() {
        let mut books = three_books();
        let reader = books.snapshot_reader();
        let mut from_pool = 0;
        for _ in 0..2_000 {
            reader.slot.retire_replaced(&reader.desk, &epoch::pin());
            from_pool += usize::from(!reader.desk.free.is_empty());
            reader.request(Selection::All, true).expect("the writer keeps up");
            books.serve_snapshots(5, 0);
        }
        // Other tests of this process hold guards now and then, which delays a return and no more.
        assert!(from_pool > 1_000, "{from_pool} of 2000 buffers came from the pool");
    }
}
