//! Decodes one feed again and again, for a look at it by `perf` or callgrind.
//!
//! `cargo run --release -p wirebook-bench --example decode -- itch|pitch|cme [--full] [ROUNDS]`

use std::{error::Error, time::Instant};

use wirebook_abi::CheckedTable;
use wirebook_bench::{DayInMemory, Feed, decode_pass};
use wirebook_simulator::{DayConfig, Packing};

const MESSAGES: u64 = 300_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_full = arguments.iter().any(|each| each == "--full");
    let rounds: u32 = arguments.last().and_then(|text| text.parse().ok()).unwrap_or(20);
    let itch = CheckedTable::new(&wirebook_itch::NASDAQ)?;
    let packing = if is_full { Packing::Fixed(30) } else { Packing::Natural };
    let day = || DayInMemory::new(itch, DayConfig { messages: MESSAGES, ..DayConfig::default() }, packing);
    let (units, pass): (u64, Box<dyn Fn() -> _>) = match arguments.first().map(String::as_str) {
        Some("itch") => {
            let day = day()?;
            (day.messages(), Box::new(move || decode_pass(itch, &day)))
        }
        Some("pitch") => {
            let feed = Feed::pitch(CheckedTable::new(&wirebook_pitch::EQUITIES_2_41_64)?, itch, &day()?)?;
            (feed.messages(), Box::new(move || feed.decode()))
        }
        Some("cme") => {
            let feed = Feed::cme(CheckedTable::new(&wirebook_sbe::CME)?, MESSAGES, 1, is_full)?;
            (feed.events(), Box::new(move || feed.decode()))
        }
        _ => return Err("name a feed: itch, pitch or cme".into()),
    };
    let mut least = f64::INFINITY;
    for _ in 0..rounds {
        let start = Instant::now();
        std::hint::black_box(pass()?);
        least = least.min(start.elapsed().as_nanos() as f64 / units as f64);
    }
    println!("{least:.1} ns, the least of {rounds} rounds");
    Ok(())
}
