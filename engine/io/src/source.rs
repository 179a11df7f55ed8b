//! The trait behind which every packet source stands.

use crate::{Burst, FlowId, FlowTable, Packet, SourceError};

/// Hands out packets in bursts.
pub trait PacketSource {
    /// Takes back the packets of the last burst and hands out the next ones.
    ///
    /// An empty burst means that nothing is there right now. What can be delivered is delivered before an error is
    /// reported; a source that reported one is at its end.
    ///
    /// # Errors
    ///
    /// [`SourceError`] says where in the input, what was expected there, and what to do.
    fn burst<'a>(&'a mut self, burst: &'a mut Burst) -> Result<Polled<'a>, SourceError>;

    /// Says that the first `size` bytes of the stream that the last burst ended with are dealt with. Call it before the next
    /// burst; the bytes not consumed come again. Does nothing for datagrams.
    fn consume(&mut self, flow: FlowId, size: usize);

    /// Every flow seen so far. A [`FlowId`] is an index into it, and none is ever taken out.
    fn flows(&self) -> &FlowTable;

    /// What was received and what became of it.
    fn counters(&self) -> &Counters;

    /// How far a source with an end has come; `None` for one that is live.
    fn progress(&self) -> Option<Progress> {
        None
    }
}

/// What asking for a burst gave.
#[derive(Clone, Copy, Debug)]
pub enum Polled<'a> {
    /// Packets, none where nothing is there right now.
    Packets(&'a [Packet<'a>]),
    /// Nothing will ever come again.
    End,
}

/// How far a source has come, in bytes of the file as it lies on the disk: compressed ones of a compressed file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read.
    pub bytes_done: u64,
    /// Bytes there are; `None` for a pipe.
    pub bytes_total: Option<u64>,
}

/// What became of every frame. `frames` is the sum of `datagrams`, `segments` and all that was not delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Frames received.
    pub frames: u64,
    /// Bytes of those frames, as far as they were kept.
    pub bytes: u64,
    /// Datagrams delivered.
    pub datagrams: u64,
    /// TCP segments, those without payload included.
    pub segments: u64,
    /// Bytes of payload delivered, of datagrams and streams.
    pub payload_bytes: u64,
    /// Frames of which the capture kept only the front. Datagrams among them are delivered with [`Packet::cut`] where
    /// their headers are whole; of segments the missing bytes become a hole of the stream.
    pub cut: u64,
    /// Cut frames that were not delivered because a header is not whole.
    pub cut_headers: u64,
    /// IP fragments, which are not delivered.
    pub fragments: u64,
    /// Frames that are not IP.
    pub not_ip: u64,
    /// IP packets that are neither UDP nor TCP.
    pub not_udp_or_tcp: u64,
    /// Frames whose lengths contradict each other, which are not delivered.
    pub malformed: u64,
    /// Frames of an interface whose link type this reader does not know.
    pub unknown_link: u64,
    /// Datagrams to a group and port, or of a sender, that a live source was not asked for, which are not delivered.
    pub not_joined: u64,
    /// Datagrams of flows that a live source has no room for, which are not delivered.
    pub flows_refused: u64,
    /// Segments that brought no new byte.
    pub tcp_retransmissions: u64,
    /// Segments that came before one that precedes them, and were held for it.
    pub tcp_out_of_order: u64,
    /// Places at which bytes of a stream are missing.
    pub tcp_holes: u64,
    /// Streams given up because nobody consumed their bytes.
    pub streams_abandoned: u64,
    /// Bytes of streams that were delivered and not consumed when the input ended or the connection began anew.
    pub stream_bytes_left: u64,
}

impl Counters {
    /// The sums of these and others.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            frames: self.frames + other.frames,
            bytes: self.bytes + other.bytes,
            datagrams: self.datagrams + other.datagrams,
            segments: self.segments + other.segments,
            payload_bytes: self.payload_bytes + other.payload_bytes,
            cut: self.cut + other.cut,
            cut_headers: self.cut_headers + other.cut_headers,
            fragments: self.fragments + other.fragments,
            not_ip: self.not_ip + other.not_ip,
            not_udp_or_tcp: self.not_udp_or_tcp + other.not_udp_or_tcp,
            malformed: self.malformed + other.malformed,
            unknown_link: self.unknown_link + other.unknown_link,
            tcp_retransmissions: self.tcp_retransmissions + other.tcp_retransmissions,
            tcp_out_of_order: self.tcp_out_of_order + other.tcp_out_of_order,
            tcp_holes: self.tcp_holes + other.tcp_holes,
            streams_abandoned: self.streams_abandoned + other.streams_abandoned,
            stream_bytes_left: self.stream_bytes_left + other.stream_bytes_left,
            flows_refused: self.flows_refused + other.flows_refused,
            not_joined: self.not_joined + other.not_joined,
        }
    }
}
