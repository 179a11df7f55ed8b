//! A venue that publishes a simulated day on two lines and answers requests, without a socket: everything by seed and by a clock
//! that is an argument.

use std::collections::VecDeque;

use wirebook_abi::{
    BatchBuffer, CheckedTable, DecoderInstance, Event, EventCold, EventKind, Frame, Framing, Group, Side, Span, Status,
    flags,
};
use wirebook_book::BookWriter;
use wirebook_recovery::{Answer, Refusal, Server, Want};
use wirebook_simulator::{DayConfig, Packets, Packing, packets_in_memory};

use crate::truth::small_books;

pub fn table() -> CheckedTable {
    CheckedTable::new(&wirebook_itch::NASDAQ).unwrap()
}

pub const FRAMING: Framing = Framing::MOLDUDP64;

/// A small day of packets with a few messages each.
pub fn day(seed: u64, session: &str) -> Packets {
    let config = DayConfig {
        seed,
        symbols: 12,
        messages: 4_000,
        end_of_messages: false,
        session: session.into(),
        ..DayConfig::default()
    };
    packets_in_memory(config, table(), FRAMING, Packing::Fixed(5)).unwrap()
}

/// How a service behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It answers.
    Works,
    /// It says no.
    Refuses,
    /// It says nothing, until whoever asks gives up.
    Hangs,
    /// It answers with bytes that are nothing.
    Garbage,
    /// It says nothing, and nobody gives up.
    Gone,
    /// It answers only every so many requests.
    Sometimes(u64),
}

/// Time after which nobody waits for an answer any more.
const PATIENCE_NS: u64 = 2_000_000;

/// Time that an answer takes.
const LATENCY_NS: u64 = 150_000;

/// Messages of a snapshot in a packet.
const SNAPSHOT_MESSAGES: usize = 6;

/// Messages that one answer has at most, as MoldUDP64 servers give no more than a packet.
const MOST_MESSAGES: u64 = 20;

/// Services of a venue.
pub struct Services {
    server: Server,
    packets: Vec<(u64, u64, Vec<u8>)>,
    table: CheckedTable,
    framing: Framing,
    pub messages: Manner,
    pub snapshots: Manner,
    /// Sequence that was published last.
    pub published: u64,
    requests: u64,
    /// What goes out, and when.
    queue: VecDeque<(u64, Answer)>,
    pub requests_served: u64,
}

impl Services {
    /// Services of a day whose packets are these.
    pub fn new(server: Server, day: &Packets, messages: Manner, snapshots: Manner) -> Self {
        let mut decoder = table().create(FRAMING).unwrap();
        let packets = day.iter().map(|packet| {
            let frame = frame_of(&mut decoder, packet);
            (frame.first_sequence, frame.first_sequence + u64::from(frame.sequence_count()), packet.to_vec())
        });
        Self {
            server,
            packets: packets.collect(),
            table: table(),
            framing: FRAMING,
            messages,
            snapshots,
            published: 0,
            requests: 0,
            queue: VecDeque::new(),
            requests_served: 0,
        }
    }

    /// The end of the desk, for other services.
    pub fn into_server(self) -> Server {
        self.server
    }

    /// Takes requests and gives what is due.
    pub fn step(&mut self, now_ns: u64) {
        while let Some(want) = self.server.want() {
            self.queue.clear();
            self.serve(want, now_ns);
        }
        while self.queue.front().is_some_and(|(due_ns, _)| *due_ns <= now_ns) {
            let Some((due_ns, answer)) = self.queue.pop_front() else { break };
            if let Err(answer) = self.server.answer(answer) {
                self.queue.push_front((due_ns, answer));
                break;
            }
        }
    }

    fn serve(&mut self, want: Want, now_ns: u64) {
        let manner = match want {
            Want::Cancel => return,
            Want::Messages { .. } => self.messages,
            Want::Snapshot { .. } => self.snapshots,
        };
        self.requests += 1;
        let due_ns = now_ns + LATENCY_NS;
        let works = match manner {
            Manner::Works => true,
            Manner::Sometimes(every) => self.requests.is_multiple_of(every),
            _ => false,
        };
        match (manner, want) {
            (Manner::Refuses, _) => self.queue.push_back((due_ns, Answer::Refused(Refusal::OutOfRange))),
            (Manner::Garbage, Want::Messages { .. }) => {
                self.queue.push_back((due_ns, Answer::Packet(vec![0xa5; 40])));
                self.queue.push_back((due_ns, Answer::Packet(Vec::new())));
                self.queue.push_back((now_ns + PATIENCE_NS, Answer::GaveUp));
            }
            (Manner::Garbage, _) => {
                self.queue.push_back((due_ns, Answer::SnapshotPacket(vec![0x5a; 33])));
                self.queue.push_back((due_ns, Answer::SnapshotStart));
                self.queue.push_back((due_ns, Answer::SnapshotPacket(vec![0x5a; 33])));
                self.queue.push_back((now_ns + PATIENCE_NS, Answer::GaveUp));
            }
            (_, Want::Messages { first, last, .. }) if works => self.again(first, last, due_ns),
            (_, Want::Snapshot { at_least, .. }) if works => self.snapshot(at_least, due_ns),
            (Manner::Gone, _) => {}
            _ => self.queue.push_back((now_ns + PATIENCE_NS, Answer::GaveUp)),
        }
        self.requests_served += u64::from(works);
    }

    /// Sends messages again, in packets of another size than they were sent in.
    fn again(&mut self, first: u64, last: u64, due_ns: u64) {
        let mut packer = self.table.create(self.framing).unwrap();
        let mut from = first;
        while from <= last {
            let until = last.min(from + MOST_MESSAGES - 1);
            let messages = self.messages_of(from, until);
            let session = self.session();
            let packet = pack(&mut packer, session, from, &messages);
            self.queue.push_back((due_ns, Answer::Packet(packet)));
            from = until + 1;
        }
    }

    fn session(&self) -> [u8; 16] {
        let mut decoder = self.table.create(self.framing).unwrap();
        frame_of(&mut decoder, &self.packets[0].2).session
    }

    fn messages_of(&self, first: u64, last: u64) -> Vec<Vec<u8>> {
        let mut decoder = self.table.create(self.framing).unwrap();
        let mut messages = Vec::new();
        for (from, until, packet) in &self.packets {
            if *from > last || *until <= first {
                continue;
            }
            frame_of(&mut decoder, packet);
            let mut spans = [Span::default(); 64];
            let count = decoder.split(packet, &mut spans).messages as usize;
            for (at, span) in spans[..count].iter().enumerate() {
                let sequence = from + at as u64;
                if (first..=last).contains(&sequence) {
                    messages.push(packet[span.offset as usize..][..span.size as usize].to_vec());
                }
            }
        }
        messages
    }

    /// The state after what was published last, or after `at_least` where that is more: a service waits for it.
    fn snapshot(&mut self, at_least: u64, due_ns: u64) {
        let next = (self.published + 1).max(at_least);
        let mut messages = self.messages_of(1, next - 1);
        // Directory, trading states and the like as they were sent; orders as they rest.
        messages.retain(|message| matches!(message[0], b'S' | b'R' | b'H' | b'Y' | b'L' | b'V'));
        let books = self.books_before(next);
        let mut encoder = self.table.create(self.framing).unwrap();
        for key in books.instruments() {
            let book = books.book(*key).unwrap();
            for side in [Side::BID, Side::ASK] {
                for (level, order) in book
                    .levels(side)
                    .flat_map(|level| level.orders().map(move |order| (level.price(), order)).collect::<Vec<_>>())
                {
                    let event = Event {
                        kind: EventKind::ADD,
                        order_id: order.order_id,
                        price: level,
                        quantity: u64::from(order.quantity),
                        instrument: *key,
                        side,
                        flags: flags::LAST,
                        ..Event::default()
                    };
                    messages.push(encode(&mut encoder, &event));
                }
            }
        }
        let session = self.session();
        self.queue.push_back((due_ns, Answer::SnapshotStart));
        for messages in messages.chunks(SNAPSHOT_MESSAGES) {
            let packet = pack(&mut encoder, session, 0, messages);
            self.queue.push_back((due_ns, Answer::SnapshotPacket(packet)));
        }
        self.queue.push_back((due_ns, Answer::SnapshotEnd { next_sequence: next }));
    }

    fn books_before(&self, next: u64) -> BookWriter {
        let mut decoder = self.table.create(self.framing).unwrap();
        let mut batch = BatchBuffer::new(1 << 12, 1 << 10, self.table.description());
        let mut books = BookWriter::new(&small_books(self.table)).unwrap();
        for (_, _, packet) in self.packets.iter().filter(|(from, ..)| *from < next) {
            frame_of(&mut decoder, packet);
            batch.clear();
            decoder.decode(packet, 0, &mut batch);
            let (events, cold, _) = batch.parts_mut();
            for (event, cold) in events.iter_mut().zip(cold).filter(|(_, cold)| cold.sequence < next) {
                books.apply(event, cold);
            }
        }
        books
    }
}

pub fn frame_of(decoder: &mut DecoderInstance, packet: &[u8]) -> Frame {
    let mut frame = Frame::default();
    assert_eq!(decoder.frame(packet, &mut frame).status, Status::OK);
    frame
}

fn encode(encoder: &mut DecoderInstance, event: &Event) -> Vec<u8> {
    let mut message = vec![0; 256];
    let group = Group { events: &[*event], cold: &[EventCold::default()], records: &[] };
    let outcome = encoder.encode(group, &mut message);
    assert_eq!(outcome.status, Status::OK, "{event:?}");
    message.truncate(outcome.offset as usize);
    message
}

pub fn pack(packer: &mut DecoderInstance, session: [u8; 16], first_sequence: u64, messages: &[Vec<u8>]) -> Vec<u8> {
    let frame = Frame { session, first_sequence, message_count: messages.len() as u32, ..Frame::default() };
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let mut packet = vec![0; 4096];
    let outcome = packer.pack(&frame, &messages, &mut packet);
    assert_eq!(outcome.status, Status::OK);
    packet.truncate(outcome.offset as usize);
    packet
}

/// A heartbeat of the session that says which sequence is next.
pub fn heartbeat(session: [u8; 16], next: u64) -> Vec<u8> {
    let mut packer = table().create(FRAMING).unwrap();
    let frame = Frame { session, first_sequence: next, kind: wirebook_abi::FrameKind::HEARTBEAT, ..Frame::default() };
    let mut packet = vec![0; 64];
    let outcome = packer.pack(&frame, &[], &mut packet);
    assert_eq!(outcome.status, Status::OK);
    packet.truncate(outcome.offset as usize);
    packet
}
