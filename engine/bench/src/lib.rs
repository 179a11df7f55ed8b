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

mod again;
mod allocator;
mod budgets;
mod check;
mod clock;
mod config;
mod day;
mod error;
mod feeds;
mod figures;
mod latency;
mod live;
mod machine;
mod passes;
mod readers;
mod report;
mod run;
#[cfg(target_os = "linux")]
pub mod sources;
mod yardstick;

pub use again::{DayAgain, Round};
pub use allocator::CountingAllocator;
pub use budgets::{CME, DecodeBudget, DecodeBudgets, PITCH};
pub use config::BenchConfig;
pub use day::DayInMemory;
pub use error::BenchError;
pub use feeds::Feed;
pub use figures::{Figure, Percentiles};
pub use live::{LiveBenchConfig, LiveBenchReport, LiveTimes, run_live};
pub use machine::{Machine, advise_huge_pages, prefault};
pub use passes::{BURST_PACKETS, decode_pass, pipeline, pipeline_pass, yardstick_pass};
pub use report::BenchReport;
pub use run::{Progress, run};
pub use yardstick::Yardstick;
