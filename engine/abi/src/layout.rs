//! A hash of the layouts that cross the border, so that a plugin built against other ones is refused, not misread.

use core::mem::offset_of;

use crate::{
    Batch, DataInfo, Description, Event, EventCold, Fault, FieldInfo, Frame, GroupInfo, HeaderInfo, MessageInfo, Record,
};

const fn mix(hash: u64, value: u64) -> u64 {
    // FNV-1a over the eight bytes of `value`.
    let bytes = value.to_le_bytes();
    let mut mixed = hash;
    let mut at = 0;
    while at < bytes.len() {
        mixed = (mixed ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    mixed
}

macro_rules! layout_hash {
    ($($type:ident { $($field:ident),* })*) => {{
        let mut hash = 0xcbf2_9ce4_8422_2325;
        $(
            hash = mix(hash, size_of::<$type>() as u64);
            $(hash = mix(hash, offset_of!($type, $field) as u64);)*
        )*
        hash
    }};
}

/// Hash of size and field offsets of everything that is written or read across the border.
pub const EVENT_LAYOUT_HASH: u64 = layout_hash! {
    Event { order_id, price, quantity, instrument, kind, side, flags, detail }
    EventCold { ts_event_ns, sequence, match_id, participant, message, record }
    Record { instrument, kind, count, text, code, tags, values }
    Fault { sequence, offset, status, message_type }
    Frame { first_sequence, message_count, size_bytes, session, kind, numbering }
    Batch { events, cold, records, faults, type_counts, event_capacity, event_count, record_capacity, record_count }
    Description { protocol, version, venue, price_scale, instrument_limit, order_ids, clock, framings, messages, header }
    MessageInfo { type_text, name, type_value, length, fields, schema_id, since, block_length, groups, data }
    FieldInfo {
        name, unit, offset, size, scale, kind, big_endian, enumeration, null, since, nullable, scaling, count, scale_from,
        constant
    }
    HeaderInfo { size, block_length, template_id, schema_id, version, big_endian }
    GroupInfo { name, since, dimension_size, dimension, block_length, count, entry_size, fields, groups, data }
    DataInfo { field, length, head_size }
};
