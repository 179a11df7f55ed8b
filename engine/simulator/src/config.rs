//! What a day is to look like.

use core::fmt;

/// Most symbols of a day.
pub const MAX_SYMBOLS: u32 = 1_000_000;
/// Most messages of a day.
pub const MAX_MESSAGES: u64 = 2_000_000_000;
/// Most counters of order ids.
pub const MAX_ID_STREAMS: u32 = 64;

/// A synthetic day, by its seed and its measures. The same values give the same bytes, everywhere.
///
/// ```
/// use wirebook_simulator::{Day, DayConfig};
/// let mut day = Day::new(DayConfig { seed: 7, symbols: 20, messages: 1_000, ..DayConfig::default() })?;
/// let mut messages = 0;
/// while let Some(group) = day.next_group() {
///     assert!(!group.events.is_empty());
///     messages += 1;
/// }
/// assert_eq!(messages, 1_000);
/// # Ok::<(), wirebook_simulator::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DayConfig {
    /// Another seed is another day of the same kind.
    pub seed: u64,
    /// Instruments; their keys are 1 to this.
    pub symbols: u32,
    /// Messages from the first system event to the last, both counted.
    pub messages: u64,
    /// Orders open at a time during market hours; `None` is a tenth of `messages`. Built up before the open, and all but about
    /// a fifth of them cancelled after the close.
    pub open_orders: Option<u64>,
    /// Exponent of Zipf's law for the activity of symbols by rank: 0 makes all alike, 1 is near a real venue.
    pub zipf_exponent: f64,
    /// Counters that order ids come from. With 1 they rise over all symbols; with more each symbol has its own counter, as at
    /// venues that match in several partitions, and ids rise within a partition only.
    pub id_streams: u32,
    /// Whether an order that is changed keeps its id: then a replace is a modify that loses its place, and else a delete and an
    /// add of another id. Files have it as their protocol does.
    pub keeps_ids: bool,
    /// How messages cluster.
    pub bursts: BurstShape,
    /// Shares of message types; adds and deletes take the rest, and balance.
    pub mix: Mix,
    /// Whether the day ends with the end of messages, at which a channel's books are cleared. Without it the day is a recording
    /// that stops just before, with the books still full.
    pub end_of_messages: bool,
    /// Name of the session in framings that have one, at most 10 ASCII characters.
    pub session: String,
    /// Unix time of the venue's midnight, ns, for captures: events count from there.
    pub midnight_unix_ns: u64,
}

impl Default for DayConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            symbols: 8_500,
            messages: 5_000_000,
            open_orders: None,
            zipf_exponent: 1.0,
            id_streams: 1,
            keeps_ids: false,
            bursts: BurstShape::default(),
            mix: Mix::default(),
            end_of_messages: true,
            session: String::from("SIMULATED1"),
            // 2025-07-17 00:00 in New York.
            midnight_unix_ns: 1_752_724_800_000_000_000,
        }
    }
}

/// How messages cluster on a symbol and over the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BurstShape {
    /// Messages of a burst on one symbol, on average.
    pub mean_messages: u32,
    /// Per cent of bursts that come back to a symbol that was active a moment ago, not to one drawn by activity.
    pub excitement_percent: u8,
    /// Moments of a day at which the whole market moves and messages come fifty times as dense.
    pub market_wide: u32,
}

impl Default for BurstShape {
    fn default() -> Self {
        Self { mean_messages: 4, excitement_percent: 35, market_wide: 60 }
    }
}

/// Shares of message types, in hundred-thousandths of all messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Orders replaced (`U` in ITCH).
    pub replace: u32,
    /// Executions at the order's price (`E`).
    pub execute: u32,
    /// Adds that name a market participant (`F`).
    pub add_attributed: u32,
    /// Orders reduced (`X`).
    pub reduce: u32,
    /// Trades with hidden orders (`P`).
    pub trade: u32,
    /// Executions at another price, those of the crosses not counted (`C`).
    pub execute_priced: u32,
    /// Auction imbalances (`I`), in the last part before open and close.
    pub imbalance: u32,
    /// Halts and pauses; each is followed by a quotation period and a resumption (three `H`).
    pub halt: u32,
    /// Broken trades (`B`).
    pub trade_break: u32,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            replace: 7_500,
            execute: 2_300,
            add_attributed: 1_500,
            reduce: 1_300,
            trade: 600,
            execute_priced: 170,
            imbalance: 250,
            halt: 4,
            trade_break: 1,
        }
    }
}

/// Why a day cannot be made as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The field of [`DayConfig`].
    pub field: &'static str,
    /// What it has.
    pub value: String,
    /// What would do.
    pub wanted: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} is not {}", self.field, self.value, self.wanted)
    }
}

impl std::error::Error for ConfigError {}

impl DayConfig {
    /// Orders that should be open at a time.
    pub fn target_open_orders(&self) -> u64 {
        self.open_orders.unwrap_or(self.messages / 10).max(1)
    }

    /// Fewest messages that a day of `symbols` takes: system events, and a directory entry and a state a symbol.
    pub fn least_messages(&self) -> u64 {
        6 + 2 * u64::from(self.symbols)
    }

    /// Checks every field.
    ///
    /// # Errors
    ///
    /// The first field that cannot be, with its value and what would do.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let least = self.least_messages();
        check("symbols", self.symbols, 1, MAX_SYMBOLS)?;
        check("messages", self.messages, least, MAX_MESSAGES).map_err(|error| ConfigError {
            wanted: format!(
                "{} (a directory entry and a state for each of {} symbols, and 6 system events)",
                error.wanted, self.symbols
            ),
            ..error
        })?;
        if let Some(open_orders) = self.open_orders {
            check("open_orders", open_orders, 1, (self.messages / 5).max(1))
                .map_err(|error| ConfigError { wanted: format!("{} (a fifth of messages)", error.wanted), ..error })?;
        }
        if !(0.0..=3.0).contains(&self.zipf_exponent) {
            return Err(ConfigError {
                field: "zipf_exponent",
                value: self.zipf_exponent.to_string(),
                wanted: "0 to 3".into(),
            });
        }
        check("id_streams", self.id_streams, 1, MAX_ID_STREAMS)?;
        check("bursts.mean_messages", self.bursts.mean_messages, 1, 10_000)?;
        check("bursts.excitement_percent", self.bursts.excitement_percent, 0, 95)?;
        check("bursts.market_wide", self.bursts.market_wide, 0, 10_000)?;
        check("mix", self.mix.total(), 0, 50_000).map_err(|error| ConfigError {
            wanted: format!("{} hundred-thousandths in all: adds and deletes need the rest", error.wanted),
            ..error
        })?;
        if self.session.is_empty()
            || self.session.len() > 10
            || !self.session.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(ConfigError {
                field: "session",
                value: format!("{:?}", self.session),
                wanted: "1 to 10 printable ASCII characters".into(),
            });
        }
        // Three days short of where 64 bits of nanoseconds end (the year 2554).
        check("midnight_unix_ns", self.midnight_unix_ns, 0, u64::MAX - 3 * 86_400_000_000_000)
    }
}

impl Mix {
    fn total(&self) -> u64 {
        [
            self.replace,
            self.execute,
            self.add_attributed,
            self.reduce,
            self.trade,
            self.execute_priced,
            self.imbalance,
            self.halt.saturating_mul(3),
            self.trade_break,
        ]
        .into_iter()
        .map(u64::from)
        .sum()
    }
}

fn check<T: PartialOrd + fmt::Display>(field: &'static str, value: T, low: T, high: T) -> Result<(), ConfigError> {
    if value >= low && value <= high {
        return Ok(());
    }
    Err(ConfigError { field, value: value.to_string(), wanted: format!("{low} to {high}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut DayConfig)) -> String {
        let mut config = DayConfig::default();
        change(&mut config);
        config.validate().expect_err("refused").to_string()
    }

    #[test]
    fn the_default_day_can_be_made() {
        assert_eq!(DayConfig::default().validate(), Ok(()));
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        assert!(refusal(|config| config.symbols = 0).starts_with("symbols: 0 is not 1 to"));
        assert!(refusal(|config| config.symbols = u32::MAX).starts_with("symbols: 4294967295"));
        assert!(
            refusal(|config| config.messages = 17_005)
                .contains("messages: 17005 is not 17006 to 2000000000 (a directory")
        );
        assert!(refusal(|config| config.messages = u64::MAX).starts_with("messages:"));
        assert!(refusal(|config| config.open_orders = Some(0)).starts_with("open_orders: 0 is not 1 to 1000000"));
        assert!(refusal(|config| config.open_orders = Some(u64::MAX)).contains("a fifth of messages"));
        assert_eq!(refusal(|config| config.zipf_exponent = f64::NAN), "zipf_exponent: NaN is not 0 to 3");
        assert!(refusal(|config| config.id_streams = 0).starts_with("id_streams: 0 is not 1 to 64"));
        assert!(refusal(|config| config.bursts.mean_messages = 0).starts_with("bursts.mean_messages"));
        assert!(refusal(|config| config.bursts.excitement_percent = 100).starts_with("bursts.excitement_percent"));
        assert!(refusal(|config| config.mix.replace = u32::MAX).starts_with("mix: 42949"));
        assert!(refusal(|config| config.mix.halt = u32::MAX).starts_with("mix: "));
        assert!(refusal(|config| config.session = "ELEVENCHARS".into()).contains("\"ELEVENCHARS\""));
        assert!(refusal(|config| config.midnight_unix_ns = u64::MAX).starts_with("midnight_unix_ns"));
    }
}
