//! Any bytes, in any framing, to any of the protocols: framed, split, decoded in one go and in small batches, encoded again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wirebook_abi::{BatchBuffer, CheckedTable, DecoderInstance, Event, Frame, Framing, Group, Span, Status, flags};
use wirebook_itch::TABLES;

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let choice = usize::from(*choice);
    let table = CheckedTable::new(TABLES[choice / 3 % TABLES.len()].1).expect("the table is of this workspace");
    let description = table.description();
    let framings = description.framings.as_slice();
    let framing = framings[choice % framings.len()];
    let mut roomy = Run { decoder: create(table, framing), batch: BatchBuffer::new(256, 256, description) };
    let mut tight = Run { decoder: create(table, framing), batch: BatchBuffer::new(8, 8, description) };
    let mut at = 0;
    let mut frame = Frame::default();
    while at < bytes.len() {
        let window = &bytes[at..];
        if roomy.decoder.frame(window, &mut frame).status != Status::OK {
            break;
        }
        assert_eq!(tight.decoder.frame(window, &mut Frame::default()).status, Status::OK);
        let one = roomy.decode(window);
        assert_eq!(one, tight.decode(window));
        let mut spans = [Span::default(); 16];
        roomy.decoder.split(window, &mut spans);
        roomy.encode(window);
        at += (frame.size_bytes as usize).max(1);
    }
    assert!(!roomy.decoder.failed() && !tight.decoder.failed());
});

fn create(table: CheckedTable, framing: Framing) -> DecoderInstance {
    table.create(framing).expect("the description lists it")
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
        let mut output = [0; 512];
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
