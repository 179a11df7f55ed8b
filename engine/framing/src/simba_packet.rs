//! MOEX SIMBA SPECTRA: number, size, flags and a sending time, then messages that only their own parts measure.

use wirebook_abi::{Frame, FrameKind, Numbering, Outcome, Status};

use crate::{
    Output,
    block::{bytes_at, header, template},
    output::size16,
    passes::Passes,
};

const HEADER_SIZE: usize = 16;
/// Behind the header of incremental packets: time of the transaction, and trading session.
const INCREMENTAL_SIZE: usize = 12;

const LAST_FRAGMENT: u16 = 1;
const INCREMENTAL: u16 = 8;

/// Template of the message that says which number comes next.
const SEQUENCE_RESET: u16 = 2;
const MESSAGE_HEADER_SIZE: usize = 8;

/// SIMBA packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimbaPackets {
    passes: Passes,
}

impl SimbaPackets {
    /// Reads the header. How many messages follow is left to whoever knows their sizes.
    #[inline]
    pub fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
        let fixed: &[u8; HEADER_SIZE] = header(packet)?;
        let [n0, n1, n2, n3, s0, s1, f0, f1, time @ ..] = fixed;
        let sequence = u64::from(u32::from_le_bytes([*n0, *n1, *n2, *n3]));
        let flags = u16::from_le_bytes([*f0, *f1]);
        let start = if flags & INCREMENTAL != 0 { HEADER_SIZE + INCREMENTAL_SIZE } else { HEADER_SIZE };
        match usize::from(u16::from_le_bytes([*s0, *s1])) {
            size if size < start || size < packet.len() => return Err(Outcome::refused(Status::BAD_HEADER, 4)),
            size if size > packet.len() => return Err(Outcome::refused(Status::TRUNCATED, packet.len())),
            _ => {}
        }
        let sending_ns = u64::from_le_bytes(*time);
        frame.numbering = Numbering::PACKETS;
        frame.size_bytes = packet.len() as u32;
        if let Some(next) = next_sequence(packet.get(start..).unwrap_or_default()) {
            // The packet of a reset has number 1, and so has the one behind it: it takes no part in the numbering.
            frame.kind = FrameKind::HEARTBEAT;
            frame.first_sequence = next;
            frame.session = self.passes.reset(sending_ns);
        } else {
            frame.first_sequence = sequence;
            frame.session = self.passes.session(sequence, sending_ns);
        }
        Ok(start)
    }
}

/// The number that a reset at the front of the messages names.
#[inline(always)]
fn next_sequence(messages: &[u8]) -> Option<u64> {
    if template(messages) != SEQUENCE_RESET {
        return None;
    }
    bytes_at(messages, MESSAGE_HEADER_SIZE).map(|next| u64::from(u32::from_le_bytes(next)))
}

pub fn pack(frame: &Frame, messages: &[&[u8]], output: &mut Output<'_>) -> Result<(), Status> {
    let sequence = u32::try_from(frame.first_sequence).map_err(|_| Status::NOT_ENCODABLE)?;
    if frame.kind != FrameKind::DATA || messages.is_empty() {
        return Err(Status::NOT_ENCODABLE);
    }
    let size = messages.iter().fold(HEADER_SIZE + INCREMENTAL_SIZE, |size, message| size + message.len());
    output.put(&sequence.to_le_bytes())?;
    output.put(&size16(size)?.to_le_bytes())?;
    output.put(&(INCREMENTAL | LAST_FRAGMENT).to_le_bytes())?;
    output.put(&[0; 8 + INCREMENTAL_SIZE])?;
    messages.iter().try_for_each(|message| output.put(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(number: u32, sent: u64, messages: &[u8]) -> Vec<u8> {
        let size = (HEADER_SIZE + INCREMENTAL_SIZE + messages.len()) as u16;
        let mut packet = number.to_le_bytes().to_vec();
        packet.extend_from_slice(&size.to_le_bytes());
        packet.extend_from_slice(&INCREMENTAL.to_le_bytes());
        packet.extend_from_slice(&sent.to_le_bytes());
        packet.extend_from_slice(&[0; INCREMENTAL_SIZE]);
        packet.extend_from_slice(messages);
        packet
    }

    fn framed(packets: &mut SimbaPackets, bytes: &[u8]) -> (FrameKind, u64, [u8; 16]) {
        let mut frame = Frame::default();
        assert_eq!(packets.frame(bytes, &mut frame), Ok(HEADER_SIZE + INCREMENTAL_SIZE));
        (frame.kind, frame.first_sequence, frame.session)
    }

    #[test]
    fn a_reset_begins_a_session_and_takes_no_number() {
        let reset = [4, 0, 2, 0, 0x44, 0x4d, 9, 0, 1, 0, 0, 0];
        let mut packets = SimbaPackets::default();
        let (_, _, before) = framed(&mut packets, &packet(700, 100, &[0; 8]));
        let (kind, next, session) = framed(&mut packets, &packet(1, 200, &reset));
        assert_eq!((kind, next), (FrameKind::HEARTBEAT, 1));
        assert_ne!(session, before);
        assert_eq!(framed(&mut packets, &packet(1, 300, &[0; 8])), (FrameKind::DATA, 1, session));
        // The other line is behind: its copies are of the sessions that they were of.
        assert_eq!(framed(&mut packets, &packet(700, 100, &[0; 8])).2, before);
        assert_eq!(framed(&mut packets, &packet(1, 200, &reset)), (FrameKind::HEARTBEAT, 1, session));
        assert_eq!(framed(&mut packets, &packet(2, 400, &[0; 8])).2, session);
    }

    #[test]
    fn sizes_that_are_not_the_packet_s_are_refused() {
        let sound = packet(7, 100, &[0; 8]);
        let mut packets = SimbaPackets::default();
        let status = |packets: &mut SimbaPackets, bytes: &[u8]| {
            packets.frame(bytes, &mut Frame::default()).map_err(|refused| refused.status)
        };
        for size in 0..sound.len() {
            assert_eq!(status(&mut packets, &sound[..size]), Err(Status::TRUNCATED), "{size} bytes");
        }
        let longer = [&sound[..], &[0]].concat();
        assert_eq!(status(&mut packets, &longer), Err(Status::BAD_HEADER));
        let mut lying = sound[..HEADER_SIZE].to_vec();
        lying[4] = HEADER_SIZE as u8;
        assert_eq!(status(&mut packets, &lying), Err(Status::BAD_HEADER), "an incremental packet has more header");
    }
}
