//! B3: channel, sequence version and number and a sending time, then messages behind their size and an encoding type.

use wirebook_abi::{Frame, FrameKind, Numbering, Outcome, Status};

use crate::{
    Block, Output, Placed,
    block::{bytes_at, count_blocks, header, template},
    numbered,
    passes::Passes,
};

const HEADER_SIZE: usize = 16;
const PREFIX_SIZE: usize = 4;

/// Simple Binary Encoding, little-endian.
const ENCODING: [u8; 2] = 0xEB50_u16.to_le_bytes();

/// Template of the heartbeat, whose block is the next number to come.
const SEQUENCE: u16 = 2;
const MESSAGE_HEADER_SIZE: usize = 8;

/// A size that counts all of the block, an encoding type, and the message.
#[derive(Clone, Copy, Debug)]
pub struct Encoded16;

impl Block for Encoded16 {
    #[inline(always)]
    fn at(packet: &[u8], at: usize) -> Result<Placed<'_>, Status> {
        let [s0, s1, encoding @ ..] = bytes_at::<PREFIX_SIZE>(packet, at).ok_or(Status::TRUNCATED)?;
        let size = usize::from(u16::from_le_bytes([s0, s1]));
        if encoding != ENCODING || size < PREFIX_SIZE {
            return Err(Status::BAD_HEADER);
        }
        Placed::new(packet, at + PREFIX_SIZE, at + size)
    }

    fn message_type(message: &[u8]) -> u16 {
        template(message)
    }
}

/// Feeds of a channel whose passes are told apart: increments, snapshots, definitions, and one to spare.
const FEEDS: usize = 4;

/// B3 packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct B3Packets {
    /// The feed that the packet before was of.
    feed: usize,
    feeds: [Feed; FEEDS],
    /// Where the next feed goes that is not there yet.
    next: usize,
}

/// Packets that are numbered together.
#[derive(Clone, Copy, Debug, Default)]
struct Feed {
    /// Channel and sequence version: numbers count within them.
    line: Option<(u8, u16)>,
    passes: Passes,
}

impl B3Packets {
    /// The feed of a channel and sequence version; a new one in place of the oldest where it is not there.
    #[inline]
    fn passes(&mut self, line: (u8, u16)) -> &mut Passes {
        if self.feeds[self.feed].line != Some(line) {
            self.turn(line);
        }
        &mut self.feeds[self.feed].passes
    }

    #[cold]
    fn turn(&mut self, line: (u8, u16)) {
        self.feed = self.feeds.iter().position(|feed| feed.line == Some(line)).unwrap_or_else(|| {
            let at = self.next;
            self.next = (at + 1) % FEEDS;
            let passes = Passes::named(numbered::name(format_args!("{}.{}", line.0, line.1)));
            self.feeds[at] = Feed { line: Some(line), passes };
            at
        });
    }
}

impl B3Packets {
    #[inline]
    pub fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Result<usize, Outcome> {
        let header: &[u8; HEADER_SIZE] = header(packet)?;
        let [channel, _, v0, v1, s0, s1, s2, s3, time @ ..] = header;
        let passes = self.passes((*channel, u16::from_le_bytes([*v0, *v1])));
        frame.numbering = Numbering::PACKETS;
        frame.size_bytes = packet.len() as u32;
        frame.message_count = count_blocks::<Encoded16>(packet, HEADER_SIZE);
        let sequence = u64::from(u32::from_le_bytes([*s0, *s1, *s2, *s3]));
        if let Some(next) = next_sequence(packet) {
            frame.kind = FrameKind::HEARTBEAT;
            frame.first_sequence = next;
            frame.session = passes.current();
        } else {
            frame.first_sequence = sequence;
            frame.session = passes.session(sequence, u64::from_le_bytes(*time));
        }
        Ok(HEADER_SIZE)
    }
}

pub fn pack(frame: &Frame, messages: &[&[u8]], output: &mut Output<'_>) -> Result<(), Status> {
    let [channel, version] = numbered::numbers(&frame.session).ok_or(Status::NOT_ENCODABLE)?;
    let channel = u8::try_from(channel).map_err(|_| Status::NOT_ENCODABLE)?;
    let version = u16::try_from(version).map_err(|_| Status::NOT_ENCODABLE)?;
    let sequence = u32::try_from(frame.first_sequence).map_err(|_| Status::NOT_ENCODABLE)?;
    let is_heartbeat = frame.kind == FrameKind::HEARTBEAT;
    if is_heartbeat != messages.is_empty() || frame.kind.0 > FrameKind::HEARTBEAT.0 {
        return Err(Status::NOT_ENCODABLE);
    }
    output.put(&[channel, 0])?;
    output.put(&version.to_le_bytes())?;
    output.put(&(if is_heartbeat { 0 } else { sequence }).to_le_bytes())?;
    output.put(&[0; 8])?;
    if is_heartbeat {
        return put_heartbeat(sequence, output);
    }
    for message in messages {
        put_message(message, output)?;
    }
    Ok(())
}

/// The number that a heartbeat names.
#[inline(always)]
fn next_sequence(packet: &[u8]) -> Option<u64> {
    let block = Encoded16::at(packet, HEADER_SIZE).ok()?;
    if template(block.message) != SEQUENCE {
        return None;
    }
    bytes_at(block.message, MESSAGE_HEADER_SIZE).map(|next| u64::from(u32::from_le_bytes(next)))
}

fn put_message(message: &[u8], output: &mut Output<'_>) -> Result<(), Status> {
    output.put_size(PREFIX_SIZE + message.len())?;
    output.put(&ENCODING)?;
    output.put(message)
}

fn put_heartbeat(next: u32, output: &mut Output<'_>) -> Result<(), Status> {
    // Block length, template, schema id and the first version.
    let mut message = [4, 0, SEQUENCE as u8, 0, 2, 0, 1, 0, 0, 0, 0, 0];
    message[MESSAGE_HEADER_SIZE..].copy_from_slice(&next.to_le_bytes());
    put_message(&message, output)
}
