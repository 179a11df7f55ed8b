//! Any bytes to any of the protocols: framed, split, decoded in one go and in small batches, encoded again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wirebook_abi::{
    BatchBuffer, CheckedTable, DecoderInstance, DecoderTable, Event, Frame, Framing, Group, Span, Status, flags,
};
use wirebook_pitch::*;

const TABLES: [&DecoderTable; 10] = [
    &EQUITIES_2_41_64,
    &EQUITIES_2_41_29,
    &EQUITIES_2,
    &OPTIONS_2_41_64,
    &OPTIONS_2_39_4,
    &COMPLEX_2_1_18,
    &CFE_1_2_19,
    &CFE_1_1_12,
    &CFE_1_1_6,
    &EUROPE_6_67,
];

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let table = CheckedTable::new(TABLES[usize::from(*choice) % TABLES.len()]).expect("the table is of this workspace");
    let description = table.description();
    let mut roomy = Run { decoder: create(table), batch: BatchBuffer::new(256, 256, description) };
    let mut tight = Run { decoder: create(table), batch: BatchBuffer::new(8, 8, description) };
    // Packets behind one another: what the first leaves behind matters to the next.
    for packet in bytes.chunks(200) {
        let mut frame = Frame::default();
        if roomy.decoder.frame(packet, &mut frame).status != Status::OK {
            continue;
        }
        assert_eq!(tight.decoder.frame(packet, &mut Frame::default()).status, Status::OK);
        let one = roomy.decode(packet);
        assert_eq!(one, tight.decode(packet));
        let mut spans = [Span::default(); 16];
        roomy.decoder.split(packet, &mut spans);
        roomy.encode(packet);
    }
    assert!(!roomy.decoder.failed() && !tight.decoder.failed());
});

fn create(table: CheckedTable) -> DecoderInstance {
    table.create(Framing::SEQUENCED_UNIT).expect("all come in units")
}

struct Run {
    decoder: DecoderInstance,
    batch: BatchBuffer,
}

impl Run {
    /// The framed packet's events.
    fn decode(&mut self, packet: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        let mut skip = 0;
        loop {
            let decoded = self.decoder.decode(packet, skip, &mut self.batch);
            events.extend_from_slice(self.batch.parts_mut().0);
            self.batch.clear();
            skip += decoded.messages;
            if decoded.status != Status::BATCH_FULL {
                return events;
            }
            assert_ne!(decoded.messages, 0, "an empty batch has room for any message");
        }
    }

    /// Encodes each group of the framed packet's events, as many as fit the batch.
    fn encode(&mut self, packet: &[u8]) {
        self.decoder.decode(packet, 0, &mut self.batch);
        let (events, cold, records) = self.batch.parts_mut();
        let mut output = [0; 255];
        let mut start = 0;
        for end in 1..=events.len() {
            if events[end - 1].flags & flags::LAST != 0 {
                let group = Group { events: &events[start..end], cold: &cold[start..end], records };
                self.decoder.encode(group, &mut output);
                start = end;
            }
        }
        self.batch.clear();
    }
}
