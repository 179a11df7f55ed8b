//! What a channel asks for, and what it gets.

/// What a channel lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// The messages `first..=last` of a session; packets where the venue numbers those.
    Messages {
        /// The session, NUL padded, as frames name it.
        session: [u8; 16],
        /// First missing sequence.
        first: u64,
        /// Last missing sequence.
        last: u64,
    },
    /// The state of every book. Live packets are kept from `at_least` on: a snapshot that goes on below that is of no use.
    Snapshot {
        /// The session, NUL padded, as frames name it.
        session: [u8; 16],
        /// The lowest sequence at which the channel can go on.
        at_least: u64,
    },
    /// Nothing any more: what was asked for came another way.
    Cancel,
}

/// What a channel gets. Packets come in buffers that go back by [`Client::give_back`](crate::Client::give_back).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A packet as the channel itself would have brought it, with its sequences.
    Packet(Vec<u8>),
    /// A snapshot of all books begins: what came of an earlier one is void.
    SnapshotStart,
    /// Messages of the snapshot, in a packet of the channel's own framing that has no sequence.
    SnapshotPacket(Vec<u8>),
    /// The snapshot is whole. Live messages from this sequence on go on from it.
    SnapshotEnd {
        /// The first sequence that the snapshot does not contain.
        next_sequence: u64,
    },
    /// A packet of a loop that gives one instrument's state after the other, each as of a sequence of its own. They come until
    /// the channel [cancels](Want::Cancel).
    LoopPacket {
        /// Which of the channel's loops: loops are numbered apart.
        index: u8,
        /// The packet.
        packet: Vec<u8>,
    },
    /// The venue will not give what was asked for; another way may.
    Refused(Refusal),
    /// Nobody answered, as often as was configured.
    GaveUp,
}

/// Why a venue refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The service does not know who asks.
    NotAuthorized,
    /// The session is not to be had.
    NoSession,
    /// The messages are too old, or not there yet.
    OutOfRange,
    /// More than the service gives at a time.
    TooMany,
    /// Nothing is left of the venue's allowance, or of the channel's own.
    Exhausted,
    /// The service is down or does something else.
    Unavailable,
    /// No service is configured that could.
    NoService,
}

impl Refusal {
    /// The reason in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAuthorized => "not authorized",
            Self::NoSession => "no such session",
            Self::OutOfRange => "out of range",
            Self::TooMany => "too many at once",
            Self::Exhausted => "allowance exhausted",
            Self::Unavailable => "service unavailable",
            Self::NoService => "no service configured",
        }
    }
}
