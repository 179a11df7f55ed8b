//! One channel's decoder: a protocol's messages out of a framing's packets.

use core::marker::PhantomData;

use wirebook_abi::{BatchWriter, Decoded, Decoder, Description, Fault, Frame, Framing, Group, Outcome, Span, Status};

use crate::{
    framing::{Channel, Packet, block},
    support::{Instruments, Protocol, Symbols},
};

/// The decoder of protocol `P` for one channel.
#[derive(Debug)]
pub struct ItchDecoder<P> {
    channel: Channel,
    packet: Packet,
    named: Instruments,
    symbols: Symbols,
    protocol: PhantomData<P>,
}

impl<P: Protocol> Decoder for ItchDecoder<P> {
    const DESCRIPTION: Description = P::DESCRIPTION;

    fn new(framing: Framing) -> Option<Self> {
        let limit = P::DESCRIPTION.instrument_limit;
        Some(Self {
            channel: Channel::new(framing)?,
            packet: Packet::default(),
            named: Instruments::new(limit),
            symbols: Symbols::new(limit, P::SYMBOL_SIZE),
            protocol: PhantomData,
        })
    }

    fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Outcome {
        *frame = Frame::default();
        let session = *self.channel.session();
        match self.channel.frame(packet, frame) {
            Ok(start) => {
                self.packet.set(frame, start);
                // A new session gives instrument keys out afresh.
                if frame.session != session {
                    self.named.clear();
                }
                Outcome::ok(0)
            }
            Err(refused) => {
                self.packet = Packet::default();
                refused
            }
        }
    }

    fn decode(&mut self, packet: &[u8], skip: u32, batch: &mut BatchWriter<'_>) -> Decoded {
        // One loop a prefix size, so that where a message starts is a constant away from its length.
        let stop = if self.channel.has_packet_type() {
            self.decode_blocks::<3>(packet, skip, batch)
        } else {
            self.decode_blocks::<2>(packet, skip, batch)
        };
        stop.decoded()
    }

    fn split(&mut self, packet: &[u8], spans: &mut [Span]) -> Decoded {
        if self.channel.has_packet_type() {
            self.split_blocks::<3>(packet, spans)
        } else {
            self.split_blocks::<2>(packet, spans)
        }
    }

    fn encode(&mut self, group: Group<'_>, output: &mut [u8]) -> Outcome {
        P::encode(group, &mut self.symbols, output)
    }

    fn pack(&mut self, frame: &Frame, messages: &[&[u8]], output: &mut [u8]) -> Outcome {
        self.channel.pack(frame, messages, output)
    }
}

impl<P: Protocol> ItchDecoder<P> {
    /// Not inlined, so that its result comes in registers; see [`Stop`].
    #[inline(never)]
    fn decode_blocks<const PREFIX: usize>(&mut self, packet: &[u8], skip: u32, batch: &mut BatchWriter<'_>) -> Stop {
        let packet = self.packet.bytes(packet);
        let (first, count) = (self.packet.first_sequence, self.packet.message_count);
        let Ok(mut at) = self.packet.seek::<PREFIX>(packet, skip) else {
            return stopped(0, Status::TRUNCATED, packet.len());
        };
        let mut index = skip.min(count);
        let start = index;
        while index < count {
            let Some(message) = block::<PREFIX>(packet, at) else {
                return stopped(index - start, Status::TRUNCATED, at);
            };
            if batch.room() < P::MAX_EVENTS {
                return self.full(start, index, at);
            }
            let sequence = first.wrapping_add(u64::from(index));
            if !message.is_empty() {
                let status = P::decode(message, sequence, &mut self.named, batch);
                if status == Status::BATCH_FULL {
                    return self.full(start, index, at);
                }
                if status != Status::OK {
                    note(batch, sequence, at + PREFIX, status, message);
                }
            }
            at += PREFIX + message.len();
            index += 1;
        }
        if at < packet.len() {
            note(batch, first.wrapping_add(u64::from(count)), at, Status::TRAILING_BYTES, &[]);
        }
        stopped(count - start, Status::OK, at)
    }

    /// Stops before message `index`, and remembers where it lies for the call that goes on there.
    #[cold]
    fn full(&mut self, start: u32, index: u32, at: usize) -> Stop {
        self.packet.remember(index, at);
        stopped(index - start, Status::BATCH_FULL, at)
    }

    fn split_blocks<const PREFIX: usize>(&mut self, packet: &[u8], spans: &mut [Span]) -> Decoded {
        let packet = self.packet.bytes(packet);
        let mut at = self.packet.start();
        for index in 0..self.packet.message_count {
            let Some(message) = block::<PREFIX>(packet, at) else {
                return stopped(index, Status::TRUNCATED, at).decoded();
            };
            let Some(span) = spans.get_mut(index as usize) else {
                return stopped(index, Status::BATCH_FULL, at).decoded();
            };
            *span = Span { offset: (at + PREFIX) as u32, size: message.len() as u32 };
            at += PREFIX + message.len();
        }
        stopped(self.packet.message_count, Status::OK, at).decoded()
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
fn note(batch: &mut BatchWriter<'_>, sequence: u64, at: usize, status: Status, message: &[u8]) {
    let message_type = message.first().map_or(0, |byte| u16::from(*byte));
    batch.fault(Fault { sequence, offset: at as u32, status, message_type });
}
