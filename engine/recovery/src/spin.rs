//! Cboe's spin servers: images of a unit's books over TCP, as messages of the live feed.

use std::net::SocketAddr;

use crate::{
    budget::{Backoff, Budget, Pace},
    cboe::{Block, CboeLogin, Connection, HEADER, Standing, unit_of},
    conversation::{Conversation, Counters, Outbox},
    want::{Answer, Refusal, Want},
};

const IMAGE_AVAILABLE: u8 = 0x80;
const SPIN_REQUEST: u8 = 0x81;
const SPIN_RESPONSE: u8 = 0x82;
const SPIN_FINISHED: u8 = 0x83;

/// Messages of the conversation itself; none of the live feed has such a type in a spin.
const CONVERSATION: [u8; 9] =
    [0x01, 0x02, IMAGE_AVAILABLE, SPIN_REQUEST, SPIN_RESPONSE, SPIN_FINISHED, 0x84, 0x85, 0x86];

/// Bytes of a block that go into one packet of the snapshot.
const PACKET: usize = 1400;

/// Where to ask, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpinConfig {
    /// Spin servers of the unit. Each try goes to the next one.
    pub servers: Vec<SocketAddr>,
    /// Who asks.
    pub login: CboeLogin,
    /// A server that says nothing for so long is dead, nanoseconds. Living ones tell of an image each second.
    pub silence_ns: u64,
    /// How often to try, and how long to wait between.
    pub pace: Pace,
}

/// How far a snapshot has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Idle,
    /// The next try is due at this time.
    Waiting(u64),
    /// Connected, or about to be; an image that is new enough is waited for.
    Listening,
    /// An image was asked for.
    Asked,
    /// The image as of this sequence comes.
    Reading(u64),
}

/// Fetches a snapshot of a unit's books.
#[derive(Debug)]
pub struct SpinServer {
    config: SpinConfig,
    connection: Connection,
    phase: Phase,
    unit: u8,
    at_least: u64,
    server: usize,
    budget: Budget,
    backoff: Backoff,
    packet: Vec<u8>,
    messages: u8,
    counters: Counters,
}

/// What is to be done behind a block.
enum Outcome {
    On,
    Fail,
    Refused(Refusal),
    Whole,
}

impl SpinServer {
    /// A conversation with these servers.
    pub fn new(config: SpinConfig) -> Self {
        Self {
            connection: Connection::new(config.login.clone(), config.silence_ns),
            phase: Phase::Idle,
            unit: 0,
            at_least: 0,
            server: 0,
            budget: Budget::new(&config.pace),
            backoff: Backoff::new(config.pace),
            packet: Vec::with_capacity(2 * PACKET),
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
        self.counters.retries += u64::from(self.backoff.tries() > 0);
        if self.backoff.next(now_ns).is_none() {
            self.stop();
            self.counters.gave_up += 1;
            out.say(Answer::GaveUp);
            return;
        }
        let server = self.config.servers[self.server % self.config.servers.len()];
        self.server = self.server.wrapping_add(1);
        self.counters.connections += 1;
        self.phase = Phase::Listening;
        if !self.connection.open(server, now_ns) {
            self.fail(now_ns);
        }
    }

    fn stop(&mut self) {
        self.connection.close();
        self.phase = Phase::Idle;
    }

    fn fail(&mut self, now_ns: u64) {
        self.connection.close();
        self.counters.failures += 1;
        self.phase = Phase::Waiting(self.backoff.after_failure(now_ns));
    }

    fn read(&mut self, out: &mut Outbox<'_>) -> Outcome {
        // A block gives two packets at most, and a beginning or an end.
        while out.room() > 4 {
            let bytes = self.connection.bytes();
            let block = match Block::at(bytes) {
                Ok(None) => break,
                Ok(Some(block)) if block.is_sound() => block,
                _ => {
                    self.counters.garbage += 1;
                    return Outcome::Fail;
                }
            };
            // Its messages are at hand only until the connection is looked at again.
            let messages: Vec<u8> = block.messages.to_vec();
            let (size, count) = (block.size, block.count);
            self.connection.consume(size);
            let block = Block { unit: 0, sequence: 0, count, messages: &messages, size };
            for message in block.messages() {
                match self.message(message, out) {
                    Outcome::On => {}
                    outcome => return outcome,
                }
            }
        }
        Outcome::On
    }

    fn message(&mut self, message: &[u8], out: &mut Outbox<'_>) -> Outcome {
        let number =
            |at: usize| message.get(at..at + 4)?.first_chunk().map(|bytes| u64::from(u32::from_le_bytes(*bytes)));
        match (message[1], self.phase) {
            (IMAGE_AVAILABLE, Phase::Listening) => {
                let Some(sequence) = number(2) else { return Outcome::Fail };
                // Everything behind the image must be in what the channel has kept.
                if sequence + 1 >= self.at_least {
                    let mut request = [6, SPIN_REQUEST, 0, 0, 0, 0];
                    request[2..].copy_from_slice(&(sequence as u32).to_le_bytes());
                    self.connection.send(&request);
                    self.counters.requests += 1;
                    self.phase = Phase::Asked;
                }
            }
            (SPIN_RESPONSE, Phase::Asked) => match (message.get(10), number(2)) {
                (Some(b'A'), Some(sequence)) if sequence + 1 >= self.at_least => {
                    self.phase = Phase::Reading(sequence);
                    self.packet.clear();
                    self.messages = 0;
                    out.say(Answer::SnapshotStart);
                }
                // Out of range: the next image will do. Busy: later.
                (Some(b'O'), _) => self.phase = Phase::Listening,
                (Some(b'S'), _) => return Outcome::Refused(Refusal::Unavailable),
                _ => return Outcome::Fail,
            },
            (SPIN_FINISHED, Phase::Reading(sequence)) => {
                if number(2) != Some(sequence) {
                    self.counters.garbage += 1;
                    return Outcome::Fail;
                }
                self.flush(out);
                out.say(Answer::SnapshotEnd { next_sequence: sequence + 1 });
                return Outcome::Whole;
            }
            (kind, Phase::Reading(_)) if !CONVERSATION.contains(&kind) => {
                if self.packet.len() + message.len() > PACKET || self.messages == u8::MAX {
                    self.flush(out);
                }
                if self.packet.is_empty() {
                    self.packet.resize(HEADER, 0);
                }
                self.packet.extend_from_slice(message);
                self.messages += 1;
            }
            (kind, _) if CONVERSATION.contains(&kind) => {}
            _ => self.counters.garbage += 1,
        }
        Outcome::On
    }

    /// Hands over what has gathered, as a block of the unit without a sequence.
    fn flush(&mut self, out: &mut Outbox<'_>) {
        if self.messages > 0 {
            let size = (self.packet.len() as u16).to_le_bytes();
            self.packet[..4].copy_from_slice(&[size[0], size[1], self.messages, self.unit]);
            self.counters.packets += 1;
            self.counters.overflows += u64::from(!out.packet(&self.packet, Answer::SnapshotPacket));
        }
        self.packet.clear();
        self.messages = 0;
    }
}

impl Conversation for SpinServer {
    fn service(&self) -> &'static str {
        "spin server"
    }

    fn can(&self, want: &Want) -> bool {
        matches!(want, Want::Snapshot { session, .. } if unit_of(session).is_some()) && !self.config.servers.is_empty()
    }

    fn ask(&mut self, want: Want, now_ns: u64) {
        self.stop();
        self.backoff.succeed();
        if let Want::Snapshot { session, at_least } = want
            && let Some(unit) = unit_of(&session)
        {
            (self.unit, self.at_least) = (unit, at_least);
            self.phase = Phase::Waiting(now_ns);
        }
    }

    fn poll(&mut self, now_ns: u64, out: &mut Outbox<'_>) {
        match self.phase {
            Phase::Idle => return,
            Phase::Waiting(until) if now_ns >= until => return self.begin(now_ns, out),
            Phase::Waiting(_) => return,
            Phase::Listening | Phase::Asked | Phase::Reading(_) => {}
        }
        let standing = self.connection.poll(now_ns, out.room() > 4);
        let outcome = match standing {
            Standing::In => self.read(out),
            Standing::Coming => Outcome::On,
            Standing::Refused(refusal) => Outcome::Refused(refusal),
            Standing::Down | Standing::Broken => Outcome::Fail,
        };
        match outcome {
            Outcome::On => {}
            Outcome::Fail => self.fail(now_ns),
            Outcome::Refused(refusal) => {
                self.counters.refusals += 1;
                self.stop();
                out.refuse(refusal);
            }
            Outcome::Whole => {
                self.counters.snapshots += 1;
                self.stop();
            }
        }
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}
