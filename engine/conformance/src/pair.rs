//! Two decoders fed alike, for fuzzing: one with room for whole packets, one with little.

use wirebook_abi::{BatchBuffer, CheckedTable, DecoderInstance, Framing, Group, Refused, Span, Status, flags};

use crate::run::{Run, run_packet};

/// Room of the two, and of what they encode.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Events and records that any packet fits in.
    pub whole: (usize, usize),
    /// Events and records that any message fits in, and few packets.
    pub little: (usize, usize),
    /// Bytes of an encoded message at most.
    pub message: usize,
}

/// Two decoders of one protocol and framing.
#[derive(Debug)]
pub struct Pair {
    whole: (DecoderInstance, BatchBuffer),
    little: (DecoderInstance, BatchBuffer),
    output: Vec<u8>,
}

impl Pair {
    /// Decoders of `table`.
    ///
    /// # Errors
    ///
    /// [`Refused`] where the protocol does not come in this framing.
    pub fn new(table: CheckedTable, framing: Framing, room: Room) -> Result<Self, Refused> {
        let one =
            |(events, records)| Ok((table.create(framing)?, BatchBuffer::new(events, records, table.description())));
        Ok(Self { whole: one(room.whole)?, little: one(room.little)?, output: vec![0; room.message] })
    }

    /// Frames a packet, or the front of a stream, decodes it in one go and in small batches, splits it, and encodes what came of
    /// it. Gives the bytes that are dealt with, one at least; `None` of what is no packet.
    ///
    /// # Panics
    ///
    /// Where the two do not come to the same, have no room for a message in an empty batch, or failed.
    pub fn take(&mut self, packet: &[u8]) -> Option<usize> {
        let one = run(&mut self.whole, packet);
        if one.framed.status != Status::OK {
            return None;
        }
        let other = run(&mut self.little, packet);
        assert_eq!(other.framed.status, Status::OK);
        assert_eq!(one.events, other.events);
        self.whole.0.split(packet, &mut [Span::default(); 16]);
        self.encode(packet);
        Some((one.frame.size_bytes as usize).max(1))
    }

    /// Encodes each group of the framed packet's events, as many as fit the batch.
    fn encode(&mut self, packet: &[u8]) {
        let (decoder, batch) = &mut self.whole;
        decoder.decode(packet, 0, batch);
        let (events, cold, records) = batch.parts_mut();
        let mut start = 0;
        for end in 1..=events.len() {
            if events[end - 1].flags & flags::LAST != 0 {
                let group = Group { events: &events[start..end], cold: &cold[start..end], records };
                decoder.encode(group, &mut self.output);
                start = end;
            }
        }
        batch.clear();
        assert!(!decoder.failed());
    }
}

fn run((decoder, batch): &mut (DecoderInstance, BatchBuffer), packet: &[u8]) -> Run {
    let run = run_packet(decoder, packet, 0, batch);
    assert!(!run.stalled, "an empty batch has room for any message");
    assert!(!run.failed);
    run
}
