//! A day as it is published: every packet of a capture, in order, with its channel and what it says of itself.

use std::{net::SocketAddr, path::Path};

use wirebook_abi::{CheckedTable, Frame, FrameKind, Framing, Status};
use wirebook_io::{Burst, Flow, FlowId, PacketKind, PacketSource, Polled, capture::CaptureSource};

use crate::ExchangeError;

/// A packet of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapePacket {
    offset: usize,
    size: usize,
    /// When it was sent, ns since 1970-01-01.
    pub ts_ns: u64,
    /// Its channel, from 0.
    pub channel: usize,
    /// Sequence of its first message; of a heartbeat, of the message to come.
    pub first_sequence: u64,
    /// How many sequences it takes: its messages, or one where packets are counted.
    pub sequence_count: u32,
    /// What it is.
    pub kind: FrameKind,
}

/// A numbered stream of packets: all that were sent to one address.
#[derive(Clone, Debug)]
pub struct TapeChannel {
    /// Where they went.
    pub destination: SocketAddr,
    /// The session as the framing names it; of PITCH, the unit's number.
    pub session: [u8; 16],
    /// Its packets, by their numbers on the tape.
    pub packets: Vec<usize>,
    /// Those with messages that have a sequence: the first one's sequence, and the packet's number on the tape.
    sequenced: Vec<(u64, usize)>,
}

/// A day's packets in memory.
#[derive(Debug)]
pub struct Tape {
    bytes: Vec<u8>,
    packets: Vec<TapePacket>,
    channels: Vec<TapeChannel>,
    table: CheckedTable,
    framing: Framing,
}

impl Tape {
    /// Reads a capture file. What is sent to one address is one channel; packets that are no packets of the protocol are left
    /// out.
    ///
    /// # Errors
    ///
    /// [`ExchangeError`] where the file cannot be read, is no capture of datagrams, or has no packet of the protocol.
    pub fn open(path: &Path, table: CheckedTable) -> Result<Self, ExchangeError> {
        Self::read(CaptureSource::open(path)?, table)
    }

    /// As [`open`](Self::open), from memory.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_memory(capture: Vec<u8>, table: CheckedTable) -> Result<Self, ExchangeError> {
        Self::read(CaptureSource::from_memory(capture)?, table)
    }

    fn read(mut source: CaptureSource, table: CheckedTable) -> Result<Self, ExchangeError> {
        let framings = table.description().framings.as_slice();
        let framing = framings.first().copied().unwrap_or(Framing::MOLDUDP64);
        let mut decoder = table.create(framing)?;
        let mut tape = Self { bytes: Vec::new(), packets: Vec::new(), channels: Vec::new(), table, framing };
        let mut flows: Vec<(FlowId, usize)> = Vec::new();
        let mut burst = Burst::default();
        let mut fresh: Vec<(FlowId, u64, usize, usize)> = Vec::new();
        loop {
            fresh.clear();
            match source.burst(&mut burst)? {
                Polled::Packets(packets) => {
                    for packet in packets {
                        if packet.kind != PacketKind::Datagram {
                            return Err(ExchangeError::NoDatagrams);
                        }
                        let offset = tape.bytes.len();
                        tape.bytes.extend_from_slice(packet.payload);
                        fresh.push((packet.flow, packet.ts_recv_ns, offset, packet.payload.len()));
                    }
                }
                _ => break,
            }
            for (flow, ts_ns, offset, size) in &fresh {
                let mut frame = Frame::default();
                let outcome = decoder.frame(&tape.bytes[*offset..][..*size], &mut frame);
                if outcome.status != Status::OK {
                    continue;
                }
                let known = flows.iter().find(|(known, _)| known == flow).map(|(_, channel)| *channel);
                let channel = match known {
                    Some(channel) => channel,
                    None => {
                        let Some(Flow { destination, .. }) = source.flows().get(*flow).copied() else { continue };
                        let channel = tape.channel_to(destination, frame.session);
                        flows.push((*flow, channel));
                        channel
                    }
                };
                tape.push(channel, *offset, *size, *ts_ns, &frame);
            }
        }
        if tape.packets.is_empty() {
            return Err(ExchangeError::Empty { protocol: table.description().protocol.as_str() });
        }
        Ok(tape)
    }

    fn channel_to(&mut self, destination: SocketAddr, session: [u8; 16]) -> usize {
        if let Some(at) = self.channels.iter().position(|channel| channel.destination == destination) {
            return at;
        }
        self.channels.push(TapeChannel { destination, session, packets: Vec::new(), sequenced: Vec::new() });
        self.channels.len() - 1
    }

    fn push(&mut self, channel: usize, offset: usize, size: usize, ts_ns: u64, frame: &Frame) {
        let number = self.packets.len();
        let (first_sequence, sequence_count) = (frame.first_sequence, frame.sequence_count());
        let packet = TapePacket { offset, size, ts_ns, channel, first_sequence, sequence_count, kind: frame.kind };
        self.packets.push(packet);
        let channel = &mut self.channels[channel];
        channel.packets.push(number);
        // A capture may hold a packet twice; what is looked up is the first.
        let is_newer = channel.sequenced.last().is_none_or(|(last, _)| *last < first_sequence);
        if sequence_count > 0 && first_sequence > 0 && is_newer {
            channel.sequenced.push((first_sequence, number));
        }
    }

    /// The protocol's decoder table.
    pub fn table(&self) -> CheckedTable {
        self.table
    }

    /// How its packets number messages.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Every packet, in order.
    pub fn packets(&self) -> &[TapePacket] {
        &self.packets
    }

    /// The channels, in the order in which they appear.
    pub fn channels(&self) -> &[TapeChannel] {
        &self.channels
    }

    /// The bytes of packet `number`.
    ///
    /// # Panics
    ///
    /// Where there is no such packet.
    pub fn bytes(&self, number: usize) -> &[u8] {
        let packet = &self.packets[number];
        &self.bytes[packet.offset..][..packet.size]
    }

    /// Packets with messages from `sequence` on, among the first `published` of the tape.
    pub fn from_sequence(&self, channel: usize, sequence: u64, published: usize) -> impl Iterator<Item = usize> {
        let sequenced = &self.channels[channel].sequenced;
        let after = sequenced.partition_point(|(first, _)| *first <= sequence);
        let packets = sequenced[after.saturating_sub(1)..].iter().map(|(_, number)| *number);
        packets.take_while(move |number| *number < published)
    }

    /// The sequence of the message to come on a channel, once the first `published` packets of the tape are out.
    pub fn next_sequence(&self, channel: usize, published: usize) -> u64 {
        let sequenced = &self.channels[channel].sequenced;
        let out = sequenced.partition_point(|(_, number)| *number < published);
        out.checked_sub(1).map_or(1, |last| {
            let (first, number) = sequenced[last];
            first + u64::from(self.packets[number].sequence_count)
        })
    }
}
