//! One pass over a day, for each design.

use wirebook_abi::{CheckedTable, Framing};
use wirebook_book::{BookConfig, BookWriter};
use wirebook_runtime::{NoSink, Pipeline};
use wirebook_simulator::PacketSpan;

use crate::{BenchError, DayInMemory, Yardstick, advise_huge_pages, feeds, prefault};

/// Packets of a burst: as many as a network card's driver gives at a time.
pub const BURST_PACKETS: usize = 32;

/// A pipeline for a whole venue, its memory advised and, if wanted, touched.
///
/// # Errors
///
/// Where the decoder does not take MoldUDP64.
pub fn pipeline(table: CheckedTable, touch: bool) -> Result<Pipeline, BenchError> {
    let decoder = table.create(Framing::MOLDUDP64)?;
    let books = BookWriter::new(&BookConfig::of(table.description()))?;
    prepare(&books.memory_regions(), touch);
    Ok(Pipeline::new(decoder, books))
}

/// A yardstick for a day, its memory treated as the pipeline's.
pub(crate) fn yardstick(day: &DayInMemory, touch: bool) -> Yardstick {
    let yardstick = Yardstick::new(day.order_ids());
    prepare(&yardstick.memory_regions(), touch);
    yardstick
}

fn prepare(regions: &[(usize, usize)], touch: bool) {
    advise_huge_pages(regions);
    if touch {
        prefault(regions);
    }
}

/// Plays the day in bursts: decoded through the table, applied to books with queues, published.
pub fn pipeline_pass(pipeline: &mut Pipeline, day: &DayInMemory) {
    pipeline_bursts(pipeline, day, day.spans());
}

/// The same with a part of the day.
pub(crate) fn pipeline_bursts(pipeline: &mut Pipeline, day: &DayInMemory, spans: &[PacketSpan]) {
    for burst in spans.chunks(BURST_PACKETS) {
        for span in burst {
            pipeline.packet(day.packet(span), 0, span.offset, &mut NoSink);
        }
        pipeline.flush(&mut NoSink);
    }
}

/// Plays the day through the classic design.
pub fn yardstick_pass(yardstick: &mut Yardstick, day: &DayInMemory) -> u64 {
    day.packets().map(|packet| u64::from(yardstick.packet(packet))).sum()
}

/// Decodes the day through the table, in the batches of a burst, and drops the events. Gives how many there were.
///
/// # Errors
///
/// Where the decoder does not take MoldUDP64.
pub fn decode_pass(table: CheckedTable, day: &DayInMemory) -> Result<u64, BenchError> {
    feeds::decode(table, Framing::MOLDUDP64, day.packets())
}

/// Checks that a pipeline took a whole day as it stands.
pub(crate) fn sound(pipeline: &Pipeline, day: &DayInMemory) -> Result<(), BenchError> {
    if let Some(fault) = pipeline.faults().first().first() {
        return Err(BenchError::Faults { status: fault.status });
    }
    match pipeline.messages() {
        done if done == day.messages() => Ok(()),
        done => Err(BenchError::Messages { done, messages: day.messages() }),
    }
}
