//! What views of messages with blocks, groups and data share.

use ::core::{fmt, marker::PhantomData};

use ::wirebook_abi::{Event, EventKind, Group, flags};

/// Most events that one message gives; the engine's batches hold more.
pub const MESSAGE_EVENTS: usize = 960;

/// Most records that one message gives.
pub const MESSAGE_RECORDS: usize = 448;

/// What a code table has for codes that give no event.
pub const SKIP: u16 = 0xFFFE;

/// What a code table has for codes that are not listed.
pub const FAULT: u16 = 0xFFFF;

/// A table from one-byte codes to their meanings.
pub const fn table(codes: &[(u8, u16)], other: u16) -> [u16; 256] {
    let mut table = [other; 256];
    let mut at = 0;
    while at < codes.len() {
        table[codes[at].0 as usize] = codes[at].1;
        at += 1;
    }
    table
}

/// A view of a block with what belongs to it: its groups and data.
pub trait Block<'a>: Sized {
    /// Bytes that every version's block has.
    const LEAST: usize;

    /// Whether nothing but the block belongs to it.
    const FLAT: bool;

    /// Views the block of `length` bytes at `start`, and gives the place behind all that belongs to it; `None` where the
    /// message ends before, or the block is shorter than any version's.
    fn at(message: &'a [u8], start: usize, length: usize, version: u32) -> Option<(Self, usize)>;
}

/// The entries of a group, all of them checked.
pub struct Entries<'a, B> {
    message: &'a [u8],
    at: usize,
    length: usize,
    left: usize,
    version: u32,
    entry: PhantomData<B>,
}

impl<B> Clone for Entries<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Entries<'_, B> {}

impl<B> fmt::Debug for Entries<'_, B> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} entries of {} bytes", self.left, self.length)
    }
}

impl<'a, B: Block<'a>> Entries<'a, B> {
    /// A group that is not there.
    #[inline(always)]
    pub fn none(message: &'a [u8], version: u32) -> Self {
        Self { message, at: 0, length: 0, left: 0, version, entry: PhantomData }
    }

    /// The `count` entries from `start` on, and the place behind them; `None` where the message ends before.
    #[inline(always)]
    pub fn new(message: &'a [u8], start: usize, length: usize, count: usize, version: u32) -> Option<(Self, usize)> {
        // Entries without bytes could be billions in a few: no message has more entries than bytes.
        if count > message.len() {
            return None;
        }
        let entries = Self { message, at: start, length, left: count, version, entry: PhantomData };
        let mut end = start;
        if B::FLAT {
            end = start.checked_add(length.checked_mul(count)?)?;
            if end > message.len() || count != 0 && length < B::LEAST {
                return None;
            }
        } else {
            for _ in 0..count {
                end = B::at(message, end, length, version)?.1;
            }
        }
        Some((entries, end))
    }

    /// How many entries are left.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.left
    }

    /// Whether no entry is left.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// The entry at `index` of those that are left.
    #[inline(always)]
    pub fn get(mut self, index: usize) -> Option<B> {
        if index >= self.left {
            return None;
        }
        if B::FLAT {
            return B::at(self.message, self.at + index * self.length, self.length, self.version)
                .map(|(entry, _)| entry);
        }
        self.nth(index)
    }
}

impl<'a, B: Block<'a>> Iterator for Entries<'a, B> {
    type Item = B;

    #[inline(always)]
    fn next(&mut self) -> Option<B> {
        if self.left == 0 {
            return None;
        }
        let (entry, end) = B::at(self.message, self.at, self.length, self.version)?;
        self.left -= 1;
        self.at = end;
        Some(entry)
    }
}

/// `SIZE` bytes of the message from `at` on.
#[inline(always)]
pub fn bytes<const SIZE: usize>(message: &[u8], at: usize) -> Option<[u8; SIZE]> {
    message.get(at..)?.first_chunk().copied()
}

/// The data of `length` bytes at `start`, and the place behind it.
#[inline(always)]
pub fn data(message: &[u8], start: usize, length: usize) -> Option<(&[u8], usize)> {
    let end = start.checked_add(length)?;
    Some((message.get(start..end)?, end))
}

/// A quantity: below none there is none.
#[inline(always)]
pub fn amount(value: i64) -> u64 {
    value.max(0) as u64
}

/// A position as events have it.
#[inline(always)]
pub fn position(value: u64) -> u16 {
    u16::try_from(value).unwrap_or(u16::MAX)
}

/// A count of orders as events have it.
#[inline(always)]
pub fn orders(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A mantissa with an exponent of ten in units of `scale` to one; digits below are cut.
pub fn rescaled(mantissa: i64, exponent: i64, scale: u64) -> i64 {
    let value = i128::from(mantissa) * i128::from(scale);
    let power = exponent.unsigned_abs().min(38) as u32;
    let factor = 10_i128.checked_pow(power).unwrap_or(i128::MAX);
    let value = if exponent < 0 { value / factor } else { value.saturating_mul(factor) };
    value.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// Text of at most 8 bytes in a word, for keys.
#[inline(always)]
pub fn word(text: &[u8]) -> u64 {
    text.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Text of at most 8 bytes as a code: whatever pads it on the right does not count.
#[inline(always)]
pub fn code(text: &[u8]) -> u64 {
    let mut word = 0;
    let mut at = text.len();
    while at > 0 && matches!(text[at - 1], b' ' | 0) {
        at -= 1;
    }
    while at > 0 {
        at -= 1;
        word = word << 8 | text[at] as u64;
    }
    word
}

/// Events of a group but for one that only ends it; whether the last is flagged so, and whether there was such an end.
pub fn events<'a>(group: &Group<'a>) -> Option<(&'a [Event], bool, bool)> {
    let (end, rest) = group.events.split_last()?;
    let last = end.flags & flags::LAST != 0;
    if rest.iter().any(|event| event.flags & flags::LAST != 0) {
        return None;
    }
    if end.kind != EventKind::END {
        return Some((group.events, last, false));
    }
    let plain =
        Event { kind: EventKind::END, instrument: Event::NO_INSTRUMENT, flags: flags::LAST, ..Event::default() };
    (*end == plain && rest.is_empty()).then_some((rest, last, true))
}

/// The unsigned integer of `size` bytes at `at`.
pub fn load<const BIG_ENDIAN: bool>(bytes: &[u8], at: usize, size: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(size)?)?;
    let shifted = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    Some(if BIG_ENDIAN { bytes.iter().fold(0, shifted) } else { bytes.iter().rev().fold(0, shifted) })
}

/// Writes the low `size` bytes of an integer at `at`.
pub fn store<const BIG_ENDIAN: bool>(bytes: &mut [u8], at: usize, size: usize, value: i128) -> Option<()> {
    let target = bytes.get_mut(at..at.checked_add(size)?)?;
    target.copy_from_slice(value.to_le_bytes().get(..size)?);
    if BIG_ENDIAN {
        target.reverse();
    }
    Some(())
}

/// Sets bits of the integer at `at`.
pub fn set_bits<const BIG_ENDIAN: bool>(bytes: &mut [u8], at: usize, size: usize, bits: u64) -> Option<()> {
    let value = load::<BIG_ENDIAN>(bytes, at, size)? | bits;
    store::<BIG_ENDIAN>(bytes, at, size, value.into())
}

/// Writes text without its padding at `at`, padded to `size`; `None` where it is longer.
pub fn store_text(bytes: &mut [u8], at: usize, size: usize, text: &[u8], padding: u8) -> Option<()> {
    let kept = text.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(0, |last| last + 1);
    let target = bytes.get_mut(at..at.checked_add(size)?)?;
    target.fill(padding);
    target.get_mut(..kept)?.copy_from_slice(&text[..kept]);
    Some(())
}

/// A message being written: header and root block, then whatever is added.
pub struct Writer<'a> {
    output: &'a mut [u8],
    root: usize,
    size: usize,
}

impl<'a> Writer<'a> {
    /// Begins with `fixed` zeros, the first `header` of them the header's; `None` where they do not fit.
    pub fn new(output: &'a mut [u8], header: usize, fixed: usize) -> Option<Self> {
        output.get_mut(..fixed.max(header))?.fill(0);
        Some(Self { output, root: fixed, size: fixed })
    }

    /// Bytes written.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Header and root block.
    pub fn root(&mut self) -> &mut [u8] {
        &mut self.output[..self.root]
    }

    /// Header and root block, and the last `length` bytes written.
    pub fn split(&mut self, length: usize) -> (&mut [u8], &mut [u8]) {
        let (root, rest) = self.output.split_at_mut(self.root);
        let end = self.size - self.root;
        (root, &mut rest[end - length..end])
    }

    /// Adds zeros; `None` where they do not fit.
    pub fn zeros(&mut self, count: usize) -> Option<()> {
        self.output.get_mut(self.size..self.size.checked_add(count)?)?.fill(0);
        self.size += count;
        Some(())
    }

    /// Takes the last bytes back.
    pub fn back(&mut self, count: usize) {
        self.size -= count;
    }

    /// Adds a group's dimension for no entries of `entry` bytes each.
    pub fn dimension<const BIG_ENDIAN: bool>(
        &mut self,
        size: usize,
        at: usize,
        bytes: usize,
        entry: u64,
    ) -> Option<()> {
        let start = self.size;
        self.zeros(size)?;
        store::<BIG_ENDIAN>(self.output, start + at, bytes, entry.into())
    }

    /// Stores a number that was left open.
    pub fn store_at<const BIG_ENDIAN: bool>(&mut self, at: usize, size: usize, value: u64) -> Option<()> {
        store::<BIG_ENDIAN>(self.output, at, size, value.into())
    }

    /// Stores a number of the header.
    pub fn store_root<const BIG_ENDIAN: bool>(&mut self, at: usize, size: usize, value: u64) -> Option<()> {
        store::<BIG_ENDIAN>(self.root(), at, size, value.into())
    }

    /// Sets bits of the header or root block.
    pub fn set_bits<const BIG_ENDIAN: bool>(&mut self, at: usize, size: usize, bits: u64) -> Option<()> {
        set_bits::<BIG_ENDIAN>(self.root(), at, size, bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mantissas_come_to_scale_whatever_their_exponent() {
        assert_eq!(rescaled(123_456, -2, 1_000_000_000), 1_234_560_000_000);
        assert_eq!(rescaled(-5, 0, 100), -500);
        assert_eq!(rescaled(7, 3, 10), 70_000);
        assert_eq!(rescaled(123, -20, 10), 0);
        assert_eq!(rescaled(i64::MAX, 30, 10), i64::MAX);
    }

    #[test]
    fn what_is_not_listed_is_other() {
        let table = table(&[(b'a', 1), (b'b', SKIP)], FAULT);
        assert_eq!((table[usize::from(b'a')], table[usize::from(b'b')], table[0]), (1, SKIP, FAULT));
    }
}
