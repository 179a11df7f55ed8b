//! Where the engine wants events written: arrays that the caller owns.

use core::{marker::PhantomData, ptr};

use crate::{Event, EventCold, Record, Status};

/// A message that was not taken as it stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Fault {
    /// Sequence of the message.
    pub sequence: u64,
    /// Offset in the packet, bytes.
    pub offset: u32,
    /// Why.
    pub status: Status,
    /// First byte of the message, 0 where it has none.
    pub message_type: u16,
}

/// The caller's arrays, as they cross the border. Counts are the decoder's to raise.
#[derive(Debug)]
#[repr(C)]
pub struct Batch {
    pub(crate) events: *mut Event,
    pub(crate) cold: *mut EventCold,
    pub(crate) records: *mut Record,
    pub(crate) faults: *mut Fault,
    pub(crate) type_counts: *mut u64,
    pub(crate) event_capacity: u32,
    pub(crate) event_count: u32,
    pub(crate) record_capacity: u32,
    pub(crate) record_count: u32,
    pub(crate) fault_capacity: u32,
    pub(crate) fault_count: u32,
    pub(crate) type_capacity: u32,
    pub(crate) reserved: u32,
}

/// A place in a batch, see [`BatchWriter::mark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    events: u32,
    records: u32,
}

/// A decoder's way to write into a [`Batch`]: every write is checked against the caller's capacity.
#[derive(Debug)]
pub struct BatchWriter<'a> {
    batch: &'a mut Batch,
    arrays: PhantomData<&'a mut [Event]>,
}

impl<'a> BatchWriter<'a> {
    /// Writes into `batch`.
    ///
    /// # Safety
    ///
    /// Each pointer of `batch` is valid for writes of its capacity's elements and aliased by nobody while the writer lives.
    pub(crate) unsafe fn new(batch: &'a mut Batch) -> Self {
        Self { batch, arrays: PhantomData }
    }

    /// Events that still fit.
    #[inline]
    pub fn room(&self) -> usize {
        (self.batch.event_capacity - self.batch.event_count) as usize
    }

    /// Records that still fit.
    #[inline]
    pub fn record_room(&self) -> usize {
        // A record's index in its event has sixteen bits.
        (self.batch.record_capacity.min(u32::from(u16::MAX)) - self.batch.record_count) as usize
    }

    /// Writes an event; what does not fit is left out, so ask [`room`](Self::room) once a message.
    #[inline]
    pub fn push(&mut self, event: Event, cold: EventCold) {
        let at = self.batch.event_count;
        if at < self.batch.event_capacity {
            // SAFETY: `at` is below the capacity, for which `new`'s caller vouched.
            unsafe {
                ptr::write(self.batch.events.add(at as usize), event);
                ptr::write(self.batch.cold.add(at as usize), cold);
            }
            self.batch.event_count = at + 1;
        }
    }

    /// Writes a record and gives its 1-based index for [`EventCold::record`]; 0 where none fits.
    #[inline]
    pub fn push_record(&mut self, record: Record) -> u16 {
        let at = self.batch.record_count;
        if self.record_room() == 0 {
            return 0;
        }
        // SAFETY: `at` is below the capacity, for which `new`'s caller vouched.
        unsafe { ptr::write(self.batch.records.add(at as usize), record) };
        self.batch.record_count = at + 1;
        (at + 1) as u16
    }

    /// Where the batch stands, to come back to with [`rewind`](Self::rewind).
    #[inline]
    pub fn mark(&self) -> Mark {
        Mark { events: self.batch.event_count, records: self.batch.record_count }
    }

    /// Takes back the events and records that were written since `mark`.
    #[cold]
    pub fn rewind(&mut self, mark: Mark) {
        self.batch.event_count = self.batch.event_count.min(mark.events);
        self.batch.record_count = self.batch.record_count.min(mark.records);
    }

    /// Adds flags to the last event written since `mark`; `false` where there is none.
    #[inline]
    pub fn flag_last(&mut self, mark: Mark, flags: u8) -> bool {
        let count = self.batch.event_count;
        if count <= mark.events {
            return false;
        }
        // SAFETY: the event below `event_count` was written by `push`, within the arrays that `new`'s caller vouched for.
        unsafe { (*self.batch.events.add(count as usize - 1)).flags |= flags };
        true
    }

    /// Notes a message that was not taken as it stands. All are counted; those past the capacity are not kept.
    #[cold]
    pub fn fault(&mut self, fault: Fault) {
        let at = self.batch.fault_count;
        if at < self.batch.fault_capacity {
            // SAFETY: `at` is below the capacity, for which `new`'s caller vouched.
            unsafe { ptr::write(self.batch.faults.add(at as usize), fault) };
        }
        self.batch.fault_count = at.saturating_add(1);
    }

    /// Counts one message of the type at `index` of the description's messages.
    #[inline]
    pub fn count_type(&mut self, index: u16) {
        if u32::from(index) < self.batch.type_capacity {
            // SAFETY: `index` is below the capacity, for which `new`'s caller vouched.
            unsafe { *self.batch.type_counts.add(usize::from(index)) += 1 };
        }
    }
}
