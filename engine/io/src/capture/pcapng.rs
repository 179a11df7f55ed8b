//! pcapng: blocks, each with its length before and behind it; sections, each with its own byte order and interfaces.

use super::record::{Frame, Next, Order, RECORD_LIMIT};
use crate::{SourceError, link::Link};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Bytes of block type and length before the body, and of the length behind it.
const BORDER: usize = 12;
/// The longest block that is looked into: a frame with its options.
const BLOCK_LIMIT: usize = RECORD_LIMIT + (64 << 10);
/// The most interfaces of a section: a bound on what a hostile file can ask for.
const INTERFACE_LIMIT: usize = 1 << 16;

/// Reads the blocks of a pcapng.
#[derive(Debug)]
pub struct PcapNg {
    order: Order,
    interfaces: Vec<Interface>,
}

impl PcapNg {
    /// A reader before the first section.
    pub fn new() -> Self {
        Self { order: Order::Little, interfaces: Vec::new() }
    }

    /// The block at the front of `bytes`, which lie at `offset` of the file.
    #[inline]
    pub fn next<'a>(&mut self, bytes: &'a [u8], offset: u64) -> Result<Next<'a>, SourceError> {
        let Some(head) = bytes.first_chunk::<12>() else {
            return Ok(Next::Short { expected: "a block", needed: BORDER as u64 });
        };
        // The type of a section header reads the same in either order, so that it can come before the order is known.
        let kind = self.order.u32(head, 0);
        if kind == SECTION_HEADER {
            self.section(head, offset)?;
        } else if offset == 0 {
            return Err(SourceError::corrupt(0, "a pcapng section header", format!("block type {kind:#x}")));
        }
        let size = self.order.u32(head, 4) as usize;
        if size < BORDER || !size.is_multiple_of(4) {
            let expected = "a block length that is a multiple of 4 and at least 12";
            return Err(SourceError::corrupt(offset + 4, expected, size.to_string()));
        }
        let is_read = matches!(kind, SECTION_HEADER | INTERFACE | PACKET | SIMPLE_PACKET | ENHANCED_PACKET);
        if size > BLOCK_LIMIT {
            if is_read {
                return Err(SourceError::corrupt(offset + 4, "a block of at most 327680 bytes", size.to_string()));
            }
            return Ok(Next::Other(size as u64));
        }
        let Some(block) = bytes.get(..size) else {
            return Ok(Next::Short { expected: "a block", needed: size as u64 });
        };
        let behind = self.order.u32(block, size - 4) as usize;
        if behind != size {
            let expected = "the block's length again at its end";
            return Err(SourceError::corrupt(
                offset + size as u64 - 4,
                expected,
                format!("{behind} instead of {size}"),
            ));
        }
        self.block(kind, block, offset)
    }

    /// Starts a section: its interfaces and its byte order are its own.
    fn section(&mut self, head: &[u8; 12], offset: u64) -> Result<(), SourceError> {
        self.order = match [head[8], head[9], head[10], head[11]] {
            [0x4d, 0x3c, 0x2b, 0x1a] => Order::Little,
            [0x1a, 0x2b, 0x3c, 0x4d] => Order::Big,
            magic => {
                let expected = "the byte order magic of a section";
                return Err(SourceError::corrupt(offset + 8, expected, format!("{magic:02x?}")));
            }
        };
        self.interfaces.clear();
        Ok(())
    }

    #[inline]
    fn block<'a>(&mut self, kind: u32, block: &'a [u8], offset: u64) -> Result<Next<'a>, SourceError> {
        let body = &block[8..block.len() - 4];
        let order = self.order;
        let fixed = match kind {
            INTERFACE => 8,
            ENHANCED_PACKET | PACKET => 20,
            SIMPLE_PACKET => 4,
            _ => return Ok(Next::Other(block.len() as u64)),
        };
        if body.len() < fixed {
            let expected = "a block with room for its fixed fields";
            return Err(SourceError::corrupt(offset + 4, expected, format!("{} bytes", block.len())));
        }
        if kind == INTERFACE {
            self.interface(body, offset)?;
            return Ok(Next::Other(block.len() as u64));
        }
        let original = order.u32(body, fixed - 4) as usize;
        let (interface, ticks, kept) = match kind {
            SIMPLE_PACKET => (0, None, None),
            PACKET => (u32::from(order.u16(body, 0)), Some(4), Some(order.u32(body, 12) as usize)),
            _ => (order.u32(body, 0), Some(4), Some(order.u32(body, 12) as usize)),
        };
        let Some(interface) = self.interfaces.get(interface as usize) else {
            let expected = "the number of an interface that the section has described";
            return Err(SourceError::corrupt(offset + 8, expected, interface.to_string()));
        };
        // A simple packet does not say how much was kept: all, or what the interface keeps at most.
        let kept = kept.unwrap_or_else(|| original.min(interface.kept_at_most()));
        let Some(data) = body[fixed..].get(..kept) else {
            let expected = "a captured length that fits into its block";
            return Err(SourceError::corrupt(offset + 8 + fixed as u64 - 8, expected, kept.to_string()));
        };
        let ticks = ticks.map(|at| u64::from(order.u32(body, at)) << 32 | u64::from(order.u32(body, at + 4)));
        Ok(Next::Frame(Frame {
            data,
            ts_recv_ns: ticks.map_or(0, |ticks| interface.unix_ns(ticks)),
            cut: original > kept,
            link: interface.link,
            size: block.len(),
        }))
    }

    fn interface(&mut self, body: &[u8], offset: u64) -> Result<(), SourceError> {
        if self.interfaces.len() == INTERFACE_LIMIT {
            return Err(SourceError::corrupt(offset, "at most 65536 interfaces in a section", "one more"));
        }
        let mut interface = Interface {
            link: Link::from_number(u32::from(self.order.u16(body, 0))),
            snap_length: self.order.u32(body, 4),
            resolution: Resolution::Ticks { ns_each: 1000 },
            offset_s: 0,
        };
        let mut options = &body[8..];
        while let Some(head) = options.first_chunk::<4>() {
            let (code, size) = (self.order.u16(head, 0), usize::from(self.order.u16(head, 2)));
            let Some(value) = options[4..].get(..size) else {
                return Err(SourceError::corrupt(offset, "options that fit into their block", format!("{size} bytes")));
            };
            match (code, value) {
                (0, _) => break,
                (9, [value]) => interface.resolution = Resolution::from_option(*value),
                (14, value) if size == 8 => interface.offset_s = self.seconds(value),
                _ => {}
            }
            options = options[4..].get(size.next_multiple_of(4)..).unwrap_or(&[]);
        }
        self.interfaces.push(interface);
        Ok(())
    }

    fn seconds(&self, value: &[u8]) -> i64 {
        let (first, second) = (u64::from(self.order.u32(value, 0)), u64::from(self.order.u32(value, 4)));
        match self.order {
            Order::Little => (second << 32 | first) as i64,
            Order::Big => (first << 32 | second) as i64,
        }
    }
}

/// What a section says of an interface.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: Option<Link>,
    /// 0: no limit.
    snap_length: u32,
    resolution: Resolution,
    /// To add to every time, seconds.
    offset_s: i64,
}

impl Interface {
    fn kept_at_most(&self) -> usize {
        match self.snap_length {
            0 => usize::MAX,
            length => length as usize,
        }
    }

    /// Nanoseconds since 1970; what does not fit becomes the nearest value that does.
    #[inline]
    fn unix_ns(&self, ticks: u64) -> u64 {
        let ns = match self.resolution {
            Resolution::Ticks { ns_each } if self.offset_s == 0 => return ticks.saturating_mul(ns_each),
            Resolution::Ticks { ns_each } => i128::from(ticks) * i128::from(ns_each),
            Resolution::Decimal { ticks_each_ns } => i128::from(ticks / ticks_each_ns),
            Resolution::Binary { shift } => (i128::from(ticks) * 1_000_000_000) >> shift,
        };
        let ns = ns + i128::from(self.offset_s) * 1_000_000_000;
        ns.clamp(0, i128::from(u64::MAX)) as u64
    }
}

/// Length of a tick.
#[derive(Clone, Copy, Debug)]
enum Resolution {
    /// Whole nanoseconds.
    Ticks { ns_each: u64 },
    /// A power of ten finer than nanoseconds.
    Decimal { ticks_each_ns: u64 },
    /// A negative power of two of a second.
    Binary { shift: u32 },
}

impl Resolution {
    /// Of the `if_tsresol` option.
    fn from_option(value: u8) -> Self {
        let exponent = u32::from(value & 0x7f);
        match (value >> 7, exponent) {
            (1, shift) => Self::Binary { shift },
            (_, 0..=9) => Self::Ticks { ns_each: 10_u64.pow(9 - exponent) },
            // Finer than a `u64` of seconds can tell: every time is then the first nanosecond.
            _ => Self::Decimal { ticks_each_ns: 10_u64.checked_pow(exponent - 9).unwrap_or(u64::MAX) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(tsresol: u8, offset_s: i64) -> Interface {
        Interface { link: None, snap_length: 0, resolution: Resolution::from_option(tsresol), offset_s }
    }

    #[test]
    fn resolutions_become_nanoseconds() {
        assert_eq!(interface(6, 0).unix_ns(1_500_000_000_123_456), 1_500_000_000_123_456_000);
        assert_eq!(interface(9, 0).unix_ns(1_500_000_000_123_456_789), 1_500_000_000_123_456_789);
        assert_eq!(interface(0, 0).unix_ns(1_500_000_000), 1_500_000_000_000_000_000);
        assert_eq!(interface(12, 0).unix_ns(1_234_567), 1_234);
        assert_eq!(interface(0x80 | 10, 0).unix_ns(1024 + 512), 1_500_000_000);
        assert_eq!(interface(9, 1_500_000_000).unix_ns(5), 1_500_000_000_000_000_005);
        assert_eq!(interface(9, -1).unix_ns(5), 0);
        assert_eq!(interface(0, i64::MAX).unix_ns(u64::MAX), u64::MAX);
        assert_eq!(interface(0xff, 0).unix_ns(u64::MAX), 0);
    }
}
