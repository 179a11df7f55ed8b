//! Each stage of a packet's life on its own, and the classic design beside them. One item is one message.
//!
//! `cargo bench -p wirebook-bench`

use std::sync::LazyLock;

use divan::{Bencher, counter::ItemsCount};
use wirebook_abi::{BatchBuffer, CheckedTable, Event, EventCold, Frame, Framing};
use wirebook_bench::{
    DayInMemory, Yardstick, advise_huge_pages, decode_pass, pipeline, pipeline_pass, prefault, yardstick_pass,
};
use wirebook_book::{BookConfig, BookWriter, Cursor};
use wirebook_simulator::{DayConfig, Packing};

/// Events of a burst for the books alone.
const BURST_EVENTS: usize = 128;

static TABLE: LazyLock<CheckedTable> =
    LazyLock::new(|| CheckedTable::new(&wirebook_itch::NASDAQ).expect("of this workspace's own ABI"));

static DAY: LazyLock<DayInMemory> = LazyLock::new(|| {
    let config = DayConfig { messages: 2_000_000, ..DayConfig::default() };
    DayInMemory::new(*TABLE, config, Packing::Natural).expect("the default day can be made")
});

static EVENTS: LazyLock<(Vec<Event>, Vec<EventCold>)> = LazyLock::new(events);

/// The day's events, decoded.
fn events() -> (Vec<Event>, Vec<EventCold>) {
    let mut decoder = TABLE.create(Framing::MOLDUDP64).expect("ITCH comes in MoldUDP64");
    let mut batch = BatchBuffer::new(1024, 512, TABLE.description());
    let (mut events, mut cold) = (Vec::new(), Vec::new());
    for packet in DAY.packets() {
        decoder.frame(packet, &mut Frame::default());
        decoder.decode(packet, 0, &mut batch);
        let (each, each_cold, _) = batch.parts_mut();
        events.extend_from_slice(each);
        cold.extend_from_slice(each_cold);
        batch.clear();
    }
    (events, cold)
}

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn decode(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(DAY.messages())).bench(|| decode_pass(*TABLE, &DAY));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn apply(bencher: Bencher<'_, '_>) {
    let (events, cold) = &*EVENTS;
    let prepare = || {
        let books = BookWriter::new(&BookConfig::of(TABLE.description())).expect("the default reserve can be");
        advise_huge_pages(&books.memory_regions());
        prefault(&books.memory_regions());
        (books, events.clone())
    };
    bencher.counter(ItemsCount::new(DAY.messages())).with_inputs(prepare).bench_local_values(
        |(mut books, mut events)| {
            for (events, cold) in events.chunks_mut(BURST_EVENTS).zip(cold.chunks(BURST_EVENTS)) {
                books.advance(events, cold, &mut Cursor::default(), true);
            }
            books
        },
    );
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn everything(bencher: Bencher<'_, '_>) {
    let prepare = || pipeline(*TABLE, true).expect("ITCH comes in MoldUDP64");
    bencher.counter(ItemsCount::new(DAY.messages())).with_inputs(prepare).bench_local_values(|mut pipeline| {
        pipeline_pass(&mut pipeline, &DAY);
        pipeline
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn yardstick(bencher: Bencher<'_, '_>) {
    let prepare = || {
        let yardstick = Yardstick::new(DAY.order_ids());
        advise_huge_pages(&yardstick.memory_regions());
        prefault(&yardstick.memory_regions());
        yardstick
    };
    bencher.counter(ItemsCount::new(DAY.messages())).with_inputs(prepare).bench_local_values(|mut yardstick| {
        yardstick_pass(&mut yardstick, &DAY);
        yardstick
    });
}
