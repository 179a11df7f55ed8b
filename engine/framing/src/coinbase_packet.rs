//! Coinbase Derivatives: a header with sequence, channel and count, then messages in frames of whole eight-byte words.

use wirebook_abi::{Frame, Outcome, Status};

use crate::{
    Block, Output, Placed, Size16,
    block::{header, size_at, template},
    halves::{self, Halves, Said},
};

const HEADER_SIZE: usize = 24;
const SIZE_SIZE: usize = 2;
const MESSAGE_HEADER_SIZE: usize = 8;
const WORD: usize = 8;

const INCREMENTAL: u8 = 1;
const SNAPSHOT: u8 = 2;

/// A size that counts all of the block, the message, and padding to whole words.
#[derive(Clone, Copy, Debug)]
pub struct Padded16;

impl Block for Padded16 {
    #[inline(always)]
    fn at(packet: &[u8], at: usize) -> Result<Placed<'_>, Status> {
        let framed = Size16::at(packet, at)?;
        // The padding behind the root block is not the message's; there are no groups and no data.
        let size = size_at(framed.message, 0).map_or(framed.message.len(), |length| MESSAGE_HEADER_SIZE + length);
        Ok(Placed { message: framed.message.get(..size).unwrap_or(framed.message), ..framed })
    }

    fn message_type(message: &[u8]) -> u16 {
        template(message)
    }
}

/// Coinbase Derivatives packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct CoinbasePackets {
    halves: Halves,
}

impl CoinbasePackets {
    #[inline]
    pub fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
        let fixed: &[u8; HEADER_SIZE] = header(packet)?;
        let [_, _, _, _, _, _, _, _, s0, s1, s2, s3, s4, s5, s6, s7, c0, c1, flags, count, _, _, _, _] = fixed;
        let said = Said {
            channel: i32::from(u16::from_le_bytes([*c0, *c1])),
            is_snapshot: flags & SNAPSHOT != 0,
            sequence: u64::from_le_bytes([*s0, *s1, *s2, *s3, *s4, *s5, *s6, *s7]),
            message_count: u32::from(*count),
        };
        self.halves.fill(frame, packet, said);
        Ok(HEADER_SIZE)
    }
}

pub fn pack(frame: &Frame, messages: &[&[u8]], output: &mut Output<'_>) -> Result<(), Status> {
    let (channel, is_snapshot) = halves::half_of(frame, messages)?;
    let channel = u16::try_from(channel).map_err(|_| Status::NOT_ENCODABLE)?;
    let flags = if is_snapshot { SNAPSHOT } else { INCREMENTAL };
    let count = u8::try_from(messages.len()).map_err(|_| Status::NOT_ENCODABLE)?;
    output.put(&[0; 8])?;
    output.put(&frame.first_sequence.to_le_bytes())?;
    output.put(&channel.to_le_bytes())?;
    output.put(&[flags, count])?;
    output.put(&[0; 4])?;
    for message in messages {
        let size = (SIZE_SIZE + message.len()).next_multiple_of(WORD);
        output.put_size(size)?;
        output.put(message)?;
        output.put(&[0; WORD][..size - SIZE_SIZE - message.len()])?;
    }
    Ok(())
}
