//! What is measured.

use crate::BenchError;

/// Sizes of a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BenchConfig {
    /// Messages of the day.
    pub messages: u64,
    /// Symbols of the day.
    pub symbols: u32,
    /// Times that each measure is taken, in turn with what it is compared to.
    pub runs: u32,
    /// Seed of the day.
    pub seed: u64,
    /// Messages of the days that packings, numbers of symbols and readers are compared on.
    pub comparison_messages: u64,
    /// Messages a second of the paced run, whose times from packet to published are the report's.
    pub paced_messages_per_second: u64,
    /// Core to run on; `None` is the last that the process may use.
    pub core: Option<usize>,
    /// Whether memory is touched before the clock starts, for both designs.
    pub prefault: bool,
}

impl Default for BenchConfig {
    /// Ten million messages, five runs.
    fn default() -> Self {
        Self {
            messages: 10_000_000,
            symbols: 8_500,
            runs: 5,
            seed: 1,
            comparison_messages: 4_000_000,
            paced_messages_per_second: 1_000_000,
            core: None,
            prefault: true,
        }
    }
}

impl BenchConfig {
    /// A million messages, three runs: some seconds, and books small enough to flatter both designs.
    pub fn quick() -> Self {
        Self { messages: 1_000_000, runs: 3, comparison_messages: 1_000_000, ..Self::default() }
    }

    /// Checks each size.
    ///
    /// # Errors
    ///
    /// [`BenchError::Setting`] naming the first out of range.
    pub fn check(&self) -> Result<(), BenchError> {
        let limits = [
            ("messages", self.messages, 100_000, 1_000_000_000, "100000-1000000000"),
            ("symbols", u64::from(self.symbols), 10, 40_000, "10-40000"),
            ("runs", u64::from(self.runs), 1, 1_000, "1-1000"),
            ("comparison_messages", self.comparison_messages, 100_000, 1_000_000_000, "100000-1000000000"),
            ("paced_messages_per_second", self.paced_messages_per_second, 1_000, 1_000_000_000, "1000-1000000000"),
        ];
        for (setting, value, low, high, wanted) in limits {
            if value < low || value > high {
                return Err(BenchError::Setting { setting, value, wanted });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_setting_out_of_range_is_named() {
        assert!(BenchConfig::default().check().is_ok() && BenchConfig::quick().check().is_ok());
        let error = BenchConfig { runs: 0, ..BenchConfig::default() }.check().expect_err("nothing to measure");
        assert_eq!(error.to_string(), "runs: 0 is not 1-1000");
    }
}
