//! What the protocols of this file share: the trait they implement, and small functions that decoding and encoding use.

extern crate alloc;

use self::alloc::{boxed::Box, vec};
use ::core::fmt;

use ::wirebook_abi::{BatchWriter, Description, Event, EventCold, EventKind, Group, Outcome, Record, Side, Status};

/// A protocol that a description was compiled to: what its messages mean, however packets frame them.
pub trait Protocol: Send + 'static {
    /// Identity, units and layout.
    const DESCRIPTION: Description;

    /// Most events that one message stands for, an instrument's first naming included.
    const MAX_EVENTS: usize;

    /// Bytes of a symbol; 0 where messages have none.
    const SYMBOL_SIZE: usize;

    /// Writes the events of the message at `sequence` into `batch`, which has room for [`MAX_EVENTS`](Self::MAX_EVENTS).
    ///
    /// Answers [`Status::OK`] or [`Status::LONG_MESSAGE`] where it took the message, [`Status::BATCH_FULL`] where the
    /// records do not fit and nothing was written, or why it skipped the message.
    fn decode(message: &[u8], sequence: u64, named: &mut Instruments, batch: &mut BatchWriter<'_>) -> Status;

    /// Writes the message that stands for `group` to the front of `output`.
    fn encode(group: Group<'_>, symbols: &mut Symbols, output: &mut [u8]) -> Outcome;
}

/// Why bytes are no view of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Fewer bytes than the message has.
    Truncated,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("fewer bytes than the message has")
    }
}

impl ::core::error::Error for DecodeError {}

/// `SIZE` bytes of a message from `AT` on; a place outside the message does not compile.
#[inline(always)]
pub fn field<const AT: usize, const SIZE: usize, const LENGTH: usize>(message: &[u8; LENGTH]) -> [u8; SIZE] {
    const { assert!(AT + SIZE <= LENGTH) };
    let mut bytes = [0; SIZE];
    bytes.copy_from_slice(&message[AT..AT + SIZE]);
    bytes
}

/// An unsigned integer as a signed one; what does not fit is as large as can be.
#[inline(always)]
pub fn saturated(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A record's value as a wire integer again: undoes the multiplication by `factor`.
pub fn wire<T: TryFrom<i64>>(value: i64, factor: i64) -> Option<T> {
    (value % factor == 0).then(|| T::try_from(value / factor).ok()).flatten()
}

/// What [`code_table`] has for codes that are not listed.
pub const NO_CODE: u8 = u8::MAX;

/// A table from one-byte codes to their meanings.
pub const fn code_table(codes: &[(u8, u8)]) -> [u8; 256] {
    let mut table = [NO_CODE; 256];
    let mut at = 0;
    while at < codes.len() {
        table[codes[at].0 as usize] = codes[at].1;
        at += 1;
    }
    table
}

/// [`Status::LONG_MESSAGE`] where the message has more bytes than its type.
#[inline(always)]
pub fn taken(size: usize, expected: usize) -> Status {
    if size == expected { Status::OK } else { Status::LONG_MESSAGE }
}

/// Text without the spaces and NULs that pad it on the right.
pub fn trimmed(text: &[u8]) -> &[u8] {
    let kept = text.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(0, |last| last + 1);
    &text[..kept]
}

/// Text padded to `SIZE` bytes; `None` where it is longer.
pub fn padded<const SIZE: usize>(text: &[u8], padding: u8) -> Option<[u8; SIZE]> {
    let text = trimmed(text);
    let mut bytes = [padding; SIZE];
    bytes.get_mut(..text.len())?.copy_from_slice(text);
    Some(bytes)
}

/// A participant of the wire, padded with spaces, as events have it: padded with NULs.
#[inline(always)]
pub fn participant<const SIZE: usize>(text: [u8; SIZE]) -> [u8; 4] {
    const { assert!(SIZE <= 4) };
    let mut bytes = [0; 4];
    bytes[..SIZE].copy_from_slice(&text);
    let mut at = SIZE;
    while at > 0 && matches!(bytes[at - 1], b' ' | 0) {
        at -= 1;
        bytes[at] = 0;
    }
    bytes
}

/// A venue's code as records have it: NUL padded.
pub fn code(text: &[u8]) -> [u8; 16] {
    padded(text, 0).unwrap_or_default()
}

/// The record of the event at `at` of a group, or an empty one.
pub fn record(group: &Group<'_>, at: usize) -> Record {
    let index = group.cold.get(at).map_or(0, |cold| usize::from(cold.record));
    index.checked_sub(1).and_then(|index| group.records.get(index)).copied().unwrap_or_default()
}

/// Puts an encoded message to the front of `output`.
pub fn put(message: &[u8], output: &mut [u8]) -> Outcome {
    match output.get_mut(..message.len()) {
        Some(front) => {
            front.copy_from_slice(message);
            Outcome::ok(message.len() as u32)
        }
        None => Outcome::refused(Status::NO_ROOM, 0),
    }
}

/// Instruments whose symbol an event has named: one bit each.
#[derive(Debug)]
pub struct Instruments {
    bits: Box<[u64]>,
}

impl Instruments {
    /// None named yet, of keys below `limit`.
    pub fn new(limit: u32) -> Self {
        Self { bits: vec![0; (limit as usize).div_ceil(64)].into_boxed_slice() }
    }

    /// Whether the instrument needs no naming; keys past the limit never do.
    #[inline(always)]
    pub fn contains(&self, instrument: u32) -> bool {
        self.bits.get(instrument as usize / 64).is_none_or(|word| word >> (instrument % 64) & 1 != 0)
    }

    /// Notes that an event named the instrument.
    pub fn insert(&mut self, instrument: u32) {
        if let Some(word) = self.bits.get_mut(instrument as usize / 64) {
            *word |= 1 << (instrument % 64);
        }
    }

    /// Forgets all: a new session gives keys out afresh.
    pub fn clear(&mut self) {
        self.bits.fill(0);
    }

    /// Writes a definition event ahead of the message's own, so that readers know the symbol from here.
    #[cold]
    #[inline(never)]
    pub fn name(&mut self, instrument: u32, symbol: &[u8], cold: EventCold, batch: &mut BatchWriter<'_>) {
        let mut record = Record::new(EventKind::DEFINITION, instrument);
        record.set_text(symbol);
        let record = batch.push_record(record);
        batch.push(
            Event { instrument, kind: EventKind::DEFINITION, side: Side::NONE, ..Event::default() },
            EventCold { record, ..cold },
        );
        self.insert(instrument);
    }
}

/// Symbols that definitions have named, for encoders: messages repeat them.
#[derive(Debug)]
pub struct Symbols {
    size: usize,
    texts: Box<[u8]>,
}

impl Symbols {
    /// No symbol yet, of `size` bytes each, for keys below `limit`.
    pub fn new(limit: u32, size: usize) -> Self {
        Self { size, texts: vec![0; limit as usize * size].into_boxed_slice() }
    }

    /// The instrument's symbol padded with spaces; all spaces where none is known.
    pub fn get<const SIZE: usize>(&self, instrument: u32) -> [u8; SIZE] {
        let start = instrument as usize * self.size;
        self.texts.get(start..start + self.size).and_then(|text| padded(text, b' ')).unwrap_or([b' '; SIZE])
    }

    /// Takes the symbols of the group's definitions, and leaves out those that only name what follows.
    pub fn learn<'a>(&mut self, mut group: Group<'a>) -> Group<'a> {
        while let [Event { kind: EventKind::DEFINITION, instrument, .. }, rest @ ..] = group.events {
            let text = record(&group, 0).text;
            let start = *instrument as usize * self.size;
            if let Some(slot) = self.texts.get_mut(start..start + self.size) {
                let kept = trimmed(&text).len().min(slot.len());
                slot.fill(0);
                slot[..kept].copy_from_slice(&text[..kept]);
            }
            if rest.is_empty() {
                break;
            }
            group = Group { events: rest, cold: group.cold.get(1..).unwrap_or(&[]), records: group.records };
        }
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn participants_lose_their_padding() {
        assert_eq!(participant(*b"AB  "), *b"AB\0\0");
        assert_eq!(participant(*b"    "), [0; 4]);
        assert_eq!(participant(*b" B  "), *b" B\0\0");
        assert_eq!(participant(*b"WXYZ"), *b"WXYZ");
    }

    #[test]
    fn text_that_is_too_long_is_not_cut() {
        assert_eq!(padded::<4>(b"AB", b' '), Some(*b"AB  "));
        assert_eq!(padded::<4>(b"ABCD   ", b' '), Some(*b"ABCD"));
        assert_eq!(padded::<4>(b"ABCDE", b' '), None);
    }

    #[test]
    fn record_values_turn_back_only_where_nothing_is_lost() {
        assert_eq!(wire::<u32>(87_390_000_000, 100_000), Some(873_900));
        assert_eq!(wire::<u32>(87_390_000_001, 100_000), None);
        assert_eq!(wire::<u32>(-100_000, 100_000), None);
        assert_eq!(wire::<u8>(256, 1), None);
    }

    #[test]
    fn instruments_past_the_limit_are_never_named() {
        let mut named = Instruments::new(65);
        assert!(!named.contains(64));
        named.insert(64);
        named.insert(9_999);
        assert!(named.contains(64) && !named.contains(63));
        assert!(named.contains(128) && named.contains(u32::MAX));
        named.clear();
        assert!(!named.contains(64));
    }
}
