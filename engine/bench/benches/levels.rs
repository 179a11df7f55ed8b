//! Level books on their own: position updates as an incremental feed of futures gives them, applied and published. One item is
//! one book entry.
//!
//! `cargo bench -p wirebook-bench --bench levels`

use std::sync::LazyLock;

use divan::{Bencher, counter::ItemsCount};
use wirebook_abi::{Event, EventCold, EventKind, Side, detail, flags};
use wirebook_book::{BookConfig, BookWriter, Cursor};

/// Events of a burst.
const BURST_EVENTS: usize = 128;
const INSTRUMENTS: u64 = 500;
const ENTRIES: u64 = 1_000_000;
/// Levels a side that the feed gives.
const DEPTH: u16 = 10;

type Day = (Vec<Event>, Vec<EventCold>);

static DAY: LazyLock<Day> = LazyLock::new(day);

/// Books of ten levels that are changed, and now and then move: a new best pushes the last out, or the best goes and a new
/// last one comes. Two of three changes are of the best three levels, as on a real feed.
fn day() -> Day {
    let mut state = 1_u64;
    let mut below = |limit: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    let (mut events, mut cold) = (Vec::new(), Vec::new());
    let mut bests = vec![[0_i64; 2]; INSTRUMENTS as usize];
    let mut push = |kind, position: u64, instrument: u64, side: usize, rank_price: i64, quantity, bits, last| {
        let event = Event {
            order_id: Event::level_key_within(position as u16, 1 + quantity as u32 % 20, DEPTH),
            price: 1_000_000 + if side == 0 { -rank_price } else { rank_price },
            quantity,
            instrument: instrument as u32,
            kind,
            side: Side(side as u8 + 1),
            flags: if last { flags::LAST } else { 0 },
            detail: bits,
        };
        let sequence = events.len() as u64 + 1;
        events.push(event);
        cold.push(EventCold { sequence, ts_event_ns: sequence, ..EventCold::default() });
    };
    for (instrument, side, position) in
        (0..INSTRUMENTS).flat_map(|one| (0..20).map(move |at| (one, at / 10, at % 10 + 1)))
    {
        push(EventKind::LEVEL_SET, position, instrument, side as usize, position as i64, 5, detail::INSERT, true);
    }
    for _ in 0..ENTRIES {
        let (instrument, side) = (below(INSTRUMENTS), below(2) as usize);
        let best = &mut bests[instrument as usize][side];
        let (set, quantity, last) = (EventKind::LEVEL_SET, 1 + below(500), below(2) == 0);
        match below(20) {
            0 => {
                *best -= 1;
                push(set, 1, instrument, side, *best + 1, quantity, detail::INSERT, last);
            }
            1 => {
                push(EventKind::LEVEL_DELETE, 1, instrument, side, *best + 1, 0, 0, false);
                *best += 1;
                push(set, DEPTH.into(), instrument, side, *best + i64::from(DEPTH), quantity, detail::INSERT, last);
            }
            what => {
                let position = if what < 14 { 1 + below(3) } else { 1 + below(DEPTH.into()) };
                push(set, position, instrument, side, *best + position as i64, quantity, 0, last);
            }
        }
    }
    (events, cold)
}

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 9, sample_size = 1)]
fn position_updates(bencher: Bencher<'_, '_>) {
    let (events, cold) = &*DAY;
    let prepare = || {
        let books = BookWriter::new(&BookConfig { instrument_limit: 0, ..BookConfig::default() });
        (books.expect("the default reserve can be"), events.clone())
    };
    bencher.counter(ItemsCount::new(events.len())).with_inputs(prepare).bench_local_values(
        |(mut books, mut events)| {
            for (events, cold) in events.chunks_mut(BURST_EVENTS).zip(cold.chunks(BURST_EVENTS)) {
                books.advance(events, cold, &mut Cursor::default(), true);
            }
            let counters = books.counters();
            assert_eq!((counters.unknown_levels, counters.contradicted_levels, counters.growths), (0, 0, 0));
            books
        },
    );
}
