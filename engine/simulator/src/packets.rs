//! Messages of a day in packets, through a protocol's encoder.

use wirebook_abi::{CheckedTable, DecoderInstance, Event, Frame, FrameKind, Framing, Group, Status};

use crate::{
    config::DayConfig,
    day::{Day, GroupView},
    symbols::PRICE_SCALE,
    truth::DayTruth,
    write::WriteError,
};

/// Bytes of messages in a packet at most, so that it fits into an Ethernet frame with all headers.
const PACKET_LIMIT: usize = 1_400;
/// Messages that a packet takes at most, by the decoder table.
const COUNT_LIMIT: usize = 256;
/// Bytes of the longest message and of the largest packet.
const MESSAGE_LIMIT: usize = 256;
const OUTPUT_LIMIT: usize = COUNT_LIMIT * (MESSAGE_LIMIT + 4) + 64;
/// A packet goes out when nothing follows for this long, ns,
const IDLE_NS: u64 = 2_000;
/// and at this age, ns, whatever follows.
const AGE_NS: u64 = 20_000;

/// How messages share packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Packing {
    /// Messages within two microseconds of each other share one of up to 1,400 bytes, as at a venue.
    #[default]
    Natural,
    /// This many messages in each, 1 to 256.
    Fixed(u32),
}

/// Where a packet lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketSpan {
    /// Bytes before it.
    pub offset: u64,
    /// Its bytes.
    pub size: u32,
    /// Its messages.
    pub messages: u32,
}

/// A day in memory.
#[derive(Clone, Debug)]
pub struct Packets {
    /// All packets, one behind another.
    pub bytes: Vec<u8>,
    /// Where each lies.
    pub spans: Vec<PacketSpan>,
    /// What a reader must come to.
    pub truth: DayTruth,
}

impl Packets {
    /// The packets, first to last.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.spans.iter().map(|span| &self.bytes[span.offset as usize..][..span.size as usize])
    }
}

/// Makes a day and keeps it in memory, without heartbeats and ends of session. For a stream framing the packets are whole
/// messages of one stream.
///
/// # Errors
///
/// As [`write_day`](crate::write_day), but for those of the output.
pub fn packets_in_memory(
    config: DayConfig,
    table: CheckedTable,
    framing: Framing,
    packing: Packing,
) -> Result<Packets, WriteError> {
    let mut packer = Packer::new(&config, table, framing, packing)?;
    let mut day = Day::new(config)?;
    let (mut bytes, mut spans) = (Vec::new(), Vec::new());
    let mut keep = |packet: Packet<'_>| {
        spans.push(PacketSpan {
            offset: bytes.len() as u64,
            size: packet.bytes.len() as u32,
            messages: packet.messages,
        });
        bytes.extend_from_slice(packet.bytes);
        Ok(())
    };
    while let Some(group) = day.next_group() {
        packer.take(&group, &mut keep)?;
    }
    packer.flush(&mut keep)?;
    Ok(Packets { bytes, spans, truth: day.truth() })
}

/// A packet that goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) messages: u32,
    /// Venue time at which it goes out.
    pub(crate) ts_ns: u64,
}

/// Encodes messages and collects them into packets.
#[derive(Debug)]
pub(crate) struct Packer {
    encoder: DecoderInstance,
    packing: Packing,
    session: [u8; 16],
    /// Units of the protocol's prices to one of the day's.
    price_factor: i64,
    events: Vec<Event>,
    /// Messages of the packet under way, one behind another, and where each ends.
    messages: Vec<u8>,
    ends: Vec<usize>,
    first_ns: u64,
    last_ns: u64,
    next_sequence: u64,
    output: Box<[u8]>,
}

impl Packer {
    pub(crate) fn new(
        config: &DayConfig,
        table: CheckedTable,
        framing: Framing,
        packing: Packing,
    ) -> Result<Self, WriteError> {
        config.validate()?;
        let description = table.description();
        let limit = description.instrument_limit;
        // Keys start at 1.
        if limit != 0 && config.symbols >= limit {
            let protocol = description.protocol.as_str();
            return Err(WriteError::Symbols { protocol, symbols: config.symbols, most: limit - 1 });
        }
        if description.price_scale == 0 || !description.price_scale.is_multiple_of(PRICE_SCALE) {
            let protocol = description.protocol.as_str();
            return Err(WriteError::PriceScale { protocol, scale: description.price_scale });
        }
        if let Packing::Fixed(count) = packing
            && !(1..=COUNT_LIMIT as u32).contains(&count)
        {
            return Err(WriteError::MessagesPerPacket { count });
        }
        let mut session = [0; 16];
        session[..config.session.len()].copy_from_slice(config.session.as_bytes());
        Ok(Self {
            encoder: table.create(framing)?,
            packing,
            session,
            price_factor: (description.price_scale / PRICE_SCALE) as i64,
            events: Vec::new(),
            messages: Vec::new(),
            ends: Vec::new(),
            first_ns: 0,
            last_ns: 0,
            next_sequence: 1,
            output: vec![0; OUTPUT_LIMIT].into(),
        })
    }

    /// Takes a message; where it does not belong into the packet under way, that one goes to `sink` first.
    pub(crate) fn take(
        &mut self,
        group: &GroupView<'_>,
        sink: &mut impl FnMut(Packet<'_>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let before = self.messages.len();
        self.encode(group)?;
        if !self.ends.is_empty() && self.is_full(group.ts_ns) {
            let next = self.messages.split_off(before);
            self.flush(sink)?;
            self.messages = next;
        }
        if self.ends.is_empty() {
            self.first_ns = group.ts_ns;
        }
        self.last_ns = group.ts_ns;
        self.ends.push(self.messages.len());
        Ok(())
    }

    /// Whether the message just encoded, of this time, is one too many.
    fn is_full(&self, ts_ns: u64) -> bool {
        match self.packing {
            Packing::Fixed(count) => self.ends.len() >= count as usize,
            Packing::Natural => {
                ts_ns > self.last_ns + IDLE_NS
                    || ts_ns > self.first_ns + AGE_NS
                    || self.messages.len() + 2 * (self.ends.len() + 1) > PACKET_LIMIT
                    || self.ends.len() == COUNT_LIMIT
            }
        }
    }

    /// Sends what was taken so far.
    pub(crate) fn flush(
        &mut self,
        sink: &mut impl FnMut(Packet<'_>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        if self.ends.is_empty() {
            return Ok(());
        }
        let count = self.ends.len();
        self.pack(FrameKind::DATA, self.last_ns, sink)?;
        self.next_sequence += count as u64;
        self.messages.clear();
        self.ends.clear();
        Ok(())
    }

    /// Sends a packet of this kind with what was taken so far.
    pub(crate) fn pack(
        &mut self,
        kind: FrameKind,
        ts_ns: u64,
        sink: &mut impl FnMut(Packet<'_>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let count = self.ends.len();
        let frame = Frame {
            first_sequence: self.next_sequence,
            message_count: count as u32,
            session: self.session,
            kind,
            ..Frame::default()
        };
        let mut messages = [&[] as &[u8]; COUNT_LIMIT];
        let mut from = 0;
        for (slot, end) in messages.iter_mut().zip(&self.ends) {
            *slot = &self.messages[from..*end];
            from = *end;
        }
        let outcome = self.encoder.pack(&frame, &messages[..count], &mut self.output);
        if outcome.status != Status::OK {
            return Err(WriteError::Pack { sequence: self.next_sequence, status: outcome.status });
        }
        let bytes = &self.output[..outcome.offset as usize];
        if bytes.is_empty() {
            return Ok(());
        }
        sink(Packet { bytes, messages: count as u32, ts_ns })
    }

    /// Appends the message to the packet under way.
    fn encode(&mut self, group: &GroupView<'_>) -> Result<(), WriteError> {
        self.events.clear();
        let factor = self.price_factor;
        self.events.extend(group.events.iter().map(|event| Event { price: event.price * factor, ..*event }));
        let from = self.messages.len();
        self.messages.resize(from + MESSAGE_LIMIT, 0);
        let scaled = Group { events: &self.events, ..group.group() };
        let outcome = self.encoder.encode(scaled, &mut self.messages[from..]);
        self.messages.truncate(from + outcome.offset as usize);
        match outcome.status {
            Status::OK => Ok(()),
            status => Err(WriteError::Encode { kind: group.kind, sequence: group.cold[0].sequence, status }),
        }
    }
}
