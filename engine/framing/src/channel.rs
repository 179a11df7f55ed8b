//! A channel's framing and what it remembers between packets.

use wirebook_abi::{Frame, FrameKind, Framing, Outcome, Status};

use crate::{
    Block, Length16, Output, b3_packet, cme_packet, coinbase_packet, deribit_packet, length16, memx_packet, moldudp64,
    optiq_packet, sequenced_unit, session::SESSION_SIZE, simba_packet, soupbintcp, whole,
};

/// A channel's framing and what it remembers between packets.
#[derive(Clone, Copy, Debug)]
pub struct Channel {
    pub(crate) framing: Framing,
    pub(crate) session: [u8; 16],
    /// The session as a datagram has it, padding and all.
    pub(crate) wire_session: [u8; SESSION_SIZE],
    /// Of the next message of a stream, which counts its messages instead of naming them.
    pub(crate) next_sequence: u64,
    /// What venues' own framings remember.
    state: State,
}

/// What a venue's own framing remembers between packets.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one a channel, which is not moved while packets come")]
enum State {
    /// Nothing but what the channel does.
    None,
    Cme(cme_packet::CmePackets),
    B3(b3_packet::B3Packets),
    Memx(memx_packet::MemxPackets),
    Coinbase(coinbase_packet::CoinbasePackets),
    Deribit(deribit_packet::DeribitPackets),
    Optiq(optiq_packet::OptiqPackets),
    Simba(simba_packet::SimbaPackets),
    Whole,
}

impl State {
    fn new(framing: Framing) -> Self {
        match framing {
            Framing::CME_PACKET => Self::Cme(cme_packet::CmePackets::datagrams()),
            Framing::CME_TCP => Self::Cme(cme_packet::CmePackets::stream()),
            Framing::B3_PACKET => Self::B3(b3_packet::B3Packets::default()),
            Framing::MEMX_PACKET => Self::Memx(memx_packet::MemxPackets::default()),
            Framing::COINBASE_PACKET => Self::Coinbase(coinbase_packet::CoinbasePackets::default()),
            Framing::DERIBIT_PACKET => Self::Deribit(deribit_packet::DeribitPackets::default()),
            Framing::OPTIQ_PACKET => Self::Optiq(optiq_packet::OptiqPackets::default()),
            Framing::SIMBA_PACKET => Self::Simba(simba_packet::SimbaPackets::default()),
            Framing::MESSAGE => Self::Whole,
            _ => Self::None,
        }
    }
}

impl Channel {
    /// Framings that are here.
    pub const FRAMINGS: &'static [Framing] = &[
        Framing::MOLDUDP64,
        Framing::LENGTH16,
        Framing::SOUPBINTCP,
        Framing::SEQUENCED_UNIT,
        Framing::CME_PACKET,
        Framing::CME_TCP,
        Framing::B3_PACKET,
        Framing::MEMX_PACKET,
        Framing::COINBASE_PACKET,
        Framing::DERIBIT_PACKET,
        Framing::OPTIQ_PACKET,
        Framing::SIMBA_PACKET,
        Framing::MESSAGE,
    ];

    /// A channel whose packets come in `framing`; `None` where it is not one of [`FRAMINGS`](Self::FRAMINGS).
    pub fn new(framing: Framing) -> Option<Self> {
        Self::FRAMINGS.contains(&framing).then_some(Self {
            framing,
            session: [0; 16],
            wire_session: [0; SESSION_SIZE],
            next_sequence: 1,
            state: State::new(framing),
        })
    }

    /// How its packets number messages.
    #[inline]
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Reads what a packet says of itself, and gives the offset of its first block.
    ///
    /// # Errors
    ///
    /// [`Status::TRUNCATED`] where less than a header or, of a stream, than a message is
    /// there; [`Status::BAD_HEADER`].
    #[inline]
    pub fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
        match self.framing {
            Framing::MOLDUDP64 => moldudp64::frame(self, packet, frame),
            Framing::SEQUENCED_UNIT => sequenced_unit::frame(self, packet, frame),
            Framing::SOUPBINTCP => soupbintcp::frame(self, packet, frame),
            Framing::LENGTH16 => length16::frame(self, packet, frame),
            _ => match &mut self.state {
                State::Cme(packets) => packets.frame(packet, frame),
                State::B3(packets) => packets.frame(packet, frame),
                State::Memx(packets) => packets.frame(packet, frame),
                State::Coinbase(packets) => packets.frame(packet, frame),
                State::Deribit(packets) => packets.frame(packet, frame),
                State::Optiq(packets) => packets.frame(packet, frame),
                State::Simba(packets) => packets.frame(packet, frame),
                State::Whole | State::None => whole::frame(packet, frame),
            },
        }
    }

    /// As [`frame`](Self::frame), of [`Framing::CME_PACKET`].
    #[inline(always)]
    pub(crate) fn cme_packet(&mut self, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
        match &mut self.state {
            State::Cme(packets) => packets.frame_datagram(packet, frame),
            _ => Err(Outcome::refused(Status::BAD_HEADER, 0)),
        }
    }

    /// Writes a packet of `messages`.
    pub fn pack(&self, frame: &Frame, messages: &[&[u8]], output: &mut [u8]) -> Outcome {
        let mut output = Output::new(output);
        let written = match self.framing {
            Framing::MOLDUDP64 => moldudp64::pack(frame, messages, &mut output),
            Framing::SEQUENCED_UNIT => sequenced_unit::pack(frame, messages, &mut output),
            Framing::SOUPBINTCP => soupbintcp::pack(frame, messages, &mut output),
            Framing::LENGTH16 => length16::pack(frame, messages, &mut output),
            _ => match &self.state {
                State::Cme(packets) => packets.pack(frame, messages, &mut output),
                State::B3(_) => b3_packet::pack(frame, messages, &mut output),
                State::Memx(_) => memx_packet::pack(frame, messages, &mut output),
                State::Coinbase(_) => coinbase_packet::pack(frame, messages, &mut output),
                State::Deribit(_) => deribit_packet::pack(frame, messages, &mut output),
                State::Optiq(_) => optiq_packet::pack(frame, messages, &mut output),
                State::Simba(_) => simba_packet::pack(frame, messages, &mut output),
                State::Whole | State::None => whole::pack(frame, messages, &mut output),
            },
        };
        match written {
            Ok(()) => Outcome::ok(output.size() as u32),
            Err(status) => Outcome::refused(status, output.size()),
        }
    }

    /// Takes `count` messages of a stream, `size` bytes in all, from its front.
    pub(crate) fn advance(&mut self, frame: &mut Frame, count: u32, size: usize) {
        frame.kind = FrameKind::DATA;
        frame.message_count = count;
        frame.size_bytes = size as u32;
        self.next_sequence = self.next_sequence.wrapping_add(u64::from(count));
    }
}

/// Most messages, and bytes after which no further is begun, that one call takes from a stream.
const STREAM_MESSAGES: u32 = 64;
const STREAM_BYTES: usize = 4096;

/// Counts whole messages at the front of a stream for as long as `wanted` takes their blocks.
pub fn whole_messages(packet: &[u8], wanted: impl Fn(&[u8]) -> bool) -> (u32, usize) {
    let (mut count, mut at) = (0, 0);
    while count < STREAM_MESSAGES && at < STREAM_BYTES {
        match Length16::at(packet, at) {
            Ok(placed) if wanted(placed.message) => at = placed.next,
            _ => break,
        }
        count += 1;
    }
    (count, at)
}
