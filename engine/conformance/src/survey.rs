//! Damaged packets, and what a decoder must keep to whatever it is given.

use wirebook_abi::{BatchBuffer, CheckedTable, EventKind, Framing, Refused, Span, Status};

use crate::run::{Run, run_packet};

/// Room of the batches: less than the engine's own, so that large packets take several calls.
const EVENTS: usize = 512;
const RECORDS: usize = 256;

/// Violations that are kept; a decoder that is wrong is wrong in thousands of packets.
const KEPT: usize = 20;

/// Values that a byte is set to: ends of ranges, signs, common types and padding.
const TELLING: [u8; 8] = [0, 1, b' ', b'A', b'S', 0x7f, 0x80, 0xff];

/// A promise that a decoder broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The packet it broke it with.
    pub packet: Vec<u8>,
    /// Which promise, and how.
    pub what: String,
}

/// Gives a decoder damaged packets, each to a new instance, and collects the promises that it breaks.
///
/// Panics are caught at the border and reported as violations; a decoder that reads where it must not may end the process.
#[derive(Debug)]
pub struct Survey {
    table: CheckedTable,
    framing: Framing,
    batch: BatchBuffer,
    violations: Vec<Violation>,
    /// Packets tried.
    packets: u64,
}

impl Survey {
    /// A survey of the decoder behind `table` with packets in `framing`.
    ///
    /// # Errors
    ///
    /// [`Refused::Framing`] where the protocol does not come so.
    pub fn new(table: CheckedTable, framing: Framing) -> Result<Self, Refused> {
        drop(table.create(framing)?);
        let batch = BatchBuffer::new(EVENTS, RECORDS, table.description());
        Ok(Self { table, framing, batch, violations: Vec::new(), packets: 0 })
    }

    /// Tries the packet as it stands, and cut after each of its bytes.
    pub fn truncations(&mut self, packet: &[u8]) {
        for size in 0..=packet.len() {
            self.try_packet(&packet[..size]);
            self.try_in_other_memory(&packet[..size]);
        }
    }

    /// Tries the packet with each of its bits flipped.
    pub fn bit_flips(&mut self, packet: &[u8]) {
        let mut damaged = packet.to_vec();
        for at in 0..packet.len() {
            for bit in 0..8 {
                damaged[at] = packet[at] ^ 1 << bit;
                self.try_packet(&damaged);
            }
            damaged[at] = packet[at];
        }
    }

    /// Tries the packet with each byte, and each pair of bytes, set to telling values: counts and lengths that lie.
    pub fn lies(&mut self, packet: &[u8]) {
        let mut damaged = packet.to_vec();
        for at in 0..packet.len() {
            for value in TELLING.into_iter().filter(|value| *value != packet[at]) {
                damaged[at] = value;
                self.try_packet(&damaged);
            }
            damaged[at] = packet[at];
            for pair in [[0, 0], [0, 1], [1, 0], [0xff, 0xff], [0xff, 0x7f], [0x7f, 0xff]] {
                if let Some(slot) = damaged.get_mut(at..at + 2) {
                    slot.copy_from_slice(&pair);
                    self.try_packet(&damaged);
                    damaged[at..at + 2].copy_from_slice(&packet[at..at + 2]);
                }
            }
        }
    }

    /// Tries `count` packets of random bytes, and as many of this one with random bytes in random places, cut at random.
    pub fn noise(&mut self, packet: &[u8], seed: u64, count: u32) {
        let mut random = SplitMix(seed);
        for _ in 0..count {
            let size = (random.next() % 300) as usize;
            let bytes: Vec<u8> = (0..size).map(|_| random.next() as u8).collect();
            self.try_packet(&bytes);
            let mut damaged = packet.to_vec();
            for _ in 0..=random.next() % 4 {
                if let Some(last) = packet.len().checked_sub(1) {
                    damaged[random.next() as usize % (last + 1)] = random.next() as u8;
                }
            }
            damaged.truncate(1 + random.next() as usize % (packet.len() + 1));
            self.try_packet(&damaged);
        }
    }

    /// Frames one packet and decodes another, which the engine never does and a decoder must survive.
    pub fn mismatches(&mut self, packets: &[&[u8]]) {
        for framed in packets {
            for other in packets {
                for skip in [0, 1, 7, u32::MAX] {
                    self.mismatch(framed, other, skip);
                }
            }
        }
    }

    /// What was broken, the first few.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Packets tried.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    fn mismatch(&mut self, framed: &[u8], other: &[u8], skip: u32) {
        self.packets += 1;
        let Ok(mut decoder) = self.table.create(self.framing) else { return };
        decoder.frame(framed, &mut wirebook_abi::Frame::default());
        self.batch.clear();
        decoder.decode(other, skip, &mut self.batch);
        decoder.split(other, &mut [Span::default(); 8]);
        if decoder.failed() {
            self.violated(other, "it panicked or overran at a packet other than the framed one".into());
        }
    }

    /// Tries one packet.
    pub fn try_packet(&mut self, packet: &[u8]) {
        self.packets += 1;
        let Some((run, split)) = self.run(packet, 0x00) else { return };
        if let Some(what) = broken_promise(packet, &run, split, self.table.description().messages.as_slice().len()) {
            self.violated(packet, what);
        }
    }

    /// Tries a packet in memory that goes on with zeros, and with ones, which must make no difference.
    fn try_in_other_memory(&mut self, packet: &[u8]) {
        if self.run(packet, 0x00) != self.run(packet, 0xff) {
            self.violated(packet, "what it says of the packet depends on memory behind the packet".into());
        }
    }

    /// What the decoder makes of the packet, and how many messages it finds in it.
    fn run(&mut self, packet: &[u8], behind: u8) -> Option<(Run, u32)> {
        let mut memory = packet.to_vec();
        memory.resize(packet.len() + 64, behind);
        let mut decoder = self.table.create(self.framing).ok()?;
        let run = run_packet(&mut decoder, &memory[..packet.len()], 0, &mut self.batch);
        let mut split = run.messages;
        if run.framed.status == Status::OK && !run.failed {
            let mut spans = [Span::default(); 64];
            split = decoder.split(&memory[..packet.len()], &mut spans).messages;
            if decoder.failed() {
                return Some((Run { failed: true, ..run }, split));
            }
        }
        Some((run, split))
    }

    fn violated(&mut self, packet: &[u8], what: String) {
        if self.violations.len() < KEPT {
            self.violations.push(Violation { packet: packet.to_vec(), what });
        }
    }
}

/// The first promise that the run broke, in words.
fn broken_promise(packet: &[u8], run: &Run, split: u32, types: usize) -> Option<String> {
    let size = packet.len();
    if run.failed {
        return Some("it panicked, or wrote or pointed past what it was given".into());
    }
    if run.framed.offset as usize > size {
        return Some(format!("frame: offset {} is past the packet's {size} bytes", run.framed.offset));
    }
    if run.framed.status != Status::OK {
        return (!is_refusal(run.framed.status))
            .then(|| format!("frame: answered {:?}, which is no reason to refuse a packet", run.framed.status.name()));
    }
    let announced = run.frame.message_count;
    let decode = |what: String| Some(format!("decode: {what}"));
    if run.stalled {
        return decode(format!("took no message with room for {EVENTS} events and {RECORDS} records"));
    }
    if run.messages > announced {
        return decode(format!("took {} messages of {announced}", run.messages));
    }
    if run.offset as usize > size {
        return decode(format!("offset {} is past the packet's {size} bytes", run.offset));
    }
    if run.status == Status::OK && run.messages != announced {
        return decode(format!("answered ok after {} of {announced} messages", run.messages));
    }
    if run.status != Status::OK && !is_refusal(run.status) {
        return decode(format!("answered {:?}, which says nothing of a packet", run.status.name()));
    }
    if run.counted > u64::from(run.messages) {
        return decode(format!("counted {} messages by type and took {}", run.counted, run.messages));
    }
    if split != run.messages.min(64) {
        return Some(format!("split: found {split} messages where decode took {}", run.messages));
    }
    unsound_event(run, types).or_else(|| unsound_fault(run, size))
}

fn unsound_event(run: &Run, types: usize) -> Option<String> {
    if run.dangling_record {
        return Some("an event names a record that was not written".into());
    }
    let first = run.frame.first_sequence;
    run.events.iter().zip(&run.cold).enumerate().find_map(|(index, (event, cold))| {
        let say = |what: String| Some(format!("event {index}: {what}"));
        if event.kind < EventKind::ADD || event.kind > EventKind::END {
            return say(format!("kind {} is none", event.kind.0));
        }
        if event.side.0 > 3 {
            return say(format!("side {} is none", event.side.0));
        }
        if cold.sequence.wrapping_sub(first) >= u64::from(run.messages) {
            return say(format!("sequence {} is of none of {} messages from {first}", cold.sequence, run.messages));
        }
        if usize::from(cold.message) >= types {
            return say(format!("message {} is none of the description's {types}", cold.message));
        }
        None
    })
}

fn unsound_fault(run: &Run, size: usize) -> Option<String> {
    let first = run.frame.first_sequence;
    run.faults.iter().find_map(|fault| {
        if fault.offset as usize > size {
            return Some(format!("fault: offset {} is past the packet's {size} bytes", fault.offset));
        }
        if fault.status == Status::OK || !Status::ALL.contains(&fault.status) {
            return Some(format!("fault: status {} says nothing of a message", fault.status.0));
        }
        // What follows the last message is noted under the sequence that comes next.
        let within = fault.sequence.wrapping_sub(first) <= u64::from(run.frame.message_count);
        (!within).then(|| format!("fault: sequence {} is of no message of the packet", fault.sequence))
    })
}

/// Whether the status can be what is wrong with a packet.
fn is_refusal(status: Status) -> bool {
    matches!(
        status,
        Status::TRUNCATED | Status::SHORT_MESSAGE | Status::BAD_HEADER | Status::BAD_VALUE | Status::TRAILING_BYTES
    )
}

/// Random numbers that are the same everywhere (SplitMix64).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }
}
