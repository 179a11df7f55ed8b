//! Deribit: a header with sequence, channel, type and count; messages begin with their own length.

use wirebook_abi::{Frame, FrameKind, Numbering, Outcome, Status};

use crate::{
    Block, Output, Placed,
    block::{bytes_at, header, size_at, template},
    numbered,
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
    channel: Option<(i32, bool)>,
    session: [u8; 16],
}

impl DeribitPackets {
    #[inline]
    pub fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
        let fixed: &[u8; HEADER_SIZE] = header(packet)?;
        let [_, _, _, _, _, _, _, _, s0, s1, s2, s3, s4, s5, s6, s7, c0, c1, c2, c3, k0, k1, n0, n1] = fixed;
        let channel = (i32::from_le_bytes([*c0, *c1, *c2, *c3]), u16::from_le_bytes([*k0, *k1]) & SNAPSHOT != 0);
        if self.channel != Some(channel) {
            *self = Self { channel: Some(channel), session: session_of(channel) };
        }
        frame.session = self.session;
        frame.size_bytes = packet.len() as u32;
        frame.message_count = u32::from(u16::from_le_bytes([*n0, *n1]));
        frame.first_sequence = u64::from_le_bytes([*s0, *s1, *s2, *s3, *s4, *s5, *s6, *s7]);
        if channel.1 {
            // What a snapshot is as of stands in its header message; its packets take no part in the numbering.
            frame.first_sequence = 0;
            frame.numbering = Numbering::PACKETS;
        } else if frame.message_count == 0 {
            frame.kind = FrameKind::HEARTBEAT;
        }
        Ok(HEADER_SIZE)
    }
}

pub fn pack(frame: &Frame, messages: &[&[u8]], output: &mut Output<'_>) -> Result<(), Status> {
    let is_heartbeat = frame.kind == FrameKind::HEARTBEAT;
    if is_heartbeat != messages.is_empty() || frame.kind.0 > FrameKind::HEARTBEAT.0 {
        return Err(Status::NOT_ENCODABLE);
    }
    let [channel] = numbered::numbers(&frame.session).ok_or(Status::NOT_ENCODABLE)?;
    let channel = i32::try_from(channel).map_err(|_| Status::NOT_ENCODABLE)?;
    let kind = if frame.session == session_of((channel, true)) { SNAPSHOT } else { INCREMENTAL };
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

/// Incremental packets and snapshots of one channel are numbered apart.
fn session_of((channel, is_snapshot): (i32, bool)) -> [u8; 16] {
    numbered::name(format_args!("{channel}{}", if is_snapshot { ".snap" } else { "" }))
}
