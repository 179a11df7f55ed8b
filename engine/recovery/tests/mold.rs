//! Retransmission requests to servers that answer, and to those that do not.

mod support;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use support::*;
use wirebook_recovery::{Answer, MoldConfig, MoldRequests, Want};

const SESSION: &[u8; 10] = b"DAY       ";

fn config(servers: Vec<std::net::SocketAddr>, tries: u32) -> MoldConfig {
    MoldConfig { servers, most_messages: 50, pace: pace(tries) }
}

/// The packet with these messages; each is its own sequence.
fn packet(session: &[u8; 10], first: u64, count: u16) -> Vec<u8> {
    let mut packet = session.to_vec();
    packet.extend(first.to_be_bytes());
    packet.extend(count.to_be_bytes());
    for sequence in first..first + u64::from(count) {
        packet.extend([0, 8]);
        packet.extend(sequence.to_be_bytes());
    }
    packet
}

fn asked(request: &[u8]) -> (u64, u16) {
    assert_eq!((request.len(), &request[..10]), (20, &SESSION[..]));
    (u64::from_be_bytes(request[10..18].try_into().unwrap()), u16::from_be_bytes(request[18..].try_into().unwrap()))
}

fn want(first: u64, last: u64) -> Want {
    Want::Messages { session: session("DAY"), first, last }
}

/// Sequences that the packets among the answers bring, in order, each once.
fn sequences(answers: &[Answer]) -> Vec<u64> {
    let mut sequences: Vec<u64> = Vec::new();
    for answer in answers {
        let Answer::Packet(packet) = answer else { continue };
        let first = u64::from_be_bytes(packet[10..18].try_into().unwrap());
        let count = u64::from(u16::from_be_bytes(packet[18..20].try_into().unwrap()));
        let seen = sequences.last().copied().unwrap_or(0);
        sequences.extend((first..first + count).filter(|each| *each > seen));
    }
    sequences
}

fn brings(last: u64) -> impl Fn(&Answer) -> bool {
    move |answer| matches!(answer, Answer::Packet(_)) && sequences(std::slice::from_ref(answer)).last() >= Some(&last)
}

#[test]
fn short_answers_are_asked_on_until_the_hole_is_filled() {
    let (address, thread) = udp(|request, socket, from| {
        let (first, count) = asked(request);
        assert!(count <= 50, "more at once than configured");
        let count = count.min(20);
        socket.send_to(&packet(SESSION, first, count), from).unwrap();
        first + u64::from(count) <= 160
    });
    let mut channel = Channel::new(MoldRequests::new(config(vec![address], 5)).unwrap(), 64);
    let answers = channel.ask(want(41, 160), brings(160));
    thread.join().unwrap();
    assert_eq!(sequences(&answers), (41..=160).collect::<Vec<_>>());
    let counters = channel.counters();
    assert_eq!((counters.requests, counters.packets, counters.gave_up, counters.garbage), (6, 6, 0, 0));
}

#[test]
fn a_deaf_server_is_passed_over_for_the_next_one() {
    let (deaf, _silent) = udp(|_, _, _| true);
    let (address, thread) = udp(|request, socket, from| {
        let (first, count) = asked(request);
        socket.send_to(&packet(SESSION, first, count), from).unwrap();
        false
    });
    let mut channel = Channel::new(MoldRequests::new(config(vec![deaf, address], 5)).unwrap(), 64);
    let answers = channel.ask(want(3, 9), brings(9));
    thread.join().unwrap();
    assert_eq!(sequences(&answers), (3..=9).collect::<Vec<_>>());
    assert_eq!((channel.counters().requests, channel.counters().retries), (2, 1));
}

#[test]
fn nobody_answers_and_it_gives_up_after_the_configured_tries() {
    let asked_for = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked_for);
    let (address, _silent) = udp(move |_, _, _| {
        count.fetch_add(1, Ordering::Relaxed);
        true
    });
    let mut channel = Channel::new(MoldRequests::new(config(vec![address], 4)).unwrap(), 64);
    assert_eq!(channel.ask(want(3, 9), |answer| *answer == Answer::GaveUp), [Answer::GaveUp]);
    assert_eq!((channel.counters().requests, channel.counters().gave_up), (4, 1));
    assert!(asked_for.load(Ordering::Relaxed) <= 4);
}

#[test]
fn garbage_other_sessions_and_what_was_not_asked_for_are_left_out() {
    let mut tries = 0;
    let (address, thread) = udp(move |request, socket, from| {
        let (first, count) = asked(request);
        tries += 1;
        match tries {
            1 => socket.send_to(b"what?", from),
            2 => socket.send_to(&packet(b"ANOTHER   ", first, count), from),
            3 => socket.send_to(&packet(SESSION, first + 100, count), from),
            4 => socket.send_to(&packet(SESSION, first, count)[..30], from),
            _ => socket.send_to(&packet(SESSION, first, count), from),
        }
        .unwrap();
        tries < 5
    });
    let mut channel = Channel::new(MoldRequests::new(config(vec![address], 9)).unwrap(), 64);
    let answers = channel.ask(want(3, 9), brings(9));
    thread.join().unwrap();
    assert_eq!(answers.len(), 1);
    assert_eq!(sequences(&answers), (3..=9).collect::<Vec<_>>());
    assert_eq!((channel.counters().garbage, channel.counters().requests), (4, 5));
}

#[test]
fn a_storm_of_wants_sends_no_more_requests_than_the_budget() {
    let (address, _silent) = udp(|_, _, _| true);
    let mut config = config(vec![address], 1_000_000);
    (config.pace.burst, config.pace.refill_ns) = (3, 1_000_000 * MS);
    let mut channel = Channel::new(MoldRequests::new(config).unwrap(), 8);
    for at in 0..500 {
        channel.client.ask(want(at + 1, at + 2));
        channel.poll();
    }
    let counters = channel.counters();
    assert_eq!(counters.requests, 3);
    assert!(counters.held_back > 400);
}

#[test]
fn what_is_cancelled_is_not_asked_for_any_more() {
    let (address, _silent) = udp(|_, _, _| true);
    let mut channel = Channel::new(MoldRequests::new(config(vec![address], 100)).unwrap(), 8);
    assert!(channel.client.ask(want(1, 2)));
    channel.poll();
    assert!(channel.client.ask(Want::Cancel));
    for _ in 0..200 {
        channel.poll();
        std::thread::sleep(std::time::Duration::from_micros(500));
    }
    assert_eq!(channel.counters().requests, 1);
    assert_eq!(channel.client.answer(), None);
}
