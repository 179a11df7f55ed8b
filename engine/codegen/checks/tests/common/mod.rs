//! Messages put together by hand, and the events that a decoder makes of them.

use wirebook_abi::{
    BatchBuffer, CheckedTable, DecoderInstance, DecoderTable, Event, EventCold, Fault, Frame, Framing, Record,
};

/// Little-endian bytes, one value behind the other.
#[derive(Clone, Debug, Default)]
pub struct Bytes(pub Vec<u8>);

#[allow(dead_code, reason = "each test takes what it needs")]
impl Bytes {
    pub fn u8(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub fn u64(mut self, value: u64) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub fn i32(self, value: i32) -> Self {
        self.u32(value.cast_unsigned())
    }

    pub fn i64(self, value: i64) -> Self {
        self.u64(value.cast_unsigned())
    }

    pub fn text(mut self, text: &str, size: usize) -> Self {
        self.0.extend(text.as_bytes());
        self.pad(size - text.len())
    }

    pub fn pad(mut self, count: usize) -> Self {
        self.0.extend(vec![0; count]);
        self
    }

    pub fn add(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

/// What a message came to.
#[derive(Debug, Default, PartialEq)]
pub struct Read {
    pub events: Vec<Event>,
    pub cold: Vec<EventCold>,
    pub records: Vec<Record>,
    pub faults: Vec<Fault>,
}

/// A decoder of bare messages.
pub struct Reader(DecoderInstance, BatchBuffer);

impl Reader {
    pub fn new(table: &'static DecoderTable) -> Self {
        let table = CheckedTable::new(table).expect("the table is of this version");
        let decoder = table.create(Framing::MESSAGE).expect("the description lists the framing");
        Self(decoder, BatchBuffer::new(1024, 512, table.description()))
    }

    /// Decodes one message.
    pub fn read(&mut self, message: &[u8]) -> Read {
        let mut frame = Frame::default();
        self.0.frame(message, &mut frame);
        self.0.decode(message, 0, &mut self.1);
        let (events, cold, records) = self.1.parts_mut();
        let (events, cold, records) = (events.to_vec(), cold.to_vec(), records.to_vec());
        self.1.clear();
        let faults = self.1.take_faults().1.to_vec();
        Read { events, cold, records, faults }
    }
}

#[allow(dead_code, reason = "each test takes what it needs")]
impl Reader {
    /// Writes the message that stands for what was read; nothing where there is none.
    pub fn write(&mut self, read: &Read) -> Option<Vec<u8>> {
        let group = wirebook_abi::Group { events: &read.events, cold: &read.cold, records: &read.records };
        let mut output = vec![0xAA; 4096];
        let outcome = self.0.encode(group, &mut output);
        match outcome.status {
            wirebook_abi::Status::OK => {
                output.truncate(outcome.offset as usize);
                Some(output)
            }
            wirebook_abi::Status::NOT_ENCODABLE => None,
            other => panic!("{}", other.name()),
        }
    }
}
