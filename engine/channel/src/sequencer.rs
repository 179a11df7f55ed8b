//! Which messages of a packet are new.

use wirebook_abi::{Frame, FrameKind, Numbering};

/// Messages that no line delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// First missing sequence.
    pub first: u64,
    /// Last missing sequence.
    pub last: u64,
}

/// What to do with a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Messages at the packet's front that were seen before; all of them where nothing is new.
    pub skip: u32,
    /// Messages behind those that are new.
    pub take: u32,
    /// Missing right before this packet.
    pub gap: Option<Gap>,
    /// The packet opens another session: what was built in the old one is void.
    pub new_session: bool,
    /// The first packet of a session that began before it.
    pub joined_late: bool,
}

/// What went by, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SequencerCounters {
    /// Gaps.
    pub gaps: u64,
    /// Sequences missing in them: messages, or packets where those are numbered.
    pub missing: u64,
    /// Messages seen before.
    pub duplicates: u64,
    /// Packets that say only which sequence comes next.
    pub heartbeats: u64,
    /// Sessions, the first included.
    pub sessions: u64,
}

/// Follows the sequence numbers of one channel.
#[derive(Clone, Debug, Default)]
pub struct Sequencer {
    session: [u8; 16],
    /// The next sequence to come; 0 before the first packet of a session.
    next: u64,
    ended: bool,
    /// The next sequenced packet begins a session whatever its name.
    restarts: bool,
    counters: SequencerCounters,
}

impl Sequencer {
    /// A channel that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Judges one packet.
    ///
    /// A packet at sequence 0 is not sequenced (numbering starts at 1; some captures are stripped of it): all of it is new.
    /// Heartbeats and session ends say which sequence comes next, so they show a gap too.
    #[inline]
    pub fn judge(&mut self, frame: &Frame) -> Verdict {
        let mut verdict = Verdict::default();
        if frame.kind == FrameKind::CONTROL {
            return verdict;
        }
        let messages = if frame.kind == FrameKind::DATA { frame.message_count } else { 0 };
        if frame.first_sequence == 0 {
            // Idle addresses send heartbeats without a sequence.
            self.counters.heartbeats += u64::from(frame.kind == FrameKind::HEARTBEAT);
            return Verdict { take: messages, ..verdict };
        }
        let count = frame.sequence_count();
        if frame.session != self.session || self.counters.sessions == 0 || self.restarts {
            self.restarts = false;
            verdict.new_session = self.counters.sessions != 0;
            self.session = frame.session;
            self.counters.sessions += 1;
            self.next = 0;
            self.ended = false;
        }
        if count == 0 {
            self.counters.heartbeats += 1;
        }
        self.ended |= frame.kind == FrameKind::END_OF_SESSION;
        let first = frame.first_sequence;
        if self.next == 0 {
            verdict.joined_late = first > 1;
            self.next = first;
        }
        if first > self.next {
            let gap = Gap { first: self.next, last: first - 1 };
            self.counters.gaps += 1;
            self.counters.missing += first - self.next;
            verdict.gap = Some(gap);
            self.next = first;
        }
        let seen = (self.next - first).min(u64::from(count)) as u32;
        // A packet that is numbered as one is new or not as one.
        let skip = if frame.numbering == Numbering::PACKETS { seen * messages } else { seen };
        self.counters.duplicates += u64::from(skip);
        verdict.skip = skip;
        verdict.take = messages - skip;
        self.next = self.next.max(first.saturating_add(u64::from(count)));
        verdict
    }

    /// The venue numbers afresh under the same name: the next sequenced packet begins a session.
    pub fn restart(&mut self) {
        self.restarts = true;
    }

    /// Goes on at `next` of the session under way: a snapshot has what came before. Lower sequences are seen ones from here on.
    pub fn join(&mut self, next: u64) {
        self.next = next;
    }

    /// The next sequence to come; 0 before the first packet.
    pub fn next_sequence(&self) -> u64 {
        self.next
    }

    /// Session under way, NUL padded.
    pub fn session(&self) -> [u8; 16] {
        self.session
    }

    /// Whether the venue said that the session is over.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// What went by so far.
    pub fn counters(&self) -> SequencerCounters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::{collections::BTreeSet, vec::Vec};

    use proptest::prelude::*;

    use super::*;

    fn data(first_sequence: u64, message_count: u32) -> Frame {
        Frame { first_sequence, message_count, ..Frame::default() }
    }

    #[test]
    fn part_of_a_packet_that_was_seen_is_skipped() {
        let mut channel = Sequencer::new();
        channel.judge(&data(1, 5));
        let verdict = channel.judge(&data(3, 5));
        assert_eq!((verdict.skip, verdict.take, verdict.gap), (3, 2, None));
        assert_eq!(channel.judge(&data(3, 5)), Verdict { skip: 5, ..Verdict::default() });
        assert_eq!(channel.counters().duplicates, 8);
    }

    #[test]
    fn gap_names_what_is_missing() {
        let mut channel = Sequencer::new();
        channel.judge(&data(1, 2));
        assert_eq!(channel.judge(&data(7, 1)).gap, Some(Gap { first: 3, last: 6 }));
        assert_eq!(channel.counters().missing, 4);
    }

    #[test]
    fn heartbeat_shows_a_gap_and_takes_no_sequence() {
        let mut channel = Sequencer::new();
        channel.judge(&data(1, 2));
        let heartbeat = Frame { kind: FrameKind::HEARTBEAT, ..data(5, 0) };
        assert_eq!(channel.judge(&heartbeat).gap, Some(Gap { first: 3, last: 4 }));
        assert_eq!(channel.judge(&heartbeat).gap, None);
        assert_eq!(channel.next_sequence(), 5);
    }

    #[test]
    fn first_packet_past_one_is_a_late_join_and_no_gap() {
        let mut channel = Sequencer::new();
        let verdict = channel.judge(&data(100, 1));
        assert!(verdict.joined_late && verdict.gap.is_none() && !verdict.new_session);
    }

    #[test]
    fn another_session_starts_anew() {
        let mut channel = Sequencer::new();
        channel.judge(&data(1, 9));
        let mut frame = data(1, 1);
        frame.session[0] = b'2';
        let verdict = channel.judge(&frame);
        assert!(verdict.new_session);
        assert_eq!((verdict.skip, verdict.take), (0, 1));
    }

    #[test]
    fn packets_that_are_numbered_as_one_are_new_or_not_as_one() {
        let packet = |sequence, count| Frame { numbering: Numbering::PACKETS, ..data(sequence, count) };
        let mut channel = Sequencer::new();
        assert_eq!(channel.judge(&packet(1, 3)).take, 3);
        assert_eq!(channel.judge(&packet(1, 3)), Verdict { skip: 3, ..Verdict::default() });
        assert_eq!(channel.judge(&packet(2, 0)), Verdict::default());
        assert_eq!(channel.judge(&packet(3, 2)), Verdict { take: 2, ..Verdict::default() });
        assert_eq!(channel.judge(&packet(6, 1)).gap, Some(Gap { first: 4, last: 5 }));
        assert_eq!((channel.counters().duplicates, channel.counters().missing), (3, 2));
    }

    #[test]
    fn goes_on_at_the_sequence_of_a_snapshot() {
        let mut channel = Sequencer::new();
        channel.judge(&data(1, 2));
        channel.join(9);
        assert_eq!(channel.judge(&data(7, 3)), Verdict { skip: 2, take: 1, ..Verdict::default() });
        assert_eq!((channel.next_sequence(), channel.counters().gaps), (10, 0));
    }

    #[test]
    fn unsequenced_packets_are_taken_whole() {
        let mut channel = Sequencer::new();
        for _ in 0..2 {
            assert_eq!(channel.judge(&data(0, 3)).take, 3);
        }
    }

    proptest! {
        /// Whatever order and overlap packets have, each sequence is taken at most once, and taken, missing and the late
        /// ones behind the front account for all.
        #[test]
        fn no_sequence_is_taken_twice(packets in prop::collection::vec((1_u64..60, 0_u32..9), 1..60)) {
            let mut channel = Sequencer::new();
            let mut taken = BTreeSet::new();
            let mut missing: Vec<u64> = Vec::new();
            for (first, count) in packets {
                let verdict = channel.judge(&data(first, count));
                missing.extend(verdict.gap.into_iter().flat_map(|gap| gap.first..=gap.last));
                prop_assert_eq!(verdict.skip + verdict.take, count);
                for sequence in first + u64::from(verdict.skip)..first + u64::from(count) {
                    prop_assert!(taken.insert(sequence));
                }
            }
            prop_assert_eq!(missing.len() as u64, channel.counters().missing);
            prop_assert!(missing.iter().all(|sequence| !taken.contains(sequence)));
        }
    }
}
