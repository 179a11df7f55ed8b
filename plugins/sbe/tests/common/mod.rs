//! Runs messages through a decoder table, as the engine does, and makes messages of every type from the description.

#![allow(dead_code, reason = "each test file uses its part")]

use wirebook_abi::{
    BatchBuffer, CheckedTable, Decoded, DecoderInstance, DecoderTable, Event, EventCold, Fault, FieldInfo, FieldKind,
    Frame, Framing, MessageInfo, Record, Status,
    describe::{GroupInfo, List, Slot},
};

/// An event with its cold part and record.
pub type Whole = (Event, EventCold, Option<Record>);

/// Each decoder of the plugin and a framing that it comes in.
pub const FEEDS: [(&DecoderTable, Framing); 11] = [
    (&wirebook_sbe::CME, Framing::CME_PACKET),
    (&wirebook_sbe::CME, Framing::CME_TCP),
    (&wirebook_sbe::B3_1, Framing::B3_PACKET),
    (&wirebook_sbe::B3_2, Framing::B3_PACKET),
    (&wirebook_sbe::MEMX, Framing::MEMX_PACKET),
    (&wirebook_sbe::COINBASE_1_2, Framing::COINBASE_PACKET),
    (&wirebook_sbe::COINBASE_1_7, Framing::COINBASE_PACKET),
    (&wirebook_sbe::DERIBIT, Framing::DERIBIT_PACKET),
    (&wirebook_sbe::OPTIQ, Framing::OPTIQ_PACKET),
    (&wirebook_sbe::BINANCE, Framing::MESSAGE),
    (&wirebook_sbe::MOEX, Framing::SIMBA_PACKET),
];

/// A decoder, and all that came out of it.
pub struct Feed {
    pub framing: Framing,
    pub decoder: DecoderInstance,
    pub batch: BatchBuffer,
    pub events: Vec<Whole>,
    pub faults: Vec<Fault>,
}

impl Feed {
    pub fn new(table: &'static DecoderTable, framing: Framing) -> Self {
        Self::with_room(table, framing, 1024, 512)
    }

    pub fn with_room(table: &'static DecoderTable, framing: Framing, events: usize, records: usize) -> Self {
        let table = CheckedTable::new(table).expect("the table is of this workspace");
        Self {
            framing,
            decoder: table.create(framing).expect("the protocol comes in this framing"),
            batch: BatchBuffer::new(events, records, table.description()),
            events: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Frames and decodes one packet to its end, draining the batch whenever it is full; `None` where it is refused.
    pub fn packet(&mut self, packet: &[u8]) -> Option<(Frame, Decoded)> {
        let mut frame = Frame::default();
        if self.decoder.frame(packet, &mut frame).status != Status::OK {
            return None;
        }
        let mut skip = 0;
        loop {
            let decoded = self.decoder.decode(packet, skip, &mut self.batch);
            self.drain();
            skip += decoded.messages;
            if decoded.status != Status::BATCH_FULL {
                return Some((frame, Decoded { messages: skip, ..decoded }));
            }
            assert_ne!(decoded.messages, 0, "an empty batch has room for any message");
        }
    }

    fn drain(&mut self) {
        let (events, cold, records) = self.batch.parts_mut();
        for (event, cold) in events.iter().zip(cold) {
            let record = usize::from(cold.record).checked_sub(1).map(|index| records[index]);
            self.events.push((*event, EventCold { record: 0, ..*cold }, record));
        }
        self.batch.clear();
        self.faults.extend_from_slice(self.batch.take_faults().1);
    }

    /// Writes messages as a packet of this feed's framing at `sequence`.
    pub fn pack(&mut self, sequence: u64, messages: &[&[u8]]) -> Vec<u8> {
        let name: &[u8] = match self.framing {
            Framing::B3_PACKET => b"68.273",
            Framing::MEMX_PACKET => b"55533ad0e21b2c48",
            Framing::COINBASE_PACKET | Framing::DERIBIT_PACKET => b"44849",
            Framing::OPTIQ_PACKET => b"310.0",
            _ => b"",
        };
        let mut session = [0; 16];
        session[..name.len()].copy_from_slice(name);
        let frame = Frame { first_sequence: sequence, session, ..Frame::default() };
        let mut output = vec![0; 16 << 10];
        let outcome = self.decoder.pack(&frame, messages, &mut output);
        assert_eq!(outcome.status, Status::OK);
        output.truncate(outcome.offset as usize);
        output
    }

    /// Packs and decodes one message, and gives what came of it alone.
    pub fn message(&mut self, message: &[u8]) -> Vec<Whole> {
        let before = self.events.len();
        let packet = self.pack(1, &[message]);
        self.packet(&packet).expect("the packet is sound");
        self.events.split_off(before)
    }
}

/// Bytes of a message being made; what is not set is zero.
pub struct Maker {
    bytes: Vec<u8>,
    big_endian: bool,
    fill: u8,
}

impl Maker {
    /// A message of `info` in `version`, every byte of its blocks `fill`, with `entries` entries in each group.
    pub fn message(table: &DecoderTable, info: &MessageInfo, version: u64, fill: u8, entries: usize) -> Vec<u8> {
        let header = CheckedTable::new(leaked(table)).unwrap().description().header;
        let mut maker = Self { bytes: vec![0; header.size as usize], big_endian: header.big_endian != 0, fill };
        let schema = if info.schema_id == MessageInfo::ANY_SCHEMA { 0 } else { info.schema_id };
        maker.put(0, header.block_length, u64::from(info.block_length));
        maker.put(0, header.template_id, u64::from(info.type_value));
        maker.put(0, header.schema_id, u64::from(schema));
        maker.put(0, header.version, version);
        maker.block(info.block_length as usize, 0, info.fields, &header_fields(info, header.size));
        maker.groups(info.groups, version, entries);
        for item in info.data.as_slice().iter().filter(|item| u64::from(item.field.since) <= version) {
            maker.data(item.head_size as usize, item.length, 3);
        }
        // Deribit's messages say their own size where others say that of their block.
        if header.block_length.size == 0 {
            let size = maker.bytes.len() as u64;
            maker.put(0, Slot { offset: 0, size: 2 }, size);
        }
        maker.bytes
    }

    fn put(&mut self, at: usize, slot: Slot, value: u64) {
        let (start, size) = (at + usize::from(slot.offset), usize::from(slot.size));
        let bytes = value.to_le_bytes();
        for (index, byte) in bytes[..size].iter().enumerate() {
            let place = if self.big_endian { size - 1 - index } else { index };
            self.bytes[start + place] = *byte;
        }
    }

    /// A block, its codes the first ones of their lists.
    fn block(&mut self, size: usize, _at: usize, _fields: List<FieldInfo>, coded: &[(usize, FieldInfo)]) {
        let start = self.bytes.len();
        self.bytes.resize(start + size, self.fill);
        for (offset, field) in coded {
            let Some(code) = field.enumeration.values.as_slice().first() else { continue };
            let text = code.code.as_str();
            let value = match field.kind {
                FieldKind::CHAR => u64::from(text.as_bytes()[0]),
                _ => text.parse::<i64>().map_or(0, i64::cast_unsigned),
            };
            if offset + field.size as usize <= size && field.size <= 8 {
                self.put(start, Slot { offset: *offset as u16, size: field.size as u16 }, value);
            }
        }
    }

    fn groups(&mut self, groups: List<GroupInfo>, version: u64, entries: usize) {
        for group in groups.as_slice().iter().filter(|group| u64::from(group.since) <= version) {
            let at = self.bytes.len();
            self.bytes.resize(at + group.dimension_size as usize, 0);
            self.put(at, group.block_length, u64::from(group.entry_size));
            self.put(at, group.count, entries as u64);
            let coded: Vec<_> =
                group.fields.as_slice().iter().map(|field| (field.offset as usize, *field)).filter(is_wire).collect();
            for _ in 0..entries {
                self.block(group.entry_size as usize, 0, group.fields, &coded);
                self.groups(group.groups, version, entries);
            }
        }
    }

    fn data(&mut self, head: usize, length: Slot, size: usize) {
        let at = self.bytes.len();
        self.bytes.resize(at + head, 0);
        self.put(at, length, size as u64);
        self.bytes.resize(at + head + size, b'x');
    }
}

fn is_wire((_, field): &(usize, FieldInfo)) -> bool {
    field.size != 0 && field.constant.as_str().is_empty()
}

/// Fields of the root block with their offsets in it.
fn header_fields(info: &MessageInfo, header_size: u32) -> Vec<(usize, FieldInfo)> {
    let fields = info.fields.as_slice().iter().filter(|field| field.offset >= header_size);
    fields.map(|field| ((field.offset - header_size) as usize, *field)).filter(is_wire).collect()
}

/// The tables are statics; a copied reference says so.
fn leaked(table: &DecoderTable) -> &'static DecoderTable {
    FEEDS.iter().map(|(each, _)| *each).find(|each| std::ptr::eq(*each, table)).expect("a table of the plugin")
}

/// The newest version that a table's messages know of.
pub fn newest(table: &'static DecoderTable) -> u64 {
    match CheckedTable::new(table).unwrap().description().protocol.as_str() {
        "cme-mdp3" => 13,
        "b3-umdf-1.8" => 9,
        "b3-umdf-2.2" => 16,
        "memx-memoir-depth-1.3" => 259,
        "coinbase-derivatives-md-1.2" => 2,
        "coinbase-derivatives-md-1.7" => 7,
        "euronext-optiq-mdg-6.67" => 367,
        "deribit-md-1.0" => 1,
        "moex-simba-9" => 9,
        _ => 0,
    }
}

/// A message of every type of a table, with one entry in each group.
pub fn one_of_each(table: &'static DecoderTable, fill: u8) -> Vec<(&'static MessageInfo, Vec<u8>)> {
    let messages = CheckedTable::new(table).unwrap().description().messages.as_slice();
    let version = |info: &MessageInfo| if info.schema_id == 2 && newest(table) == 13 { 0 } else { newest(table) };
    messages.iter().map(|info| (info, Maker::message(table, info, version(info), fill, 1))).collect()
}
