//! Messages of a protocol of our own, with every kind of field, in both directions.

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use wirebook_abi::{Description, EnumInfo, EnumValue, FieldInfo, FieldKind, MessageInfo, Text, describe::List};
use wirebook_inspect::{
    Decimal, EncodeError, ErrorLine, FieldValue, HumanForm, InspectError, JsonLine, Latin1, Place, Value, encode,
    message,
};

const fn field(name: &'static str, kind: FieldKind, offset: u32, size: u32) -> FieldInfo {
    FieldInfo { name: Text::new(name), offset, size, kind, big_endian: 1, ..FieldInfo::PLAIN }
}

const fn code(code: &'static str, name: &'static str) -> EnumValue {
    EnumValue { code: Text::new(code), name: Text::new(name) }
}

const SIDES: EnumInfo = EnumInfo {
    name: Text::new("side"),
    values: List::new(const { &[code("B", "buy"), code("S", "sell"), code(" ", "none")] }),
};
const STATES: EnumInfo =
    EnumInfo { name: Text::new("state"), values: List::new(const { &[code("0", "open"), code("-1", "shut")] }) };
const ONLY: EnumInfo = EnumInfo { name: Text::new("only"), values: List::new(const { &[code("7", "seven")] }) };

static ORDER_FIELDS: [FieldInfo; 12] = [
    field("message_type", FieldKind::CHAR, 0, 1),
    FieldInfo { unit: Text::new("ns"), ..field("timestamp", FieldKind::UNSIGNED, 1, 6) },
    FieldInfo { enumeration: SIDES, ..field("side", FieldKind::CHAR, 7, 1) },
    field("symbol", FieldKind::ASCII, 8, 8),
    FieldInfo { scale: 10_000, unit: Text::new("price"), ..field("price", FieldKind::UNSIGNED, 16, 4) },
    FieldInfo { scale: 100, big_endian: 0, ..field("change", FieldKind::SIGNED, 20, 3) },
    FieldInfo { big_endian: 0, enumeration: STATES, ..field("state", FieldKind::SIGNED, 23, 2) },
    field("account", FieldKind::ASCII_NUL, 25, 6),
    field("lot", FieldKind::ASCII_DECIMAL, 31, 6),
    field("flags", FieldKind::BITS, 37, 1),
    field("extra", FieldKind::BYTES, 38, 2),
    FieldInfo { enumeration: ONLY, ..field("version", FieldKind::UNSIGNED, 40, 1) },
];
static ENDING_FIELDS: [FieldInfo; 2] =
    [field("message_type", FieldKind::CHAR, 0, 1), field("count", FieldKind::UNSIGNED, 1, 4)];
static LATER_ENDING_FIELDS: [FieldInfo; 3] = [
    field("message_type", FieldKind::CHAR, 0, 1),
    field("count", FieldKind::UNSIGNED, 1, 4),
    field("total", FieldKind::UNSIGNED, 5, 8),
];

const fn layout(type_text: &'static str, name: &'static str, length: u32, fields: &'static [FieldInfo]) -> MessageInfo {
    MessageInfo {
        type_text: Text::new(type_text),
        name: Text::new(name),
        about: Text::new("for tests"),
        type_value: type_text.as_bytes()[0] as u32,
        length,
        fields: List::new(fields),
        ..MessageInfo::PLAIN
    }
}

static MESSAGES: [MessageInfo; 3] = [
    layout("O", "order", 41, &ORDER_FIELDS),
    layout("E", "ending", 5, &ENDING_FIELDS),
    layout("E", "later_ending", 13, &LATER_ENDING_FIELDS),
];

static PROTOCOL: Description = Description {
    protocol: Text::new("own-1.0"),
    version: Text::new("1.0"),
    venue: Text::new("nobody"),
    family: Text::new("itch"),
    timezone: Text::new("UTC"),
    price_scale: 10_000,
    messages: List::new(&MESSAGES),
    ..Description::PLAIN
};

fn order_bytes() -> Vec<u8> {
    let mut bytes = vec![b'O', 0, 0, 0, 0, 1, 2, b'S'];
    bytes.extend(b"AB\xe9C\"   ");
    bytes.extend(873_900_u32.to_be_bytes());
    bytes.extend([0x38, 0xff, 0xff]); // -200, little-endian
    bytes.extend((-1_i16).to_le_bytes());
    bytes.extend(b"X Y\0\0\0  12.5");
    bytes.extend([0x81, 0xab, 0x0c, 7]);
    bytes
}

fn order_values() -> [(&'static str, FieldValue); 10] {
    [
        ("timestamp", FieldValue::Integer(258)),
        ("side", FieldValue::Text("sell".into())),
        ("symbol", FieldValue::Text("AB\u{e9}C\"".into())),
        ("price", FieldValue::Float(87.39)),
        ("change", FieldValue::Integer(-2)),
        ("state", FieldValue::Text("shut".into())),
        ("account", FieldValue::Text("X Y".into())),
        ("lot", FieldValue::Decimal(Decimal { mantissa: 125, scale: 10 })),
        ("flags", FieldValue::Integer(0x81)),
        ("extra", FieldValue::Text("ab0C".into())),
    ]
}

#[test]
fn every_kind_of_field_reads_as_described() {
    let bytes = order_bytes();
    let order = message(&PROTOCOL, &bytes).unwrap();
    let value = |name| order.field(name).unwrap().value;
    assert_eq!(value("timestamp"), Value::Unsigned(258));
    assert_eq!(value("symbol"), Value::Text(Latin1(b"AB\xe9C\"")));
    assert_eq!(value("price"), Value::Decimal(Decimal { mantissa: 873_900, scale: 10_000 }));
    assert_eq!(value("change"), Value::Decimal(Decimal { mantissa: -200, scale: 100 }));
    assert_eq!(value("state"), Value::Signed(-1));
    assert_eq!(value("account"), Value::Text(Latin1(b"X Y")));
    assert_eq!(value("lot"), Value::Decimal(Decimal { mantissa: 125, scale: 10 }));
    assert_eq!(value("flags"), Value::Bits(0x81));
    assert_eq!(value("extra"), Value::Bytes(&[0xab, 0x0c]));
    assert_eq!(order.field("side").unwrap().meaning, Some("sell"));
    assert_eq!(order.field("state").unwrap().meaning, Some("shut"));
    assert_eq!(order.field("symbol").unwrap().meaning, None);
}

#[test]
fn json_line_has_the_fixed_keys_and_exact_values() {
    let bytes = order_bytes();
    let place = Place { packet: 3, sequence: 70_001, session: b"DAY1\0\0" };
    let line = JsonLine(place, message(&PROTOCOL, &bytes).unwrap()).to_string();
    assert!(!line.contains('\n') && line.is_ascii(), "{line}");
    assert!(line.contains(r#""price":87.39,"#), "{line}");
    let expected = json!({
        "packet": 3, "session": "DAY1", "sequence": 70_001, "type": "O", "name": "order", "bytes": 41,
        "fields": {
            "message_type": "O", "timestamp": 258, "side": "S", "symbol": "AB\u{e9}C\"", "price": 87.39, "change": -2.0,
            "state": -1, "account": "X Y", "lot": 12.5, "flags": 129, "extra": "ab0c", "version": 7,
        },
        "raw": {"price": 873_900, "change": -200, "lot": 125},
        "meanings": {"side": "sell", "state": "shut", "version": "seven"},
    });
    assert_eq!(serde_json::from_str::<Json>(&line).unwrap(), expected);
}

#[test]
fn zero_price_has_no_raw_value_beside_it() {
    let bytes = encode(&PROTOCOL, "order", []).unwrap();
    let line = JsonLine(Place::default(), message(&PROTOCOL, &bytes).unwrap()).to_string();
    let line: Json = serde_json::from_str(&line).unwrap();
    assert_eq!(line["fields"]["price"], json!(0.0));
    assert_eq!(line["raw"], json!({}));
}

#[test]
fn people_get_aligned_lines_and_bytes_on_request() {
    let mut bytes = order_bytes();
    bytes[9] = 0x1b;
    let message = message(&PROTOCOL, &bytes).unwrap();
    let text = HumanForm { message, hex: true }.to_string();
    assert!(text.starts_with("O order, 41 bytes\n"), "{text}");
    assert!(text.contains("\n  side          S      (sell)\n"), "{text}");
    assert!(text.contains("\n  price         87.39  (price, wire 873900)\n"), "{text}");
    assert!(text.contains("\n  0010  00 0d 55 ac "), "{text}");
    assert!(!text.contains('\x1b'), "control characters stay out of terminals");
    assert!(!HumanForm { message, hex: false }.to_string().contains("0010"));
}

#[test]
fn values_make_the_bytes_that_they_were_read_from() {
    assert_eq!(encode(&PROTOCOL, "O", order_values()).unwrap(), order_bytes());
}

#[test]
fn unnamed_fields_hold_padding_and_constants() {
    let bytes = encode(&PROTOCOL, "order", []).unwrap();
    let order = message(&PROTOCOL, &bytes).unwrap();
    assert_eq!(bytes[0], b'O');
    assert_eq!(order.field("symbol").unwrap().value, Value::Text(Latin1(b"")));
    assert_eq!(bytes[8..16], *b"        ");
    assert_eq!(bytes[25..31], [0; 6]);
    assert_eq!(order.field("version").unwrap().value, Value::Unsigned(7));
}

#[test]
fn layout_with_the_right_length_is_taken() {
    for (name, length) in [("ending", 5), ("later_ending", 13)] {
        let bytes = encode(&PROTOCOL, name, [("count", FieldValue::Integer(9))]).unwrap();
        assert_eq!(bytes.len(), length);
        assert_eq!(message(&PROTOCOL, &bytes).unwrap().info.name.as_str(), name);
    }
    let longer = [b'E'; 9];
    let ending = message(&PROTOCOL, &longer).unwrap();
    assert_eq!((ending.info.name.as_str(), ending.unknown_bytes().len()), ("ending", 4));
}

#[test]
fn faulty_bytes_give_type_offset_and_expectation() {
    let unknown = message(&PROTOCOL, b"Zabc").unwrap_err();
    assert_eq!(unknown.to_string(), "offset 0: message type Z is not one of own-1.0's: O E");
    let short = message(&PROTOCOL, &order_bytes()[..18]).unwrap_err();
    assert_eq!(
        short,
        InspectError::Short { name: "order", type_text: "O", field: "price", found: 18, expected: 41 },
        "{short}"
    );
    assert_eq!(message(&PROTOCOL, b"").unwrap_err(), InspectError::NoType { offset: 0, found: 0 });
    let line = ErrorLine(Place::default(), b"\x01", &message(&PROTOCOL, b"\x01").unwrap_err()).to_string();
    let line: Json = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["type"], &line["name"]), (&json!("0x01"), &Json::Null));
    assert!(line["error"].as_str().unwrap().contains("0x01"));
}

#[test]
fn refused_values_are_named_with_what_would_do() {
    let refused = |field, value| encode(&PROTOCOL, "order", [(field, value)]).unwrap_err().to_string();
    let text = |text: &str| FieldValue::Text(text.into());
    assert_eq!(
        refused("price", FieldValue::Float(87.39001)),
        "order.price: 87.39001 does not fit; an unsigned number of 4 bytes in steps of 1/10000 would do"
    );
    assert_eq!(
        refused("symbol", text("TOOLONGSY")),
        "order.symbol: \"TOOLONGSY\" does not fit; at most 8 Latin-1 characters would do"
    );
    assert!(refused("side", text("both")).contains("one Latin-1 character, such as B (buy), S (sell)"));
    assert!(refused("price", FieldValue::Integer(-1)).contains("order.price: -1 does not fit"));
    assert!(refused("timestamp", FieldValue::Integer(1 << 48)).contains("281474976710656"));
    assert!(refused("change", FieldValue::Integer(83_887)).contains("a signed number of 3 bytes"));
    assert!(refused("account", text("\u{2764}")).contains("Latin-1"));
    assert!(refused("extra", text("abc")).contains("4 hexadecimal digits or 2 bytes"));
    assert!(refused("lot", FieldValue::Integer(1_234_567)).contains("a number of at most 6 characters"));
    assert!(
        refused("colour", FieldValue::Integer(1)).contains("order.colour: no such field; order has message_type, ")
    );
    let unknown = encode(&PROTOCOL, "quote", []).unwrap_err();
    assert!(matches!(unknown, EncodeError::UnknownMessage { .. }));
    assert!(unknown.to_string().contains("O order, E ending, E later_ending"));
}

#[test]
fn bounds_of_signed_fields_fit() {
    for bound in [-83_886.08, 83_886.07] {
        let bytes = encode(&PROTOCOL, "order", [("change", FieldValue::Float(bound))]).unwrap();
        assert_eq!(message(&PROTOCOL, &bytes).unwrap().field("change").unwrap().value.to_string(), bound.to_string());
    }
}

prop_compose! {
    fn any_order()(
        timestamp in 0..1_i128 << 48,
        side in prop::sample::select(vec!["B", "S", " "]),
        symbol in "[A-Z!-~\u{a0}-\u{ff}]{0,8}",
        price in any::<u32>(),
        change in -(1_i128 << 23)..1 << 23,
        state in any::<i16>(),
        account in "[A-Z ]{0,5}[A-Z]",
        lot in 0..1_000_000_i128,
        flags in any::<u8>(),
        extra in any::<[u8; 2]>(),
    ) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("message_type", FieldValue::Text("O".into())),
            ("timestamp", FieldValue::Integer(timestamp)),
            ("side", FieldValue::Text(side.into())),
            ("symbol", FieldValue::Text(symbol)),
            ("price", FieldValue::Decimal(Decimal { mantissa: price.into(), scale: 10_000 })),
            ("change", FieldValue::Decimal(Decimal { mantissa: change, scale: 100 })),
            ("state", FieldValue::Integer(state.into())),
            ("account", FieldValue::Text(account)),
            ("lot", FieldValue::Integer(lot)),
            ("flags", FieldValue::Integer(flags.into())),
            ("extra", FieldValue::Bytes(extra.to_vec())),
            ("version", FieldValue::Integer(7)),
        ]
    }
}

proptest! {
    #[test]
    fn what_is_encoded_reads_the_same(values in any_order()) {
        let bytes = encode(&PROTOCOL, "order", values.clone()).unwrap();
        let read: Vec<(&str, FieldValue)> = message(&PROTOCOL, &bytes)
            .unwrap()
            .fields()
            .map(|field| (field.info.name.as_str(), field.value.into()))
            .collect();
        prop_assert_eq!(read, values);
    }

    #[test]
    fn what_is_read_encodes_the_same(mut bytes in prop::collection::vec(any::<u8>(), 41), lot in 0..1_000_000_u32) {
        bytes[0] = b'O';
        bytes[31..37].copy_from_slice(format!("{lot:6}").as_bytes());
        let read = message(&PROTOCOL, &bytes).unwrap();
        let values = read.fields().map(|field| (field.info.name.as_str(), FieldValue::from(field.value)));
        prop_assert_eq!(encode(&PROTOCOL, "order", values).unwrap(), bytes);
    }

    #[test]
    fn any_bytes_give_json_or_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..60), kind in any::<u8>()) {
        if let Some(first) = bytes.first_mut() {
            *first = [b'O', b'E', kind][usize::from(kind) % 3];
        }
        let line = match message(&PROTOCOL, &bytes) {
            Ok(message) => {
                let _ = HumanForm { message, hex: true }.to_string();
                JsonLine(Place::default(), message).to_string()
            }
            Err(error) => ErrorLine(Place::default(), &bytes, &error).to_string(),
        };
        let line: Json = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(&line["bytes"], &json!(bytes.len()));
    }
}
