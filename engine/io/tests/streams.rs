//! TCP streams and raw protocol files: every byte once, in order, and joined over the borders of segments and views.

mod support;

use etherparse::PacketBuilder;
use proptest::prelude::*;
use support::*;
use wirebook_io::{
    PacketKind, PacketSource, SourceError,
    capture::{CaptureSource, Format},
};

#[derive(Clone, Copy)]
enum Flag {
    None,
    Syn,
    Reset,
}

fn segment(sequence: u32, flag: Flag, payload: &[u8]) -> Record {
    let builder = PacketBuilder::ethernet2([2; 6], [1; 6]).ipv4([10, 0, 0, 1], [10, 0, 0, 2], 9);
    let builder = builder.tcp(9000, 40_000, sequence, 1000);
    let builder = match flag {
        Flag::None => builder.ack(1),
        Flag::Syn => builder.syn(),
        Flag::Reset => builder.rst(),
    };
    let mut frame = Vec::new();
    builder.write(&mut frame, payload).unwrap();
    // Ethernet pads short frames; the padding is no payload.
    frame.resize(frame.len().max(60), 0xee);
    Record::new(1, sequence % 1000, frame)
}

fn file(records: &[Record]) -> Vec<u8> {
    pcap(Bytes(false), true, 1, records)
}

/// Messages with a `u16` length before them.
fn messages(count: usize) -> Vec<u8> {
    (0..count)
        .flat_map(|index| [&[0, (index % 50) as u8 + 1][..], &vec![b'A' + (index % 20) as u8; index % 50 + 1]].concat())
        .collect()
}

/// Reads with a consumer that takes whole messages only, and gives what it took.
fn consumed(source: &mut CaptureSource, most: usize) -> (Vec<u8>, Vec<Got>, Option<SourceError>) {
    let mut taken = Vec::new();
    let (got, error) = collect_with(source, 8, |bytes| {
        let size = whole_messages(&bytes[..bytes.len().min(most)]);
        taken.extend_from_slice(&bytes[..size]);
        size
    });
    (taken, got, error)
}

#[test]
fn a_message_over_two_segments_comes_whole() {
    let bytes = [&[0, 3][..], b"abc", &[0, 4], b"defg"].concat();
    let records =
        [segment(99, Flag::Syn, &[]), segment(100, Flag::None, &bytes[..7]), segment(107, Flag::None, &bytes[7..])];
    let mut source = CaptureSource::from_memory(file(&records)).unwrap();
    let (taken, got, error) = consumed(&mut source, usize::MAX);
    assert!(error.is_none());
    assert_eq!(taken, bytes);
    assert_eq!(payloads(&got), [&bytes[..7], &bytes[5..]]);
    assert_eq!(got.iter().map(|got| (got.offset, got.index)).collect::<Vec<_>>(), [(0, 1), (5, 2)]);
    assert!(got.iter().all(|got| got.kind == PacketKind::Stream && !got.after_hole));
    assert_eq!(source.counters().payload_bytes, bytes.len() as u64);
    assert_eq!(source.counters().stream_bytes_left, 0);
}

#[test]
fn a_missing_segment_is_a_hole_and_what_follows_comes_after_it() {
    let records = [segment(1, Flag::None, b"abc"), segment(9, Flag::None, b"jkl"), segment(12, Flag::None, b"mno")];
    let mut source = CaptureSource::from_memory(file(&records)).unwrap();
    let (got, error) = collect_with(&mut source, 8, |bytes| bytes.len() - 1);
    assert!(error.is_none());
    assert_eq!(payloads(&got), [&b"abc"[..], b"jklmno"]);
    assert_eq!(got.iter().map(|got| got.after_hole).collect::<Vec<_>>(), [false, true]);
    assert_eq!((got[1].offset, got[1].index), (8, 2));
    let counters = source.counters();
    assert_eq!((counters.tcp_holes, counters.tcp_out_of_order, counters.stream_bytes_left), (1, 2, 2));
}

#[test]
fn what_is_held_back_is_bounded_and_becomes_a_hole() {
    let chunk = vec![b'x'; 60_000];
    let mut records = vec![segment(1, Flag::None, b"abc")];
    records.extend((0..40_u32).map(|index| segment(1_000 + index * 60_000, Flag::None, &chunk)));
    let mut source = CaptureSource::from_memory(file(&records)).unwrap();
    let (got, error) = collect(&mut source);
    assert!(error.is_none());
    assert_eq!(source.counters().tcp_holes, 1);
    assert!(got[1].after_hole && got[1].payload.len() < (1 << 20) + 120_000);
    assert_eq!(got.iter().map(|got| got.payload.len()).sum::<usize>(), 3 + 40 * 60_000);
}

#[test]
fn a_stream_that_nobody_consumes_is_given_up_and_datagrams_still_come() {
    let chunk = vec![b'x'; 60_000];
    let mut records: Vec<_> = (0..40_u32).map(|index| segment(index * 60_000, Flag::None, &chunk)).collect();
    records.push(Record::new(0, 0, udp(b"payload")));
    let mut source = CaptureSource::from_memory(file(&records)).unwrap();
    let (got, error) = collect_with(&mut source, 8, |_| 0);
    assert!(error.is_none());
    assert_eq!(source.counters().streams_abandoned, 1);
    assert_eq!(got.last().unwrap().payload, b"payload");
    assert!(got.iter().map(|got| got.payload.len()).max().unwrap() < (1 << 20) + 120_000);
}

#[test]
fn a_new_connection_of_the_same_ports_starts_anew_and_a_repeated_syn_does_not() {
    let records = [
        segment(99, Flag::Syn, &[]),
        segment(100, Flag::None, b"abc"),
        segment(99, Flag::Syn, &[]),
        segment(103, Flag::None, b"def"),
        segment(7_000, Flag::Syn, &[]),
        segment(7_001, Flag::None, b"ghi"),
        segment(7_004, Flag::Reset, b"reason"),
        segment(500, Flag::None, b"jkl"),
    ];
    let mut source = CaptureSource::from_memory(file(&records)).unwrap();
    let (got, error) = collect_with(&mut source, 8, |_| 1);
    assert!(error.is_none());
    assert_eq!(payloads(&got), [&b"abc"[..], b"bcdef", b"ghi", b"jkl"]);
    assert_eq!(got.iter().map(|got| got.after_hole).collect::<Vec<_>>(), [false, false, true, true]);
}

#[test]
fn bytes_that_the_capture_cut_off_a_segment_are_a_hole() {
    let records = [segment(1, Flag::None, &[b'a'; 100]).cut(54 + 60), segment(101, Flag::None, b"next")];
    let mut source = CaptureSource::from_memory(file(&records)).unwrap();
    let (got, _) = collect(&mut source);
    assert_eq!(payloads(&got), [&[b'a'; 60][..], b"next"]);
    assert!(got[1].after_hole);
    assert_eq!((source.counters().cut, source.counters().tcp_holes), (1, 1));
}

#[test]
fn sequence_numbers_wrap_around() {
    let records =
        [segment(u32::MAX - 1, Flag::None, b"abc"), segment(4, Flag::None, b"ghi"), segment(1, Flag::None, b"def")];
    let (got, counters) = read(file(&records));
    assert_eq!(payloads(&got).concat(), b"abcdefghi");
    assert_eq!((counters.tcp_holes, counters.tcp_out_of_order), (0, 1));
}

proptest! {
    #[test]
    fn segments_in_any_order_with_any_overlap_give_the_stream(
        pieces in prop::collection::vec((1_usize..60, 0_usize..30, any::<u16>()), 1..40),
        start in any::<u32>(),
        most in 53_usize..200,
    ) {
        let bytes = messages(40);
        let mut at = 0;
        let mut segments = Vec::new();
        for (size, overlap, place) in pieces {
            let end = (at + size).min(bytes.len());
            let begin = at.saturating_sub(overlap);
            segments.push((place, begin, end));
            at = end;
        }
        segments.push((0, at, bytes.len()));
        segments.sort();
        let syn = segment(start.wrapping_sub(1), Flag::Syn, &[]);
        let rest = segments.iter().map(|(_, begin, end)| segment(start.wrapping_add(*begin as u32), Flag::None, &bytes[*begin..*end]));
        let mut source = CaptureSource::from_memory(file(&[syn].into_iter().chain(rest).collect::<Vec<_>>())).unwrap();
        let (taken, got, error) = consumed(&mut source, usize::MAX);
        prop_assert!(error.is_none());
        prop_assert_eq!(&taken, &bytes);
        prop_assert!(got.iter().all(|got| !got.after_hole));
        prop_assert_eq!(source.counters().tcp_holes, 0);
        prop_assert_eq!(source.counters().payload_bytes, bytes.len() as u64);

        // A consumer that takes little at a time loses nothing either, as long as segments follow.
        let mut source = CaptureSource::from_memory_as(bytes.clone(), Format::Length16).unwrap();
        let (taken, _, error) = consumed(&mut source, most);
        prop_assert!(error.is_none());
        prop_assert_eq!(&taken, &bytes);
    }
}

#[test]
fn a_raw_stream_larger_than_its_views_comes_whole() {
    let bytes = messages(60_000);
    for format in [Format::Length16, Format::SoupBinTcp] {
        let mut source = CaptureSource::from_memory_as(bytes.clone(), format).unwrap();
        assert_eq!(source.framing().unwrap().name(), format.name());
        let (taken, got, error) = consumed(&mut source, usize::MAX);
        assert!(error.is_none());
        assert!(taken == bytes && got.len() > 5);
        assert_eq!(source.progress().unwrap().bytes_done, bytes.len() as u64);
    }
}

#[test]
fn a_raw_stream_that_ends_inside_a_message_says_where() {
    let bytes = messages(60_000);
    let whole = whole_messages(&bytes[..bytes.len() - 1]);
    let mut source = CaptureSource::from_memory_as(bytes[..bytes.len() - 1].to_vec(), Format::Length16).unwrap();
    let (taken, _, error) = consumed(&mut source, usize::MAX);
    assert!(taken == bytes[..whole]);
    match error {
        Some(SourceError::Truncated { offset, needed, left, .. }) => {
            assert_eq!((offset, needed), (whole as u64, (bytes.len() - whole) as u64));
            assert_eq!(left, needed - 1);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_decoder_that_takes_nothing_ends_a_raw_stream_with_its_place() {
    let mut source = CaptureSource::from_memory_as(messages(60_000), Format::Length16).unwrap();
    let mut calls = 0;
    let (_, error) = collect_with(&mut source, 8, |_| {
        calls += 1;
        if calls == 1 { 3 } else { 0 }
    });
    assert_eq!(calls, 2);
    assert!(matches!(error, Some(SourceError::Corrupt { offset: 3, .. })), "{error:?}");
}

fn mold(sequence: u64, messages: &[&[u8]]) -> Vec<u8> {
    let mut bytes = [&b"SESSION   "[..], &sequence.to_be_bytes(), &(messages.len() as u16).to_be_bytes()].concat();
    for message in messages {
        bytes.extend([&(message.len() as u16).to_be_bytes()[..], message].concat());
    }
    bytes
}

#[test]
fn raw_mold_packets_come_one_by_one_and_a_cut_one_is_an_error() {
    let mut end = mold(4, &[]);
    end[18..20].fill(0xff);
    let packets = [mold(1, &[b"first", b""]), mold(3, &[]), mold(3, &[b"second"]), end];
    let file = packets.concat();
    let mut source = CaptureSource::from_memory(file.clone()).unwrap();
    assert_eq!(source.format(), Format::MoldUdp64);
    let (got, error) = collect(&mut source);
    assert!(error.is_none());
    assert_eq!(payloads(&got), packets);
    assert_eq!(got.iter().map(|got| got.index).collect::<Vec<_>>(), [0, 1, 2, 3]);

    let mut source = CaptureSource::from_memory(file[..file.len() - 23].to_vec()).unwrap();
    let (got, error) = collect(&mut source);
    assert_eq!(payloads(&got), packets[..2]);
    let offset = packets[..2].concat().len() as u64;
    assert!(
        matches!(error, Some(SourceError::Truncated { offset: at, needed: 28, left: 25, .. }) if at == offset),
        "{error:?}"
    );
}

#[test]
fn a_raw_mold_packet_that_is_cut_behind_a_message_is_delivered_ahead_of_the_error() {
    let packets = [mold(1, &[b"first"]), mold(2, &[b"second", b"third"])];
    let file = packets.concat();
    let mut source = CaptureSource::from_memory(file[..file.len() - 1].to_vec()).unwrap();
    let (got, error) = collect(&mut source);
    assert_eq!(payloads(&got), [&packets[0][..], &packets[1][..packets[1].len() - 1]]);
    assert_eq!((source.counters().frames, source.counters().cut), (2, 1));
    let offset = packets[0].len() as u64;
    assert!(matches!(error, Some(SourceError::Truncated { offset: at, .. }) if at == offset), "{error:?}");
}
