//! MoldUDP64: missing messages are asked for by a datagram, and come in one.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
};

use crate::{
    budget::{Backoff, Budget, Pace},
    conversation::{Conversation, Counters, Outbox},
    datagrams::{DATAGRAM, receive, unbound},
    want::{Answer, Want},
};

const HEADER: usize = 20;
const SESSION: usize = 10;
const END_OF_SESSION: u16 = u16::MAX;

/// Where to ask, and how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoldConfig {
    /// Request servers. Each try goes to the next one.
    pub servers: Vec<SocketAddr>,
    /// Messages asked for at a time.
    pub most_messages: u16,
    /// How often.
    pub pace: Pace,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
struct Hole {
    session: [u8; SESSION],
    next: u64,
    last: u64,
    /// Until when an answer is waited for; 0 before the first request.
    due_ns: u64,
}

/// Asks request servers for messages.
#[derive(Debug)]
pub struct MoldRequests {
    config: MoldConfig,
    socket: UdpSocket,
    hole: Option<Hole>,
    server: usize,
    budget: Budget,
    backoff: Backoff,
    buffer: Vec<u8>,
    counters: Counters,
}

impl MoldRequests {
    /// A conversation with these servers.
    ///
    /// # Errors
    ///
    /// Those of the system, where it gives no socket.
    pub fn new(config: MoldConfig) -> io::Result<Self> {
        Ok(Self {
            socket: unbound()?,
            hole: None,
            server: 0,
            budget: Budget::new(&config.pace),
            backoff: Backoff::new(config.pace),
            buffer: vec![0; DATAGRAM],
            counters: Counters::default(),
            config,
        })
    }

    /// Takes the datagrams that came.
    fn read(&mut self, now_ns: u64, out: &mut Outbox<'_>) {
        let Self { socket, buffer, counters, config, hole, backoff, .. } = self;
        while out.room() > 0 {
            let Some((packet, from)) = receive(socket, buffer) else { return };
            let Some(open) = hole else {
                // Late, or not asked for.
                counters.garbage += u64::from(!config.servers.contains(&from));
                continue;
            };
            let range = message_range(packet).filter(|(session, ..)| same(session, &open.session));
            let Some((_, first, behind)) = range.filter(|_| config.servers.contains(&from)) else {
                counters.garbage += 1;
                continue;
            };
            if first > open.next || behind <= open.next {
                // An answer to a request that was repeated, or to nobody's.
                counters.garbage += u64::from(first > open.last);
                continue;
            }
            if !out.packet(packet, Answer::Packet) {
                counters.overflows += 1;
                return;
            }
            counters.packets += 1;
            backoff.succeed();
            open.next = behind;
            open.due_ns = now_ns;
            if open.next > open.last {
                *hole = None;
            }
        }
    }

    fn request(&mut self, now_ns: u64, out: &mut Outbox<'_>) {
        let Some(hole) = &mut self.hole else { return };
        if now_ns < hole.due_ns || self.config.servers.is_empty() {
            return;
        }
        if !self.budget.take(now_ns) {
            self.counters.held_back += 1;
            return;
        }
        let is_again = self.backoff.tries() > 0;
        let Some(due_ns) = self.backoff.next(now_ns) else {
            self.hole = None;
            self.counters.gave_up += 1;
            out.say(Answer::GaveUp);
            return;
        };
        hole.due_ns = due_ns;
        let count = (hole.last - hole.next).saturating_add(1).min(u64::from(self.config.most_messages.max(1)));
        let mut request = [0; HEADER];
        request[..SESSION].copy_from_slice(&hole.session);
        request[SESSION..18].copy_from_slice(&hole.next.to_be_bytes());
        request[18..].copy_from_slice(&(count as u16).to_be_bytes());
        let server = self.config.servers[self.server % self.config.servers.len()];
        // The next try asks the next server, whatever became of this one.
        self.server = self.server.wrapping_add(1);
        self.counters.requests += 1;
        self.counters.retries += u64::from(is_again);
        // What cannot be sent is a request without an answer.
        self.counters.failures += u64::from(self.socket.send_to(&request, server).is_err());
    }
}

impl Conversation for MoldRequests {
    fn service(&self) -> &'static str {
        "moldudp64 requests"
    }

    fn can(&self, want: &Want) -> bool {
        matches!(want, Want::Messages { .. }) && !self.config.servers.is_empty()
    }

    fn ask(&mut self, want: Want, now_ns: u64) {
        self.hole = match want {
            Want::Messages { session, first, last } if first <= last => {
                Some(Hole { session: wire(&session), next: first, last, due_ns: now_ns })
            }
            _ => None,
        };
        self.backoff.succeed();
    }

    fn poll(&mut self, now_ns: u64, out: &mut Outbox<'_>) {
        self.read(now_ns, out);
        self.request(now_ns, out);
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}

/// A session's name as datagrams have it: ten characters, padded with spaces.
pub fn wire(session: &[u8; 16]) -> [u8; SESSION] {
    let mut wire = [b' '; SESSION];
    for (to, from) in wire.iter_mut().zip(session.iter().take_while(|byte| **byte != 0)) {
        *to = *from;
    }
    wire
}

/// Whether two sessions have the same name; padding may stand at either end.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.trim_ascii() == other.trim_ascii()
}

/// Session, first sequence and the one behind the last of a packet whose messages are all there.
fn message_range(packet: &[u8]) -> Option<(&[u8], u64, u64)> {
    let (session, rest) = packet.split_at_checked(SESSION)?;
    let first = u64::from_be_bytes(rest.get(..8)?.try_into().ok()?);
    let count = u16::from_be_bytes(rest.get(8..10)?.try_into().ok()?);
    if count == 0 || count == END_OF_SESSION || first == 0 {
        return None;
    }
    let mut at = HEADER;
    for _ in 0..count {
        let size: [u8; 2] = packet.get(at..at + 2)?.try_into().ok()?;
        at += 2 + usize::from(u16::from_be_bytes(size));
    }
    (at == packet.len()).then_some((session, first, first.checked_add(u64::from(count))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_whose_messages_are_not_all_there_are_refused() {
        let mut packet = b"DAY       ".to_vec();
        packet.extend(7_u64.to_be_bytes());
        packet.extend(2_u16.to_be_bytes());
        packet.extend([0, 1, b'a', 0, 0]);
        assert_eq!(message_range(&packet), Some((&b"DAY       "[..], 7, 9)));
        for size in 0..packet.len() {
            assert_eq!(message_range(&packet[..size]), None, "{size}");
        }
        packet.push(0);
        assert_eq!(message_range(&packet), None);
    }
}
