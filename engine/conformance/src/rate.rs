//! How long decoding takes.

use wirebook_abi::{BatchBuffer, CheckedTable, DecoderInstance, Frame, Framing, Refused, Status};

use crate::clock::thread_cpu_ns;

/// Room of the batch, and the room under which it is drained, as the engine's own.
const EVENTS: usize = 1024;
const RECORDS: usize = 512;
const ROOM_FOR_PACKET: usize = 256;

/// What decoding took: processor time of one thread, without books.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rate {
    /// Messages of a run.
    pub messages: u64,
    /// Events of a run.
    pub events: u64,
    /// Nanoseconds of each run, least first.
    pub runs_ns: Vec<u64>,
}

impl Rate {
    /// Nanoseconds a message in the middle run; 0 where there was none.
    pub fn ns_per_message(&self) -> f64 {
        self.middle_ns() / self.messages.max(1) as f64
    }

    /// Nanoseconds an event in the middle run.
    pub fn ns_per_event(&self) -> f64 {
        self.middle_ns() / self.events.max(1) as f64
    }

    fn middle_ns(&self) -> f64 {
        self.runs_ns.get(self.runs_ns.len() / 2).map_or(0.0, |ns| *ns as f64)
    }
}

/// Decodes `packets` again and again until `messages` are through, `runs` times, and drops the events.
///
/// # Errors
///
/// [`Refused::Framing`] where the protocol does not come so.
pub fn measure_rate(
    table: CheckedTable,
    framing: Framing,
    packets: &[&[u8]],
    messages: u64,
    runs: usize,
) -> Result<Rate, Refused> {
    let mut decoder = table.create(framing)?;
    let mut batch = BatchBuffer::new(EVENTS, RECORDS, table.description());
    let mut rate = Rate::default();
    // The first pass warms caches up, and tells how many messages the packets have.
    let (once, _) = pass(&mut decoder, packets, &mut batch);
    let rounds = if once == 0 { 0 } else { messages.div_ceil(once) };
    for _ in 0..runs {
        (rate.messages, rate.events) = (0, 0);
        let start = thread_cpu_ns();
        for _ in 0..rounds {
            let (messages, events) = pass(&mut decoder, packets, &mut batch);
            rate.messages += messages;
            rate.events += events;
        }
        rate.runs_ns.push(thread_cpu_ns() - start);
    }
    rate.runs_ns.sort_unstable();
    Ok(rate)
}

/// Messages and events of all packets, once.
pub(crate) fn pass(decoder: &mut DecoderInstance, packets: &[&[u8]], batch: &mut BatchBuffer) -> (u64, u64) {
    let (mut messages, mut events) = (0, 0);
    let mut frame = Frame::default();
    for packet in packets {
        let mut rest = *packet;
        // A stream's bytes may take several calls; a datagram is one.
        while !rest.is_empty() && decoder.frame(rest, &mut frame).status == Status::OK && frame.size_bytes != 0 {
            let mut skip = 0;
            loop {
                if batch.room() < ROOM_FOR_PACKET {
                    events += drained(batch);
                }
                let decoded = decoder.decode(rest, skip, batch);
                skip += decoded.messages;
                if decoded.status != Status::BATCH_FULL {
                    break;
                }
                if batch.is_empty() {
                    // Not even an empty batch has room: the survey says so.
                    break;
                }
                events += drained(batch);
            }
            messages += u64::from(skip);
            rest = &rest[frame.size_bytes as usize..];
        }
    }
    (messages, events + drained(batch))
}

fn drained(batch: &mut BatchBuffer) -> u64 {
    let count = batch.len() as u64;
    batch.clear();
    batch.take_faults();
    count
}
