//! Plays a day from memory between two marks, for a look at its system calls: there are none.
//!
//! ```text
//! cargo build --release -p wirebook-bench --example replay_from_memory
//! strace -f target/release/examples/replay_from_memory [MESSAGES]
//! ```
//!
//! A mark is two calls of `getppid` in a row. The first stands at a tenth of the day, when instruments are named and memory is
//! warm, the second at its end; strace shows nothing between them.

use std::error::Error;

use wirebook_abi::CheckedTable;
use wirebook_bench::{BURST_PACKETS, DayInMemory, pipeline};
use wirebook_runtime::{NoSink, Pipeline};
use wirebook_simulator::{DayConfig, Packing};

fn main() -> Result<(), Box<dyn Error>> {
    let messages = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let table = CheckedTable::new(&wirebook_itch::NASDAQ)?;
    let day = DayInMemory::new(table, DayConfig { messages, ..DayConfig::default() }, Packing::Natural)?;
    let packets: Vec<&[u8]> = day.packets().collect();
    let mut pipeline = pipeline(table, true)?;
    let (first, rest) = packets.split_at(packets.len() / 10);
    play(&mut pipeline, first);
    mark();
    play(&mut pipeline, rest);
    mark();
    println!("{} messages, {} orders open", pipeline.messages(), pipeline.books().open_orders());
    Ok(())
}

fn play(pipeline: &mut Pipeline, packets: &[&[u8]]) {
    for burst in packets.chunks(BURST_PACKETS) {
        for packet in burst {
            pipeline.packet(packet, 0, 0, &mut NoSink);
        }
        pipeline.flush(&mut NoSink);
    }
}

fn mark() {
    for _ in 0..2 {
        std::hint::black_box(std::os::unix::process::parent_id());
    }
}
