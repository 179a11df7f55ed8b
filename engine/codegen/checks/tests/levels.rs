//! Entries of groups to events, by what the description of `protocols/levels.yaml` says.

mod common;

use common::{Bytes, Read, Reader};
use wirebook_abi::{DecoderTable, Event, EventKind, Side, Status, Tag, TradingState, detail, flags};
use wirebook_codegen_checks::{framed, levels_1_0};

static LEVELS: DecoderTable = DecoderTable::of::<framed::Decoder<levels_1_0::Levels10>>();

fn header(block_length: u16, template: u16, version: u16) -> Bytes {
    Bytes::default().u16(block_length).u16(template).u16(7).u16(version)
}

struct Level {
    price: i64,
    quantity: i32,
    security: i32,
    orders: i32,
    level: u8,
    action: u8,
    kind: u8,
}

const BID: Level = Level { price: 1_000_000_000, quantity: 5, security: 9, orders: 2, level: 1, action: 0, kind: b'0' };

fn book(version: u16, ends: u8, levels: &[Level], orders: &[(u64, i32, u8, u8)]) -> Vec<u8> {
    let mut bytes = header(11, 1, version).u64(77).u8(ends).pad(2).u16(32).u8(levels.len() as u8);
    for level in levels {
        bytes = bytes.i64(level.price).i32(level.quantity).i32(level.security).i32(level.orders);
        bytes = bytes.u8(level.level).u8(level.action).u8(level.kind).pad(9);
    }
    if version >= 2 {
        bytes = bytes.u16(16).pad(5).u8(orders.len() as u8);
        for (id, shown, reference, action) in orders {
            bytes = bytes.u64(*id).i32(*shown).u8(*reference).u8(*action).pad(2);
        }
    }
    bytes.0
}

fn read(message: &[u8]) -> Read {
    Reader::new(&LEVELS).read(message)
}

#[test]
fn an_entry_is_a_level_by_position_with_its_price_in_the_protocols_scale() {
    let read = read(&book(2, 0x80, &[BID], &[]));
    let expected = Event {
        order_id: Event::level_key_within(1, 2, 10),
        price: 100_000_000_000,
        quantity: 5,
        instrument: 9,
        kind: EventKind::LEVEL_SET,
        side: Side::BID,
        flags: flags::MBP | flags::LAST,
        detail: detail::INSERT,
    };
    assert_eq!(read.events, [expected]);
    assert_eq!((read.cold[0].ts_event_ns, read.cold[0].message), (77, 0));
    assert_eq!(read.faults, []);
}

#[test]
fn codes_of_action_and_side_choose_kind_and_details() {
    let levels = [
        Level { action: 2, kind: b'1', level: 3, ..BID },
        Level { action: 1, kind: b'E', orders: i32::MAX, ..BID },
        Level { kind: b'J', ..BID },
        Level { action: 4, kind: b'0', level: 2, ..BID },
        Level { action: 3, kind: b'F', level: 9, ..BID },
    ];
    let read = read(&book(1, 0x20, &levels, &[]));
    let told: Vec<_> =
        read.events.iter().map(|event| (event.kind, event.side, event.detail, event.level_position())).collect();
    assert_eq!(
        told,
        [
            (EventKind::LEVEL_DELETE, Side::ASK, 0, 3),
            (EventKind::LEVEL_SET, Side::BID, detail::IMPLIED, 1),
            // Each entry in its turn, whichever rule is its.
            (EventKind::CLEAR, Side::NONE, 0, 0),
            (EventKind::LEVEL_DELETE, Side::BID, detail::THROUGH, 2),
            (EventKind::LEVEL_DELETE, Side::ASK, detail::IMPLIED | detail::ONWARD, 1),
        ]
    );
    assert_eq!(read.events[1].level_orders(), 0, "a null count is not known");
    assert_eq!((read.events[0].level_depth(), read.events[1].level_depth()), (10, 2));
    assert!(read.events.iter().all(|event| event.flags & flags::SNAPSHOT != 0 && event.flags & flags::LAST == 0));
}

#[test]
fn an_order_entry_takes_price_and_instrument_from_the_level_that_it_names() {
    let ask = Level { price: 2_000_000_000, security: 10, kind: b'1', ..BID };
    let read = read(&book(2, 0, &[BID, ask], &[(501, 4, 2, 0), (502, 6, 255, 0), (503, 7, 1, 2)]));
    let orders: Vec<_> = read.events[2..].to_vec();
    assert_eq!(orders.len(), 2, "an entry whose reference is null gives nothing");
    assert_eq!(
        (orders[0].kind, orders[0].order_id, orders[0].instrument, orders[0].side, orders[0].price, orders[0].quantity),
        (EventKind::ADD, 501, 10, Side::ASK, 200_000_000_000, 4)
    );
    assert_eq!((orders[1].kind, orders[1].order_id, orders[1].instrument), (EventKind::DELETE, 503, 9));
}

#[test]
fn a_reference_to_no_entry_and_a_code_that_is_not_listed_take_the_message_back() {
    for message in [
        book(2, 0, &[BID], &[(501, 4, 2, 0)]),
        book(2, 0, &[BID], &[(501, 4, 0, 0)]),
        book(2, 0, &[BID, Level { action: 9, ..BID }], &[]),
        book(2, 0, &[BID, Level { kind: b'?', ..BID }], &[]),
    ] {
        let read = read(&message);
        assert_eq!((read.events, read.faults[0].status), (vec![], Status::BAD_VALUE));
        assert_eq!(read.faults[0].offset, 0);
    }
}

#[test]
fn a_message_without_entries_ends_an_event_where_it_says_so() {
    let end = read(&book(2, 0x80, &[], &[]));
    assert_eq!((end.events.len(), end.events[0].kind, end.events[0].flags), (1, EventKind::END, flags::LAST));
    assert_eq!(end.events[0].instrument, Event::NO_INSTRUMENT);
    assert_eq!(read(&book(2, 0x04, &[], &[])).events, []);
    let refused = read(&book(2, 0x80, &[Level { action: 9, ..BID }], &[]));
    assert_eq!((refused.events.len(), refused.events[0].kind), (1, EventKind::END), "the group ends all the same");
}

#[test]
fn a_message_of_a_version_before_a_group_has_none() {
    let old = read(&book(1, 0, &[BID], &[]));
    assert_eq!((old.events.len(), old.faults.len()), (1, 0));
    let cut = &book(2, 0, &[BID], &[])[..8 + 11 + 3 + 32];
    assert_eq!(read(cut).faults[0].status, Status::SHORT_MESSAGE);
}

#[test]
fn a_field_of_a_later_version_reads_as_null_before_it() {
    let message = |version| {
        let mut bytes = book(version, 0, &[BID], &[]);
        bytes[8 + 11 + 3 + 24..][..4].copy_from_slice(&33_u32.to_le_bytes());
        bytes
    };
    let tradeable = |bytes: &[u8]| {
        let view = levels_1_0::Book::new(bytes).expect("it is whole");
        view.levels().next().expect("it has an entry").tradeable()
    };
    assert_eq!(tradeable(&message(3)), Some(33));
    assert_eq!(tradeable(&message(2)), None);
}

#[test]
fn blocks_that_grew_are_stepped_over_by_the_wires_lengths() {
    let bytes = header(13, 1, 9).u64(77).u8(0x80).pad(4).u16(40).u8(2);
    let entry = |security| Bytes::default().i64(1).i32(5).i32(security).i32(2).u8(1).u8(0).u8(b'0').pad(17);
    let bytes = bytes.add(entry(1)).add(entry(2)).u16(16).pad(5).u8(0).pad(40);
    let read = read(&bytes.0);
    let instruments: Vec<_> = read.events.iter().map(|event| event.instrument).collect();
    assert_eq!((instruments, read.faults.len()), (vec![1, 2], 0));
}

#[test]
fn definitions_statistics_and_states_have_their_values() {
    let definition = header(36, 2, 1).i32(4).text("ESZ6", 20).u32(u32::MAX).i64(1_234).0;
    let read_definition = read(&definition);
    let record = read_definition.records[0];
    assert_eq!((record.text(), record.instrument), ("ESZ6", 4));
    assert_eq!(record.get(Tag::ROUND_LOT), None, "null is left out");
    assert_eq!(record.get(Tag::REFERENCE_PRICE), Some(12_340_000_000));

    let figure = |code| Bytes::default().i64(5).i32(4).u8(code);
    let statistics =
        header(9, 3, 1).u64(1).u8(0x80).u16(13).u8(3).add(figure(b'H')).add(figure(b'?')).add(figure(b'L')).0;
    let read_statistics = read(&statistics);
    let tags: Vec<_> = read_statistics.records.iter().map(|record| record.tags[0]).collect();
    assert_eq!(tags, [Tag::UPPER_PRICE, Tag::LOWER_PRICE]);
    assert_eq!(read_statistics.events[1].flags, flags::LAST);

    let status = |security, state| read(&header(14, 4, 1).u64(1).i32(security).u8(state).u8(0x80).0).events[0];
    assert_eq!((status(4, 17).detail, status(4, 17).instrument), (TradingState::TRADING.0, 4));
    assert_eq!((status(4, 99).detail, status(4, 255).detail), (0, 0));
    assert_eq!(status(i32::MAX, 2).instrument, Event::NO_INSTRUMENT);
}

#[test]
fn unknown_templates_schemas_and_headers_are_counted() {
    let unknown = |bytes: Bytes| read(&bytes.0).faults[0].status;
    assert_eq!(unknown(header(0, 99, 1)), Status::UNKNOWN_TYPE);
    assert_eq!(unknown(Bytes::default().u16(0).u16(5).u16(8).u16(1)), Status::UNKNOWN_TYPE);
    assert_eq!(unknown(header(200, 5, 1)), Status::SHORT_MESSAGE);
    assert_eq!(unknown(Bytes::default().u32(0)), Status::SHORT_MESSAGE);
    assert_eq!(read(&header(0, 5, 1).0), Read::default());
}

#[test]
fn no_cut_and_no_flipped_bit_does_more_than_a_fault() {
    let whole = book(3, 0x80, &[BID, Level { kind: b'1', ..BID }], &[(501, 4, 2, 0)]);
    let mut reader = Reader::new(&LEVELS);
    for size in 0..whole.len() {
        let read = reader.read(&whole[..size]);
        assert!(size == 0 || read.faults.len() == 1 && read.events.is_empty(), "{size}");
    }
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let read = reader.read(&bytes);
        assert!(read.events.len() <= 4 && read.faults.len() <= 1, "{bit}");
    }
}

#[test]
fn a_message_knows_its_size() {
    use levels_1_0::Levels10;
    use wirebook_codegen_checks::support::Protocol;
    let message = book(3, 0x80, &[BID], &[(501, 4, 1, 0)]);
    let mut longer = message.clone();
    longer.extend([0; 9]);
    assert_eq!(Levels10::size(&longer), Some(message.len()));
    assert_eq!(Levels10::size(&message[..message.len() - 1]), None);
}
