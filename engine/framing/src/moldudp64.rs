//! MoldUDP64 downstream datagrams: session, sequence and count, then that many length-prefixed messages.

use wirebook_abi::{Frame, FrameKind, Outcome, Status};

use crate::{
    Channel, Output,
    session::{SESSION_SIZE, session, session_name},
};

const HEADER_SIZE: usize = 20;
const END_OF_SESSION: u16 = u16::MAX;

#[inline(always)]
pub fn frame(channel: &mut Channel, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
    let header: &[u8; HEADER_SIZE] = packet.first_chunk().ok_or(Outcome::refused(Status::TRUNCATED, packet.len()))?;
    let [name @ .., s0, s1, s2, s3, s4, s5, s6, s7, c0, c1] = header;
    let count = u16::from_be_bytes([*c0, *c1]);
    frame.first_sequence = u64::from_be_bytes([*s0, *s1, *s2, *s3, *s4, *s5, *s6, *s7]);
    frame.size_bytes = packet.len() as u32;
    // Nearly every packet is of the session before, whose name needs no trimming again.
    if *name != channel.wire_session {
        channel.wire_session = *name;
        channel.session = session(name);
    }
    frame.session = channel.session;
    (frame.kind, frame.message_count) = match count {
        0 => (FrameKind::HEARTBEAT, 0),
        END_OF_SESSION => (FrameKind::END_OF_SESSION, 0),
        count => (FrameKind::DATA, u32::from(count)),
    };
    Ok(HEADER_SIZE)
}

pub fn pack(frame: &Frame, messages: &[&[u8]], output: &mut Output<'_>) -> Result<(), Status> {
    let count = match frame.kind {
        FrameKind::DATA if messages.len() < usize::from(END_OF_SESSION) => messages.len() as u16,
        FrameKind::HEARTBEAT if messages.is_empty() => 0,
        FrameKind::END_OF_SESSION if messages.is_empty() => END_OF_SESSION,
        _ => return Err(Status::NOT_ENCODABLE),
    };
    let name = session_name(&frame.session);
    let mut padded = [b' '; SESSION_SIZE];
    padded.get_mut(..name.len()).ok_or(Status::NOT_ENCODABLE)?.copy_from_slice(name);
    output.put(&padded)?;
    output.put(&frame.first_sequence.to_be_bytes())?;
    output.put(&count.to_be_bytes())?;
    for message in messages {
        output.put_length(message.len())?;
        output.put(message)?;
    }
    Ok(())
}
