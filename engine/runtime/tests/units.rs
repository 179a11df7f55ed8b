//! Sequenced units: several on one address, lines, restarts, and books of PITCH days.

mod support;

use std::collections::BTreeMap;

use support::{Recorder, pcap, shared};
use wirebook_abi::{CheckedTable, DecoderTable, EventKind, Framing, flags};
use wirebook_book::{BookConfig, BookState, BookWriter};
use wirebook_io::capture::{CaptureSource, PcapWriter};
use wirebook_pitch::{CFE_1_1_6, EQUITIES_2, EQUITIES_2_41_64, OPTIONS_2_41_64, cboe_us_equities_depth_2_41_64::*};
use wirebook_runtime::{BookImage, ImageDetail, LevelImage, NoSink, Pipeline, Replay, ReplayConfig};

const LINES: [&str; 2] = ["224.0.62.2:30001", "233.209.92.128:30001"];
const ELSEWHERE: &str = "224.0.62.3:30201";

fn play(table: &'static DecoderTable, capture: Vec<u8>) -> (Replay, Recorder) {
    let source = CaptureSource::from_memory(capture).unwrap();
    let table = CheckedTable::new(table).unwrap();
    let mut sink = Recorder::default();
    let mut replay = Replay::new(Box::new(source), table, Framing::SEQUENCED_UNIT, ReplayConfig::default()).unwrap();
    sink.error = replay.run(&mut sink).err().map(|error| error.to_string());
    assert_eq!(sink.error, None);
    (replay, sink)
}

fn unit(unit: u8, first: u32, messages: &[Vec<u8>]) -> Vec<u8> {
    let length = 8 + messages.iter().map(Vec::len).sum::<usize>();
    let mut packet = (length as u16).to_le_bytes().to_vec();
    packet.extend_from_slice(&[messages.len() as u8, unit]);
    packet.extend_from_slice(&first.to_le_bytes());
    packet.extend(messages.iter().flatten());
    packet
}

/// A resting order of the model.
#[derive(Clone, Copy, Debug)]
struct Order {
    symbol: usize,
    is_bid: bool,
    price: i64,
    quantity: u64,
    /// Orders of one price are served in this order.
    place: u64,
}

/// A unit's day, message by message, and the orders that must be left.
struct Day {
    number: u8,
    random: u64,
    orders: BTreeMap<u64, Order>,
    next_order: u64,
    next_place: u64,
    messages: Vec<Vec<u8>>,
    symbols: Vec<[u8; 6]>,
    prints: u64,
}

impl Day {
    fn new(number: u8) -> Self {
        let symbols = (0..20).map(|index| [b'A' + number, b'A' + index, b' ', b' ', b' ', b' ']).collect();
        Self {
            number,
            random: u64::from(number) * 0x9e37_79b9,
            orders: BTreeMap::new(),
            next_order: 1_000,
            next_place: 0,
            messages: Vec::new(),
            symbols,
            prints: 0,
        }
    }

    fn pick(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below
    }

    fn place(&mut self) -> u64 {
        self.next_place += 1;
        self.next_place
    }

    /// Bids below 100, asks above, so that no book is crossed.
    fn price(&mut self, is_bid: bool) -> i64 {
        let away = 10_000 + 100 * self.pick(40) as i64;
        if is_bid { 1_000_000 - away } else { 1_000_000 + away }
    }

    fn add(&mut self) {
        let (symbol, is_bid) = (self.pick(20) as usize, self.pick(2) == 0);
        let (price, place) = (self.price(is_bid), self.place());
        let quantity = 1 + self.pick(70_000);
        let (order_id, side_indicator) = (self.next_order, if is_bid { b'B' } else { b'S' });
        self.next_order += 1 + self.pick(3);
        self.orders.insert(order_id, Order { symbol, is_bid, price, quantity, place });
        let name = self.symbols[symbol];
        let message = match u16::try_from(quantity) {
            Ok(quantity) => AddOrderShortFields {
                order_id,
                side_indicator,
                quantity,
                symbol: name,
                price: (price / 100) as u16,
                ..Default::default()
            }
            .encode()
            .to_vec(),
            Err(_) => {
                let mut symbol = [b' '; 8];
                symbol[..6].copy_from_slice(&name);
                let (quantity, price) = (quantity as u32, price as u64);
                AddOrderExpandedFields { order_id, side_indicator, quantity, symbol, price, ..Default::default() }
                    .encode()
                    .to_vec()
            }
        };
        self.messages.push(message);
    }

    fn any_order(&mut self) -> u64 {
        let at = self.pick(self.orders.len() as u64) as usize;
        *self.orders.keys().nth(at).unwrap()
    }

    fn change(&mut self) {
        let order_id = self.any_order();
        let order = self.orders[&order_id];
        let part = 1 + self.pick(order.quantity);
        let message = match self.pick(6) {
            0 => {
                self.orders.remove(&order_id);
                DeleteOrderFields { order_id, ..Default::default() }.encode().to_vec()
            }
            1 => {
                self.take(order_id, part);
                self.prints += part;
                let executed_quantity = part as u32;
                OrderExecutedFields { order_id, executed_quantity, ..Default::default() }.encode().to_vec()
            }
            2 => {
                self.take(order_id, part);
                ReduceSizeLongFields { order_id, canceled_quantity: part as u32, ..Default::default() }
                    .encode()
                    .to_vec()
            }
            3 => self.execute_elsewhere(order_id),
            _ => self.modify(order_id),
        };
        self.messages.push(message);
    }

    fn take(&mut self, order_id: u64, quantity: u64) {
        let order = self.orders.get_mut(&order_id).unwrap();
        order.quantity -= quantity;
        if order.quantity == 0 {
            self.orders.remove(&order_id);
        }
    }

    /// More may be executed than rested, and more or less may remain.
    fn execute_elsewhere(&mut self, order_id: u64) -> Vec<u8> {
        let (executed, remaining) = (1 + self.pick(100_000), self.pick(3) * self.pick(50_000));
        self.prints += executed;
        match remaining {
            0 => drop(self.orders.remove(&order_id)),
            _ => self.orders.get_mut(&order_id).unwrap().quantity = remaining,
        }
        OrderExecutedAtPriceSizeFields {
            order_id,
            executed_quantity: executed as u32,
            remaining_quantity: remaining as u32,
            price: 1_000_000,
            ..Default::default()
        }
        .encode()
        .to_vec()
    }

    fn modify(&mut self, order_id: u64) -> Vec<u8> {
        let (keeps, same_price) = (self.pick(2) == 0, self.pick(2) == 0);
        let (is_bid, place) = (self.orders[&order_id].is_bid, self.place());
        let price = if same_price { self.orders[&order_id].price } else { self.price(is_bid) };
        let quantity = 1 + self.pick(70_000);
        let order = self.orders.get_mut(&order_id).unwrap();
        if !keeps || price != order.price {
            order.place = place;
        }
        (order.price, order.quantity) = (price, quantity);
        let (quantity, price) = (quantity as u32, price as u64);
        let modify_flags = if keeps { 3 } else { 1 };
        ModifyOrderLongFields { order_id, quantity, price, modify_flags, ..Default::default() }.encode().to_vec()
    }

    fn run(mut self, steps: usize) -> Self {
        self.messages.push(UnitClearFields::default().encode().to_vec());
        for step in 0..steps {
            if step % 50 == 0 {
                self.messages.push(TimeFields { time: 34_200 + step as u32 / 50 }.encode().to_vec());
            }
            if self.orders.len() < 100 || self.pick(2) == 0 {
                self.add();
            } else {
                self.change();
            }
        }
        self
    }

    /// Packets of one to nine messages, and where no message is, a heartbeat.
    fn packets(&self, salt: usize) -> Vec<Vec<u8>> {
        let (mut at, mut packets) = (0, Vec::new());
        while at < self.messages.len() {
            let count = (1 + (at * 7 + salt) % 9).min(self.messages.len() - at);
            packets.push(unit(self.number, at as u32 + 1, &self.messages[at..at + count]));
            at += count;
        }
        packets.push(unit(self.number, at as u32 + 1, &[]));
        packets
    }

    /// Orders and quantities of the levels of one side, best first.
    fn side(&self, symbol: usize, is_bid: bool) -> Vec<(i64, Vec<(u64, u64)>)> {
        let mut levels: BTreeMap<i64, Vec<(u64, u64, u64)>> = BTreeMap::new();
        for (id, order) in self.orders.iter().filter(|(_, order)| order.symbol == symbol && order.is_bid == is_bid) {
            let key = if is_bid { -order.price } else { order.price };
            levels.entry(key).or_default().push((order.place, *id, order.quantity));
        }
        let queue = |mut orders: Vec<(u64, u64, u64)>| {
            orders.sort_unstable();
            orders.into_iter().map(|(_, id, quantity)| (id, quantity)).collect()
        };
        levels.into_iter().map(|(key, orders)| (key.abs(), queue(orders))).collect()
    }
}

fn queues(levels: &[LevelImage]) -> Vec<(i64, Vec<(u64, u64)>)> {
    levels.iter().map(|level| (level.price, level.orders.clone())).collect()
}

fn assert_day(replay: &Replay, day: &Day) {
    let channel = replay.channels().iter().find(|channel| channel.session() == day.number.to_string()).unwrap();
    let image = channel.final_books(ImageDetail::Orders);
    assert!(day.orders.len() > 50);
    assert_eq!(image.order_count(), day.orders.len() as u64);
    for (symbol, name) in day.symbols.iter().enumerate() {
        let name = std::str::from_utf8(name).unwrap().trim_end();
        let book: &BookImage = image.books.iter().find(|book| book.symbol.as_deref() == Some(name)).unwrap();
        assert_eq!(queues(&book.bids), day.side(symbol, true), "{name}");
        assert_eq!(queues(&book.asks), day.side(symbol, false), "{name}");
        assert_eq!(book.validity.state, BookState::Valid, "{name}: {:?}", book.validity);
    }
}

#[test]
fn units_on_one_address_are_channels_of_their_own() {
    let (one, two) = (Day::new(1).run(4_000), Day::new(2).run(3_000));
    let (first, second) = (one.packets(0), two.packets(3));
    let mut capture = Vec::new();
    for at in 0..first.len().max(second.len()) {
        for packets in [&first, &second] {
            capture.extend(packets.get(at).map(|packet| (LINES[0], packet.as_slice())));
        }
    }
    let (replay, sink) = play(&EQUITIES_2_41_64, pcap(capture));
    let summary = replay.summary();
    assert_eq!((summary.channels, summary.errors, summary.gaps, summary.duplicates), (2, 0, 0, 0));
    assert_eq!(summary.messages, (one.messages.len() + two.messages.len()) as u64);
    assert_eq!((summary.unknown_orders, summary.books.overdrawn_orders), (0, 0));
    assert_day(&replay, &one);
    assert_day(&replay, &two);
    let print = |kind| matches!(kind, EventKind::EXECUTE | EventKind::TRADE);
    let prints: u64 =
        sink.events.iter().filter(|(_, event, _)| print(event.kind)).map(|(_, event, _)| event.quantity).sum();
    assert_eq!(prints, one.prints + two.prints);
    // A print names its order alone; the books knew whose it is.
    let trades = sink.events.iter().filter(|(_, event, _)| event.kind == EventKind::TRADE);
    assert!(trades.clone().count() > 100 && trades.clone().all(|(_, event, _)| event.instrument < 20));
    let mut last = 0;
    for (_, event, cold) in sink.events.iter().filter(|(channel, ..)| *channel == 0) {
        assert!(cold.ts_event_ns >= last || event.kind == EventKind::CLEAR, "times go on");
        last = cold.ts_event_ns;
    }
    assert_eq!(last / 1_000_000_000, 34_200 + 3_999 / 50);
}

#[test]
fn lines_with_other_packet_borders_make_up_for_each_other() {
    let day = Day::new(7).run(4_000);
    let (line_a, line_b) = (day.packets(0), day.packets(5));
    let mut capture = Vec::new();
    for at in 0..line_a.len().max(line_b.len()) {
        // One line loses every other packet of the morning, the other of the afternoon.
        let is_morning = at < line_a.len() / 2;
        let (kept_a, kept_b) = (!is_morning || at % 2 == 0, is_morning || at % 2 == 0);
        capture.extend(line_a.get(at).filter(|_| kept_a).map(|packet| (LINES[0], packet.as_slice())));
        capture.extend(line_b.get(at).filter(|_| kept_b).map(|packet| (LINES[1], packet.as_slice())));
    }
    // The lines are level with each other: there is no reordering window yet.
    capture.sort_by_key(|(_, packet)| u32::from_le_bytes(*packet[4..].first_chunk().unwrap()));
    let (replay, _) = play(&EQUITIES_2_41_64, pcap(capture));
    let summary = replay.summary();
    assert_eq!((summary.channels, summary.errors, summary.gaps), (1, 0, 0));
    assert_eq!(summary.messages, day.messages.len() as u64);
    assert!(summary.duplicates > 1_000);
    assert_eq!(replay.channels()[0].flows().len(), 2);
    assert_day(&replay, &day);
}

#[test]
fn a_unit_of_another_market_is_no_line() {
    let (here, there) = (Day::new(3).run(2_000), Day::new(3).run(1_000));
    let far: Vec<Vec<u8>> = (there.packets(0).into_iter())
        .map(|mut packet| {
            let first = u32::from_le_bytes(*packet[4..].first_chunk().unwrap());
            packet[4..8].copy_from_slice(&(first + 1_000_000).to_le_bytes());
            packet
        })
        .collect();
    let near = here.packets(0);
    let packets = near.iter().map(|packet| (LINES[0], packet.as_slice()));
    let (replay, _) = play(&EQUITIES_2_41_64, pcap(packets.chain(far.iter().map(|packet| (ELSEWHERE, &packet[..])))));
    let summary = replay.summary();
    assert_eq!((summary.channels, summary.gaps, summary.duplicates), (2, 0, 0));
    assert_eq!(summary.messages, (here.messages.len() + there.messages.len()) as u64);
    assert_day(&replay, &here);
}

#[test]
fn a_restart_of_the_numbers_clears_the_books_and_goes_on() {
    let (before, after) = (Day::new(1).run(2_000), Day { random: 99, ..Day::new(1) }.run(3_000));
    let sender = "192.0.2.1:26400".parse().unwrap();
    let mut writer = PcapWriter::new(Vec::new()).unwrap();
    let night_ns = 3_600_000_000_000;
    for (day, start_ns) in [(&before, 1_000_000_000_000), (&after, 1_000_000_000_000 + night_ns)] {
        let packets = day.packets(0);
        for (at, packet) in packets.iter().enumerate() {
            writer.write_udp(start_ns + at as u64, sender, LINES[0].parse().unwrap(), packet).unwrap();
            if at > 3 {
                // A line that is behind brings the first packets again, which is no restart.
                writer.write_udp(start_ns + at as u64, sender, LINES[1].parse().unwrap(), &packets[at - 4]).unwrap();
            }
        }
    }
    let (replay, _) = play(&EQUITIES_2_41_64, writer.finish().unwrap());
    let summary = replay.summary();
    assert_eq!((summary.channels, summary.gaps, summary.errors), (1, 0, 0));
    assert_eq!(summary.messages, (before.messages.len() + after.messages.len()) as u64);
    assert_day(&replay, &after);
}

#[test]
fn unsequenced_packets_are_their_units_and_a_damaged_unit_is_nobodys() {
    let day = Day::new(4).run(500);
    let mut capture: Vec<Vec<u8>> = Vec::new();
    let symbol = *b"LOOP    ";
    let status = TradingStatusFields { symbol, trading_status: b'T', ..Default::default() };
    for packet in day.packets(0) {
        capture.push(packet.clone());
        capture.push(unit(4, 0, &[status.encode().to_vec()]));
        capture.push(unit(4, 0, &[]));
    }
    let mut damaged = unit(9, 70, &[DeleteOrderFields::default().encode().to_vec()]);
    damaged.truncate(15);
    capture.insert(20, damaged);
    let (replay, sink) = play(&EQUITIES_2_41_64, pcap(capture.iter().map(|packet| (LINES[0], packet.as_slice()))));
    let summary = replay.summary();
    assert_eq!((summary.channels, summary.gaps, summary.errors), (1, 0, 1));
    let packets = day.packets(0).len();
    assert_eq!(summary.messages, (day.messages.len() + packets) as u64);
    assert_eq!(replay.channels()[0].pipeline().sequencer().counters().heartbeats, packets as u64 + 1);
    assert!(sink.events.iter().all(|(_, event, _)| event.flags & flags::MAYBE_BAD_BOOK == 0));
    assert_day(&replay, &day);
}

#[test]
fn the_futures_of_2019_05_01_come_to_books() {
    let Some(bytes) = shared("captures/pitch/cfe-futures-depth-1.1.6_2019-05-01.pcap") else { return };
    let (replay, sink) = play(&CFE_1_1_6, bytes);
    let summary = replay.summary();
    assert_eq!((summary.channels, summary.messages, summary.gaps, summary.errors), (2, 15_558, 0, 0));
    assert_eq!((summary.duplicates, summary.foreign_packets), (0, 0));
    let sessions: Vec<_> = replay.channels().iter().map(|channel| channel.session()).collect();
    assert_eq!(sessions, ["2", "1"]);
    // 14,672 orders are added; 173 deletes and 18 changes name orders, some of them from before the capture.
    let adds = sink.events.iter().filter(|(_, event, _)| event.kind == EventKind::ADD).count();
    assert_eq!((adds, summary.books.duplicate_orders), (14_672, 0));
    let known = 173 + 18 - summary.unknown_orders;
    assert!(summary.open_orders + known >= 14_672 && summary.open_orders <= 14_672);
    let books = replay.channels()[1].final_books(ImageDetail::Orders);
    assert_eq!(books.order_count(), summary.open_orders);
    assert!(books.books.iter().all(|book| book.symbol.is_some()));
}

#[test]
fn the_test_exchange_of_2014_comes_to_its_book() {
    let Some(bytes) = shared("captures/pitch/bats-multicast-pitch_realtime.pcap") else { return };
    let (replay, sink) = play(&EQUITIES_2, bytes);
    let summary = replay.summary();
    assert_eq!((summary.channels, summary.messages, summary.errors), (1, 40, 0));
    // The unit's first two messages are in no packet.
    assert_eq!((summary.gaps, summary.missing, summary.unknown_orders), (1, 2, 0));
    assert_eq!(replay.channels()[0].pipeline().sequencer().counters().heartbeats, 720);
    assert_eq!(replay.channels()[0].flows().len(), 2);
    let traded: u64 = (sink.events.iter())
        .filter(|(_, event, _)| matches!(event.kind, EventKind::EXECUTE | EventKind::TRADE))
        .map(|(_, event, _)| event.quantity)
        .sum();
    assert_eq!(traded, 100 + 100 + 100 + 100 + 100 + 200);
    // Every order of the session was executed or deleted in the end.
    assert_eq!(summary.open_orders, 0);
    let book = &replay.channels()[0].final_books(ImageDetail::Orders).books[0];
    assert_eq!((book.symbol.as_deref(), book.validity.state), (Some("A"), BookState::Stale));
}

#[test]
fn a_transaction_is_published_once_at_its_end() {
    use wirebook_pitch::cboe_us_options_depth_2_41_64::{AddOrderShortFields, DeleteOrderFields};
    let table = CheckedTable::new(&OPTIONS_2_41_64).unwrap();
    let books = BookWriter::new(&BookConfig { instruments: 16, ..BookConfig::default() }).unwrap();
    let mut pipeline = Pipeline::new(table.create(Framing::SEQUENCED_UNIT).unwrap(), books);
    let reader = pipeline.books().reader();
    let mut first = 1;
    let mut best_after = |messages: &[Vec<u8>]| {
        let packet = unit(7, first, messages);
        first += messages.len() as u32;
        assert_eq!(pipeline.packet(&packet, 0, 0, &mut NoSink), packet.len());
        pipeline.flush(&mut NoSink);
        let top = reader.top(0).unwrap();
        (top.sequence, top.bids().iter().map(|level| (level.price, level.quantity)).collect::<Vec<_>>())
    };
    let order = |order_id, price| {
        let add = AddOrderShortFields { order_id, price, side_indicator: b'B', quantity: 5, ..Default::default() };
        add.encode().to_vec()
    };
    let delete = |order_id| DeleteOrderFields { order_id, ..Default::default() }.encode().to_vec();
    let edge = |kind| vec![6, kind, 0, 0, 0, 0];
    let before = (1, vec![(10_000, 5)]);
    assert_eq!(best_after(&[order(1, 100)]), before);
    assert_eq!(best_after(&[edge(0xbc), delete(1)]), before, "the books wait for the transaction's end");
    assert_eq!(best_after(&[order(2, 110), order(3, 105)]), before);
    assert_eq!(best_after(&[edge(0xbd)]), (6, vec![(11_000, 5), (10_500, 5)]));
    assert_eq!(best_after(&[delete(2)]), (7, vec![(10_500, 5)]));
}
