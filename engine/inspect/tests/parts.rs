//! Flat messages with parts behind their fixed fields.

use proptest::prelude::*;
use wirebook_abi::{Description, FieldInfo, FieldKind, MessageInfo, PartInfo, Text, describe::List};
use wirebook_inspect::{InspectError, InspectedMessage, message};

const fn field(name: &'static str, kind: FieldKind, offset: u32, size: u32) -> FieldInfo {
    FieldInfo { name: Text::new(name), offset, size, kind, ..FieldInfo::PLAIN }
}

const LEGS: PartInfo = PartInfo {
    name: Text::new("legs"),
    offset: 5,
    stride: 3,
    count: 0,
    count_field: 3,
    offset_field: 4,
    present_field: 0,
    present_mask: 0,
    repeats: 1,
    reserved: [0; 7],
    fields: List::new(const { &[field("ratio", FieldKind::SIGNED, 0, 1), field("symbol", FieldKind::ASCII, 1, 2)] }),
};

static PROTOCOL: Description = Description {
    messages: List::new(
        const {
            &[MessageInfo {
                type_text: Text::new("D"),
                name: Text::new("definition"),
                type_value: b'D' as u32,
                length: 5,
                fields: List::new(
                    const {
                        &[
                            field("message_type", FieldKind::CHAR, 0, 1),
                            field("flags", FieldKind::BITS, 1, 1),
                            field("leg_count", FieldKind::UNSIGNED, 2, 1),
                            field("leg_offset", FieldKind::UNSIGNED, 3, 1),
                            field("block_offset", FieldKind::UNSIGNED, 4, 1),
                        ]
                    },
                ),
                parts: List::new(
                    const {
                        &[
                            PartInfo {
                                name: Text::new("variance"),
                                stride: 2,
                                count: 1,
                                count_field: 0,
                                offset_field: 5,
                                present_field: 2,
                                present_mask: 1,
                                repeats: 0,
                                fields: List::new(const { &[field("strike", FieldKind::UNSIGNED, 0, 2)] }),
                                ..LEGS
                            },
                            LEGS,
                        ]
                    },
                ),
                ..MessageInfo::PLAIN
            }]
        },
    ),
    ..Description::PLAIN
};

fn shown(message: InspectedMessage<'_>) -> Vec<String> {
    message.fields().skip(5).map(|field| format!("{}={}", field.path, field.value)).collect()
}

#[test]
fn parts_lie_where_fields_say_and_are_numbered() {
    let read = message(&PROTOCOL, b"D\x01\x02\x07\x05\x34\x12\xffAB\x02C ").unwrap();
    assert_eq!(
        shown(read),
        ["variance.strike=4660", "legs[0].ratio=-1", "legs[0].symbol=AB", "legs[1].ratio=2", "legs[1].symbol=C"]
    );
    assert_eq!(read.field("legs[1].ratio").map(|field| field.value.to_string()), Some("2".into()));
    assert!(read.unknown_bytes().is_empty());
}

#[test]
fn parts_that_are_not_there_need_no_place() {
    let read = message(&PROTOCOL, b"D\x02\x00\x00\x00\x34").unwrap();
    assert!(shown(read).is_empty());
    assert_eq!(read.unknown_bytes(), [0x34]);
}

#[test]
fn a_part_that_ends_behind_the_message_is_an_error_that_names_it() {
    let cut = message(&PROTOCOL, b"D\x00\x02\x05\x00\xffAB\x02C").unwrap_err();
    let Short { field, expected, .. } = short(&cut);
    assert_eq!((field, expected), ("legs", 11));
    let overlapping = message(&PROTOCOL, b"D\x01\x00\x00\x04\x34\x12").unwrap_err();
    assert_eq!(short(&overlapping).field, "variance");
}

struct Short {
    field: &'static str,
    expected: usize,
}

fn short(error: &InspectError) -> Short {
    match error {
        InspectError::Short { field, expected, .. } => Short { field, expected: *expected },
        other => panic!("{other}"),
    }
}

proptest! {
    #[test]
    fn any_counts_and_offsets_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 5..40)) {
        bytes[0] = b'D';
        if let Ok(read) = message(&PROTOCOL, &bytes) {
            let legs = usize::from(bytes[2]);
            prop_assert_eq!(read.fields().count(), 5 + 2 * legs + usize::from(bytes[1] & 1));
            prop_assert!(read.unknown_bytes().len() <= bytes.len() - 5);
        }
    }
}
