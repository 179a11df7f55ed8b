//! GLIMPSE: the present state as messages of the live feed, over SoupBinTCP, and the sequence to go on from.

use std::net::SocketAddr;

use crate::{
    budget::{Backoff, Budget, Pace},
    conversation::{Conversation, Counters, Outbox},
    link::{Condition, Link},
    mold::wire,
    want::{Answer, Refusal, Want},
};

const SECOND_NS: u64 = 1_000_000_000;

/// Bytes of messages that one packet of a snapshot carries.
const PACKET: usize = 1400;

/// MoldUDP64's header.
const HEADER: usize = 20;

/// Where to ask, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlimpseConfig {
    /// Snapshot servers. Each try goes to the next one.
    pub servers: Vec<SocketAddr>,
    /// Up to six characters.
    pub username: String,
    /// Up to ten characters.
    pub password: String,
    /// A server that says nothing for so long is dead, nanoseconds. Living ones send a heartbeat each second.
    pub silence_ns: u64,
    /// How often to try, and how long to wait between.
    pub pace: Pace,
}

impl GlimpseConfig {
    /// These servers, at the usual pace: the first retry after a second.
    pub fn new(servers: Vec<SocketAddr>, username: &str, password: &str) -> Self {
        let pace = Pace {
            burst: 2,
            refill_ns: 5 * SECOND_NS,
            timeout_ns: SECOND_NS,
            longest_timeout_ns: 30 * SECOND_NS,
            ..Pace::default()
        };
        Self { servers, username: username.into(), password: password.into(), silence_ns: 5 * SECOND_NS, pace }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is wanted.
    Idle,
    /// The next try is due at this time.
    Waiting(u64),
    /// The login is sent with the connection.
    LoggingIn,
    /// The snapshot comes.
    Reading,
}

/// What became of reading.
enum Read {
    /// More must come, or there is no room.
    On,
    /// The server is not to be gone on with.
    Fail,
    /// The server does not know us, or has no such session.
    Refused(Refusal),
    /// The snapshot is whole.
    Whole(u64),
}

/// Fetches a snapshot of all books.
#[derive(Debug)]
pub struct Glimpse {
    config: GlimpseConfig,
    link: Link,
    phase: Phase,
    session: [u8; 16],
    at_least: u64,
    server: usize,
    budget: Budget,
    backoff: Backoff,
    /// Messages that gather for one packet.
    packet: Vec<u8>,
    messages: u16,
    counters: Counters,
}

impl Glimpse {
    /// A conversation with these servers.
    pub fn new(config: GlimpseConfig) -> Self {
        Self {
            link: Link::default(),
            phase: Phase::Idle,
            session: [0; 16],
            at_least: 0,
            server: 0,
            budget: Budget::new(&config.pace),
            backoff: Backoff::new(config.pace),
            packet: Vec::with_capacity(PACKET + (1 << 16)),
            messages: 0,
            counters: Counters::default(),
            config,
        }
    }

    fn begin(&mut self, now_ns: u64, out: &mut Outbox<'_>) {
        if self.config.servers.is_empty() || !self.budget.take(now_ns) {
            self.counters.held_back += 1;
            return;
        }
        let is_again = self.backoff.tries() > 0;
        let Some(until) = self.backoff.next(now_ns) else {
            self.give_up(out);
            return;
        };
        let server = self.config.servers[self.server % self.config.servers.len()];
        self.server = self.server.wrapping_add(1);
        self.counters.requests += 1;
        self.counters.retries += u64::from(is_again);
        if self.link.open(server, now_ns).is_err() {
            self.counters.failures += 1;
            self.phase = Phase::Waiting(until);
            return;
        }
        self.counters.connections += 1;
        self.link.send(&login(&self.config.username, &self.config.password));
        self.phase = Phase::LoggingIn;
    }

    fn give_up(&mut self, out: &mut Outbox<'_>) {
        self.stop();
        self.counters.gave_up += 1;
        out.say(Answer::GaveUp);
    }

    fn stop(&mut self) {
        self.link.close();
        self.phase = Phase::Idle;
        self.messages = 0;
    }

    /// The connection is of no use any more: another try after a while.
    fn fail(&mut self, now_ns: u64) {
        self.stop();
        self.counters.failures += 1;
        self.phase = Phase::Waiting(self.backoff.after_failure(now_ns));
    }

    /// Takes whole packets as far as the channel's queue has room.
    fn read(&mut self, out: &mut Outbox<'_>) -> Read {
        while out.room() > 2 {
            let Some((kind, payload, size)) = frame(self.link.bytes()) else { break };
            let Some(kind) = kind else { return Read::Fail };
            match (kind, self.phase) {
                (b'A', Phase::LoggingIn) => {
                    self.phase = Phase::Reading;
                    self.start_packet();
                    out.say(Answer::SnapshotStart);
                }
                (b'J', Phase::LoggingIn) => {
                    return Read::Refused(match payload.first() {
                        Some(b'S') => Refusal::NoSession,
                        _ => Refusal::NotAuthorized,
                    });
                }
                (b'S', Phase::Reading) => match end_of_snapshot(payload) {
                    Some(next) => {
                        self.link.consume(size);
                        return Read::Whole(next);
                    }
                    None => {
                        let (packet, messages) = (&mut self.packet, &mut self.messages);
                        packet.extend((payload.len() as u16).to_be_bytes());
                        packet.extend(payload);
                        *messages += 1;
                    }
                },
                (b'H' | b'+' | b'U', _) => {}
                (b'Z', _) => return Read::Fail,
                _ => {
                    self.counters.garbage += 1;
                    return Read::Fail;
                }
            }
            self.link.consume(size);
            if self.packet.len() >= PACKET {
                self.flush(out);
            }
        }
        Read::On
    }

    fn start_packet(&mut self) {
        self.packet.clear();
        self.packet.extend(wire(&self.session));
        self.packet.resize(HEADER, 0);
        self.messages = 0;
    }

    fn flush(&mut self, out: &mut Outbox<'_>) {
        if self.messages > 0 {
            self.packet[HEADER - 2..HEADER].copy_from_slice(&self.messages.to_be_bytes());
            self.counters.packets += 1;
            self.counters.overflows += u64::from(!out.packet(&self.packet, Answer::SnapshotPacket));
        }
        self.start_packet();
    }

    fn whole(&mut self, next: u64, now_ns: u64, out: &mut Outbox<'_>) {
        self.flush(out);
        if next < self.at_least {
            // From before what the channel has kept: messages between would be missing.
            self.counters.garbage += 1;
            self.fail(now_ns);
            return;
        }
        self.counters.snapshots += 1;
        out.say(Answer::SnapshotEnd { next_sequence: next });
        self.link.send(&[0, 1, b'O']);
        self.link.poll(now_ns, false);
        self.stop();
    }
}

impl Conversation for Glimpse {
    fn service(&self) -> &'static str {
        "glimpse"
    }

    fn can(&self, want: &Want) -> bool {
        matches!(want, Want::Snapshot { .. }) && !self.config.servers.is_empty()
    }

    fn ask(&mut self, want: Want, now_ns: u64) {
        self.stop();
        self.backoff.succeed();
        if let Want::Snapshot { session, at_least } = want {
            (self.session, self.at_least) = (session, at_least);
            self.phase = Phase::Waiting(now_ns);
        }
    }

    fn poll(&mut self, now_ns: u64, out: &mut Outbox<'_>) {
        match self.phase {
            Phase::Idle => return,
            Phase::Waiting(until) if now_ns >= until => return self.begin(now_ns, out),
            Phase::Waiting(_) => return,
            Phase::LoggingIn | Phase::Reading => {}
        }
        let condition = self.link.poll(now_ns, out.room() > 2);
        match self.read(out) {
            Read::Whole(next) => return self.whole(next, now_ns, out),
            Read::Fail => return self.fail(now_ns),
            Read::Refused(refusal) => {
                self.counters.refusals += 1;
                self.stop();
                out.refuse(refusal);
                return;
            }
            Read::On => {}
        }
        if self.link.idle_ns(now_ns) >= SECOND_NS && condition == Condition::Up {
            self.link.send(&[0, 1, b'R']);
        }
        // While the channel has no room nothing is read, which is not the server's silence.
        let is_silent = out.room() > 2 && self.link.silent_ns(now_ns) >= self.config.silence_ns;
        if matches!(condition, Condition::Broken | Condition::Down) || is_silent {
            self.fail(now_ns);
        }
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}

/// Type, payload and size of the packet at the front, where all of it is there; without a type where its length is 0.
fn frame(bytes: &[u8]) -> Option<(Option<u8>, &[u8], usize)> {
    let size = 2 + usize::from(u16::from_be_bytes(bytes.get(..2)?.try_into().ok()?));
    match bytes.get(2..size)? {
        [] => Some((None, &[], size)),
        [kind, payload @ ..] => Some((Some(*kind), payload, size)),
    }
}

/// The sequence to go on from, of the message that ends a snapshot: text of twenty characters, or of ASX 24 an integer.
fn end_of_snapshot(message: &[u8]) -> Option<u64> {
    let (b'G', number) = message.split_first()? else { return None };
    match number.len() {
        20 => std::str::from_utf8(number).ok()?.trim().parse().ok(),
        8 => Some(u64::from_be_bytes(number.try_into().ok()?)),
        _ => None,
    }
}

/// The request to log in, from the first message of whatever session there is.
fn login(username: &str, password: &str) -> [u8; 49] {
    let mut login = [b' '; 49];
    login[..3].copy_from_slice(&[0, 47, b'L']);
    let mut put = |at: usize, size: usize, text: &str| {
        for (to, from) in login[at..at + size].iter_mut().zip(text.bytes()) {
            *to = from;
        }
    };
    put(3, 6, username);
    put(9, 10, password);
    login[48] = b'1';
    login
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_a_snapshot_is_read_in_both_forms() {
        assert_eq!(end_of_snapshot(b"G                4711"), Some(4711));
        assert_eq!(end_of_snapshot(&[b'G', 0, 0, 0, 0, 0, 0, 1, 2]), Some(258));
        assert_eq!(end_of_snapshot(b"G                47x1"), None);
        assert_eq!(end_of_snapshot(b"A                4711"), None);
        assert_eq!(end_of_snapshot(b""), None);
    }

    #[test]
    fn login_has_its_fields_in_place() {
        let login = login("JOE", "secret");
        assert_eq!(&login[3..9], b"JOE   ");
        assert_eq!(&login[9..19], b"secret    ");
        assert_eq!(login[48], b'1');
    }
}
