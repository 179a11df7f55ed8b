//! Files and frames for the tests, made by rules of their own or by other people's code.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::net::SocketAddr;

use etherparse::PacketBuilder;
use wirebook_io::{Burst, Counters, PacketKind, PacketSource, Polled, SourceError, capture::CaptureSource};

/// A packet as a source delivered it, with its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    pub payload: Vec<u8>,
    pub ts_recv_ns: u64,
    pub index: u64,
    pub offset: u64,
    pub source: SocketAddr,
    pub destination: SocketAddr,
    pub kind: PacketKind,
    pub cut: bool,
    pub after_hole: bool,
}

/// Everything that a source delivers, and the error that ended it. `take` says how much of a stream's bytes to consume.
pub fn collect_with(
    source: &mut impl PacketSource,
    capacity: usize,
    mut take: impl FnMut(&[u8]) -> usize,
) -> (Vec<Got>, Option<SourceError>) {
    let mut burst = Burst::with_capacity(capacity);
    let mut got = Vec::new();
    loop {
        let packets = match source.burst(&mut burst) {
            Ok(Polled::Packets(packets)) => packets,
            Ok(Polled::End) => return (got, None),
            Err(error) => return (got, Some(error)),
        };
        let first = got.len();
        let mut flows = Vec::new();
        let mut consumed = None;
        for packet in packets {
            let any = SocketAddr::from(([0, 0, 0, 0], 0));
            got.push(Got {
                payload: packet.payload.to_vec(),
                ts_recv_ns: packet.ts_recv_ns,
                index: packet.index,
                offset: packet.offset,
                source: any,
                destination: any,
                kind: packet.kind,
                cut: packet.cut,
                after_hole: packet.after_hole,
            });
            flows.push(packet.flow);
            if packet.kind == PacketKind::Stream {
                consumed = Some((packet.flow, take(packet.payload)));
            }
        }
        for (got, flow) in got[first..].iter_mut().zip(flows) {
            let flow = source.flows().get(flow).expect("a delivered flow is in the table");
            (got.source, got.destination) = (flow.source, flow.destination);
        }
        if let Some((flow, size)) = consumed {
            source.consume(flow, size);
        }
    }
}

/// Everything that a source delivers, streams consumed at once.
pub fn collect(source: &mut impl PacketSource) -> (Vec<Got>, Option<SourceError>) {
    collect_with(source, Burst::DEFAULT_CAPACITY, <[u8]>::len)
}

/// What a capture in memory delivers, which must end well.
pub fn read(bytes: Vec<u8>) -> (Vec<Got>, Counters) {
    let mut source = CaptureSource::from_memory(bytes).expect("it opens");
    let (got, error) = collect(&mut source);
    assert!(error.is_none(), "{error:?}");
    let counters = *source.counters();
    assert_adds_up(&counters);
    (got, counters)
}

/// Every frame went one way.
pub fn assert_adds_up(counters: &Counters) {
    let sum = counters.datagrams
        + counters.segments
        + counters.cut_headers
        + counters.fragments
        + counters.not_ip
        + counters.not_udp_or_tcp
        + counters.malformed
        + counters.unknown_link;
    assert_eq!(counters.frames, sum, "{counters:?}");
}

/// Bytes of the whole messages at the front of `bytes`.
pub fn whole_messages(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some([high, low]) = bytes.get(at..at + 2) {
        let next = at + 2 + usize::from(u16::from_be_bytes([*high, *low]));
        if next > bytes.len() {
            break;
        }
        at = next;
    }
    at
}

pub fn payloads(got: &[Got]) -> Vec<&[u8]> {
    got.iter().map(|got| &got.payload[..]).collect()
}

/// An Ethernet frame with UDP over IPv4.
pub fn udp(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let builder = PacketBuilder::ethernet2([2; 6], [1; 6]).ipv4([10, 0, 0, 1], [233, 54, 12, 111], 9).udp(31000, 26477);
    builder.write(&mut frame, payload).unwrap();
    frame
}

/// A record of a capture.
#[derive(Clone, Debug)]
pub struct Record {
    pub seconds: u32,
    pub nanos: u32,
    pub frame: Vec<u8>,
    /// Bytes that the frame had before it was cut.
    pub original: usize,
}

impl Record {
    pub fn new(seconds: u32, nanos: u32, frame: Vec<u8>) -> Self {
        Self { seconds, nanos, original: frame.len(), frame }
    }

    /// Keeps the first `size` bytes.
    pub fn cut(mut self, size: usize) -> Self {
        self.frame.truncate(size);
        self
    }

    pub fn unix_ns(&self) -> u64 {
        u64::from(self.seconds) * 1_000_000_000 + u64::from(self.nanos)
    }
}

/// Writes integers in one byte order.
#[derive(Clone, Copy, Debug)]
pub struct Bytes(pub bool);

impl Bytes {
    pub fn u16(self, value: u16) -> [u8; 2] {
        if self.0 { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub fn u32(self, value: u32) -> [u8; 4] {
        if self.0 { value.to_be_bytes() } else { value.to_le_bytes() }
    }
}

/// A classic pcap.
pub fn pcap(order: Bytes, nanos: bool, link: u32, records: &[Record]) -> Vec<u8> {
    let mut file = order.u32(if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }).to_vec();
    file.extend([order.u16(2), order.u16(4)].concat());
    for value in [0, 0, 65_535, link] {
        file.extend(order.u32(value));
    }
    for record in records {
        let fraction = if nanos { record.nanos } else { record.nanos / 1000 };
        for value in [record.seconds, fraction, record.frame.len() as u32, record.original as u32] {
            file.extend(order.u32(value));
        }
        file.extend(&record.frame);
    }
    file
}

/// A pcapng block.
pub fn block(order: Bytes, kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let size = order.u32((12 + body.len() + padding) as u32);
    [&order.u32(kind)[..], &size, body, &[0; 3][..padding], &size].concat()
}

pub fn section(order: Bytes) -> Vec<u8> {
    block(order, 0x0a0d_0d0a, &[&order.u32(0x1a2b_3c4d)[..], &order.u16(1), &[0; 2], &[0xff; 8]].concat())
}

/// An interface; `options` are given as they lie in the block.
pub fn interface(order: Bytes, link: u16, snap_length: u32, options: &[u8]) -> Vec<u8> {
    block(order, 1, &[&order.u16(link)[..], &[0; 2], &order.u32(snap_length), options].concat())
}

/// The `if_tsresol` option.
pub fn resolution(order: Bytes, value: u8) -> Vec<u8> {
    [&order.u16(9)[..], &order.u16(1), &[value, 0, 0, 0]].concat()
}

/// An enhanced packet, its time in nanoseconds.
pub fn enhanced(order: Bytes, interface: u32, ticks: u64, record: &Record) -> Vec<u8> {
    let fields = [interface, (ticks >> 32) as u32, ticks as u32, record.frame.len() as u32, record.original as u32];
    let mut body: Vec<u8> = fields.iter().flat_map(|value| order.u32(*value)).collect();
    body.extend(&record.frame);
    body.resize(body.len().next_multiple_of(4), 0);
    // A comment, which readers skip.
    body.extend([&order.u16(1)[..], &order.u16(3), b"abc\0", &[0; 4]].concat());
    block(order, 6, &body)
}
