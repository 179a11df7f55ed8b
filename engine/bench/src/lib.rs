//! What the engine costs, measured beside the classic design in the same run.
//!
//! [`run`] makes a synthetic day, keeps it in memory and plays it again and again on one core: through this engine with
//! everything on, and through the [`Yardstick`], in turn. Everything else that it reports (decoding alone, small packets,
//! more symbols, readers beside the writer, time from packet to published) is measured in the same process.
//!
//! Allocations are counted where the program installs [`CountingAllocator`]:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: wirebook_bench::CountingAllocator = wirebook_bench::CountingAllocator;
//! # fn main() {}
//! ```

mod allocator;
mod check;
mod clock;
mod config;
mod day;
mod error;
mod figures;
mod latency;
mod machine;
mod passes;
mod readers;
mod report;
mod run;
mod yardstick;

pub use allocator::CountingAllocator;
pub use config::BenchConfig;
pub use day::DayInMemory;
pub use error::BenchError;
pub use figures::{Figure, Percentiles};
pub use machine::{Machine, advise_huge_pages, prefault};
pub use passes::{BURST_PACKETS, decode_pass, pipeline, pipeline_pass, yardstick_pass};
pub use report::BenchReport;
pub use run::{Progress, run};
pub use yardstick::Yardstick;
