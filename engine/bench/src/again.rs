//! One day played again and again, for comparisons between processes.

use wirebook_abi::CheckedTable;
use wirebook_simulator::{DayConfig, Packing};

use crate::{BenchError, DayInMemory, clock::timed, passes};

/// A day in memory and the decoder that plays it.
#[derive(Debug)]
pub struct DayAgain {
    table: CheckedTable,
    day: DayInMemory,
}

/// What one round took, nanoseconds of processor time a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Round {
    /// Decoding alone.
    pub decode_ns: f64,
    /// Everything on.
    pub everything_ns: f64,
}

impl DayAgain {
    /// Makes the day.
    ///
    /// # Errors
    ///
    /// [`BenchError::Day`] where it cannot be made or encoded, and those of a decoder that does not read it.
    pub fn new(table: CheckedTable, config: DayConfig) -> Result<Self, BenchError> {
        Ok(Self { table, day: DayInMemory::new(table, config, Packing::Natural)? })
    }

    /// Decodes the day, then plays it with everything on.
    ///
    /// # Errors
    ///
    /// Where the engine does not take the day as it stands.
    pub fn round(&self) -> Result<Round, BenchError> {
        let a_message = |ns: u64| ns as f64 / self.day.messages() as f64;
        let (events, decoding) = timed(|| passes::decode_pass(self.table, &self.day));
        std::hint::black_box(events?);
        let mut pipeline = passes::pipeline(self.table, true)?;
        let ((), everything) = timed(|| passes::pipeline_pass(&mut pipeline, &self.day));
        passes::sound(&pipeline, &self.day)?;
        Ok(Round { decode_ns: a_message(decoding.cpu_ns), everything_ns: a_message(everything.cpu_ns) })
    }
}
