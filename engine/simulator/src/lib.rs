//! A synthetic trading day, for demonstrations, benchmarks and tests.
//!
//! [`Day`] makes one message after another as event groups of `wirebook-abi`, with its own books beside it so that every
//! message is sound. [`write_day`] turns it into a file through a protocol's encoder, [`packets_in_memory`] into packets.

mod book;
mod clock;
mod config;
mod counts;
mod day;
mod dialect;
mod packets;
mod plan;
mod random;
mod schedule;
mod symbols;
mod tables;
mod truth;
mod write;

pub use config::{BurstShape, ConfigError, DayConfig, MAX_ID_STREAMS, MAX_MESSAGES, MAX_SYMBOLS, Mix};
pub use counts::{MessageCounts, MessageKind};
pub use day::{Day, GroupView};
pub use packets::{PacketSpan, Packets, Packing, packets_in_memory};
pub use symbols::PRICE_SCALE;
pub use truth::{DayTruth, FinalBook, FinalBooks, FinalLevel};
pub use write::{Format, Progress, WriteError, WriteOptions, write_day};
