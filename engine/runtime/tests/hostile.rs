//! Damaged input: everything before the damage is delivered, the damage is reported with its place, nothing panics.

mod support;

use std::sync::OnceLock;

use support::*;
use wirebook_abi::{
    BatchWriter, CheckedTable, Decoded, Decoder, DecoderTable, Description, Event, EventCold, Frame, Framing, Group,
    Outcome, Span, Status,
};
use wirebook_book::{BookConfig, BookState, Reason};
use wirebook_io::capture::CaptureSource;
use wirebook_itch::{framed, nasdaq_totalview_5_0::NasdaqTotalview50};
use wirebook_runtime::{ImageDetail, Replay, ReplayConfig};
use wirebook_simulator::{DayConfig, Format, Packing, packets_in_memory};

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// A small reserve, so that a thousand replays take no longer than need be.
fn small() -> ReplayConfig {
    let books = BookConfig {
        instrument_limit: 64,
        instruments: 64,
        orders: 1 << 10,
        levels: 1 << 10,
        window_bits: 10,
        ..BookConfig::default()
    };
    ReplayConfig { books: Some(books), ..ReplayConfig::default() }
}

fn few_packets() -> Vec<u8> {
    let day = packets(DayConfig { end_of_messages: false, ..day(1) });
    pcap(day.iter().take(55).map(|packet| (LINES[0], packet)))
}

/// Where each record of a capture starts, and where the last one ends.
fn records(capture: &[u8]) -> Vec<usize> {
    let mut starts = vec![FILE_HEADER];
    while let Some(at) = starts.last().copied().filter(|at| *at < capture.len()) {
        let size = u32::from_le_bytes(capture[at + 8..at + 12].try_into().unwrap()) as usize;
        starts.push(at + RECORD_HEADER + size);
    }
    starts
}

/// Events of the messages before `sequence`.
fn before(events: &[(usize, Event, EventCold)], sequence: u64) -> &[(usize, Event, EventCold)] {
    &events[..events.partition_point(|(_, _, cold)| cold.sequence < sequence)]
}

#[test]
fn every_truncation_of_a_capture_delivers_what_is_whole() {
    let capture = few_packets();
    let records = records(&capture);
    let mut clean = Recorder::default();
    play_with(capture.clone(), small(), &mut clean);
    assert_eq!(clean.error, None);
    for size in FILE_HEADER + 1..capture.len() {
        let whole = records.iter().take_while(|end| **end <= size).count() - 1;
        let mut sink = Recorder::default();
        let replay = play_with(capture[..size].to_vec(), small(), &mut sink);
        let summary = replay.summary();
        assert_eq!(summary.messages, whole as u64 * 7, "{size} bytes");
        assert_eq!(sink.events, before(&clean.events, whole as u64 * 7 + 1), "{size} bytes");
        if records[whole] == size {
            assert_eq!((summary.errors, sink.error), (0, None), "{size} bytes");
        } else {
            let error = sink.error.unwrap();
            assert!(error.starts_with(&format!("byte {}: ", records[whole])), "{size} bytes: {error}");
            assert_eq!((summary.errors, summary.source_error), (1, Some(error)));
        }
    }
}

#[test]
fn every_truncation_of_a_file_says_where_its_last_message_starts() {
    let (file, _) = file(day(2), Format::Length16File);
    let file = &file[..3_000];
    let mut ends = vec![0];
    while let Some(length) = ends.last().and_then(|at| file.get(*at..)?.first_chunk::<2>()) {
        ends.push(ends[ends.len() - 1] + 2 + usize::from(u16::from_be_bytes(*length)));
    }
    for size in 40..file.len() {
        let whole = ends.iter().take_while(|end| **end <= size).count() - 1;
        let source =
            CaptureSource::from_memory_as(file[..size].to_vec(), wirebook_io::capture::Format::Length16).unwrap();
        let mut replay = Replay::new(Box::new(source), table(), Framing::LENGTH16, small()).unwrap();
        let error = replay.run(&mut Recorder::default()).err().map(|error| error.to_string());
        assert_eq!(replay.summary().messages, whole as u64, "{size} bytes");
        if ends[whole] == size {
            assert_eq!((error, replay.summary().errors), (None, 0), "{size} bytes");
        } else {
            assert!(error.unwrap().starts_with(&format!("byte {}: ", ends[whole])), "{size} bytes");
            assert_eq!(replay.summary().errors, 1);
        }
    }
}

#[test]
fn every_damaged_byte_leaves_what_came_before_and_is_reported() {
    let capture = few_packets();
    let records = records(&capture);
    let mut clean = Recorder::default();
    let all = play_with(capture.clone(), small(), &mut clean).summary().messages;
    assert!(capture.len() > 10_000);
    for at in 0..10_000 {
        let mut damaged = capture.clone();
        damaged[at] ^= if at % 2 == 0 { 0xff } else { 1 << (at / 2 % 8) };
        let Ok(source) = CaptureSource::from_memory_as(damaged, wirebook_io::capture::Format::Pcap) else {
            assert!(at < FILE_HEADER, "byte {at}");
            continue;
        };
        let mut sink = Recorder::default();
        let mut replay = Replay::new(Box::new(source), table(), Framing::MOLDUDP64, small()).unwrap();
        sink.error = replay.run(&mut sink).err().map(|error| error.to_string());
        let summary = replay.summary();

        let whole = records.iter().take_while(|end| **end <= at).count().saturating_sub(1) as u64;
        let kept = before(&clean.events, whole * 7 + 1);
        assert_eq!(&sink.events[..kept.len()], kept, "byte {at}");

        let counters = summary.source;
        let undelivered = counters.frames - counters.datagrams;
        let reported = summary.errors + summary.gaps + summary.duplicates + summary.foreign_packets + undelivered;
        assert!(summary.messages == all || reported != 0, "byte {at}: {summary:?}");
        assert!(summary.first_faults.iter().all(|placed| placed.fault.offset <= capture.len() as u64), "byte {at}");
        assert_eq!(sink.error.is_some(), summary.source_error.is_some());
    }
}

#[test]
fn what_follows_the_end_of_a_session_is_reported_and_not_decoded() {
    let (mut file, _) = file(day(2), Format::Length16File);
    let end = file.len();
    // More than one view of the file.
    file.extend_from_within(..);
    assert!(end > 512 << 10);
    let replay = play(file);
    let summary = replay.summary();
    assert_eq!((summary.messages, summary.undecoded_bytes), (MESSAGES, end as u64));
    assert_eq!(summary.statuses, [(Status::TRAILING_BYTES, 1)]);
    assert_eq!(summary.first_faults[0].fault.offset, end as u64);
}

#[test]
fn stream_that_loses_its_framing_stops_there() {
    let config = DayConfig { end_of_messages: false, ..day(2) };
    let day = packets_in_memory(config, table(), Framing::SOUPBINTCP, Packing::Fixed(1)).unwrap();
    let at = day.spans[1_000].offset as usize;
    let mut bytes = day.bytes;
    bytes[at + 2] = b'?';
    let size = bytes.len();
    let format = wirebook_io::capture::Format::SoupBinTcp;
    let source = CaptureSource::from_memory_as(bytes, format).unwrap();
    let mut replay = Replay::new(Box::new(source), table(), Framing::SOUPBINTCP, small()).unwrap();
    replay.run(&mut Recorder::default()).unwrap();
    let summary = replay.summary();
    assert_eq!((summary.messages, summary.undecoded_bytes), (1_000, (size - at) as u64));
    assert_eq!(summary.statuses, [(Status::BAD_HEADER, 1)]);
    assert_eq!(summary.first_faults[0].fault.offset, at as u64 + 2);
    let books = replay.channels()[0].pipeline().books();
    for key in books.instruments() {
        assert_eq!(books.validity(*key).unwrap().reason, Reason::Gap);
    }
}

/// The capture with only `keep` bytes left of each of these records.
fn cut(capture: &[u8], which: impl Fn(usize) -> bool, keep: usize) -> Vec<u8> {
    let records = records(capture);
    let mut result = capture[..FILE_HEADER].to_vec();
    for (index, ends) in records.windows(2).enumerate() {
        let record = &capture[ends[0]..ends[1]];
        let kept = if which(index) { RECORD_HEADER + keep } else { record.len() };
        let start = result.len();
        result.extend_from_slice(&record[..kept]);
        result[start + 8..start + 12].copy_from_slice(&((kept - RECORD_HEADER) as u32).to_le_bytes());
    }
    result
}

#[test]
fn what_a_cut_packet_lacks_is_missing() {
    let day = packets(DayConfig { end_of_messages: false, ..day(3) });
    let capture = pcap(day.iter().map(|packet| (LINES[0], packet)));
    let at = 700;
    let packet = day.iter().nth(at).unwrap();
    // Headers, then two whole messages and a byte of the third.
    let mut keep = 20;
    for _ in 0..2 {
        keep += 2 + usize::from(u16::from_be_bytes([packet[keep], packet[keep + 1]]));
    }
    let replay = play(cut(&capture, |index| index == at, 42 + keep + 1));
    let summary = replay.summary();
    assert_eq!((summary.messages, summary.missing, summary.gaps), (MESSAGES - 5, 5, 1));
    assert_eq!(summary.statuses, [(Status::TRUNCATED, 1)]);
    let pipeline = replay.channels()[0].pipeline();
    let first = at as u64 * 7 + 3;
    assert_eq!((pipeline.gaps()[0].first, pipeline.gaps()[0].last), (first, first + 4));
    let books = pipeline.books();
    for key in books.instruments() {
        let validity = books.validity(*key).unwrap();
        assert_eq!((validity.state, validity.reason), (BookState::Stale, Reason::Gap));
    }
}

#[test]
fn capture_of_nothing_but_cut_packets_is_played_as_far_as_it_goes() {
    let capture = few_packets();
    let summary = play_with(cut(&capture, |_| true, 42 + 20 + 80), small(), &mut Recorder::default()).summary();
    assert_eq!((summary.channels, summary.foreign_packets), (1, 0));
    assert_eq!(summary.messages + summary.missing, 55 * 7);
    assert_eq!((summary.gaps, summary.statuses.as_slice()), (55, &[(Status::TRUNCATED, 55)][..]));
}

#[test]
fn damage_in_the_first_packet_of_a_feed_is_its_own() {
    let mut capture = few_packets();
    // Its message count.
    capture[FILE_HEADER + RECORD_HEADER + 42 + 19] = 200;
    let summary = play_with(capture, small(), &mut Recorder::default()).summary();
    assert_eq!((summary.foreign_packets, summary.messages), (0, 54 * 7));
    assert_eq!(summary.statuses, [(Status::TRUNCATED, 1)]);
    assert!(summary.first_faults[0].fault.offset > 42);
}

#[test]
fn capture_of_nothing_but_damage_is_reported_as_errors() {
    let capture = cut(&few_packets(), |_| true, 42 + 10);
    let summary = play_with(capture, small(), &mut Recorder::default()).summary();
    assert_eq!((summary.channels, summary.messages), (0, 0));
    assert!(summary.errors > 0);
    assert_eq!(summary.first_faults[0].channel, None);
}

/// Sessions of this name panic.
const FRAGILE: &[u8] = b"FRAGILE";

/// An ITCH decoder that panics at one message of one session.
struct Fragile<const AT: u64>(framed::Decoder<NasdaqTotalview50>, bool);

impl<const AT: u64> Decoder for Fragile<AT> {
    const DESCRIPTION: Description = <framed::Decoder<NasdaqTotalview50> as Decoder>::DESCRIPTION;

    fn new(framing: Framing) -> Option<Self> {
        Some(Self(framed::Decoder::new(framing)?, false))
    }

    fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Outcome {
        let outcome = self.0.frame(packet, frame);
        self.1 = frame.session.starts_with(FRAGILE) && frame.first_sequence == AT;
        outcome
    }

    fn decode(&mut self, packet: &[u8], skip: u32, batch: &mut BatchWriter<'_>) -> Decoded {
        let decoded = self.0.decode(packet, skip, batch);
        assert!(!self.1, "fragile");
        decoded
    }

    fn split(&mut self, packet: &[u8], spans: &mut [Span]) -> Decoded {
        self.0.split(packet, spans)
    }

    fn encode(&mut self, group: Group<'_>, output: &mut [u8]) -> Outcome {
        self.0.encode(group, output)
    }

    fn pack(&mut self, frame: &Frame, messages: &[&[u8]], output: &mut [u8]) -> Outcome {
        self.0.pack(frame, messages, output)
    }
}

fn assert_fails_alone(table: CheckedTable, good: u64) {
    let sound = packets(DayConfig { end_of_messages: false, ..day(4) });
    let fragile = packets(DayConfig { session: "FRAGILE".into(), ..day(5) });
    let mut capture = Vec::new();
    for (fragile, sound) in fragile.iter().zip(sound.iter()) {
        capture.extend([(LINES[0], fragile), (LINES[1], sound)]);
    }
    let source = CaptureSource::from_memory(pcap(capture)).unwrap();
    let mut replay = Replay::new(Box::new(source), table, Framing::MOLDUDP64, ReplayConfig::default()).unwrap();
    replay.run(&mut Recorder::default()).unwrap();
    let [failed, sound_channel] = replay.channels() else { panic!("two channels") };
    assert_books(&sound_channel.final_books(ImageDetail::Orders), &sound.truth.books);
    assert_eq!(sound_channel.pipeline().faults().total(), 0);
    assert_eq!(failed.pipeline().messages(), good);
    assert_eq!(failed.pipeline().faults().first()[0].status, Status::PANICKED);
    let books = failed.pipeline().books();
    for key in books.instruments() {
        assert_eq!(books.validity(*key).unwrap().reason, Reason::DecoderFailed);
    }
}

#[test]
fn decoder_that_panics_takes_down_its_channel_only() {
    static TABLE: OnceLock<DecoderTable> = OnceLock::new();
    let table = CheckedTable::new(TABLE.get_or_init(DecoderTable::of::<Fragile<7_001>>)).unwrap();
    assert_fails_alone(table, 7_000);
}

#[test]
fn decoder_that_panics_at_the_first_packet_takes_down_its_channel_only() {
    static TABLE: OnceLock<DecoderTable> = OnceLock::new();
    let table = CheckedTable::new(TABLE.get_or_init(DecoderTable::of::<Fragile<1>>)).unwrap();
    assert_fails_alone(table, 0);
}

#[test]
fn decoder_that_panics_at_the_last_packet_marks_its_books() {
    static TABLE: OnceLock<DecoderTable> = OnceLock::new();
    let table = CheckedTable::new(TABLE.get_or_init(DecoderTable::of::<Fragile<MESSAGES>>)).unwrap();
    assert_fails_alone(table, MESSAGES - 1);
}
