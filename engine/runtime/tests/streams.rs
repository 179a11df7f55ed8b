//! SoupBinTCP in captured connections: logins, both directions, lost segments.

mod support;

use support::*;
use wirebook_abi::{Frame, FrameKind, Framing, Status};
use wirebook_book::Reason;
use wirebook_io::capture::CaptureSource;
use wirebook_runtime::{ImageDetail, Replay, ReplayConfig};
use wirebook_simulator::{DayConfig, DayTruth, Packing, packets_in_memory};

const SERVER: ([u8; 4], u16) = ([192, 0, 2, 1], 5_000);
const CLIENT: ([u8; 4], u16) = ([192, 0, 2, 9], 40_000);

/// A capture of TCP segments, as little of each header as a reader needs.
struct Connection {
    capture: Vec<u8>,
    sequences: [u32; 2],
}

impl Connection {
    fn new() -> Self {
        let mut capture = vec![0; 24];
        capture[..4].copy_from_slice(&0xa1b2_3c4d_u32.to_le_bytes());
        capture[4..8].copy_from_slice(&[2, 0, 4, 0]);
        capture[16..20].copy_from_slice(&65_535_u32.to_le_bytes());
        capture[20] = 1;
        Self { capture, sequences: [1_000, 2_000] }
    }

    /// Sends bytes; `seen` says whether the capture has them.
    fn send(&mut self, from_server: bool, payload: &[u8], seen: bool) {
        let (from, to) = if from_server { (SERVER, CLIENT) } else { (CLIENT, SERVER) };
        let sequence = &mut self.sequences[usize::from(from_server)];
        let this = *sequence;
        *sequence = this.wrapping_add(payload.len() as u32);
        if !seen {
            return;
        }
        let size = 54 + payload.len();
        let mut frame = vec![0; 16 + 54];
        frame[8..12].copy_from_slice(&(size as u32).to_le_bytes());
        frame[12..16].copy_from_slice(&(size as u32).to_le_bytes());
        frame[16 + 12] = 8;
        let ip = 16 + 14;
        frame[ip] = 0x45;
        frame[ip + 2..ip + 4].copy_from_slice(&(40 + payload.len() as u16).to_be_bytes());
        frame[ip + 8] = 64;
        frame[ip + 9] = 6;
        frame[ip + 12..ip + 16].copy_from_slice(&from.0);
        frame[ip + 16..ip + 20].copy_from_slice(&to.0);
        let tcp = ip + 20;
        frame[tcp..tcp + 2].copy_from_slice(&from.1.to_be_bytes());
        frame[tcp + 2..tcp + 4].copy_from_slice(&to.1.to_be_bytes());
        frame[tcp + 4..tcp + 8].copy_from_slice(&this.to_be_bytes());
        frame[tcp + 12] = 5 << 4;
        frame[tcp + 13] = 0x10;
        self.capture.extend_from_slice(&frame);
        self.capture.extend_from_slice(payload);
    }
}

/// A day over a connection; the segments that `is_seen` refuses are not in the capture, nor the last `cut` bytes.
fn connection(seed: u64, cut: usize, is_seen: impl Fn(usize) -> bool) -> (Vec<u8>, DayTruth) {
    let config = DayConfig { end_of_messages: false, ..day(seed) };
    let day = packets_in_memory(config, table(), Framing::SOUPBINTCP, Packing::Fixed(7)).unwrap();
    let mut connection = Connection::new();
    connection.send(false, b"\x00\x2fLuser  password  SIMULATED1                   1", true);
    let mut login = [0; 64];
    let mut frame = Frame { first_sequence: 1, kind: FrameKind::CONTROL, ..Frame::default() };
    frame.session[..10].copy_from_slice(b"SIMULATED1");
    let packed = table().create(Framing::SOUPBINTCP).unwrap().pack(&frame, &[], &mut login);
    connection.send(true, &login[..packed.offset as usize], true);
    let last = day.spans.len() - 1;
    for (at, packet) in day.iter().enumerate() {
        if at % 100 == 0 {
            connection.send(false, b"\x00\x01R", true);
        }
        let packet = if at == last { &packet[..packet.len() - cut] } else { packet };
        connection.send(true, packet, is_seen(at));
    }
    (connection.capture, day.truth)
}

fn play_stream(capture: Vec<u8>) -> Replay {
    let source = CaptureSource::from_memory(capture).unwrap();
    let mut replay = Replay::new(Box::new(source), table(), Framing::SOUPBINTCP, ReplayConfig::default()).unwrap();
    replay.run(&mut Recorder::default()).unwrap();
    replay
}

#[test]
fn day_over_a_connection_comes_to_its_books() {
    let (capture, truth) = connection(1, 0, |_| true);
    let replay = play_stream(capture);
    let summary = replay.summary();
    assert_eq!((summary.messages, summary.errors, summary.gaps, summary.channels), (MESSAGES, 0, 0, 1));
    assert_eq!(replay.channels()[0].session(), "SIMULATED1");
    assert_books(&replay.channels()[0].final_books(ImageDetail::Orders), &truth.books);
}

#[test]
fn stream_that_ends_inside_a_message_says_where() {
    let (capture, _) = connection(1, 5, |_| true);
    let replay = play_stream(capture);
    let summary = replay.summary();
    assert_eq!(summary.messages, MESSAGES - 1);
    assert_eq!(summary.statuses, [(Status::TRUNCATED, 1)]);
    assert!(summary.first_faults[0].fault.offset > 500_000);
}

#[test]
fn lost_segments_make_the_books_stale_and_the_rest_is_decoded() {
    let lost = 1_000..1_010;
    let (capture, _) = connection(1, 0, |at| !lost.contains(&at));
    let replay = play_stream(capture);
    let summary = replay.summary();
    assert_eq!((summary.source.tcp_holes, summary.channels), (1, 1));
    assert_eq!((summary.messages, summary.errors, summary.duplicates), (MESSAGES - 70, 0, 0));
    let books = replay.channels()[0].pipeline().books();
    for key in books.instruments() {
        assert_eq!(books.validity(*key).unwrap().reason, Reason::Gap);
    }
}
