//! Runs packets through a decoder table, as the engine does.

#![allow(dead_code, reason = "each test file uses its part")]

use wirebook_abi::{
    BatchBuffer, CheckedTable, Decoded, DecoderInstance, DecoderTable, Description, Event, EventCold, Fault, Frame,
    FrameKind, Framing, Group, MessageInfo, Outcome, Record, Status,
};

/// An event with its cold part and record.
pub type Whole = (Event, EventCold, Option<Record>);

/// A decoder, and all that came out of it.
pub struct Feed {
    pub decoder: DecoderInstance,
    pub batch: BatchBuffer,
    pub events: Vec<Whole>,
    pub faults: Vec<Fault>,
    pub frames: Vec<Frame>,
}

impl Feed {
    pub fn new(table: &'static DecoderTable, framing: Framing) -> Self {
        Self::with_room(table, framing, 256, 64)
    }

    pub fn with_room(table: &'static DecoderTable, framing: Framing, events: usize, records: usize) -> Self {
        let table = CheckedTable::new(table).expect("the table is of this workspace");
        Self {
            decoder: table.create(framing).expect("the protocol comes in this framing"),
            batch: BatchBuffer::new(events, records, table.description()),
            events: Vec::new(),
            faults: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// Frames and decodes one packet to its end, draining the batch whenever it is full.
    pub fn packet(&mut self, packet: &[u8]) -> (Outcome, Decoded) {
        let mut frame = Frame::default();
        let outcome = self.decoder.frame(packet, &mut frame);
        if outcome.status != Status::OK {
            return (outcome, Decoded::default());
        }
        self.frames.push(frame);
        (outcome, self.decode(packet, 0))
    }

    /// Decodes the framed packet from message `skip` on; the answer counts all messages taken.
    pub fn decode(&mut self, packet: &[u8], mut skip: u32) -> Decoded {
        let start = skip;
        loop {
            let decoded = self.decoder.decode(packet, skip, &mut self.batch);
            self.drain();
            skip += decoded.messages;
            if decoded.status != Status::BATCH_FULL {
                return Decoded { messages: skip - start, ..decoded };
            }
            assert_ne!(decoded.messages, 0, "an empty batch has room for any message");
        }
    }

    /// Feeds a stream from its front for as long as whole messages are there; gives the bytes taken.
    pub fn stream(&mut self, bytes: &[u8]) -> (Outcome, usize) {
        let mut at = 0;
        loop {
            let (outcome, decoded) = self.packet(&bytes[at..]);
            if outcome.status != Status::OK {
                return (outcome, at);
            }
            assert_eq!(decoded.status, Status::OK);
            at += self.frames.last().expect("a packet was framed").size_bytes as usize;
            if at == bytes.len() {
                return (outcome, at);
            }
        }
    }

    fn drain(&mut self) {
        let (events, cold, records) = self.batch.parts_mut();
        for (event, cold) in events.iter().zip(cold) {
            let record = usize::from(cold.record).checked_sub(1).map(|index| records[index]);
            self.events.push((*event, *cold, record));
        }
        self.batch.clear();
        let (total, faults) = self.batch.take_faults();
        assert_eq!(total, faults.len(), "more faults than the batch keeps");
        self.faults.extend_from_slice(faults);
    }

    /// Writes a packet in this feed's framing.
    pub fn pack(&mut self, frame: &Frame, messages: &[&[u8]]) -> Vec<u8> {
        let mut output = vec![0; 1 << 16];
        let outcome = self.decoder.pack(frame, messages, &mut output);
        assert_eq!(outcome.status, Status::OK);
        output.truncate(outcome.offset as usize);
        output
    }
}

/// A data frame of `session` whose first message has this sequence.
pub fn data(first_sequence: u64) -> Frame {
    let mut session = [0; 16];
    session[..9].copy_from_slice(b"TESTING01");
    Frame { first_sequence, session, ..Frame::default() }
}

/// As [`data`], of another kind and without messages.
pub fn empty(first_sequence: u64, kind: FrameKind) -> Frame {
    Frame { kind, ..data(first_sequence) }
}

/// A message of 19 bytes: Order Delete of order `order` of instrument 7.
pub fn order_delete(order: u64) -> [u8; 19] {
    wirebook_itch::nasdaq_totalview_5_0::OrderDeleteFields {
        stock_locate: 7,
        order_reference_number: order,
        ..Default::default()
    }
    .encode()
}

/// An Add Order of 36 bytes.
pub fn add_order(locate: u16, order: u64, symbol: &[u8; 8]) -> [u8; 36] {
    wirebook_itch::nasdaq_totalview_5_0::AddOrderFields {
        stock_locate: locate,
        order_reference_number: order,
        buy_sell_indicator: b'B',
        shares: 100,
        stock: *symbol,
        price: 10_000,
        ..Default::default()
    }
    .encode()
}

/// What a table's protocol looks like.
pub fn description(table: &'static DecoderTable) -> &'static Description {
    CheckedTable::new(table).expect("the table is of this workspace").description()
}

/// Bytes of a message with all parts that it always has.
pub fn whole_length(message: &MessageInfo) -> usize {
    let parts = message.parts.as_slice().iter().map(|part| part.stride as usize * part.count as usize);
    message.length as usize + parts.sum::<usize>()
}

/// Messages of these types are never what an encoder chooses, since others mean the same.
pub fn is_not_written(table: &'static DecoderTable, message_type: u8) -> bool {
    let types: &[u8] = match description(table).protocol.as_str() {
        "asx24-ntp-1.05" => b"hMmep",
        "asx-trade-2.0" | "asx-trade-3.1" => b"MF",
        "genium-inet-ose-5.0.6" | "genium-inet-bist-21.12" => b"F",
        "nasdaq-nordic-totalview-3.04.5" => b"J",
        _ => b"",
    };
    types.contains(&message_type)
}

/// Events as an encoder takes them: groups, with records at the places that their cold parts name.
pub fn encode(feed: &mut Feed, whole: &[Whole], output: &mut [u8]) -> Outcome {
    let records: Vec<Record> = whole.iter().filter_map(|(.., record)| *record).collect();
    let mut next = 0;
    let (mut events, mut cold) = (Vec::new(), Vec::new());
    for (event, each, record) in whole {
        next += u16::from(record.is_some());
        events.push(*event);
        cold.push(EventCold { record: if record.is_some() { next } else { 0 }, ..*each });
    }
    feed.decoder.encode(Group { events: &events, cold: &cold, records: &records }, output)
}

/// Lets an encoder know what messages say of instruments.
pub fn teach(feed: &mut Feed, messages: &[Vec<u8>]) {
    let mut reader = Feed::new(tables().find(|table| is_of(table, feed)).expect("its table"), Framing::LENGTH16);
    for message in messages {
        let stream = reader.pack(&data(1), &[message]);
        reader.stream(&stream);
    }
    for whole in std::mem::take(&mut reader.events) {
        encode(feed, &[whole], &mut [0; 512]);
    }
}

fn is_of(table: &'static DecoderTable, feed: &Feed) -> bool {
    description(table).protocol.as_str() == feed.decoder.table().description().protocol.as_str()
}

/// Every table of this plugin.
pub fn tables() -> impl Iterator<Item = &'static DecoderTable> {
    wirebook_itch::TABLES.into_iter().map(|(_, table)| table)
}
