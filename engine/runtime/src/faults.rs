//! What was not taken as it stands: how often, and where first.

use wirebook_abi::{Fault, Status};

/// Faults that are kept with their place; all are counted.
const KEPT: usize = 100;

/// One fault with its place in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultEntry {
    /// Why.
    pub status: Status,
    /// Byte of the input.
    pub offset: u64,
    /// Sequence of the message; 0 for a packet.
    pub sequence: u64,
    /// First byte of the message; 0 where it has none.
    pub message_type: u16,
}

/// Counts by status, and the first faults with their place.
#[derive(Debug)]
pub struct FaultLog {
    counts: [u64; Status::ALL.len()],
    first: Vec<FaultEntry>,
}

impl Default for FaultLog {
    fn default() -> Self {
        Self { counts: [0; Status::ALL.len()], first: Vec::with_capacity(KEPT) }
    }
}

impl FaultLog {
    /// Notes a packet.
    #[cold]
    pub fn packet(&mut self, status: Status, offset: u64) {
        self.add(FaultEntry { status, offset, sequence: 0, message_type: 0 }, 1);
    }

    /// Notes `count` messages of one packet at `offset`, of which the decoder kept the first.
    #[cold]
    pub fn messages(&mut self, count: usize, faults: &[Fault], offset: u64) {
        for fault in faults {
            let entry = FaultEntry {
                status: fault.status,
                offset: offset + u64::from(fault.offset),
                sequence: fault.sequence,
                message_type: fault.message_type,
            };
            self.add(entry, 1);
        }
        if let Some(last) = faults.last() {
            // Those that the decoder had no room to keep are of one packet with these; they count under the last one's status.
            self.count(last.status, (count - faults.len()) as u64);
        }
    }

    fn add(&mut self, entry: FaultEntry, count: u64) {
        self.count(entry.status, count);
        if self.first.len() < KEPT {
            self.first.push(entry);
        }
    }

    pub(crate) fn count(&mut self, status: Status, count: u64) {
        if let Some(slot) = self.counts.get_mut(usize::from(status.0)) {
            *slot += count;
        }
    }

    /// All faults.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How often each status occurred, those that did.
    pub fn counts(&self) -> impl Iterator<Item = (Status, u64)> + '_ {
        Status::ALL.iter().copied().zip(self.counts).filter(|(_, count)| *count != 0)
    }

    /// The first faults, in order.
    pub fn first(&self) -> &[FaultEntry] {
        &self.first
    }
}
