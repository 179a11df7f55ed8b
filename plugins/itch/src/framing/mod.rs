//! How packets number messages: MoldUDP64 datagrams, length-prefixed streams, SoupBinTCP streams.
//!
//! All three put each message behind a big-endian `u16` length; SoupBinTCP counts a packet type into it.

mod length16;
mod moldudp64;
mod soupbintcp;

use wirebook_abi::{Frame, FrameKind, Framing, Outcome, Status};

/// Bytes of a session's name in all framings that have one.
const SESSION_SIZE: usize = 10;

/// A channel's framing and what it remembers between packets.
#[derive(Clone, Copy, Debug)]
pub struct Channel {
    framing: Framing,
    session: [u8; 16],
    /// The session as a datagram has it, padding and all.
    wire_session: [u8; SESSION_SIZE],
    /// Of the next message of a stream, which counts its messages instead of naming them.
    next_sequence: u64,
}

/// The packet that [`Channel::frame`] was last called for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Packet {
    /// Sequence of its first message.
    pub first_sequence: u64,
    /// Messages that it announces.
    pub message_count: u32,
    start: usize,
    size: usize,
    /// Message at which the last call stopped, and where it lies.
    resume: (u32, usize),
}

impl Packet {
    /// Becomes the packet that `frame` is of, whose first message's length stands at `start`.
    #[inline]
    pub fn set(&mut self, frame: &Frame, start: usize) {
        self.first_sequence = frame.first_sequence;
        self.message_count = frame.message_count;
        self.start = start;
        self.size = frame.size_bytes as usize;
        self.resume = (0, start);
    }

    /// Offset of the first message's length.
    pub fn start(&self) -> usize {
        self.start
    }

    /// The packet's own bytes of a stream's window.
    pub fn bytes<'a>(&self, window: &'a [u8]) -> &'a [u8] {
        window.get(..self.size).unwrap_or(window)
    }

    /// Notes that message `index` starts at `at`.
    pub fn remember(&mut self, index: u32, at: usize) {
        self.resume = (index, at);
    }

    /// Offset of message `skip`, walking from the place remembered where that is not past it.
    ///
    /// # Errors
    ///
    /// The packet ends before.
    #[inline]
    pub fn seek<const PREFIX: usize>(&self, packet: &[u8], skip: u32) -> Result<usize, Status> {
        let (mut index, mut at) = if self.resume.0 <= skip { self.resume } else { (0, self.start) };
        while index < skip.min(self.message_count) {
            at += PREFIX + block::<PREFIX>(packet, at).ok_or(Status::TRUNCATED)?.len();
            index += 1;
        }
        Ok(at)
    }
}

/// The message whose length stands at `at`, `PREFIX` bytes ahead of it; `None` where the packet ends before its end.
#[inline(always)]
pub fn block<const PREFIX: usize>(packet: &[u8], at: usize) -> Option<&[u8]> {
    let (length, rest) = packet.get(at..)?.split_first_chunk::<2>()?;
    let (body, _) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    body.get(PREFIX - 2..)
}

impl Channel {
    /// A channel whose packets come in `framing`; `None` where no ITCH feed does.
    pub fn new(framing: Framing) -> Option<Self> {
        matches!(framing, Framing::MOLDUDP64 | Framing::LENGTH16 | Framing::SOUPBINTCP).then_some(Self {
            framing,
            session: [0; 16],
            wire_session: [0; SESSION_SIZE],
            next_sequence: 1,
        })
    }

    /// The session of the last packet, NUL padded.
    pub fn session(&self) -> &[u8; 16] {
        &self.session
    }

    /// Whether a packet type stands between a message and its length.
    #[inline]
    pub fn has_packet_type(&self) -> bool {
        self.framing == Framing::SOUPBINTCP
    }

    /// Reads what a packet says of itself, and gives the offset of its first message's length.
    ///
    /// # Errors
    ///
    /// [`Status::TRUNCATED`] where less than a header or, of a stream, than a message is there; [`Status::BAD_HEADER`].
    #[inline]
    pub fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
        match self.framing {
            Framing::MOLDUDP64 => moldudp64::frame(self, packet, frame),
            Framing::SOUPBINTCP => soupbintcp::frame(self, packet, frame),
            _ => length16::frame(self, packet, frame),
        }
    }

    /// Writes a packet of `messages`.
    pub fn pack(&self, frame: &Frame, messages: &[&[u8]], output: &mut [u8]) -> Outcome {
        let mut output = Output { bytes: output, size: 0 };
        let written = match self.framing {
            Framing::MOLDUDP64 => moldudp64::pack(frame, messages, &mut output),
            Framing::SOUPBINTCP => soupbintcp::pack(frame, messages, &mut output),
            _ => length16::pack(frame, messages, &mut output),
        };
        match written {
            Ok(()) => Outcome::ok(output.size as u32),
            Err(status) => Outcome::refused(status, output.size),
        }
    }

    /// Takes `count` messages of a stream, `size` bytes in all, from its front.
    fn advance(&mut self, frame: &mut Frame, count: u32, size: usize) {
        frame.kind = FrameKind::DATA;
        frame.message_count = count;
        frame.size_bytes = size as u32;
        self.next_sequence = self.next_sequence.wrapping_add(u64::from(count));
    }
}

/// Most messages, and bytes after which no further is begun, that one call takes from a stream.
const STREAM_MESSAGES: u32 = 64;
const STREAM_BYTES: usize = 4096;

/// Counts whole messages at the front of a stream for as long as `wanted` takes their blocks.
fn whole_messages(packet: &[u8], wanted: impl Fn(&[u8]) -> bool) -> (u32, usize) {
    let (mut count, mut at) = (0, 0);
    while count < STREAM_MESSAGES && at < STREAM_BYTES {
        match block::<2>(packet, at) {
            Some(body) if wanted(body) => at += 2 + body.len(),
            _ => break,
        }
        count += 1;
    }
    (count, at)
}

/// Text without spaces and NULs at either end, NUL padded.
fn session(text: &[u8]) -> [u8; 16] {
    let mut session = [0; 16];
    let padding = |byte: &u8| matches!(byte, b' ' | 0);
    let start = text.iter().position(|byte| !padding(byte)).unwrap_or(text.len());
    let end = text.iter().rposition(|byte| !padding(byte)).map_or(start, |last| last + 1);
    let kept = text.get(start..end).unwrap_or(&[]);
    let size = kept.len().min(session.len());
    session[..size].copy_from_slice(&kept[..size]);
    session
}

/// A session's name without its padding.
fn session_name(session: &[u8; 16]) -> &[u8] {
    let end = session.iter().position(|byte| *byte == 0).unwrap_or(session.len());
    &session[..end]
}

/// Bytes written so far to a buffer of fixed size.
struct Output<'a> {
    bytes: &'a mut [u8],
    size: usize,
}

impl Output<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Status> {
        let end = self.size + bytes.len();
        self.bytes.get_mut(self.size..end).ok_or(Status::NO_ROOM)?.copy_from_slice(bytes);
        self.size = end;
        Ok(())
    }

    /// Writes `size` as a big-endian length.
    fn put_length(&mut self, size: usize) -> Result<(), Status> {
        let length = u16::try_from(size).map_err(|_| Status::NOT_ENCODABLE)?;
        self.put(&length.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_lose_their_padding_on_either_side() {
        assert_eq!(session_name(&session(b"000008714A")), b"000008714A");
        assert_eq!(session_name(&session(b"     A 1  ")), b"A 1");
        assert_eq!(session(b"          "), [0; 16]);
    }

    #[test]
    fn blocks_end_with_the_packet() {
        assert_eq!(block::<2>(&[0, 2, b'a', b'b'], 0), Some(&b"ab"[..]));
        assert_eq!(block::<3>(&[0, 2, b'S', b'b'], 0), Some(&b"b"[..]));
        assert_eq!(block::<2>(&[0, 3, b'a', b'b'], 0), None);
        assert_eq!(block::<3>(&[0, 0], 0), None);
        assert_eq!(block::<2>(&[0], 0), None);
        assert_eq!(block::<2>(&[], 7), None);
    }
}
