//! The decoder table, and the trait that fills it.

use alloc::boxed::Box;
use core::{ffi::c_void, slice};

use crate::{
    ABI_VERSION, Batch, BatchWriter, Decoded, Description, EVENT_LAYOUT_HASH, Event, EventCold, Frame, Framing,
    Outcome, Record, Span, Status,
};

/// A protocol decoder for one channel.
///
/// Implement it, then export [`DecoderTable::of`]. Methods are called from one thread at a time. None may allocate but
/// [`new`](Self::new); a panic is caught at the border, and the engine never calls that decoder again.
pub trait Decoder: Sized + Send + 'static {
    /// Identity, units and layout.
    const DESCRIPTION: Description;

    /// A decoder for packets of this framing; `None` where the protocol does not come so.
    fn new(framing: Framing) -> Option<Self>;

    /// Reads what the packet says of itself. For a stream, takes as many whole messages from the front of `packet` as are
    /// worth one call; with less than one there, answers [`Status::TRUNCATED`].
    fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Outcome;

    /// Decodes the packet that `frame` was just called for (its first `size_bytes`), from message `skip` on.
    /// Stops with [`Status::BATCH_FULL`] before a message whose events may not fit.
    fn decode(&mut self, packet: &[u8], skip: u32, batch: &mut BatchWriter<'_>) -> Decoded;

    /// Finds where each message lies in the packet that `frame` was just called for, as many as `spans` holds.
    fn split(&mut self, packet: &[u8], spans: &mut [Span]) -> Decoded;

    /// Writes the message that means this event group; `offset` of the outcome is its size.
    fn encode(&mut self, group: Group<'_>, output: &mut [u8]) -> Outcome;

    /// Writes a packet of `messages` in this decoder's framing; `offset` of the outcome is its size.
    fn pack(&mut self, frame: &Frame, messages: &[&[u8]], output: &mut [u8]) -> Outcome;
}

/// Events that one message stands for.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// The events, the last one flagged [`LAST`](crate::flags::LAST).
    pub events: &'a [Event],
    /// Beside each event its cold part.
    pub cold: &'a [EventCold],
    /// Records that [`EventCold::record`] counts from 1.
    pub records: &'a [Record],
}

/// A run of bytes, as it crosses the border.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Bytes {
    /// First byte.
    pub pointer: *const u8,
    /// How many.
    pub size: usize,
}

impl Bytes {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { pointer: bytes.as_ptr(), size: bytes.len() }
    }

    /// # Safety
    ///
    /// `pointer` is valid for reads of `size` bytes for as long as `'a`.
    unsafe fn as_slice<'a>(self) -> &'a [u8] {
        // SAFETY: the caller vouches for pointer and size.
        unsafe { slice::from_raw_parts(self.pointer, self.size) }
    }
}

/// The decoder table: what a plugin's capsule points to.
///
/// Its only constructor is [`of`](Self::of), so that one that Rust code holds is sound; a foreign one is vouched for where
/// its capsule is opened, in [`CheckedTable::from_pointer`](crate::CheckedTable::from_pointer).
#[derive(Debug)]
#[repr(C)]
pub struct DecoderTable {
    pub(crate) abi_version: u32,
    pub(crate) size_bytes: u32,
    pub(crate) event_layout_hash: u64,
    pub(crate) describe: unsafe extern "C" fn() -> *const Description,
    pub(crate) create: unsafe extern "C" fn(framing: Framing) -> *mut c_void,
    pub(crate) destroy: unsafe extern "C" fn(state: *mut c_void),
    pub(crate) frame: unsafe extern "C" fn(state: *mut c_void, packet: Bytes, frame: *mut Frame) -> Outcome,
    pub(crate) decode: unsafe extern "C" fn(state: *mut c_void, packet: Bytes, skip: u32, batch: *mut Batch) -> Decoded,
    pub(crate) split:
        unsafe extern "C" fn(state: *mut c_void, packet: Bytes, spans: *mut Span, capacity: usize) -> Decoded,
    pub(crate) encode: unsafe extern "C" fn(
        state: *mut c_void,
        events: *const Event,
        cold: *const EventCold,
        count: usize,
        records: *const Record,
        record_count: usize,
        output: *mut u8,
        capacity: usize,
    ) -> Outcome,
    pub(crate) pack: unsafe extern "C" fn(
        state: *mut c_void,
        frame: *const Frame,
        messages: *const Bytes,
        count: usize,
        output: *mut u8,
        capacity: usize,
    ) -> Outcome,
}

/// Most messages that [`Decoder::pack`] puts into one packet.
pub const PACK_LIMIT: usize = 256;

impl DecoderTable {
    /// The table of `D`. Keep it in a `static`: the capsule points to it for as long as the process lives.
    pub const fn of<D: Decoder>() -> Self {
        Self {
            abi_version: ABI_VERSION,
            size_bytes: size_of::<Self>() as u32,
            event_layout_hash: EVENT_LAYOUT_HASH,
            describe: describe::<D>,
            create: create::<D>,
            destroy: destroy::<D>,
            frame: frame::<D>,
            decode: decode::<D>,
            split: split::<D>,
            encode: encode::<D>,
            pack: pack::<D>,
        }
    }
}

/// Runs `body`; a panic becomes `panicked` and does not cross the border.
///
/// What `body` gives passes through memory on its way out of the catch, in whole words, so that it is loaded as it was
/// stored: a load of several narrower stores would wait for them to reach the cache, on every packet.
#[inline(always)]
#[cfg(feature = "std")]
fn guarded<R: Words>(panicked: R, body: impl FnOnce() -> R) -> R {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| body().to_words())) {
        Ok(words) => R::from_words(words),
        Err(_) => panicked,
    }
}

/// Without `std` a panic aborts, so that none can cross the border.
#[cfg(not(feature = "std"))]
#[inline(always)]
fn guarded<R>(_panicked: R, body: impl FnOnce() -> R) -> R {
    body()
}

#[cfg(feature = "std")]
extern crate std;

/// A small result as whole words.
#[cfg(feature = "std")]
trait Words {
    fn to_words(self) -> [u64; 2];
    fn from_words(words: [u64; 2]) -> Self;
}

#[cfg(feature = "std")]
impl Words for Outcome {
    #[inline(always)]
    fn to_words(self) -> [u64; 2] {
        [u64::from(self.status.0), u64::from(self.offset)]
    }

    #[inline(always)]
    fn from_words([status, offset]: [u64; 2]) -> Self {
        Self { status: Status(status as u16), reserved: 0, offset: offset as u32 }
    }
}

#[cfg(feature = "std")]
impl Words for Decoded {
    #[inline(always)]
    fn to_words(self) -> [u64; 2] {
        [u64::from(self.messages) | u64::from(self.status.0) << 32, u64::from(self.offset)]
    }

    #[inline(always)]
    fn from_words([messages_and_status, offset]: [u64; 2]) -> Self {
        let status = Status((messages_and_status >> 32) as u16);
        Self { messages: messages_and_status as u32, status, reserved: 0, offset: offset as u32 }
    }
}

#[cfg(feature = "std")]
impl Words for *mut c_void {
    fn to_words(self) -> [u64; 2] {
        [self.expose_provenance() as u64, 0]
    }

    fn from_words([address, _]: [u64; 2]) -> Self {
        core::ptr::with_exposed_provenance_mut(address as usize)
    }
}

#[cfg(feature = "std")]
impl Words for () {
    fn to_words(self) -> [u64; 2] {
        [0; 2]
    }

    fn from_words(_: [u64; 2]) -> Self {}
}

const OUTCOME_PANICKED: Outcome = Outcome::refused(Status::PANICKED, 0);
const DECODED_PANICKED: Decoded = Decoded { messages: 0, status: Status::PANICKED, reserved: 0, offset: 0 };

unsafe extern "C" fn describe<D: Decoder>() -> *const Description {
    const { &D::DESCRIPTION }
}

unsafe extern "C" fn create<D: Decoder>(framing: Framing) -> *mut c_void {
    guarded(core::ptr::null_mut(), || match D::new(framing) {
        Some(decoder) => Box::into_raw(Box::new(decoder)).cast(),
        None => core::ptr::null_mut(),
    })
}

unsafe extern "C" fn destroy<D: Decoder>(state: *mut c_void) {
    // SAFETY: the engine passes what `create::<D>` gave, once.
    let decoder = unsafe { Box::from_raw(state.cast::<D>()) };
    guarded((), || drop(decoder));
}

/// # Safety
///
/// `state` is what `create::<D>` gave, not yet destroyed, and no other call on it runs.
unsafe fn decoder<'a, D: Decoder>(state: *mut c_void) -> &'a mut D {
    // SAFETY: the caller vouches for it.
    unsafe { &mut *state.cast::<D>() }
}

unsafe extern "C" fn frame<D: Decoder>(state: *mut c_void, packet: Bytes, frame: *mut Frame) -> Outcome {
    // SAFETY: the engine passes a live state of this table, a packet it borrows and a frame it owns.
    let (decoder, packet, frame) = unsafe { (decoder::<D>(state), packet.as_slice(), &mut *frame) };
    guarded(OUTCOME_PANICKED, || decoder.frame(packet, frame))
}

unsafe extern "C" fn decode<D: Decoder>(state: *mut c_void, packet: Bytes, skip: u32, batch: *mut Batch) -> Decoded {
    // SAFETY: as in `frame`; the batch and its arrays are the engine's own, lent for this call.
    let (decoder, packet, mut writer) =
        unsafe { (decoder::<D>(state), packet.as_slice(), BatchWriter::new(&mut *batch)) };
    guarded(DECODED_PANICKED, || decoder.decode(packet, skip, &mut writer))
}

unsafe extern "C" fn split<D: Decoder>(
    state: *mut c_void,
    packet: Bytes,
    spans: *mut Span,
    capacity: usize,
) -> Decoded {
    // SAFETY: as in `frame`; `spans` is the engine's array of `capacity`, lent for this call.
    let (decoder, packet, spans) =
        unsafe { (decoder::<D>(state), packet.as_slice(), slice::from_raw_parts_mut(spans, capacity)) };
    guarded(DECODED_PANICKED, || decoder.split(packet, spans))
}

unsafe extern "C" fn encode<D: Decoder>(
    state: *mut c_void,
    events: *const Event,
    cold: *const EventCold,
    count: usize,
    records: *const Record,
    record_count: usize,
    output: *mut u8,
    capacity: usize,
) -> Outcome {
    // SAFETY: as in `frame`; the engine took the pointers and counts from slices that outlive this call.
    let (decoder, group, output) = unsafe {
        (
            decoder::<D>(state),
            Group {
                events: slice::from_raw_parts(events, count),
                cold: slice::from_raw_parts(cold, count),
                records: slice::from_raw_parts(records, record_count),
            },
            slice::from_raw_parts_mut(output, capacity),
        )
    };
    guarded(OUTCOME_PANICKED, || decoder.encode(group, output))
}

unsafe extern "C" fn pack<D: Decoder>(
    state: *mut c_void,
    frame: *const Frame,
    messages: *const Bytes,
    count: usize,
    output: *mut u8,
    capacity: usize,
) -> Outcome {
    if count > PACK_LIMIT {
        return Outcome::refused(Status::NO_ROOM, 0);
    }
    let mut slices: [&[u8]; PACK_LIMIT] = [&[]; PACK_LIMIT];
    // SAFETY: as in `frame`; each of the `count` messages is a slice that the engine borrows for this call.
    let (decoder, frame, output) = unsafe {
        for (slot, message) in slices.iter_mut().zip(slice::from_raw_parts(messages, count)) {
            *slot = message.as_slice();
        }
        (decoder::<D>(state), &*frame, slice::from_raw_parts_mut(output, capacity))
    };
    guarded(OUTCOME_PANICKED, || decoder.pack(frame, &slices[..count], output))
}
