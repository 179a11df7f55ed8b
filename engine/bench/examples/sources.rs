//! Compares the packet sources of this machine: `cargo run --release -p wirebook-bench --example sources`, as root.

use std::ops::ControlFlow;

use wirebook_bench::sources::{SourcesConfig, run};

fn main() -> Result<(), wirebook_bench::BenchError> {
    let report = run(&SourcesConfig::default(), |at| {
        eprintln!("{} of {}: {}", at.done + 1, at.total, at.step);
        ControlFlow::Continue(())
    })?;
    report.method.iter().for_each(|sentence| println!("{sentence}"));
    println!(
        "source | drain, ns a packet | ratio | packets a second | spinning P50 / P99, us | blocking P50 / P99, us"
    );
    report.rows().iter().for_each(|row| println!("{}", row.join(" | ")));
    report.left_out.iter().for_each(|(name, why)| println!("left out: {name}: {why}"));
    Ok(())
}
