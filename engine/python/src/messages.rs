//! The messages of a packet, one after the other, without looking into them.

use wirebook_abi::{DecoderInstance, Frame, FrameKind, Span, Status};

/// Finds messages in packets, with arrays that are kept from packet to packet.
#[derive(Default)]
pub struct Splitter {
    spans: Vec<Span>,
}

/// What a packet, or a part of a stream, holds.
pub struct Split<'a> {
    /// What it says of itself.
    pub frame: Frame,
    /// Where its messages lie.
    pub spans: &'a [Span],
    /// Whether all that was announced is there; else the offset of what is wrong.
    pub status: Status,
    /// Where it stopped, bytes.
    pub offset: u32,
}

impl Splitter {
    /// Splits the packet, or what one call takes of a stream's front.
    pub fn split<'a>(&'a mut self, decoder: &mut DecoderInstance, bytes: &[u8]) -> Split<'a> {
        let mut frame = Frame::default();
        let outcome = decoder.frame(bytes, &mut frame);
        if outcome.status != Status::OK {
            return Split { frame, spans: &[], status: outcome.status, offset: outcome.offset };
        }
        // Some venues' heartbeats are messages.
        if frame.kind != FrameKind::DATA && frame.message_count == 0 {
            return Split { frame, spans: &[], status: Status::OK, offset: 0 };
        }
        // An announced count may lie; no message is without a byte of its own or of its length.
        let most = (frame.message_count as usize).min(bytes.len());
        self.spans.clear();
        self.spans.resize(most, Span::default());
        let decoded = decoder.split(bytes, &mut self.spans);
        let found = (decoded.messages as usize).min(most);
        Split { frame, spans: &self.spans[..found], status: decoded.status, offset: decoded.offset }
    }
}
