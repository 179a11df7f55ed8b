//! Packets as a source hands them out, and the array that they are handed out in.

use std::mem;

use crate::FlowId;

/// A view of one datagram's payload, or of the bytes of a stream that nobody has consumed yet.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The bytes. They stay where they are until the source is asked for its next burst.
    pub payload: &'a [u8],
    /// When it was received, nanoseconds since 1970-01-01 UTC; 0 where the source does not say.
    pub ts_recv_ns: u64,
    /// Frame number in the capture, the first being 0 and every frame counting. For a stream: of the frame that brought its
    /// newest byte, and 0 for a file that has no frames.
    pub index: u64,
    /// Where `payload` starts. For a datagram: byte of the (decompressed) capture; for a stream: byte of the stream.
    pub offset: u64,
    /// Who sent it to whom.
    pub flow: FlowId,
    /// Whether the payload is a whole datagram or part of a stream.
    pub kind: PacketKind,
    /// The capture kept only the front of this datagram: whatever the payload announces past its end is lost.
    pub cut: bool,
    /// Bytes of the stream are missing before the payload, and what was left of those before them is dropped. A decoder of
    /// this flow starts anew.
    pub after_hole: bool,
}

impl<'a> Packet<'a> {
    /// A whole datagram of which nothing more is known.
    #[inline]
    pub const fn datagram(payload: &'a [u8], flow: FlowId) -> Self {
        Self {
            payload,
            ts_recv_ns: 0,
            index: 0,
            offset: 0,
            flow,
            kind: PacketKind::Datagram,
            cut: false,
            after_hole: false,
        }
    }
}

/// What the payload of a [`Packet`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// One datagram: all of it, or with [`Packet::cut`] its front.
    Datagram,
    /// The bytes of a stream from the first one that was not consumed. Say with [`PacketSource::consume`] how many were
    /// taken; the rest comes again, joined with what follows. A stream's packet is the last one of its burst.
    ///
    /// [`PacketSource::consume`]: crate::PacketSource::consume
    Stream,
}

/// Room for a burst of packets. Make one, and lend it to the source for each burst.
#[derive(Debug)]
pub struct Burst {
    packets: Vec<Packet<'static>>,
    capacity: usize,
}

impl Burst {
    /// Packets that [`Burst::default`] has room for: enough to fill prefetch queues, and small enough to stay in the cache.
    pub const DEFAULT_CAPACITY: usize = 64;

    /// Room for `capacity` packets.
    ///
    /// # Panics
    ///
    /// With a capacity of 0, with which no source could ever hand out a packet.
    pub fn with_capacity(capacity: usize) -> Self {
        assert!(capacity > 0, "a burst needs room for a packet");
        Self { packets: Vec::with_capacity(capacity), capacity }
    }

    /// Empties the burst and lends it out for packets that live as long as the loan. For sources.
    pub fn writer<'a>(&'a mut self) -> BurstWriter<'a> {
        self.packets.clear();
        // SAFETY: only the lifetime of the items changes. The array is empty now, its items are `Copy` and have no drop, and
        // whatever is put in is never read again after 'a: the only way back to the array is this method, which clears it.
        let packets =
            unsafe { mem::transmute::<&'a mut Vec<Packet<'static>>, &'a mut Vec<Packet<'a>>>(&mut self.packets) };
        BurstWriter { packets, capacity: self.capacity }
    }
}

impl Default for Burst {
    fn default() -> Self {
        Self::with_capacity(Self::DEFAULT_CAPACITY)
    }
}

/// A source's way to fill a [`Burst`].
#[derive(Debug)]
pub struct BurstWriter<'a> {
    packets: &'a mut Vec<Packet<'a>>,
    capacity: usize,
}

impl<'a> BurstWriter<'a> {
    /// Whether one more packet fits.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.packets.len() < self.capacity
    }

    /// How many more packets fit.
    #[inline]
    pub fn room(&self) -> usize {
        self.capacity - self.packets.len()
    }

    /// Whether nothing has been put in.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Puts in a packet; a full burst stays as it is, so ask [`has_room`](Self::has_room) before.
    #[inline]
    pub fn push(&mut self, packet: Packet<'a>) {
        if self.has_room() {
            self.packets.push(packet);
        }
    }

    /// What was put in.
    pub fn finish(self) -> &'a [Packet<'a>] {
        self.packets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_takes_no_more_than_its_capacity_and_starts_empty_each_time() {
        let mut burst = Burst::with_capacity(2);
        for bytes in [[1, 2, 3], [4, 5, 6]] {
            let mut writer = burst.writer();
            assert!(writer.is_empty());
            bytes.chunks(1).for_each(|each| writer.push(Packet::datagram(each, FlowId(0))));
            let payloads: Vec<_> = writer.finish().iter().map(|packet| packet.payload).collect();
            assert_eq!(payloads, [&bytes[..1], &bytes[1..2]]);
        }
    }
}
