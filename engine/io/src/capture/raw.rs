//! Files that hold a protocol's bytes without any network around them.

use super::record::Next;
use crate::SourceError;

/// Bytes of a stream that are handed out at once: many messages, few enough to stay in the cache until they are decoded.
pub const VIEW: usize = 256 << 10;
/// The longest MoldUDP64 packet: what fits into a UDP datagram over IPv4.
const DATAGRAM_LIMIT: usize = 65_507;
const MOLD_HEADER: usize = 20;

/// The MoldUDP64 packet at the front of `bytes`, which lie at `offset` of the file; its size comes from walking its blocks.
pub fn moldudp64(bytes: &[u8], offset: u64) -> Result<Next<'_>, SourceError> {
    let short = |needed: usize| Ok(Next::Short { expected: "a MoldUDP64 packet", needed: needed as u64 });
    let Some(header) = bytes.first_chunk::<MOLD_HEADER>() else {
        return short(MOLD_HEADER);
    };
    let count = match u16::from_be_bytes([header[18], header[19]]) {
        // The end of a session has no messages.
        u16::MAX => 0,
        count => count,
    };
    let mut size = MOLD_HEADER;
    for _ in 0..count {
        let Some(length) = bytes.get(size..).and_then(|rest| rest.first_chunk()) else {
            return short(size + 2);
        };
        size += 2 + usize::from(u16::from_be_bytes(*length));
        if size > DATAGRAM_LIMIT {
            let found = format!("{count} messages of {size} bytes and more");
            return Err(SourceError::corrupt(offset, "a MoldUDP64 packet that fits into a datagram", found));
        }
    }
    match bytes.get(..size) {
        Some(packet) => Ok(Next::Datagram(packet)),
        None => short(size),
    }
}

/// Whether the front of a MoldUDP64 packet holds its first message whole.
pub fn holds_message(bytes: &[u8]) -> bool {
    let Some((header, blocks)) = bytes.split_first_chunk::<MOLD_HEADER>() else { return false };
    let count = u16::from_be_bytes([header[18], header[19]]);
    let first = blocks.first_chunk().map(|length| 2 + usize::from(u16::from_be_bytes(*length)));
    !matches!(count, 0 | u16::MAX) && first.is_some_and(|size| size <= blocks.len())
}

/// What the consumer took of the view of a raw stream that it was given.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    pub size: usize,
    pub consumed: usize,
}

/// Why a stream cannot go on whose consumer took nothing of `bytes`: all there is, or more than any message.
pub fn stalled(bytes: &[u8], offset: u64) -> SourceError {
    let needed = bytes.first_chunk().map_or(2, |length| 2 + u64::from(u16::from_be_bytes(*length)));
    let left = bytes.len() as u64;
    if needed > left {
        return SourceError::Truncated { offset, expected: "a message with its length", needed, left };
    }
    SourceError::Corrupt {
        offset,
        expected: "a message that the decoder takes",
        found: format!("{needed} bytes that it refused"),
        remedy: "check the protocol and the framing",
    }
}
