//! What each venue's own framing says of its packets: numbers, sessions, cut packets and sizes that lie.

use wirebook_abi::{
    BatchBuffer, BatchWriter, CheckedTable, DecoderInstance, DecoderTable, Description, Event, EventCold, Frame,
    FrameKind, Framing, Group, MessageInfo, Numbering, Outcome, Span, Status, describe::List, flags,
};
use wirebook_framing::{Framed, Messages};

/// An event a message, whose order id is the message's size.
struct Sizes;

const VENUES: [Framing; 8] = [
    Framing::CME_PACKET,
    Framing::CME_TCP,
    Framing::B3_PACKET,
    Framing::MEMX_PACKET,
    Framing::COINBASE_PACKET,
    Framing::DERIBIT_PACKET,
    Framing::OPTIQ_PACKET,
    Framing::MESSAGE,
];

impl Messages for Sizes {
    const DESCRIPTION: Description =
        Description { framings: List::new(&VENUES), messages: List::new(&[MessageInfo::PLAIN]), ..Description::PLAIN };
    const MAX_EVENTS: usize = 1;

    fn new() -> Self {
        Self
    }

    fn begin_session(&mut self) {}

    fn decode(&mut self, message: &[u8], sequence: u64, batch: &mut BatchWriter<'_>) -> Status {
        let event = Event { order_id: message.len() as u64, flags: flags::LAST, ..Event::default() };
        batch.push(event, EventCold { sequence, ..EventCold::default() });
        Status::OK
    }

    fn encode(&mut self, _group: Group<'_>, _output: &mut [u8]) -> Outcome {
        Outcome::refused(Status::NOT_ENCODABLE, 0)
    }
}

static TABLE: DecoderTable = DecoderTable::of::<Framed<Sizes>>();

struct Feed {
    decoder: DecoderInstance,
    batch: BatchBuffer,
}

impl Feed {
    fn new(framing: Framing) -> Self {
        let table = CheckedTable::new(&TABLE).unwrap();
        Self { decoder: table.create(framing).unwrap(), batch: BatchBuffer::new(256, 1, table.description()) }
    }

    fn frame(&mut self, packet: &[u8]) -> Result<Frame, (Status, u32)> {
        let mut frame = Frame::default();
        let outcome = self.decoder.frame(packet, &mut frame);
        if outcome.status == Status::OK { Ok(frame) } else { Err((outcome.status, outcome.offset)) }
    }

    /// Status and offset at which decoding stopped; sequence and size of each message.
    fn decode(&mut self, packet: &[u8]) -> (Status, u32, Vec<(u64, u64)>) {
        self.batch.clear();
        let decoded = self.decoder.decode(packet, 0, &mut self.batch);
        let (events, cold, _) = self.batch.parts_mut();
        let messages = events.iter().zip(cold).map(|(event, cold)| (cold.sequence, event.order_id)).collect();
        (decoded.status, decoded.offset, messages)
    }

    fn pack(&mut self, frame: &Frame, messages: &[&[u8]]) -> Vec<u8> {
        let mut output = vec![0; 4096];
        let outcome = self.decoder.pack(frame, messages, &mut output);
        assert_eq!(outcome.status, Status::OK);
        output.truncate(outcome.offset as usize);
        output
    }
}

fn session(name: &str) -> [u8; 16] {
    let mut session = [0; 16];
    session[..name.len()].copy_from_slice(name.as_bytes());
    session
}

/// A session as this framing names them.
fn session_of(framing: Framing) -> [u8; 16] {
    session(match framing {
        Framing::B3_PACKET => "68.273",
        Framing::MEMX_PACKET => "55533ad0e21b2c48",
        Framing::COINBASE_PACKET => "44849",
        Framing::DERIBIT_PACKET => "-7",
        Framing::OPTIQ_PACKET => "310.2",
        _ => "",
    })
}

/// A message with an own block length, of `size` bytes.
fn message(framing: Framing, size: usize) -> Vec<u8> {
    let length = if framing == Framing::DERIBIT_PACKET { size } else { size - 8 };
    let mut message = vec![7; size];
    message[..2].copy_from_slice(&(length as u16).to_le_bytes());
    message
}

/// A packet of messages of 21 and 40 bytes, or of one where that is all there can be; and their sizes.
fn packet(feed: &mut Feed, framing: Framing, sequence: u64) -> (Vec<u8>, Vec<u64>) {
    let messages = [message(framing, 21), message(framing, 40)];
    let slices: Vec<&[u8]> = messages.iter().map(|message| &message[..]).collect();
    let slices = if framing == Framing::MESSAGE { &slices[..1] } else { &slices[..] };
    let frame = Frame { first_sequence: sequence, session: session_of(framing), ..Frame::default() };
    let sizes = slices.iter().map(|slice| slice.len() as u64).collect();
    (feed.pack(&frame, slices), sizes)
}

fn counts_packets(framing: Framing) -> bool {
    matches!(framing, Framing::CME_PACKET | Framing::CME_TCP | Framing::B3_PACKET | Framing::OPTIQ_PACKET)
}

#[test]
fn packets_come_back_as_they_were_packed() {
    for framing in VENUES {
        let mut feed = Feed::new(framing);
        let (packet, sizes) = packet(&mut feed, framing, 1_000);
        let frame = feed.frame(&packet).unwrap();
        let first = if framing == Framing::MESSAGE { 0 } else { 1_000 };
        let wanted = Frame {
            first_sequence: first,
            message_count: sizes.len() as u32,
            size_bytes: packet.len() as u32,
            session: session_of(framing),
            numbering: if counts_packets(framing) { Numbering::PACKETS } else { Numbering::MESSAGES },
            ..Frame::default()
        };
        assert_eq!(frame, wanted, "{}", framing.name());
        let step = u64::from(!counts_packets(framing));
        let messages: Vec<_> = sizes.iter().zip(0..).map(|(size, at)| (first + step * at, *size)).collect();
        assert_eq!(feed.decode(&packet), (Status::OK, packet.len() as u32, messages), "{}", framing.name());

        let mut spans = [Span::default(); 4];
        assert_eq!(feed.decoder.split(&packet, &mut spans).messages as usize, sizes.len());
        for (span, size) in spans.iter().zip(&sizes) {
            assert_eq!(u64::from(span.size), *size);
            assert_eq!(packet[span.offset as usize + 2..][..span.size as usize - 2], vec![7; *size as usize - 2]);
        }
    }
}

#[test]
fn every_cut_packet_gives_its_whole_messages_and_says_where_it_ends() {
    for framing in VENUES {
        let mut feed = Feed::new(framing);
        let (packet, sizes) = packet(&mut feed, framing, 1);
        for size in 0..packet.len() {
            let mut feed = Feed::new(framing);
            let cut = &packet[..size];
            match feed.frame(cut) {
                Err((status, offset)) => assert!(status == Status::TRUNCATED && offset as usize <= size),
                Ok(frame) => {
                    let (status, offset, messages) = feed.decode(&cut[..frame.size_bytes as usize]);
                    assert!(messages.len() <= sizes.len() && offset as usize <= size);
                    let is_whole = framing == Framing::MESSAGE || framing == Framing::CME_TCP;
                    let announced = messages.len() < frame.message_count as usize;
                    assert_eq!(status == Status::TRUNCATED, announced, "{} {size}", framing.name());
                    assert!(!is_whole || status == Status::OK);
                }
            }
        }
    }
}

#[test]
fn a_size_that_cannot_be_stops_the_packet_there() {
    for (framing, at, size) in [
        (Framing::CME_PACKET, 12, 1),
        (Framing::OPTIQ_PACKET, 16, 0),
        (Framing::B3_PACKET, 16, 3),
        (Framing::COINBASE_PACKET, 24, 1),
        (Framing::DERIBIT_PACKET, 24, 15),
    ] {
        let mut feed = Feed::new(framing);
        let (mut packet, _) = packet(&mut feed, framing, 1);
        packet[at] = size;
        packet[at + 1] = 0;
        assert!(feed.frame(&packet).unwrap().message_count >= 1);
        assert_eq!(feed.decode(&packet), (Status::BAD_HEADER, at as u32, vec![]), "{}", framing.name());
    }
    let mut feed = Feed::new(Framing::CME_TCP);
    let (mut packet, _) = packet(&mut feed, Framing::CME_TCP, 1);
    packet[14] = 1;
    packet[15] = 0;
    assert_eq!(feed.frame(&packet), Err((Status::BAD_HEADER, 14)));
}

#[test]
fn a_b3_message_without_its_encoding_type_is_none() {
    let mut feed = Feed::new(Framing::B3_PACKET);
    let (mut packet, _) = packet(&mut feed, Framing::B3_PACKET, 1);
    packet[18] ^= 1;
    feed.frame(&packet).unwrap();
    assert_eq!(feed.decode(&packet).0, Status::BAD_HEADER);
}

#[test]
fn heartbeats_say_which_sequence_comes_next() {
    for framing in [Framing::B3_PACKET, Framing::MEMX_PACKET, Framing::COINBASE_PACKET, Framing::DERIBIT_PACKET] {
        let mut feed = Feed::new(framing);
        let heartbeat =
            Frame { kind: FrameKind::HEARTBEAT, first_sequence: 78, session: session_of(framing), ..Frame::default() };
        let packet = feed.pack(&heartbeat, &[]);
        let frame = feed.frame(&packet).unwrap();
        let found = (frame.kind, frame.first_sequence, frame.session, frame.sequence_count());
        assert_eq!(found, (FrameKind::HEARTBEAT, 78, session_of(framing), 0), "{}", framing.name());
    }
}

#[test]
fn memx_names_the_last_sequence_where_there_is_no_message() {
    let mut feed = Feed::new(Framing::MEMX_PACKET);
    let mut packet = [0; 18];
    packet[1] = 18;
    packet[17] = 41;
    assert_eq!(feed.frame(&packet).unwrap().first_sequence, 42);
    packet[0] = 1;
    let frame = feed.frame(&packet).unwrap();
    assert_eq!((frame.kind, frame.first_sequence), (FrameKind::END_OF_SESSION, 42));
    packet[0] = 3;
    assert_eq!(feed.frame(&packet), Err((Status::BAD_HEADER, 0)));
    packet[1] = 17;
    assert_eq!(feed.frame(&packet), Err((Status::BAD_HEADER, 1)));
}

#[test]
fn snapshots_are_apart_and_take_no_sequence() {
    for (framing, name) in [(Framing::COINBASE_PACKET, "44849.snap"), (Framing::DERIBIT_PACKET, "-7.snap")] {
        let mut feed = Feed::new(framing);
        let snapshot = Frame { first_sequence: 9, session: session(name), ..Frame::default() };
        let packet = feed.pack(&snapshot, &[&message(framing, 21)]);
        let frame = feed.frame(&packet).unwrap();
        assert_eq!((frame.first_sequence, frame.session, frame.sequence_of(1)), (0, session(name), 0));
    }
}

#[test]
fn a_loop_that_begins_again_is_another_session() {
    let mut feed = Feed::new(Framing::CME_PACKET);
    let mut at = |sequence: u32, time: u64| {
        let mut packet = [0; 12];
        packet[..4].copy_from_slice(&sequence.to_le_bytes());
        packet[4..].copy_from_slice(&time.to_le_bytes());
        feed.frame(&packet).unwrap().session
    };
    let first = at(1, 10);
    assert_eq!((first, at(2, 20), at(2, 20)), ([0; 16], first, first));
    assert_eq!(at(1, 30), session("000000000000001e"));
    assert_eq!(at(2, 20), first);
}

#[test]
fn optiq_counts_past_32_bits_and_restarts_by_its_flags() {
    let mut feed = Feed::new(Framing::OPTIQ_PACKET);
    let frame = Frame { first_sequence: 5 << 32 | 9, session: session("310.7"), ..Frame::default() };
    let mut packet = feed.pack(&frame, &[]);
    assert_eq!(feed.frame(&packet).unwrap(), Frame { size_bytes: 16, numbering: Numbering::PACKETS, ..frame });
    packet[12] |= 1;
    assert_eq!(feed.frame(&packet), Err((Status::BAD_VALUE, 12)));
}

#[test]
fn a_tcp_packet_goes_on_where_the_bytes_at_hand_ended() {
    let mut feed = Feed::new(Framing::CME_TCP);
    let (stream, _) = packet(&mut feed, Framing::CME_TCP, 4);
    let (next, _) = packet(&mut feed, Framing::CME_TCP, 5);
    let stream = [stream, next].concat();
    // The first message ends 37 bytes in, the second has not all come.
    let frame = feed.frame(&stream[..50]).unwrap();
    assert_eq!((frame.first_sequence, frame.message_count, frame.size_bytes), (4, 1, 37));
    let frame = feed.frame(&stream[37..]).unwrap();
    assert_eq!((frame.first_sequence, frame.message_count, frame.size_bytes), (0, 1, 42));
    let frame = feed.frame(&stream[79..]).unwrap();
    assert_eq!((frame.first_sequence, frame.message_count), (5, 2));
    assert_eq!(Feed::new(Framing::CME_TCP).frame(&stream[37..]), Err((Status::BAD_HEADER, 0)));
}

#[test]
fn what_a_framing_cannot_say_is_refused() {
    let mut output = [0; 32];
    for framing in VENUES {
        let mut feed = Feed::new(framing);
        let mut status = |frame: Frame, messages: &[&[u8]]| feed.decoder.pack(&frame, messages, &mut output).status;
        let data = Frame { session: session_of(framing), ..Frame::default() };
        let long = vec![0; 70_000];
        assert_ne!(status(data, &[&long]), Status::OK);
        assert_eq!(status(data, &[&message(framing, 60)]), Status::NO_ROOM, "{}", framing.name());
        assert_eq!(status(Frame { kind: FrameKind::CONTROL, ..data }, &[]), Status::NOT_ENCODABLE);
        if data.session != [0; 16] {
            assert_eq!(
                status(Frame { session: session("x"), ..data }, &[&message(framing, 21)]),
                Status::NOT_ENCODABLE
            );
        }
    }
}
