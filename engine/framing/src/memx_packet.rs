//! MEMX: type, session and sequence, then counted messages, each behind its length. Everything is big-endian.

use wirebook_abi::{Frame, FrameKind, Outcome, Status};

use crate::{
    Block, Length16, Output, Placed,
    block::{bytes_at, header},
    numbered,
    output::size16,
};

const HEADER_SIZE: usize = 18;
const COUNT_SIZE: usize = 2;

const HEARTBEAT: u8 = 0;
const SHUTDOWN: u8 = 1;
const SEQUENCED: u8 = 2;

/// A big-endian length in front of each message, whose template id is its third byte.
#[derive(Clone, Copy, Debug)]
pub struct Templated16;

impl Block for Templated16 {
    #[inline(always)]
    fn at(packet: &[u8], at: usize) -> Result<Placed<'_>, Status> {
        Length16::at(packet, at)
    }

    fn message_type(message: &[u8]) -> u16 {
        message.get(2).map_or(0, |byte| u16::from(*byte))
    }
}

/// MEMX packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemxPackets {
    session_id: u64,
    session: [u8; 16],
}

impl MemxPackets {
    #[inline]
    pub fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
        let fixed: &[u8; HEADER_SIZE] = header(packet)?;
        let [kind, header_size, i0, i1, i2, i3, i4, i5, i6, i7, sequence @ ..] = fixed;
        // A later version may have a longer header, and says so.
        let start = usize::from(*header_size);
        if start < HEADER_SIZE || start > packet.len() {
            return Err(Outcome::refused(Status::BAD_HEADER, 1));
        }
        let session_id = u64::from_be_bytes([*i0, *i1, *i2, *i3, *i4, *i5, *i6, *i7]);
        if session_id != self.session_id || self.session == [0; 16] {
            *self = Self { session_id, session: numbered::name(format_args!("{session_id:016x}")) };
        }
        frame.session = self.session;
        frame.size_bytes = packet.len() as u32;
        let sequence = u64::from_be_bytes(*sequence);
        // Packets without messages name the last sequence that was given out, not the next one.
        (frame.kind, frame.first_sequence) = match *kind {
            HEARTBEAT => (FrameKind::HEARTBEAT, sequence.saturating_add(1)),
            SHUTDOWN => (FrameKind::END_OF_SESSION, sequence.saturating_add(1)),
            SEQUENCED => (FrameKind::DATA, sequence),
            _ => return Err(Outcome::refused(Status::BAD_HEADER, 0)),
        };
        if *kind != SEQUENCED {
            return Ok(start);
        }
        let count = bytes_at(packet, start).ok_or(Outcome::refused(Status::TRUNCATED, packet.len()))?;
        frame.message_count = u32::from(u16::from_be_bytes(count));
        Ok(start + COUNT_SIZE)
    }
}

pub fn pack(frame: &Frame, messages: &[&[u8]], output: &mut Output<'_>) -> Result<(), Status> {
    let (kind, sequence) = match frame.kind {
        FrameKind::DATA => (SEQUENCED, frame.first_sequence),
        FrameKind::HEARTBEAT if messages.is_empty() => (HEARTBEAT, frame.first_sequence.saturating_sub(1)),
        FrameKind::END_OF_SESSION if messages.is_empty() => (SHUTDOWN, frame.first_sequence.saturating_sub(1)),
        _ => return Err(Status::NOT_ENCODABLE),
    };
    let session_id = numbered::hexadecimal(&frame.session).ok_or(Status::NOT_ENCODABLE)?;
    output.put(&[kind, HEADER_SIZE as u8])?;
    output.put(&session_id.to_be_bytes())?;
    output.put(&sequence.to_be_bytes())?;
    if frame.kind != FrameKind::DATA {
        return Ok(());
    }
    output.put(&size16(messages.len())?.to_be_bytes())?;
    for message in messages {
        output.put(&size16(message.len())?.to_be_bytes())?;
        output.put(message)?;
    }
    Ok(())
}
