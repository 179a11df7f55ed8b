//! The day that is played, in memory.

use wirebook_abi::{BatchBuffer, CheckedTable, EventKind, Frame, Framing, Status};
use wirebook_simulator::{DayConfig, PacketSpan, Packing, packets_in_memory};

use crate::BenchError;

/// A synthetic day of MoldUDP64 packets that ends with its books full.
#[derive(Debug)]
pub struct DayInMemory {
    bytes: Vec<u8>,
    spans: Vec<PacketSpan>,
    messages: u64,
    order_ids: usize,
}

impl DayInMemory {
    /// Makes a day; the same configuration gives the same messages however they are packed.
    ///
    /// # Errors
    ///
    /// [`BenchError::Day`] where it cannot be made or encoded, and those of a decoder that does not read it.
    pub fn new(table: CheckedTable, config: DayConfig, packing: Packing) -> Result<Self, BenchError> {
        let config = DayConfig { end_of_messages: false, ..config };
        let packets = packets_in_memory(config, table, Framing::MOLDUDP64, packing)?;
        let (mut bytes, mut spans) = (packets.bytes, packets.spans);
        bytes.shrink_to_fit();
        spans.shrink_to_fit();
        let mut day = Self { bytes, spans, messages: 0, order_ids: 0 };
        day.survey(table)?;
        Ok(day)
    }

    /// Counts messages and finds the highest order id.
    fn survey(&mut self, table: CheckedTable) -> Result<(), BenchError> {
        let mut decoder = table.create(Framing::MOLDUDP64)?;
        let mut batch = BatchBuffer::new(1024, 512, table.description());
        let (mut messages, mut highest) = (0, 0);
        for packet in self.packets() {
            decoder.frame(packet, &mut Frame::default());
            let decoded = decoder.decode(packet, 0, &mut batch);
            if decoded.status != Status::OK {
                return Err(BenchError::Faults { status: decoded.status });
            }
            messages += u64::from(decoded.messages);
            let (events, ..) = batch.parts_mut();
            highest = events
                .iter()
                .filter(|each| each.kind == EventKind::ADD)
                .map(|each| each.order_id)
                .fold(highest, u64::max);
            batch.clear();
        }
        self.messages = messages;
        self.order_ids = highest as usize + 1;
        Ok(())
    }

    /// The packets, first to last.
    #[inline]
    pub fn packets(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.spans.iter().map(|span| self.packet(span))
    }

    #[inline]
    pub(crate) fn packet(&self, span: &PacketSpan) -> &[u8] {
        &self.bytes[span.offset as usize..][..span.size as usize]
    }

    /// Where each packet lies.
    pub(crate) fn spans(&self) -> &[PacketSpan] {
        &self.spans
    }

    /// Messages.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Order ids are below this.
    pub fn order_ids(&self) -> usize {
        self.order_ids
    }

    /// Bytes of all packets.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }
}
