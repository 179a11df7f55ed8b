//! Euronext Optiq: time, sequence, flags and channel, then messages that count their own size.

use wirebook_abi::{Frame, FrameKind, Numbering, Outcome, Status};

use crate::{
    Output, Size16,
    block::{count_blocks, header},
    numbered,
};

const HEADER_SIZE: usize = 16;
const FLAGS: usize = 12;
const SIZE_SIZE: usize = 2;

const COMPRESSED: u16 = 1;

/// Optiq packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct OptiqPackets {
    channel: Option<(u16, u16)>,
    session: [u8; 16],
}

impl OptiqPackets {
    #[inline]
    pub fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
        let fixed: &[u8; HEADER_SIZE] = header(packet)?;
        let [_, _, _, _, _, _, _, _, s0, s1, s2, s3, f0, f1, c0, c1] = fixed;
        let flags = u16::from_le_bytes([*f0, *f1]);
        if flags & COMPRESSED != 0 {
            // Low bandwidth channels: what follows would have to be inflated first.
            return Err(Outcome::refused(Status::BAD_VALUE, FLAGS));
        }
        // Bits 1 to 3 count the restarts of the day, bits 4 to 6 are the sequence's highest.
        let (restart, high) = (flags >> 1 & 7, flags >> 4 & 7);
        let channel = (u16::from_le_bytes([*c0, *c1]), restart);
        if self.channel != Some(channel) {
            let session = numbered::name(format_args!("{}.{}", channel.0, channel.1));
            *self = Self { channel: Some(channel), session };
        }
        frame.numbering = Numbering::PACKETS;
        frame.session = self.session;
        frame.size_bytes = packet.len() as u32;
        frame.first_sequence = u64::from(high) << 32 | u64::from(u32::from_le_bytes([*s0, *s1, *s2, *s3]));
        frame.message_count = count_blocks::<Size16>(packet, HEADER_SIZE);
        Ok(HEADER_SIZE)
    }
}

pub fn pack(frame: &Frame, messages: &[&[u8]], output: &mut Output<'_>) -> Result<(), Status> {
    let [channel, restart] = numbered::numbers(&frame.session).ok_or(Status::NOT_ENCODABLE)?;
    let channel = u16::try_from(channel).map_err(|_| Status::NOT_ENCODABLE)?;
    let high = frame.first_sequence >> 32;
    if frame.kind != FrameKind::DATA || !(0..8).contains(&restart) || high > 7 {
        return Err(Status::NOT_ENCODABLE);
    }
    output.put(&[0; 8])?;
    output.put(&(frame.first_sequence as u32).to_le_bytes())?;
    output.put(&((restart as u16) << 1 | (high as u16) << 4).to_le_bytes())?;
    output.put(&channel.to_le_bytes())?;
    for message in messages {
        output.put_size(SIZE_SIZE + message.len())?;
        output.put(message)?;
    }
    Ok(())
}
