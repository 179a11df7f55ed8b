//! Messages and their fields, as decoder and description know them.

use wirebook_abi::{
    Clock, Description, EnumInfo, EnumValue, FieldInfo, FieldKind, Framing, MessageInfo, OrderIds, Text, describe::List,
};

/// Type, instrument, time: every message starts with these.
pub const TYPE: usize = 0;
/// Key of the instrument, `u8`.
pub const INSTRUMENT: usize = 1;
/// Nanoseconds since 1970, `u64`.
pub const TIME: usize = 2;
/// Id of the order, `u64`.
pub const ORDER: usize = 10;
/// Of an add: quantity, `u32`. Of an execution and a reduction too.
pub const QUANTITY: usize = 18;
/// Of an add: price in cents, `u32`.
pub const PRICE: usize = 22;
/// Of an add: `B` or `S`.
pub const SIDE: usize = 26;
/// Of an add: symbol, four letters padded with spaces.
pub const SYMBOL: usize = 27;

/// Bytes of each message.
pub const ADD_SIZE: usize = 31;
/// Of executions and reductions.
pub const TAKE_SIZE: usize = 22;
/// Of deletes, whose last byte is always zero.
pub const DELETE_SIZE: usize = 19;

const fn field(name: &'static str, offset: usize, size: u32, kind: FieldKind) -> FieldInfo {
    FieldInfo { name: Text::new(name), offset: offset as u32, size, kind, big_endian: 1, ..FieldInfo::PLAIN }
}

const fn code(code: &'static str, name: &'static str) -> EnumValue {
    EnumValue { code: Text::new(code), name: Text::new(name) }
}

static SIDES: [EnumValue; 2] = [code("B", "buy"), code("S", "sell")];

const HEAD: [FieldInfo; 4] = [
    field("message_type", TYPE, 1, FieldKind::CHAR),
    field("instrument", INSTRUMENT, 1, FieldKind::UNSIGNED),
    field("time", TIME, 8, FieldKind::UNSIGNED),
    field("order_id", ORDER, 8, FieldKind::UNSIGNED),
];

static ADD: [FieldInfo; 8] = [
    HEAD[0],
    HEAD[1],
    HEAD[2],
    HEAD[3],
    field("quantity", QUANTITY, 4, FieldKind::UNSIGNED),
    FieldInfo { scale: 100, ..field("price", PRICE, 4, FieldKind::UNSIGNED) },
    FieldInfo {
        enumeration: EnumInfo { name: Text::new("side"), values: List::new(&SIDES) },
        ..field("side", SIDE, 1, FieldKind::CHAR)
    },
    field("symbol", SYMBOL, 4, FieldKind::ASCII),
];

static TAKE: [FieldInfo; 5] = [HEAD[0], HEAD[1], HEAD[2], HEAD[3], field("quantity", QUANTITY, 4, FieldKind::UNSIGNED)];

static DELETE: [FieldInfo; 4] = HEAD;

const fn message(letter: &'static str, name: &'static str, size: usize, fields: &'static [FieldInfo]) -> MessageInfo {
    MessageInfo {
        type_text: Text::new(letter),
        name: Text::new(name),
        type_value: letter.as_bytes()[0] as u32,
        length: size as u32,
        fields: List::new(fields),
        ..MessageInfo::PLAIN
    }
}

static MESSAGES: [MessageInfo; 4] = [
    message("A", "add", ADD_SIZE, &ADD),
    message("D", "delete", DELETE_SIZE, &DELETE),
    message("E", "execute", TAKE_SIZE, &TAKE),
    message("X", "reduce", TAKE_SIZE, &TAKE),
];

/// Identity, units and layout.
pub const DESCRIPTION: Description = Description {
    protocol: Text::new("faulty-1.0"),
    version: Text::new("1.0"),
    venue: Text::new("Faulty"),
    family: Text::new("faulty"),
    price_scale: 100,
    instrument_limit: 1 << 8,
    order_ids: OrderIds::ANY,
    clock: Clock::UNIX,
    framings: List::new(&[Framing::MOLDUDP64]),
    messages: List::new(&MESSAGES),
    ..Description::PLAIN
};
