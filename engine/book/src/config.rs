//! What memory books reserve.

use core::fmt;

use wirebook_abi::{Description, OrderIds};

/// Sizes that a [`BookWriter`](crate::BookWriter) reserves at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookConfig {
    /// Instrument keys are below this and index directly; 0 for keys of any value.
    pub instrument_limit: u32,
    /// Instruments there can be where keys are of any value.
    pub instruments: u32,
    /// Orders aside of the window at a time before memory grows.
    pub orders: usize,
    /// Price levels of orders, and as many given by feeds, at a time before memory grows.
    pub levels: usize,
    /// Orders lie by the low bits of their ids in a window of `2^window_bits`; those that find their slot taken go aside.
    pub window_bits: u32,
    /// Order ids are unique only with instrument and side, which every event that names an order then has.
    pub ids_per_side: bool,
}

impl Default for BookConfig {
    /// For a whole equity venue: a million open orders and the newest four million ids.
    fn default() -> Self {
        Self {
            instrument_limit: 1 << 16,
            instruments: 1 << 16,
            orders: 1 << 19,
            levels: 1 << 19,
            window_bits: 22,
            ids_per_side: false,
        }
    }
}

/// A configuration that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting.
    pub setting: &'static str,
    /// Its value.
    pub value: u64,
    /// What it may be.
    pub wanted: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} is not {}", self.setting, self.value, self.wanted)
    }
}

impl core::error::Error for ConfigError {}

impl BookConfig {
    /// The default sizes with what a protocol promises of its keys and ids.
    pub fn of(description: &Description) -> Self {
        let ascending = description.order_ids == OrderIds::ASCENDING;
        Self {
            instrument_limit: description.instrument_limit,
            window_bits: if ascending { 22 } else { 10 },
            ids_per_side: description.order_ids == OrderIds::PER_SIDE,
            ..Self::default()
        }
    }

    /// Checks each size.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the first setting out of range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let limits = [
            ("instrument_limit", u64::from(self.instrument_limit), 0, 1 << 24, "0-16777216"),
            ("instruments", u64::from(self.instruments), 1, 1 << 24, "1-16777216"),
            ("orders", self.orders as u64, 1, 1 << 30, "1-1073741824"),
            ("levels", self.levels as u64, 1, 1 << 30, "1-1073741824"),
            ("window_bits", u64::from(self.window_bits), 4, 28, "4-28"),
        ];
        for (setting, value, low, high, wanted) in limits {
            if value < low || value > high {
                return Err(ConfigError { setting, value, wanted });
            }
        }
        Ok(())
    }
}
