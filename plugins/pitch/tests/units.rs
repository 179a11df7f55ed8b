//! Unit headers, and what a unit remembers: the second, and the numbers of its instruments.

mod common;

use wirebook_abi::{Event, EventKind, Frame, FrameKind, Outcome, Span, Status, Tag, flags};
use wirebook_pitch::{
    CFE_1_1_6, CFE_1_1_12, CFE_1_2_19, COMPLEX_2_1_18, EQUITIES_2_41_64, EUROPE_6_67, OPTIONS_2_41_64,
};

use common::{Feed, TABLES, add_order, delete_order, description, time, unit};

fn framed(packet: &[u8]) -> Result<Frame, Outcome> {
    let mut feed = Feed::new(&EQUITIES_2_41_64);
    let mut frame = Frame::default();
    match feed.decoder.frame(packet, &mut frame) {
        Outcome { status: Status::OK, .. } => Ok(frame),
        refused => Err(refused),
    }
}

#[test]
fn headers_give_unit_sequence_and_count() {
    let frame = framed(&unit(31, 35_742, &[&time(34_200), &add_order(1, b"YANG  ")])).unwrap();
    assert_eq!((frame.kind, frame.first_sequence, frame.message_count), (FrameKind::DATA, 35_742, 2));
    assert_eq!((&frame.session[..3], frame.size_bytes), (&b"31\0"[..], 40));
    let unsequenced = framed(&unit(255, 0, &[&delete_order(1)])).unwrap();
    assert_eq!((unsequenced.first_sequence, &unsequenced.session[..4]), (0, &b"255\0"[..]));
}

#[test]
fn heartbeats_say_what_comes_next_or_nothing() {
    for sequence in [21_134, 0, u32::MAX] {
        let frame = framed(&unit(1, sequence, &[])).unwrap();
        assert_eq!((frame.kind, frame.first_sequence), (FrameKind::HEARTBEAT, u64::from(sequence)));
        assert_eq!((frame.message_count, frame.size_bytes), (0, 8));
    }
}

#[test]
fn headers_that_contradict_themselves_are_refused() {
    let sound = unit(1, 1, &[&delete_order(1)]);
    for size in 0..8 {
        assert_eq!(framed(&sound[..size]).unwrap_err().status, Status::TRUNCATED);
    }
    for (at, value) in [(0, 7), (0, 9), (2, 0), (2, 8)] {
        let mut bad = sound.clone();
        bad[at] = value;
        assert_eq!(framed(&bad).unwrap_err().status, Status::BAD_HEADER, "byte {at} is {value}");
    }
}

#[test]
fn what_does_not_fill_the_packet_is_told_with_its_offset() {
    let packet = unit(1, 5, &[&delete_order(1), &delete_order(2)]);
    let mut feed = Feed::new(&EQUITIES_2_41_64);
    let (_, decoded) = feed.packet(&packet[..30]);
    assert_eq!((decoded.status, decoded.messages, decoded.offset), (Status::TRUNCATED, 1, 22));
    let mut trailing = packet.clone();
    trailing.extend_from_slice(b"xy");
    assert_eq!(feed.packet(&trailing).1.status, Status::OK);
    let fault = feed.faults[0];
    assert_eq!((fault.status, fault.offset, fault.sequence), (Status::TRAILING_BYTES, 36, 7));
    // A length that makes no sense leaves nobody to say where the next message is.
    for (length, status, messages) in
        [(0, Status::BAD_HEADER, 0), (15, Status::TRUNCATED, 1), (29, Status::TRUNCATED, 0)]
    {
        let mut lying = packet.clone();
        lying[8] = length;
        let (_, decoded) = feed.packet(&lying);
        assert_eq!((decoded.status, decoded.messages), (status, messages), "a message of length {length}");
    }
}

#[test]
fn packets_are_written_as_they_are_read() {
    let messages: [&[u8]; 2] = [&time(34_200), &delete_order(7)];
    let mut feed = Feed::new(&EQUITIES_2_41_64);
    for (number, packet) in [(31, unit(31, 9, &messages)), (200, unit(200, 0, &messages)), (1, unit(1, 4, &[]))] {
        let frame = framed(&packet).unwrap();
        let mut output = [0; 64];
        let slices: &[&[u8]] = if frame.message_count == 0 { &[] } else { &messages };
        let outcome = feed.decoder.pack(&frame, slices, &mut output);
        assert_eq!((outcome.status, &output[..outcome.offset as usize]), (Status::OK, &packet[..]), "unit {number}");
    }
    let frame = Frame { kind: FrameKind::END_OF_SESSION, ..Frame::default() };
    assert_eq!(feed.decoder.pack(&frame, &[], &mut [0; 64]).status, Status::NOT_ENCODABLE);
    assert_eq!(feed.decoder.pack(&Frame::default(), &[b"\x03\x29"], &mut [0; 64]).status, Status::NOT_ENCODABLE);
    assert_eq!(feed.decoder.pack(&Frame::default(), &messages, &mut [0; 20]).status, Status::NO_ROOM);
}

#[test]
fn messages_lie_where_split_says() {
    let packet = unit(1, 1, &[&time(1), &add_order(1, b"YANG  "), &delete_order(1)]);
    let mut feed = Feed::new(&EQUITIES_2_41_64);
    feed.decoder.frame(&packet, &mut Frame::default());
    let mut spans = [Span::default(); 4];
    assert_eq!(feed.decoder.split(&packet, &mut spans).messages, 3);
    let found: Vec<_> = spans[..3].iter().map(|span| (span.offset, span.size)).collect();
    assert_eq!(found, [(8, 6), (14, 26), (40, 14)]);
}

fn times(feed: &mut Feed) -> Vec<u64> {
    feed.events.drain(..).map(|(_, cold, _)| cold.ts_event_ns).collect()
}

#[test]
fn a_second_holds_from_packet_to_packet_until_messages_are_missing() {
    let mut feed = Feed::new(&EQUITIES_2_41_64);
    feed.messages(1, &[&delete_order(1)]);
    assert_eq!(times(&mut feed), [0], "no time message was seen yet");
    feed.messages(2, &[&time(34_200), &delete_order(1)]);
    feed.messages(4, &[&delete_order(1)]);
    assert_eq!(times(&mut feed), [34_200_000_000_007; 2]);
    // The missing one may have been a time message.
    feed.messages(6, &[&delete_order(1), &time(34_201), &delete_order(1)]);
    assert_eq!(times(&mut feed), [0, 34_201_000_000_007]);
}

#[test]
fn messages_that_are_passed_over_still_set_the_second() {
    let packet = unit(31, 1, &[&time(34_200), &delete_order(1), &time(34_201), &delete_order(2)]);
    for skip in 0..4 {
        let mut feed = Feed::new(&EQUITIES_2_41_64);
        feed.decoder.frame(&packet, &mut Frame::default());
        feed.decode(&packet, skip);
        assert_eq!(times(&mut feed).last(), Some(&34_201_000_000_007), "from message {skip} on");
    }
}

#[test]
fn times_of_futures_are_unix_times() {
    let time = wirebook_pitch::cfe_futures_depth_1_1_6::TimeFields { time: 50_000, epoch_time: 1_556_745_005 };
    let mut feed = Feed::new(&CFE_1_1_6);
    feed.messages(1, &[&time.encode(), &delete_order(1)]);
    assert_eq!(times(&mut feed), [1_556_745_005_000_000_007]);
}

#[test]
fn symbols_get_numbers_in_the_order_of_their_first_message() {
    let mut feed = Feed::new(&EQUITIES_2_41_64);
    feed.messages(1, &[&add_order(1, b"YANG  "), &add_order(2, b"XSVN  "), &add_order(3, b"YANG  ")]);
    let expanded = wirebook_pitch::cboe_us_equities_depth_2_41_64::TradingStatusFields {
        symbol: *b"XSVN    ",
        trading_status: b'T',
        ..Default::default()
    };
    feed.messages(4, &[&expanded.encode()]);
    let found: Vec<_> = feed.events.iter().map(|(event, ..)| (event.kind, event.instrument)).collect();
    let (definition, add) = (EventKind::DEFINITION, EventKind::ADD);
    assert_eq!(
        found,
        [(definition, 0), (add, 0), (definition, 1), (add, 1), (add, 0), (EventKind::STATUS, 1)],
        "six characters and eight are one symbol"
    );
    assert_eq!(feed.events[2].2.unwrap().text(), "XSVN");
    // Orders are named by their id alone: the book knows whose they are.
    feed.messages(5, &[&delete_order(1)]);
    assert_eq!(feed.events.last().unwrap().0.instrument, Event::NO_INSTRUMENT);
}

#[test]
fn one_instrument_too_many_is_a_counted_fault() {
    let limit = description(&EQUITIES_2_41_64).instrument_limit;
    let mut feed = Feed::new(&EQUITIES_2_41_64);
    for index in 0..=limit {
        let text = format!("{index:<6}");
        feed.events.clear();
        feed.messages(1 + index, &[&add_order(u64::from(index) + 1, text.as_bytes().first_chunk().unwrap())]);
    }
    assert_eq!(feed.faults.len(), 1);
    let fault = feed.faults[0];
    assert_eq!((fault.status, fault.sequence), (Status::TOO_MANY_INSTRUMENTS, u64::from(limit) + 1));
    assert_eq!((fault.offset, fault.message_type), (8, 0x22));
    assert!(feed.events.is_empty());
    feed.messages(limit + 2, &[&add_order(9, b"0     ")]);
    assert_eq!(feed.events[0].0.instrument, 0, "those that were met are still known");
}

#[test]
fn longer_messages_are_of_a_newer_version() {
    let mut message = delete_order(7).to_vec();
    message.extend_from_slice(b"new");
    message[0] += 3;
    for table in TABLES {
        let mut feed = Feed::new(table);
        feed.messages(1, &[&message]);
        assert_eq!((feed.faults.len(), feed.events.len()), (0, 1));
    }
}

#[test]
fn types_that_nobody_described_are_skipped_by_their_length() {
    for table in TABLES {
        let mut feed = Feed::new(table);
        feed.messages(1, &[b"\x05\x7fabc", &delete_order(1), b"\x01", b"\x0d\x290123456789a"]);
        let faults: Vec<_> = feed.faults.iter().map(|fault| (fault.status, fault.message_type, fault.offset)).collect();
        assert_eq!(
            faults,
            [(Status::UNKNOWN_TYPE, 0x7f, 8), (Status::SHORT_MESSAGE, 0, 27), (Status::SHORT_MESSAGE, 0x29, 28)]
        );
        assert_eq!(feed.events.len(), 1);
    }
}

#[test]
fn messages_outside_the_numbering_stand_behind_the_last_that_has_a_number() {
    let mut feed = Feed::new(&EQUITIES_2_41_64);
    feed.messages(40, &[&delete_order(1), &delete_order(2)]);
    feed.messages(0, &[&add_order(3, b"YANG  "), &delete_order(3)]);
    let sequences: Vec<_> = feed.events.iter().map(|(_, cold, _)| cold.sequence).collect();
    assert_eq!(sequences, [40, 41, 41, 41, 41]);
    feed.messages(42, &[&delete_order(4)]);
    assert_eq!(feed.events.last().unwrap().1.sequence, 42);
}

#[test]
fn prices_below_zero_are_known_where_there_are_spreads() {
    let short = wirebook_pitch::cboe_c1_options_complex_2_1_18::ModifyOrderShortFields {
        order_id: 5,
        quantity: 11,
        price: -22_065,
        ..Default::default()
    };
    let mut feed = Feed::new(&COMPLEX_2_1_18);
    feed.messages(1, &[&short.encode()]);
    assert_eq!((feed.events[0].0.price, feed.events[0].0.quantity), (-2_206_500, 11));
    // Elsewhere the same bytes are a large price.
    let short = wirebook_pitch::cboe_us_equities_depth_2_41_64::ModifyOrderShortFields {
        order_id: 5,
        price: u16::MAX,
        ..Default::default()
    };
    let mut feed = Feed::new(&EQUITIES_2_41_64);
    feed.messages(1, &[&short.encode()]);
    assert_eq!(feed.events[0].0.price, 6_553_500);
}

#[test]
fn long_symbols_are_told_from_short_ones() {
    use wirebook_pitch::cboe_europe_depth_6_67::{AddOrderShortFields, TradeUnknownSymbolFields};
    let add = AddOrderShortFields { side_indicator: b'B', symbol: *b"VODl  ", ..Default::default() };
    let named = |symbol: &[u8; 12]| TradeUnknownSymbolFields { symbol: *symbol, ..Default::default() };
    let mut feed = Feed::new(&EUROPE_6_67);
    feed.messages(
        1,
        &[
            &add.encode(),
            &named(b"GB00BH4HKS39").encode(),
            &named(b"VODl        ").encode(),
            &named(b"GB00BH4HKS3A").encode(),
        ],
    );
    let symbols: Vec<_> = feed.events.iter().filter_map(|(.., record)| *record).collect();
    let texts: Vec<_> = symbols.iter().map(|record| (record.instrument, record.text())).collect();
    assert_eq!(texts, [(0, "VODl"), (1, "GB00BH4HKS39"), (2, "GB00BH4HKS3A")]);
}

#[test]
fn legs_are_counted_in_the_definition() {
    let message = b"\x33\x9a\0\0\0\0T01uVjSPX     O   \x02021FXz  \x01\0\0\0O021FXv  \xff\xff\xff\xffO";
    let mut feed = Feed::new(&COMPLEX_2_1_18);
    feed.messages(0, &[message]);
    let record = feed.events[0].2.unwrap();
    assert_eq!((record.text(), record.get(Tag::LEG_COUNT)), ("T01uVj", Some(2)));
    let mut lying = message.to_vec();
    lying[24] = 3;
    feed.events.clear();
    feed.messages(0, &[&lying]);
    assert_eq!((feed.events.len(), feed.faults[0].status), (0, Status::SHORT_MESSAGE));
}

/// A message of the options feed that begins, or ends, a transaction.
fn transaction(kind: u8) -> [u8; 6] {
    [6, kind, 9, 0, 0, 0]
}

const BEGIN: u8 = 0xbc;
const END: u8 = 0xbd;

/// Kind and whether it is the last of its group, of each event since the last call.
fn groups(feed: &mut Feed) -> Vec<(EventKind, bool)> {
    feed.events.drain(..).map(|(event, ..)| (event.kind, event.flags & flags::LAST != 0)).collect()
}

#[test]
fn a_transaction_is_one_group_across_packets() {
    const DELETE: EventKind = EventKind::DELETE;
    for table in [&OPTIONS_2_41_64, &COMPLEX_2_1_18, &CFE_1_1_6, &CFE_1_1_12, &CFE_1_2_19, &EUROPE_6_67] {
        let mut feed = Feed::new(table);
        feed.messages(1, &[&delete_order(1), &transaction(BEGIN), &delete_order(2)]);
        feed.messages(4, &[&delete_order(3)]);
        assert_eq!(groups(&mut feed), [(DELETE, true), (DELETE, false), (DELETE, false)]);
        feed.messages(5, &[&delete_order(4), &transaction(END), &delete_order(5)]);
        assert_eq!(groups(&mut feed), [(DELETE, false), (EventKind::END, true), (DELETE, true)]);
    }
}

#[test]
fn a_transaction_whose_end_is_missing_ends_where_that_shows() {
    let mut feed = Feed::new(&OPTIONS_2_41_64);
    feed.messages(1, &[&transaction(BEGIN), &delete_order(1), &transaction(BEGIN), &delete_order(2)]);
    let (delete, end) = (EventKind::DELETE, EventKind::END);
    assert_eq!(groups(&mut feed), [(delete, false), (end, true), (delete, false)], "another begins");
    feed.messages(6, &[&delete_order(3)]);
    assert_eq!(groups(&mut feed), [(delete, true)], "messages are missing");
    feed.messages(7, &[&transaction(BEGIN)]);
    let other = unit(32, 1, &[&delete_order(1)]);
    feed.packet(&other);
    assert_eq!(groups(&mut feed), [(delete, true)], "another session");
}

#[test]
fn a_transaction_that_was_passed_over_holds() {
    let packet = unit(31, 1, &[&transaction(BEGIN), &delete_order(1), &transaction(END), &delete_order(2)]);
    for (skip, last) in [(1, false), (2, true), (3, true)] {
        let mut feed = Feed::new(&OPTIONS_2_41_64);
        feed.decoder.frame(&packet, &mut Frame::default());
        feed.decode(&packet, skip);
        assert_eq!(groups(&mut feed)[0].1, last, "from message {skip} on");
    }
}
