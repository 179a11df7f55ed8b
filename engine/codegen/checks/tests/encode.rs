//! Events back to the messages that they were read from.

mod common;

use common::{Bytes, Reader};
use proptest::{collection::vec, prelude::*, sample::select};
use wirebook_abi::{DecoderTable, Event, EventKind, Side, detail, flags};
use wirebook_codegen_checks::{framed, levels_1_0};

static LEVELS: DecoderTable = DecoderTable::of::<framed::Decoder<levels_1_0::Levels10>>();

fn header(block_length: u16, template: u16) -> Bytes {
    Bytes::default().u16(block_length).u16(template).u16(7).u16(3)
}

/// What is read, written and read again is the same.
fn comes_back(message: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(&LEVELS);
    let read = reader.read(message);
    assert_eq!(read.faults, []);
    let written = reader.write(&read).unwrap_or_else(|| panic!("no message for {read:?}"));
    assert_eq!(reader.read(&written), read);
    written
}

prop_compose! {
    fn level()(
        price in prop_oneof![any::<i32>().prop_map(i64::from), Just(i64::MAX)],
        quantity in prop_oneof![0..i32::MAX, Just(i32::MAX)],
        security in any::<i32>().prop_filter("it is no instrument", |key| *key != -1),
        orders in prop_oneof![0..i32::MAX, Just(i32::MAX)],
        position: u8,
        action in select(vec![0_u8, 1, 2, 3, 4, 5]),
        kind in select(b"01EFJ".to_vec()),
    ) -> Bytes {
        Bytes::default().i64(price).i32(quantity).i32(security).i32(orders).u8(position).u8(action).u8(kind).pad(1).u32(u32::MAX).pad(4)
    }
}

fn book(ends: u8, time: u64, levels: Vec<Bytes>) -> Vec<u8> {
    let bytes = header(11, 1).u64(time).u8(ends).pad(2).u16(32).u8(levels.len() as u8);
    levels.into_iter().fold(bytes, Bytes::add).u16(16).pad(5).u8(0).0
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn levels_come_back(ends in select(vec![0_u8, 0x20, 0x80, 0xA0]), time: u64, levels in vec(level(), 1..20)) {
        let message = book(ends, time, levels);
        prop_assert_eq!(comes_back(&message).len(), message.len());
    }

    #[test]
    fn statuses_come_back(time: u64, security: i32, state in select(vec![2_u8, 17]), ends in select(vec![0_u8, 0x80])) {
        prop_assume!(security != -1);
        let message = header(14, 4).u64(time).i32(security).u8(state).u8(ends).0;
        prop_assert_eq!(comes_back(&message), message);
    }

    #[test]
    fn definitions_come_back(security: i32, symbol in "[A-Z]{0,20}", lot: u32, price in any::<i32>()) {
        prop_assume!(security != -1);
        let message = header(36, 2).i32(security).text(&symbol, 20).u32(lot).i64(price.into()).0;
        prop_assert_eq!(comes_back(&message), message);
    }

    #[test]
    fn statistics_come_back(figures in vec((any::<i32>(), select(b"HL".to_vec())), 1..9)) {
        let bytes = header(9, 3).u64(5).u8(0x80).u16(13).u8(figures.len() as u8);
        let message = figures.into_iter().fold(bytes, |bytes, (price, code)| bytes.i64(price.into()).i32(4).u8(code)).0;
        prop_assert_eq!(comes_back(&message), message);
    }
}

#[test]
fn an_end_alone_is_a_message_without_entries() {
    let message = book(0x80, 9, Vec::new());
    assert_eq!(comes_back(&message), message);
}

#[test]
fn what_no_message_says_is_refused() {
    let mut reader = Reader::new(&LEVELS);
    let entry = Bytes::default().i64(100).i32(5).i32(9).i32(2).u8(1).u8(0).u8(b'0').pad(9);
    let sound = reader.read(&book(0x80, 1, vec![entry]));
    assert!(reader.write(&sound).is_some());
    let event = sound.events[0];
    for wrong in [
        Event { order_id: 0, ..event },
        Event { order_id: Event::level_key_within(300, 2, 10), ..event },
        Event { order_id: Event::level_key_within(1, 2, 9), ..event },
        Event { price: event.price + 1, ..event },
        Event { quantity: u64::from(u32::MAX), ..event },
        Event { quantity: i32::MAX.cast_unsigned().into(), ..event },
        Event { instrument: Event::NO_INSTRUMENT, ..event },
        Event { side: Side::NONE, ..event },
        Event { detail: detail::THROUGH, ..event },
        Event { flags: flags::LAST, ..event },
        Event { kind: EventKind::ADD, ..event },
    ] {
        let read = common::Read { events: vec![wrong], cold: sound.cold.clone(), ..common::Read::default() };
        assert_eq!(reader.write(&read), None, "{wrong:?}");
    }
}
