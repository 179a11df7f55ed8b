//! What a live source counts besides its packets.

use super::StampCounts;

/// What happened on the way to a live source. Only gaps in a feed's own sequence tell loss for sure: what a switch, a card or a
/// driver drops is counted here as far as they say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveCounters {
    /// Packets that the kernel, driver or card received and dropped because nobody took them in time.
    pub drops: u64,
    /// Bursts that had packets.
    pub bursts: u64,
    /// Bursts that had none.
    pub empty_bursts: u64,
    /// Packets by who stamped them.
    pub stamps: StampCounts,
    /// Frames without a trailer that could be believed, where trailers were to be read.
    pub trailers_refused: u64,
    /// The card's or the switch's clock was not the system's on the first packets, and its stamps are not taken.
    pub clock_refused: bool,
    /// Times that receiving was started anew because the kernel had ended it: an io_uring without a free buffer.
    pub restarts: u64,
}

impl LiveCounters {
    #[inline]
    pub(super) fn count_burst(&mut self, has_packets: bool) {
        self.bursts += u64::from(has_packets);
        self.empty_bursts += u64::from(!has_packets);
    }
}
