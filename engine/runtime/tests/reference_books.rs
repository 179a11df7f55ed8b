//! Normalised days of real markets, event by event, against the books that others made of them.

mod support;

use std::{
    fs::{self, File},
    path::Path,
};

use support::shared_path;
use wirebook_abi::{EventKind, Side, flags};
use wirebook_book::{BookConfig, BookCounters, BookWriter, OrderBook, TOP_LEVELS, TopLevel};
use wirebook_export::{MBO_PRICE_SCALE, MboEvent, mbo_events};

fn events(path: &Path) -> impl Iterator<Item = MboEvent> {
    let file = File::open(path).unwrap();
    mbo_events(file).unwrap().map(|event| event.unwrap())
}

/// Instruments of any key, for the ids of such files are Databento's own.
fn books() -> BookWriter {
    let config = BookConfig {
        instrument_limit: 0,
        instruments: 8,
        orders: 1 << 15,
        levels: 1 << 14,
        window_bits: 10,
        ..BookConfig::default()
    };
    BookWriter::new(&config).unwrap()
}

/// How often each action stands in a file whose fills are left out.
fn count(events: &[MboEvent], kinds: &[EventKind]) -> usize {
    events.iter().filter(|each| kinds.contains(&each.event.kind)).count()
}

type Depth = [TopLevel; TOP_LEVELS];

/// The best ten levels of both sides; a level that is not there is all zero.
type Both = [Depth; 2];

fn best_levels(book: OrderBook<'_>) -> Both {
    [Side::BID, Side::ASK].map(|side| {
        let mut depth = Depth::default();
        for (slot, level) in depth.iter_mut().zip(book.levels(side)) {
            *slot = TopLevel { price: level.price(), quantity: level.quantity(), order_count: level.order_count() };
        }
        depth
    })
}

fn padded(levels: &[TopLevel]) -> Depth {
    let mut depth = Depth::default();
    depth[..levels.len()].copy_from_slice(levels);
    depth
}

/// One row of the `mbp-10` schema.
#[derive(Debug)]
struct Row {
    /// Sequence, order id and action: what names its event.
    event: (u64, u64, char),
    levels: Both,
}

/// Reads the `mbp-10` rows of a CSV file, whose fields have neither quotes nor commas.
fn rows(path: &Path) -> Vec<Row> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column =
        |name: &str| header.iter().position(|each| *each == name).unwrap_or_else(|| panic!("no column {name}"));
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields.len(), header.len(), "{line}");
        let field = |name: &str| fields[column(name)];
        let level = |side: &str, at: usize| TopLevel {
            price: price_e9(field(&format!("{side}_px_{at:02}"))),
            quantity: field(&format!("{side}_sz_{at:02}")).parse().unwrap(),
            order_count: field(&format!("{side}_ct_{at:02}")).parse().unwrap(),
        };
        Row {
            event: (
                field("sequence").parse().unwrap(),
                field("order_id").parse().unwrap(),
                field("action").parse().unwrap(),
            ),
            levels: ["bid", "ask"].map(|side| std::array::from_fn(|at| level(side, at))),
        }
    };
    lines.map(row).collect()
}

/// A decimal text in units of 1e-9; nothing is 0.
fn price_e9(text: &str) -> i64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<9}").parse().unwrap()
}

fn name_of(event: &MboEvent) -> (u64, u64, char) {
    let action = match event.event.kind {
        EventKind::ADD => 'A',
        EventKind::MODIFY => 'M',
        EventKind::REDUCE | EventKind::DELETE => 'C',
        EventKind::CLEAR => 'R',
        EventKind::TRADE => 'T',
        other => panic!("{other:?} is no action of the schema"),
    };
    (event.cold.sequence, event.event.order_id, action)
}

#[test]
fn arl_day_reproduces_every_mbp10_reference_row() {
    let (Some(mbo), Some(mbp10)) = (
        shared_path("captures/books/xnas-arl-2025-07-17.mbo.csv"),
        shared_path("captures/books/xnas-arl-2025-07-17.mbp10.csv"),
    ) else {
        return;
    };
    let day: Vec<MboEvent> = events(&mbo).collect();
    assert_eq!(count(&day, &[EventKind::ADD]), 2_915);
    assert_eq!(count(&day, &[EventKind::REDUCE, EventKind::DELETE]), 2_913);
    assert_eq!((count(&day, &[EventKind::TRADE]), count(&day, &[EventKind::CLEAR])), (46, 1));
    let reference = rows(&mbp10);
    assert_eq!(reference.len(), 3_928);

    let mut books = books();
    let reader = books.reader();
    let mut rows = reference.iter().peekable();
    let mut before = Both::default();
    // Rows of trades under the sequence at hand, and how the book stood before it.
    let mut trades: Vec<&Row> = Vec::new();
    let mut before_sequence = before;
    for (at, mut each) in day.iter().copied().enumerate() {
        let name = name_of(&each);
        let instrument = each.event.instrument;
        books.apply(&mut each.event, &each.cold);
        let after = best_levels(books.book(instrument).unwrap());
        match rows.next_if(|row| row.event == name) {
            Some(row) if each.event.kind == EventKind::TRADE => trades.push(row),
            Some(row) => assert_eq!(row.levels, after, "{name:?}"),
            None => {}
        }
        if each.event.flags & flags::LAST != 0 {
            let top = reader.top(instrument).unwrap();
            assert_eq!([padded(top.bids()), padded(top.asks())], after, "published after {name:?}");
            // What changes none of the ten levels need not be published.
            assert!(top.sequence == each.cold.sequence || (after == before && top.sequence < each.cold.sequence));
        }
        before = after;
        // A trade's fill and cancel follow under its sequence, and its row may tell of the book on either side of them.
        if day.get(at + 1).is_none_or(|next| next.cold.sequence != each.cold.sequence) {
            for row in trades.drain(..) {
                assert!(row.levels == before_sequence || row.levels == after, "{row:?}");
            }
            before_sequence = after;
        }
    }
    assert_eq!(rows.next().map(|row| row.event), None, "rows whose event did not come in this order");
    assert_only_published(books.counters());
}

#[test]
fn es_future_ends_at_its_best_prices_with_no_unknown_order() {
    let Some(path) = shared_path("captures/books/glbx-esm4-2024-05-08.mbo.dbn.zst") else { return };
    let events: Vec<MboEvent> = events(&path).collect();
    assert_eq!(count(&events, &[EventKind::ADD]), 13_678);
    assert_eq!(count(&events, &[EventKind::REDUCE, EventKind::DELETE]), 80);
    assert_eq!((count(&events, &[EventKind::MODIFY]), count(&events, &[EventKind::TRADE])), (27, 5));

    let mut books = books();
    for mut each in events {
        books.apply(&mut each.event, &each.cold);
    }
    let &[instrument] = books.instruments() else { panic!("{:?} is not one instrument", books.instruments()) };
    let book = books.book(instrument).unwrap();
    let [bids, asks] = best_levels(book);
    let quarters = |count: i64| count * MBO_PRICE_SCALE as i64 / 4;
    assert_eq!((bids[0].price, asks[0].price), (quarters(5214 * 4), quarters(5214 * 4 + 1)));
    for side in [Side::BID, Side::ASK] {
        for level in book.levels(side) {
            let queued: Vec<_> = level.orders().collect();
            assert_eq!(queued.len(), level.order_count() as usize);
            assert_eq!(queued.iter().map(|order| u64::from(order.quantity)).sum::<u64>(), level.quantity());
        }
    }
    assert_only_published(books.counters());
}

/// Nothing was out of order, but that tops were published.
fn assert_only_published(counters: BookCounters) {
    assert!(counters.publications > 0);
    let publications = counters.publications;
    assert_eq!(counters, BookCounters { publications, ..BookCounters::default() });
}
