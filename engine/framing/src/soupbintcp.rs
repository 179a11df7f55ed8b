//! The server's side of a SoupBinTCP stream: sequenced packets (`S`) are counted from the number of the login's answer.

use wirebook_abi::{Frame, FrameKind, Outcome, Status};

use crate::{
    Block, Channel, Length16, Output,
    channel::whole_messages,
    session::{SESSION_SIZE, session, session_name},
};

const SEQUENCE_SIZE: usize = 20;

pub fn frame(channel: &mut Channel, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
    let size = match packet.first_chunk() {
        Some([0, 0]) => return Err(Outcome::refused(Status::BAD_HEADER, 0)),
        Some(length) => usize::from(u16::from_be_bytes(*length)),
        None => return Err(Outcome::refused(Status::TRUNCATED, 0)),
    };
    let Some(&packet_type) = packet.get(2) else { return Err(Outcome::refused(Status::TRUNCATED, 0)) };
    if !b"SAJHZ+ULRO".contains(&packet_type) {
        return Err(Outcome::refused(Status::BAD_HEADER, 2));
    }
    let Ok([_, payload @ ..]) = Length16::at(packet, 0).map(|placed| placed.message) else {
        return Err(Outcome::refused(Status::TRUNCATED, 0));
    };
    frame.size_bytes = (2 + size) as u32;
    frame.kind = match packet_type {
        b'S' => FrameKind::DATA,
        b'H' => FrameKind::HEARTBEAT,
        b'Z' => FrameKind::END_OF_SESSION,
        _ => FrameKind::CONTROL,
    };
    if packet_type == b'A' {
        let login = login_accepted(payload).ok_or(Outcome::refused(Status::BAD_HEADER, 3))?;
        (channel.session, channel.next_sequence) = login;
    }
    frame.session = channel.session;
    frame.first_sequence = channel.next_sequence;
    if packet_type == b'S' {
        let (count, size) = whole_messages(packet, |body| body.first() == Some(&b'S'));
        channel.advance(frame, count, size);
    }
    Ok(0)
}

/// Session and next sequence of a Login Accepted packet: text, padded on the left.
fn login_accepted(payload: &[u8]) -> Option<([u8; 16], u64)> {
    let (name, rest) = payload.split_first_chunk::<SESSION_SIZE>()?;
    let digits = rest.first_chunk::<SEQUENCE_SIZE>()?.trim_ascii();
    let sequence = core::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((session(name), sequence))
}

pub fn pack(frame: &Frame, messages: &[&[u8]], output: &mut Output<'_>) -> Result<(), Status> {
    match frame.kind {
        FrameKind::DATA => {}
        FrameKind::HEARTBEAT if messages.is_empty() => return output.put(&[0, 1, b'H']),
        FrameKind::END_OF_SESSION if messages.is_empty() => return output.put(&[0, 1, b'Z']),
        FrameKind::CONTROL if messages.is_empty() => return pack_login(frame, output),
        _ => return Err(Status::NOT_ENCODABLE),
    }
    for message in messages {
        output.put_length(1 + message.len())?;
        output.put(b"S")?;
        output.put(message)?;
    }
    Ok(())
}

/// The only control packet that says something of the channel: Login Accepted.
fn pack_login(frame: &Frame, output: &mut Output<'_>) -> Result<(), Status> {
    output.put_length(1 + SESSION_SIZE + SEQUENCE_SIZE)?;
    output.put(b"A")?;
    let name = session_name(&frame.session);
    let mut padded = [b' '; SESSION_SIZE];
    let start = SESSION_SIZE.checked_sub(name.len()).ok_or(Status::NOT_ENCODABLE)?;
    padded[start..].copy_from_slice(name);
    output.put(&padded)?;
    let mut digits = [b' '; SEQUENCE_SIZE];
    let mut rest = frame.first_sequence;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    output.put(&digits)
}
