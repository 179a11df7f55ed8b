//! Exchanges on the loopback interface: what arrives on the lines, and what the services answer.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream, UdpSocket},
    ops::ControlFlow,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use wirebook_abi::{BatchBuffer, CheckedTable, DecoderTable, EventKind, Frame, FrameKind, Side};
use wirebook_exchange::{
    CboeService, Exchange, Pace, Plan, PublishLine, Tape,
    chaos::{Chaos, LineChaos, Loss, ServiceChaos},
};
use wirebook_simulator::{DayConfig, DayTruth, FinalLevel, Format, WriteOptions, write_day};

const PATIENCE: Duration = Duration::from_secs(20);

/// Messages of a day whose packets fit into the least buffer that a socket has, however late its reader comes.
const SHORT: u64 = 300;

fn day(table: &'static DecoderTable, channels: Option<u32>) -> (Arc<Tape>, DayTruth) {
    day_of(3_000, table, channels)
}

fn day_of(messages: u64, table: &'static DecoderTable, channels: Option<u32>) -> (Arc<Tape>, DayTruth) {
    let table = CheckedTable::new(table).unwrap();
    let config = DayConfig { symbols: 20, messages, end_of_messages: false, ..DayConfig::default() };
    let options = WriteOptions { channels, heartbeat_seconds: 0, ..WriteOptions::new(Format::Pcap) };
    let mut bytes = Vec::new();
    let truth = write_day(config, table, &options, &mut bytes, |_| ControlFlow::Continue(())).unwrap();
    (Arc::new(Tape::from_memory(bytes, table).unwrap()), truth)
}

fn here() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// Sockets that stand for the groups of a line, and the line.
fn line(channels: usize) -> (Vec<UdpSocket>, PublishLine) {
    let sockets: Vec<UdpSocket> = (0..channels).map(|_| UdpSocket::bind(here()).unwrap()).collect();
    let address = |socket: &UdpSocket| match socket.local_addr().unwrap() {
        SocketAddr::V4(address) => address,
        SocketAddr::V6(_) => unreachable!("bound to IPv4"),
    };
    let destinations: Vec<SocketAddrV4> = sockets.iter().map(address).collect();
    for socket in &sockets {
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    }
    (sockets, PublishLine { destinations, interface: None })
}

/// Datagrams that come until the exchange is over and nothing comes any more.
fn received(socket: UdpSocket, exchange: &Exchange) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    let mut buffer = [0; 2_048];
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match socket.recv(&mut buffer) {
            Ok(size) => datagrams.push(buffer[..size].to_vec()),
            Err(_) if exchange.status().is_over => break,
            Err(_) => {}
        }
    }
    datagrams
}

/// An exchange that has published its whole day, and lingers.
fn published(tape: &Arc<Tape>, plan: Plan) -> (Exchange, Vec<UdpSocket>) {
    let (sockets, line) = line(tape.channels().len());
    let plan = Plan { lines: vec![line], pace: Pace::Fastest, linger: PATIENCE, ..plan };
    let exchange = Exchange::start(tape.clone(), &plan).unwrap();
    let end = Instant::now() + PATIENCE;
    while exchange.status().published < tape.packets().len() as u64 {
        assert!(Instant::now() < end, "the day is not over in time");
        thread::sleep(Duration::from_millis(5));
    }
    (exchange, sockets)
}

/// Orders by instrument name, side and price, as messages that came one after another make them.
fn books(table: &'static DecoderTable, packets: &[Vec<u8>]) -> BTreeMap<(String, u8, i64), Vec<(u64, u64)>> {
    let table = CheckedTable::new(table).unwrap();
    let mut decoder = table.create(table.description().framings.as_slice()[0]).unwrap();
    let mut batch = BatchBuffer::new(1_024, 256, table.description());
    let (mut names, mut books) = (BTreeMap::new(), BTreeMap::<_, Vec<_>>::new());
    for packet in packets {
        let mut frame = Frame::default();
        decoder.frame(packet, &mut frame);
        assert_eq!(decoder.decode(packet, 0, &mut batch).messages, frame.message_count);
        let (events, cold, records) = batch.parts_mut();
        for (event, cold) in events.iter().zip(cold) {
            match event.kind {
                EventKind::DEFINITION => {
                    let name = records[usize::from(cold.record) - 1].text().to_owned();
                    names.insert(event.instrument, name);
                }
                EventKind::ADD => {
                    let key = (names[&event.instrument].clone(), event.side.0, event.price);
                    books.entry(key).or_default().push((event.order_id, event.quantity));
                }
                EventKind::STATUS => {}
                other => panic!("{} is in no snapshot", other.name()),
            }
        }
        batch.clear();
    }
    books
}

fn truth_of(truth: &DayTruth, mut has: impl FnMut(u32) -> bool) -> BTreeMap<(String, u8, i64), Vec<(u64, u64)>> {
    let mut books = BTreeMap::new();
    for book in truth.books.instruments.iter().filter(|book| has(book.instrument)) {
        let mut put = |side: Side, levels: &[FinalLevel]| {
            for level in levels {
                books.insert((book.symbol.clone(), side.0, level.price), level.orders.clone());
            }
        };
        put(Side::BID, &book.bids);
        put(Side::ASK, &book.asks);
    }
    books
}

#[test]
fn both_lines_carry_the_day_byte_for_byte_and_heartbeats_around_it() {
    let (tape, _) = day_of(SHORT, &wirebook_itch::NASDAQ, None);
    let ((mut a, line_a), (mut b, line_b)) = (line(1), line(1));
    let plan = Plan {
        lines: vec![line_a, line_b],
        pace: Pace::Rate(4_000.0),
        lead: Duration::from_millis(10),
        linger: Duration::from_millis(10),
        ..Plan::default()
    };
    let exchange = Exchange::start(tape.clone(), &plan).unwrap();
    let (a, b) = (a.pop().unwrap(), b.pop().unwrap());
    let (on_a, on_b) = thread::scope(|scope| {
        let of_a = scope.spawn(|| received(a, &exchange));
        (of_a.join().unwrap(), received(b, &exchange))
    });
    assert!(on_a == on_b, "{} datagrams on line A, {} on line B", on_a.len(), on_b.len());
    let (first, last) = (&on_a[0], &on_a[on_a.len() - 1]);
    let day: Vec<&[u8]> = (0..tape.packets().len()).map(|number| tape.bytes(number)).collect();
    assert!(on_a[1..on_a.len() - 1] == day, "{} datagrams for {}", on_a.len(), day.len());
    // The first says that message 1 is to come, the last that the one behind the day is.
    for (heartbeat, next) in [(first, 1_u64), (last, SHORT + 1)] {
        assert_eq!(heartbeat[10..], [&next.to_be_bytes()[..], &[0, 0]].concat());
    }
    let status = exchange.stop();
    assert_eq!((status.sent, status.unsent), (2 * on_a.len() as u64, 0));
    assert_eq!(status.lines[0].sent, day.len() as u64);
}

#[test]
fn chaos_on_the_lines_is_the_dials() {
    let (tape, _) = day_of(SHORT, &wirebook_itch::NASDAQ, None);
    let (mut sockets, to) = line(1);
    let lossy = LineChaos { loss: Loss::bursts(0.2, 3.0), duplicates: 0.2, ..LineChaos::default() };
    let chaos = Chaos { seed: 9, lines: vec![lossy], ..Chaos::default() };
    let plan = Plan { lines: vec![to], pace: Pace::Rate(4_000.0), chaos, ..Plan::default() };
    let exchange = Exchange::start(tape.clone(), &plan).unwrap();
    let datagrams = received(sockets.pop().unwrap(), &exchange);
    let line = exchange.stop().lines[0];
    assert_eq!(datagrams.len() as u64, line.sent);
    assert_eq!(line.sent + line.lost, tape.packets().len() as u64 + line.duplicated);
    assert!(line.lost > 5 && line.duplicated > 5, "{line:?}");
}

#[test]
fn moldudp64_requests_are_answered_with_what_is_out() {
    let (tape, _) = day(&wirebook_itch::NASDAQ, None);
    let (exchange, _sockets) = published(&tape, Plan { moldudp64: vec![here()], ..Plan::default() });
    let client = UdpSocket::bind(here()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let server = exchange.address("moldudp64", 0).unwrap();
    let ask = |session: &[u8; 10], first: u64, count: u16| {
        let request = [&session[..], &first.to_be_bytes(), &count.to_be_bytes()].concat();
        client.send_to(&request, server).unwrap();
    };
    // Of another session, past the end and for nothing: silence, so that the answer to the next is the first to come.
    ask(b"SIMULATED2", 1, 10);
    ask(b"SIMULATED1", 3_001, 10);
    ask(b"SIMULATED1", 5, 0);
    let mut wanted = BTreeMap::new();
    for number in 0..tape.packets().len() {
        let (bytes, info) = (tape.bytes(number), tape.packets()[number]);
        let mut at = 20;
        for sequence in info.first_sequence..info.first_sequence + u64::from(info.sequence_count) {
            let size = 2 + usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
            wanted.insert(sequence, &bytes[at..at + size]);
            at += size;
        }
    }
    let mut next = 7;
    while next < 3_001 {
        ask(b"SIMULATED1", next, 500);
        let mut buffer = [0; 2_048];
        let size = client.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..18], [&b"SIMULATED1"[..], &next.to_be_bytes()].concat());
        let count = u64::from(u16::from_be_bytes([buffer[18], buffer[19]]));
        assert!((1..=500).contains(&count) && size <= 1_400);
        let messages: Vec<u8> = (next..next + count).flat_map(|sequence| wanted[&sequence].to_vec()).collect();
        assert_eq!(buffer[20..size], messages);
        next += count;
    }
    let counts = &exchange.stop().services[0];
    assert_eq!((counts.refused, counts.messages), (3, 2_994));
}

fn soup_login(server: SocketAddr, session: &[u8; 10]) -> TcpStream {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let login = [&[0, 47, b'L'][..], b"USER  ", b"PASSWORD  ", session, b"                   1"].concat();
    stream.write_all(&login).unwrap();
    stream
}

fn soup_packet(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut size = [0; 2];
    stream.read_exact(&mut size).ok()?;
    let mut packet = vec![0; usize::from(u16::from_be_bytes(size))];
    stream.read_exact(&mut packet).ok()?;
    Some(packet)
}

#[test]
fn glimpse_gives_the_books_as_they_stand() {
    let (tape, truth) = day(&wirebook_itch::NASDAQ, None);
    let (exchange, _sockets) = published(&tape, Plan { glimpse: vec![here()], ..Plan::default() });
    let server = exchange.address("glimpse", 0).unwrap();
    let mut turned_away = soup_login(server, b"ANOTHER   ");
    assert_eq!(soup_packet(&mut turned_away), Some(b"JS".to_vec()));

    let mut stream = soup_login(server, b"          ");
    assert_eq!(soup_packet(&mut stream).unwrap(), b"ASIMULATED1                   1");
    let mut packets = Vec::new();
    let next = loop {
        let packet = soup_packet(&mut stream).unwrap();
        match packet[..2] {
            [b'S', b'G'] => break String::from_utf8(packet[2..].to_vec()).unwrap(),
            [b'S', _] => {
                let length = (packet.len() as u16 - 1).to_be_bytes();
                packets.push([&[0; 18][..], &[0, 1], &length, &packet[1..]].concat());
            }
            _ => assert_eq!(packet, b"H"),
        }
    };
    assert_eq!(next, "                3001");
    assert!(truth.books.order_count() > 50);
    assert_eq!(books(&wirebook_itch::NASDAQ, &packets), truth_of(&truth, |_| true));
}

fn cboe_message(message: &[u8]) -> Vec<u8> {
    [&(8 + message.len() as u16).to_le_bytes()[..], &[1, 0, 0, 0, 0, 0], message].concat()
}

fn cboe_login(server: SocketAddr, password: &[u8; 10]) -> (TcpStream, Vec<u8>) {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let login = [&[22, 1][..], b"0001", b"FIRM", b"  ", password].concat();
    stream.write_all(&cboe_message(&login)).unwrap();
    let answer = cboe_block(&mut stream)[8..].to_vec();
    (stream, answer)
}

/// The next block that is no heartbeat.
fn cboe_block(stream: &mut TcpStream) -> Vec<u8> {
    loop {
        let mut block = vec![0; 8];
        stream.read_exact(&mut block).unwrap();
        block.resize(usize::from(u16::from_le_bytes([block[0], block[1]])), 0);
        stream.read_exact(&mut block[8..]).unwrap();
        if block[2] > 0 {
            return block;
        }
    }
}

fn cboe() -> CboeService {
    CboeService { listen: here(), username: Some("FIRM".into()), password: Some("secret".into()) }
}

#[test]
fn the_gap_proxy_sends_what_is_asked_for_to_the_gap_address() {
    let (tape, _) = day(&wirebook_pitch::EQUITIES_2_41_64, Some(3));
    let (gap, groups) = line(3);
    let plan = Plan { gap_proxy: Some((cboe(), groups.destinations)), ..Plan::default() };
    let (exchange, _sockets) = published(&tape, plan);
    let server = exchange.address("gap_proxy", 0).unwrap();
    assert_eq!(cboe_login(server, b"wrong     ").1, [3, 2, b'N']);
    let (mut stream, answer) = cboe_login(server, b"secret    ");
    assert_eq!(answer, [3, 2, b'A']);
    let next = tape.next_sequence(1, usize::MAX);
    for (unit, first, count, status) in
        [(9, 1, 5, b'I'), (2, 1, 5_001, b'C'), (2, next as u32 - 4, 5, b'O'), (2, 0, 5, b'O'), (2, 11, 300, b'A')]
    {
        let body = [&[unit][..], &u32::to_le_bytes(first), &u16::to_le_bytes(count)].concat();
        stream.write_all(&cboe_message(&[&[9, 3][..], &body].concat())).unwrap();
        assert_eq!(cboe_block(&mut stream)[8..], [&[10, 4][..], &body, &[status]].concat());
    }
    let mut sequence = 11;
    let mut messages = Vec::new();
    while sequence < 311 {
        let mut buffer = [0; 2_048];
        let size = gap[1].recv(&mut buffer).unwrap();
        assert_eq!((buffer[3], u32::from_le_bytes(buffer[4..8].try_into().unwrap())), (2, sequence));
        messages.extend_from_slice(&buffer[8..size]);
        sequence += u32::from(buffer[2]);
    }
    // The same bytes, in a row, are those of the unit's own packets.
    let unit: Vec<u8> =
        tape.channels()[1].packets.iter().flat_map(|number| tape.bytes(*number)[8..].to_vec()).collect();
    assert!(unit.windows(messages.len()).any(|window| window == messages));
}

#[test]
fn the_spin_server_gives_the_orders_of_its_unit() {
    let (tape, truth) = day(&wirebook_pitch::EQUITIES_2_41_64, Some(3));
    let (exchange, _sockets) = published(&tape, Plan { spin: Some(cboe()), ..Plan::default() });
    let server = exchange.address("spin", 1).unwrap();
    let (mut stream, answer) = cboe_login(server, b"secret    ");
    assert_eq!(answer, [3, 2, b'A']);
    let last = tape.next_sequence(1, usize::MAX) as u32 - 1;
    assert_eq!(cboe_block(&mut stream)[8..], [&[6, 0x80][..], &last.to_le_bytes()].concat());
    let ask = |stream: &mut TcpStream, sequence: u32| {
        stream.write_all(&cboe_message(&[&[6, 0x81][..], &sequence.to_le_bytes()].concat())).unwrap();
    };
    ask(&mut stream, last + 1);
    assert_eq!(*cboe_block(&mut stream).last().unwrap(), b'O');
    ask(&mut stream, last - 1);
    let response = cboe_block(&mut stream);
    assert_eq!(response[8..14], [&[11, 0x82][..], &last.to_le_bytes()].concat());
    assert_eq!(response[18], b'A');
    let orders = u32::from_le_bytes(response[14..18].try_into().unwrap());
    let mut packets = Vec::new();
    loop {
        let block = cboe_block(&mut stream);
        match block[9] {
            0x80 => {}
            0x83 => {
                assert_eq!(block[10..], last.to_le_bytes());
                break;
            }
            _ => {
                assert_eq!((block[3], &block[4..8]), (2, &[0; 4][..]));
                packets.push(block);
            }
        }
    }
    let found = books(&wirebook_pitch::EQUITIES_2_41_64, &packets);
    assert_eq!(found.values().map(Vec::len).sum::<usize>(), orders as usize);
    assert!(orders > 20);
    // Symbols belong to units by the remainder of their key.
    assert_eq!(found, truth_of(&truth, |instrument| instrument % 3 == 1));
}

#[test]
fn services_fail_as_chaos_says_and_serve_again_after() {
    let (tape, _) = day(&wirebook_itch::NASDAQ, None);
    let services = ServiceChaos { first_fail: 4, ..ServiceChaos::default() };
    let chaos = Chaos { services, ..Chaos::default() };
    let (exchange, _sockets) = published(&tape, Plan { glimpse: vec![here()], chaos, ..Plan::default() });
    let server = exchange.address("glimpse", 0).unwrap();
    let mut refused = soup_login(server, b"          ");
    assert_eq!(soup_packet(&mut refused), None);
    let mut hung = soup_login(server, b"          ");
    hung.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert_eq!(soup_packet(&mut hung), None);
    let mut garbage = Vec::new();
    let _ = soup_login(server, b"          ").read_to_end(&mut garbage);
    assert!(garbage.len() == 600 && garbage[2] != b'A');
    let mut broken = soup_login(server, b"          ");
    let mut packets = Vec::new();
    while let Some(packet) = soup_packet(&mut broken) {
        packets.push(packet);
    }
    assert_eq!(packets[0][0], b'A');
    assert!(packets.len() > 20 && packets.iter().all(|packet| !packet.starts_with(b"SG")));
    let mut sound = soup_login(server, b"          ");
    assert_eq!(soup_packet(&mut sound).unwrap()[0], b'A');
    assert_eq!(exchange.stop().services[0].spoilt, 4);
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_sent() {
    let (tape, _) = day(&wirebook_itch::NASDAQ, None);
    let (_sockets, to) = line(1);
    let refused = |plan: Plan| Exchange::start(tape.clone(), &plan).unwrap_err().to_string();
    assert_eq!(refused(Plan::default()), "lines: none is not a line to publish on");
    let plan = Plan { lines: vec![to], ..Plan::default() };
    let spin = Plan { spin: Some(cboe()), ..plan.clone() };
    assert_eq!(refused(spin), "spin is a service of sequenced_unit, and the day is in moldudp64");
    assert!(refused(Plan { pace: Pace::Rate(-1.0), ..plan.clone() }).starts_with("rate: -1 is not"));
    let twice = PublishLine { destinations: vec!["127.0.0.1:9".parse().unwrap(); 2], interface: None };
    assert!(refused(Plan { lines: vec![twice], ..plan.clone() }).contains("lines[0]: 2 addresses for 1 channels"));
    let taken = UdpSocket::bind(here()).unwrap();
    let busy = Plan { moldudp64: vec![taken.local_addr().unwrap()], ..plan };
    assert!(refused(busy).starts_with("moldudp64: listening at 127.0.0.1:"));
    let empty = Tape::from_memory(b"no capture".to_vec(), tape.table());
    assert!(empty.is_err());
    assert_eq!(tape.packets()[0].kind, FrameKind::DATA);
}
