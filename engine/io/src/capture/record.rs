//! What the capture formats share: records and byte orders.

use crate::link::Link;

/// The longest frame that a capture holds; what libpcap takes as the largest sensible one.
pub const RECORD_LIMIT: usize = 262_144;

/// A frame as it was captured.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    pub data: &'a [u8],
    pub ts_recv_ns: u64,
    /// The frame was longer than what was kept.
    pub cut: bool,
    /// `None` for an interface whose kind is not known.
    pub link: Option<Link>,
    /// Bytes of the whole record.
    pub size: usize,
}

/// What stands at the front of some bytes.
#[derive(Clone, Copy, Debug)]
pub enum Next<'a> {
    /// A frame.
    Frame(Frame<'a>),
    /// A datagram's payload without anything around it.
    Datagram(&'a [u8]),
    /// So many bytes of something else.
    Other(u64),
    /// Less than a whole record, which needs so many bytes as far as can be told.
    Short { expected: &'static str, needed: u64 },
}

/// Byte order of the machine that wrote the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

impl Order {
    /// The `u16` at `at`.
    ///
    /// # Panics
    ///
    /// Where it is not there, as slicing does; callers look into headers whose size they have checked.
    #[inline]
    pub fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let field = [bytes[at], bytes[at + 1]];
        match self {
            Self::Little => u16::from_le_bytes(field),
            Self::Big => u16::from_be_bytes(field),
        }
    }

    /// The `u32` at `at`.
    ///
    /// # Panics
    ///
    /// As [`u16`](Self::u16).
    #[inline]
    pub fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let field = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        match self {
            Self::Little => u32::from_le_bytes(field),
            Self::Big => u32::from_be_bytes(field),
        }
    }
}
