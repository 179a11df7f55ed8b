//! Whole simulated days come to the simulator's own books.

mod support;

use support::*;
use wirebook_abi::{EventKind, Framing};
use wirebook_book::{BookConfig, BookState, BookWriter};
use wirebook_io::capture::CaptureSource;
use wirebook_runtime::{Bound, Bounds, ImageDetail, NoSink, Pipeline, Replay, ReplayConfig, Step, Watch};
use wirebook_simulator::{DayConfig, DayTruth, Format};

fn assert_day(replay: &Replay, truth: &DayTruth, symbols: u64) {
    let summary = replay.summary();
    assert_eq!((summary.messages, summary.errors, summary.gaps, summary.missing), (MESSAGES, 0, 0, 0));
    // The system events speak of the market under a key of its own.
    assert_eq!((summary.channels, summary.instruments, summary.unknown_orders), (1, symbols + 1, 0));
    assert_eq!(summary.statuses, []);
    for (kind, count_of_kind) in truth.counts.iter() {
        assert_eq!(count(&summary, &kind.itch().to_string()), count_of_kind, "{kind:?}");
    }
    assert_eq!(summary.message_types.iter().map(|(_, count)| count).sum::<u64>(), MESSAGES);
    assert_books(&replay.channels()[0].final_books(ImageDetail::Orders), &truth.books);
}

#[test]
fn pcap_and_file_of_a_day_come_to_its_books() {
    for id_streams in [1, 4] {
        let mut digests = Vec::new();
        for format in [Format::Pcap, Format::Length16File] {
            let (bytes, truth) = file(DayConfig { id_streams, ..day(3) }, format);
            let replay = play(bytes);
            assert_day(&replay, &truth, 40);
            let channel = &replay.channels()[0];
            assert_eq!(replay.summary().open_orders, 0, "the end of messages clears the channel");
            digests.push(channel.final_books(ImageDetail::Orders).digest());
        }
        assert_eq!(digests[0], digests[1]);
    }
}

#[test]
fn day_without_its_end_shows_the_books_as_they_stand() {
    let (bytes, truth) = file(DayConfig { end_of_messages: false, ..day(4) }, Format::Pcap);
    let replay = play(bytes);
    assert_day(&replay, &truth, 40);
    assert!(replay.channels()[0].pipeline().closing_books().is_none());
    assert!(replay.summary().open_orders > 0);
}

#[test]
fn closing_books_are_kept_only_where_asked_for() {
    let (bytes, truth) = file(day(4), Format::Pcap);
    let levels = ReplayConfig { closing_books: Some(ImageDetail::Levels), ..ReplayConfig::default() };
    let replay = play_with(bytes.clone(), levels, &mut Recorder::default());
    let closing = replay.channels()[0].pipeline().closing_books().unwrap();
    assert_eq!(closing.order_count(), truth.books.order_count());
    assert!(closing.books.iter().flat_map(|book| &book.bids).all(|level| level.orders.is_empty()));

    let none = ReplayConfig { closing_books: None, ..ReplayConfig::default() };
    let replay = play_with(bytes, none, &mut Recorder::default());
    assert_eq!(replay.channels()[0].final_books(ImageDetail::Orders).order_count(), 0);
}

#[test]
fn small_steps_come_to_the_same_as_one() {
    let (bytes, _) = file(day(5), Format::Length16File);
    let whole = play(bytes.clone()).channels()[0].final_books(ImageDetail::Orders).digest();
    let source = CaptureSource::from_memory(bytes).unwrap();
    let mut replay = Replay::new(Box::new(source), table(), Framing::LENGTH16, ReplayConfig::default()).unwrap();
    let mut steps = 0;
    let mut done = 0;
    while replay.step(1, &mut NoSink).unwrap() == Step::Working {
        steps += 1;
        let progress = replay.progress().unwrap();
        assert!(progress.bytes_done >= done);
        done = progress.bytes_done;
    }
    assert!(steps > 1);
    assert_eq!(replay.channels()[0].final_books(ImageDetail::Orders).digest(), whole);
    assert_eq!(replay.step(1, &mut NoSink).unwrap(), Step::Finished);
}

#[test]
fn sink_gets_every_event_once_with_its_receive_time() {
    let (bytes, _) = file(day(6), Format::Pcap);
    let mut sink = Recorder::default();
    play_with(bytes, ReplayConfig::default(), &mut sink);
    let sequences: Vec<u64> = sink.events.iter().map(|(_, _, cold)| cold.sequence).collect();
    assert!(sequences.is_sorted());
    let mut distinct = sequences;
    distinct.dedup();
    assert_eq!(distinct, (1..=MESSAGES).collect::<Vec<_>>());
    assert!(sink.ts_recv_ns.is_sorted());
    for ((_, _, cold), ts_recv_ns) in sink.events.iter().zip(&sink.ts_recv_ns) {
        let midnight = DayConfig::default().midnight_unix_ns;
        assert!((midnight + cold.ts_event_ns..midnight + cold.ts_event_ns + 100_000).contains(ts_recv_ns));
    }
}

#[test]
fn books_stop_at_the_last_place_to_the_message() {
    let stop = 12_345;
    let (bytes, _) = file(day(7), Format::Pcap);
    let mut all = Recorder::default();
    play_with(bytes.clone(), ReplayConfig::default(), &mut all);

    let bounds = Bounds { from: Some(Bound::Sequence(10_000)), to: Some(Bound::Sequence(stop)) };
    let mut sink = Recorder::default();
    let replay = play_with(bytes.clone(), ReplayConfig { bounds, ..ReplayConfig::default() }, &mut sink);
    let expected: Vec<_> =
        all.events.iter().filter(|(_, _, cold)| (10_000..=stop).contains(&cold.sequence)).copied().collect();
    assert_eq!(sink.events, expected);
    assert!(replay.progress().unwrap().bytes_done < bytes.len() as u64, "the rest is not played");

    // A day that ends there comes to the same books.
    let mut orders = std::collections::BTreeMap::new();
    for (_, event, _) in all.events.iter().filter(|(_, _, cold)| cold.sequence <= stop) {
        match event.kind {
            EventKind::ADD => drop(orders.insert(event.order_id, event.quantity)),
            EventKind::DELETE => drop(orders.remove(&event.order_id)),
            EventKind::REDUCE | EventKind::EXECUTE => {
                let left = orders.get_mut(&event.order_id).unwrap();
                *left -= event.quantity;
                if *left == 0 {
                    orders.remove(&event.order_id);
                }
            }
            _ => {}
        }
    }
    let books = replay.channels()[0].final_books(ImageDetail::Orders);
    let levels = books.books.iter().flat_map(|book| book.bids.iter().chain(&book.asks));
    let ours: std::collections::BTreeMap<_, _> = levels.flat_map(|level| level.orders.iter().copied()).collect();
    assert_eq!(ours, orders);
}

#[test]
fn pipeline_that_is_over_takes_nothing_more() {
    let day = packets(day(7));
    let mut pipeline = Pipeline::new(
        table().create(Framing::MOLDUDP64).unwrap(),
        BookWriter::new(&BookConfig::of(table().description())).unwrap(),
    );
    let bounds = Bounds { from: None, to: Some(Bound::Sequence(5_000)) };
    pipeline.watch(Watch { closing_books: None, bounds });
    let mut open_orders = None;
    for packet in day.iter() {
        pipeline.packet(packet, 0, 0, &mut NoSink);
        pipeline.flush(&mut NoSink);
        if pipeline.is_over() {
            assert_eq!(*open_orders.get_or_insert(pipeline.books().open_orders()), pipeline.books().open_orders());
        }
    }
    assert!(open_orders.is_some_and(|open_orders| open_orders > 0));
}

#[test]
fn venue_time_bounds_a_replay_too() {
    let (bytes, _) = file(day(7), Format::Length16File);
    let mut all = Recorder::default();
    play_with(bytes.clone(), ReplayConfig::default(), &mut all);
    let times: Vec<u64> = all.events.iter().map(|(_, _, cold)| cold.ts_event_ns).collect();
    let (from, to) = (times[times.len() / 3], times[times.len() / 2]);
    let bounds = Bounds { from: Some(Bound::TimeNs(from)), to: Some(Bound::TimeNs(to)) };
    let mut sink = Recorder::default();
    play_with(bytes, ReplayConfig { bounds, ..ReplayConfig::default() }, &mut sink);
    let expected: Vec<_> =
        all.events.iter().filter(|(_, _, cold)| (from..=to).contains(&cold.ts_event_ns)).copied().collect();
    assert_eq!(sink.events, expected);
}

#[test]
fn only_the_wanted_symbol_reaches_the_sink() {
    let (bytes, truth) = file(day(8), Format::Pcap);
    let wanted = &truth.books.instruments[2];
    let config = ReplayConfig { only: Some(vec![wanted.symbol.clone()]), ..ReplayConfig::default() };
    let mut sink = Recorder::default();
    let replay = play_with(bytes, config, &mut sink);
    assert!(sink.events.iter().any(|(_, event, _)| event.kind == EventKind::ADD));
    let is_wanted = |instrument: u32| instrument == wanted.instrument || instrument == u32::MAX;
    assert!(sink.events.iter().all(|(_, event, _)| is_wanted(event.instrument)));
    assert_books(&replay.channels()[0].final_books(ImageDetail::Orders), &truth.books);
    assert_eq!(replay.find(&wanted.symbol), Some((0, wanted.instrument)));
}

#[test]
fn valid_books_say_so() {
    let (bytes, _) = file(day(9), Format::Pcap);
    let image = play(bytes).channels()[0].final_books(ImageDetail::Levels);
    assert!(image.books.iter().all(|book| matches!(book.validity.state, BookState::Valid | BookState::Halted)));
}
