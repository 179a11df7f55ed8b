//! A feed of price levels through the whole runtime: what its books show is the market that it was made of.

mod support;

use std::{collections::BTreeMap, sync::OnceLock};

use support::{LINES, Recorder, pcap};
use wirebook_abi::{
    BatchWriter, CheckedTable, Decoded, Decoder, DecoderTable, Description, Event, EventCold, EventKind, Frame,
    FrameKind, Framing, Group, MessageInfo, Outcome, Record, Side, Span, Status, Tag,
    describe::{List, Text},
    detail, flags,
};
use wirebook_book::{BookConfig, BookState, Reason, TopLevel};
use wirebook_io::capture::CaptureSource;
use wirebook_runtime::{BookImage, ImageDetail, LevelImage, Replay, ReplayConfig, Summary};

/// Bytes of a packet before its messages: first sequence and message count.
const HEADER: usize = 12;
/// Bytes of a message: an event as it stands, and the id of its order.
const MESSAGE: usize = 40;

/// Reads packets whose messages are events already.
struct Plain(Frame);

impl Decoder for Plain {
    const DESCRIPTION: Description = Description {
        protocol: Text::new("plain-events"),
        family: Text::new("plain"),
        price_scale: 100,
        framings: List::new(&[Framing::MOLDUDP64]),
        messages: List::new(&[MessageInfo {
            type_text: Text::new("E"),
            name: Text::new("event"),
            ..MessageInfo::PLAIN
        }]),
        ..Description::PLAIN
    };

    fn new(_: Framing) -> Option<Self> {
        Some(Self(Frame::default()))
    }

    fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Outcome {
        let Some((first, count)) = packet.split_first_chunk::<8>().zip(packet.get(8..HEADER)) else {
            return Outcome { status: Status::TRUNCATED, ..Outcome::default() };
        };
        *frame = Frame {
            first_sequence: u64::from_le_bytes(*first.0),
            message_count: u32::from_le_bytes(count.try_into().unwrap()),
            size_bytes: packet.len() as u32,
            kind: FrameKind::DATA,
            ..Frame::default()
        };
        self.0 = *frame;
        Outcome::default()
    }

    fn decode(&mut self, packet: &[u8], skip: u32, batch: &mut BatchWriter<'_>) -> Decoded {
        let mut messages = 0;
        for (index, bytes) in packet[HEADER..].chunks_exact(MESSAGE).enumerate().skip(skip as usize) {
            if batch.room() == 0 || batch.record_room() == 0 {
                return Decoded { messages, status: Status::BATCH_FULL, ..Decoded::default() };
            }
            let sequence = self.0.first_sequence + index as u64;
            let (event, cold) = event_of(bytes, sequence);
            let record = if event.kind == EventKind::DEFINITION { batch.push_record(definition(&event)) } else { 0 };
            batch.push(event, EventCold { record, ..cold });
            batch.count_type(0);
            messages += 1;
        }
        Decoded { messages, ..Decoded::default() }
    }

    fn split(&mut self, _: &[u8], _: &mut [Span]) -> Decoded {
        Decoded::default()
    }

    fn encode(&mut self, _: Group<'_>, _: &mut [u8]) -> Outcome {
        Outcome { status: Status::NOT_ENCODABLE, ..Outcome::default() }
    }

    fn pack(&mut self, _: &Frame, _: &[&[u8]], _: &mut [u8]) -> Outcome {
        Outcome { status: Status::NOT_ENCODABLE, ..Outcome::default() }
    }
}

fn event_of(bytes: &[u8], sequence: u64) -> (Event, EventCold) {
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let [kind, side, flags, detail] = [bytes[0], bytes[1], bytes[2], bytes[3]];
    let event = Event {
        order_id: word(8),
        price: word(16) as i64,
        quantity: word(24),
        instrument: u32::from_le_bytes(bytes[4..8].try_into().unwrap()),
        kind: EventKind(kind),
        side: Side(side),
        flags,
        detail,
    };
    (event, EventCold { sequence, ts_event_ns: sequence * 1_000, match_id: word(32), ..EventCold::default() })
}

/// Depths stand in the price (direct) and the quantity (implied) of a definition's message.
fn definition(event: &Event) -> Record {
    let mut record = Record::new(EventKind::DEFINITION, event.instrument);
    record.set_text(format!("FUT{}", event.instrument).as_bytes());
    if event.price != 0 {
        record.push(Tag::MARKET_DEPTH, event.price);
        record.push(Tag::IMPLIED_DEPTH, event.quantity as i64);
    }
    record
}

fn message(event: &Event, match_id: u64) -> [u8; MESSAGE] {
    let mut bytes = [0; MESSAGE];
    bytes[..4].copy_from_slice(&[event.kind.0, event.side.0, event.flags, event.detail]);
    bytes[4..8].copy_from_slice(&event.instrument.to_le_bytes());
    for (at, word) in [event.order_id, event.price as u64, event.quantity, match_id].into_iter().enumerate() {
        bytes[8 + at * 8..16 + at * 8].copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// Messages in packets of a few, whole groups not kept together.
fn packets(events: &[(Event, u64)], per_packet: usize) -> Vec<Vec<u8>> {
    let packet = |(index, events): (usize, &[(Event, u64)])| {
        let mut packet = ((index * per_packet + 1) as u64).to_le_bytes().to_vec();
        packet.extend((events.len() as u32).to_le_bytes());
        packet.extend(events.iter().flat_map(|(event, id)| message(event, *id)));
        packet
    };
    events.chunks(per_packet).enumerate().map(packet).collect()
}

fn table() -> CheckedTable {
    static TABLE: OnceLock<DecoderTable> = OnceLock::new();
    CheckedTable::new(TABLE.get_or_init(DecoderTable::of::<Plain>)).unwrap()
}

fn play(packets: &[Vec<u8>], sink: &mut Recorder) -> Replay {
    let books = BookConfig {
        instrument_limit: 0,
        instruments: 16,
        orders: 64,
        levels: 64,
        window_bits: 6,
        ..BookConfig::default()
    };
    let config =
        ReplayConfig { books: Some(books), closing_books: Some(ImageDetail::Orders), ..ReplayConfig::default() };
    let source = CaptureSource::from_memory(pcap(packets.iter().map(|packet| (LINES[0], &**packet)))).unwrap();
    let mut replay = Replay::new(Box::new(source), table(), Framing::MOLDUDP64, config).unwrap();
    replay.run(sink).unwrap();
    replay
}

/// A number that looks random, the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// What rests in the market on one side: by key, best first, quantity and orders.
type Rests = BTreeMap<i64, (u64, u32)>;

/// A market that publishes the best levels of each side by position, as CME does.
struct Market {
    dice: Dice,
    /// By instrument; direct and implied, bids and asks.
    books: BTreeMap<u32, [[Rests; 2]; 2]>,
    events: Vec<(Event, u64)>,
    /// Whether each event says how deep the feed's levels go.
    says_depth: bool,
}

const DEPTHS: [u16; 2] = [10, 2];
const SIGN: [i64; 2] = [-1, 1];

impl Market {
    fn new(seed: u64, says_depth: bool) -> Self {
        Self { dice: Dice(seed), books: BTreeMap::new(), events: Vec::new(), says_depth }
    }

    fn define(&mut self, instrument: u32) {
        let (price, quantity) = if self.says_depth { (0, 0) } else { (DEPTHS[0].into(), DEPTHS[1].into()) };
        let kind = EventKind::DEFINITION;
        self.events.push((Event { instrument, kind, price, quantity, flags: flags::LAST, ..Event::default() }, 0));
        self.books.insert(instrument, Default::default());
    }

    fn emit(
        &mut self,
        place: (u32, usize, usize),
        kind: EventKind,
        position: usize,
        level: (i64, (u64, u32)),
        bits: u8,
    ) {
        let (instrument, book, side) = place;
        let (key, (quantity, orders)) = level;
        let depth = if self.says_depth { DEPTHS[book] } else { 0 };
        let event = Event {
            order_id: Event::level_key_within(position as u16, orders, depth),
            price: key * SIGN[side],
            quantity,
            instrument,
            kind,
            side: Side(side as u8 + 1),
            flags: 0,
            detail: bits | if book == 1 { detail::IMPLIED } else { 0 },
        };
        self.events.push((event, 0));
    }

    /// One change of what rests, and what the feed says of it.
    fn step(&mut self) {
        let keys: Vec<u32> = self.books.keys().copied().collect();
        let instrument = keys[self.dice.below(keys.len() as u64) as usize];
        let (book, side) = (usize::from(self.dice.below(4) == 0), self.dice.below(2) as usize);
        let place = (instrument, book, side);
        // Bids below 5,000, asks above: keys of both sides ascend from best to worst.
        let key = SIGN[side] * 5_000 + 1 + self.dice.below(if book == 0 { 24 } else { 5 }) as i64;
        let (depth, gone) = (usize::from(DEPTHS[book]), self.dice.below(5) < 2);
        let level = (1 + self.dice.below(900), if book == 0 { 1 + self.dice.below(9) as u32 } else { 0 });
        let rests = &mut self.books.get_mut(&instrument).unwrap()[book][side];
        let position = rests.range(..key).count() + 1;
        let before = if gone { rests.remove(&key) } else { rests.insert(key, level) };
        let last = rests.iter().nth(depth - 1).map(|(key, level)| (*key, *level));
        if position > depth {
            return;
        }
        match (gone, before) {
            (true, None) => return,
            (true, Some(before)) => {
                self.emit(place, EventKind::LEVEL_DELETE, position, (key, before), 0);
                if let Some(last) = last {
                    self.emit(place, EventKind::LEVEL_SET, depth, last, detail::INSERT);
                }
            }
            (false, None) => self.emit(place, EventKind::LEVEL_SET, position, (key, level), detail::INSERT),
            (false, Some(_)) => self.emit(place, EventKind::LEVEL_SET, position, (key, level), 0),
        }
        if self.dice.below(2) == 0 {
            self.events.last_mut().unwrap().0.flags |= flags::LAST;
        }
    }

    fn run(&mut self, steps: usize) {
        (0..steps).for_each(|_| self.step());
        self.events.last_mut().unwrap().0.flags |= flags::LAST;
    }

    /// What the feed gives of one side.
    fn side(&self, instrument: u32, book: usize, side: usize) -> Vec<TopLevel> {
        let level = |(key, (quantity, order_count)): (&i64, &(u64, u32))| TopLevel {
            price: key * SIGN[side],
            quantity: *quantity,
            order_count: *order_count,
        };
        self.books[&instrument][book][side].iter().take(DEPTHS[book].into()).map(level).collect()
    }
}

fn plain(levels: &[LevelImage]) -> Vec<TopLevel> {
    let level =
        |level: &LevelImage| TopLevel { price: level.price, quantity: level.quantity, order_count: level.order_count };
    levels.iter().map(level).collect()
}

fn assert_market(image: &BookImage, market: &Market) {
    let sides = [[&image.bids, &image.asks], [&image.implied.bids, &image.implied.asks]];
    for (book, side) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        assert_eq!(plain(sides[book][side]), market.side(image.key, book, side), "{} {book} {side}", image.key);
    }
    assert!(image.is_given && image.by_order.is_empty());
}

fn given_up(summary: &Summary) -> [u64; 3] {
    [summary.books.unknown_levels, summary.books.contradicted_levels, summary.books.misplaced_events]
}

fn made(seed: u64, says_depth: bool, steps: usize) -> Market {
    let mut market = Market::new(seed, says_depth);
    [7, 4_000_000_000, 12].into_iter().for_each(|instrument| market.define(instrument));
    market.run(steps);
    market
}

#[test]
fn levels_by_position_are_the_market_whose_best_they_are() {
    for says_depth in [false, true] {
        let market = made(11, says_depth, 20_000);
        let replay = play(&packets(&market.events, 9), &mut Recorder::default());
        let summary = replay.summary();
        assert_eq!((given_up(&summary), summary.errors, summary.gaps), ([0; 3], 0, 0));
        let image = replay.channels()[0].final_books(ImageDetail::Orders);
        assert_eq!(image.books.len(), 3);
        let levels = |image: &BookImage| {
            [&image.bids, &image.asks, &image.implied.bids, &image.implied.asks].map(Vec::len).iter().sum::<usize>()
        };
        assert_eq!(image.books.iter().map(levels).sum::<usize>() as u64, summary.given_levels);
        for book in &image.books {
            assert_market(book, &market);
            assert_eq!(book.validity.state, BookState::Valid);
            assert_eq!(book.symbol.as_deref(), Some(&*format!("FUT{}", book.key)));
            assert!(book.bids.len() == 10 && book.asks.len() == 10, "deep enough to matter");
            let reader = replay.channels()[0].pipeline().books().reader();
            let (top, implied) = (reader.top(book.key).unwrap(), reader.implied_top(book.key).unwrap());
            assert_eq!([top.bids(), top.asks()], [0, 1].map(|side| market.side(book.key, 0, side)));
            assert_eq!([implied.bids(), implied.asks()], [0, 1].map(|side| market.side(book.key, 1, side)));
        }
    }
}

#[test]
fn events_come_out_completed_and_flagged() {
    let market = made(12, false, 2_000);
    let mut sink = Recorder::default();
    play(&packets(&market.events, 4), &mut sink);
    assert_eq!(sink.events.len(), market.events.len());
    for ((_, out, _), (given, _)) in sink.events.iter().zip(&market.events) {
        let mbp = if out.kind == EventKind::DEFINITION { 0 } else { flags::MBP };
        assert_eq!(*out, Event { flags: given.flags | mbp, ..*given });
    }
}

#[test]
fn books_before_a_clear_of_the_channel_are_kept() {
    let mut market = made(13, false, 3_000);
    let clear = Event { kind: EventKind::CLEAR, detail: detail::WHOLE_CHANNEL, flags: flags::LAST, ..Event::default() };
    market.events.push((clear, 0));
    let replay = play(&packets(&market.events, 9), &mut Recorder::default());
    assert_eq!(replay.summary().given_levels, 0);
    let channel = &replay.channels()[0];
    assert!(channel.pipeline().books().is_empty());
    for book in &channel.final_books(ImageDetail::Levels).books {
        assert_market(book, &market);
    }
}

#[test]
fn a_lost_packet_marks_the_books_until_they_are_cleared() {
    let mut market = made(14, false, 3_000);
    let mut lost = packets(&market.events, 9);
    lost.remove(100);
    let replay = play(&lost, &mut Recorder::default());
    let summary = replay.summary();
    assert_eq!((summary.gaps, summary.missing), (1, 9));
    for key in market.books.keys() {
        let validity = replay.channels()[0].pipeline().books().validity(*key).unwrap();
        assert_eq!((validity.state, validity.reason), (BookState::Stale, Reason::Gap));
    }
    // A snapshot, as its decoder gives it: a clear, then every level in its order.
    let mut events = std::mem::take(&mut market.events);
    for (instrument, books) in market.books.clone() {
        let clear = Event { kind: EventKind::CLEAR, instrument, flags: flags::SNAPSHOT, ..Event::default() };
        market.events.push((clear, 0));
        for (book, side) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let given = books[book][side].iter().take(DEPTHS[book].into());
            for (position, (key, level)) in (1..).zip(given) {
                let set = EventKind::LEVEL_SET;
                market.emit((instrument, book, side), set, position, (*key, *level), detail::INSERT);
            }
        }
        market.events.last_mut().unwrap().0.flags |= flags::LAST;
    }
    market.run(2_000);
    events.append(&mut market.events);
    let mut lost = packets(&events, 9);
    lost.remove(100);
    let replay = play(&lost, &mut Recorder::default());
    for book in &replay.channels()[0].final_books(ImageDetail::Orders).books {
        assert_market(book, &market);
        assert_eq!(book.validity.state, BookState::Valid);
    }
}

#[test]
fn an_order_list_by_position_shows_levels_and_queues() {
    let mut dice = Dice(15);
    let mut truth: [Vec<(i64, u64, u64)>; 2] = Default::default();
    let mut events = Vec::new();
    for id in 1..4_000_u64 {
        let side = dice.below(2) as usize;
        let list = &mut truth[side];
        let (position, kind, bits, order);
        if list.len() < 3 || dice.below(5) < 3 {
            // Behind all orders at its price.
            let key = SIGN[side] * 5_000 + 1 + dice.below(9) as i64;
            let at = list.partition_point(|(each, ..)| *each <= key);
            order = (key, 1 + dice.below(500), id);
            (position, kind, bits) = (at + 1, EventKind::LEVEL_SET, detail::INSERT);
            list.insert(at, order);
        } else {
            let at = dice.below(list.len() as u64) as usize;
            if dice.below(2) == 0 {
                // Its id changes with it, as B3's did.
                order = (list[at].0, 1 + dice.below(500), id);
                (position, kind, bits) = (at + 1, EventKind::LEVEL_SET, 0);
                list[at] = order;
            } else {
                order = list.remove(at);
                (position, kind, bits) = (at + 1, EventKind::LEVEL_DELETE, 0);
            }
        }
        let event = Event {
            order_id: Event::level_key(position as u16, 1),
            price: order.0 * SIGN[side],
            quantity: order.1,
            instrument: 3,
            kind,
            side: Side(side as u8 + 1),
            flags: flags::LAST,
            detail: bits,
        };
        events.push((event, if kind == EventKind::LEVEL_SET { order.2 } else { 0 }));
    }
    let replay = play(&packets(&events, 5), &mut Recorder::default());
    assert_eq!(given_up(&replay.summary()), [0; 3]);
    let image = replay.channels()[0].final_book(3, ImageDetail::Orders).unwrap();
    for (side, levels) in [&image.bids, &image.asks].into_iter().enumerate() {
        assert!(truth[side].len() > 100 && levels.len() > 3);
        let listed = levels.iter().flat_map(|level| level.orders.iter().map(move |order| (level.price, *order)));
        let expected = truth[side].iter().map(|(key, quantity, id)| (key * SIGN[side], (*id, *quantity)));
        assert!(listed.eq(expected));
        for level in levels {
            assert_eq!(level.order_count as usize, level.orders.len());
            assert_eq!(level.quantity, level.orders.iter().map(|(_, quantity)| quantity).sum::<u64>());
        }
        let top = replay.channels()[0].pipeline().books().reader().top(3).unwrap();
        let published = if side == 0 { top.bids() } else { top.asks() };
        assert_eq!(published, plain(levels).iter().take(10).copied().collect::<Vec<_>>());
    }
}
