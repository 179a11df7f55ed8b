//! Runs packets through a decoder table, as the engine does.

#![allow(dead_code, reason = "each test file uses its part")]

use wirebook_abi::{
    BatchBuffer, CheckedTable, Decoded, DecoderInstance, DecoderTable, Description, Event, EventCold, Fault, Frame,
    Framing, Group, Outcome, Record, Status,
};
use wirebook_pitch::*;

/// Every protocol of the plugin.
pub const TABLES: [&DecoderTable; 10] = [
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

/// An event with its cold part and record.
pub type Whole = (Event, EventCold, Option<Record>);

pub fn description(table: &'static DecoderTable) -> &'static Description {
    CheckedTable::new(table).expect("the table is of this workspace").description()
}

/// The table of the protocol with this identity.
pub fn table(protocol: &str) -> &'static DecoderTable {
    let found = TABLES.into_iter().find(|table| description(table).protocol.as_str() == protocol);
    found.unwrap_or_else(|| panic!("no such protocol: {protocol}"))
}

/// A decoder, and all that came out of it.
pub struct Feed {
    pub decoder: DecoderInstance,
    pub batch: BatchBuffer,
    pub events: Vec<Whole>,
    pub faults: Vec<Fault>,
    pub frame: Frame,
}

impl Feed {
    pub fn new(table: &'static DecoderTable) -> Self {
        Self::with_room(table, 256, 64)
    }

    pub fn with_room(table: &'static DecoderTable, events: usize, records: usize) -> Self {
        let table = CheckedTable::new(table).expect("the table is of this workspace");
        Self {
            decoder: table.create(Framing::SEQUENCED_UNIT).expect("all protocols come in units"),
            batch: BatchBuffer::new(events, records, table.description()),
            events: Vec::new(),
            faults: Vec::new(),
            frame: Frame::default(),
        }
    }

    /// Frames and decodes one packet to its end, draining the batch whenever it is full.
    pub fn packet(&mut self, packet: &[u8]) -> (Outcome, Decoded) {
        let mut frame = Frame::default();
        let outcome = self.decoder.frame(packet, &mut frame);
        self.frame = frame;
        if outcome.status != Status::OK {
            return (outcome, Decoded::default());
        }
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

    fn drain(&mut self) {
        let (events, cold, records) = self.batch.parts_mut();
        for (event, cold) in events.iter().zip(cold) {
            let record = usize::from(cold.record).checked_sub(1).map(|index| records[index]);
            self.events.push((*event, *cold, record));
        }
        self.batch.clear();
        let (_, faults) = self.batch.take_faults();
        self.faults.extend_from_slice(faults);
    }

    /// Decodes `messages` as one packet of unit 31 from sequence `first` on.
    pub fn messages(&mut self, first: u32, messages: &[&[u8]]) {
        let (outcome, decoded) = self.packet(&unit(31, first, messages));
        assert_eq!(
            (outcome.status, decoded.status, decoded.messages as usize),
            (Status::OK, Status::OK, messages.len())
        );
    }

    /// The message that stands for a group of events.
    pub fn encode(&mut self, whole: &[Whole]) -> Result<Vec<u8>, Status> {
        let mut records = Vec::new();
        let (mut events, mut cold) = (Vec::new(), Vec::new());
        for (event, each, record) in whole {
            records.extend(*record);
            let index = if record.is_some() { records.len() as u16 } else { 0 };
            events.push(*event);
            cold.push(EventCold { record: index, ..*each });
        }
        let mut output = [0; 255];
        let group = Group { events: &events, cold: &cold, records: &records };
        let outcome = self.decoder.encode(group, &mut output);
        if outcome.status == Status::OK { Ok(output[..outcome.offset as usize].to_vec()) } else { Err(outcome.status) }
    }
}

/// A packet, written byte by byte.
pub fn unit(unit: u8, first: u32, messages: &[&[u8]]) -> Vec<u8> {
    let length = 8 + messages.iter().map(|message| message.len()).sum::<usize>();
    let mut packet = (length as u16).to_le_bytes().to_vec();
    packet.extend_from_slice(&[messages.len() as u8, unit]);
    packet.extend_from_slice(&first.to_le_bytes());
    packet.extend(messages.iter().copied().flatten());
    packet
}

/// A US equities message that sets the second.
pub fn time(seconds: u32) -> [u8; 6] {
    cboe_us_equities_depth_2_41_64::TimeFields { time: seconds }.encode()
}

/// A US equities message of 26 bytes.
pub fn add_order(order: u64, symbol: &[u8; 6]) -> [u8; 26] {
    cboe_us_equities_depth_2_41_64::AddOrderShortFields {
        time_offset: 5,
        order_id: order,
        side_indicator: b'B',
        quantity: 100,
        symbol: *symbol,
        price: 1_133,
        add_flags: 1,
    }
    .encode()
}

/// A US equities message of 14 bytes.
pub fn delete_order(order: u64) -> [u8; 14] {
    cboe_us_equities_depth_2_41_64::DeleteOrderFields { time_offset: 7, order_id: order }.encode()
}

/// The event without what depends on where in the batch and in the description it stands.
pub fn without_indices((event, cold, record): Whole) -> Whole {
    (event, EventCold { message: 0, record: 0, sequence: 0, ..cold }, record)
}
