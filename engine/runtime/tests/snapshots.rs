//! A channel that goes on from a snapshot of all its books.

mod support;

use support::*;
use wirebook_abi::Framing;
use wirebook_book::{BookConfig, BookState, BookWriter};
use wirebook_runtime::{ImageDetail, NoSink, Pipeline, Watch};

fn pipeline() -> Pipeline {
    let decoder = table().create(Framing::MOLDUDP64).unwrap();
    let books = BookWriter::new(&BookConfig::of(table().description())).unwrap();
    let mut pipeline = Pipeline::new(decoder, books);
    // The day ends with a clear of all books.
    pipeline.watch(Watch { closing_books: Some(ImageDetail::Orders), ..Watch::default() });
    pipeline
}

fn states(pipeline: &Pipeline) -> Vec<BookState> {
    let books = pipeline.books();
    let mut states: Vec<_> = books.instruments().iter().map(|key| books.validity(*key).unwrap().state).collect();
    states.sort_unstable();
    states.dedup();
    states
}

/// The packet without its sequence, as recovery hands it over.
fn unsequenced(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    packet[10..18].fill(0);
    packet
}

#[test]
fn late_join_by_a_snapshot_ends_in_the_books_of_the_whole_day() {
    let packets = packets(day(11));
    let all: Vec<&[u8]> = packets.iter().collect();
    for joined in [1, all.len() / 3, all.len() - 40] {
        let mut pipeline = pipeline();
        // Some live packets come first, and make the books doubtful.
        for packet in &all[joined..(joined + 2).min(all.len())] {
            pipeline.packet(packet, 0, 0, &mut NoSink);
        }
        pipeline.flush(&mut NoSink);
        let doubtful = states(&pipeline);
        assert!(!doubtful.is_empty() && !doubtful.contains(&BookState::Valid));
        pipeline.begin_snapshot(&mut NoSink);
        let mut messages = 0;
        for packet in &all[..joined] {
            messages += pipeline.snapshot_packet(&unsequenced(packet), 0, 0, &mut NoSink);
        }
        assert!(states(&pipeline).iter().all(|state| *state == BookState::Recovering));
        pipeline.end_snapshot(messages + 1, &mut NoSink);
        assert!(!states(&pipeline).contains(&BookState::Recovering));
        assert!(!states(&pipeline).contains(&BookState::Building));
        for packet in &all[joined - 1..] {
            pipeline.packet(packet, 0, 0, &mut NoSink);
        }
        pipeline.flush(&mut NoSink);
        assert_books(pipeline.closing_books().unwrap(), &packets.truth.books);
        let counters = pipeline.sequencer().counters();
        assert_eq!((counters.gaps, counters.sessions), (0, 1));
    }
}
