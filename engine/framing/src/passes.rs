//! Channels that begin to count anew without a word: loops of definitions and snapshots do, and incremental feeds each week.

use crate::numbered;

/// Tells by the sending times where a channel's numbers begin anew.
///
/// The copy of a packet on the other line, or a late one, has a number that was seen, too, but an earlier or equal sending
/// time. A number that was passed already, sent later than everything before, is of another pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Passes {
    newest_ns: u64,
    newest_sequence: u64,
    begun_ns: u64,
    session: [u8; 16],
    before: [u8; 16],
}

impl Passes {
    /// A channel whose first pass has this session's name.
    pub fn named(session: [u8; 16]) -> Self {
        Self { session, before: session, ..Self::default() }
    }

    /// The session of a packet. Each pass but the first is named by the time at which its first packet was sent, which is the
    /// same on all lines.
    #[inline]
    pub fn session(&mut self, sequence: u64, sending_ns: u64) -> [u8; 16] {
        if sequence == 0 {
            // The packet has no number, and says nothing of the numbering.
            return self.session;
        }
        if sending_ns > self.newest_ns {
            if sequence <= self.newest_sequence {
                self.begin(sending_ns);
            }
            self.newest_ns = sending_ns;
            self.newest_sequence = sequence;
        } else if sending_ns < self.begun_ns {
            return self.before;
        }
        self.session
    }

    /// The session of a packet that says that numbers begin anew behind it; it has no number itself.
    pub fn reset(&mut self, sending_ns: u64) -> [u8; 16] {
        if sending_ns > self.newest_ns {
            self.begin(sending_ns);
            self.newest_ns = sending_ns;
            self.newest_sequence = 0;
        }
        if sending_ns < self.begun_ns { self.before } else { self.session }
    }

    /// The session under way.
    pub fn current(&self) -> [u8; 16] {
        self.session
    }

    #[cold]
    fn begin(&mut self, sending_ns: u64) {
        self.before = self.session;
        self.session = numbered::name(format_args!("{sending_ns:016x}"));
        self.begun_ns = sending_ns;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_repeat_numbers_and_stay_in_their_pass() {
        let mut passes = Passes::default();
        for (sequence, time) in [(7, 100), (7, 100), (9, 120), (8, 110), (9, 120)] {
            assert_eq!(passes.session(sequence, time), [0; 16]);
        }
    }

    #[test]
    fn a_packet_without_a_number_begins_no_pass() {
        let mut passes = Passes::default();
        for (sequence, time) in [(0, 100), (0, 200), (1, 300), (0, 400), (2, 500)] {
            assert_eq!(passes.session(sequence, time), [0; 16]);
        }
    }

    #[test]
    fn numbers_that_come_again_later_are_another_pass() {
        let mut passes = Passes::named(*b"68.1\0\0\0\0\0\0\0\0\0\0\0\0");
        passes.session(1, 100);
        passes.session(2, 200);
        let again = passes.session(1, 300);
        assert_eq!(&again, b"000000000000012c");
        // A line that is behind still sends of the pass before.
        assert_eq!(&passes.session(2, 200)[..4], b"68.1");
        assert_eq!(passes.session(1, 300), again);
        assert_eq!(passes.session(2, 400), again);
        assert_ne!(passes.session(2, 500), again);
    }
}
