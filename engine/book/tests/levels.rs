//! Level books held against plain vectors, after every event: by position, by price, and lists of orders.

use std::collections::BTreeMap;

use proptest::prelude::*;
use wirebook_abi::{Event, EventCold, EventKind, Side, detail, flags};
use wirebook_book::{
    BookConfig, BookReader, BookState, BookWriter, Cursor, GivenLevel, ReadError, Reason, Selection, TOP_LEVELS, Top,
    TopLevel,
};

const DIRECT: usize = 0;
const IMPLIED: usize = 1;
const SIDES: [Side; 2] = [Side::BID, Side::ASK];

/// One entry as the feed gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    price: i64,
    quantity: u64,
    orders: u32,
    id: u64,
}

impl Entry {
    fn shares_level(&self, other: &Self) -> bool {
        self.price == other.price && self.id != 0 && other.id != 0
    }
}

/// Best first.
type ModelSide = Vec<Entry>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ModelBook {
    /// Direct and implied, bids and asks.
    sides: [[ModelSide; 2]; 2],
    disordered: [[bool; 2]; 2],
    unknown: bool,
    contradicted: bool,
}

#[derive(Default)]
struct Model {
    books: BTreeMap<u32, ModelBook>,
    unknown: u64,
    contradicted: u64,
}

fn better(side: usize, one: i64, other: i64) -> bool {
    // Orders without a price stand before all.
    let no_price = Event::NO_PRICE;
    one != other && (one == no_price || (other != no_price && if side == 0 { one > other } else { one < other }))
}

fn in_order(side: usize, entries: &[Entry]) -> bool {
    entries.windows(2).all(|pair| better(side, pair[0].price, pair[1].price) || pair[0].shares_level(&pair[1]))
}

enum Misfit {
    Unknown,
    Contradiction,
}

impl Model {
    fn apply(&mut self, event: &Event, cold: &EventCold) {
        if event.kind == EventKind::CLEAR {
            self.books.iter_mut().for_each(|(key, book)| {
                if event.detail & detail::WHOLE_CHANNEL != 0 || *key == event.instrument {
                    *book = ModelBook::default();
                }
            });
        } else {
            let at = usize::from(event.side.0) - 1;
            let book = self.books.entry(event.instrument).or_default();
            let side = &mut book.sides[usize::from(event.detail & detail::IMPLIED != 0)][at];
            match change(side, at, event, cold) {
                Some(Misfit::Unknown) => (self.unknown, book.unknown) = (self.unknown + 1, true),
                Some(Misfit::Contradiction) => (self.contradicted, book.contradicted) = (self.contradicted + 1, true),
                None => {}
            }
        }
        if event.flags & flags::LAST != 0 {
            self.end_group();
        }
    }

    fn end_group(&mut self) {
        for book in self.books.values_mut() {
            for (kind, at) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let disordered = !in_order(at, &book.sides[kind][at]);
                if disordered && !book.disordered[kind][at] {
                    self.contradicted += 1;
                    book.contradicted = true;
                }
                book.disordered[kind][at] = disordered;
            }
        }
    }
}

fn change(side: &mut ModelSide, at: usize, event: &Event, cold: &EventCold) -> Option<Misfit> {
    let position = usize::from(event.level_position());
    let depth = if event.level_depth() == 0 { usize::MAX } else { event.level_depth().into() };
    side.truncate(depth);
    let orders = if cold.match_id != 0 { event.level_orders().max(1) } else { event.level_orders() };
    let entry = Entry { price: event.price, quantity: event.quantity, orders, id: cold.match_id };
    let is_new = event.detail & detail::INSERT != 0;
    let by_price = side.iter().position(|each| each.price == event.price);
    let worse = side.iter().position(|each| better(at, event.price, each.price)).unwrap_or(side.len());
    let run = event.detail & (detail::THROUGH | detail::ONWARD);
    let mut misfit = None;
    if event.kind == EventKind::LEVEL_SET {
        match (position, by_price) {
            (0, Some(found)) if event.quantity == 0 => _ = side.remove(found),
            (0, None) if event.quantity == 0 => {}
            (0, Some(found)) => {
                misfit = is_new.then_some(Misfit::Contradiction);
                side[found] = entry;
            }
            (0, None) => side.insert(worse, entry),
            _ if is_new && position <= depth => {
                misfit = (position > side.len() + 1).then_some(Misfit::Unknown);
                side.insert((position - 1).min(side.len()), entry);
            }
            _ if !is_new && position <= side.len() => side[position - 1] = entry,
            _ => misfit = Some(Misfit::Unknown),
        }
        side.truncate(depth);
    } else if run == detail::THROUGH | detail::ONWARD {
        side.clear();
    } else if run != 0 && position == 0 {
        let through = run == detail::THROUGH;
        side.retain(|each| each.price != event.price && better(at, each.price, event.price) != through);
    } else if run != 0 {
        misfit = (position > side.len()).then_some(Misfit::Unknown);
        if run == detail::THROUGH {
            side.drain(..position.min(side.len()));
        } else {
            side.truncate(position - 1);
        }
    } else {
        let found = if position == 0 { by_price } else { (position <= side.len()).then(|| position - 1) };
        match found {
            Some(found) => {
                let gone = side.remove(found);
                if gone.price != event.price && event.price != 0 {
                    misfit = Some(Misfit::Contradiction);
                }
            }
            None => misfit = Some(Misfit::Unknown),
        }
    }
    misfit
}

/// Whether entries are named by position or by price, and whether they are orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    Positions,
    Prices,
    List,
}

/// What an event does, and to which level.
fn event(feed: Feed) -> impl Strategy<Value = (Event, EventCold)> {
    let kind = prop_oneof![
        9 => Just((EventKind::LEVEL_SET, detail::INSERT)),
        5 => Just((EventKind::LEVEL_SET, 0)),
        4 => Just((EventKind::LEVEL_DELETE, 0)),
        1 => Just((EventKind::LEVEL_DELETE, detail::THROUGH)),
        1 => Just((EventKind::LEVEL_DELETE, detail::ONWARD)),
        1 => Just((EventKind::LEVEL_DELETE, detail::THROUGH | detail::ONWARD)),
        1 => prop_oneof![4 => Just(0), 1 => Just(detail::WHOLE_CHANNEL)].prop_map(|all| (EventKind::CLEAR, all)),
    ];
    let depth = if feed == Feed::List { 0..1_u16 } else { 0..14 };
    let named = (1..16_u16, 0..5_u32, depth, -4..40_i64, 1..1_000_u64);
    (kind, named, 0..3_u32, 0..2_usize, prop::bool::weighted(0.2), prop::bool::weighted(0.7), any::<bool>()).prop_map(
        move |((kind, bits), (position, orders, depth, price, quantity), instrument, side, implied, last, zero)| {
            let position = if feed == Feed::Prices { 0 } else { position };
            // By price none is a price too; a list has few prices, so that orders share them.
            let price = match feed {
                Feed::List if price % 11 == 0 => Event::NO_PRICE,
                Feed::List => 1 + price % 5,
                _ => price,
            };
            let is_clear = kind == EventKind::CLEAR;
            let gone = feed == Feed::Prices && zero && bits == 0 && kind == EventKind::LEVEL_SET;
            let event = Event {
                order_id: if is_clear { 0 } else { Event::level_key_within(position, orders, depth) },
                price: if kind == EventKind::LEVEL_DELETE && feed != Feed::Prices && zero { 0 } else { price },
                quantity: if gone { 0 } else { quantity },
                instrument,
                kind,
                side: if is_clear { Side::NONE } else { SIDES[side] },
                flags: if last { flags::LAST } else { 0 },
                detail: bits | if implied && !is_clear { detail::IMPLIED } else { 0 },
            };
            let match_id = if feed == Feed::List && kind == EventKind::LEVEL_SET { quantity } else { 0 };
            (event, EventCold { match_id, ..EventCold::default() })
        },
    )
}

fn events() -> impl Strategy<Value = Vec<(Event, EventCold)>> {
    let feed = prop_oneof![Just(Feed::Positions), Just(Feed::Prices), Just(Feed::List)];
    feed.prop_flat_map(|feed| prop::collection::vec(event(feed), 1..200))
}

/// Deeper than it would be by chance: insertions at a position that is there, prices in order for the most part.
fn deep() -> impl Strategy<Value = Vec<(Event, EventCold)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0..2_usize, 0..6_u8, 1..4_u64), 1..300).prop_map(|steps| {
        let mut sides: [ModelSide; 2] = Default::default();
        let mut made = Vec::new();
        for (place, at, what, quantity) in steps {
            let side = &mut sides[at];
            if side.is_empty() && what >= 4 {
                continue;
            }
            let position = place.index(side.len() + usize::from(what < 4)) + 1;
            let price = if at == 0 { -(position as i64) * 1_000 } else { position as i64 * 1_000 };
            let (kind, bits) = match what {
                0..4 => (EventKind::LEVEL_SET, detail::INSERT),
                4 => (EventKind::LEVEL_SET, 0),
                _ => (EventKind::LEVEL_DELETE, 0),
            };
            let event = Event {
                order_id: Event::level_key(position as u16, 1),
                price: if kind == EventKind::LEVEL_DELETE { 0 } else { price },
                quantity,
                instrument: 1,
                kind,
                side: SIDES[at],
                flags: flags::LAST,
                detail: bits,
            };
            change(side, at, &event, &EventCold::default());
            made.push((event, EventCold::default()));
        }
        made
    })
}

fn writer() -> BookWriter {
    // Small reserves, so that growing is part of what is tested.
    let config = BookConfig {
        instrument_limit: 8,
        instruments: 8,
        orders: 4,
        levels: 4,
        window_bits: 4,
        ..BookConfig::default()
    };
    BookWriter::new(&config).expect("the sizes are in range")
}

fn levels_of(side: &[Entry]) -> Vec<TopLevel> {
    let levels = side.chunk_by(Entry::shares_level);
    levels
        .map(|level| TopLevel {
            price: level[0].price,
            quantity: level.iter().map(|entry| entry.quantity).sum(),
            order_count: level.iter().map(|entry| entry.orders).sum(),
        })
        .collect()
}

fn seen<'a>(levels: impl Iterator<Item = GivenLevel<'a>>) -> (Vec<TopLevel>, Vec<(u64, u64)>) {
    let (mut found, mut orders) = (Vec::new(), Vec::new());
    for level in levels {
        found.push(TopLevel { price: level.price(), quantity: level.quantity(), order_count: level.order_count() });
        orders.extend(level.orders().map(|order| (order.order_id, order.quantity)));
    }
    (found, orders)
}

/// The whole book, between any two events.
fn check_books(books: &BookWriter, model: &Model) {
    for (key, expected) in &model.books {
        let book = books.level_book(*key).expect("the feed gave a level of it");
        for (at, side) in SIDES.into_iter().enumerate() {
            let found = [seen(book.levels(side)), seen(book.implied(side))];
            for (kind, (levels, orders)) in found.into_iter().enumerate() {
                let entries = &expected.sides[kind][at];
                assert_eq!(levels, levels_of(entries), "instrument {key}, book {kind}, side {at}");
                let listed: Vec<_> =
                    entries.iter().filter(|entry| entry.id != 0).map(|entry| (entry.id, entry.quantity)).collect();
                assert_eq!(orders, listed);
            }
            for level in book.levels(side) {
                assert!(book.level(side, level.price()).is_some());
            }
        }
    }
    let entries: usize = model.books.values().flat_map(|book| book.sides.iter().flatten()).map(Vec::len).sum();
    assert_eq!((books.given_levels(), books.is_empty()), (entries, entries == 0));
    assert_eq!(books.counters().unknown_levels, model.unknown);
}

fn check_top(top: &Top, sides: &[ModelSide; 2], what: &str) {
    for (published, side) in [top.bids(), top.asks()].into_iter().zip(sides) {
        let levels = levels_of(side);
        assert_eq!(published, &levels[..levels.len().min(TOP_LEVELS)], "{what}");
    }
}

/// What readers see, at the end of a group.
fn check_tops(books: &BookWriter, reader: &BookReader, model: &Model) {
    for (key, expected) in &model.books {
        let top = reader.top(*key).expect("nothing writes now");
        check_top(&top, &expected.sides[DIRECT], "direct");
        let implied = reader.implied_top(*key).expect("nothing writes now");
        check_top(&implied, &expected.sides[IMPLIED], "implied");
        let best = |at: usize| {
            expected.sides[DIRECT][at].iter().map(|entry| entry.price).find(|price| *price != Event::NO_PRICE)
        };
        let crossed = matches!((best(0), best(1)), (Some(bid), Some(ask)) if bid >= ask);
        let (state, reason) = match expected {
            ModelBook { contradicted: true, .. } => (BookState::Stale, Reason::Contradiction),
            ModelBook { unknown: true, .. } => (BookState::Stale, Reason::UnknownLevel),
            _ if crossed => (BookState::CrossedAtSource, Reason::Crossed),
            _ => (BookState::Valid, Reason::None),
        };
        assert_eq!((top.validity.state, top.validity.reason), (state, reason), "{expected:?}");
        if books.level_book(*key).is_some_and(|book| book.has_implied()) {
            assert_eq!((implied.validity, implied.sequence), (top.validity, top.sequence));
        }
    }
    assert_eq!(books.counters().contradicted_levels, model.contradicted);
}

/// A cut of everything, orders included.
fn check_cut(books: &mut BookWriter, model: &Model) {
    let reader = books.snapshot_reader();
    reader.request(Selection::All, true).expect("the first request");
    books.serve_snapshots(1, 1);
    let cut = reader.newest().expect("served");
    for book in cut.books() {
        let Some(expected) = model.books.get(&book.instrument()) else {
            assert_eq!(book.levels(Side::BID).len() + book.levels(Side::ASK).len(), 0, "it was only cleared");
            continue;
        };
        for (at, side) in SIDES.into_iter().enumerate() {
            let sums = |levels: &mut dyn Iterator<Item = (TopLevel, usize)>| -> (Vec<TopLevel>, usize) {
                levels.fold((Vec::new(), 0), |(mut all, orders), (level, count)| {
                    all.push(level);
                    (all, orders + count)
                })
            };
            let level = |level: wirebook_book::CutLevel<'_>| {
                let (price, quantity, order_count) = (level.price(), level.quantity(), level.order_count());
                (TopLevel { price, quantity, order_count }, level.orders().len())
            };
            let listed = |side: &[Entry]| side.iter().filter(|entry| entry.id != 0).count();
            let sides = [&expected.sides[DIRECT][at], &expected.sides[IMPLIED][at]];
            assert_eq!(sums(&mut book.levels(side).map(level)), (levels_of(sides[0]), listed(sides[0])));
            assert_eq!(sums(&mut book.implied(side).map(level)), (levels_of(sides[1]), listed(sides[1])));
            assert_eq!(book.order_levels(side).len(), 0);
        }
    }
}

fn play(made: Vec<(Event, EventCold)>) {
    let mut books = writer();
    let (reader, mut model) = (books.reader(), Model::default());
    for (sequence, (mut event, cold)) in (1..).zip(made) {
        let cold = EventCold { sequence, ts_event_ns: sequence * 10, ..cold };
        model.apply(&event, &cold);
        books.apply(&mut event, &cold);
        check_books(&books, &model);
        if event.flags & flags::LAST != 0 {
            check_tops(&books, &reader, &model);
            check_cut(&mut books, &model);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn level_books_agree_with_vectors_after_every_event(made in events()) {
        play(made);
    }

    #[test]
    fn deep_sides_agree_with_vectors(made in deep()) {
        play(made);
    }

    #[test]
    fn looking_ahead_changes_nothing(made in events(), cuts in prop::collection::vec((1..60_usize, any::<bool>()), 1..20)) {
        let (mut books, mut model) = (writer(), Model::default());
        let (mut events, mut cold) = (Vec::new(), Vec::new());
        for (sequence, (event, each)) in (1..).zip(made) {
            model.apply(&event, &each);
            events.push(event);
            cold.push(EventCold { sequence, ..each });
        }
        let (mut cursor, mut given) = (Cursor::default(), 0);
        for (more, drain) in cuts {
            given = (given + more).min(events.len());
            books.advance(&mut events[..given], &cold[..given], &mut cursor, drain);
        }
        books.advance(&mut events, &cold, &mut cursor, true);
        check_books(&books, &model);
    }
}

fn level(kind: EventKind, position: u16, side: Side, price: i64, quantity: u64, bits: u8) -> Event {
    let order_id = Event::level_key(position, 3);
    Event { order_id, price, quantity, instrument: 1, kind, side, flags: flags::LAST, detail: bits }
}

fn at(sequence: u64) -> EventCold {
    EventCold { sequence, ts_event_ns: sequence, ..EventCold::default() }
}

fn insert(books: &mut BookWriter, position: u16, price: i64) {
    books.apply(&mut level(EventKind::LEVEL_SET, position, Side::BID, price, 5, detail::INSERT), &at(1));
}

fn bids(books: &BookWriter) -> Vec<i64> {
    let top = books.reader().top(1).expect("known");
    top.bids().iter().map(|level| level.price).collect()
}

#[test]
fn an_insertion_pushes_the_last_level_past_the_depth() {
    let mut books = writer();
    books.set_depth(1, 3, 0);
    books.set_depth(1, 0, 2);
    for (position, price) in [(1, 100), (2, 98), (3, 97), (2, 99), (1, 101)] {
        insert(&mut books, position, price);
    }
    assert_eq!((bids(&books), books.given_levels()), (vec![101, 100, 99], 3));
    assert_eq!(books.level_book(1).expect("given").depths(), [3, 2]);
}

#[test]
fn a_depth_from_the_definition_goes_before_the_one_of_the_event() {
    let mut books = writer();
    books.set_depth(1, 2, 0);
    for price in [98, 99, 100] {
        let mut event = level(EventKind::LEVEL_SET, 1, Side::BID, price, 5, detail::INSERT);
        event.order_id = Event::level_key_within(1, 3, 10);
        books.apply(&mut event, &at(1));
    }
    assert_eq!(bids(&books), [100, 99]);
    books.set_depth(1, 1, 0);
    books.apply(&mut level(EventKind::END, 0, Side::NONE, 0, 0, 0), &at(2));
    assert_eq!(bids(&books), [100]);
}

#[test]
fn a_depth_alone_makes_no_level_book() {
    let mut books = writer();
    books.set_depth(1, 10, 2);
    assert!(books.level_book(1).is_none());
    let order = Event { order_id: 7, kind: EventKind::ADD, ..level(EventKind::ADD, 0, Side::BID, 100, 5, 0) };
    books.apply(&mut order.clone(), &at(1));
    assert_eq!(bids(&books), [100]);
}

#[test]
fn a_level_that_is_not_there_marks_the_book_and_invents_nothing() {
    let cases = [
        (EventKind::LEVEL_SET, 1, 0),
        (EventKind::LEVEL_DELETE, 1, 0),
        (EventKind::LEVEL_DELETE, 0, 0),
        (EventKind::LEVEL_DELETE, 1, detail::THROUGH),
        (EventKind::LEVEL_DELETE, 7, detail::ONWARD),
    ];
    for (kind, position, bits) in cases {
        let mut books = writer();
        let mut event = level(kind, position, Side::ASK, 100, 5, bits);
        books.apply(&mut event, &at(9));
        let top = books.reader().top(1).expect("known");
        assert_eq!((top.bids().len(), top.asks().len(), books.given_levels()), (0, 0, 0), "{event:?}");
        assert_eq!((top.validity.state, top.validity.reason), (BookState::Stale, Reason::UnknownLevel));
        assert_eq!((top.validity.since_sequence, books.counters().unknown_levels), (9, 1));
        assert_eq!(event.flags & (flags::MAYBE_BAD_BOOK | flags::MBP), flags::MAYBE_BAD_BOOK | flags::MBP);
        let mut clear = level(EventKind::CLEAR, 0, Side::NONE, 0, 0, 0);
        books.apply(&mut clear, &at(10));
        assert_eq!(books.validity(1).expect("known").state, BookState::Valid);
    }
}

#[test]
fn a_new_level_past_the_end_is_kept_as_the_last_and_marks_the_book() {
    let mut books = writer();
    insert(&mut books, 1, 100);
    insert(&mut books, 10, 91);
    assert_eq!((bids(&books), books.counters().unknown_levels), (vec![100, 91], 1));
    assert_eq!(books.validity(1).expect("known").reason, Reason::UnknownLevel);
    books.set_depth(1, 2, 0);
    insert(&mut books, 3, 90);
    assert_eq!((bids(&books), books.counters().unknown_levels), (vec![100, 91], 2), "past the depth");
}

#[test]
fn levels_may_be_out_of_order_within_a_group_and_not_after_it() {
    let mut books = writer();
    insert(&mut books, 1, 100);
    insert(&mut books, 2, 99);
    let overlay = |books: &mut BookWriter, position, price, last| {
        let mut event = level(EventKind::LEVEL_SET, position, Side::BID, price, 5, 0);
        event.flags = last;
        books.apply(&mut event, &at(5));
    };
    overlay(&mut books, 1, 99, 0);
    overlay(&mut books, 2, 98, flags::LAST);
    assert_eq!((bids(&books), books.validity(1).expect("known").state), (vec![99, 98], BookState::Valid));
    overlay(&mut books, 1, 97, flags::LAST);
    let validity = books.validity(1).expect("known");
    assert_eq!((validity.reason, books.counters().contradicted_levels), (Reason::Contradiction, 1));
    assert_eq!(bids(&books), [97, 98], "what the feed gave, as it gave it");
}

#[test]
fn a_deletion_is_completed_by_the_level_and_checked_against_it() {
    let mut books = writer();
    insert(&mut books, 1, 100);
    insert(&mut books, 2, 99);
    let mut unchecked = level(EventKind::LEVEL_DELETE, 2, Side::BID, 0, 0, 0);
    books.apply(&mut unchecked, &at(2));
    assert_eq!((unchecked.price, unchecked.quantity, unchecked.flags & flags::MAYBE_BAD_BOOK), (99, 5, 0));
    let mut wrong = level(EventKind::LEVEL_DELETE, 1, Side::BID, 98, 0, 0);
    books.apply(&mut wrong, &at(3));
    assert_eq!((wrong.price, wrong.flags & flags::MAYBE_BAD_BOOK), (100, flags::MAYBE_BAD_BOOK));
    assert_eq!(books.validity(1).expect("known").reason, Reason::Contradiction);
}

#[test]
fn orders_are_kept_beside_levels_and_tops_show_the_levels() {
    let mut books = writer();
    let order = |id, price| Event {
        order_id: id,
        price,
        quantity: 10,
        instrument: 1,
        kind: EventKind::ADD,
        side: Side::BID,
        flags: flags::LAST,
        detail: 0,
    };
    books.apply(&mut order(1, 100), &at(1));
    assert_eq!(bids(&books), [100], "orders alone are a book");
    insert(&mut books, 1, 99);
    insert(&mut books, 1, 101);
    books.apply(&mut order(2, 50), &at(4));
    assert_eq!(bids(&books), [101, 99]);
    assert_eq!(books.book(1).expect("known").order_count(), 2);
    let reader = books.snapshot_reader();
    reader.request(Selection::All, true).expect("the first request");
    books.serve_snapshots(4, 4);
    let cut = reader.newest().expect("served");
    let book = cut.books().next().expect("one book");
    assert_eq!(book.levels(Side::BID).map(|level| level.price()).collect::<Vec<_>>(), [101, 99]);
    let by_order: Vec<_> = book.order_levels(Side::BID).map(|level| (level.price(), level.orders().len())).collect();
    assert_eq!(by_order, [(100, 1), (50, 1)]);
    assert!(book.levels(Side::BID).all(|level| level.orders().is_empty() && level.order_count() == 3));
}

#[test]
fn levels_of_no_side_or_instrument_are_left_out_and_counted() {
    let mut books = writer();
    for (side, instrument) in
        [(Side::NONE, 1), (Side::INHERITED, 1), (Side(77), 1), (Side::BID, 8), (Side::BID, u32::MAX)]
    {
        let mut event = Event { instrument, ..level(EventKind::LEVEL_SET, 1, side, 5, 5, detail::INSERT) };
        books.apply(&mut event, &at(1));
    }
    assert_eq!((books.counters().misplaced_events, books.given_levels()), (5, 0));
    assert_eq!(books.reader().implied_top(8), Err(ReadError::UnknownInstrument));
}

#[test]
fn listed_market_orders_stand_first_and_cross_nothing() {
    let mut books = writer();
    let mut list = |id, position, side, price| {
        let cold = EventCold { match_id: id, ..at(id) };
        books.apply(&mut level(EventKind::LEVEL_SET, position, side, price, 5, detail::INSERT), &cold);
        let top = books.reader().top(1).expect("known");
        (top.validity.state, top.bids().first().map(|best| best.price), top.asks().first().map(|best| best.price))
    };
    list(1, 1, Side::ASK, 100);
    list(2, 1, Side::BID, 99);
    let none = Some(Event::NO_PRICE);
    assert_eq!(list(3, 1, Side::BID, Event::NO_PRICE), (BookState::Valid, none, Some(100)));
    assert_eq!(list(4, 1, Side::ASK, Event::NO_PRICE), (BookState::Valid, none, none));
    assert_eq!(list(5, 2, Side::BID, 100).0, BookState::CrossedAtSource, "behind them, prices cross as ever");
}

#[test]
fn listed_orders_past_the_limit_of_quantities_mark_the_book() {
    let mut books = writer();
    let cold = EventCold { match_id: 9, ..at(1) };
    books.apply(&mut level(EventKind::LEVEL_SET, 1, Side::BID, 5, 1 << 40, detail::INSERT), &cold);
    assert_eq!(books.validity(1).expect("known").reason, Reason::Oversized);
    assert_eq!(books.reader().top(1).expect("known").bids()[0].quantity, 1 << 40);
}
