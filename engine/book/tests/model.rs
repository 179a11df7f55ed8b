//! Every book operation held against the plainest book there is, after every event.

use std::collections::BTreeMap;

use proptest::prelude::*;
use wirebook_abi::{Event, EventCold, EventKind, Side, detail, flags};
use wirebook_book::{BookConfig, BookState, BookWriter, Cursor, Reason, TOP_LEVELS, TopLevel};

/// Levels by key (ascending from best), each with its queue of order id and quantity.
type ModelSide = BTreeMap<i64, Vec<(u64, u64)>>;

#[derive(Default)]
struct Model {
    books: BTreeMap<u32, [ModelSide; 2]>,
    /// Instrument, side, key.
    orders: BTreeMap<u64, (u32, usize, i64)>,
    /// Orders whose side nobody knows, by id: what is left of each.
    limbo: BTreeMap<u64, u64>,
    unknown: u64,
    duplicates: u64,
    overdrawn: u64,
    orphans: u64,
    inherited: Option<usize>,
}

const SIGN: [i64; 2] = [-1, 1];

impl Model {
    fn rest(&mut self, instrument: u32, side: usize, id: u64, price: i64, quantity: u64) {
        let key = price * SIGN[side];
        self.orders.insert(id, (instrument, side, key));
        self.books.entry(instrument).or_default()[side].entry(key).or_default().push((id, quantity));
    }

    fn orphan(&mut self, event: &Event) {
        self.orphans += 1;
        if !self.orders.contains_key(&event.order_id) {
            self.limbo.entry(event.order_id).or_insert(event.quantity);
        }
    }

    fn remove(&mut self, id: u64) {
        let (instrument, side, key) = self.orders.remove(&id).expect("the order is open");
        let levels = &mut self.books.get_mut(&instrument).expect("its book is known")[side];
        let queue = levels.get_mut(&key).expect("its level is there");
        queue.retain(|(each, _)| *each != id);
        if queue.is_empty() {
            levels.remove(&key);
        }
    }

    fn left(&mut self, id: u64) -> &mut u64 {
        let (instrument, side, key) = self.orders[&id];
        let queue = self.books.get_mut(&instrument).expect("known")[side].get_mut(&key).expect("there");
        &mut queue.iter_mut().find(|(each, _)| *each == id).expect("queued").1
    }

    fn apply(&mut self, event: &Event) {
        let id = event.order_id;
        match event.kind {
            EventKind::CLEAR => {
                let all = event.detail & detail::WHOLE_CHANNEL != 0;
                let gone: Vec<u64> = self
                    .orders
                    .iter()
                    .filter(|(_, (instrument, side, _))| {
                        let is_side = event.side == Side::NONE || usize::from(event.side == Side::ASK) == *side;
                        all || *instrument == event.instrument && is_side
                    })
                    .map(|(id, _)| *id)
                    .collect();
                gone.into_iter().for_each(|id| self.remove(id));
                if all {
                    self.limbo.clear();
                }
                self.books.entry(event.instrument).or_default();
            }
            EventKind::ADD => {
                let side = match event.side {
                    Side::BID => Some(0),
                    Side::ASK => Some(1),
                    _ => self.inherited,
                };
                self.books.entry(event.instrument).or_default();
                match side {
                    None => self.orphan(event),
                    Some(_) if self.orders.contains_key(&id) || self.limbo.contains_key(&id) => self.duplicates += 1,
                    Some(side) => self.rest(event.instrument, side, id, event.price, event.quantity),
                }
            }
            EventKind::MODIFY if self.limbo.contains_key(&id) => {
                self.limbo.remove(&id);
                if event.detail & detail::REMAINING == 0 || event.quantity != 0 {
                    self.orphan(event);
                }
            }
            EventKind::MODIFY if !self.orders.contains_key(&id) && is_nothing(event) => {}
            EventKind::MODIFY if !self.orders.contains_key(&id) && event.detail & detail::PUT != 0 => {
                let side = usize::from(event.side.0) - 1;
                self.rest(event.instrument, side, id, event.price, event.quantity);
            }
            _ if self.limbo.contains_key(&id) => {
                let left = self.limbo[&id];
                let quantity = if event.kind == EventKind::DELETE { left } else { event.quantity };
                if quantity >= left {
                    self.limbo.remove(&id);
                } else {
                    self.limbo.insert(id, left - quantity);
                }
            }
            _ if !self.orders.contains_key(&id) => {
                self.unknown += 1;
                self.books.entry(event.instrument).or_default();
            }
            EventKind::MODIFY => {
                let (instrument, side, key) = self.orders[&id];
                let has = |bit| event.detail & bit != 0;
                let to = match event.side {
                    Side::BID => 0,
                    Side::ASK => 1,
                    _ => side,
                };
                let price = if has(detail::REMAINING) { key * SIGN[side] } else { event.price };
                let in_place = if has(detail::REMAINING) || has(detail::KEEPS_PRIORITY) {
                    true
                } else {
                    !has(detail::LOSES_PRIORITY) && event.quantity <= *self.left(id)
                };
                if is_nothing(event) {
                    self.remove(id);
                } else if to == side && key == price * SIGN[side] && in_place {
                    *self.left(id) = event.quantity;
                } else {
                    self.remove(id);
                    self.rest(instrument, to, id, price, event.quantity);
                }
            }
            _ => {
                let left = *self.left(id);
                let quantity = if event.kind == EventKind::DELETE { left } else { event.quantity };
                if event.kind == EventKind::DELETE {
                    self.inherited = Some(self.orders[&id].1);
                }
                let undisclosed = left == 0 && event.kind != EventKind::DELETE && quantity > 0;
                self.overdrawn += u64::from(quantity > left && !undisclosed);
                if undisclosed {
                } else if quantity >= left {
                    self.remove(id);
                } else {
                    *self.left(id) -= quantity;
                }
            }
        }
        if event.flags & flags::LAST != 0 {
            self.inherited = None;
        }
    }
}

/// Nothing remains of the order.
fn is_nothing(event: &Event) -> bool {
    event.detail & detail::REMAINING != 0 && event.quantity == 0
}

/// One random message: most name few orders, so that everything happens to each of them.
fn message() -> impl Strategy<Value = Vec<Event>> {
    let id = 0..60_u64;
    let event = |kind, order_id, price, quantity, instrument, side| Event {
        order_id,
        price,
        quantity,
        instrument,
        kind,
        side,
        flags: flags::LAST,
        detail: 0,
    };
    let side = prop_oneof![Just(Side::BID), Just(Side::ASK)];
    // Bids and asks overlap at times: a venue may cross its own book and the books must stay sound.
    let price = prop_oneof![4 => 90..130_i64, 1 => 1..400_i64];
    prop_oneof![
        12 => (id.clone(), price.clone(), 0..9_u64, 0..3_u32, side.clone()).prop_map(move |(id, price, quantity, instrument, side)| {
            vec![event(EventKind::ADD, id, price, quantity, instrument, side)]
        }),
        5 => id.clone().prop_map(move |id| vec![event(EventKind::DELETE, id, 0, 0, 1, Side::NONE)]),
        3 => (id.clone(), 1..9_u64).prop_map(move |(id, quantity)| {
            vec![event(EventKind::EXECUTE, id, 0, quantity, 1, Side::NONE)]
        }),
        2 => (id.clone(), 1..9_u64).prop_map(move |(id, quantity)| {
            vec![event(EventKind::REDUCE, id, 0, quantity, 1, Side::NONE)]
        }),
        3 => (id.clone(), price.clone(), 1..9_u64).prop_map(move |(id, price, quantity)| {
            vec![event(EventKind::MODIFY, id, price, quantity, 1, Side::NONE)]
        }),
        3 => (id.clone(), price.clone(), 0..9_u64, modify_detail(), side).prop_map(move |(id, price, quantity, detail, side)| {
            let side = if detail == detail::REMAINING { Side::NONE } else { side };
            vec![Event { detail, ..event(EventKind::MODIFY, id, price, quantity, 1, side) }]
        }),
        3 => (id.clone(), id, price, 1..9_u64).prop_map(move |(old, new, price, quantity)| {
            let mut group = vec![
                event(EventKind::DELETE, old, 0, 0, 2, Side::NONE),
                event(EventKind::ADD, new, price, quantity, 2, Side::INHERITED),
            ];
            group[0].flags = 0;
            group
        }),
        1 => (0..3_u32, prop::bool::weighted(0.3), 0..3_u8).prop_map(move |(instrument, all, side)| {
            let mut clear = event(EventKind::CLEAR, 0, 0, 0, instrument, Side(side));
            clear.detail = if all { detail::WHOLE_CHANNEL } else { 0 };
            vec![clear]
        }),
    ]
}

/// What a modify may say of the order's place.
fn modify_detail() -> impl Strategy<Value = u8> {
    prop_oneof![
        Just(detail::REMAINING),
        Just(detail::KEEPS_PRIORITY),
        Just(detail::LOSES_PRIORITY),
        Just(detail::PUT),
        Just(detail::PUT | detail::KEEPS_PRIORITY),
    ]
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

fn check(books: &BookWriter, model: &Model, sequence: u64) {
    let reader = books.reader();
    for (instrument, sides) in &model.books {
        let Some(book) = books.book(*instrument) else {
            assert!(sides.iter().all(BTreeMap::is_empty), "book {instrument} is missing");
            continue;
        };
        let top = reader.top(*instrument).expect("nothing writes now");
        assert!(top.sequence <= sequence);
        for (at, published) in [top.bids(), top.asks()].into_iter().enumerate() {
            let side = Side(at as u8 + 1);
            let expected: Vec<(i64, Vec<(u64, u64)>)> =
                sides[at].iter().map(|(key, queue)| (key * SIGN[at], queue.clone())).collect();
            let levels: Vec<(i64, Vec<(u64, u64)>)> = book
                .levels(side)
                .map(|level| {
                    let queue = level.orders().map(|order| (order.order_id, u64::from(order.quantity))).collect();
                    (level.price(), queue)
                })
                .collect();
            assert_eq!(levels, expected, "instrument {instrument} side {at}");
            let top_levels: Vec<TopLevel> = expected
                .iter()
                .take(TOP_LEVELS)
                .map(|(price, queue)| TopLevel {
                    price: *price,
                    quantity: queue.iter().map(|(_, quantity)| quantity).sum(),
                    order_count: queue.len() as u32,
                })
                .collect();
            assert_eq!(published, top_levels, "published side {at} of {instrument}");
            for (price, queue) in &expected {
                let level = book.level(side, *price).expect("the level is there");
                assert_eq!(level.quantity(), queue.iter().map(|(_, quantity)| quantity).sum::<u64>());
                assert_eq!(level.order_count() as usize, queue.len());
                for (ahead, (id, _)) in queue.iter().enumerate() {
                    let position = book.position(*id).expect("the order rests here");
                    assert_eq!((position.price, position.orders_ahead as usize), (*price, ahead));
                    let quantity_ahead: u64 = queue[..ahead].iter().map(|(_, quantity)| quantity).sum();
                    assert_eq!(position.quantity_ahead, quantity_ahead);
                    assert_eq!(books.instrument_of_order(*id), Some(*instrument));
                }
            }
        }
        let crossed = match (sides[0].first_key_value(), sides[1].first_key_value()) {
            (Some((bid, _)), Some((ask, _))) => bid + ask <= 0,
            _ => false,
        };
        let doubtful = book.validity().state == BookState::Stale;
        assert_eq!(book.validity().state == BookState::CrossedAtSource, crossed && !doubtful);
    }
    assert_eq!(books.open_orders(), model.orders.len());
    let levels: usize = model.books.values().flatten().map(BTreeMap::len).sum();
    assert_eq!(books.open_levels(), levels);
    let counters = books.counters();
    assert_eq!(
        (counters.unknown_orders, counters.duplicate_orders, counters.overdrawn_orders, counters.orphaned_adds),
        (model.unknown, model.duplicates, model.overdrawn, model.orphans)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn books_agree_with_the_model_after_every_message(messages in prop::collection::vec(message(), 1..250)) {
        let mut books = writer();
        let mut model = Model::default();
        for (sequence, group) in (1..).zip(messages) {
            let cold = EventCold { sequence, ts_event_ns: sequence * 10, ..EventCold::default() };
            for mut event in group {
                model.apply(&event);
                books.apply(&mut event, &cold);
            }
            check(&books, &model, sequence);
        }
    }

    #[test]
    fn looking_ahead_changes_nothing(
        messages in prop::collection::vec(message(), 1..200),
        cuts in prop::collection::vec((1..60_usize, any::<bool>()), 1..40),
    ) {
        let mut books = writer();
        let mut model = Model::default();
        let mut events = Vec::new();
        let mut cold = Vec::new();
        for (sequence, group) in (1..).zip(messages) {
            for event in group {
                model.apply(&event);
                events.push(event);
                cold.push(EventCold { sequence, ..EventCold::default() });
            }
        }
        let mut cursor = Cursor::default();
        let mut given = 0;
        for (more, drain) in cuts {
            given = (given + more).min(events.len());
            books.advance(&mut events[..given], &cold[..given], &mut cursor, drain);
            prop_assert!(!drain || cursor.applied == given);
        }
        books.advance(&mut events, &cold, &mut cursor, true);
        prop_assert_eq!(cursor.applied, events.len());
        check(&books, &model, u64::MAX);
    }
}

fn cold(sequence: u64) -> EventCold {
    EventCold { sequence, ts_event_ns: sequence, ..EventCold::default() }
}

fn event(kind: EventKind, order_id: u64, price: i64, quantity: u64, side: Side) -> Event {
    Event { order_id, price, quantity, instrument: 1, kind, side, flags: flags::LAST, detail: 0 }
}

#[test]
fn events_are_completed_by_the_order_they_name() {
    let mut books = writer();
    books.apply(&mut event(EventKind::ADD, 7, 100, 50, Side::ASK), &cold(1));
    let mut execute = event(EventKind::EXECUTE, 7, 0, 20, Side::NONE);
    execute.instrument = Event::NO_INSTRUMENT;
    books.apply(&mut execute, &cold(2));
    assert_eq!((execute.instrument, execute.side, execute.price), (1, Side::ASK, 100));
    let mut delete = event(EventKind::DELETE, 7, 0, 0, Side::NONE);
    books.apply(&mut delete, &cold(3));
    assert_eq!((delete.quantity, delete.price, delete.flags & flags::MAYBE_BAD_BOOK), (30, 100, 0));
}

#[test]
fn unknown_order_marks_its_instrument_and_invents_nothing() {
    let mut books = writer();
    let mut delete = event(EventKind::DELETE, 99, 0, 0, Side::NONE);
    books.apply(&mut delete, &cold(5));
    let top = books.reader().top(1).expect("the instrument is known");
    assert_eq!((top.validity.state, top.validity.reason), (BookState::Stale, Reason::UnknownOrder));
    assert_eq!((top.validity.since_sequence, top.bids().len(), top.asks().len()), (5, 0, 0));
    assert_ne!(delete.flags & flags::MAYBE_BAD_BOOK, 0);
    assert_eq!(books.counters().unknown_orders, 1);
}

#[test]
fn readers_see_nothing_of_a_group_before_its_end() {
    let mut books = writer();
    let reader = books.reader();
    books.apply(&mut event(EventKind::ADD, 1, 100, 50, Side::BID), &cold(1));
    let mut delete = event(EventKind::DELETE, 1, 0, 0, Side::NONE);
    delete.flags = 0;
    books.apply(&mut delete, &cold(2));
    assert_eq!(reader.top(1).expect("known").bids()[0].price, 100);
    books.apply(&mut event(EventKind::ADD, 2, 101, 50, Side::INHERITED), &cold(2));
    let top = reader.top(1).expect("known");
    assert_eq!((top.sequence, top.bids()[0].price, top.bids().len()), (2, 101, 1));
}

#[test]
fn orders_without_a_price_stand_first_and_cross_nothing() {
    let mut books = writer();
    let mut add = |order_id, price, side| {
        let mut event = Event {
            order_id,
            price,
            quantity: 5,
            instrument: 1,
            kind: EventKind::ADD,
            side,
            flags: flags::LAST,
            ..Event::default()
        };
        books.apply(&mut event, &EventCold { sequence: order_id, ..EventCold::default() });
        let book = books.book(1).expect("it is named");
        (book.levels(side).next().map(|level| level.price()), book.validity().state)
    };
    assert_eq!(add(1, 100, Side::BID), (Some(100), BookState::Valid));
    assert_eq!(add(2, Event::NO_PRICE, Side::BID), (Some(Event::NO_PRICE), BookState::Valid));
    assert_eq!(add(3, Event::NO_PRICE, Side::ASK), (Some(Event::NO_PRICE), BookState::Valid));
    assert_eq!(add(4, 101, Side::ASK), (Some(Event::NO_PRICE), BookState::Valid));
    assert_eq!(add(5, 99, Side::ASK), (Some(Event::NO_PRICE), BookState::CrossedAtSource));
}

#[test]
fn doubt_of_the_channel_reaches_instruments_named_later() {
    let mut books = writer();
    books.doubt_channel(Reason::Gap, 10, 0);
    books.apply(&mut event(EventKind::ADD, 1, 100, 50, Side::BID), &cold(11));
    let validity = books.validity(1).expect("known");
    assert_eq!((validity.state, validity.reason, validity.since_sequence), (BookState::Stale, Reason::Gap, 10));
}

#[test]
fn a_doubt_that_is_lifted_leaves_the_others() {
    let mut books = writer();
    let state = |books: &BookWriter, key| {
        let book = books.validity(key).expect("known");
        assert_eq!(books.reader().top(key).expect("published").validity, book, "readers see it at once");
        (book.state, book.reason, book.since_sequence)
    };
    books.apply(&mut event(EventKind::ADD, 1, 100, 50, Side::BID), &cold(1));
    books.doubt_channel(Reason::Gap, 10, 0);
    books.doubt_channel(Reason::Recovering, 12, 0);
    let mut later = Event { instrument: 2, ..event(EventKind::ADD, 2, 100, 50, Side::BID) };
    books.apply(&mut later, &cold(12));
    for key in [1, 2] {
        assert_eq!(state(&books, key), (BookState::Recovering, Reason::Recovering, 12));
    }
    // A venue that clears its books ends what they lacked, not the fetching.
    let mut clear = Event { detail: detail::WHOLE_CHANNEL, ..event(EventKind::CLEAR, 0, 0, 0, Side::NONE) };
    books.doubt_channel(Reason::Silent, 13, 0);
    books.lift_channel(Reason::Recovering, 14, 0);
    assert_eq!(state(&books, 1), (BookState::Stale, Reason::Gap, 14));
    books.apply(&mut clear, &cold(15));
    assert_eq!(state(&books, 2), (BookState::Stale, Reason::Silent, 15));
    books.lift_channel(Reason::Silent, 16, 0);
    assert_eq!(state(&books, 2), (BookState::Valid, Reason::None, 16));
    let mut named = Event { instrument: 3, ..event(EventKind::ADD, 3, 100, 50, Side::BID) };
    books.apply(&mut named, &cold(17));
    assert_eq!(state(&books, 3), (BookState::Valid, Reason::None, 0));
    assert_eq!(BookState::ALL.map(|state| books.count_in(state)), [3, 0, 0, 0, 0, 0]);
    books.doubt_channel(Reason::Recovering, 18, 0);
    assert_eq!(BookState::ALL.map(|state| books.count_in(state)), [0, 0, 3, 0, 0, 0]);
}

#[test]
fn quantity_past_the_limit_is_left_out_and_counted() {
    let mut books = writer();
    books.apply(&mut event(EventKind::ADD, 1, 100, u64::from(u32::MAX), Side::BID), &cold(1));
    assert_eq!((books.open_orders(), books.counters().oversized_orders), (0, 1));
    assert_eq!(books.validity(1).expect("known").reason, Reason::Oversized);
}

#[test]
fn keys_of_any_value_find_their_books() {
    let config = BookConfig { instrument_limit: 0, instruments: 4, ..BookConfig::default() };
    let mut books = BookWriter::new(&config).expect("in range");
    for (order_id, instrument) in [(1, 4_000_000_000), (2, 17), (3, 0), (4, 99), (5, 98)] {
        let mut add = Event { instrument, ..event(EventKind::ADD, order_id, 100, 5, Side::BID) };
        books.apply(&mut add, &cold(order_id));
    }
    assert_eq!(books.instruments(), [4_000_000_000, 17, 0, 99]);
    assert_eq!(books.reader().top(17).expect("known").bids().len(), 1);
    assert_eq!(books.instrument_of_order(1), Some(4_000_000_000));
    assert_eq!(books.counters().misplaced_events, 1, "the fifth has no room");
}
