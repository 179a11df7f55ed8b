//! What can go wrong with a benchmark.

use wirebook_abi::{Refused, Status};
use wirebook_simulator::WriteError;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// A setting is out of range.
    #[error("{setting}: {value} is not {wanted}")]
    Setting {
        /// The field of [`BenchConfig`](crate::BenchConfig).
        setting: &'static str,
        /// What it has.
        value: u64,
        /// What would do.
        wanted: &'static str,
    },
    /// The yardstick reads Nasdaq TotalView-ITCH 5.0 only.
    #[error(
        "{protocol}: the bench compares with a handler that reads nasdaq-totalview-5.0 only; install wirebook-itch"
    )]
    Protocol {
        /// What was given.
        protocol: &'static str,
    },
    /// The decoder does not take MoldUDP64.
    #[error(transparent)]
    Decoder(#[from] Refused),
    /// The day could not be made.
    #[error("making the synthetic day: {0}")]
    Day(#[from] WriteError),
    /// A feed for decoding alone could not be made.
    #[error("making packets of {protocol}: its encoder does not write what was asked of it; update its plugin")]
    Feed {
        /// The protocol.
        protocol: &'static str,
    },
    /// The books' reserve could not be.
    #[error("books: {0}")]
    Books(#[from] wirebook_book::ConfigError),
    /// A live channel could not be made.
    #[error("a live channel: {0}")]
    Live(#[from] wirebook_runtime::live::LiveError),
    /// A packet of our own making was not taken as it stands: figures would mean nothing.
    #[error("the engine reports {status:?} for packets of the synthetic day: figures would mean nothing")]
    Faults {
        /// The first fault.
        status: Status,
    },
    /// Messages that were not applied.
    #[error("{done} of {messages} messages were applied: figures would mean nothing")]
    Messages {
        /// Messages applied.
        done: u64,
        /// Messages of the day.
        messages: u64,
    },
    /// The two designs disagree.
    #[error("instrument {instrument}: the engine's book is not the yardstick's: figures would mean nothing")]
    BooksDiffer {
        /// The first instrument whose books differ.
        instrument: u32,
    },
    /// The thread could not be bound to a core.
    #[error("binding the thread to core {core}: {source}")]
    Pin {
        /// The core.
        core: usize,
        /// What the system says.
        source: std::io::Error,
    },
    /// No network to measure packet sources on.
    #[error("a network of our own: {0}; it needs root and the ip command (apt-get install iproute2)")]
    Network(#[source] std::io::Error),
    /// A packet source could not be opened, or failed.
    #[error("{source_name}: {source}")]
    Source {
        /// Which.
        source_name: String,
        /// Why.
        source: wirebook_io::SourceError,
    },
    /// Packets did not arrive where none could be lost.
    #[error("{source_name}: {received} of {sent} packets arrived: figures would mean nothing")]
    Lost {
        /// Which source.
        source_name: String,
        /// Packets that came.
        received: u64,
        /// Packets that were sent.
        sent: u64,
    },
    /// The progress callback asked to stop.
    #[error("stopped")]
    Stopped,
}
