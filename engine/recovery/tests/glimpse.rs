//! Snapshots from GLIMPSE servers that serve, refuse, hang, break off and talk nonsense.

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use support::*;
use wirebook_recovery::{Answer, Glimpse, GlimpseConfig, Refusal, Want};

type Treatment = Box<dyn FnOnce(TcpStream) + Send>;

fn soup(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = (payload.len() as u16 + 1).to_be_bytes().to_vec();
    packet.push(kind);
    packet.extend(payload);
    packet
}

fn end(next: u64) -> Vec<u8> {
    soup(b'S', format!("G{next:>20}").as_bytes())
}

fn logged_in(stream: &mut TcpStream) {
    let mut login = [0; 49];
    stream.read_exact(&mut login).unwrap();
    assert_eq!((&login[..3], &login[3..9], &login[9..19]), (&[0, 47, b'L'][..], &b"JOE   "[..], &b"pw        "[..]));
    assert_eq!(std::str::from_utf8(&login[29..49]).unwrap().trim(), "1");
    stream.write_all(&soup(b'A', b"       DAY                   1")).unwrap();
}

/// Serves `count` messages, in pieces that fit no packet, with heartbeats and debug packets between.
fn serves(count: u32, next: u64) -> Treatment {
    Box::new(move |mut stream| {
        logged_in(&mut stream);
        let mut bytes = Vec::new();
        for number in 0..count {
            bytes.extend(soup(b'S', &number.to_be_bytes().repeat(3)));
            if number % 100 == 0 {
                bytes.extend(soup(b'H', b""));
                bytes.extend(soup(b'+', b"hello"));
            }
        }
        bytes.extend(end(next));
        for piece in bytes.chunks(777) {
            if stream.write_all(piece).is_err() {
                return;
            }
        }
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    })
}

fn config(address: std::net::SocketAddr, tries: u32) -> GlimpseConfig {
    GlimpseConfig { silence_ns: 300 * MS, pace: pace(tries), ..GlimpseConfig::new(vec![address], "JOE", "pw") }
}

fn want(at_least: u64) -> Want {
    Want::Snapshot { session: session("DAY"), at_least }
}

fn is_end(answer: &Answer) -> bool {
    matches!(answer, Answer::SnapshotEnd { .. } | Answer::GaveUp | Answer::Refused(_))
}

/// Numbers of the messages behind the last start of a snapshot.
fn numbers(answers: &[Answer]) -> Vec<u32> {
    let start = answers.iter().rposition(|answer| *answer == Answer::SnapshotStart).unwrap();
    let mut numbers = Vec::new();
    for answer in &answers[start..] {
        let Answer::SnapshotPacket(packet) = answer else { continue };
        assert_eq!((&packet[..10], &packet[10..18]), (&b"DAY       "[..], &[0; 8][..]));
        let mut at = 20;
        for _ in 0..u16::from_be_bytes([packet[18], packet[19]]) {
            let size = usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
            assert_eq!(size, 12);
            numbers.push(u32::from_be_bytes(packet[at + 2..at + 6].try_into().unwrap()));
            at += 2 + size;
        }
        assert_eq!(at, packet.len());
    }
    numbers
}

#[test]
fn every_message_of_the_snapshot_comes_once_and_in_order() {
    let (address, server) = tcp(vec![serves(5_000, 4711)]);
    // Less room than the snapshot has packets: the server waits for the channel.
    let mut channel = Channel::new(Glimpse::new(config(address, 3)), 8);
    let answers = channel.ask(want(4_700), is_end);
    assert_eq!(answers.last(), Some(&Answer::SnapshotEnd { next_sequence: 4711 }));
    assert_eq!(numbers(&answers), (0..5_000).collect::<Vec<_>>());
    let counters = channel.counters();
    assert_eq!((counters.snapshots, counters.failures, counters.overflows), (1, 0, 0));
    server.join().unwrap();
}

#[test]
fn refused_login_is_told_at_once() {
    for (reason, refusal) in [(b"A", Refusal::NotAuthorized), (b"S", Refusal::NoSession)] {
        let (address, server) = tcp(vec![Box::new(move |mut stream: TcpStream| {
            let mut login = [0; 49];
            stream.read_exact(&mut login).unwrap();
            stream.write_all(&soup(b'J', reason)).unwrap();
        })]);
        let mut channel = Channel::new(Glimpse::new(config(address, 3)), 8);
        assert_eq!(channel.ask(want(1), is_end), [Answer::Refused(refusal)]);
        server.join().unwrap();
    }
}

#[test]
fn broken_hanging_and_senseless_servers_are_left_for_another_try() {
    let breaks_off: Treatment = Box::new(|mut stream| {
        logged_in(&mut stream);
        stream.write_all(&soup(b'S', &[9; 12])).unwrap();
    });
    let hangs: Treatment = Box::new(|mut stream| {
        logged_in(&mut stream);
        thread::sleep(Duration::from_millis(700));
    });
    let talks_nonsense: Treatment = Box::new(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        thread::sleep(Duration::from_millis(50));
    });
    let sends_nothing_at_all: Treatment = Box::new(|_| thread::sleep(Duration::from_millis(700)));
    let ends_the_session: Treatment = Box::new(|mut stream| {
        logged_in(&mut stream);
        stream.write_all(&soup(b'Z', b"")).unwrap();
    });
    let length_of_zero: Treatment = Box::new(|mut stream| {
        logged_in(&mut stream);
        stream.write_all(&[0, 0]).unwrap();
        thread::sleep(Duration::from_millis(20));
    });
    let all =
        vec![breaks_off, hangs, talks_nonsense, sends_nothing_at_all, ends_the_session, length_of_zero, serves(10, 50)];
    let (address, server) = tcp(all);
    let mut channel = Channel::new(Glimpse::new(config(address, 20)), 64);
    let answers = channel.ask(want(1), is_end);
    assert_eq!(answers.last(), Some(&Answer::SnapshotEnd { next_sequence: 50 }));
    assert_eq!(numbers(&answers), (0..10).collect::<Vec<_>>(), "what came of the broken ones is void");
    assert_eq!(channel.counters().failures, 6);
    server.join().unwrap();
}

#[test]
fn a_snapshot_from_before_what_is_kept_is_fetched_anew() {
    let (address, server) = tcp(vec![serves(5, 90), serves(6, 120)]);
    let mut channel = Channel::new(Glimpse::new(config(address, 5)), 64);
    let answers = channel.ask(want(100), is_end);
    assert_eq!(answers.last(), Some(&Answer::SnapshotEnd { next_sequence: 120 }));
    assert_eq!(numbers(&answers), (0..6).collect::<Vec<_>>());
    server.join().unwrap();
}

#[test]
fn nobody_listens_and_it_gives_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut channel = Channel::new(Glimpse::new(config(address, 3)), 8);
    assert_eq!(channel.ask(want(1), is_end), [Answer::GaveUp]);
    assert_eq!((channel.counters().requests, channel.counters().gave_up), (3, 1));
}
