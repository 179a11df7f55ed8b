//! One message a packet and nothing around it, as binary WebSocket frames carry them.

use wirebook_abi::{Frame, FrameKind, Outcome, Status};

use crate::Output;

pub fn frame(packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
    frame.size_bytes = packet.len() as u32;
    frame.message_count = u32::from(!packet.is_empty());
    Ok(0)
}

pub fn pack(frame: &Frame, messages: &[&[u8]], output: &mut Output<'_>) -> Result<(), Status> {
    match messages {
        [message] if frame.kind == FrameKind::DATA => output.put(message),
        _ => Err(Status::NOT_ENCODABLE),
    }
}
