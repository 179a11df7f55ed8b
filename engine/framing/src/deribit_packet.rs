//! Deribit: a header with sequence, channel, type and count; messages begin with their own length.

use wirebook_abi::{Frame, Outcome, Status};

use crate::{
    Block, Output, Placed,
    block::{bytes_at, header, size_at, template},
    halves::{self, Halves, Said},
    output::size16,
};

const HEADER_SIZE: usize = 24;
const MESSAGE_HEADER_SIZE: usize = 16;

const INCREMENTAL: u16 = 1;
const SNAPSHOT: u16 = 2;

/// A message that begins with its own size.
#[derive(Clone, Copy, Debug)]
pub struct Own16;

impl Block for Own16 {
    #[inline(always)]
    fn at(packet: &[u8], at: usize) -> Result<Placed<'_>, Status> {
        let size = size_at(packet, at)?;
        if size < MESSAGE_HEADER_SIZE {
            return Err(Status::BAD_HEADER);
        }
        Placed::new(packet, at, at + size)
    }

    fn message_type(message: &[u8]) -> u16 {
        template(message)
    }
}

/// Deribit packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeribitPackets {
    halves: Halves,
}

impl DeribitPackets {
    #[inline]
    pub fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
        let fixed: &[u8; HEADER_SIZE] = header(packet)?;
        let [_, _, _, _, _, _, _, _, s0, s1, s2, s3, s4, s5, s6, s7, c0, c1, c2, c3, k0, k1, n0, n1] = fixed;
        let said = Said {
            channel: i32::from_le_bytes([*c0, *c1, *c2, *c3]),
            is_snapshot: u16::from_le_bytes([*k0, *k1]) & SNAPSHOT != 0,
            sequence: u64::from_le_bytes([*s0, *s1, *s2, *s3, *s4, *s5, *s6, *s7]),
            message_count: u32::from(u16::from_le_bytes([*n0, *n1])),
        };
        self.halves.fill(frame, packet, said);
        Ok(HEADER_SIZE)
    }
}

pub fn pack(frame: &Frame, messages: &[&[u8]], output: &mut Output<'_>) -> Result<(), Status> {
    let (channel, is_snapshot) = halves::half_of(frame, messages)?;
    let kind = if is_snapshot { SNAPSHOT } else { INCREMENTAL };
    output.put(&[0; 8])?;
    output.put(&frame.first_sequence.to_le_bytes())?;
    output.put(&channel.to_le_bytes())?;
    output.put(&kind.to_le_bytes())?;
    output.put(&size16(messages.len())?.to_le_bytes())?;
    for message in messages {
        // A message that does not say its own size could not be found again.
        if bytes_at(message, 0).map(u16::from_le_bytes) != Some(size16(message.len())?) {
            return Err(Status::NOT_ENCODABLE);
        }
        output.put(message)?;
    }
    Ok(())
}
