//! A recorded session against what an independent reader counted in it.

mod support;

use support::*;
use wirebook_book::BookState;
use wirebook_runtime::{ImageDetail, ReplayConfig};

#[test]
fn nasdaq_open_has_the_counts_of_its_manifest() {
    let Some(bytes) = shared("captures/itch/nasdaq-totalview-5.0_2019-12-30_open.itch") else { return };
    let mut sink = Recorder::default();
    let replay = play_with(bytes, ReplayConfig::default(), &mut sink);
    assert_eq!(sink.error, None);
    let summary = replay.summary();
    assert_eq!((summary.messages, summary.errors, summary.gaps), (1_000, 0, 0));
    let expected = [
        ("A", 367),
        ("U", 225),
        ("F", 193),
        ("D", 167),
        ("E", 28),
        ("X", 6),
        ("I", 4),
        ("P", 4),
        ("Q", 4),
        ("S", 1),
        ("C", 1),
    ];
    assert_eq!(summary.message_types.len(), expected.len());
    for (type_text, expected) in expected {
        assert_eq!(count(&summary, type_text), expected, "{type_text}");
    }
    // Keys that messages carry: 321 instruments, and the one under which the system event speaks of the market.
    assert_eq!(summary.instruments, 322);
    // Messages that name orders from before the start. Five more name an order that a replace of such an order announced: it
    // rests in no book, for nobody knows its side, but it is not unknown.
    assert_eq!(summary.unknown_orders, 394);
    let books = replay.channels()[0].final_books(ImageDetail::Orders);
    assert!(books.books.iter().any(|book| book.validity.state == BookState::Stale));
}
