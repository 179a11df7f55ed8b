//! Messages of a day in packets, through a protocol's encoder.

use wirebook_abi::{CheckedTable, DecoderInstance, Frame, FrameKind, Framing, Status};

use crate::{
    config::DayConfig,
    day::{Day, GroupView},
    dialect::{self, Dialect, Messages},
    truth::DayTruth,
    write::WriteError,
};

/// Bytes of messages in a packet at most, so that it fits into an Ethernet frame with all headers.
const PACKET_LIMIT: usize = 1_400;
/// Messages that a packet takes at most, by the decoder table.
const COUNT_LIMIT: usize = 256;
/// Bytes of the largest packet.
const OUTPUT_LIMIT: usize = 1 << 17;
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
/// messages of one stream. There is one channel.
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
    let config = dialect::shaped(config, framing);
    let mut packer = Packer::new(&config, table, framing, packing, 1)?;
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
    /// The channel, from 0.
    pub(crate) channel: usize,
    pub(crate) bytes: &'a [u8],
    pub(crate) messages: u32,
    /// Venue time at which it goes out.
    pub(crate) ts_ns: u64,
}

/// Encodes messages and collects them into packets, channel by channel.
#[derive(Debug)]
pub(crate) struct Packer {
    dialect: Dialect,
    packing: Packing,
    channels: Vec<Collected>,
    fresh: Messages,
    sender: Sender,
}

/// What a channel has under way.
#[derive(Debug)]
struct Collected {
    session: [u8; 16],
    /// Messages of the packet under way, one behind another, and where each ends.
    messages: Vec<u8>,
    ends: Vec<usize>,
    first_ns: u64,
    last_ns: u64,
    next_sequence: u64,
    /// When the channel last had anything.
    active_ns: Option<u64>,
}

/// Frames packets.
#[derive(Debug)]
struct Sender {
    framing: DecoderInstance,
    output: Box<[u8]>,
    /// Of the last packet: channels take turns, and time does not go back.
    sent_ns: u64,
}

impl Packer {
    pub(crate) fn new(
        config: &DayConfig,
        table: CheckedTable,
        framing: Framing,
        packing: Packing,
        channels: u32,
    ) -> Result<Self, WriteError> {
        config.validate()?;
        check(config, table, framing, packing, channels)?;
        let sender = Sender { framing: table.create(framing)?, output: vec![0; OUTPUT_LIMIT].into(), sent_ns: 0 };
        let channel = |channel| Collected::new(dialect::session(config, framing, channel));
        Ok(Self {
            dialect: Dialect::new(config, table, framing, channels as usize)?,
            packing,
            channels: (0..channels as usize).map(channel).collect(),
            fresh: Messages::default(),
            sender,
        })
    }

    /// Takes a message; packets under way to which nothing belongs any more go to `sink` first.
    pub(crate) fn take(
        &mut self,
        group: &GroupView<'_>,
        sink: &mut impl FnMut(Packet<'_>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        self.fresh.clear();
        self.dialect.write(group, &mut self.fresh)?;
        let ts_ns = group.ts_ns;
        if self.packing == Packing::Natural {
            self.flush_where(|channel| channel.is_idle(ts_ns), sink)?;
        }
        for (at, message) in self.fresh.iter() {
            let channel = &mut self.channels[at];
            if !channel.ends.is_empty() && channel.is_full(self.packing, ts_ns, message.len()) {
                channel.flush(at, &mut self.sender, sink)?;
            }
            channel.push(ts_ns, message);
        }
        Ok(())
    }

    /// Sends what was taken so far.
    pub(crate) fn flush(
        &mut self,
        sink: &mut impl FnMut(Packet<'_>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        self.flush_where(|_| true, sink)
    }

    fn flush_where(
        &mut self,
        is_due: impl Fn(&Collected) -> bool,
        sink: &mut impl FnMut(Packet<'_>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let due = |channels: &[Collected]| {
            let waiting =
                channels.iter().enumerate().filter(|(_, channel)| !channel.ends.is_empty() && is_due(channel));
            waiting.min_by_key(|(_, channel)| channel.last_ns).map(|(at, _)| at)
        };
        while let Some(at) = due(&self.channels) {
            self.channels[at].flush(at, &mut self.sender, sink)?;
        }
        Ok(())
    }

    /// Sends what is under way and then heartbeats, on each channel on which nothing happened for `pause_ns`, up to `now_ns`.
    pub(crate) fn quiet(
        &mut self,
        pause_ns: u64,
        now_ns: u64,
        sink: &mut impl FnMut(Packet<'_>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let next = |channels: &[Collected]| {
            let due = channels.iter().enumerate().filter_map(|(at, channel)| Some((channel.active_ns? + pause_ns, at)));
            // Strictly before the next packet: a heartbeat names the sequence that it will have.
            due.min().filter(|(due_ns, _)| *due_ns < now_ns)
        };
        while let Some((due_ns, at)) = next(&self.channels) {
            self.flush_where(|channel| channel.last_ns <= due_ns, sink)?;
            self.channels[at].pack(at, FrameKind::HEARTBEAT, due_ns, &mut self.sender, sink)?;
            self.channels[at].active_ns = Some(due_ns);
        }
        Ok(())
    }

    /// Sends a packet of this kind without messages on every channel.
    pub(crate) fn pack_all(
        &mut self,
        kind: FrameKind,
        ts_ns: u64,
        sink: &mut impl FnMut(Packet<'_>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let mut channels = self.channels.iter_mut().enumerate();
        channels.try_for_each(|(at, channel)| channel.pack(at, kind, ts_ns, &mut self.sender, sink))
    }
}

/// Refuses what the protocol or the framing has no room for.
fn check(
    config: &DayConfig,
    table: CheckedTable,
    framing: Framing,
    packing: Packing,
    channels: u32,
) -> Result<(), WriteError> {
    let description = table.description();
    let limit = description.instrument_limit;
    // Keys start at 1.
    if limit != 0 && config.symbols >= limit {
        let protocol = description.protocol.as_str();
        return Err(WriteError::Symbols { protocol, symbols: config.symbols, most: limit - 1 });
    }
    if let Packing::Fixed(count) = packing
        && !(1..=COUNT_LIMIT as u32).contains(&count)
    {
        return Err(WriteError::MessagesPerPacket { count });
    }
    let most = dialect::most_channels(framing);
    if !(1..=most).contains(&channels) {
        return Err(WriteError::Channels { channels, framing: framing.name(), most });
    }
    Ok(())
}

impl Collected {
    fn new(session: [u8; 16]) -> Self {
        Self {
            session,
            messages: Vec::new(),
            ends: Vec::new(),
            first_ns: 0,
            last_ns: 0,
            next_sequence: 1,
            active_ns: None,
        }
    }

    fn push(&mut self, ts_ns: u64, message: &[u8]) {
        if self.ends.is_empty() {
            self.first_ns = ts_ns;
        }
        self.last_ns = ts_ns;
        self.active_ns = Some(ts_ns);
        self.messages.extend_from_slice(message);
        self.ends.push(self.messages.len());
    }

    /// Whether nothing follows soon enough, at `ts_ns`, to share a packet.
    fn is_idle(&self, ts_ns: u64) -> bool {
        ts_ns > self.last_ns + IDLE_NS || ts_ns > self.first_ns + AGE_NS
    }

    /// Whether a message of this time and size is one too many.
    fn is_full(&self, packing: Packing, ts_ns: u64, size: usize) -> bool {
        match packing {
            Packing::Fixed(count) => self.ends.len() >= count as usize,
            Packing::Natural => {
                self.is_idle(ts_ns)
                    || self.messages.len() + size + 2 * (self.ends.len() + 1) > PACKET_LIMIT
                    || self.ends.len() == COUNT_LIMIT - 1
            }
        }
    }

    fn flush(
        &mut self,
        channel: usize,
        sender: &mut Sender,
        sink: &mut impl FnMut(Packet<'_>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let count = self.ends.len();
        self.pack(channel, FrameKind::DATA, self.last_ns, sender, sink)?;
        self.next_sequence += count as u64;
        self.messages.clear();
        self.ends.clear();
        Ok(())
    }

    /// Sends a packet of this kind with what was taken so far.
    fn pack(
        &mut self,
        channel: usize,
        kind: FrameKind,
        ts_ns: u64,
        sender: &mut Sender,
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
        let outcome = sender.framing.pack(&frame, &messages[..count], &mut sender.output);
        if outcome.status != Status::OK {
            return Err(WriteError::Pack { sequence: self.next_sequence, status: outcome.status });
        }
        let bytes = &sender.output[..outcome.offset as usize];
        if bytes.is_empty() {
            return Ok(());
        }
        sender.sent_ns = sender.sent_ns.max(ts_ns);
        sink(Packet { channel, bytes, messages: count as u32, ts_ns: sender.sent_ns })
    }
}
