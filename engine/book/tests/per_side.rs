//! Ids that are unique only with instrument and side: books keep them apart, and readers see them as the venue gave them.

use proptest::prelude::*;
use wirebook_abi::{Event, EventCold, EventKind, Side, detail, flags};
use wirebook_book::{BookConfig, BookWriter, Cursor};

const INSTRUMENTS: [u32; 3] = [0, 7, 4_000_000_000];
const SIDES: [Side; 2] = [Side::BID, Side::ASK];

fn writer(ids_per_side: bool) -> BookWriter {
    let config = BookConfig { instrument_limit: 0, instruments: 8, orders: 4, levels: 4, window_bits: 4, ids_per_side };
    BookWriter::new(&config).expect("the sizes are in range")
}

/// An event of one of few ids, on one of two sides of one of three instruments.
fn event() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![
        4 => Just((EventKind::ADD, 0)),
        1 => Just((EventKind::DELETE, 0)),
        1 => Just((EventKind::EXECUTE, 0)),
        1 => Just((EventKind::REDUCE, 0)),
        1 => Just((EventKind::MODIFY, 0)),
        1 => Just((EventKind::MODIFY, detail::REMAINING)),
        1 => Just((EventKind::CLEAR, 0)),
    ];
    (kind, 0..5_u64, 0..3_usize, 0..2_usize, 1..6_i64, 0..9_u64).prop_map(
        |((kind, detail), order_id, instrument, side, price, quantity)| Event {
            order_id,
            price,
            quantity,
            instrument: INSTRUMENTS[instrument],
            kind,
            side: SIDES[side],
            flags: flags::LAST,
            detail,
        },
    )
}

/// The same event under an id that no other side has.
fn unique(event: &Event) -> Event {
    Event { order_id: event.order_id << 40 | u64::from(event.instrument) << 2 | u64::from(event.side.0), ..*event }
}

type Queue = Vec<(u64, u32)>;

/// Prices and queues of each side of each instrument, ids as the venue gave them.
fn books(writer: &BookWriter, venue_id: impl Fn(u64) -> u64) -> Vec<Vec<(i64, Queue)>> {
    let side = |instrument: &u32, side: &Side| match writer.book(*instrument) {
        Some(book) => book
            .levels(*side)
            .map(|level| {
                (level.price(), level.orders().map(|order| (venue_id(order.order_id), order.quantity)).collect())
            })
            .collect(),
        None => Vec::new(),
    };
    INSTRUMENTS.iter().flat_map(|instrument| SIDES.iter().map(move |each| side(instrument, each))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn books_are_those_of_ids_that_are_unique(
        events in prop::collection::vec(event(), 1..200), chunk in 1..60_usize, drains in any::<bool>(),
    ) {
        let (mut by_side, mut plain) = (writer(true), writer(false));
        let mut salted = events.clone();
        let mut other: Vec<Event> = events.iter().map(unique).collect();
        let cold: Vec<EventCold> =
            (1..=events.len() as u64).map(|sequence| EventCold { sequence, ..EventCold::default() }).collect();
        let mut cursors = [Cursor::default(); 2];
        for end in (chunk..events.len()).step_by(chunk).chain([events.len()]) {
            let drain = drains || end == events.len();
            by_side.advance(&mut salted[..end], &cold, &mut cursors[0], drain);
            plain.advance(&mut other[..end], &cold, &mut cursors[1], drain);
            prop_assert!(cursors[0].applied == cursors[1].applied && (!drain || cursors[0].applied == end));
            // Applied events are the venue's again, completed as those of unique ids are.
            for at in 0..cursors[0].applied {
                prop_assert_eq!(salted[at].order_id, events[at].order_id);
                prop_assert_eq!(Event { order_id: 0, ..salted[at] }, Event { order_id: 0, ..other[at] });
            }
        }
        prop_assert_eq!(books(&by_side, |id| id), books(&plain, |id| id >> 40));
        prop_assert_eq!(by_side.counters().unknown_orders, plain.counters().unknown_orders);
        prop_assert_eq!(by_side.counters().duplicate_orders, plain.counters().duplicate_orders);
    }
}

#[test]
fn two_books_and_two_sides_may_have_the_same_id() {
    let mut writer = writer(true);
    let cold = EventCold::default();
    let add = |instrument, side, price| Event {
        order_id: 42,
        price,
        quantity: 5,
        instrument,
        kind: EventKind::ADD,
        side,
        flags: flags::LAST,
        detail: 0,
    };
    for mut event in [add(7, Side::BID, 99), add(7, Side::ASK, 101), add(9, Side::BID, 98)] {
        writer.apply(&mut event, &cold);
        assert_eq!(event.order_id, 42);
    }
    assert_eq!((writer.open_orders(), writer.counters().duplicate_orders), (3, 0));
    assert_eq!(writer.book(7).unwrap().position(42).unwrap().price, 99);
    assert_eq!(writer.book(9).unwrap().position(42).unwrap().price, 98);
    assert_eq!(writer.instrument_of_order(42), None);

    let mut delete = Event { kind: EventKind::DELETE, ..add(7, Side::BID, 0) };
    writer.apply(&mut delete, &cold);
    assert_eq!((delete.order_id, delete.price, delete.quantity), (42, 99, 5));
    let left = writer.book(7).unwrap().position(42).unwrap();
    assert_eq!((left.side, left.price), (Side::ASK, 101));
    assert_eq!((writer.open_orders(), writer.counters().unknown_orders), (2, 0));

    // The same id twice on one side is a duplicate as ever.
    writer.apply(&mut add(9, Side::BID, 97), &cold);
    assert_eq!(writer.counters().duplicate_orders, 1);
}

#[test]
fn market_orders_stand_before_every_price_of_their_side() {
    let mut writer = writer(true);
    let cold = EventCold::default();
    for (id, side, price) in [
        (1, Side::BID, 100),
        (2, Side::BID, Event::NO_PRICE),
        (3, Side::BID, -5),
        (1, Side::ASK, 105),
        (2, Side::ASK, Event::NO_PRICE),
        (3, Side::ASK, -7),
    ] {
        let kind = EventKind::ADD;
        let mut add =
            Event { order_id: id, price, quantity: 1, instrument: 7, kind, side, flags: flags::LAST, detail: 0 };
        writer.apply(&mut add, &cold);
    }
    let prices = |side| writer.book(7).unwrap().levels(side).map(|level| level.price()).collect::<Vec<_>>();
    assert_eq!(prices(Side::BID), [Event::NO_PRICE, 100, -5]);
    assert_eq!(prices(Side::ASK), [Event::NO_PRICE, -7, 105]);
    let top = writer.reader().top(7).unwrap();
    assert_eq!(top.bids()[0].price, Event::NO_PRICE);
}
