//! Packets of feeds whose decoding alone is measured, made by the encoders of the protocols themselves.

use std::collections::HashMap;

use wirebook_abi::{
    BatchBuffer, CheckedTable, DecoderInstance, Event, EventCold, EventKind, Frame, FrameKind, Framing, Group, Record,
    Side, Status, detail, flags,
};

use crate::{BenchError, DayInMemory};

/// Bytes of the longest message, and of the largest packet.
const MESSAGE_LIMIT: usize = 512;
const OUTPUT_LIMIT: usize = 65_536;

/// Nanoseconds of a second: a PITCH time message goes ahead of the first message of each.
const NS_PER_SECOND: u64 = 1_000_000_000;

/// Packets of one channel in memory, in the order of the wire.
#[derive(Debug)]
pub struct Feed {
    table: CheckedTable,
    framing: Framing,
    bytes: Vec<u8>,
    /// Where each packet ends.
    ends: Vec<usize>,
    messages: u64,
    /// Events that they stand for.
    events: u64,
}

impl Feed {
    /// The packets, first to last.
    pub fn packets(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.ends.iter().enumerate().map(|(at, end)| {
            let start = if at == 0 { 0 } else { self.ends[at - 1] };
            &self.bytes[start..*end]
        })
    }

    /// Messages in them.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Events that their messages stand for: on a feed of levels its book entries.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Messages a packet on average.
    pub fn messages_per_packet(&self) -> f64 {
        self.messages as f64 / self.ends.len().max(1) as f64
    }

    /// Decodes all packets, in the batches of a burst, and drops the events. Gives how many there were.
    ///
    /// # Errors
    ///
    /// Where the decoder does not take the framing.
    pub fn decode(&self) -> Result<u64, BenchError> {
        decode(self.table, self.framing, self.packets())
    }

    /// The orders of a day of Nasdaq TotalView-ITCH 5.0 in PITCH, packet by packet: adds, executions, cancels and deletes, and
    /// each replace as a delete and an add. What PITCH has no message for is left out.
    ///
    /// # Errors
    ///
    /// Where one of the two decoders does not do its part.
    pub fn pitch(table: CheckedTable, itch: CheckedTable, day: &DayInMemory) -> Result<Self, BenchError> {
        let mut decoder = itch.create(Framing::MOLDUDP64)?;
        let mut batch = BatchBuffer::new(1024, 512, itch.description());
        let mut packer = Packer::new(table, Framing::SEQUENCED_UNIT, b"1")?;
        let mut translation = Translation::default();
        for packet in day.packets() {
            decoder.frame(packet, &mut Frame::default());
            decoder.decode(packet, 0, &mut batch);
            let (events, cold, records) = batch.parts_mut();
            for (event, cold) in events.iter().zip(cold) {
                translation.take(event, cold, records, &mut packer);
            }
            batch.clear();
            packer.send()?;
        }
        packer.finish()
    }

    /// Price levels by position as CME's incremental feed gives them, `entries` of them. Entries share messages, and messages
    /// packets, as in a recorded hour of futures of 2016, or with `is_full` as many as a packet takes.
    ///
    /// # Errors
    ///
    /// Where the decoder does not do its part.
    pub fn cme(table: CheckedTable, entries: u64, seed: u64, is_full: bool) -> Result<Self, BenchError> {
        let mut packer = Packer::new(table, Framing::CME_PACKET, b"")?;
        let mut levels = Levels::new(table, seed);
        while packer.events < entries {
            // Of the recorded packets 95 of 100 have one message, of the messages 83 one entry and 16 two.
            let messages = if is_full { 30 } else { levels.one_of(&[(95, 1), (4, 2), (1, 3)]) };
            for _ in 0..messages {
                let count = levels.one_of(&[(83, 1), (16, 2), (1, 3)]);
                levels.message(count);
                if !packer.message(&levels.events, &levels.cold, &[]) {
                    return Err(BenchError::Feed { protocol: table.description().protocol.as_str() });
                }
            }
            packer.send()?;
        }
        packer.finish()
    }
}

/// Decodes packets, in the batches of a burst, and drops the events. Gives how many there were.
///
/// # Errors
///
/// Where the decoder does not take the framing.
pub(crate) fn decode<'a>(
    table: CheckedTable,
    framing: Framing,
    packets: impl Iterator<Item = &'a [u8]>,
) -> Result<u64, BenchError> {
    let mut decoder = table.create(framing)?;
    let mut batch = BatchBuffer::new(4096, 512, table.description());
    let mut frame = Frame::default();
    let mut events = 0;
    for packet in packets {
        if batch.room() < 512 {
            events += batch.len() as u64;
            batch.clear();
        }
        decoder.frame(packet, &mut frame);
        decoder.decode(packet, 0, &mut batch);
    }
    Ok(events + batch.len() as u64)
}

/// Encodes messages and packs them.
struct Packer {
    table: CheckedTable,
    encoder: DecoderInstance,
    framing: Framing,
    session: [u8; 16],
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Messages of the packet under way.
    pending: Vec<Vec<u8>>,
    next_sequence: u64,
    messages: u64,
    events: u64,
    output: Box<[u8]>,
}

impl Packer {
    fn new(table: CheckedTable, framing: Framing, name: &[u8]) -> Result<Self, BenchError> {
        let mut session = [0; 16];
        session[..name.len()].copy_from_slice(name);
        Ok(Self {
            table,
            encoder: table.create(framing)?,
            framing,
            session,
            bytes: Vec::new(),
            ends: Vec::new(),
            pending: Vec::new(),
            next_sequence: 1,
            messages: 0,
            events: 0,
            output: vec![0; OUTPUT_LIMIT].into(),
        })
    }

    /// Puts the message of a group into the packet under way; `false` where the protocol has none for it.
    fn message(&mut self, events: &[Event], cold: &[EventCold], records: &[Record]) -> bool {
        let mut message = [0; MESSAGE_LIMIT];
        let outcome = self.encoder.encode(Group { events, cold, records }, &mut message);
        if outcome.status != Status::OK {
            return false;
        }
        self.raw(&message[..outcome.offset as usize]);
        self.events += events.len() as u64;
        true
    }

    fn raw(&mut self, message: &[u8]) {
        self.pending.push(message.to_vec());
        self.messages += 1;
    }

    /// Ends the packet under way.
    fn send(&mut self) -> Result<(), BenchError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let frame = Frame {
            first_sequence: self.next_sequence,
            message_count: self.pending.len() as u32,
            session: self.session,
            kind: FrameKind::DATA,
            ..Frame::default()
        };
        let messages: Vec<&[u8]> = self.pending.iter().map(Vec::as_slice).collect();
        let outcome = self.encoder.pack(&frame, &messages, &mut self.output);
        if outcome.status != Status::OK {
            return Err(BenchError::Feed { protocol: self.table.description().protocol.as_str() });
        }
        self.bytes.extend_from_slice(&self.output[..outcome.offset as usize]);
        self.ends.push(self.bytes.len());
        self.next_sequence += if self.framing == Framing::CME_PACKET { 1 } else { self.pending.len() as u64 };
        self.pending.clear();
        Ok(())
    }

    /// All packets, once a decoder took them as they stand.
    fn finish(mut self) -> Result<Feed, BenchError> {
        self.send()?;
        let Self { table, framing, bytes, ends, messages, .. } = self;
        let mut feed = Feed { table, framing, bytes, ends, messages, events: 0 };
        let mut decoder = table.create(framing)?;
        let mut batch = BatchBuffer::new(4096, 512, table.description());
        let (mut taken, mut events) = (0, 0);
        for packet in feed.packets() {
            let framed = decoder.frame(packet, &mut Frame::default());
            let decoded = decoder.decode(packet, 0, &mut batch);
            let fault = batch.take_faults().1.first().map(|fault| fault.status);
            let statuses = [Some(framed.status), Some(decoded.status), fault];
            if let Some(status) = statuses.into_iter().flatten().find(|status| *status != Status::OK) {
                return Err(BenchError::Faults { status });
            }
            taken += u64::from(decoded.messages);
            events += batch.len() as u64;
            batch.clear();
        }
        if taken != messages {
            return Err(BenchError::Messages { done: taken, messages });
        }
        feed.events = events;
        Ok(feed)
    }
}

/// What a translation from ITCH to PITCH remembers.
#[derive(Default)]
struct Translation {
    /// Instrument and side of the open orders: a replace leaves the side to the order that it takes out.
    orders: HashMap<u64, (u32, Side)>,
    /// Of the order that was deleted last.
    deleted: Option<(u32, Side)>,
    second: Option<u64>,
}

impl Translation {
    fn take(&mut self, event: &Event, cold: &EventCold, records: &[Record], packer: &mut Packer) {
        match event.kind {
            EventKind::DEFINITION => {
                let record = records.get(usize::from(cold.record).wrapping_sub(1)).copied().unwrap_or_default();
                // The encoder takes the symbol from it, and has no message to write.
                packer.message(&[*event], &[EventCold { record: 1, ..*cold }], &[record]);
            }
            EventKind::ADD => {
                let (instrument, side) = match (event.side, self.deleted) {
                    (Side::INHERITED, Some(of_order)) => of_order,
                    (side, _) => (event.instrument, side),
                };
                self.orders.insert(event.order_id, (instrument, side));
                self.send(&Event { instrument, side, ..*event }, cold, packer);
            }
            EventKind::DELETE => {
                self.deleted = self.orders.remove(&event.order_id);
                self.send(event, cold, packer);
            }
            EventKind::EXECUTE | EventKind::REDUCE => self.send(event, cold, packer),
            _ => {}
        }
    }

    /// Writes one message, and the time ahead of the first of a second.
    fn send(&mut self, event: &Event, cold: &EventCold, packer: &mut Packer) {
        let second = cold.ts_event_ns / NS_PER_SECOND;
        if self.second != Some(second) {
            self.second = Some(second);
            packer.raw(&time_message(second as u32));
        }
        packer.message(&[*event], &[EventCold { record: 0, ..*cold }], &[]);
    }
}

/// Time (`0x20`) of US equities: no event stands for it, so that the encoder does not write it.
fn time_message(second: u32) -> [u8; 6] {
    let [s0, s1, s2, s3] = second.to_le_bytes();
    [6, 0x20, s0, s1, s2, s3]
}

/// Random price levels by position.
struct Levels {
    random: u64,
    message: u16,
    ts_ns: u64,
    events: Vec<Event>,
    cold: Vec<EventCold>,
}

impl Levels {
    fn new(table: CheckedTable, seed: u64) -> Self {
        let messages = table.description().messages.as_slice();
        // Of all messages that could say it, the one of plain levels.
        let message = messages.iter().position(|message| message.name.as_str() == "md_incremental_refresh_book");
        Self {
            random: seed,
            message: message.unwrap_or(0) as u16,
            ts_ns: 1_700_000_000_000_000_000,
            events: Vec::new(),
            cold: Vec::new(),
        }
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % limit
    }

    /// One of some values, by their shares of a hundred.
    fn one_of(&mut self, shares: &[(u64, u64)]) -> u64 {
        let mut drawn = self.below(100);
        for (share, value) in shares {
            match drawn.checked_sub(*share) {
                None => return *value,
                Some(rest) => drawn = rest,
            }
        }
        shares.last().map_or(0, |(_, value)| *value)
    }

    /// Makes the events of a message.
    fn message(&mut self, count: u64) {
        self.events.clear();
        self.cold.clear();
        self.ts_ns += 1 + self.below(1_000_000);
        for at in 0..count {
            // As recorded: 45 of 100 are changes, 33 new levels, 22 deletions.
            let (kind, bits) = match self.below(100) {
                0..45 => (EventKind::LEVEL_SET, 0),
                45..78 => (EventKind::LEVEL_SET, detail::INSERT),
                _ => (EventKind::LEVEL_DELETE, 0),
            };
            let position = 1 + self.below(10) as u16;
            let last = if at + 1 == count { flags::LAST } else { 0 };
            let event = Event {
                order_id: Event::level_key_within(position, 1 + self.below(50) as u32, 10),
                price: (400_000 + self.below(1_000) as i64 * 25) * 10_000_000,
                quantity: 1 + self.below(500),
                instrument: 1 + self.below(400) as u32,
                kind,
                side: Side(1 + self.below(2) as u8),
                flags: last | flags::MBP,
                detail: bits,
            };
            self.events.push(event);
            self.cold.push(EventCold { ts_event_ns: self.ts_ns, message: self.message, ..EventCold::default() });
        }
    }
}
