//! Cboe sequenced unit header datagrams: block length, count, unit and sequence, then messages whose first byte counts them.
//!
//! A unit numbers its messages apart from all others, and one multicast address may carry several: the unit's number is the
//! session. Blocks at sequence 0 are not sequenced: definitions that go round in a loop, and heartbeats of idle addresses.

use wirebook_abi::{Frame, FrameKind, Outcome, Status};

use crate::{Channel, Output, session::session_name};

const HEADER_SIZE: usize = 8;

#[inline(always)]
pub fn frame(channel: &mut Channel, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
    let header: &[u8; HEADER_SIZE] = packet.first_chunk().ok_or(Outcome::refused(Status::TRUNCATED, packet.len()))?;
    let [l0, l1, count, unit, s0, s1, s2, s3] = *header;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    // A heartbeat is the header alone; every message has two bytes at least.
    let least = HEADER_SIZE + 2 * usize::from(count);
    if length < least || count == 0 && length != HEADER_SIZE {
        return Err(Outcome::refused(Status::BAD_HEADER, 0));
    }
    frame.first_sequence = u64::from(u32::from_le_bytes([s0, s1, s2, s3]));
    frame.message_count = u32::from(count);
    frame.size_bytes = packet.len() as u32;
    frame.kind = if count == 0 { FrameKind::HEARTBEAT } else { FrameKind::DATA };
    // Nearly every packet is of the unit before, whose number needs no writing again.
    if channel.session[0] == 0 || channel.wire_session[0] != unit {
        channel.wire_session[0] = unit;
        channel.session = digits(unit);
    }
    frame.session = channel.session;
    Ok(HEADER_SIZE)
}

pub fn pack(frame: &Frame, messages: &[&[u8]], output: &mut Output<'_>) -> Result<(), Status> {
    let is_sound = match frame.kind {
        FrameKind::DATA => !messages.is_empty(),
        FrameKind::HEARTBEAT => messages.is_empty(),
        _ => false,
    };
    let length = messages.iter().fold(HEADER_SIZE, |length, message| length + message.len());
    // A message whose first byte does not count it would be read as another.
    let counted = |message: &&[u8]| message.first().is_some_and(|first| usize::from(*first) == message.len());
    let (Ok(length), Ok(count)) = (u16::try_from(length), u8::try_from(messages.len())) else {
        return Err(Status::NOT_ENCODABLE);
    };
    let unit = unit(&frame.session).filter(|_| is_sound && messages.iter().all(counted));
    let sequence = u32::try_from(frame.first_sequence).map_err(|_| Status::NOT_ENCODABLE)?;
    output.put(&length.to_le_bytes())?;
    output.put(&[count, unit.ok_or(Status::NOT_ENCODABLE)?])?;
    output.put(&sequence.to_le_bytes())?;
    messages.iter().try_for_each(|message| output.put(message))
}

/// A unit's number as a session's name.
fn digits(unit: u8) -> [u8; 16] {
    let all = [b'0' + unit / 100, b'0' + unit / 10 % 10, b'0' + unit % 10];
    let kept = &all[if unit >= 100 { 0 } else { 2 - usize::from(unit >= 10) }..];
    let mut session = [0; 16];
    session[..kept.len()].copy_from_slice(kept);
    session
}

/// The unit whose number is a session's name; of no session, unit 1.
fn unit(session: &[u8; 16]) -> Option<u8> {
    match session_name(session) {
        [] => Some(1),
        name => core::str::from_utf8(name).ok()?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_named_by_their_number() {
        for number in 0..=u8::MAX {
            assert_eq!(session_name(&digits(number)), number.to_string().as_bytes());
            assert_eq!(unit(&digits(number)), Some(number));
        }
        assert_eq!(unit(&[0; 16]), Some(1));
        assert_eq!(unit(b"256\0\0\0\0\0\0\0\0\0\0\0\0\0"), None);
    }
}
