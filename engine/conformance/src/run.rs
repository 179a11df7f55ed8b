//! A decoder taken through one packet, as the engine would, with all that it said written down.

use wirebook_abi::{BatchBuffer, DecoderInstance, Event, EventCold, Fault, Frame, Outcome, Record, Status};

/// All that a decoder made of one packet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Answer of `frame`.
    pub framed: Outcome,
    /// What it filled in.
    pub frame: Frame,
    /// Messages taken by all calls of `decode`.
    pub messages: u32,
    /// Answer of the last call; [`Status::OK`] where there was none.
    pub status: Status,
    /// Offset at which it stopped.
    pub offset: u32,
    /// The decoder answered that a batch of this size has no room for its next message.
    pub stalled: bool,
    /// The events.
    pub events: Vec<Event>,
    /// Beside each its cold part, without the record's index, which depends on the batch.
    pub cold: Vec<EventCold>,
    /// Beside each its record.
    pub records: Vec<Option<Record>>,
    /// An event named a record that was not written.
    pub dangling_record: bool,
    /// Messages that were not taken as they stand, those that the batch kept.
    pub faults: Vec<Fault>,
    /// How many there were.
    pub fault_count: usize,
    /// Messages counted by type.
    pub counted: u64,
    /// The decoder panicked, or wrote or pointed past what it was given.
    pub failed: bool,
}

/// Frames and decodes a packet from message `skip` on, draining `batch` whenever it is full.
pub fn run_packet(decoder: &mut DecoderInstance, packet: &[u8], skip: u32, batch: &mut BatchBuffer) -> Run {
    let mut frame = Frame::default();
    let framed = decoder.frame(packet, &mut frame);
    let run =
        if framed.status == Status::OK { decode_framed(decoder, packet, &frame, skip, batch) } else { Run::default() };
    Run { framed, frame, failed: decoder.failed(), ..run }
}

/// Decodes the packet that `frame` was just filled in for once more, from message `skip` on.
pub fn decode_framed(
    decoder: &mut DecoderInstance,
    packet: &[u8],
    frame: &Frame,
    skip: u32,
    batch: &mut BatchBuffer,
) -> Run {
    batch.clear();
    batch.take_faults();
    let counted = batch.type_counts().iter().sum::<u64>();
    let mut run = Run { frame: *frame, ..Run::default() };
    decode_to_end(decoder, packet, skip, batch, &mut run);
    run.counted = batch.type_counts().iter().sum::<u64>() - counted;
    run.failed = decoder.failed();
    run
}

fn decode_to_end(decoder: &mut DecoderInstance, packet: &[u8], skip: u32, batch: &mut BatchBuffer, run: &mut Run) {
    let mut next = skip;
    loop {
        let decoded = decoder.decode(packet, next, batch);
        drain(batch, run);
        next = next.saturating_add(decoded.messages);
        run.messages = run.messages.saturating_add(decoded.messages);
        (run.status, run.offset) = (decoded.status, decoded.offset);
        if decoded.status != Status::BATCH_FULL {
            return;
        }
        // The batch was empty: it will never have more room. A decoder that counts on without end is stopped, too.
        if decoded.messages == 0 || run.messages > run.frame.message_count {
            run.stalled = true;
            return;
        }
    }
}

fn drain(batch: &mut BatchBuffer, run: &mut Run) {
    let (events, cold, records) = batch.parts_mut();
    for (event, cold) in events.iter().zip(cold) {
        let record = usize::from(cold.record).checked_sub(1).map(|index| records.get(index).copied());
        run.dangling_record |= record == Some(None);
        run.events.push(*event);
        run.cold.push(EventCold { record: 0, ..*cold });
        run.records.push(record.flatten());
    }
    batch.clear();
    let (total, faults) = batch.take_faults();
    run.faults.extend_from_slice(faults);
    run.fault_count += total;
}
