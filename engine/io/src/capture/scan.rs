//! A run over the records of a capture: which packet each frame is, and what becomes of it.

use super::{
    Reader,
    prefetch::Prefetch,
    raw,
    record::{Frame, Next},
    tcp::{Stamp, Streams, Taken},
};
use crate::{
    BurstWriter, Counters, FlowId, FlowTable, Packet, SourceError,
    ip::{self, Content},
};

/// A stream's packet to end a burst with.
pub struct Delivery<'a> {
    pub flow: FlowId,
    /// The bytes and their index in the store; `None` where the stream has them in its buffer.
    pub in_place: Option<(&'a [u8], usize)>,
    pub stamp: Stamp,
}

/// Why a scan over records stopped.
pub enum Stop<'a> {
    /// The burst is full.
    Full,
    /// A stream has bytes, which end the burst.
    Stream(Delivery<'a>),
    /// No whole record is there.
    Short { expected: &'static str, needed: u64 },
    /// The bytes are not what they should be.
    Failed(SourceError),
}

/// A run over the records that are there.
pub struct Scan<'a, 's> {
    pub bytes: &'a [u8],
    pub base: u64,
    pub position: usize,
    pub skip: u64,
    pub flows: &'s mut FlowTable,
    pub streams: &'s mut Streams,
    pub counters: &'s mut Counters,
    pub prefetch: &'s mut Prefetch,
}

impl<'a> Scan<'a, '_> {
    /// Puts packets into `writer` until it is full, a stream has bytes, or no whole record is there.
    pub fn run(&mut self, reader: &mut Reader, writer: &mut BurstWriter<'a>) -> Stop<'a> {
        while writer.has_room() {
            self.prefetch.advance(self.bytes, self.base, self.position);
            let offset = self.base + self.position as u64;
            let rest = &self.bytes[self.position..];
            let next = match reader {
                Reader::Pcap(pcap) => pcap.next(rest, offset),
                Reader::PcapNg(pcapng) => pcapng.next(rest, offset),
                Reader::MoldUdp64 | Reader::Stream(_) => raw::moldudp64(rest, offset),
            };
            let step = match next {
                Ok(Next::Frame(frame)) => self.frame(&frame, writer),
                Ok(Next::Datagram(payload)) => self.datagram(payload, writer),
                Ok(Next::Other(size)) => self.leave_out(size),
                Ok(Next::Short { expected, needed }) => return Stop::Short { expected, needed },
                Err(error) => return Stop::Failed(error),
            };
            if let Some(stop) = step {
                return stop;
            }
        }
        Stop::Full
    }

    /// Moves on by `size` bytes, which need not be there yet.
    fn leave_out(&mut self, size: u64) -> Option<Stop<'a>> {
        let there = size.min((self.bytes.len() - self.position) as u64);
        self.position += there as usize;
        self.skip = size - there;
        (self.skip > 0).then_some(Stop::Short { expected: "a block", needed: size })
    }

    /// Takes what is there of the datagram in which a raw file ends, where that holds a whole message.
    pub fn cut_datagram(&mut self, writer: &mut BurstWriter<'a>) {
        let rest = &self.bytes[self.position..];
        if writer.has_room() && raw::holds_message(rest) {
            self.take_datagram(rest, true, writer);
        }
    }

    /// Takes a datagram of a raw file.
    fn datagram(&mut self, payload: &'a [u8], writer: &mut BurstWriter<'a>) -> Option<Stop<'a>> {
        self.take_datagram(payload, false, writer);
        None
    }

    fn take_datagram(&mut self, payload: &'a [u8], cut: bool, writer: &mut BurstWriter<'a>) {
        writer.push(Packet {
            index: self.counters.frames,
            offset: self.base + self.position as u64,
            cut,
            ..Packet::datagram(payload, FlowId(0))
        });
        self.position += payload.len();
        self.counters.frames += 1;
        self.counters.cut += u64::from(cut);
        self.counters.bytes += payload.len() as u64;
        self.counters.datagrams += 1;
        self.counters.payload_bytes += payload.len() as u64;
    }

    #[inline]
    fn frame(&mut self, frame: &Frame<'a>, writer: &mut BurstWriter<'a>) -> Option<Stop<'a>> {
        let content = frame.link.map(|link| ip::content(link, frame.data, frame.cut));
        let flow = match &content {
            Some(Content::Datagram { key, .. } | Content::Segment { key, .. }) => match self.flows.id(key) {
                Some(flow) => flow,
                None => {
                    let offset = self.base + self.position as u64;
                    return Some(Stop::Failed(SourceError::TooManyFlows { offset, limit: FlowTable::LIMIT }));
                }
            },
            _ => FlowId(0),
        };
        let stamp = Stamp { index: self.counters.frames, ts_recv_ns: frame.ts_recv_ns };
        self.position += frame.size;
        self.counters.frames += 1;
        self.counters.bytes += frame.data.len() as u64;
        self.counters.cut += u64::from(frame.cut);
        match content {
            Some(Content::Datagram { payload, cut, .. }) => {
                self.counters.datagrams += 1;
                self.counters.payload_bytes += payload.len() as u64;
                writer.push(Packet {
                    ts_recv_ns: stamp.ts_recv_ns,
                    index: stamp.index,
                    offset: self.base + self.index_of(payload) as u64,
                    cut,
                    ..Packet::datagram(payload, flow)
                });
            }
            Some(Content::Segment { segment, .. }) => {
                self.counters.segments += 1;
                let in_place = match self.streams.take(flow, &segment, stamp, self.counters) {
                    Taken::Nothing => return None,
                    Taken::InPlace(bytes) => Some((bytes, self.index_of(bytes))),
                    Taken::Joined => None,
                };
                return Some(Stop::Stream(Delivery { flow, in_place, stamp }));
            }
            Some(other) => self.count(&other),
            None => self.counters.unknown_link += 1,
        }
        None
    }

    /// Counts a frame that is not delivered.
    #[cold]
    fn count(&mut self, content: &Content<'_>) {
        let counters = &mut *self.counters;
        *match content {
            Content::Fragment => &mut counters.fragments,
            Content::NotIp => &mut counters.not_ip,
            Content::CutHeader => &mut counters.cut_headers,
            Content::NotUdpOrTcp => &mut counters.not_udp_or_tcp,
            Content::Malformed | Content::Datagram { .. } | Content::Segment { .. } => &mut counters.malformed,
        } += 1;
    }

    /// Index of `part` in the bytes that it is a part of.
    #[inline]
    fn index_of(&self, part: &[u8]) -> usize {
        part.as_ptr().addr() - self.bytes.as_ptr().addr()
    }

    /// The error for a file that ends in a record, if it does.
    pub fn truncated(&self, expected: &'static str, needed: u64) -> Option<SourceError> {
        let left = (self.bytes.len() - self.position) as u64;
        let offset = self.base + self.position as u64;
        match (left, self.skip) {
            (0, 0) => None,
            (left, 0) => Some(SourceError::Truncated { offset, expected, needed, left }),
            (_, skip) => Some(SourceError::Truncated { offset, expected, needed: skip, left: 0 }),
        }
    }
}
