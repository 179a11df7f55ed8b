//! Asks for the bytes ahead of a scan, so that they are in the cache when it and the decoder come to them.
//!
//! Where a record starts is known only from the one before it, so that a scan without this waits for memory once or twice a
//! packet: on 400-byte packets it took several times as long.

/// Bytes asked for ahead of the scan.
const DISTANCE: usize = 4096;
/// Bytes that the memory hands over at once.
const LINE: usize = 64;

/// How far the bytes of a capture were asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prefetch {
    /// Offset in the capture.
    ahead: u64,
}

impl Prefetch {
    /// Asks for what lies ahead of `position`, and was not asked for yet. `bytes` start at offset `base` of the capture.
    #[inline]
    pub fn advance(&mut self, bytes: &[u8], base: u64, position: usize) {
        let mut at = self.ahead.saturating_sub(base).max(position as u64) as usize;
        let end = (position + DISTANCE).min(bytes.len());
        while at < end {
            line(&bytes[at]);
            at += LINE;
        }
        self.ahead = base + at as u64;
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn line(byte: &u8) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: every x86-64 has the instruction, and it has no effect but on the cache.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) }
}

/// Other machines have no stable way to ask.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn line(_: &u8) {}
