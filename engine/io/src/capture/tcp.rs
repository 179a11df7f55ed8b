//! TCP streams put together from captured segments: in sequence, each byte once.
//!
//! Enough for captures, and no more: no windows, no checksums, no acknowledgements. The first segment seen of a direction
//! starts its stream. Memory is bounded whatever the capture claims.

use std::{mem, ops::Range};

use crate::{Counters, FlowId, Packet, PacketKind, ip::Segment};

/// Bytes that one stream may hold back for missing ones, and leave unconsumed. More than any message or any usual window.
const STREAM_LIMIT: usize = 1 << 20;
/// Segments that one stream may hold back.
const HELD_LIMIT: usize = 1024;
/// Bytes that all streams together may keep.
const TOTAL_LIMIT: usize = 64 << 20;

/// A frame's place in the capture.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stamp {
    pub index: u64,
    pub ts_recv_ns: u64,
}

/// What a segment brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken<'a> {
    /// Nothing to deliver yet, or ever.
    Nothing,
    /// Exactly these bytes of the segment: nothing was left before and nothing waits behind.
    InPlace(&'a [u8]),
    /// Bytes that now lie together in the stream's own buffer.
    Joined,
}

/// Every direction of every connection.
#[derive(Debug, Default)]
pub struct Streams {
    streams: Vec<Option<Box<Stream>>>,
    /// What the last burst ended with.
    open: Option<Open>,
    /// Bytes kept by all streams.
    kept: usize,
    /// Streams before this one hold nothing back; for the end of the capture.
    drained: usize,
}

/// A delivered view of a stream whose consumption is not settled.
#[derive(Clone, Debug)]
struct Open {
    flow: FlowId,
    /// Where in the capture's bytes; `None` where it is the stream's buffer.
    place: Option<Range<usize>>,
    size: usize,
    consumed: usize,
}

#[derive(Debug, Default)]
struct Stream {
    /// Sequence number of the next byte.
    next: Option<u32>,
    /// Sequence number of the first byte after a SYN, by which a repeated SYN is known from a new connection's.
    initial: Option<u32>,
    /// Byte of the stream at which `rest` starts.
    offset: u64,
    /// Delivered and not consumed.
    rest: Vec<u8>,
    /// Segments past a missing one, by their distance from it.
    held: Vec<Held>,
    held_bytes: usize,
    /// Bytes before the next delivery are missing.
    hole: bool,
    /// Nobody consumes it.
    abandoned: bool,
}

#[derive(Debug)]
struct Held {
    sequence: u32,
    bytes: Vec<u8>,
    stamp: Stamp,
}

/// How far `sequence` is past `next`; negative where it is before. Numbers wrap around.
fn distance(sequence: u32, next: u32) -> i64 {
    i64::from(sequence.wrapping_sub(next) as i32)
}

impl Stream {
    fn kept(&self) -> usize {
        self.rest.len() + self.held_bytes
    }

    /// A connection begins or breaks off: nothing of the one before it counts any more.
    fn restart(&mut self, next: Option<u32>, counters: &mut Counters) {
        counters.stream_bytes_left += self.rest.len() as u64;
        // A decoder that has seen bytes of the old connection must not take these for their continuation.
        let hole = self.hole || self.offset > 0 || !self.rest.is_empty();
        *self = Self { next, hole, offset: self.offset + self.rest.len() as u64, ..Self::default() };
    }

    /// Holds a segment back until those before it come. Of two with one number the longer stays.
    fn hold(&mut self, next: u32, sequence: u32, bytes: &[u8], stamp: Stamp) {
        let at = self.held.partition_point(|held| distance(held.sequence, next) < distance(sequence, next));
        match self.held.get_mut(at).filter(|held| held.sequence == sequence) {
            Some(held) if held.bytes.len() >= bytes.len() => return,
            Some(held) => {
                self.held_bytes -= held.bytes.len();
                *held = Held { sequence, bytes: bytes.to_vec(), stamp };
            }
            None => self.held.insert(at, Held { sequence, bytes: bytes.to_vec(), stamp }),
        }
        self.held_bytes += bytes.len();
    }

    /// Appends what was held back and is next now. Gives the stamp of the last segment used.
    fn join(&mut self) -> Option<Stamp> {
        let mut next = self.next?;
        let mut used = 0;
        let mut stamp = None;
        for held in &self.held {
            let old = -distance(held.sequence, next);
            if old < 0 {
                break;
            }
            used += 1;
            self.held_bytes -= held.bytes.len();
            if let Some(fresh) = held.bytes.get(old as usize..).filter(|fresh| !fresh.is_empty()) {
                self.rest.extend_from_slice(fresh);
                next = next.wrapping_add(fresh.len() as u32);
                stamp = Some(held.stamp);
            }
        }
        self.held.drain(..used);
        self.next = Some(next);
        stamp
    }

    /// Gives up on the missing bytes before the first segment held back. What was left before them is lost with them.
    fn skip_hole(&mut self, counters: &mut Counters) -> Option<Stamp> {
        let (first, next) = (self.held.first()?.sequence, self.next?);
        counters.tcp_holes += 1;
        counters.stream_bytes_left += self.rest.len() as u64;
        self.offset += self.rest.len() as u64 + distance(first, next).max(0) as u64;
        self.rest.clear();
        self.hole = true;
        self.next = Some(first);
        self.join()
    }

    /// Gives up a stream that nobody consumes, and the memory that it holds.
    fn abandon(&mut self, counters: &mut Counters) {
        counters.streams_abandoned += 1;
        counters.stream_bytes_left += self.rest.len() as u64;
        self.offset += self.rest.len() as u64;
        (self.rest, self.held, self.held_bytes) = Default::default();
        self.abandoned = true;
    }

    fn take<'a>(&mut self, segment: &Segment<'a>, stamp: Stamp, counters: &mut Counters) -> Taken<'a> {
        if segment.reset {
            self.restart(None, counters);
            return Taken::Nothing;
        }
        let sequence = if segment.syn { segment.sequence.wrapping_add(1) } else { segment.sequence };
        if segment.syn && self.initial != Some(sequence) {
            self.restart(Some(sequence), counters);
            self.initial = Some(sequence);
        }
        if segment.payload.is_empty() || self.abandoned {
            return Taken::Nothing;
        }
        let next = *self.next.get_or_insert(sequence);
        let ahead = distance(sequence, next);
        if ahead > 0 {
            counters.tcp_out_of_order += 1;
            self.hold(next, sequence, segment.payload, stamp);
            return Taken::Nothing;
        }
        let Some(fresh) = segment.payload.get(-ahead as usize..).filter(|fresh| !fresh.is_empty()) else {
            counters.tcp_retransmissions += 1;
            return Taken::Nothing;
        };
        self.next = Some(next.wrapping_add(fresh.len() as u32));
        if self.rest.is_empty() && self.held.is_empty() {
            return Taken::InPlace(fresh);
        }
        self.rest.extend_from_slice(fresh);
        self.join();
        Taken::Joined
    }
}

impl Streams {
    /// Takes a segment of `flow`.
    pub fn take<'a>(
        &mut self,
        flow: FlowId,
        segment: &Segment<'a>,
        stamp: Stamp,
        counters: &mut Counters,
    ) -> Taken<'a> {
        let index = flow.0 as usize;
        if self.streams.len() <= index {
            self.streams.resize_with(index + 1, || None);
        }
        let stream = self.streams[index].get_or_insert_default();
        let before = stream.kept();
        let size = stream.rest.len();
        let mut taken = stream.take(segment, stamp, counters);
        let kept = self.kept - before + stream.kept();
        let full = stream.held_bytes > STREAM_LIMIT || stream.held.len() > HELD_LIMIT || kept > TOTAL_LIMIT;
        if full && taken == Taken::Nothing && stream.skip_hole(counters).is_some() {
            taken = Taken::Joined;
        }
        let fresh = match taken {
            Taken::Nothing => 0,
            Taken::InPlace(fresh) => fresh.len(),
            // After a hole what was left before is gone, so that all of it is new.
            Taken::Joined if stream.hole => stream.rest.len(),
            Taken::Joined => stream.rest.len() - size,
        };
        counters.payload_bytes += fresh as u64;
        self.kept = self.kept - before + stream.kept();
        taken
    }

    /// Gives up on missing bytes at the end of the capture: a stream at a time, until none holds anything back.
    pub fn drain(&mut self, counters: &mut Counters) -> Option<(FlowId, Stamp)> {
        while let Some(slot) = self.streams.get_mut(self.drained) {
            if let Some(stream) = slot {
                let before = stream.kept();
                if let Some(stamp) = stream.skip_hole(counters) {
                    counters.payload_bytes += stream.rest.len() as u64;
                    self.kept = self.kept - before + stream.kept();
                    return Some((FlowId(self.drained as u32), stamp));
                }
                counters.stream_bytes_left += mem::take(&mut stream.rest).len() as u64;
            }
            self.drained += 1;
        }
        None
    }

    /// The packet of a stream that a burst ends with: bytes in place, or the stream's buffer.
    pub fn deliver<'a>(
        &'a mut self,
        flow: FlowId,
        in_place: Option<(&'a [u8], usize)>,
        stamp: Stamp,
    ) -> Option<Packet<'a>> {
        let stream = self.streams.get_mut(flow.0 as usize)?.as_mut()?;
        let after_hole = mem::take(&mut stream.hole);
        let payload = in_place.map_or(&stream.rest[..], |(bytes, _)| bytes);
        let place = in_place.map(|(bytes, at)| at..at + bytes.len());
        self.open = Some(Open { flow, place, size: payload.len(), consumed: 0 });
        Some(Packet {
            payload,
            ts_recv_ns: stamp.ts_recv_ns,
            index: stamp.index,
            offset: stream.offset,
            flow,
            kind: PacketKind::Stream,
            cut: false,
            after_hole,
        })
    }

    /// Notes that `size` more bytes of the open view are consumed.
    pub fn consume(&mut self, flow: FlowId, size: usize) {
        if let Some(open) = self.open.as_mut().filter(|open| open.flow == flow) {
            open.consumed = open.consumed.saturating_add(size).min(open.size);
        }
    }

    /// Keeps what was not consumed of the open view. `bytes` are the capture's, as they were when it was delivered.
    pub fn settle(&mut self, bytes: &[u8], counters: &mut Counters) {
        let Some(open) = self.open.take() else { return };
        let Some(Some(stream)) = self.streams.get_mut(open.flow.0 as usize) else { return };
        let before = stream.kept();
        match open.place {
            Some(place) => stream.rest.extend_from_slice(&bytes[place.start + open.consumed..place.end]),
            None => drop(stream.rest.drain(..open.consumed)),
        }
        stream.offset += open.consumed as u64;
        let kept = self.kept - before + stream.kept();
        if stream.rest.len() > STREAM_LIMIT || kept > TOTAL_LIMIT {
            stream.abandon(counters);
        }
        self.kept = self.kept - before + stream.kept();
    }
}
