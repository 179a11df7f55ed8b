//! What the protocols of this file share: the trait they implement, and small functions that decoding and encoding use.

extern crate alloc;

use self::alloc::{boxed::Box, vec};
use ::core::fmt;

use ::wirebook_abi::{
    BatchWriter, Description, Event, EventCold, EventKind, Group, Outcome, Record, Side, Status, Tag, flags,
};

/// A protocol that a description was compiled to: what its messages mean, however packets frame them.
pub trait Protocol: Send + 'static {
    /// Identity, units and layout.
    const DESCRIPTION: Description;

    /// Most events that one message stands for, an instrument's first naming included.
    const MAX_EVENTS: usize;

    /// Bytes of a symbol, the longest where messages differ; 0 where messages have none.
    const SYMBOL_SIZE: usize;

    /// How messages name instruments.
    const KEYS: Keys;

    /// Of instruments that messages name by text: whether a definition's text is that, and not its code.
    const KEY_IS_TEXT: bool = false;

    /// Whether instruments have price scales of their own.
    const HAS_INSTRUMENT_SCALES: bool;

    /// Writes the events of the message at `sequence` into `batch`, which has room for [`MAX_EVENTS`](Self::MAX_EVENTS).
    ///
    /// Answers [`Status::OK`] or [`Status::LONG_MESSAGE`] where it took the message, [`Status::BATCH_FULL`] where the
    /// records do not fit and nothing was written, or why it skipped the message.
    fn decode(message: &[u8], sequence: u64, memory: &mut Memory, batch: &mut BatchWriter<'_>) -> Status;

    /// Takes from a message that is passed over, since it was decoded before, what those behind it need: the time.
    #[inline(always)]
    fn pass(_message: &[u8], _memory: &mut Memory) {}

    /// Bytes of the message at the front of `message`, by its own lengths; `None` where it ends before, or is of an unknown
    /// type, and of protocols whose messages do not say.
    fn size(_message: &[u8]) -> Option<usize> {
        None
    }

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

/// What prices of so many decimals are multiplied by to be in 1e-9; `None` for more than nine.
pub const fn multiplier_of_decimals(decimals: u64) -> Option<u32> {
    if decimals <= 9 { Some(10_u32.pow(9 - decimals as u32)) } else { None }
}

/// What prices that are to be divided by this are multiplied by to be in 1e-9; `None` where that would not be whole.
pub const fn multiplier_of_denominator(denominator: u64) -> Option<u32> {
    if denominator != 0 && 1_000_000_000 % denominator == 0 { Some((1_000_000_000 / denominator) as u32) } else { None }
}

/// A price of the wire in 1e-9; `None` where it does not fit.
#[inline(always)]
pub fn scaled(price: i64, multiplier: u32) -> Option<i64> {
    price.checked_mul(i64::from(multiplier))
}

/// The number that some bytes start with, as a match id.
#[inline(always)]
pub fn front<const SIZE: usize>(bytes: [u8; SIZE]) -> u64 {
    bytes.first_chunk().map_or(0, |front| u64::from_be_bytes(*front))
}

/// A number in front of zeros.
pub fn fronted<const SIZE: usize>(number: u64) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    if let Some(front) = bytes.first_chunk_mut() {
        *front = number.to_be_bytes();
    }
    bytes
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

/// A message of an older version, with zeros for what it lacks of `LENGTH` bytes; `None` where it ends before `OLDER`.
#[cold]
pub fn completed<const OLDER: usize, const LENGTH: usize>(message: &[u8]) -> Option<[u8; LENGTH]> {
    let mut whole = [0; LENGTH];
    whole.get_mut(..message.len()).filter(|_| message.len() >= OLDER)?.copy_from_slice(message);
    Some(whole)
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

/// Puts a text behind a record's own and a dot, as far as there is room.
pub fn append_text(record: &mut Record, tail: &[u8]) {
    let end = trimmed(&record.text).len();
    for (slot, byte) in record.text.iter_mut().skip(end).zip(::core::iter::once(&b'.').chain(trimmed(tail))) {
        *slot = *byte;
    }
}

/// What stands before the last dot of a text, or behind it.
pub fn text_part(text: &[u8; 32], is_tail: bool) -> &[u8] {
    let text = trimmed(text);
    match text.iter().rposition(|byte| *byte == b'.') {
        Some(dot) if is_tail => text.get(dot + 1..).unwrap_or(&[]),
        Some(dot) => text.get(..dot).unwrap_or(&[]),
        None if is_tail => &[],
        None => text,
    }
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

/// How messages name instruments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// By a number that events have as it is.
    Numbers,
    /// By a number of more than 32 bits, or by text of at most 8 bytes.
    Words,
    /// By text of up to 32 bytes, at times longer than 8.
    Texts,
}

/// What a decoder remembers of its channel from one message to the next.
#[derive(Debug)]
pub struct Memory {
    /// Instruments that were named.
    pub named: Instruments,
    /// Instruments that messages name by text.
    pub keys: Interned,
    /// The second under way.
    pub clock: SecondsClock,
    /// Flag of a message's last event: 0 while messages belong to one group, which another message ends.
    pub last: u8,
    /// Of protocols whose instruments have price scales of their own.
    pub scales: Scales,
}

impl Memory {
    /// Nothing seen yet of a channel of `P`. The only thing here that allocates.
    pub fn new<P: Protocol>() -> Self {
        let limit = P::DESCRIPTION.instrument_limit;
        Self {
            named: Instruments::new(limit),
            keys: match P::KEYS {
                Keys::Numbers => Interned::new(0, 0),
                Keys::Words => Interned::new(limit, 0),
                Keys::Texts => Interned::new(limit, limit),
            },
            clock: SecondsClock::default(),
            last: flags::LAST,
            scales: Scales::new(P::HAS_INSTRUMENT_SCALES),
        }
    }

    /// Forgets all: a new session gives keys out afresh and starts with a time message.
    pub fn clear(&mut self) {
        self.named.clear();
        self.keys.clear();
        self.scales.clear();
        self.miss();
    }

    /// Forgets what only holds from one message to the next: the end of a group, or another second, may have been missed.
    pub fn miss(&mut self) {
        self.clock.forget();
        self.last = flags::LAST;
    }
}

/// Ends the group under way, if there is one: another begins, so that its own end is missing.
#[inline]
pub fn end_group(memory: &Memory, cold: EventCold, batch: &mut BatchWriter<'_>) {
    if memory.last == 0 {
        let end =
            Event { kind: EventKind::END, instrument: Event::NO_INSTRUMENT, flags: flags::LAST, ..Event::default() };
        batch.push(end, cold);
    }
}

/// The second that a channel's last time message gave, to which other messages add nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct SecondsClock {
    base_ns: u64,
    /// All ones once a time message was seen.
    known: u64,
}

impl SecondsClock {
    /// A time message: `seconds` of the protocol's clock.
    #[inline(always)]
    pub fn set(&mut self, seconds: u64) {
        *self = Self { base_ns: seconds.saturating_mul(NS_PER_SECOND), known: u64::MAX };
    }

    /// Time of a message `offset` nanoseconds behind the last time message; 0, for not known, where there was none.
    #[inline(always)]
    pub fn at(&self, offset: u64) -> u64 {
        self.base_ns.wrapping_add(offset) & self.known
    }

    /// A time message may have been missed: times are not known until the next one.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Nanoseconds of a second.
pub const NS_PER_SECOND: u64 = 1_000_000_000;

/// A time's nanoseconds behind its whole second.
pub fn offset_ns(ts_event_ns: u64) -> u64 {
    ts_event_ns % NS_PER_SECOND
}

/// Text of at most 8 bytes as one word, whatever the size of its field.
#[inline(always)]
pub fn word<const SIZE: usize>(text: [u8; SIZE], padding: u8) -> u64 {
    const { assert!(SIZE <= 8) };
    let mut bytes = [padding; 8];
    bytes[..SIZE].copy_from_slice(&text);
    u64::from_le_bytes(bytes)
}

/// Gives instruments that messages name by text, or by a wide number, the small numbers that events name them by.
///
/// An open-addressed table, at most half full, of a size that never changes. Numbers are given out from 0 in the order in
/// which instruments are first met.
#[derive(Debug)]
pub struct Interned {
    /// Key, and number plus one; 0 where the slot is free.
    slots: Box<[[u64; 2]]>,
    /// Where keys are hashes of texts, each number's text.
    texts: Box<[[u8; 32]]>,
    count: u64,
    limit: u64,
}

impl Interned {
    /// Room for `limit` instruments, and for the texts of `texts`.
    pub fn new(limit: u32, texts: u32) -> Self {
        let slots = if limit == 0 { 0 } else { (limit as usize * 2).next_power_of_two() };
        Self {
            slots: vec![[0; 2]; slots].into_boxed_slice(),
            texts: vec![[0; 32]; texts as usize].into_boxed_slice(),
            count: 0,
            limit: u64::from(limit),
        }
    }

    /// The number of the instrument with this key, a new one where it was not met before; `None` where none is left.
    #[inline(always)]
    pub fn number(&mut self, key: u64) -> Option<u32> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = scrambled(key) as usize;
        loop {
            let slot = self.slots.get(at & mask)?;
            if slot[1] == 0 {
                return self.add(at & mask, key);
            }
            if slot[0] == key {
                return Some((slot[1] - 1) as u32);
            }
            at = at.wrapping_add(1);
        }
    }

    /// As [`number`](Self::number), of the instrument with this text of up to 32 bytes, padding aside. One that fits into a
    /// [`word`] is the same instrument as that word, padded with spaces.
    #[inline(never)]
    pub fn number_of(&mut self, text: &[u8]) -> Option<u32> {
        if let Some(text) = padded::<8>(text, b' ') {
            return self.number(word(text, b' '));
        }
        let text: [u8; 32] = padded(text, 0)?;
        // The highest bit tells hashes from words, which are ASCII.
        let key = 1 << 63
            | text.chunks_exact(8).fold(0, |hash, chunk| {
                scrambled(hash ^ chunk.iter().fold(0, |word: u64, byte| word << 8 | u64::from(*byte)))
            });
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = scrambled(key) as usize;
        loop {
            let slot = self.slots.get(at & mask)?;
            if slot[1] == 0 {
                let number = self.add(at & mask, key)?;
                *self.texts.get_mut(number as usize)? = text;
                return Some(number);
            }
            let number = (slot[1] - 1) as u32;
            if slot[0] == key && self.texts.get(number as usize) == Some(&text) {
                return Some(number);
            }
            at = at.wrapping_add(1);
        }
    }

    #[cold]
    fn add(&mut self, at: usize, key: u64) -> Option<u32> {
        if self.count == self.limit {
            return None;
        }
        self.count += 1;
        *self.slots.get_mut(at)? = [key, self.count];
        Some((self.count - 1) as u32)
    }

    /// Instruments met.
    pub fn count(&self) -> u32 {
        self.count as u32
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        if self.count != 0 {
            self.slots.fill([0; 2]);
            self.count = 0;
        }
    }
}

/// Mixes all bits of a key into its low ones.
#[inline(always)]
fn scrambled(key: u64) -> u64 {
    let mixed = (key ^ key >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ mixed >> 29
}

/// Whether `count` parts of `stride` bytes each lie in the message behind its fixed part of `fixed` bytes, from `start` on.
#[inline(always)]
pub fn parts_fit(message: &[u8], fixed: usize, start: usize, count: usize, stride: usize) -> bool {
    count == 0 || start >= fixed && start + count * stride <= message.len()
}

/// An event's price in a field's own scale, where it comes out even.
pub fn divided(price: i64, factor: i64) -> Option<i64> {
    (price % factor == 0).then(|| price / factor)
}

/// What prices of each instrument are multiplied by: an open-addressed table of fixed size.
#[derive(Debug)]
pub struct Scales {
    /// Key above, multiplier below; a multiplier of 0 is a free slot.
    slots: Box<[u64]>,
    used: usize,
}

/// Most instruments that [`Scales`] holds. Prices of further ones have no scale.
pub const SCALES_LIMIT: usize = 1 << 17;

impl Scales {
    /// No scale yet; with `is_needed` there is room for [`SCALES_LIMIT`] of them, else for none.
    pub fn new(is_needed: bool) -> Self {
        let size = if is_needed { 2 * SCALES_LIMIT } else { 0 };
        Self { slots: vec![0; size].into_boxed_slice(), used: 0 }
    }

    /// What the instrument's prices are multiplied by.
    #[inline]
    pub fn get(&self, instrument: u32) -> Option<u32> {
        let mut at = self.first(instrument);
        loop {
            let slot = *self.slots.get(at)?;
            if (slot >> 32) as u32 == instrument && slot as u32 != 0 {
                return Some(slot as u32);
            }
            if slot as u32 == 0 {
                return None;
            }
            at = (at + 1) & (2 * SCALES_LIMIT - 1);
        }
    }

    /// Notes an instrument's multiplier. Past the limit it is forgotten, so that the instrument's prices become faults.
    #[cold]
    pub fn set(&mut self, instrument: u32, multiplier: u32) {
        let mut at = self.first(instrument);
        loop {
            let Some(slot) = self.slots.get_mut(at) else { return };
            let is_free = *slot as u32 == 0;
            if is_free && self.used == SCALES_LIMIT {
                return;
            }
            if is_free || (*slot >> 32) as u32 == instrument {
                self.used += usize::from(is_free);
                *slot = u64::from(instrument) << 32 | u64::from(multiplier);
                return;
            }
            at = (at + 1) & (2 * SCALES_LIMIT - 1);
        }
    }

    /// Where the search for an instrument begins.
    #[inline]
    fn first(&self, instrument: u32) -> usize {
        const SHIFT: u32 = 32 - (2 * SCALES_LIMIT).trailing_zeros();
        (instrument.wrapping_mul(0x9e37_79b1) >> SHIFT) as usize
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        if self.used != 0 {
            self.slots.fill(0);
            self.used = 0;
        }
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

    /// Writes a definition event ahead of the message's own, so that readers know the symbol from here. `key` is the text
    /// by which messages name the instrument; empty where they use a number.
    #[cold]
    #[inline(never)]
    pub fn name(&mut self, instrument: u32, symbol: &[u8], key: &[u8], cold: EventCold, batch: &mut BatchWriter<'_>) {
        let mut record = Record::new(EventKind::DEFINITION, instrument);
        record.set_text(symbol);
        record.code = code(key);
        let record = batch.push_record(record);
        batch.push(
            Event { instrument, kind: EventKind::DEFINITION, side: Side::NONE, ..Event::default() },
            EventCold { record, ..cold },
        );
        self.insert(instrument);
    }
}

/// What definitions have said, for encoders: symbols, which messages repeat, and price scales.
#[derive(Debug)]
pub struct Symbols {
    size: usize,
    texts: Box<[u8]>,
    /// Messages name instruments by what definitions have as their code.
    by_code: bool,
    /// Of protocols whose instruments have price scales of their own.
    pub scales: Scales,
}

impl Symbols {
    /// No symbol yet of the instruments of `P`.
    pub fn new<P: Protocol>() -> Self {
        let (limit, size) = (P::DESCRIPTION.instrument_limit as usize, P::SYMBOL_SIZE);
        Self {
            size,
            texts: vec![0; limit * size].into_boxed_slice(),
            by_code: P::KEYS != Keys::Numbers && !P::KEY_IS_TEXT,
            scales: Scales::new(P::HAS_INSTRUMENT_SCALES),
        }
    }

    /// The instrument's symbol without padding; `None` where none is known.
    pub fn known(&self, instrument: u32) -> Option<&[u8]> {
        let start = instrument as usize * self.size;
        Some(trimmed(self.texts.get(start..start + self.size)?)).filter(|text| !text.is_empty())
    }

    /// The instrument's symbol padded with spaces; all spaces where none is known.
    pub fn get<const SIZE: usize>(&self, instrument: u32) -> [u8; SIZE] {
        let start = instrument as usize * self.size;
        self.texts.get(start..start + self.size).and_then(|text| padded(text, b' ')).unwrap_or([b' '; SIZE])
    }

    /// Takes symbols and scales of the group's definitions, and leaves out those that only name what follows.
    pub fn learn<'a>(&mut self, mut group: Group<'a>) -> Group<'a> {
        while let [Event { kind: EventKind::DEFINITION, instrument, .. }, rest @ ..] = group.events {
            let record = record(&group, 0);
            let said = |tag, multiplier: fn(u64) -> Option<u32>| {
                record.get(tag).and_then(|value| u64::try_from(value).ok()).and_then(multiplier)
            };
            if let Some(multiplier) = said(Tag::PRICE_DECIMALS, multiplier_of_decimals)
                .or_else(|| said(Tag::PRICE_DENOMINATOR, multiplier_of_denominator))
            {
                self.scales.set(*instrument, multiplier);
            }
            let is_key = self.by_code && record.code[0] != 0;
            let text: &[u8] = if is_key { &record.code } else { &record.text };
            let start = *instrument as usize * self.size;
            if let Some(slot) = self.texts.get_mut(start..start + self.size) {
                let kept = trimmed(text).len().min(slot.len());
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
    fn scales_of_any_key_are_found_again_up_to_the_limit() {
        let mut scales = Scales::new(true);
        // Keys of many sizes, the lowest and the highest among them.
        let key = |at: usize| (at as u32).wrapping_mul(0x0101_0101) ^ 0xffff_ffff;
        for at in 0..SCALES_LIMIT {
            scales.set(key(at), at as u32 % 9 + 1);
        }
        scales.set(key(5), 1000);
        scales.set(key(SCALES_LIMIT), 3);
        assert_eq!((scales.get(key(5)), scales.get(key(SCALES_LIMIT))), (Some(1000), None));
        assert!((6..SCALES_LIMIT).all(|at| scales.get(key(at)) == Some(at as u32 % 9 + 1)));
        scales.clear();
        assert_eq!((scales.get(key(5)), scales.get(0)), (None, None));
        let none = Scales::new(false);
        assert_eq!(none.get(7), None);
    }

    #[test]
    fn multipliers_bring_prices_to_1e_9() {
        assert_eq!((multiplier_of_decimals(0), multiplier_of_decimals(9)), (Some(1_000_000_000), Some(1)));
        assert_eq!((multiplier_of_decimals(10), multiplier_of_decimals(u64::MAX)), (None, None));
        assert_eq!(multiplier_of_denominator(1_000_000), Some(1000));
        assert_eq!((multiplier_of_denominator(0), multiplier_of_denominator(3)), (None, None));
        assert_eq!(scaled(-100_000, 1000), Some(-100_000_000));
        assert_eq!(scaled(i64::MAX, 2), None);
    }

    #[test]
    fn only_older_messages_are_completed() {
        assert_eq!(completed::<2, 4>(b"AB"), Some(*b"AB\0\0"));
        assert_eq!(completed::<2, 4>(b"ABCD"), Some(*b"ABCD"));
        assert_eq!((completed::<2, 4>(b"A"), completed::<2, 4>(b"ABCDE")), (None, None));
    }

    #[test]
    fn joined_texts_come_apart_again() {
        let mut record = Record::default();
        record.set_text(b"1301        ");
        append_text(&mut record, b"DAY ");
        assert_eq!(record.text(), "1301.DAY");
        assert_eq!((text_part(&record.text, false), text_part(&record.text, true)), (&b"1301"[..], &b"DAY"[..]));
        record.set_text(b"A.B");
        append_text(&mut record, b"");
        assert_eq!((text_part(&record.text, false), text_part(&record.text, true)), (&b"A.B"[..], &b""[..]));
        record.set_text(&[b'X'; 32]);
        append_text(&mut record, b"DAY");
        assert_eq!(record.text, [b'X'; 32]);
    }

    #[test]
    fn a_number_stands_in_front_of_bytes() {
        assert_eq!(fronted::<12>(258), [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0]);
        assert_eq!(front(fronted::<12>(u64::MAX - 1)), u64::MAX - 1);
    }

    #[test]
    fn instruments_get_numbers_in_the_order_of_their_first_message() {
        let mut keys = Interned::new(3, 0);
        let symbol = |text: [u8; 6]| word(text, b' ');
        assert_eq!(keys.number(symbol(*b"ZVZZT ")), Some(0));
        assert_eq!(keys.number(symbol(*b"YANG  ")), Some(1));
        assert_eq!(keys.number(word(*b"ZVZZT   ", b' ')), Some(0));
        assert_eq!(keys.number(0), Some(2));
        assert_eq!((keys.number(symbol(*b"XSVN  ")), keys.count()), (None, 3));
        assert_eq!(keys.number(symbol(*b"YANG  ")), Some(1));
        keys.clear();
        assert_eq!((keys.number(symbol(*b"XSVN  ")), keys.count()), (Some(0), 1));
        assert_eq!(Interned::new(0, 0).number(7), None);
    }

    #[test]
    fn long_texts_are_told_apart_whatever_their_padding() {
        let mut keys = Interned::new(2, 2);
        assert_eq!(keys.number_of(b"SPX   200619P00500000"), Some(0));
        assert_eq!(keys.number_of(b"SPX   200619P00500001"), Some(1));
        assert_eq!(keys.number_of(b"SPX   200619P00500000   "), Some(0));
        assert_eq!(keys.number_of(b"SPX"), None);
        let mut keys = Interned::new(2, 2);
        assert_eq!(keys.number(word(*b"VOD   ", b' ')), Some(0));
        assert_eq!(keys.number_of(b"VOD         "), Some(0));
        assert_eq!(keys.number_of(b"GB00BH4HKS39"), Some(1));
        assert_eq!(keys.number_of(&[b'X'; 33]), None);
    }

    #[test]
    fn numbers_of_many_instruments_are_all_different() {
        let mut keys = Interned::new(5_000, 0);
        let numbers: alloc::vec::Vec<_> = (0..5_000_u64).map(|key| keys.number(key << 32)).collect();
        assert!(numbers.iter().enumerate().all(|(at, number)| *number == Some(at as u32)));
        assert!((0..5_000_u64).all(|key| keys.number(key << 32) == Some(key as u32)));
    }

    #[test]
    fn times_are_not_known_before_a_time_message() {
        let mut clock = SecondsClock::default();
        assert_eq!(clock.at(5), 0);
        clock.set(34_200);
        assert_eq!(clock.at(754_000), 34_200_000_754_000);
        assert_eq!(clock.at(1_976_277_000), 34_201_976_277_000);
        clock.forget();
        assert_eq!(clock.at(5), 0);
    }

    #[test]
    fn parts_lie_in_the_message_or_are_none() {
        assert!(parts_fit(&[0; 61], 41, 41, 2, 10));
        assert!(!parts_fit(&[0; 60], 41, 41, 2, 10));
        assert!(!parts_fit(&[0; 61], 41, 31, 2, 10));
        assert!(parts_fit(&[0; 41], 41, 0, 0, 10));
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
