//! Channels whose incremental packets and snapshots are numbered apart, in packets that carry number, channel and count.

use wirebook_abi::{Frame, FrameKind, Numbering, Status};

use crate::numbered;

/// What a packet says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    pub channel: i32,
    pub is_snapshot: bool,
    pub sequence: u64,
    pub message_count: u32,
}

/// The half of a channel that the packet before was of, and its session's name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Halves {
    half: Option<(i32, bool)>,
    session: [u8; 16],
}

impl Halves {
    /// Fills in what a packet says of itself.
    #[inline]
    pub fn fill(&mut self, frame: &mut Frame, packet: &[u8], said: Said) {
        let half = (said.channel, said.is_snapshot);
        if self.half != Some(half) {
            *self = Self { half: Some(half), session: session_of(half) };
        }
        frame.session = self.session;
        frame.size_bytes = packet.len() as u32;
        frame.message_count = said.message_count;
        frame.first_sequence = said.sequence;
        if said.is_snapshot {
            // What a snapshot is as of is said elsewhere; its packets take no part in the numbering.
            frame.first_sequence = 0;
            frame.numbering = Numbering::PACKETS;
        } else if said.message_count == 0 {
            frame.kind = FrameKind::HEARTBEAT;
        }
    }
}

/// Channel, and whether it is of a snapshot, of a packet to be written.
///
/// # Errors
///
/// [`Status::NOT_ENCODABLE`] where the session names no channel, or messages do not fit the frame's kind.
pub fn half_of(frame: &Frame, messages: &[&[u8]]) -> Result<(i32, bool), Status> {
    let is_heartbeat = frame.kind == FrameKind::HEARTBEAT;
    if is_heartbeat != messages.is_empty() || frame.kind.0 > FrameKind::HEARTBEAT.0 {
        return Err(Status::NOT_ENCODABLE);
    }
    let [channel] = numbered::numbers(&frame.session).ok_or(Status::NOT_ENCODABLE)?;
    let channel = i32::try_from(channel).map_err(|_| Status::NOT_ENCODABLE)?;
    Ok((channel, frame.session == session_of((channel, true))))
}

fn session_of((channel, is_snapshot): (i32, bool)) -> [u8; 16] {
    numbered::name(format_args!("{channel}{}", if is_snapshot { ".snap" } else { "" }))
}
