//! Batches that fill up, messages that were seen before, and the naming of instruments.

mod common;

use wirebook_abi::{BatchBuffer, CheckedTable, EventKind, Frame, Framing, Group, Status, flags};
use wirebook_itch::NASDAQ;

use common::{Feed, Whole, add_order, data, order_delete};

fn kinds(events: &[Whole]) -> Vec<(EventKind, u64)> {
    events.iter().map(|(event, cold, _)| (event.kind, cold.sequence)).collect()
}

fn replace(order: u64) -> [u8; 35] {
    wirebook_itch::nasdaq_totalview_5_0::OrderReplaceFields {
        stock_locate: 7,
        original_order_reference_number: order,
        new_order_reference_number: order + 1,
        ..Default::default()
    }
    .encode()
}

fn halt(locate: u16) -> [u8; 25] {
    wirebook_itch::nasdaq_totalview_5_0::StockTradingActionFields {
        stock_locate: locate,
        stock: *b"WIRE    ",
        trading_state: b'H',
        reason: *b"T1  ",
        ..Default::default()
    }
    .encode()
}

#[test]
fn a_symbol_is_named_once_ahead_of_its_first_message() {
    let mut feed = Feed::new(&NASDAQ, Framing::MOLDUDP64);
    let packet = feed.pack(&data(1), &[&add_order(7, 1, b"WIRE    "), &add_order(7, 2, b"WIRE    "), &order_delete(1)]);
    feed.packet(&packet);
    let (add, delete) = (EventKind::ADD, EventKind::DELETE);
    assert_eq!(kinds(&feed.events), [(EventKind::DEFINITION, 1), (add, 1), (add, 2), (delete, 3)]);
    let (event, _, record) = feed.events[0];
    assert_eq!((event.instrument, event.flags, record.unwrap().text()), (7, 0, "WIRE"));
    assert_eq!(feed.events[1].0.flags, flags::LAST);
}

#[test]
fn a_new_session_names_symbols_again() {
    let mut feed = Feed::new(&NASDAQ, Framing::MOLDUDP64);
    let message = add_order(7, 1, b"WIRE    ");
    let packet = feed.pack(&data(1), &[&message]);
    let next_day = feed.pack(&Frame { session: *b"TESTING02\0\0\0\0\0\0\0", ..data(1) }, &[&message]);
    for each in [&packet, &packet, &next_day] {
        feed.packet(each);
    }
    let definitions = feed.events.iter().filter(|(event, ..)| event.kind == EventKind::DEFINITION).count();
    assert_eq!(definitions, 2);
}

#[test]
fn full_batches_lose_and_repeat_nothing() {
    for framing in [Framing::MOLDUDP64, Framing::LENGTH16, Framing::SOUPBINTCP] {
        let adds: Vec<_> = (0..20).map(|locate| add_order(locate, u64::from(locate), b"WIRE    ")).collect();
        let replaces: Vec<_> = (0..20).map(replace).collect();
        // Each of these takes two records: one that names the instrument, and its own.
        let halts: Vec<_> = (100..120).map(halt).collect();
        let messages: Vec<&[u8]> = adds
            .iter()
            .zip(&replaces)
            .zip(&halts)
            .flat_map(|((add, replace), halt)| [&add[..], &replace[..], &halt[..]])
            .collect();
        let mut roomy = Feed::new(&NASDAQ, framing);
        let packet = roomy.pack(&data(1), &messages);
        roomy.packet(&packet);
        assert_eq!(roomy.events.len(), 120);
        for (events, records) in [(2, 2), (3, 2), (7, 3), (120, 3), (120, 4)] {
            let mut tight = Feed::with_room(&NASDAQ, framing, events, records);
            assert_eq!(tight.packet(&packet).1.messages, 60);
            let plain = |feed: &Feed| -> Vec<_> {
                feed.events.iter().map(|(event, cold, record)| (*event, cold.sequence, *record)).collect()
            };
            assert_eq!(plain(&tight), plain(&roomy));
            assert_eq!(tight.batch.type_counts(), roomy.batch.type_counts());
        }
    }
}

#[test]
fn a_full_batch_stops_before_the_message_and_says_where() {
    let table = CheckedTable::new(&NASDAQ).unwrap();
    let mut decoder = table.create(Framing::MOLDUDP64).unwrap();
    let mut batch = BatchBuffer::new(3, 8, table.description());
    let mut packet = vec![0; 512];
    let size = decoder.pack(&data(1), &[&replace(1), &replace(2)], &mut packet).offset;
    packet.truncate(size as usize);
    decoder.frame(&packet, &mut Frame::default());
    let decoded = decoder.decode(&packet, 0, &mut batch);
    assert_eq!((decoded.status, decoded.messages, decoded.offset), (Status::BATCH_FULL, 1, 57));
    assert_eq!(batch.len(), 2);
}

#[test]
fn a_call_may_go_on_before_or_past_where_a_full_batch_stopped() {
    let table = CheckedTable::new(&NASDAQ).unwrap();
    let mut decoder = table.create(Framing::MOLDUDP64).unwrap();
    let mut batch = BatchBuffer::new(4, 8, table.description());
    let messages: Vec<_> = (1..=9).map(order_delete).collect();
    let slices: Vec<&[u8]> = messages.iter().map(|message| &message[..]).collect();
    let mut packet = vec![0; 512];
    let size = decoder.pack(&data(1), &slices, &mut packet).offset;
    packet.truncate(size as usize);
    decoder.frame(&packet, &mut Frame::default());
    for (skip, expected) in [(0, [1, 2, 3]), (4, [5, 6, 7]), (1, [2, 3, 4]), (5, [6, 7, 8]), (3, [4, 5, 6])] {
        decoder.decode(&packet, skip, &mut batch);
        let orders: Vec<_> = batch.parts_mut().0.iter().map(|event| event.order_id).collect();
        assert_eq!(orders, expected);
        batch.clear();
    }
}

#[test]
fn skipped_messages_are_not_counted_and_keep_their_sequences() {
    let mut feed = Feed::new(&NASDAQ, Framing::MOLDUDP64);
    let messages: Vec<_> = (1..=5).map(order_delete).collect();
    let slices: Vec<&[u8]> = messages.iter().map(|message| &message[..]).collect();
    let packet = feed.pack(&data(10), &slices);
    feed.packet(&packet);
    feed.events.clear();
    for (skip, expected) in [(3, &[13, 14][..]), (0, &[10, 11, 12, 13, 14]), (4, &[14]), (5, &[]), (9, &[])] {
        let decoded = feed.decode(&packet, skip);
        assert_eq!((decoded.status, decoded.messages as usize), (Status::OK, expected.len()));
        let found: Vec<_> = feed.events.drain(..).map(|(_, cold, _)| cold.sequence).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn skipping_past_what_a_cut_packet_holds_is_truncated() {
    let mut feed = Feed::new(&NASDAQ, Framing::MOLDUDP64);
    let packet = feed.pack(&data(1), &[&order_delete(1), &order_delete(2)]);
    let cut = &packet[..packet.len() - 1];
    feed.packet(cut);
    let decoded = feed.decode(cut, 2);
    assert_eq!((decoded.status, decoded.messages), (Status::TRUNCATED, 0));
}

#[test]
fn an_encoder_repeats_the_symbols_of_definitions() {
    let mut feed = Feed::new(&NASDAQ, Framing::MOLDUDP64);
    let message = add_order(7, 1, b"WIRE    ");
    let packet = feed.pack(&data(1), &[&message, &add_order(7, 2, b"WIRE    ")]);
    feed.packet(&packet);
    let records: Vec<_> = feed.events.iter().filter_map(|(.., record)| *record).collect();
    let events: Vec<_> = feed.events.iter().map(|(event, ..)| *event).collect();
    let cold: Vec<_> = feed.events.iter().map(|(_, cold, _)| *cold).collect();
    let mut output = [0; 64];
    let mut encode = |from: usize, to: usize| {
        let group = Group { events: &events[from..to], cold: &cold[from..to], records: &records };
        let outcome = feed.decoder.encode(group, &mut output);
        (outcome.status, output[..outcome.offset as usize].to_vec())
    };
    assert_eq!(encode(0, 2), (Status::OK, message.to_vec()));
    assert_eq!(encode(2, 3), (Status::OK, add_order(7, 2, b"WIRE    ").to_vec()));
    // Two adds are no message.
    assert_eq!(encode(1, 3).0, Status::NOT_ENCODABLE);
    assert_eq!(encode(0, 0).0, Status::NOT_ENCODABLE);
}
