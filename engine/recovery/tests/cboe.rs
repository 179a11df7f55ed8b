//! Gap request proxies and spin servers that serve, refuse, and misbehave.

mod support;

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

use support::*;
use wirebook_recovery::{Answer, CboeLogin, GapProxy, GapProxyConfig, Group, Refusal, SpinConfig, SpinServer, Want};

type Treatment = Box<dyn FnOnce(TcpStream) + Send>;

fn login() -> CboeLogin {
    CboeLogin { session_sub_id: "0001".into(), username: "FIRM".into(), password: "pw".into() }
}

/// A block of messages, each given without its size.
fn block(unit: u8, sequence: u32, messages: &[Vec<u8>]) -> Vec<u8> {
    let body: Vec<u8> =
        messages.iter().flat_map(|message| [&[message.len() as u8 + 1][..], message].concat()).collect();
    let mut block = (8 + body.len() as u16).to_le_bytes().to_vec();
    block.extend([messages.len() as u8, unit]);
    block.extend(sequence.to_le_bytes());
    block.extend(body);
    block
}

fn number(kind: u8, sequence: u32) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend(sequence.to_le_bytes());
    message
}

/// The next message that is no heartbeat, without its size.
fn read(stream: &mut TcpStream) -> Option<Vec<u8>> {
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header).ok()?;
        let mut body = vec![0; usize::from(u16::from_le_bytes([header[0], header[1]])) - 8];
        stream.read_exact(&mut body).ok()?;
        if header[2] == 1 {
            assert_eq!((usize::from(body[0]), header[3], &header[4..]), (body.len(), 0, &[0; 4][..]));
            return Some(body[1..].to_vec());
        }
    }
}

fn log_in(stream: &mut TcpStream, status: u8) {
    let login = read(stream).unwrap();
    assert_eq!(login, b"\x010001FIRM  pw        ");
    stream.write_all(&block(0, 0, &[vec![2, status]])).unwrap();
}

fn free_group() -> (Group, SocketAddr) {
    // A unicast address serves as well, and needs no interface that carries multicast.
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    (Group { address, interface: Ipv4Addr::UNSPECIFIED }, address.into())
}

mod gap_proxy {
    use super::*;

    fn channel(address: SocketAddr, group: Group, tries: u32) -> Channel {
        let config = GapProxyConfig {
            servers: vec![address],
            login: login(),
            groups: vec![group],
            most_messages: 100,
            silence_ns: 10_000 * MS,
            pace: pace(tries),
        };
        Channel::new(GapProxy::new(config), 64)
    }

    fn want(first: u64, last: u64) -> Want {
        Want::Messages { session: session("3"), first, last }
    }

    /// Unit, first sequence and count of a request.
    fn asked(request: &[u8]) -> (u8, u32, u16) {
        assert_eq!((request.len(), request[0]), (8, 3));
        let first = u32::from_le_bytes(request[2..6].try_into().unwrap());
        (request[1], first, u16::from_le_bytes(request[6..8].try_into().unwrap()))
    }

    fn respond(stream: &mut TcpStream, request: &[u8], status: u8) {
        let mut response = request.to_vec();
        response[0] = 4;
        response.push(status);
        stream.write_all(&block(0, 0, &[response])).unwrap();
    }

    fn gap_block(first: u32, count: u32) -> Vec<u8> {
        let messages: Vec<_> = (first..first + count).map(|sequence| number(0x21, sequence)).collect();
        block(3, first, &messages)
    }

    fn covered(answers: &[Answer]) -> Vec<u32> {
        let mut covered = Vec::new();
        for answer in answers {
            let Answer::Packet(packet) = answer else { continue };
            let first = u32::from_le_bytes(packet[4..8].try_into().unwrap());
            covered.extend(first..first + u32::from(packet[2]));
        }
        covered.sort_unstable();
        covered.dedup();
        covered
    }

    #[test]
    fn messages_come_by_the_gap_group_in_pieces_and_out_of_order() {
        let (group, to) = free_group();
        let serves: Treatment = Box::new(move |mut stream| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            log_in(&mut stream, b'A');
            let request = read(&mut stream).unwrap();
            assert_eq!(asked(&request), (3, 10, 100));
            respond(&mut stream, &request, b'A');
            for (first, count) in [(60, 50), (10, 20), (45, 15)] {
                socket.send_to(&gap_block(first, count), to).unwrap();
            }
            // Of another unit, of another channel's request, and nonsense.
            socket.send_to(&block(4, 30, &[number(0x21, 30)]), to).unwrap();
            socket.send_to(b"nonsense that is no block", to).unwrap();
            let request = read(&mut stream).unwrap();
            assert_eq!(asked(&request), (3, 30, 15), "only what is still missing");
            socket.send_to(&gap_block(30, 15), to).unwrap();
            respond(&mut stream, &request, b'A');
            let request = read(&mut stream).unwrap();
            assert_eq!(asked(&request), (3, 110, 11));
            socket.send_to(&gap_block(110, 11), to).unwrap();
            let _ = read(&mut stream);
        });
        let (address, server) = tcp(vec![serves]);
        let mut channel = channel(address, group, 8);
        let is_last = |answer: &Answer| covered(std::slice::from_ref(answer)).contains(&120);
        let answers = channel.ask(want(10, 120), is_last);
        assert_eq!(covered(&answers), (10..=120).collect::<Vec<_>>());
        assert!(channel.counters().garbage >= 1);
        drop(channel);
        server.join().unwrap();
    }

    #[test]
    fn refusals_are_told_and_the_venue_s_limits_kept() {
        let (group, to) = free_group();
        let serves: Treatment = Box::new(move |mut stream| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            log_in(&mut stream, b'A');
            let request = read(&mut stream).unwrap();
            assert_eq!(asked(&request).2, 100);
            respond(&mut stream, &request, b'C');
            let request = read(&mut stream).unwrap();
            assert_eq!(asked(&request).2, 50, "half as many");
            socket.send_to(&gap_block(10, 50), to).unwrap();
            let request = read(&mut stream).unwrap();
            assert_eq!(asked(&request).1, 60);
            respond(&mut stream, &request, b'O');
            let _ = read(&mut stream);
        });
        let (address, server) = tcp(vec![serves]);
        let mut channel = channel(address, group, 8);
        let answers = channel.ask(want(10, 120), |answer| matches!(answer, Answer::Refused(_)));
        assert_eq!(answers.last(), Some(&Answer::Refused(Refusal::OutOfRange)));
        assert_eq!(covered(&answers), (10..60).collect::<Vec<_>>());
        drop(channel);
        server.join().unwrap();
    }

    #[test]
    fn wrong_password_is_told() {
        let (group, _) = free_group();
        let (address, server) = tcp(vec![Box::new(|mut stream: TcpStream| log_in(&mut stream, b'N'))]);
        let mut channel = channel(address, group, 8);
        let answers = channel.ask(want(1, 2), |answer| matches!(answer, Answer::Refused(_)));
        assert_eq!(answers, [Answer::Refused(Refusal::NotAuthorized)]);
        server.join().unwrap();
    }

    #[test]
    fn a_proxy_that_dies_is_asked_again_and_one_that_hangs_given_up() {
        let (group, to) = free_group();
        let dies: Treatment = Box::new(|mut stream| {
            log_in(&mut stream, b'A');
            read(&mut stream).unwrap();
        });
        let serves: Treatment = Box::new(move |mut stream| {
            log_in(&mut stream, b'A');
            let request = read(&mut stream).unwrap();
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.send_to(&gap_block(asked(&request).1, 2), to).unwrap();
            // From here on it hangs.
            thread::sleep(Duration::from_millis(700));
        });
        let (address, server) = tcp(vec![dies, serves]);
        let mut channel = channel(address, group, 8);
        let answers = channel.ask(want(1, 2), |answer| matches!(answer, Answer::Packet(_)));
        assert_eq!(covered(&answers), [1, 2]);
        assert_eq!(channel.ask(want(5, 6), |answer| *answer == Answer::GaveUp), [Answer::GaveUp]);
        server.join().unwrap();
    }
}

mod spin {
    use super::*;

    fn channel(address: SocketAddr, tries: u32) -> Channel {
        let config = SpinConfig { servers: vec![address], login: login(), silence_ns: 400 * MS, pace: pace(tries) };
        Channel::new(SpinServer::new(config), 64)
    }

    fn want(at_least: u64) -> Want {
        Want::Snapshot { session: session("3"), at_least }
    }

    fn is_end(answer: &Answer) -> bool {
        matches!(answer, Answer::SnapshotEnd { .. } | Answer::GaveUp | Answer::Refused(_))
    }

    fn response(sequence: u32, orders: u32, status: u8) -> Vec<u8> {
        let mut message = number(0x82, sequence);
        message.extend(orders.to_le_bytes());
        message.push(status);
        message
    }

    /// Tells of images until one is asked for, and gives that one; `true` in the name of a later one.
    fn serves(images: Vec<u32>, orders: u32, given: u32) -> Treatment {
        Box::new(move |mut stream| {
            log_in(&mut stream, b'A');
            for image in &images {
                stream.write_all(&block(0, 0, &[number(0x80, *image)])).unwrap();
            }
            let request = read(&mut stream).unwrap();
            assert_eq!(request, number(0x81, *images.last().unwrap()));
            let mut bytes = block(0, 0, &[response(given, orders, b'A')]);
            bytes.extend(block(0, 0, &[vec![0x20, 0, 0, 0, 0]]));
            for chunk in (0..orders).collect::<Vec<_>>().chunks(40) {
                let messages: Vec<_> = chunk.iter().map(|order| [number(0x22, *order), vec![0; 20]].concat()).collect();
                bytes.extend(block(9, 0, &messages));
            }
            // Images go on being told of, in between.
            bytes.extend(block(0, 0, &[number(0x80, given + 1), number(0x83, given)]));
            for piece in bytes.chunks(333) {
                stream.write_all(piece).unwrap();
            }
            let _ = read(&mut stream);
        })
    }

    /// Orders of the snapshot behind the last start.
    fn orders(answers: &[Answer]) -> Vec<u32> {
        let start = answers.iter().rposition(|answer| *answer == Answer::SnapshotStart).unwrap();
        let mut orders = Vec::new();
        for answer in &answers[start..] {
            let Answer::SnapshotPacket(packet) = answer else { continue };
            assert_eq!((packet[3], &packet[4..8]), (3, &[0; 4][..]), "the channel's unit, and no sequence");
            let mut rest = &packet[8..];
            for _ in 0..packet[2] {
                let (message, behind) = rest.split_at(usize::from(rest[0]));
                if message[1] == 0x22 {
                    orders.push(u32::from_le_bytes(message[2..6].try_into().unwrap()));
                }
                rest = behind;
            }
            assert!(rest.is_empty());
        }
        orders
    }

    #[test]
    fn the_first_image_that_is_new_enough_is_asked_for() {
        let (address, server) = tcp(vec![serves(vec![80, 90, 99], 1_000, 105)]);
        let mut channel = channel(address, 4);
        let answers = channel.ask(want(100), is_end);
        // The server gave a later one than was asked for, and says so.
        assert_eq!(answers.last(), Some(&Answer::SnapshotEnd { next_sequence: 106 }));
        assert_eq!(orders(&answers), (0..1_000).collect::<Vec<_>>());
        drop(channel);
        server.join().unwrap();
    }

    #[test]
    fn an_empty_image_is_one() {
        let (address, server) = tcp(vec![serves(vec![7], 0, 7)]);
        let mut channel = channel(address, 4);
        let answers = channel.ask(want(1), is_end);
        assert_eq!(answers.last(), Some(&Answer::SnapshotEnd { next_sequence: 8 }));
        assert!(orders(&answers).is_empty());
        drop(channel);
        server.join().unwrap();
    }

    #[test]
    fn a_server_that_is_busy_or_does_not_know_us_is_told() {
        let busy: Treatment = Box::new(|mut stream| {
            log_in(&mut stream, b'A');
            stream.write_all(&block(0, 0, &[number(0x80, 9)])).unwrap();
            read(&mut stream).unwrap();
            stream.write_all(&block(0, 0, &[response(9, 0, b'S')])).unwrap();
        });
        let unknown: Treatment = Box::new(|mut stream| log_in(&mut stream, b'N'));
        for (treatment, refusal) in [(busy, Refusal::Unavailable), (unknown, Refusal::NotAuthorized)] {
            let (address, server) = tcp(vec![treatment]);
            let mut channel = channel(address, 4);
            assert_eq!(channel.ask(want(1), is_end), [Answer::Refused(refusal)]);
            server.join().unwrap();
        }
    }

    #[test]
    fn broken_spins_are_void_and_tried_again() {
        let breaks_off: Treatment = Box::new(|mut stream| {
            log_in(&mut stream, b'A');
            stream.write_all(&block(0, 0, &[number(0x80, 9)])).unwrap();
            read(&mut stream).unwrap();
            let order = [number(0x22, 77), vec![0; 20]].concat();
            stream.write_all(&block(0, 0, &[response(9, 2, b'A'), order])).unwrap();
        });
        let lies: Treatment = Box::new(|mut stream| {
            log_in(&mut stream, b'A');
            stream.write_all(&[12, 0, 9, 0, 0, 0, 0, 0, 200, 1, 2, 3]).unwrap();
            thread::sleep(Duration::from_millis(20));
        });
        let ends_another: Treatment = Box::new(|mut stream| {
            log_in(&mut stream, b'A');
            stream.write_all(&block(0, 0, &[number(0x80, 9)])).unwrap();
            read(&mut stream).unwrap();
            stream.write_all(&block(0, 0, &[response(9, 0, b'A'), number(0x83, 8)])).unwrap();
            thread::sleep(Duration::from_millis(20));
        });
        let hangs: Treatment = Box::new(|mut stream| {
            log_in(&mut stream, b'A');
            thread::sleep(Duration::from_millis(900));
        });
        let (address, server) = tcp(vec![breaks_off, lies, ends_another, hangs, serves(vec![12], 5, 12)]);
        let mut channel = channel(address, 20);
        let answers = channel.ask(want(1), is_end);
        assert_eq!(answers.last(), Some(&Answer::SnapshotEnd { next_sequence: 13 }));
        assert_eq!(orders(&answers), (0..5).collect::<Vec<_>>());
        assert_eq!(channel.counters().failures, 4);
        drop(channel);
        server.join().unwrap();
    }
}
