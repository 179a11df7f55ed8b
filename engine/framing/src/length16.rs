//! A stream of messages, each behind its length: the form of whole-day files. A record of length 0 ends the session.

use wirebook_abi::{Frame, FrameKind, Outcome, Status};

use crate::{Channel, Output, channel::whole_messages};

pub fn frame(channel: &mut Channel, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
    frame.first_sequence = channel.next_sequence;
    let (count, size) = whole_messages(packet, |message| !message.is_empty());
    if count > 0 {
        channel.advance(frame, count, size);
    } else if packet.starts_with(&[0, 0]) {
        frame.kind = FrameKind::END_OF_SESSION;
        frame.size_bytes = 2;
    } else {
        return Err(Outcome::refused(Status::TRUNCATED, 0));
    }
    Ok(0)
}

pub fn pack(frame: &Frame, messages: &[&[u8]], output: &mut Output<'_>) -> Result<(), Status> {
    match frame.kind {
        FrameKind::DATA => {}
        FrameKind::HEARTBEAT if messages.is_empty() => return Ok(()),
        FrameKind::END_OF_SESSION if messages.is_empty() => return output.put(&[0, 0]),
        _ => return Err(Status::NOT_ENCODABLE),
    }
    for message in messages {
        // An empty message would read as the end of the session.
        if message.is_empty() {
            return Err(Status::NOT_ENCODABLE);
        }
        output.put_length(message.len())?;
        output.put(message)?;
    }
    Ok(())
}
