//! CME: a number and a sending time, then messages that count their own size, over UDP or behind a mark over TCP.

use wirebook_abi::{Frame, FrameKind, Numbering, Outcome, Status};

use crate::{
    Block, Output, Size16,
    block::{count_blocks, header},
    passes::Passes,
};

const HEADER_SIZE: usize = 12;
const SIZE_SIZE: usize = 2;

/// What stands before a packet of the conflated TCP feed. No message is of such a size: streams are cut by it.
const MARK: [u8; 2] = 0xCAFE_u16.to_le_bytes();

/// Most messages that one call takes from a stream.
const STREAM_MESSAGES: u32 = 64;

/// CME packets.
#[derive(Clone, Copy, Debug)]
pub struct CmePackets {
    is_stream: bool,
    passes: Passes,
    /// A stream's packet has begun, and may go on where the bytes at hand ended.
    has_begun: bool,
}

impl CmePackets {
    /// Of a UDP channel.
    pub fn datagrams() -> Self {
        Self { is_stream: false, passes: Passes::default(), has_begun: false }
    }

    /// Of a TCP connection.
    pub fn stream() -> Self {
        Self { is_stream: true, ..Self::datagrams() }
    }

    #[inline]
    pub fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
        if self.is_stream { self.frame_stream(packet, frame) } else { self.frame_datagram(packet, frame) }
    }

    /// A packet of a UDP channel.
    #[inline(always)]
    pub fn frame_datagram(&mut self, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
        frame.numbering = Numbering::PACKETS;
        let (sequence, sending_ns) = numbers(header(packet)?);
        frame.first_sequence = sequence;
        frame.session = self.passes.session(sequence, sending_ns);
        frame.size_bytes = packet.len() as u32;
        frame.message_count = count_blocks::<Size16>(packet, HEADER_SIZE);
        Ok(HEADER_SIZE)
    }

    pub fn pack(&self, frame: &Frame, messages: &[&[u8]], output: &mut Output<'_>) -> Result<(), Status> {
        if frame.kind != FrameKind::DATA {
            return Err(Status::NOT_ENCODABLE);
        }
        if self.is_stream {
            output.put(&MARK)?;
        }
        let sequence = u32::try_from(frame.first_sequence).map_err(|_| Status::NOT_ENCODABLE)?;
        output.put(&sequence.to_le_bytes())?;
        output.put(&[0; 8])?;
        for message in messages {
            output.put_size(SIZE_SIZE + message.len())?;
            output.put(message)?;
        }
        Ok(())
    }

    /// The packet at the front of a stream as far as its messages are whole, or what follows of one that was cut.
    fn frame_stream(&mut self, stream: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
        frame.numbering = Numbering::PACKETS;
        let start = match stream.first_chunk() {
            None => return Err(Outcome::refused(Status::TRUNCATED, 0)),
            Some(&MARK) => {
                let header = stream.get(MARK.len()..).and_then(<[u8]>::first_chunk);
                frame.first_sequence = numbers(header.ok_or(Outcome::refused(Status::TRUNCATED, 0))?).0;
                MARK.len() + HEADER_SIZE
            }
            // What follows of the packet before has its number, which was taken.
            Some(_) if self.has_begun => 0,
            Some(_) => return Err(Outcome::refused(Status::BAD_HEADER, 0)),
        };
        let mut at = start;
        while frame.message_count < STREAM_MESSAGES && (at == start || stream.get(at..at + 2) != Some(&MARK[..])) {
            match Size16::at(stream, at) {
                Ok(block) => at = block.next,
                Err(Status::TRUNCATED) => break,
                Err(status) => return Err(Outcome::refused(status, at)),
            }
            frame.message_count += 1;
        }
        if frame.message_count == 0 {
            return Err(Outcome::refused(Status::TRUNCATED, 0));
        }
        self.has_begun = true;
        frame.size_bytes = at as u32;
        Ok(start)
    }
}

/// Sequence and sending time.
#[inline(always)]
fn numbers(header: &[u8; HEADER_SIZE]) -> (u64, u64) {
    let [s0, s1, s2, s3, time @ ..] = header;
    (u64::from(u32::from_le_bytes([*s0, *s1, *s2, *s3])), u64::from_le_bytes(*time))
}
