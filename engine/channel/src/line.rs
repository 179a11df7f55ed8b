//! One of the redundant copies of a channel: what came by it, and which line was first.

use alloc::{boxed::Box, vec};

/// Buckets of leads: bucket `n` counts leads below `2^n` nanoseconds and not below `2^(n-1)`; the last takes the rest.
pub const LEAD_BUCKETS: usize = 32;

/// What came by one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCounters {
    /// Packets of the channel.
    pub packets: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Packets that brought something new.
    pub wins: u64,
    /// Packets all of whose messages had come before.
    pub duplicates: u64,
    /// Packets that came after what they bring was given up, or its session was over.
    pub late: u64,
    /// Wins of which the other line's copy came, too: those have a lead.
    pub led: u64,
    /// Sum of the leads by receive stamps, nanoseconds.
    pub lead_ns: u64,
    /// The leads by size.
    pub leads: [u64; LEAD_BUCKETS],
    /// Receive stamp of the newest packet, nanoseconds since 1970-01-01 UTC.
    pub newest_ns: u64,
    /// The sequence that follows its newest packet.
    pub next: u64,
}

impl LineCounters {
    pub(crate) fn lead(&mut self, lead_ns: u64) {
        let bucket = (u64::BITS - lead_ns.leading_zeros()) as usize;
        self.led += 1;
        self.lead_ns += lead_ns;
        self.leads[bucket.min(LEAD_BUCKETS - 1)] += 1;
    }
}

/// Winners that are remembered for their leads.
const WINNERS: usize = 1024;

/// Who brought a sequence first, and when.
#[derive(Clone, Copy, Debug, Default)]
struct Winner {
    first_sequence: u64,
    ts_recv_ns: u64,
    line: u8,
}

/// The newest winners, each at the low bits of its packet's sequence.
#[derive(Clone, Debug)]
pub(crate) struct Winners(Box<[Winner]>);

impl Winners {
    pub fn new() -> Self {
        Self(vec![Winner::default(); WINNERS].into_boxed_slice())
    }

    pub fn note(&mut self, first_sequence: u64, line: u8, ts_recv_ns: u64) {
        self.0[first_sequence as usize % WINNERS] = Winner { first_sequence, ts_recv_ns, line };
    }

    /// The line that was ahead of `line` with this packet and by how many nanoseconds, once a packet.
    pub fn lead(&mut self, first_sequence: u64, line: u8, ts_recv_ns: u64) -> Option<(u8, u64)> {
        let winner = &mut self.0[first_sequence as usize % WINNERS];
        if winner.first_sequence != first_sequence || winner.line == line || winner.ts_recv_ns == 0 {
            return None;
        }
        let lead = (winner.line, ts_recv_ns.saturating_sub(winner.ts_recv_ns));
        winner.first_sequence = 0;
        Some(lead)
    }

    /// Another session numbers afresh.
    pub fn forget(&mut self) {
        self.0.fill(Winner::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_is_the_winners_and_is_counted_once() {
        let mut winners = Winners::new();
        winners.note(7, 0, 1_000);
        assert_eq!(winners.lead(7, 0, 1_500), None);
        assert_eq!(winners.lead(7, 1, 1_300), Some((0, 300)));
        assert_eq!(winners.lead(7, 1, 1_400), None);
        assert_eq!(winners.lead(7 + WINNERS as u64, 1, 1_400), None);
    }

    #[test]
    fn leads_are_counted_by_size() {
        let mut line = LineCounters::default();
        for lead in [0, 1, 2, 3, 1 << 40] {
            line.lead(lead);
        }
        assert_eq!((line.leads[0], line.leads[1], line.leads[2], line.leads[LEAD_BUCKETS - 1]), (1, 1, 2, 1));
        assert_eq!(line.led, 5);
    }
}
