//! All measures without Python, as a table and as JSON.
//!
//! `cargo run --release -p wirebook-bench --example bench -- [--quick] [--messages N] [--runs N] [--core N] [--json]`

use std::{error::Error, ops::ControlFlow};

use wirebook_abi::CheckedTable;
use wirebook_bench::{BenchConfig, CountingAllocator, run};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> Result<(), Box<dyn Error>> {
    let (config, json) = arguments()?;
    let table = CheckedTable::new(&wirebook_itch::NASDAQ)?;
    let others = [CheckedTable::new(&wirebook_pitch::EQUITIES_2_41_64)?, CheckedTable::new(&wirebook_sbe::CME)?];
    let report = run(&config, table, &others, |progress| {
        eprintln!("{:>3}/{} {}", progress.done + 1, progress.total, progress.step);
        ControlFlow::Continue(())
    })?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

fn arguments() -> Result<(BenchConfig, bool), Box<dyn Error>> {
    let (mut config, mut json) = (BenchConfig::default(), false);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{name} wants a number"));
        match name.as_str() {
            "--quick" => config = BenchConfig::quick(),
            "--json" => json = true,
            "--messages" => config.messages = value()?.parse()?,
            "--comparison-messages" => config.comparison_messages = value()?.parse()?,
            "--symbols" => config.symbols = value()?.parse()?,
            "--runs" => config.runs = value()?.parse()?,
            "--core" => config.core = Some(value()?.parse()?),
            _ => return Err(format!("{name}: not an option").into()),
        }
    }
    Ok((config, json))
}
