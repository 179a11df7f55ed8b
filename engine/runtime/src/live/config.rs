//! What a live channel is to be.

use wirebook_abi::{Framing, Refused};
use wirebook_book::BookConfig;
use wirebook_channel::ArbiterConfig;

/// What a live channel is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    /// How packets number messages.
    pub framing: Framing,
    /// The session that names the channel, where packets of several channels come by one line: a unit's number.
    pub name: Option<[u8; 16]>,
    /// Memory that the books reserve; `None`: [`BookConfig::of`] the protocol.
    pub books: Option<BookConfig>,
    /// Lines and how long one waits for the other. Whether it waits at the start is decided by what recovery there is.
    pub arbiter: ArbiterConfig,
    /// Time without a packet after which books are stale, nanoseconds; 0: never.
    pub silence_ns: u64,
    /// What is missing is asked for so.
    pub recovery: RecoveryConfig,
}

impl ChannelConfig {
    /// Two lines of packets in this framing, no limit to silence, and no recovery.
    pub fn new(framing: Framing) -> Self {
        Self {
            framing,
            name: None,
            books: None,
            arbiter: ArbiterConfig::default(),
            silence_ns: 0,
            recovery: RecoveryConfig::default(),
        }
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryConfig {
    /// The most messages that are asked for again; more are fetched by a snapshot. 0: none are.
    pub messages_limit: u64,
    /// What snapshots there are.
    pub snapshots: Snapshots,
    /// Time after which a recovery that was given up is tried again, nanoseconds; 0: never.
    pub retry_ns: u64,
    /// Time without any answer after which whoever was asked is taken for gone, nanoseconds. Services give up by themselves,
    /// much earlier; this is for the case that nobody is there to say so.
    pub patience_ns: u64,
}

impl Default for RecoveryConfig {
    /// Nothing can be asked for.
    fn default() -> Self {
        Self { messages_limit: 0, snapshots: Snapshots::None, retry_ns: 10_000_000_000, patience_ns: 60_000_000_000 }
    }
}

impl RecoveryConfig {
    /// Whether anything can be asked for.
    pub fn is_some(&self) -> bool {
        self.messages_limit != 0 || self.snapshots != Snapshots::None
    }
}

/// How a venue gives the state of its books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Snapshots {
    /// Not at all.
    #[default]
    None,
    /// All books at one sequence, on request.
    Whole,
    /// One instrument after the other, each at a sequence of its own, again and again.
    Loops,
}

/// Why a channel cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// The protocol does not come in this framing.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The books cannot be as asked.
    #[error("books: {0}")]
    Books(#[from] wirebook_book::ConfigError),
    /// The lines cannot be as asked.
    #[error("{0}")]
    Arbiter(#[from] wirebook_channel::ConfigError),
    /// A stream has one sender, and nothing to arbitrate.
    #[error("framing: {} is a stream; live channels are of datagrams", .0.name())]
    Stream(Framing),
}
