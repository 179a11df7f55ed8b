//! The bench measures what it says: nothing is allocated, books agree, and its JSON has the promised keys.

use std::{ops::ControlFlow, sync::OnceLock};

use wirebook_abi::CheckedTable;
use wirebook_bench::{BenchConfig, BenchError, BenchReport, CME, CountingAllocator, DayInMemory, Feed, PITCH, run};
use wirebook_simulator::{DayConfig, Packing};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn table() -> CheckedTable {
    CheckedTable::new(&wirebook_itch::NASDAQ).expect("of this workspace's own ABI")
}

fn others() -> [CheckedTable; 2] {
    [&wirebook_pitch::EQUITIES_2_41_64, &wirebook_sbe::CME]
        .map(|table| CheckedTable::new(table).expect("of this workspace's own ABI"))
}

fn small() -> BenchConfig {
    BenchConfig {
        messages: 200_000,
        symbols: 500,
        runs: 2,
        comparison_messages: 100_000,
        paced_messages_per_second: 2_000_000,
        ..BenchConfig::default()
    }
}

/// One run for all tests: it binds threads to cores, and two at a time would only slow each other.
fn report() -> &'static BenchReport {
    static REPORT: OnceLock<BenchReport> = OnceLock::new();
    REPORT.get_or_init(|| run(&small(), table(), &others(), |_| ControlFlow::Continue(())).expect("figures"))
}

#[test]
fn json_has_the_promised_keys() {
    let json = serde_json::to_value(report()).expect("a report is plain data");
    for key in [
        "ns_per_message",
        "messages_per_second",
        "ratio_to_yardstick",
        "allocations_per_message",
        "resident_mb",
        "p50_ns",
        "p99_ns",
        "p999_ns",
        "yardstick_ns_per_message",
        "decode_ns_per_message",
        "decode_pitch_ns_per_message",
        "decode_cme_ns_per_entry",
        "small_packet_ratio",
        "ten_times_symbols_ratio",
    ] {
        assert!(json[key].as_f64().is_some_and(|value| value >= 0.0 && value.is_finite()), "{key}: {}", json[key]);
    }
    assert!(json["method"].as_array().is_some_and(|method| method.len() > 5));
}

#[test]
fn nothing_is_allocated_after_the_first_tenth_of_the_day() {
    assert!(report().allocations_warming_up.is_some_and(|first| first > 500), "naming 500 symbols allocates");
    assert_eq!(report().allocations_per_message, Some(0.0));
}

#[test]
fn both_designs_come_to_the_same_books() {
    assert_eq!(report().books_compared, 500);
    assert!(report().levels_compared > 1_000);
    assert_eq!(report().messages, 200_000);
}

#[test]
fn percentiles_rise_and_waiting_counts() {
    let report = report();
    assert!(0 < report.p50_ns && report.p50_ns <= report.p99_ns && report.p99_ns <= report.p999_ns);
    assert!(report.paced_from_due.p50_ns >= report.p50_ns);
    assert!(report.saturated.p50_ns > 0);
}

#[test]
fn bench_stops_when_asked_and_says_what_it_cannot_do() {
    assert!(matches!(run(&small(), table(), &others(), |_| ControlFlow::Break(())), Err(BenchError::Stopped)));
    let psx = CheckedTable::new(&wirebook_itch::NASDAQ_PSX).expect("of this workspace's own ABI");
    let error = run(&small(), psx, &[], |_| ControlFlow::Continue(())).expect_err("not the yardstick's protocol");
    assert!(error.to_string().contains("nasdaq-psx-totalview-5.0"), "{error}");
}

#[test]
fn budgets_are_measured_on_feeds_that_are_taken_as_they_stand() {
    let [pitch, cme] = others();
    let config = DayConfig { messages: 20_000, symbols: 50, ..DayConfig::default() };
    let day = DayInMemory::new(table(), config, Packing::Natural).expect("a day");
    let feed = Feed::pitch(pitch, table(), &day).expect("its orders in PITCH");
    // Replaces are two messages each; crosses and states have none. Many of the few messages are alone in their second.
    assert!((18_000..30_000).contains(&feed.events()), "{}", feed.events());
    assert!((feed.events()..2 * feed.events()).contains(&feed.messages()), "{}", feed.messages());
    let levels = Feed::cme(cme, 10_000, 1, false).expect("levels");
    assert!((10_000..10_010).contains(&levels.events()), "{}", levels.events());
    assert!((1.0..1.2).contains(&levels.messages_per_packet()));
    assert_eq!(Feed::cme(cme, 10_000, 1, true).expect("levels").messages_per_packet(), 30.0);
    let budgets = &report().decode_budgets;
    let all: Vec<_> = budgets.iter().map(|each| (each.protocol.as_str(), each.unit, each.budget_ns)).collect();
    assert_eq!(all, [("nasdaq-totalview-5.0", "message", 10.0), (PITCH, "message", 10.0), (CME, "entry", 15.0)]);
    assert!(budgets.iter().all(|each| each.is_met == (each.ns <= each.budget_ns) && each.ns > 0.0));
}
