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
