//! What each framing says of its packets, and how messages that are not as announced are told.

mod common;

use wirebook_abi::{Decoded, Frame, FrameKind, Framing, Span, Status};
use wirebook_itch::NASDAQ;

use common::{Feed, add_order, data, empty, order_delete};

/// Status, messages taken, offset.
fn answer(decoded: Decoded) -> (Status, u32, u32) {
    (decoded.status, decoded.messages, decoded.offset)
}

fn sequences(feed: &Feed) -> Vec<u64> {
    feed.events.iter().map(|(_, cold, _)| cold.sequence).collect()
}

/// Status, sequence, offset and type of each fault.
fn faults(feed: &Feed) -> Vec<(Status, u64, u32, u16)> {
    feed.faults.iter().map(|fault| (fault.status, fault.sequence, fault.offset, fault.message_type)).collect()
}

#[test]
fn moldudp64_numbers_messages_from_its_header() {
    let mut feed = Feed::new(&NASDAQ, Framing::MOLDUDP64);
    let packet = feed.pack(&data(500), &[&order_delete(1), &order_delete(2), &order_delete(3)]);
    assert_eq!(packet[..20], *b"TESTING01 \0\0\0\0\0\0\x01\xf4\0\x03");
    let (_, decoded) = feed.packet(&packet);
    assert_eq!(answer(decoded), (Status::OK, 3, packet.len() as u32));
    assert_eq!(sequences(&feed), [500, 501, 502]);
    let frame = feed.frames[0];
    assert_eq!(frame, Frame { message_count: 3, size_bytes: packet.len() as u32, ..data(500) });
}

#[test]
fn moldudp64_counts_of_0_and_65535_carry_no_message() {
    let mut feed = Feed::new(&NASDAQ, Framing::MOLDUDP64);
    for kind in [FrameKind::HEARTBEAT, FrameKind::END_OF_SESSION] {
        let packet = feed.pack(&empty(77, kind), &[]);
        assert_eq!(packet.len(), 20);
        assert_eq!(answer(feed.packet(&packet).1), (Status::OK, 0, 20));
        let frame = feed.frames.pop().unwrap();
        assert_eq!((frame.kind, frame.first_sequence, frame.message_count), (kind, 77, 0));
    }
    assert!(feed.events.is_empty() && feed.faults.is_empty());
}

#[test]
fn moldudp64_shorter_than_its_header_is_refused() {
    let mut feed = Feed::new(&NASDAQ, Framing::MOLDUDP64);
    let packet = feed.pack(&data(1), &[&order_delete(1)]);
    for size in 0..20 {
        let (outcome, _) = feed.packet(&packet[..size]);
        assert_eq!((outcome.status, outcome.offset), (Status::TRUNCATED, size as u32));
    }
}

#[test]
fn moldudp64_that_announces_more_than_it_holds_gives_what_is_whole() {
    let mut feed = Feed::new(&NASDAQ, Framing::MOLDUDP64);
    let packet = feed.pack(&data(1), &[&order_delete(1), &order_delete(2)]);
    let (_, decoded) = feed.packet(&packet[..packet.len() - 1]);
    assert_eq!(answer(decoded), (Status::TRUNCATED, 1, 20 + 21));
    assert_eq!(sequences(&feed), [1]);
}

#[test]
fn moldudp64_bytes_past_the_last_message_are_noted() {
    let mut feed = Feed::new(&NASDAQ, Framing::MOLDUDP64);
    let mut packet = feed.pack(&data(9), &[&order_delete(1)]);
    packet.extend_from_slice(&[0, 0, 0]);
    assert_eq!(answer(feed.packet(&packet).1), (Status::OK, 1, 41));
    assert_eq!(faults(&feed), [(Status::TRAILING_BYTES, 10, 41, 0)]);
}

#[test]
fn an_empty_block_consumes_a_sequence_and_nothing_else() {
    let mut feed = Feed::new(&NASDAQ, Framing::MOLDUDP64);
    let packet = feed.pack(&data(1), &[&order_delete(1), &[], &order_delete(3)]);
    assert_eq!(feed.packet(&packet).1.messages, 3);
    assert_eq!(sequences(&feed), [1, 3]);
    assert!(feed.faults.is_empty());
    assert_eq!(feed.batch.type_counts().iter().sum::<u64>(), 2);
}

#[test]
fn unknown_short_long_and_bad_messages_are_noted_and_the_rest_goes_on() {
    let mut feed = Feed::new(&NASDAQ, Framing::MOLDUDP64);
    let delete = order_delete(5);
    let long = [&delete[..], b"new"].concat();
    let mut sideless = add_order(7, 1, b"WIRE    ");
    sideless[19] = b'X';
    let packet = feed.pack(&data(1), &[b"!unknown", &delete[..18], &long, &sideless, &delete]);
    assert_eq!(feed.packet(&packet).1.messages, 5);
    assert_eq!(
        faults(&feed),
        [
            (Status::UNKNOWN_TYPE, 1, 22, u16::from(b'!')),
            (Status::SHORT_MESSAGE, 2, 32, u16::from(b'D')),
            (Status::LONG_MESSAGE, 3, 52, u16::from(b'D')),
            (Status::BAD_VALUE, 4, 76, u16::from(b'A')),
        ]
    );
    assert_eq!(sequences(&feed), [3, 5]);
    assert_eq!(feed.batch.type_counts().iter().sum::<u64>(), 2);
}

#[test]
fn codes_that_decide_nothing_are_never_checked() {
    let mut feed = Feed::new(&NASDAQ, Framing::LENGTH16);
    let mut cross = [b'?'; 40];
    cross[0] = b'Q';
    feed.stream(&[&[0, 40], &cross[..]].concat());
    assert_eq!(feed.events.len(), 2);
    assert!(feed.faults.is_empty());
}

#[test]
fn length16_counts_messages_from_1_and_ends_at_length_0() {
    let mut feed = Feed::new(&NASDAQ, Framing::LENGTH16);
    let messages: Vec<_> = (1..=150).map(order_delete).collect();
    let slices: Vec<&[u8]> = messages.iter().map(|message| &message[..]).collect();
    let mut stream = feed.pack(&data(1), &slices);
    stream.extend_from_slice(&feed.pack(&empty(1, FrameKind::END_OF_SESSION), &[]));
    let (outcome, taken) = feed.stream(&stream);
    assert_eq!((outcome.status, taken), (Status::OK, stream.len()));
    assert_eq!(sequences(&feed), (1..=150).collect::<Vec<_>>());
    let kinds: Vec<_> = feed.frames.iter().map(|frame| (frame.kind, frame.message_count)).collect();
    let (data, end) = (FrameKind::DATA, FrameKind::END_OF_SESSION);
    assert_eq!(kinds, [(data, 64), (data, 64), (data, 22), (end, 0)]);
    assert_eq!(feed.frames[3].first_sequence, 151);
}

#[test]
fn a_stream_call_begins_no_message_past_4096_bytes() {
    let mut feed = Feed::new(&NASDAQ, Framing::LENGTH16);
    let message = [b'!'; 1022];
    let stream = feed.pack(&data(1), &[&message[..]; 4]);
    let stream = [&stream[..], &stream[..]].concat();
    feed.stream(&stream);
    let counts: Vec<_> = feed.frames.iter().map(|frame| (frame.message_count, frame.size_bytes)).collect();
    assert_eq!(counts, [(4, 4096), (4, 4096)]);
}

#[test]
fn every_cut_of_a_stream_gives_its_whole_messages_and_then_truncated() {
    for framing in [Framing::LENGTH16, Framing::SOUPBINTCP] {
        let mut writer = Feed::new(&NASDAQ, framing);
        let stream = writer.pack(&data(1), &[&order_delete(1), &order_delete(2)]);
        let one = stream.len() / 2;
        for size in 0..stream.len() {
            let mut feed = Feed::new(&NASDAQ, framing);
            let (outcome, taken) = feed.stream(&stream[..size]);
            let whole = size / one;
            if taken < size || size == 0 {
                assert_eq!((outcome.status, outcome.offset), (Status::TRUNCATED, 0));
            }
            assert_eq!((taken, feed.events.len()), (whole * one, whole));
        }
    }
}

#[test]
fn soupbintcp_counts_sequenced_packets_from_the_login() {
    let mut feed = Feed::new(&NASDAQ, Framing::SOUPBINTCP);
    let mut stream = feed.pack(&empty(1_000, FrameKind::CONTROL), &[]);
    assert_eq!(stream, *b"\0\x1fA TESTING01                1000");
    let mut put = |bytes: &[u8]| stream.extend_from_slice(bytes);
    put(&feed.pack(&data(0), &[&order_delete(1), &order_delete(2)]));
    put(b"\0\x01H");
    put(b"\0\x06+debug");
    put(b"\0\x02U!");
    put(&feed.pack(&data(0), &[&order_delete(3)]));
    put(b"\0\x01Z");
    assert_eq!(feed.stream(&stream).1, stream.len());
    assert_eq!(sequences(&feed), [1_000, 1_001, 1_002]);
    let kinds: Vec<_> = feed.frames.iter().map(|frame| (frame.kind, frame.first_sequence)).collect();
    assert_eq!(
        kinds,
        [
            (FrameKind::CONTROL, 1_000),
            (FrameKind::DATA, 1_000),
            (FrameKind::HEARTBEAT, 1_002),
            (FrameKind::CONTROL, 1_002),
            (FrameKind::CONTROL, 1_002),
            (FrameKind::DATA, 1_002),
            (FrameKind::END_OF_SESSION, 1_003),
        ]
    );
    assert_eq!(feed.frames[6].session, data(0).session);
}

#[test]
fn soupbintcp_without_a_login_counts_from_1() {
    let mut feed = Feed::new(&NASDAQ, Framing::SOUPBINTCP);
    let stream = feed.pack(&data(0), &[&order_delete(1)]);
    assert_eq!(stream[..3], *b"\0\x14S");
    feed.stream(&stream);
    assert_eq!(sequences(&feed), [1]);
}

#[test]
fn soupbintcp_that_is_none_is_a_bad_header() {
    for bytes in [&b"\0\0"[..], b"\0\x01?", b"\0\x1fA TESTING01            1000x   "] {
        let mut feed = Feed::new(&NASDAQ, Framing::SOUPBINTCP);
        assert_eq!(feed.packet(bytes).0.status, Status::BAD_HEADER, "{bytes:?}");
    }
}

#[test]
fn split_finds_each_message_in_every_framing() {
    for framing in [Framing::MOLDUDP64, Framing::LENGTH16, Framing::SOUPBINTCP] {
        let mut feed = Feed::new(&NASDAQ, framing);
        let (first, second) = (order_delete(1), add_order(7, 2, b"WIRE    "));
        let packet = feed.pack(&data(1), &[&first, &second]);
        feed.packet(&packet);
        let mut spans = [Span::default(); 4];
        let decoded = feed.decoder.split(&packet, &mut spans);
        assert_eq!((decoded.status, decoded.messages), (Status::OK, 2));
        let found: Vec<_> =
            spans[..2].iter().map(|span| &packet[span.offset as usize..][..span.size as usize]).collect();
        assert_eq!(found, [&first[..], &second[..]]);
        let decoded = feed.decoder.split(&packet, &mut spans[..1]);
        assert_eq!((decoded.status, decoded.messages), (Status::BATCH_FULL, 1));
    }
}

#[test]
fn what_a_framing_cannot_say_is_refused() {
    let mut output = [0; 4096];
    let long = [0; 65_536];
    for framing in [Framing::MOLDUDP64, Framing::LENGTH16, Framing::SOUPBINTCP] {
        let mut feed = Feed::new(&NASDAQ, framing);
        let mut refusal = |frame: &Frame, messages: &[&[u8]]| feed.decoder.pack(frame, messages, &mut output).status;
        assert_eq!(refusal(&data(1), &[&long]), Status::NOT_ENCODABLE);
        assert_eq!(refusal(&data(1), &[&long[..5000]]), Status::NO_ROOM);
        assert_eq!(refusal(&empty(1, FrameKind::HEARTBEAT), &[b"x"]), Status::NOT_ENCODABLE);
    }
    let mut stream = Feed::new(&NASDAQ, Framing::LENGTH16);
    assert_eq!(stream.decoder.pack(&data(1), &[b""], &mut output).status, Status::NOT_ENCODABLE);
}
