//! Classic pcap: a header of 24 bytes, then frames, each behind 16 bytes with its time and lengths.

use super::record::{Frame, Next, Order, RECORD_LIMIT};
use crate::{SourceError, link::Link};

/// Reads the records of a classic pcap.
#[derive(Debug)]
pub struct Pcap {
    order: Order,
    /// Nanoseconds of one unit of a record's sub-second field.
    unit_ns: u64,
    link: Link,
}

impl Pcap {
    /// Bytes of the file's header.
    pub const HEADER: usize = 24;

    /// Reads the file's header.
    pub fn new(bytes: &[u8]) -> Result<Self, SourceError> {
        let header: &[u8; Self::HEADER] = bytes.first_chunk().ok_or(SourceError::Truncated {
            offset: 0,
            expected: "the pcap header",
            needed: Self::HEADER as u64,
            left: bytes.len() as u64,
        })?;
        let (order, unit_ns) = match [header[0], header[1], header[2], header[3]] {
            [0xd4, 0xc3, 0xb2, 0xa1] => (Order::Little, 1000),
            [0xa1, 0xb2, 0xc3, 0xd4] => (Order::Big, 1000),
            [0x4d, 0x3c, 0xb2, 0xa1] => (Order::Little, 1),
            [0xa1, 0xb2, 0x3c, 0x4d] => (Order::Big, 1),
            magic => return Err(SourceError::corrupt(0, "the magic number of a pcap", format!("{magic:02x?}"))),
        };
        let major = order.u16(header, 4);
        if major != 2 {
            return Err(SourceError::corrupt(4, "pcap version 2", format!("version {major}")));
        }
        // The upper bits tell of checksums behind the frames, which the IP lengths leave out anyway.
        let link_type = order.u32(header, 20) & 0x03ff_ffff;
        let link = Link::from_number(link_type).ok_or(SourceError::LinkType { offset: 20, link_type })?;
        Ok(Self { order, unit_ns, link })
    }

    /// The record at the front of `bytes`, which lie at `offset` of the file.
    #[inline]
    pub fn next<'a>(&self, bytes: &'a [u8], offset: u64) -> Result<Next<'a>, SourceError> {
        let Some((header, rest)) = bytes.split_first_chunk::<16>() else {
            return Ok(Next::Short { expected: "a record header", needed: 16 });
        };
        let size = self.order.u32(header, 8) as usize;
        if size > RECORD_LIMIT {
            return Err(SourceError::corrupt(offset + 8, "a captured length of at most 262144", format!("{size}")));
        }
        let Some(data) = rest.get(..size) else {
            return Ok(Next::Short { expected: "a frame", needed: 16 + size as u64 });
        };
        let seconds = u64::from(self.order.u32(header, 0));
        let ts_recv_ns = seconds * 1_000_000_000 + u64::from(self.order.u32(header, 4)) * self.unit_ns;
        let cut = self.order.u32(header, 12) as usize > size;
        Ok(Next::Frame(Frame { data, ts_recv_ns, cut, link: Some(self.link), size: 16 + size }))
    }
}
