//! Which protocol and framing explain the first packets of a capture.

use std::collections::BTreeMap;

use wirebook_abi::{CheckedTable, FrameKind, Framing, Status};
use wirebook_io::{Burst, FlowId, PacketKind, PacketSource, Polled, SourceError};

use crate::scout::Scout;

/// Packets that a sample holds at most.
const SAMPLE_PACKETS: usize = 200;

/// Bytes after which no further packet is sampled.
const SAMPLE_BYTES: usize = 256 << 10;

/// The first packets of a capture.
#[derive(Debug, Default)]
pub struct Sample {
    datagrams: Vec<Datagram>,
    /// The front of each stream, up to the first hole.
    streams: BTreeMap<FlowId, Stream>,
    error: Option<SourceError>,
}

#[derive(Clone, Debug)]
struct Datagram {
    flow: FlowId,
    bytes: Vec<u8>,
    cut: bool,
}

#[derive(Clone, Debug, Default)]
struct Stream {
    bytes: Vec<u8>,
    is_broken: bool,
}

/// A protocol and framing that explain at least one message of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// Index of the protocol among those tried.
    pub table: usize,
    /// How the packets number messages.
    pub framing: Framing,
    /// Messages explained.
    pub messages: u64,
    /// Messages and packets of the same flows that are not explained.
    pub faults: u64,
}

impl Fit {
    /// Whether everything is explained. Protocols that share their layouts may all fit so.
    pub fn is_clear(&self) -> bool {
        self.faults == 0
    }
}

impl Sample {
    /// What broke the capture before its first whole packet: then there is nothing to guess from.
    pub fn into_error(self) -> Option<SourceError> {
        self.error.filter(|_| self.datagrams.is_empty() && self.streams.is_empty())
    }

    /// Reads up to 200 packets or 256 KiB. What is wrong further on does not matter here: playing will report it.
    pub fn from_source(source: &mut dyn PacketSource) -> Self {
        let mut sample = Self::default();
        let mut burst = Burst::with_capacity(16);
        let (mut packets, mut bytes) = (0, 0);
        while packets < SAMPLE_PACKETS && bytes < SAMPLE_BYTES {
            let polled = match source.burst(&mut burst) {
                Ok(Polled::Packets(polled)) => polled,
                Ok(Polled::End) => break,
                Err(error) => {
                    sample.error = Some(error);
                    break;
                }
            };
            if polled.is_empty() {
                break;
            }
            let mut stream = None;
            for packet in polled {
                let room = SAMPLE_BYTES.saturating_sub(bytes);
                bytes += packet.payload.len();
                packets += 1;
                match packet.kind {
                    PacketKind::Datagram => sample.datagrams.push(Datagram {
                        flow: packet.flow,
                        bytes: packet.payload.to_vec(),
                        cut: packet.cut,
                    }),
                    PacketKind::Stream => {
                        stream = Some((packet.flow, packet.payload.len()));
                        let front = &packet.payload[..packet.payload.len().min(room)];
                        sample.streams.entry(packet.flow).or_default().extend(front, packet.after_hole);
                    }
                }
            }
            if let Some((flow, size)) = stream {
                source.consume(flow, size);
            }
        }
        sample
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty() && self.streams.is_empty()
    }
}

impl Stream {
    fn extend(&mut self, bytes: &[u8], after_hole: bool) {
        self.is_broken |= after_hole && !self.bytes.is_empty();
        if !self.is_broken {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

/// What a table in a framing makes of one flow.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    messages: u64,
    faults: u64,
}

/// The protocols and framings that explain messages of `sample`, best first: those without faults, then by messages, then in
/// the order of `tables` and of each one's framings. Flows of which nothing is explained count for nothing.
pub fn guess(tables: &[CheckedTable], sample: &Sample) -> Vec<Fit> {
    let mut fits: Vec<Fit> = Vec::new();
    for (index, table) in tables.iter().enumerate() {
        for &framing in table.description().framings.as_slice() {
            let flows = if framing.is_stream() {
                tally_streams(*table, framing, sample)
            } else {
                tally_datagrams(*table, framing, sample)
            };
            let mut fit = Fit { table: index, framing, messages: 0, faults: 0 };
            for tally in flows.iter().filter(|tally| tally.messages != 0) {
                fit.messages += tally.messages;
                fit.faults += tally.faults;
            }
            if fit.messages != 0 {
                fits.push(fit);
            }
        }
    }
    // Sorting is stable, so that equal fits keep the order of the tables.
    fits.sort_by_key(|fit| (!fit.is_clear(), std::cmp::Reverse(fit.messages.saturating_sub(fit.faults))));
    fits
}

fn tally_datagrams(table: CheckedTable, framing: Framing, sample: &Sample) -> Vec<Tally> {
    let Ok(mut scout) = Scout::new(table, framing) else { return Vec::new() };
    let mut flows: BTreeMap<FlowId, Tally> = BTreeMap::new();
    for datagram in &sample.datagrams {
        let tally = flows.entry(datagram.flow).or_default();
        match scout.look(&datagram.bytes, datagram.cut) {
            Ok(sight) => {
                tally.messages += sight.messages.saturating_sub(sight.faults);
                tally.faults += sight.faults;
            }
            Err(_) => tally.faults += 1,
        }
    }
    flows.into_values().collect()
}

fn tally_streams(table: CheckedTable, framing: Framing, sample: &Sample) -> Vec<Tally> {
    let tally = |stream: &Stream| tally_stream(table, framing, &stream.bytes);
    sample.streams.values().filter_map(tally).collect()
}

fn tally_stream(table: CheckedTable, framing: Framing, bytes: &[u8]) -> Option<Tally> {
    let mut scout = Scout::new(table, framing).ok()?;
    let mut tally = Tally::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        match scout.look(rest, false) {
            Ok(sight) if sight.frame.size_bytes != 0 => {
                tally.messages += sight.messages.saturating_sub(sight.faults);
                tally.faults += sight.faults;
                if sight.frame.kind == FrameKind::END_OF_SESSION {
                    break;
                }
                rest = &rest[sight.frame.size_bytes as usize..];
            }
            // The sample ends inside a message.
            Err(outcome) if outcome.status == Status::TRUNCATED => break,
            _ => {
                tally.faults += 1;
                break;
            }
        }
    }
    Some(tally)
}
