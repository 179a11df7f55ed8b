//! What a channel says of itself.

/// Where a live channel stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum ChannelState {
    /// No packet has come yet, or what was sent before the first one is being fetched.
    #[default]
    Joining = 0,
    /// Every packet is applied as it comes.
    Live = 1,
    /// Packets are missing and may still come on a line: those behind wait.
    Gap = 2,
    /// What is missing is being fetched: packets wait.
    Recovering = 3,
    /// The decoder takes no more packets.
    Failed = 4,
}

/// Why a channel stands there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// Nothing is wrong.
    #[default]
    None = 0,
    /// No packet has come yet.
    NoPacket = 1,
    /// The first packet was not the session's first.
    JoinedLate = 2,
    /// Sequences are missing.
    Missing = 3,
    /// More packets waited than there is room for: those are missing, too.
    Overflow = 4,
    /// Recovery gave up, or there is none: what is missing is lost.
    Lost = 5,
    /// Nothing came for longer than the venue ever pauses.
    Silent = 6,
    /// The decoder failed.
    DecoderFailed = 7,
    /// The books do not follow from what is applied, and a snapshot is to replace them.
    Unsound = 8,
}

/// State, cause and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Where the channel stands.
    pub state: ChannelState,
    /// Why.
    pub cause: Cause,
    /// Since when, nanoseconds by the clock of whoever drives the channel.
    pub since_ns: u64,
}

impl ChannelState {
    /// The state in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Live => "live",
            Self::Gap => "gap",
            Self::Recovering => "recovering",
            Self::Failed => "failed",
        }
    }

    /// The state with this number; failed for one of none.
    pub const fn from_u8(value: u8) -> Self {
        match value {
            0 => Self::Joining,
            1 => Self::Live,
            2 => Self::Gap,
            3 => Self::Recovering,
            _ => Self::Failed,
        }
    }
}

impl Cause {
    /// The cause in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NoPacket => "no_packet",
            Self::JoinedLate => "joined_late",
            Self::Missing => "missing",
            Self::Overflow => "overflow",
            Self::Lost => "lost",
            Self::Silent => "silent",
            Self::DecoderFailed => "decoder_failed",
            Self::Unsound => "unsound",
        }
    }

    /// The cause with this number; none for one of none.
    pub const fn from_u8(value: u8) -> Self {
        match value {
            1 => Self::NoPacket,
            2 => Self::JoinedLate,
            3 => Self::Missing,
            4 => Self::Overflow,
            5 => Self::Lost,
            6 => Self::Silent,
            7 => Self::DecoderFailed,
            8 => Self::Unsound,
            _ => Self::None,
        }
    }
}

impl Standing {
    /// A channel that waits for its first packet.
    pub const fn starting(now_ns: u64) -> Self {
        Self { state: ChannelState::Joining, cause: Cause::NoPacket, since_ns: now_ns }
    }

    /// Goes to another state, or stays; the time is kept where nothing changes.
    pub fn turn(&mut self, state: ChannelState, cause: Cause, now_ns: u64) {
        if (self.state, self.cause) != (state, cause) {
            *self = Self { state, cause, since_ns: now_ns };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_each_others() {
        for value in 0..5 {
            assert_eq!(ChannelState::from_u8(value) as u8, value);
        }
        for value in 0..9 {
            assert_eq!(Cause::from_u8(value) as u8, value);
        }
    }

    #[test]
    fn time_is_kept_where_nothing_changes() {
        let mut standing = Standing::starting(5);
        standing.turn(ChannelState::Live, Cause::None, 9);
        standing.turn(ChannelState::Live, Cause::None, 12);
        assert_eq!(standing.since_ns, 9);
        standing.turn(ChannelState::Live, Cause::Lost, 15);
        assert_eq!(standing.since_ns, 15);
    }
}
