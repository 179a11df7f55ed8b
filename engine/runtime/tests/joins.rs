//! Snapshots of single instruments in loops, joined with their channel's increments: a late start at any point and any gap
//! come to the books of the whole day.

use std::collections::BTreeMap;

use proptest::prelude::*;
use wirebook_abi::{CheckedTable, DecoderTable, Framing};
use wirebook_book::{BookConfig, BookState, BookWriter};
use wirebook_runtime::{BooksImage, ImageDetail, NoSink, Pipeline};

/// Instruments of the market.
const INSTRUMENTS: u64 = 3;

/// How a venue sends its market.
trait Venue {
    const TABLE: &'static DecoderTable;
    const FRAMING: Framing;
    /// The message that says what just happened to a side's list.
    fn increment(instrument: u64, change: &Change) -> Vec<u8>;
    /// The increments' packet of these messages.
    fn packet(sequence: u32, messages: &[Vec<u8>]) -> Vec<u8>;
    /// A pass of every loop, as packets each with its loop.
    fn pass(pass: u64, as_of: u32, market: &Market) -> Vec<(usize, Vec<u8>)>;
}

#[derive(Clone, Copy, Debug)]
struct Resting {
    id: u64,
    price: i64,
    quantity: i32,
}

/// Both sides of each instrument, best first.
#[derive(Clone, Debug, Default)]
struct Market(BTreeMap<(u64, usize), Vec<Resting>>);

#[derive(Clone, Copy, Debug)]
enum Deed {
    Insert,
    Change,
    Delete,
}

/// What happened at a place of a side's list.
#[derive(Clone, Copy, Debug)]
struct Change {
    deed: Deed,
    side: usize,
    position: usize,
    order: Resting,
}

impl Market {
    fn side(&self, instrument: u64, side: usize) -> &[Resting] {
        self.0.get(&(instrument, side)).map_or(&[], |list| list)
    }

    /// Does something that this number chooses, and says what.
    fn step(&mut self, choice: u64, id: u64) -> (u64, Change) {
        let instrument = choice % INSTRUMENTS;
        let side = (choice / 8 % 2) as usize;
        let list = self.0.entry((instrument, side)).or_default();
        let at = (choice / 16) as usize % list.len().max(1);
        let (deed, at, order) = match choice / 1024 % 4 {
            _ if list.is_empty() || list.len() < 8 && (choice / 1024).is_multiple_of(2) => {
                let offset = (choice / 4096 % 50) as i64;
                let price = if side == 0 { 1_000 - offset } else { 1_001 + offset };
                // One price a level, so that lists of levels and of orders are the same.
                if let Some(at) = list.iter().position(|order| order.price == price) {
                    list[at].quantity += 1;
                    (Deed::Change, at, list[at])
                } else {
                    let at = list.iter().take_while(|order| (order.price > price) == (side == 0)).count();
                    let order = Resting { id, price, quantity: 1 + (choice % 90) as i32 };
                    list.insert(at, order);
                    (Deed::Insert, at, order)
                }
            }
            2 => {
                list[at].quantity += 5;
                (Deed::Change, at, list[at])
            }
            _ => (Deed::Delete, at, list.remove(at)),
        };
        (instrument, Change { deed, side, position: at + 1, order })
    }
}

/// A message behind its SBE header.
fn sbe(template: u16, schema: u16, version: u16, block: &[u8], groups: &[u8]) -> Vec<u8> {
    let header = [block.len() as u16, template, schema, version];
    [&header.map(u16::to_le_bytes).concat()[..], block, groups].concat()
}

/// Fields one behind another.
fn bytes(fields: &[&[u8]]) -> Vec<u8> {
    fields.concat()
}

/// B3 up to 1.9: orders by their place in the list of a side.
struct B3;

impl B3 {
    fn framed(version: u16, sequence: u32, time: u64, messages: &[Vec<u8>]) -> Vec<u8> {
        let mut packet = bytes(&[&[68, 0], &version.to_le_bytes(), &sequence.to_le_bytes(), &time.to_le_bytes()]);
        for message in messages {
            packet.extend((message.len() as u16 + 4).to_le_bytes());
            packet.extend(0xEB50_u16.to_le_bytes());
            packet.extend(message);
        }
        packet
    }

    fn key(instrument: u64) -> [u8; 8] {
        (200_000_000_000 + instrument).to_le_bytes()
    }
}

impl Venue for B3 {
    const TABLE: &'static DecoderTable = &wirebook_sbe::B3_1;
    const FRAMING: Framing = Framing::B3_PACKET;

    fn increment(instrument: u64, change: &Change) -> Vec<u8> {
        let Change { deed, side, position, order } = *change;
        let (key, side) = (Self::key(instrument), b'0' + side as u8);
        let (position, id) = ((position as u32).to_le_bytes(), order.id.to_le_bytes());
        let (price, quantity) = (order.price.to_le_bytes(), i64::from(order.quantity).to_le_bytes());
        match deed {
            Deed::Delete => {
                let block = bytes(&[&key, &[0x80, 2, side, 0], &position, &quantity, &id, &[0; 12]]);
                sbe(51, 2, 9, &block, &[])
            }
            Deed::Insert | Deed::Change => {
                let action = u8::from(matches!(deed, Deed::Change));
                let head = bytes(&[&key, &[0x80, action, side, 0], &price, &quantity, &position, &[0; 4]]);
                sbe(50, 2, 9, &bytes(&[&head, &[0; 8], &id, &[0; 12]]), &[])
            }
        }
    }

    fn packet(sequence: u32, messages: &[Vec<u8>]) -> Vec<u8> {
        Self::framed(273, sequence, 1_000_000 + u64::from(sequence), messages)
    }

    fn pass(pass: u64, as_of: u32, market: &Market) -> Vec<(usize, Vec<u8>)> {
        let mut packets = Vec::new();
        for instrument in 0..INSTRUMENTS {
            let sides = [market.side(instrument, 0), market.side(instrument, 1)];
            let counts = sides.map(|side| (side.len() as u32).to_le_bytes()).concat();
            let (as_of, total) = (as_of.to_le_bytes(), (INSTRUMENTS as u32).to_le_bytes());
            let head = bytes(&[&Self::key(instrument), &as_of, &total, &counts, &[0; 8]]);
            let mut messages = vec![sbe(30, 2, 9, &head, &[])];
            for (side, list) in sides.iter().enumerate() {
                // Two messages a side, where there is anything: a snapshot need not fit one.
                for (at, order) in list.iter().enumerate() {
                    let entry = bytes(&[
                        &order.price.to_le_bytes(),
                        &i64::from(order.quantity).to_le_bytes(),
                        &(at as u32 + 1).to_le_bytes(),
                        &[0; 12],
                        &order.id.to_le_bytes(),
                        &[b'0' + side as u8],
                    ]);
                    messages.push(sbe(71, 2, 9, &Self::key(instrument), &bytes(&[&[41, 0, 1], &entry])));
                }
            }
            for part in messages.chunks(3) {
                let sequence = packets.len() as u32 + 1;
                packets.push((0, Self::framed(20_287, sequence, pass * 1_000 + u64::from(sequence), part)));
            }
        }
        packets
    }
}

/// CME: levels by position with their orders beside, and a loop of either.
struct Cme;

impl Cme {
    fn framed(sequence: u32, time: u64, messages: &[Vec<u8>]) -> Vec<u8> {
        let mut packet = bytes(&[&sequence.to_le_bytes(), &time.to_le_bytes()]);
        for message in messages {
            packet.extend((message.len() as u16 + 2).to_le_bytes());
            packet.extend(message);
        }
        packet
    }
}

impl Venue for Cme {
    const TABLE: &'static DecoderTable = &wirebook_sbe::CME;
    const FRAMING: Framing = Framing::CME_PACKET;

    fn increment(instrument: u64, change: &Change) -> Vec<u8> {
        let Change { deed, side, position, order } = *change;
        let action = match deed {
            Deed::Insert => 0,
            Deed::Change => 1,
            Deed::Delete => 2,
        };
        let level = bytes(&[
            &order.price.to_le_bytes(),
            &order.quantity.to_le_bytes(),
            &(instrument as u32 + 1).to_le_bytes(),
            &[0; 4],
            &1_i32.to_le_bytes(),
            &[position as u8, action, b'0' + side as u8],
            &[0; 5],
        ]);
        let level = &level[..32];
        let orders = bytes(&[
            &order.id.to_le_bytes(),
            &order.id.to_le_bytes(),
            &order.quantity.to_le_bytes(),
            &[1, action, 0, 0],
        ]);
        let groups = bytes(&[&[32, 0, 1], level, &[24, 0, 0, 0, 0, 0, 0, 1], &orders]);
        // Transact time, end of event, padding.
        sbe(46, 1, 9, &bytes(&[&[0; 8], &[0x80], &[0; 2]]), &groups)
    }

    fn packet(sequence: u32, messages: &[Vec<u8>]) -> Vec<u8> {
        Self::framed(sequence, 1_000_000 + u64::from(sequence), messages)
    }

    fn pass(pass: u64, as_of: u32, market: &Market) -> Vec<(usize, Vec<u8>)> {
        let (mut levels, mut orders) = (Vec::new(), Vec::new());
        for instrument in 0..INSTRUMENTS {
            let lists = [market.side(instrument, 0), market.side(instrument, 1)];
            let resting: Vec<_> =
                (0..2).flat_map(|side| lists[side].iter().enumerate().map(move |each| (side, each))).collect();
            let head = bytes(&[
                &as_of.to_le_bytes(),
                &(INSTRUMENTS as u32).to_le_bytes(),
                &(instrument as u32 + 1).to_le_bytes(),
            ]);
            let entries: Vec<u8> = resting
                .iter()
                .flat_map(|(side, (at, order))| {
                    let numbers =
                        bytes(&[&order.price.to_le_bytes(), &order.quantity.to_le_bytes(), &1_i32.to_le_bytes()]);
                    bytes(&[&numbers, &[*at as u8 + 1, 255, 255, 255, 0, b'0' + *side as u8]])
                })
                .collect();
            let block = bytes(&[&head, &[0; 47]]);
            levels.push(sbe(52, 1, 9, &block, &bytes(&[&[22, 0, resting.len() as u8], &entries])));
            // Orders in parts of three.
            let parts: Vec<_> = if resting.is_empty() { vec![&resting[..]] } else { resting.chunks(3).collect() };
            for (part, some) in parts.iter().enumerate() {
                let entries: Vec<u8> = some
                    .iter()
                    .flat_map(|(side, (_, order))| {
                        let ids = bytes(&[&order.id.to_le_bytes(), &order.id.to_le_bytes()]);
                        bytes(&[&ids, &order.price.to_le_bytes(), &order.quantity.to_le_bytes(), &[b'0' + *side as u8]])
                    })
                    .collect();
                let chunks = bytes(&[&(parts.len() as u32).to_le_bytes(), &(part as u32 + 1).to_le_bytes(), &[0; 8]]);
                orders.push(sbe(53, 1, 9, &bytes(&[&head, &chunks]), &bytes(&[&[29, 0, some.len() as u8], &entries])));
            }
        }
        let packets = |index: usize, messages: Vec<Vec<u8>>| {
            let framed = messages.into_iter().enumerate().map(move |(at, message)| {
                (index, Self::framed(at as u32 + 1, pass * 1_000 + at as u64 + 1, &[message]))
            });
            framed.collect::<Vec<_>>()
        };
        [packets(0, levels), packets(1, orders)].concat()
    }
}

fn pipeline<V: Venue>() -> Pipeline {
    let table = CheckedTable::new(V::TABLE).unwrap();
    // Small books: thousands are made.
    let of = BookConfig::of(table.description());
    let config =
        BookConfig { orders: 1 << 8, levels: 1 << 8, window_bits: 8, instrument_limit: 0, instruments: 16, ..of };
    Pipeline::new(table.create(V::FRAMING).unwrap(), BookWriter::new(&config).unwrap())
}

/// Bids and asks as price and quantity, and how many levels of orders there are beside.
type Shape = (Vec<(i64, u64)>, Vec<(i64, u64)>, usize);

/// Books by what their instruments are, whatever key they have: keys go by the order in which instruments are met.
fn books(image: &BooksImage) -> Vec<Shape> {
    let levels =
        |levels: &[wirebook_runtime::LevelImage]| levels.iter().map(|each| (each.price, each.quantity)).collect();
    let mut books: Vec<_> = image
        .books
        .iter()
        .map(|book| (levels(&book.bids), levels(&book.asks), book.by_order.bids.len() + book.by_order.asks.len()))
        .collect();
    books.sort();
    books
}

/// A day: its packets, and the market behind each.
fn day<V: Venue>(choices: &[u64]) -> (Vec<Vec<u8>>, Vec<Market>) {
    let mut market = Market::default();
    let (mut packets, mut markets) = (Vec::new(), vec![market.clone()]);
    for (at, choice) in choices.iter().enumerate() {
        let (instrument, change) = market.step(*choice, at as u64 + 1);
        packets.push(V::packet(at as u32 + 1, &[V::increment(instrument, &change)]));
        markets.push(market.clone());
    }
    (packets, markets)
}

fn states(pipeline: &Pipeline) -> Vec<BookState> {
    let books = pipeline.books();
    books.instruments().iter().map(|key| books.validity(*key).unwrap().state).collect()
}

/// Plays a day that is joined at `start` and loses `lost`, with loops whose snapshots are as of `lag` packets before (or ahead
/// of) where they come.
fn check<V: Venue>(choices: &[u64], start: usize, lost: std::ops::Range<usize>, loops_at: &[(usize, i64)], drops: u64) {
    let (packets, markets) = day::<V>(choices);
    // The last packet shows what was lost before it.
    let lost = lost.start..lost.end.min(packets.len() - 1);
    let mut whole = pipeline::<V>();
    for packet in &packets {
        whole.packet(packet, 0, 0, &mut NoSink);
    }
    whole.flush(&mut NoSink);
    assert!(states(&whole).iter().all(|state| matches!(state, BookState::Valid)), "{:?}", whole.books().counters());

    let mut late = pipeline::<V>();
    let mut passes = 0;
    for at in start..packets.len() {
        for (_, lag) in loops_at.iter().filter(|(place, _)| *place % packets.len() == at) {
            let as_of = (at as i64 - lag).clamp(0, packets.len() as i64) as usize;
            passes += 1;
            for (number, (index, packet)) in V::pass(passes, as_of as u32, &markets[as_of]).into_iter().enumerate() {
                // Some packets of the first passes are lost.
                if passes > 2 || drops >> (number % 64) & 1 == 0 {
                    late.loop_packet(index, &packet, 0, 0, &mut NoSink).unwrap();
                }
            }
        }
        if !lost.contains(&at) {
            late.packet(&packets[at], 0, 0, &mut NoSink);
        }
        if at % 5 == 0 {
            late.flush(&mut NoSink);
            never_lies(&late, &markets[at + 1], &lost, at);
        }
    }
    late.flush(&mut NoSink);
    // A loop comes again and again: its next two passes mend what is left.
    for _ in 0..2 {
        passes += 1;
        for (index, packet) in V::pass(passes, packets.len() as u32, &markets[packets.len()]) {
            late.loop_packet(index, &packet, 0, 0, &mut NoSink).unwrap();
        }
    }
    late.flush(&mut NoSink);
    assert!(
        states(&late).iter().all(|state| *state == BookState::Valid),
        "{:?} {:?}",
        states(&late),
        late.join_counters()
    );
    assert!(!late.is_joining());
    let (ours, truth) = (late.image(ImageDetail::Orders), whole.image(ImageDetail::Orders));
    let known: Vec<_> = books(&truth).into_iter().filter(|book| *book != Default::default()).collect();
    let ours: Vec<_> = books(&ours).into_iter().filter(|book| *book != Default::default()).collect();
    assert_eq!(ours, known);
}

/// No book that readers are told is valid differs from the market, where the channel is up to date.
fn never_lies(pipeline: &Pipeline, market: &Market, lost: &std::ops::Range<usize>, at: usize) {
    // A loss that nothing behind it has shown yet cannot be known.
    if lost.contains(&at) || pipeline.sequencer().next_sequence() != at as u64 + 2 {
        return;
    }
    let sides: Vec<Vec<(i64, u64)>> = (0..INSTRUMENTS)
        .flat_map(|instrument| [0, 1].map(|side| market.side(instrument, side)))
        .map(|list| list.iter().map(|order| (order.price, order.quantity as u64)).collect())
        .collect();
    for book in &pipeline.image(ImageDetail::Levels).books {
        // One that was given ahead of the channel is right as of a later sequence.
        if book.validity.state != BookState::Valid || book.sequence > at as u64 + 1 {
            continue;
        }
        for levels in [&book.bids, &book.asks] {
            let levels: Vec<_> = levels.iter().map(|level| (level.price, level.quantity)).collect();
            assert!(
                levels.is_empty() || sides.contains(&levels),
                "a valid book at {at} is none of the market's: {book:?} {:?}",
                pipeline.join_counters()
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn b3_is_joined_at_any_point_and_over_any_gap(
        choices in prop::collection::vec(any::<u64>(), 40..160),
        start in 0_usize..40,
        (from, size) in (0_usize..160, 0_usize..12),
        loops_at in prop::collection::vec((0_usize..160, -3_i64..12), 0..5),
        drops in any::<u64>(),
    ) {
        check::<B3>(&choices, start, from..from + size, &loops_at, drops & drops >> 7);
    }

    #[test]
    fn cme_is_joined_at_any_point_and_over_any_gap(
        choices in prop::collection::vec(any::<u64>(), 40..160),
        start in 0_usize..40,
        (from, size) in (0_usize..160, 0_usize..12),
        loops_at in prop::collection::vec((0_usize..160, -3_i64..12), 0..5),
        drops in any::<u64>(),
    ) {
        check::<Cme>(&choices, start, from..from + size, &loops_at, drops & drops >> 7);
    }
}

#[test]
fn instruments_that_were_given_as_of_later_than_a_gap_stay_valid() {
    let choices: Vec<u64> = (0..60).map(|at| at * 0x9e37_79b9 + at).collect();
    let (packets, markets) = day::<B3>(&choices);
    let mut channel = pipeline::<B3>();
    for packet in &packets[20..30] {
        channel.packet(packet, 0, 0, &mut NoSink);
    }
    // The loop is ahead of the increments, of which 31 to 35 are lost then.
    for (index, packet) in B3::pass(1, 38, &markets[38]) {
        channel.loop_packet(index, &packet, 0, 0, &mut NoSink).unwrap();
    }
    for packet in &packets[35..] {
        channel.packet(packet, 0, 0, &mut NoSink);
    }
    channel.flush(&mut NoSink);
    assert!(states(&channel).iter().all(|state| *state == BookState::Valid));
    assert_eq!(channel.gap_count(), 1);
    let mut whole = pipeline::<B3>();
    for packet in &packets {
        whole.packet(packet, 0, 0, &mut NoSink);
    }
    whole.flush(&mut NoSink);
    assert_eq!(books(&channel.image(ImageDetail::Orders)), books(&whole.image(ImageDetail::Orders)));
}

#[test]
fn without_a_snapshot_instruments_stay_building() {
    let choices: Vec<u64> = (0..60).map(|at| at * 0x9e37_79b9 + at).collect();
    let (packets, markets) = day::<B3>(&choices);
    let mut channel = pipeline::<B3>();
    for packet in &packets[20..] {
        channel.packet(packet, 0, 0, &mut NoSink);
    }
    // A pass from before the start is of no use.
    for (index, packet) in B3::pass(1, 10, &markets[10]) {
        channel.loop_packet(index, &packet, 0, 0, &mut NoSink).unwrap();
    }
    channel.flush(&mut NoSink);
    assert!(!states(&channel).contains(&BookState::Valid));
    assert_eq!((channel.join_counters().too_old, channel.join_counters().joined), (INSTRUMENTS, 0));
    assert!(channel.is_joining());
}

#[test]
fn hostile_loops_never_panic() {
    let choices: Vec<u64> = (0..60).map(|at| at * 0x9e37_79b9 + at).collect();
    let (packets, markets) = day::<Cme>(&choices);
    let mut channel = pipeline::<Cme>();
    channel.packet(&packets[9], 0, 0, &mut NoSink);
    for (index, packet) in Cme::pass(1, 60, &markets[60]) {
        for cut in 0..packet.len() {
            channel.loop_packet(index + cut, &packet[..cut], 0, 0, &mut NoSink).unwrap();
            let mut broken = packet.clone();
            broken[cut] ^= 0xff;
            channel.loop_packet(index, &broken, 0, 0, &mut NoSink).unwrap();
        }
    }
    channel.flush(&mut NoSink);
}
