//! Loops of snapshots by multicast: joined when they are needed, and left again.

use std::net::UdpSocket;

use crate::{
    budget::{Backoff, Pace},
    conversation::{Conversation, Counters, Outbox},
    datagrams::{DATAGRAM, Group, receive},
    want::{Answer, Want},
};

/// Packets taken of a loop at a time, so that other conversations have their turn.
const AT_A_TIME: usize = 256;

/// Where a channel's loops come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopConfig {
    /// Groups of each loop, lines A and B: definitions, levels, orders.
    pub loops: Vec<Vec<Group>>,
    /// How long nothing may come before the groups are joined anew, and how often.
    pub pace: Pace,
}

/// Listens to a channel's loops of definitions and snapshots while it lacks something.
#[derive(Debug)]
pub struct SnapshotLoop {
    config: LoopConfig,
    sockets: Vec<(u8, UdpSocket)>,
    is_wanted: bool,
    /// Until when something must have come.
    due_ns: u64,
    backoff: Backoff,
    buffer: Vec<u8>,
    counters: Counters,
}

impl SnapshotLoop {
    /// A conversation with these loops.
    pub fn new(config: LoopConfig) -> Self {
        Self {
            sockets: Vec::new(),
            is_wanted: false,
            due_ns: 0,
            backoff: Backoff::new(config.pace),
            buffer: vec![0; DATAGRAM],
            counters: Counters::default(),
            config,
        }
    }

    /// Joins every group, or gives up.
    fn join(&mut self, now_ns: u64, out: &mut Outbox<'_>) {
        self.sockets.clear();
        let is_again = self.backoff.tries() > 0;
        let Some(due_ns) = self.backoff.next(now_ns) else {
            self.is_wanted = false;
            self.counters.gave_up += 1;
            out.say(Answer::GaveUp);
            return;
        };
        self.due_ns = due_ns;
        self.counters.requests += 1;
        self.counters.retries += u64::from(is_again);
        for (index, groups) in (0_u8..).zip(&self.config.loops) {
            for group in groups {
                match group.open() {
                    Ok(socket) => self.sockets.push((index, socket)),
                    Err(_) => self.counters.failures += 1,
                }
            }
        }
        self.counters.connections += self.sockets.len() as u64;
    }
}

impl Conversation for SnapshotLoop {
    fn service(&self) -> &'static str {
        "snapshot loops"
    }

    fn can(&self, want: &Want) -> bool {
        matches!(want, Want::Snapshot { .. }) && !self.config.loops.is_empty()
    }

    fn ask(&mut self, want: Want, now_ns: u64) {
        let is_wanted = matches!(want, Want::Snapshot { .. });
        if !is_wanted {
            self.sockets.clear();
        }
        // A channel that asks again while it is listened to needs nothing else.
        if is_wanted && !self.is_wanted {
            self.due_ns = now_ns;
            self.backoff.succeed();
        }
        self.is_wanted = is_wanted;
    }

    fn poll(&mut self, now_ns: u64, out: &mut Outbox<'_>) {
        if !self.is_wanted {
            return;
        }
        let mut has_come = false;
        for (index, socket) in &self.sockets {
            for _ in 0..AT_A_TIME {
                // What finds no room stays in the kernel, or is lost as on the way: the loop comes again.
                if out.room() == 0 {
                    break;
                }
                let Some((packet, _)) = receive(socket, &mut self.buffer) else { break };
                has_come = true;
                self.counters.packets += 1;
                out.packet(packet, |packet| Answer::LoopPacket { index: *index, packet });
            }
        }
        if has_come {
            self.backoff.succeed();
            self.due_ns = now_ns.saturating_add(self.config.pace.longest_timeout_ns);
        } else if now_ns >= self.due_ns {
            self.join(now_ns, out);
        }
    }

    fn counters(&self) -> Counters {
        self.counters
    }
}
