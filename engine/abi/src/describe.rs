//! What a protocol looks like, for inspectors, encoders by field, documents and tests.
//!
//! Everything here is `static` data of the plugin: C strings by pointer and length, arrays by pointer and count.

use core::{marker::PhantomData, slice};

use crate::{Framing, Status};

/// A `static` array that crosses the border as pointer and count.
#[derive(Debug)]
#[repr(C)]
pub struct List<T: 'static> {
    pointer: *const T,
    count: usize,
    owner: PhantomData<&'static [T]>,
}

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<T> {}

// SAFETY: a list is a shared reference to `static` data in C form, and can go wherever `&'static [T]` can.
unsafe impl<T: Sync> Send for List<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for List<T> {}

impl<T> List<T> {
    /// Borrows `items` for ever.
    pub const fn new(items: &'static [T]) -> Self {
        Self { pointer: items.as_ptr(), count: items.len(), owner: PhantomData }
    }

    /// The items.
    pub const fn as_slice(&self) -> &'static [T] {
        // SAFETY: the fields are private and `new` took them from a `&'static [T]`.
        unsafe { slice::from_raw_parts(self.pointer, self.count) }
    }
}

/// `static` text that crosses the border as pointer and length.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Text(List<u8>);

impl Text {
    /// Borrows `text` for ever.
    pub const fn new(text: &'static str) -> Self {
        Self(List::new(text.as_bytes()))
    }

    /// The text; empty where a foreign plugin gave bytes that are not UTF-8.
    pub const fn as_str(&self) -> &'static str {
        match core::str::from_utf8(self.0.as_slice()) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}

/// One protocol: identity, units and layout.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Description {
    /// Identity, as `--protocol` takes it: `nasdaq-totalview-5.0`.
    pub protocol: Text,
    /// The venue's version of the protocol.
    pub version: Text,
    /// Who publishes it.
    pub venue: Text,
    /// Family of protocols: `itch`, `pitch`, `sbe`.
    pub family: Text,
    /// Time zone of the clock, IANA name, where the clock counts from local midnight.
    pub timezone: Text,
    /// Units of [`Event::price`](crate::Event::price) to one.
    pub price_scale: u64,
    /// Instrument keys are below this; 0 where they may be any `u32`.
    pub instrument_limit: u32,
    /// What order ids promise.
    pub order_ids: OrderIds,
    /// What `ts_event_ns` counts from.
    pub clock: Clock,
    /// Zero.
    pub reserved: u16,
    /// Framings that `create` takes.
    pub framings: List<Framing>,
    /// Message types; [`EventCold::message`](crate::EventCold::message) and the type counts index it.
    pub messages: List<MessageInfo>,
    /// Statuses that this protocol can report, most common first.
    pub statuses: List<Status>,
}

/// What a protocol promises of its order ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct OrderIds(pub u8);

impl OrderIds {
    /// Any value in any order.
    pub const ANY: Self = Self(0);
    /// New orders have higher ids than those before, near enough: the newest are kept by direct index.
    pub const ASCENDING: Self = Self(1);
    /// Unique only together with instrument and side.
    pub const PER_SIDE: Self = Self(2);
}

/// What `ts_event_ns` counts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Clock(pub u8);

impl Clock {
    /// Nanoseconds since 1970-01-01 UTC.
    pub const UNIX: Self = Self(0);
    /// Nanoseconds since midnight in the description's time zone.
    pub const LOCAL_MIDNIGHT: Self = Self(1);
}

/// One message type.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct MessageInfo {
    /// The type as it stands on the wire and in counts: `A`, `0x22`, `46`.
    pub type_text: Text,
    /// The venue's name in snake case: `add_order`.
    pub name: Text,
    /// What it is for, in words.
    pub about: Text,
    /// Value of the type on the wire.
    pub type_value: u32,
    /// Bytes of the whole message from its first byte.
    pub length: u32,
    /// Its fields, in order of offset.
    pub fields: List<FieldInfo>,
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct FieldInfo {
    /// Name in snake case.
    pub name: Text,
    /// Unit in words (`price`, `qty`, `ns_since_midnight_local`); empty where none.
    pub unit: Text,
    /// From the message's first byte.
    pub offset: u32,
    /// Bytes on the wire.
    pub size: u32,
    /// Divide the integer by this for the value; 1 where it is the value.
    pub scale: u64,
    /// How the bytes read.
    pub kind: FieldKind,
    /// Byte order of an integer: 1 big-endian, 0 little-endian.
    pub big_endian: u8,
    /// Zero.
    pub reserved: [u8; 6],
    /// What its codes mean; empty where it is not a code.
    pub enumeration: EnumInfo,
}

/// How the bytes of a field read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct FieldKind(pub u8);

impl FieldKind {
    /// Unsigned integer of `size` bytes.
    pub const UNSIGNED: Self = Self(0);
    /// Two's complement integer of `size` bytes.
    pub const SIGNED: Self = Self(1);
    /// One ASCII character.
    pub const CHAR: Self = Self(2);
    /// ASCII, padded with spaces on the right.
    pub const ASCII: Self = Self(3);
    /// ASCII, padded with NULs on the right.
    pub const ASCII_NUL: Self = Self(4);
    /// A decimal number in ASCII, padded with spaces.
    pub const ASCII_DECIMAL: Self = Self(5);
    /// Bytes with no further meaning.
    pub const BYTES: Self = Self(6);
    /// Flag set of `size` bytes.
    pub const BITS: Self = Self(7);
}

/// Codes of a field.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct EnumInfo {
    /// Name of the code list; empty where the field is not a code.
    pub name: Text,
    /// The codes.
    pub values: List<EnumValue>,
}

impl EnumInfo {
    /// For a field that is not a code.
    pub const NONE: Self = Self { name: Text::new(""), values: List::new(&[]) };
}

/// One code.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct EnumValue {
    /// The code as text; numbers in decimal.
    pub code: Text,
    /// What it means, snake case.
    pub name: Text,
}

impl Description {
    /// Index and layout of the message with this wire type.
    pub fn message(&self, type_value: u32) -> Option<(usize, &'static MessageInfo)> {
        self.messages.as_slice().iter().enumerate().find(|(_, message)| message.type_value == type_value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_give_back_what_they_were_made_of() {
        static ITEMS: [u32; 3] = [1, 2, 3];
        assert_eq!(List::new(&ITEMS).as_slice(), [1, 2, 3]);
        assert_eq!(Text::new("add_order").as_str(), "add_order");
        assert!(List::<u8>::new(&[]).as_slice().is_empty());
    }
}
