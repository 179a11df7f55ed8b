//! Why a frame or file cannot be made.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, ExportError>;

/// Why a frame or file cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file's name does not say a format.
    #[error("{}: the name ends in none of {known}", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Endings that would do.
        known: &'static str,
    },
    /// Prices of this scale are not whole in units of 1e-9.
    #[error("price scale {price_scale} does not divide 1,000,000,000: prices would not be exact")]
    PriceScale {
        /// Units of a price to one.
        price_scale: u64,
    },
    /// A price is too large for the format.
    #[error("sequence {sequence}: price {price} is beyond what the format holds ({limit})")]
    Price {
        /// Sequence of the message; 0 where it is of a book.
        sequence: u64,
        /// The price in the protocol's own scale.
        price: i64,
        /// What fits.
        limit: &'static str,
    },
    /// A quantity is too large for the format.
    #[error(
        "sequence {sequence}: quantity {quantity} is over 4294967295, the most that DBN holds; write Parquet or Arrow"
    )]
    Quantity {
        /// Sequence of the message.
        sequence: u64,
        /// The quantity.
        quantity: u64,
    },
    /// The feed gives price levels and no orders.
    #[error(
        "the feed gives price levels, {levels} of them, and no orders: DBN's mbo schema has no record for those; write Parquet or Arrow"
    )]
    LevelsOnly {
        /// Level events.
        levels: u64,
    },
    /// A time is outside what nanoseconds since 1970 can say.
    #[error("sequence {sequence}: time {time_ns} ns after {base_ns} ns is outside the years 1970 to 2262")]
    Time {
        /// Sequence of the message.
        sequence: u64,
        /// Venue time.
        time_ns: u64,
        /// What it counts from.
        base_ns: i64,
    },
    /// Arrow refused a batch or could not write it.
    #[error("{0}")]
    Arrow(#[from] arrow_schema::ArrowError),
    /// Parquet could not be written.
    #[error("{0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// DBN could not be read or written.
    #[error("{0}")]
    Dbn(#[from] dbn::Error),
    /// A row of `mbo` CSV does not read.
    #[error("line {line}, column {column}: {value:?} is not {expected}")]
    CsvField {
        /// 1-based line of the file.
        line: u64,
        /// Name of the column.
        column: &'static str,
        /// What stands there.
        value: String,
        /// What would do.
        expected: &'static str,
    },
    /// The file is no CSV, or a column is missing.
    #[error("not mbo CSV: {0}")]
    Csv(String),
}
