//! A channel that asks, and services of this host that answer, well or badly.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    net::{SocketAddr, TcpListener, UdpSocket},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use wirebook_recovery::{Answer, Client, Conversation, Counters, Pace, Services, Want, desk};

/// Longest that anything here may take.
const DEADLINE: Duration = Duration::from_secs(20);

pub const MS: u64 = 1_000_000;

/// Quick tries, so that tests of failures end soon.
pub fn pace(tries: u32) -> Pace {
    Pace { burst: 1_000, refill_ns: MS, timeout_ns: 20 * MS, longest_timeout_ns: 40 * MS, tries, seed: 7 }
}

/// A session's name as frames have it.
pub fn session(name: &str) -> [u8; 16] {
    let mut session = [0; 16];
    session[..name.len()].copy_from_slice(name.as_bytes());
    session
}

/// A channel with one conversation.
pub struct Channel {
    pub client: Client,
    services: Services,
    start: Instant,
}

impl Channel {
    pub fn new(conversation: impl Conversation + 'static, room: usize) -> Self {
        let (client, server) = desk(room);
        let services = Services { server, conversations: vec![Box::new(conversation)] };
        Self { client, services, start: Instant::now() }
    }

    pub fn poll(&mut self) {
        self.services.poll(self.start.elapsed().as_nanos() as u64);
    }

    /// Asks, and gives every answer up to the first that `is_last` says of.
    pub fn ask(&mut self, want: Want, is_last: impl Fn(&Answer) -> bool) -> Vec<Answer> {
        assert!(self.client.ask(want));
        self.answers(is_last)
    }

    pub fn answers(&mut self, is_last: impl Fn(&Answer) -> bool) -> Vec<Answer> {
        let deadline = Instant::now() + DEADLINE;
        let mut answers = Vec::new();
        while Instant::now() < deadline {
            self.poll();
            while let Some(answer) = self.client.answer() {
                let ends = is_last(&answer);
                answers.push(answer);
                if ends {
                    return answers;
                }
            }
            thread::sleep(Duration::from_micros(200));
        }
        panic!("no end in time: {} answers, {:?}", answers.len(), self.counters());
    }

    pub fn counters(&self) -> Counters {
        self.services.conversations[0].counters()
    }
}

/// A TCP service that treats its nth connection as the nth function says.
pub fn tcp(each: Vec<Box<dyn FnOnce(std::net::TcpStream) + Send>>) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let treat = |treat: Box<dyn FnOnce(std::net::TcpStream) + Send>| {
            let (stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            // One that hangs must not keep the next one waiting.
            thread::spawn(move || treat(stream))
        };
        let threads: Vec<_> = each.into_iter().map(treat).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    (address, thread)
}

/// A UDP service that answers each datagram as `answer` says, until it says nothing more.
pub fn udp(
    mut answer: impl FnMut(&[u8], &UdpSocket, SocketAddr) -> bool + Send + 'static,
) -> (SocketAddr, JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let address = socket.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((size, from)) = socket.recv_from(&mut buffer) {
            if !answer(&buffer[..size], &socket, from) {
                return;
            }
        }
    });
    (address, thread)
}
