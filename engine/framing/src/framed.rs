//! One channel's decoder: a protocol's messages out of a framing's packets.

use wirebook_abi::{
    BatchWriter, Decoded, Decoder, Description, Fault, Frame, Framing, Group, Numbering, Outcome, Span, Status,
};

use crate::{
    Block, Channel, Counted8, Encoded16, Length16, Measured, Own16, Padded16, Size16, Templated16, Typed16, Whole,
    block::count_blocks, moldudp64, sequenced_unit,
};

/// What a protocol's messages mean, and what of it lasts from message to message; however packets frame them.
pub trait Messages: Sized + Send + 'static {
    /// Identity, units and layout.
    const DESCRIPTION: Description;

    /// Most events that one message stands for.
    const MAX_EVENTS: usize;

    /// The state that a channel starts with. The only one to allocate.
    fn new() -> Self;

    /// Forgets what held for the session before: a new one gives instrument keys out afresh.
    fn begin_session(&mut self);

    /// Messages of the channel are missing: forgets what only holds from one message to the next.
    fn miss(&mut self) {}

    /// Bytes of the message at the front of `message`, by its own lengths; `None` where it ends before, or is of an unknown type,
    /// and of protocols whose messages do not say.
    #[inline(always)]
    fn size(_message: &[u8]) -> Option<usize> {
        None
    }

    /// Takes from a message that was seen before, and whose events nobody wants again, what later ones build on.
    #[inline(always)]
    fn pass(&mut self, _message: &[u8]) {}

    /// Writes the events of the message at `sequence` into `batch`, which has room for [`MAX_EVENTS`](Self::MAX_EVENTS).
    ///
    /// Answers [`Status::OK`] or [`Status::LONG_MESSAGE`] where it took the message, [`Status::BATCH_FULL`] where records do
    /// not fit and nothing was written, or why it skipped the message.
    fn decode(&mut self, message: &[u8], sequence: u64, batch: &mut BatchWriter<'_>) -> Status;

    /// Writes the message that stands for `group` to the front of `output`.
    fn encode(&mut self, group: Group<'_>, output: &mut [u8]) -> Outcome;
}

/// The decoder of `M` for one channel, in any framing that its description lists.
#[derive(Debug)]
pub struct Framed<M> {
    channel: Channel,
    packet: Packet,
    messages: M,
    /// Session of the last packet decoded. A packet that is only framed may be another channel's, or damaged.
    session: [u8; 16],
    /// Sequence behind the last message decoded; 0 before the first of a session, and where messages have none.
    next_sequence: u64,
}

/// Runs `body` for the block shape `B` of a framing. There is one loop a shape, so that where a message starts is a constant
/// away from its length; shapes that `M` does not come in are not compiled.
macro_rules! shaped {
    ($messages:ident, $framing:expr, $shape:ident => $body:expr) => {
        match $framing {
            Framing::LENGTH16 | Framing::MOLDUDP64 => {
                shaped!($messages, [LENGTH16, MOLDUDP64], Length16, $shape => $body)
            }
            Framing::SEQUENCED_UNIT => shaped!($messages, [SEQUENCED_UNIT], Counted8, $shape => $body),
            Framing::MEMX_PACKET => shaped!($messages, [MEMX_PACKET], Templated16, $shape => $body),
            Framing::SOUPBINTCP => shaped!($messages, [SOUPBINTCP], Typed16, $shape => $body),
            Framing::CME_PACKET | Framing::CME_TCP | Framing::OPTIQ_PACKET => {
                shaped!($messages, [CME_PACKET, CME_TCP, OPTIQ_PACKET], Size16, $shape => $body)
            }
            Framing::B3_PACKET => shaped!($messages, [B3_PACKET], Encoded16, $shape => $body),
            Framing::COINBASE_PACKET => shaped!($messages, [COINBASE_PACKET], Padded16, $shape => $body),
            Framing::DERIBIT_PACKET => shaped!($messages, [DERIBIT_PACKET], Own16, $shape => $body),
            _ => shaped!($messages, [MESSAGE], Whole, $shape => $body),
        }
    };
    ($messages:ident, [$($framing:ident),*], $block:ty, $shape:ident => $body:expr) => {
        if const { comes_in(&$messages::DESCRIPTION, &[$(Framing::$framing),*]) } {
            type $shape = $block;
            $body
        } else {
            Decoded::default()
        }
    };
}

/// Whether a protocol comes in one of these framings.
const fn comes_in(description: &Description, framings: &[Framing]) -> bool {
    let listed = description.framings.as_slice();
    let mut at = 0;
    while at < listed.len() * framings.len() {
        if listed[at % listed.len()].0 == framings[at / listed.len()].0 {
            return true;
        }
        at += 1;
    }
    false
}

impl<M: Messages> Decoder for Framed<M> {
    const DESCRIPTION: Description = M::DESCRIPTION;

    fn new(framing: Framing) -> Option<Self> {
        let comes_so = M::DESCRIPTION.framings.as_slice().contains(&framing);
        let channel = Channel::new(framing).filter(|_| comes_so)?;
        Some(Self { channel, packet: Packet::default(), messages: M::new(), session: [0; 16], next_sequence: 0 })
    }

    /// The framings whose packets come by the million are compiled in here, so that the frame is made in registers and stored
    /// twice: for the caller, and to decode by. A copy of what was just stored would be loaded in wider words than it was
    /// stored in, and wait for each of them to reach the cache: ten nanoseconds a packet.
    #[inline(always)]
    fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Outcome {
        let mut own = Frame::default();
        let framed = match self.channel.framing() {
            Framing::MOLDUDP64 if const { comes_in(&M::DESCRIPTION, &[Framing::MOLDUDP64]) } => {
                moldudp64::frame(&mut self.channel, packet, &mut own)
            }
            Framing::SEQUENCED_UNIT if const { comes_in(&M::DESCRIPTION, &[Framing::SEQUENCED_UNIT]) } => {
                sequenced_unit::frame(&mut self.channel, packet, &mut own)
            }
            Framing::CME_PACKET if const { comes_in(&M::DESCRIPTION, &[Framing::CME_PACKET]) } => {
                self.channel.cme_packet(packet, &mut own)
            }
            _ => return self.frame_by_channel(packet, frame),
        };
        *frame = own;
        self.packet.framed(own, framed)
    }

    fn decode(&mut self, packet: &[u8], skip: u32, batch: &mut BatchWriter<'_>) -> Decoded {
        self.follow(skip);
        if self.is_measured() {
            return self.decode_blocks::<Measured<M>>(packet, skip, batch).decoded();
        }
        shaped!(M, self.channel.framing(), B => self.decode_blocks::<B>(packet, skip, batch).decoded())
    }

    fn split(&mut self, packet: &[u8], spans: &mut [Span]) -> Decoded {
        if self.is_measured() {
            return self.packet.split::<Measured<M>>(packet, spans);
        }
        shaped!(M, self.channel.framing(), B => self.packet.split::<B>(packet, spans))
    }

    fn encode(&mut self, group: Group<'_>, output: &mut [u8]) -> Outcome {
        self.messages.encode(group, output)
    }

    fn pack(&mut self, frame: &Frame, messages: &[&[u8]], output: &mut [u8]) -> Outcome {
        self.channel.pack(frame, messages, output)
    }
}

impl<M: Messages> Framed<M> {
    #[inline(never)]
    fn frame_by_channel(&mut self, packet: &[u8], frame: &mut Frame) -> Outcome {
        *frame = Frame::default();
        let framed = self.channel.frame(packet, frame);
        if let (true, Ok(start)) = (self.is_measured(), &framed) {
            frame.message_count = count_blocks::<Measured<M>>(packet, *start);
        }
        self.packet.framed(*frame, framed)
    }

    /// Whether nothing but messages' own parts says where the next one starts.
    #[inline(always)]
    fn is_measured(&self) -> bool {
        let comes_so = const { comes_in(&M::DESCRIPTION, &[Framing::SIMBA_PACKET]) };
        comes_so && self.channel.framing() == Framing::SIMBA_PACKET
    }

    /// Tells the messages of another session, and of a gap before the packet's message `skip`.
    #[inline]
    fn follow(&mut self, skip: u32) {
        let frame = &self.packet.frame;
        if frame.session != self.session {
            self.session = frame.session;
            self.next_sequence = 0;
            // Where packets of several feeds come here in turns, instruments have the same keys in all of them.
            if self.channel.framing().names_feeds() {
                self.messages.miss();
            } else {
                self.messages.begin_session();
            }
        }
        let count = u64::from(frame.sequence_count());
        if frame.first_sequence == 0 || count == 0 {
            return;
        }
        if self.next_sequence != 0 && frame.sequence_of(skip) > self.next_sequence {
            self.messages.miss();
        }
        // Only what is new is decoded, so that a lower sequence is that of a venue's restart.
        self.next_sequence = frame.first_sequence.saturating_add(count);
    }

    /// Not inlined, so that its result comes in registers; see [`Stop`].
    #[inline(never)]
    fn decode_blocks<B: Block>(&mut self, packet: &[u8], skip: u32, batch: &mut BatchWriter<'_>) -> Stop {
        let packet = self.packet.bytes(packet);
        // Field by field: a copy of the frame would wait for its stores, see `frame`.
        let frame = &self.packet.frame;
        let count = frame.message_count;
        let (first_sequence, numbering) = match frame.first_sequence {
            // A message without a sequence has that of the last one that had one: it came behind that.
            0 if self.next_sequence != 0 => (self.next_sequence - 1, Numbering::PACKETS),
            first => (first, frame.numbering),
        };
        let step = u64::from(numbering != Numbering::PACKETS);
        let messages = &mut self.messages;
        let mut at = match self.packet.seek::<B>(packet, skip, |message| messages.pass(message)) {
            Ok(at) => at,
            Err(status) => return stopped(0, status, packet.len()),
        };
        let mut index = skip.min(count);
        let mut sequence = first_sequence.wrapping_add(step * u64::from(index));
        let start = index;
        while index < count {
            let placed = match B::at(packet, at) {
                Ok(placed) => placed,
                Err(status) => return stopped(index - start, status, at),
            };
            if batch.room() < M::MAX_EVENTS {
                return self.full(start, index, at);
            }
            if !placed.message.is_empty() {
                let status = self.messages.decode(placed.message, sequence, batch);
                if status == Status::BATCH_FULL {
                    return self.full(start, index, at);
                }
                if status != Status::OK {
                    note(batch, sequence, placed.start, status, B::message_type(placed.message));
                }
            }
            at = placed.next;
            index += 1;
            sequence = sequence.wrapping_add(step);
        }
        if at < packet.len() {
            note(batch, sequence, at, Status::TRAILING_BYTES, 0);
        }
        stopped(count - start, Status::OK, at)
    }

    /// Stops before message `index`, and remembers where it lies for the call that goes on there.
    #[cold]
    fn full(&mut self, start: u32, index: u32, at: usize) -> Stop {
        self.packet.resume = (index, at);
        stopped(index - start, Status::BATCH_FULL, at)
    }
}

/// The packet that `frame` was last called for.
#[derive(Clone, Copy, Debug, Default)]
struct Packet {
    frame: Frame,
    /// Where the first block stands.
    start: usize,
    /// Message at which the last call stopped, and where its block lies.
    resume: (u32, usize),
}

impl Packet {
    /// Takes what its channel says of it: where its first block is, or why it is refused.
    #[inline(always)]
    fn framed(&mut self, frame: Frame, framed: Result<usize, Outcome>) -> Outcome {
        match framed {
            Ok(start) => {
                *self = Self { frame, start, resume: (0, start) };
                Outcome::ok(0)
            }
            Err(refused) => {
                *self = Self::default();
                refused
            }
        }
    }

    /// The packet's own bytes of a stream's window.
    fn bytes<'a>(&self, window: &'a [u8]) -> &'a [u8] {
        window.get(..self.frame.size_bytes as usize).unwrap_or(window)
    }

    /// Offset of the block of message `skip`, walking from the place remembered where that is not past it. Each message on
    /// the way is shown to `pass`.
    #[inline]
    fn seek<B: Block>(&self, packet: &[u8], skip: u32, mut pass: impl FnMut(&[u8])) -> Result<usize, Status> {
        let (mut index, mut at) = if self.resume.0 <= skip { self.resume } else { (0, self.start) };
        while index < skip.min(self.frame.message_count) {
            let placed = B::at(packet, at)?;
            pass(placed.message);
            at = placed.next;
            index += 1;
        }
        Ok(at)
    }

    fn split<B: Block>(&self, packet: &[u8], spans: &mut [Span]) -> Decoded {
        let packet = self.bytes(packet);
        let mut at = self.start;
        for index in 0..self.frame.message_count {
            let placed = match B::at(packet, at) {
                Ok(placed) => placed,
                Err(status) => return stopped(index, status, at).decoded(),
            };
            let Some(span) = spans.get_mut(index as usize) else {
                return stopped(index, Status::BATCH_FULL, at).decoded();
            };
            *span = Span { offset: placed.start as u32, size: placed.message.len() as u32 };
            at = placed.next;
        }
        stopped(self.frame.message_count, Status::OK, at).decoded()
    }
}

/// Where and why a walk over a packet stopped.
///
/// Two words, which come back in registers. As [`Decoded`] they would be written in small pieces and read in large ones,
/// for which the processor waits some 10 ns a packet.
struct Stop {
    /// Messages taken in the low half, offset in the high half.
    place: u64,
    status: Status,
}

impl Stop {
    #[inline(always)]
    fn decoded(self) -> Decoded {
        Decoded { messages: self.place as u32, status: self.status, reserved: 0, offset: (self.place >> 32) as u32 }
    }
}

fn stopped(messages: u32, status: Status, at: usize) -> Stop {
    Stop { place: u64::from(messages) | (at as u64) << 32, status }
}

#[cold]
fn note(batch: &mut BatchWriter<'_>, sequence: u64, at: usize, status: Status, message_type: u16) {
    batch.fault(Fault { sequence, offset: at as u32, status, message_type });
}
