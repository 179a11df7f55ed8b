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
    /// Header of every message, where lengths, type and version stand in one; of size 0 where messages have none of their own.
    pub header: HeaderInfo,
}

/// Where a number stands: its first byte and how many; of size 0 where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Slot {
    /// Bytes ahead of it.
    pub offset: u16,
    /// Its bytes, 0 to 8.
    pub size: u16,
}

/// The header that messages with blocks and groups start with (SBE).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct HeaderInfo {
    /// Bytes of the header; the root block follows. 0: messages are flat and have no such header.
    pub size: u32,
    /// Bytes of the root block.
    pub block_length: Slot,
    /// The message's type.
    pub template_id: Slot,
    /// Which schema the type is of.
    pub schema_id: Slot,
    /// The sender's version of the schema.
    pub version: Slot,
    /// Byte order of these and of groups' and data's lengths: 1 big-endian, 0 little-endian.
    pub big_endian: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

impl HeaderInfo {
    /// Of protocols whose messages have no such header.
    pub const NONE: Self = Self {
        size: 0,
        block_length: Slot { offset: 0, size: 0 },
        template_id: Slot { offset: 0, size: 0 },
        schema_id: Slot { offset: 0, size: 0 },
        version: Slot { offset: 0, size: 0 },
        big_endian: 0,
        reserved: [0; 3],
    };
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
    /// Unique only together with instrument and side, which every event that names an order then carries.
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
    /// Its fields, in order of offset; of a message with groups those ahead of them, header included.
    pub fields: List<FieldInfo>,
    /// Schema that the type is of, [`ANY_SCHEMA`](Self::ANY_SCHEMA) where the header does not say.
    pub schema_id: u32,
    /// First version that has the message.
    pub since: u32,
    /// Bytes of the root block, where the header does not say.
    pub block_length: u32,
    /// Zero.
    pub reserved: u32,
    /// Groups behind the root block, in the order of the wire.
    pub groups: List<GroupInfo>,
    /// Variable data behind the groups, in the order of the wire.
    pub data: List<DataInfo>,
    /// Parts of a flat message behind its fixed fields, which are there several times or not always.
    pub parts: List<PartInfo>,
}

impl MessageInfo {
    /// The message is of any schema.
    pub const ANY_SCHEMA: u32 = u32::MAX;

    /// A message without name, fields and groups, to fill in.
    pub const PLAIN: Self = Self {
        type_text: Text::new(""),
        name: Text::new(""),
        about: Text::new(""),
        type_value: 0,
        length: 0,
        fields: List::new(&[]),
        schema_id: Self::ANY_SCHEMA,
        since: 0,
        block_length: 0,
        reserved: 0,
        groups: List::new(&[]),
        data: List::new(&[]),
        parts: List::new(&[]),
    };
}

/// A part of a flat message that is there several times, or not always. Numbers of fields count the message's own from 1; 0
/// is none.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct PartInfo {
    /// Name in snake case.
    pub name: Text,
    /// Where the first one starts, from the message's first byte, where no field says so.
    pub offset: u32,
    /// Bytes from one to the next.
    pub stride: u32,
    /// How many there are, where no field says so.
    pub count: u16,
    /// Field that says how many there are.
    pub count_field: u16,
    /// Field that says where the first one starts.
    pub offset_field: u16,
    /// Field that says whether it is there at all: any bit of `present_mask` is set.
    pub present_field: u16,
    /// Bits of that field.
    pub present_mask: u64,
    /// 1 where it is there several times and its fields are numbered, 0 where it is there once or not.
    pub repeats: u8,
    /// Zero.
    pub reserved: [u8; 7],
    /// Fields of one; offsets count from its first byte.
    pub fields: List<FieldInfo>,
}

/// A repeating group: a dimension, then entries of one layout, each with groups and data of its own.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct GroupInfo {
    /// Name in snake case.
    pub name: Text,
    /// First version that has it; an older message has not even its dimension.
    pub since: u32,
    /// Bytes of the dimension.
    pub dimension_size: u32,
    /// The dimension's own fields, entry length and count among them.
    pub dimension: List<FieldInfo>,
    /// Bytes of an entry's block in the dimension.
    pub block_length: Slot,
    /// How many entries, in the dimension.
    pub count: Slot,
    /// Bytes of an entry's block in the version described.
    pub entry_size: u32,
    /// Zero.
    pub reserved: u32,
    /// Fields of an entry; offsets count from the entry's first byte.
    pub fields: List<FieldInfo>,
    /// Groups behind each entry's block.
    pub groups: List<GroupInfo>,
    /// Variable data behind each entry's groups.
    pub data: List<DataInfo>,
}

/// Data of variable length: a length, then bytes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct DataInfo {
    /// Name and kind; its size is 0.
    pub field: FieldInfo,
    /// The length, from the item's first byte.
    pub length: Slot,
    /// Bytes ahead of the data.
    pub head_size: u32,
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
    /// What its codes mean; empty where it is not a code. Of a flag set, names of its masks.
    pub enumeration: EnumInfo,
    /// Wire integer that means no value, cut to the field's bytes, where [`nullable`](Self::nullable) says that there is one.
    pub null: u64,
    /// First version that has the field.
    pub since: u32,
    /// 1 where [`null`](Self::null) means no value.
    pub nullable: u8,
    /// What the field that [`scale_from`](Self::scale_from) names says of the scale.
    pub scaling: Scaling,
    /// Values one behind the other, each of `size / count` bytes; 1 where it is one value.
    pub count: u16,
    /// Field that has the scale: of the same entry, or of one around it; empty where `scale` has it.
    pub scale_from: Text,
    /// The value of a field that is not on the wire; empty for fields that are.
    pub constant: Text,
}

impl FieldInfo {
    /// A field without name and size, to fill in.
    pub const PLAIN: Self = Self {
        name: Text::new(""),
        unit: Text::new(""),
        offset: 0,
        size: 0,
        scale: 1,
        kind: FieldKind::UNSIGNED,
        big_endian: 0,
        reserved: [0; 6],
        enumeration: EnumInfo::NONE,
        null: 0,
        since: 0,
        nullable: 0,
        scaling: Scaling::FIXED,
        count: 1,
        scale_from: Text::new(""),
        constant: Text::new(""),
    };
}

/// How another field scales a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Scaling(pub u8);

impl Scaling {
    /// It does not: the scale is fixed.
    pub const FIXED: Self = Self(0);
    /// The integer times ten to the power of the other field is the value.
    pub const EXPONENT: Self = Self(1);
    /// The integer has as many decimals as the other field says.
    pub const DECIMALS: Self = Self(2);
    /// The integer divided by the other field is the value.
    pub const DENOMINATOR: Self = Self(3);
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
    /// IEEE 754 binary number of 4 or 8 bytes.
    pub const FLOAT: Self = Self(8);
    /// Text in UTF-8.
    pub const UTF8: Self = Self(9);
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
    /// A protocol without name and messages, to fill in.
    pub const PLAIN: Self = Self {
        protocol: Text::new(""),
        version: Text::new(""),
        venue: Text::new(""),
        family: Text::new(""),
        timezone: Text::new(""),
        price_scale: 1,
        instrument_limit: 0,
        order_ids: OrderIds::ANY,
        clock: Clock::UNIX,
        reserved: 0,
        framings: List::new(&[]),
        messages: List::new(&[]),
        statuses: List::new(&[]),
        header: HeaderInfo::NONE,
    };

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
