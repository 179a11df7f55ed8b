//! Cboe's gap request proxy: messages are asked for over TCP, and come by multicast to everybody.

use std::net::{SocketAddr, UdpSocket};

use crate::{
    budget::{Backoff, Budget, Pace},
    cboe::{Block, CboeLogin, Connection, Standing, unit_of},
    conversation::{Conversation, Counters, Outbox},
    datagrams::{DATAGRAM, Group, receive},
    want::{Answer, Refusal, Want},
};

const GAP_REQUEST: u8 = 0x03;
const GAP_RESPONSE: u8 = 0x04;
const SECOND_NS: u64 = 1_000_000_000;

/// Holes of one gap that pieces may leave open.
const HOLES: usize = 64;

/// Where to ask, who asks, and where the answers come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapProxyConfig {
    /// The proxies. Each connection goes to the next one.
    pub servers: Vec<SocketAddr>,
    /// Who asks.
    pub login: CboeLogin,
    /// Groups of the gap channel, lines A and B.
    pub groups: Vec<Group>,
    /// Messages asked for at a time: the venue's limit.
    pub most_messages: u16,
    /// A server that says nothing for so long is dead, nanoseconds.
    pub silence_ns: u64,
    /// How often: at most the venue's allowance.
    pub pace: Pace,
}

/// Messages that are missing.
#[derive(Clone, Debug)]
struct Missing {
    unit: u8,
    /// First and last of each hole, in order.
    holes: Vec<(u64, u64)>,
    /// Until when an answer is waited for.
    due_ns: u64,
}

impl Missing {
    /// Takes out what a packet brought, and says whether that was anything.
    fn fill(&mut self, first: u64, last: u64) -> bool {
        let before = self.count();
        let mut left = Vec::with_capacity(self.holes.len() + 1);
        for &(from, to) in &self.holes {
            if from < first {
                left.push((from, to.min(first - 1)));
            }
            if to > last {
                left.push((from.max(last + 1), to));
            }
        }
        if left.len() <= HOLES {
            self.holes = left;
        }
        self.count() < before
    }

    fn count(&self) -> u64 {
        self.holes.iter().map(|(first, last)| last - first + 1).sum()
    }
}

/// Asks a gap request proxy for messages.
#[derive(Debug)]
pub struct GapProxy {
    config: GapProxyConfig,
    connection: Connection,
    sockets: Vec<UdpSocket>,
    missing: Option<Missing>,
    /// Messages to ask for at a time, less where the venue wants less.
    most: u16,
    server: usize,
    /// When to connect again.
    connect_ns: u64,
    budget: Budget,
    backoff: Backoff,
    buffer: Vec<u8>,
    counters: Counters,
}

impl GapProxy {
    /// A conversation with these proxies.
    pub fn new(config: GapProxyConfig) -> Self {
        Self {
            connection: Connection::new(config.login.clone(), config.silence_ns),
            sockets: Vec::new(),
            missing: None,
            most: config.most_messages.max(1),
            server: 0,
            connect_ns: 0,
            budget: Budget::new(&config.pace),
            backoff: Backoff::new(config.pace),
            buffer: vec![0; DATAGRAM],
            counters: Counters::default(),
            config,
        }
    }

    fn refuse(&mut self, refusal: Refusal, out: &mut Outbox<'_>) {
        self.counters.refusals += 1;
        self.sockets.clear();
        if self.missing.take().is_some() {
            out.refuse(refusal);
        }
    }

    /// Takes packets of the gap channel, asked for by us or by others.
    fn read_group(&mut self, now_ns: u64, out: &mut Outbox<'_>) {
        let Self { sockets, buffer, missing, counters, backoff, .. } = self;
        let Some(open) = missing else { return };
        for socket in sockets.iter() {
            while out.room() > 0 {
                let Some((packet, _)) = receive(socket, buffer) else { break };
                let Ok(Some(block)) = Block::at(packet) else {
                    counters.garbage += 1;
                    continue;
                };
                if block.unit != open.unit || block.count == 0 || block.sequence == 0 {
                    continue;
                }
                if !block.is_sound() {
                    counters.garbage += 1;
                    continue;
                }
                let first = u64::from(block.sequence);
                if !open.fill(first, first + u64::from(block.count) - 1) {
                    continue;
                }
                counters.packets += 1;
                counters.overflows += u64::from(!out.packet(packet, Answer::Packet));
                backoff.succeed();
                // The rest may be on its way; it is asked for again after a while without a piece.
                open.due_ns = now_ns.saturating_add(self.config.pace.timeout_ns);
            }
        }
        if open.holes.is_empty() {
            *missing = None;
            sockets.clear();
        }
    }

    /// Takes the proxy's answers.
    fn read_proxy(&mut self, now_ns: u64, out: &mut Outbox<'_>) {
        loop {
            let (size, response) = match Block::at(self.connection.bytes()) {
                Ok(None) => return,
                Ok(Some(block)) => {
                    let response = block.messages().find(|message| message[1] == GAP_RESPONSE);
                    (block.size, response.and_then(|message| Some((*message.get(2)?, *message.get(9)?))))
                }
                Err(()) => {
                    self.counters.garbage += 1;
                    self.fail(now_ns);
                    return;
                }
            };
            self.connection.consume(size);
            let Some((unit, status)) = response else { continue };
            if self.missing.as_ref().is_none_or(|missing| missing.unit != unit) {
                continue;
            }
            match status {
                b'A' => {}
                // The second's allowance is spent: there is another one soon.
                b'S' => self.wait(now_ns.saturating_add(SECOND_NS)),
                b'C' if self.most > 1 => {
                    self.most = (self.most / 2).max(1);
                    self.wait(now_ns);
                }
                b'O' => self.refuse(Refusal::OutOfRange, out),
                b'D' | b'M' => self.refuse(Refusal::Exhausted, out),
                b'C' => self.refuse(Refusal::TooMany, out),
                b'U' => self.refuse(Refusal::Unavailable, out),
                b'I' => self.refuse(Refusal::NoService, out),
                _ => self.counters.garbage += 1,
            }
        }
    }

    fn wait(&mut self, until_ns: u64) {
        if let Some(missing) = &mut self.missing {
            missing.due_ns = until_ns;
        }
    }

    /// The connection is of no use any more.
    fn fail(&mut self, now_ns: u64) {
        self.connection.close();
        self.counters.failures += 1;
        self.connect_ns = now_ns.saturating_add(self.config.pace.timeout_ns);
        self.wait(self.connect_ns);
    }

    fn connect(&mut self, now_ns: u64, out: &mut Outbox<'_>) {
        if now_ns < self.connect_ns || !self.try_once(now_ns, out) {
            return;
        }
        let server = self.config.servers[self.server % self.config.servers.len()];
        self.server = self.server.wrapping_add(1);
        self.counters.connections += 1;
        if !self.connection.open(server, now_ns) {
            self.fail(now_ns);
        }
    }

    /// Whether there is a try left, and a token for it. Says when to look again.
    fn try_once(&mut self, now_ns: u64, out: &mut Outbox<'_>) -> bool {
        if !self.budget.take(now_ns) {
            self.counters.held_back += 1;
            return false;
        }
        match self.backoff.next(now_ns) {
            Some(due_ns) => {
                self.connect_ns = due_ns;
                self.wait(due_ns);
                true
            }
            None => {
                self.missing = None;
                self.sockets.clear();
                self.connection.close();
                self.counters.gave_up += 1;
                out.say(Answer::GaveUp);
                false
            }
        }
    }

    fn request(&mut self, now_ns: u64, out: &mut Outbox<'_>) {
        let is_again = self.backoff.tries() > 1;
        let is_due = self.missing.as_ref().is_some_and(|missing| now_ns >= missing.due_ns);
        if !is_due || !self.try_once(now_ns, out) {
            return;
        }
        let Some(missing) = &self.missing else { return };
        let Some(&(first, last)) = missing.holes.first() else { return };
        let count = (last - first + 1).min(u64::from(self.most)) as u16;
        let mut request = [9, GAP_REQUEST, missing.unit, 0, 0, 0, 0, 0, 0];
        request[3..7].copy_from_slice(&(first as u32).to_le_bytes());
        request[7..].copy_from_slice(&count.to_le_bytes());
        self.connection.send(&request);
        self.counters.requests += 1;
        self.counters.retries += u64::from(is_again);
    }
}

impl Conversation for GapProxy {
    fn service(&self) -> &'static str {
        "gap request proxy"
    }

    fn can(&self, want: &Want) -> bool {
        matches!(want, Want::Messages { session, last, .. } if unit_of(session).is_some() && *last <= u64::from(u32::MAX))
            && !self.config.servers.is_empty()
    }

    fn ask(&mut self, want: Want, now_ns: u64) {
        self.backoff.succeed();
        self.connect_ns = now_ns;
        self.missing = match want {
            Want::Messages { session, first, last } if (1..=last).contains(&first) => {
                unit_of(&session).map(|unit| Missing { unit, holes: vec![(first, last)], due_ns: now_ns })
            }
            _ => None,
        };
        if self.missing.is_none() {
            self.sockets.clear();
        } else if self.sockets.is_empty() {
            // Before the request, so that no answer is missed.
            for group in &self.config.groups {
                match group.open() {
                    Ok(socket) => self.sockets.push(socket),
                    Err(_) => self.counters.failures += 1,
                }
            }
        }
    }

    fn poll(&mut self, now_ns: u64, out: &mut Outbox<'_>) {
        if self.missing.is_none() && !self.connection.is_there() {
            return;
        }
        match self.connection.poll(now_ns, true) {
            Standing::Down => self.connect(now_ns, out),
            Standing::Coming => {}
            Standing::Broken => self.fail(now_ns),
            Standing::Refused(refusal) => self.refuse(refusal, out),
            Standing::In => {
                self.read_proxy(now_ns, out);
                self.read_group(now_ns, out);
                self.request(now_ns, out);
            }
        }
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_leave_what_is_missing_between_them() {
        let mut missing = Missing { unit: 1, holes: vec![(10, 20)], due_ns: 0 };
        assert!(missing.fill(14, 15));
        assert_eq!(missing.holes, [(10, 13), (16, 20)]);
        assert!(!missing.fill(14, 15));
        assert!(missing.fill(1, 12));
        assert!(missing.fill(20, 30));
        assert_eq!(missing.holes, [(13, 13), (16, 19)]);
        assert!(missing.fill(13, 19));
        assert!(missing.holes.is_empty());
    }
}
