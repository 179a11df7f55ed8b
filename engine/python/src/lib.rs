//! The compiled engine as Python sees it: the module `wirebook._engine`.
//!
//! Every call that reads a file or runs a decoder lets go of the interpreter while it works, in steps short enough that an
//! interrupt is noticed. `framework/wirebook/_engine.pyi` is the typed face of this crate.

mod bench;
mod book;
mod book_view;
mod books_file;
mod build;
mod conformance;
mod decoder;
mod describe;
mod errors;
mod exchange;
mod frames;
mod framing;
mod guess;
mod inspect;
mod inspection;
mod live;
mod live_plan;
mod messages;
mod player;
mod recorder;
mod replay;
mod simulate;
mod sources;
mod tape;

use pyo3::prelude::*;

/// Lets the benchmark report what a message allocates; it costs an increment an allocation.
#[global_allocator]
static ALLOCATOR: wirebook_bench::CountingAllocator = wirebook_bench::CountingAllocator;

#[pymodule]
mod _engine {
    use super::*;

    #[pymodule_export]
    use crate::{
        bench::{DayAgain, bench, bench_live},
        book::Book,
        build::build_info,
        conformance::{Rig, RigChannel, count_allocations, measure_rate, survey},
        decoder::Decoder,
        describe::read_sbe_layout,
        errors::{CaptureError, PluginRefused, ProtocolUnclear, WirebookError},
        exchange::Exchange,
        frames::Frame,
        guess::{Guess, guess},
        inspect::Inspector,
        live::{Live, check_live},
        replay::Replay,
        simulate::simulate,
        sources::{bench_sources, sources},
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("ABI_VERSION", wirebook_abi::ABI_VERSION)?;
        module.add("CAPSULE_NAME", wirebook_abi::CAPSULE_NAME.to_string_lossy())
    }
}
