//! The bench of a live channel, small: it loses nothing, and after warm-up nothing asks for memory.

use wirebook_abi::CheckedTable;
use wirebook_bench::{CountingAllocator, LiveBenchConfig, run_live};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn a_live_channel_loses_nothing_and_allocates_nothing() {
    let config = LiveBenchConfig { messages: 120_000, symbols: 50, ..LiveBenchConfig::default() };
    let report = run_live(&config, CheckedTable::new(&wirebook_itch::NASDAQ).unwrap()).unwrap();
    for times in [report.steady, report.tenfold] {
        assert_eq!((times.allocations, times.lost), (Some(0), 0));
        assert!(times.bursts > 100 && times.packets >= 2 * times.bursts);
        assert!(times.received.p50_ns <= times.received.p99_ns && times.received.p50_ns <= times.due.p50_ns);
    }
    assert_eq!(report.rows().len(), 10);
}
