//! Loops of snapshots, and the thread that everything runs on.

mod support;

use std::{
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use support::*;
use wirebook_recovery::{
    Answer, Group, LoopConfig, MoldConfig, MoldRequests, RecoveryThread, Refusal, Services, SnapshotLoop, Want, desk,
};

fn groups(count: usize) -> Vec<Group> {
    // Held together, so that no port is given twice.
    let sockets: Vec<_> = (0..count).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let port = |socket: &UdpSocket| socket.local_addr().unwrap().port();
    let group =
        |port| Group { address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port), interface: Ipv4Addr::UNSPECIFIED };
    sockets.iter().map(port).map(group).collect()
}

fn want() -> Want {
    Want::Snapshot { session: [0; 16], at_least: 1 }
}

#[test]
fn packets_come_with_their_loop_while_they_are_wanted() {
    let groups = groups(2);
    let (levels, orders) = (groups[0].address, groups[1].address);
    let loops = vec![vec![groups[0]], vec![groups[1]]];
    let mut channel = Channel::new(SnapshotLoop::new(LoopConfig { loops, pace: pace(100) }), 64);
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let _ = sender.send_to(b"too early", levels);
    assert!(channel.client.ask(want()));
    channel.poll();
    channel.poll();
    sender.send_to(b"levels", levels).unwrap();
    sender.send_to(b"orders", orders).unwrap();
    let mut answers = channel.answers(|_| true);
    answers.extend(channel.answers(|_| true));
    answers.sort_by_key(|answer| matches!(answer, Answer::LoopPacket { index: 1, .. }));
    assert_eq!(answers[0], Answer::LoopPacket { index: 0, packet: b"levels".to_vec() });
    assert_eq!(answers[1], Answer::LoopPacket { index: 1, packet: b"orders".to_vec() });
    assert!(channel.client.ask(Want::Cancel));
    channel.poll();
    let _ = sender.send_to(b"too late", levels);
    thread::sleep(Duration::from_millis(5));
    channel.poll();
    assert_eq!(channel.client.answer(), None);
}

#[test]
fn a_silent_loop_is_joined_anew_and_given_up() {
    let loops = vec![groups(1)];
    let mut channel = Channel::new(SnapshotLoop::new(LoopConfig { loops, pace: pace(3) }), 8);
    assert_eq!(channel.ask(want(), |answer| *answer == Answer::GaveUp), [Answer::GaveUp]);
    assert_eq!((channel.counters().requests, channel.counters().gave_up), (3, 1));
}

#[test]
fn the_thread_asks_whom_it_can_and_refuses_the_rest() {
    let (address, service) = udp(|request, socket, from| {
        let mut packet = request.to_vec();
        packet[18..20].copy_from_slice(&1_u16.to_be_bytes());
        packet.extend([0, 1, b'x']);
        socket.send_to(&packet, from).unwrap();
        false
    });
    let (mut client, server) = desk(16);
    let config = MoldConfig { servers: vec![address], most_messages: 1, pace: pace(50) };
    let conversations: Vec<Box<dyn wirebook_recovery::Conversation>> =
        vec![Box::new(MoldRequests::new(config).unwrap())];
    let thread = RecoveryThread::start(vec![Services { server, conversations }]).unwrap();
    let mut answer = |want| {
        assert!(client.ask(want));
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match client.answer() {
                Some(answer) => return answer,
                None if Instant::now() > deadline => panic!("nobody answered"),
                None => thread::sleep(Duration::from_millis(1)),
            }
        }
    };
    assert_eq!(answer(want()), Answer::Refused(Refusal::NoService));
    let packet = answer(Want::Messages { session: session("DAY"), first: 5, last: 5 });
    assert!(matches!(packet, Answer::Packet(packet) if packet.ends_with(b"x")));
    let deadline = Instant::now() + Duration::from_secs(20);
    while thread.reports().first().is_none_or(|report| report[0].1.packets == 0) {
        assert!(Instant::now() < deadline, "the thread reports what it did");
        thread::sleep(Duration::from_millis(5));
    }
    service.join().unwrap();
}
