//! The engine's side of the border: checking a table and running a decoder through it.

use alloc::{boxed::Box, string::String, vec, vec::Vec};
use core::{
    ffi::c_void,
    fmt,
    ptr::{self, NonNull},
};

use crate::{
    ABI_VERSION, Batch, BatchWriter, Decoded, DecoderTable, Description, EVENT_LAYOUT_HASH, Event, EventCold, Fault,
    Frame, Framing, Group, Outcome, Record, Span, Status, flags, table::Bytes,
};

/// A table that this engine can run.
#[derive(Clone, Copy, Debug)]
pub struct CheckedTable(&'static DecoderTable);

/// Why a plugin's table was not taken: what it has, what the engine wants, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The capsule holds no table.
    Null,
    /// Built for another version of the decoder table.
    AbiVersion {
        /// What the plugin was built with.
        has: u32,
    },
    /// The table is shorter than its version's.
    TableSize {
        /// Bytes the plugin's table has.
        has: u32,
    },
    /// Events or descriptions lie otherwise in memory.
    EventLayout {
        /// Hash that the plugin was built with.
        has: u64,
    },
    /// The protocol does not come in this framing.
    Framing {
        /// The protocol.
        protocol: String,
        /// What was asked for.
        wanted: Framing,
    },
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str(
                "the capsule is empty; the engine wants a pointer to a static DecoderTable: export DecoderTable::of",
            ),
            Self::AbiVersion { has } => write!(
                formatter,
                "built for decoder ABI {has}, the engine wants ABI {ABI_VERSION}: {}",
                if *has < ABI_VERSION {
                    "rebuild the plugin against this wirebook, or install an older wirebook"
                } else {
                    "upgrade wirebook, or install a version of the plugin for this one"
                }
            ),
            Self::TableSize { has } => write!(
                formatter,
                "its decoder table has {has} bytes, the engine wants at least {}: rebuild the plugin against wirebook-abi \
                 of this version",
                size_of::<DecoderTable>()
            ),
            Self::EventLayout { has } => write!(
                formatter,
                "its event layout is {has:#018x}, the engine wants {EVENT_LAYOUT_HASH:#018x}: rebuild the plugin against \
                 wirebook-abi of this version"
            ),
            Self::Framing { protocol, wanted } => {
                write!(formatter, "{protocol} does not come in framing {} ({})", wanted.name(), wanted.0)
            }
        }
    }
}

impl core::error::Error for Refused {}

impl CheckedTable {
    /// Checks a table of this process's own crates.
    ///
    /// # Errors
    ///
    /// [`Refused`] where version, size or layout differ from the engine's.
    pub fn new(table: &'static DecoderTable) -> Result<Self, Refused> {
        if table.abi_version != ABI_VERSION {
            return Err(Refused::AbiVersion { has: table.abi_version });
        }
        if (table.size_bytes as usize) < size_of::<DecoderTable>() {
            return Err(Refused::TableSize { has: table.size_bytes });
        }
        if table.event_layout_hash != EVENT_LAYOUT_HASH {
            return Err(Refused::EventLayout { has: table.event_layout_hash });
        }
        Ok(Self(table))
    }

    /// Checks the table that a plugin's capsule points to. Version and size are read before anything behind them.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and [`Refused::Null`].
    ///
    /// # Safety
    ///
    /// `pointer` is null or what a capsule named [`CAPSULE_NAME`](crate::CAPSULE_NAME) holds: a pointer to a table that
    /// starts with `abi_version` and `size_bytes`, has `size_bytes` bytes, keeps the promises of this crate's [`Decoder`]
    /// wrappers and lives as long as the process.
    ///
    /// [`Decoder`]: crate::Decoder
    pub unsafe fn from_pointer(pointer: *const c_void) -> Result<Self, Refused> {
        let pointer = NonNull::new(pointer.cast_mut()).ok_or(Refused::Null)?;
        // SAFETY: every table starts with these two words; the caller vouches for the pointer.
        let [abi_version, size_bytes] = unsafe { ptr::read(pointer.cast::<[u32; 2]>().as_ptr()) };
        if abi_version != ABI_VERSION {
            return Err(Refused::AbiVersion { has: abi_version });
        }
        if (size_bytes as usize) < size_of::<DecoderTable>() {
            return Err(Refused::TableSize { has: size_bytes });
        }
        // SAFETY: the table has this version's functions, and the caller vouches that it lives on.
        Self::new(unsafe { pointer.cast::<DecoderTable>().as_ref() })
    }

    /// Identity, units and layout of the protocol.
    pub fn description(self) -> &'static Description {
        // SAFETY: a checked table's `describe` gives a pointer to static data.
        unsafe { &*(self.0.describe)() }
    }

    /// Version of the decoder table that the plugin was built with.
    pub fn abi_version(self) -> u32 {
        self.0.abi_version
    }

    /// A decoder for one channel whose packets come in `framing`.
    ///
    /// # Errors
    ///
    /// [`Refused::Framing`] where the protocol does not.
    pub fn create(self, framing: Framing) -> Result<DecoderInstance, Refused> {
        // SAFETY: a checked table's `create` takes any framing.
        let state = unsafe { (self.0.create)(framing) };
        let Some(state) = NonNull::new(state) else {
            return Err(Refused::Framing {
                protocol: String::from(self.description().protocol.as_str()),
                wanted: framing,
            });
        };
        Ok(DecoderInstance { table: self, framing, state, failed: false })
    }
}

/// One decoder of a plugin at work. After a panic it takes no more packets.
#[derive(Debug)]
pub struct DecoderInstance {
    table: CheckedTable,
    framing: Framing,
    state: NonNull<c_void>,
    failed: bool,
}

// SAFETY: `Decoder` is `Send`, and the instance is the only owner of its state.
unsafe impl Send for DecoderInstance {}

impl Drop for DecoderInstance {
    fn drop(&mut self) {
        // SAFETY: `create` of the same table gave the state, and nothing uses it after this.
        unsafe { (self.table.0.destroy)(self.state.as_ptr()) };
    }
}

impl DecoderInstance {
    /// The table it came from.
    pub fn table(&self) -> CheckedTable {
        self.table
    }

    /// How its packets number messages.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether it panicked or overran a batch; then every call answers [`Status::PANICKED`].
    pub fn failed(&self) -> bool {
        self.failed
    }

    fn note(&mut self, status: Status) {
        self.failed |= matches!(status, Status::PANICKED | Status::OVERRUN);
    }

    /// Reads what a packet says of itself; see [`Decoder::frame`](crate::Decoder::frame).
    #[inline]
    pub fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Outcome {
        if self.failed {
            return Outcome::refused(Status::PANICKED, 0);
        }
        // SAFETY: state and table belong together; packet and frame are borrowed for the call.
        let outcome = unsafe { (self.table.0.frame)(self.state.as_ptr(), Bytes::of(packet), frame) };
        self.note(outcome.status);
        if frame.size_bytes as usize > packet.len() {
            // A size past the packet would be read past its end.
            self.failed = true;
            return Outcome::refused(Status::OVERRUN, 0);
        }
        outcome
    }

    /// Decodes from message `skip` on into `batch`; see [`Decoder::decode`](crate::Decoder::decode).
    #[inline]
    pub fn decode(&mut self, packet: &[u8], skip: u32, batch: &mut BatchBuffer) -> Decoded {
        if self.failed {
            return Decoded { status: Status::PANICKED, ..Decoded::default() };
        }
        let raw = &mut *batch.raw;
        // SAFETY: as in `frame`; the batch's pointers and capacities are those of vectors that `batch` owns.
        let mut decoded = unsafe { (self.table.0.decode)(self.state.as_ptr(), Bytes::of(packet), skip, raw) };
        if raw.event_count > raw.event_capacity || raw.record_count > raw.record_capacity {
            raw.event_count = 0;
            raw.record_count = 0;
            decoded.status = Status::OVERRUN;
        }
        self.note(decoded.status);
        decoded
    }

    /// Finds where each message lies; see [`Decoder::split`](crate::Decoder::split).
    pub fn split(&mut self, packet: &[u8], spans: &mut [Span]) -> Decoded {
        if self.failed {
            return Decoded { status: Status::PANICKED, ..Decoded::default() };
        }
        // SAFETY: as in `frame`; `spans` is borrowed for the call.
        let mut decoded =
            unsafe { (self.table.0.split)(self.state.as_ptr(), Bytes::of(packet), spans.as_mut_ptr(), spans.len()) };
        let sound = spans
            .iter()
            .take(decoded.messages as usize)
            .all(|span| (span.offset as usize).checked_add(span.size as usize).is_some_and(|end| end <= packet.len()));
        if decoded.messages as usize > spans.len() || !sound {
            decoded = Decoded { status: Status::OVERRUN, ..Decoded::default() };
        }
        self.note(decoded.status);
        decoded
    }

    /// Writes the message that means `group`; see [`Decoder::encode`](crate::Decoder::encode).
    pub fn encode(&mut self, group: Group<'_>, output: &mut [u8]) -> Outcome {
        if self.failed {
            return Outcome::refused(Status::PANICKED, 0);
        }
        let count = group.events.len().min(group.cold.len());
        // SAFETY: as in `frame`; pointers and counts are those of slices borrowed for the call.
        let outcome = unsafe {
            (self.table.0.encode)(
                self.state.as_ptr(),
                group.events.as_ptr(),
                group.cold.as_ptr(),
                count,
                group.records.as_ptr(),
                group.records.len(),
                output.as_mut_ptr(),
                output.len(),
            )
        };
        self.written(outcome, output.len())
    }

    /// Writes a packet of `messages`; see [`Decoder::pack`](crate::Decoder::pack). At most 256 messages.
    pub fn pack(&mut self, frame: &Frame, messages: &[&[u8]], output: &mut [u8]) -> Outcome {
        if self.failed {
            return Outcome::refused(Status::PANICKED, 0);
        }
        let messages: Vec<Bytes> = messages.iter().map(|message| Bytes::of(message)).collect();
        // SAFETY: as in `frame`; each message, the array of them and the output are borrowed for the call.
        let outcome = unsafe {
            (self.table.0.pack)(
                self.state.as_ptr(),
                frame,
                messages.as_ptr(),
                messages.len(),
                output.as_mut_ptr(),
                output.len(),
            )
        };
        self.written(outcome, output.len())
    }

    fn written(&mut self, outcome: Outcome, capacity: usize) -> Outcome {
        let outcome = if outcome.status == Status::OK && outcome.offset as usize > capacity {
            Outcome::refused(Status::OVERRUN, 0)
        } else {
            outcome
        };
        self.note(outcome.status);
        outcome
    }
}

/// The arrays that a decoder writes into, owned by the engine and reserved once.
#[derive(Debug)]
pub struct BatchBuffer {
    raw: Box<Batch>,
    events: Vec<Event>,
    cold: Vec<EventCold>,
    records: Vec<Record>,
    faults: Vec<Fault>,
    type_counts: Vec<u64>,
}

// SAFETY: the pointers in `raw` point into the vectors beside it, which the buffer owns and never reallocates.
unsafe impl Send for BatchBuffer {}

impl BatchBuffer {
    /// Room for `events` events and `records` records at a time, and a counter for each of the protocol's messages.
    pub fn new(events: usize, records: usize, description: &Description) -> Self {
        let types = description.messages.as_slice().len();
        let mut buffer = Self {
            raw: Box::new(Batch {
                events: ptr::null_mut(),
                cold: ptr::null_mut(),
                records: ptr::null_mut(),
                faults: ptr::null_mut(),
                type_counts: ptr::null_mut(),
                event_capacity: events as u32,
                event_count: 0,
                record_capacity: records as u32,
                record_count: 0,
                fault_capacity: 64,
                fault_count: 0,
                type_capacity: types as u32,
                reserved: 0,
            }),
            events: vec![Event::default(); events],
            cold: vec![EventCold::default(); events],
            records: vec![Record::default(); records],
            faults: vec![Fault::default(); 64],
            type_counts: vec![0; types],
        };
        buffer.raw.events = buffer.events.as_mut_ptr();
        buffer.raw.cold = buffer.cold.as_mut_ptr();
        buffer.raw.records = buffer.records.as_mut_ptr();
        buffer.raw.faults = buffer.faults.as_mut_ptr();
        buffer.raw.type_counts = buffer.type_counts.as_mut_ptr();
        buffer
    }

    /// Events written since the last [`clear`](Self::clear).
    #[inline]
    pub fn len(&self) -> usize {
        self.raw.event_count as usize
    }

    /// Whether no event is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Events that still fit.
    pub fn room(&self) -> usize {
        self.events.len() - self.len()
    }

    /// Events, their cold parts and the records, all of the same calls. Events may be completed in place.
    #[inline]
    pub fn parts_mut(&mut self) -> (&mut [Event], &[EventCold], &[Record]) {
        let count = self.raw.event_count as usize;
        let record_count = self.raw.record_count as usize;
        // The decoder wrote through `raw`'s pointers; reading through them too keeps one provenance.
        // SAFETY: counts were checked against the vectors' lengths after each decode, and `&mut self` is exclusive.
        unsafe {
            (
                core::slice::from_raw_parts_mut(self.raw.events, count),
                core::slice::from_raw_parts(self.raw.cold, count),
                core::slice::from_raw_parts(self.raw.records, record_count),
            )
        }
    }

    /// Adds an event of the engine's own making, with the record that it has; `false` where there is no room.
    pub fn push(&mut self, event: Event, cold: EventCold, record: Option<&Record>) -> bool {
        let needs =
            (self.events.len() > self.len(), self.raw.record_count < self.raw.record_capacity.min(u16::MAX.into()));
        if !needs.0 || (record.is_some() && !needs.1) {
            return false;
        }
        // SAFETY: the pointers are those of the vectors beside `raw`, and `&mut self` is exclusive.
        let mut writer = unsafe { BatchWriter::new(&mut self.raw) };
        let record = record.map_or(0, |record| writer.push_record(*record));
        writer.push(event, EventCold { record, ..cold });
        true
    }

    /// Drops those events from `from` on that `keep` says so of, in order; their records stay where they are.
    pub fn retain_from(&mut self, from: usize, mut keep: impl FnMut(&Event, &EventCold) -> bool) {
        let count = self.len();
        // SAFETY: as in `parts_mut`; the cold parts are not read through another reference meanwhile.
        let (events, cold) = unsafe {
            (
                core::slice::from_raw_parts_mut(self.raw.events, count),
                core::slice::from_raw_parts_mut(self.raw.cold, count),
            )
        };
        let from = from.min(count);
        let mut kept = from;
        for at in from..count {
            if keep(&events[at], &cold[at]) {
                (events[kept], cold[kept]) = (events[at], cold[at]);
                kept += 1;
            }
        }
        self.raw.event_count = kept as u32;
    }

    /// Makes the events from `from` on those of a snapshot as of `sequence`.
    pub fn make_snapshot(&mut self, from: usize, sequence: u64) {
        let count = self.len();
        // SAFETY: as in `retain_from`.
        let (events, cold) = unsafe {
            (
                core::slice::from_raw_parts_mut(self.raw.events, count),
                core::slice::from_raw_parts_mut(self.raw.cold, count),
            )
        };
        for (event, cold) in events.iter_mut().zip(cold).skip(from) {
            event.flags |= flags::SNAPSHOT;
            cold.sequence = sequence;
        }
    }

    /// Moves the counts of messages to those of another buffer of the same protocol.
    pub fn move_type_counts(&mut self, to: &mut Self) {
        let count = self.type_counts.len().min(to.type_counts.len());
        // SAFETY: the pointers are those of `type_counts` in either buffer, which both references are exclusive to.
        let (ours, theirs) = unsafe {
            (
                core::slice::from_raw_parts_mut(self.raw.type_counts, count),
                core::slice::from_raw_parts_mut(to.raw.type_counts, count),
            )
        };
        for (ours, theirs) in ours.iter_mut().zip(theirs) {
            *theirs += core::mem::take(ours);
        }
    }

    /// Forgets events and records; counts of types and faults stay.
    #[inline]
    pub fn clear(&mut self) {
        self.raw.event_count = 0;
        self.raw.record_count = 0;
    }

    /// Takes the faults noted since the last call: how many there were, and the first ones.
    pub fn take_faults(&mut self) -> (usize, &[Fault]) {
        let total = self.raw.fault_count as usize;
        self.raw.fault_count = 0;
        // SAFETY: the pointer is that of `faults`, of which this many were written.
        (total, unsafe { core::slice::from_raw_parts(self.raw.faults, total.min(self.faults.len())) })
    }

    /// Whether a fault was noted since the last [`take_faults`](Self::take_faults).
    #[inline]
    pub fn has_faults(&self) -> bool {
        self.raw.fault_count != 0
    }

    /// Messages so far, by index in the description.
    pub fn type_counts(&self) -> &[u64] {
        // SAFETY: the pointer is that of `type_counts`, and no decoder runs while `self` is borrowed.
        unsafe { core::slice::from_raw_parts(self.raw.type_counts, self.type_counts.len()) }
    }
}
