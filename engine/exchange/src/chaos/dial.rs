//! Chaos applied to one channel's packets.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use super::{Chaos, ChaosError, LineChaos, loss::Burst};
use crate::draw::{Draws, EVERY_LINE, Purpose};

/// A packet on its way down a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sending {
    /// The line, from 0.
    pub line: usize,
    /// The packet, by the number that [`Dial::offer`] gave it.
    pub packet: u64,
    /// When it goes out, on the clock of the times that were offered.
    pub at_ns: u64,
    /// Whether the line had this packet before.
    pub is_duplicate: bool,
}

/// What a line did with the packets that were offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// Packets that went out, duplicates among them.
    pub sent: u64,
    /// Packets that were lost.
    pub lost: u64,
    /// Packets for which the line was dead.
    pub dead: u64,
    /// Packets that went out twice.
    pub duplicated: u64,
    /// Packets that fell back behind later ones.
    pub reordered: u64,
}

/// Chaos applied to the packets of one channel, the same for the same seed and the same packets.
#[derive(Clone, Debug)]
pub struct Dial {
    draws: Draws,
    every_line: Burst,
    lines: Vec<Line>,
    /// Ready to go, by time and by the order in which they became so.
    ready: BinaryHeap<Reverse<(u64, u64, Ready)>>,
    became_ready: u64,
    next_packet: u64,
    last_ts_ns: u64,
}

#[derive(Clone, Debug)]
struct Line {
    chaos: LineChaos,
    burst: Burst,
    /// Packets that wait for a later one, by that one's number; those that fall back come behind it, in the order of their own.
    held: BTreeMap<(u64, bool, u64), Held>,
    counts: LineCounts,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    jitter_ns: u64,
    copies: u64,
}

/// The parts of a [`Sending`] behind its time, in a form that is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ready {
    line: usize,
    packet: u64,
    is_duplicate: bool,
}

impl Dial {
    /// A dial for channel `channel`, from 0, of `lines` lines; each channel has its own draws.
    ///
    /// # Errors
    ///
    /// As [`Chaos::validate`].
    pub fn new(chaos: &Chaos, channel: u64, lines: usize) -> Result<Self, ChaosError> {
        chaos.validate()?;
        let line = |line| {
            let chaos = chaos.line(line);
            let burst = Burst::new(chaos.loss);
            Line { chaos, burst, held: BTreeMap::new(), counts: LineCounts::default() }
        };
        Ok(Self {
            draws: Draws::new(chaos.seed, channel),
            every_line: Burst::new(chaos.every_line),
            lines: (0..lines).map(line).collect(),
            ready: BinaryHeap::new(),
            became_ready: 0,
            next_packet: 0,
            last_ts_ns: 0,
        })
    }

    /// Takes the channel's next packet, which the venue sends at `ts_ns`, and gives its number: 0, 1 and so on. Times that go
    /// back are taken as the latest so far.
    pub fn offer(&mut self, ts_ns: u64) -> u64 {
        let packet = self.next_packet;
        self.next_packet += 1;
        self.last_ts_ns = self.last_ts_ns.max(ts_ns);
        let is_lost = self.every_line.takes(self.draws, EVERY_LINE, packet);
        for line in 0..self.lines.len() {
            let at = &mut self.lines[line];
            if let Some((fallback, held)) = at.decide(self.draws, line as u64, packet, is_lost) {
                let behind = packet + u64::from(at.chaos.lag_packets) + fallback;
                at.held.insert((behind, fallback > 0, packet), held);
            }
            self.release(line, packet);
        }
        packet
    }

    /// No packet comes any more: those that wait for later ones are ready.
    pub fn finish(&mut self) {
        (0..self.lines.len()).for_each(|line| self.release(line, u64::MAX));
    }

    /// The next packet that goes out at `now_ns` or before. With `now_ns` at the time that was offered last, the packets of all
    /// lines come out in the order of their times.
    pub fn next_due(&mut self, now_ns: u64) -> Option<Sending> {
        let Reverse((at_ns, _, _)) = *self.ready.peek()?;
        if at_ns > now_ns {
            return None;
        }
        let Reverse((_, _, Ready { line, packet, is_duplicate })) = self.ready.pop()?;
        self.lines[line].counts.sent += 1;
        Some(Sending { line, packet, at_ns, is_duplicate })
    }

    /// When the next packet that is ready goes out.
    pub fn next_ts_ns(&self) -> Option<u64> {
        self.ready.peek().map(|Reverse((at_ns, _, _))| *at_ns)
    }

    /// The lowest number of a packet that is still to go out; without one, the number that the next packet will have. What is
    /// below it need not be kept.
    pub fn oldest_packet(&self) -> u64 {
        let ready = self.ready.iter().map(|Reverse((_, _, ready))| ready.packet);
        let held = self.lines.iter().flat_map(|line| line.held.keys().map(|(_, _, packet)| *packet));
        ready.chain(held).min().unwrap_or(self.next_packet)
    }

    /// How many lines there are.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// What a line did so far.
    ///
    /// # Panics
    ///
    /// Where there is no such line.
    pub fn counts(&self, line: usize) -> LineCounts {
        self.lines[line].counts
    }

    /// Makes ready what waited for packet `number`.
    fn release(&mut self, line: usize, number: u64) {
        let at = &mut self.lines[line];
        while let Some(entry) = at.held.first_entry().filter(|entry| entry.key().0 <= number) {
            let ((_, _, packet), held) = entry.remove_entry();
            let at_ns = self.last_ts_ns.saturating_add(at.chaos.delay_us * 1_000 + held.jitter_ns);
            for copy in 0..held.copies {
                let ready = Ready { line, packet, is_duplicate: copy > 0 };
                self.ready.push(Reverse((at_ns, self.became_ready, ready)));
                self.became_ready += 1;
            }
        }
    }
}

impl Line {
    /// What becomes of a packet: nothing where it is lost, else by how many packets it falls back, and how it comes.
    fn decide(&mut self, draws: Draws, line: u64, packet: u64, is_lost: bool) -> Option<(u64, Held)> {
        // A line's own chance moves on with every packet, whatever else happens to it.
        let is_lost = self.burst.takes(draws, line, packet) || is_lost;
        if self.chaos.dead.iter().any(|dead| dead.contains(&packet)) {
            self.counts.dead += 1;
            return None;
        }
        if is_lost {
            self.counts.lost += 1;
            return None;
        }
        let mut fallback = 0;
        if draws.happens(self.chaos.reorders, Purpose::Reorder, line, packet) {
            let most = u64::from(self.chaos.reorder_packets.max(1));
            fallback = 1 + draws.below(most, Purpose::ReorderBy, line, packet);
            self.counts.reordered += 1;
        }
        let is_doubled = draws.happens(self.chaos.duplicates, Purpose::Duplicate, line, packet);
        self.counts.duplicated += u64::from(is_doubled);
        // The limit is inclusive: a jitter of 1 us is 0 to 1,000 ns.
        let jitter_ns = match self.chaos.jitter_us * 1_000 {
            0 => 0,
            most => draws.below(most + 1, Purpose::Jitter, line, packet),
        };
        Some((fallback, Held { jitter_ns, copies: 1 + u64::from(is_doubled) }))
    }
}
