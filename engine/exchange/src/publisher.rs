//! Sends the tape on every line, when it is due and as chaos lets it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use socket2::{Domain, Protocol, Socket, Type};
use wirebook_abi::{DecoderInstance, Frame, FrameKind};

use crate::{
    ExchangeError, Plan,
    chaos::{Dial, LineCounts},
    exchange::Shared,
    plan::{behind_v4, for_channels},
};

/// Longest sleep between two looks at the clock and the wish to stop.
const NAP: Duration = Duration::from_millis(5);
/// Packets that are handed to the dials between two looks at what is due.
const STRIDE: usize = 64;
const HEARTBEAT: Duration = Duration::from_secs(1);

/// One line of every channel.
#[derive(Debug)]
struct Line {
    socket: UdpSocket,
    destinations: Vec<SocketAddr>,
}

/// Publishes a tape.
#[derive(Debug)]
pub(crate) struct Publisher {
    plan: Plan,
    lines: Vec<Line>,
    dials: Vec<Dial>,
    heartbeats: DecoderInstance,
}

impl Publisher {
    /// Opens the lines' sockets.
    pub(crate) fn new(plan: &Plan, shared: &Shared) -> Result<Self, ExchangeError> {
        let channels = shared.tape.channels().len();
        let line = |(at, line): (usize, &crate::PublishLine)| {
            let what = format!("lines[{at}]");
            let destinations = for_channels(&what, &line.destinations, channels, behind_v4)?;
            let socket = sender(line.interface, plan.ttl, plan.loopback).map_err(|source| {
                let address = SocketAddr::from((line.interface.unwrap_or(Ipv4Addr::UNSPECIFIED), 0));
                ExchangeError::Socket { what: format!("{what}: sending from"), address, source }
            })?;
            Ok(Line { socket, destinations: destinations.into_iter().map(SocketAddr::V4).collect() })
        };
        let lines = plan.lines.iter().enumerate().map(line).collect::<Result<Vec<_>, ExchangeError>>()?;
        let dial = |channel: usize| Dial::new(&plan.chaos, channel as u64, lines.len());
        let dials = (0..channels).map(dial).collect::<Result<Vec<_>, _>>()?;
        let heartbeats = shared.tape.table().create(shared.tape.framing())?;
        Ok(Self { plan: plan.clone(), lines, dials, heartbeats })
    }

    /// Publishes the day from its first packet to its last, with lead and linger, or until it is to stop.
    pub(crate) fn run(mut self, shared: &Shared) {
        self.idle(shared, self.plan.lead);
        self.day(shared);
        self.idle(shared, self.plan.linger);
        shared.is_over.store(true, Ordering::Release);
    }

    fn day(&mut self, shared: &Shared) {
        let tape = &shared.tape;
        let first_ns = tape.packets()[0].ts_ns;
        let start = Instant::now();
        let mut next = 0;
        while next < tape.packets().len() && !shared.wants_stop() {
            let now_ns = start.elapsed().as_nanos() as u64;
            let mut wait_ns = 0;
            for _ in 0..STRIDE {
                let Some(packet) = tape.packets().get(next) else { break };
                // A capture's times may go back a little.
                let due_ns = self.plan.pace.due_ns(next, packet.ts_ns.saturating_sub(first_ns));
                if due_ns > now_ns {
                    wait_ns = due_ns - now_ns;
                    break;
                }
                let sent_ns = if due_ns == 0 { now_ns } else { due_ns };
                self.dials[packet.channel].offer(sent_ns);
                next += 1;
            }
            // Services may speak of a packet before it arrives, never after a reader has missed it.
            shared.published.store(next, Ordering::Release);
            let ready_ns = self.send_due(shared, now_ns);
            if wait_ns > 0 {
                let until_ready = ready_ns.map_or(u64::MAX, |ready_ns| ready_ns.saturating_sub(now_ns));
                thread::sleep(NAP.min(Duration::from_nanos(wait_ns.min(until_ready))));
            }
        }
        self.drain(shared, start);
    }

    /// Sends what is still under way, each at its time.
    fn drain(&mut self, shared: &Shared, start: Instant) {
        self.dials.iter_mut().for_each(Dial::finish);
        while !shared.wants_stop() {
            let now_ns = start.elapsed().as_nanos() as u64;
            let Some(ready_ns) = self.send_due(shared, now_ns) else { return };
            thread::sleep(NAP.min(Duration::from_nanos(ready_ns.saturating_sub(now_ns))));
        }
    }

    /// Sends what is due, and gives when the next packet that is under way will be.
    fn send_due(&mut self, shared: &Shared, now_ns: u64) -> Option<u64> {
        let mut next_ns: Option<u64> = None;
        for (channel, dial) in self.dials.iter_mut().enumerate() {
            while let Some(sending) = dial.next_due(now_ns) {
                let number = shared.tape.channels()[channel].packets[sending.packet as usize];
                let line = &self.lines[sending.line];
                shared.note_sent(line.send(channel, shared.tape.bytes(number)));
            }
            next_ns = [next_ns, dial.next_ts_ns()].into_iter().flatten().min();
        }
        shared.set_lines(self.counts());
        next_ns
    }

    /// What each line did, over all channels.
    fn counts(&self) -> Vec<LineCounts> {
        let line = |line| {
            self.dials.iter().map(|dial| dial.counts(line)).fold(LineCounts::default(), |all, one| LineCounts {
                sent: all.sent + one.sent,
                lost: all.lost + one.lost,
                dead: all.dead + one.dead,
                duplicated: all.duplicated + one.duplicated,
                reordered: all.reordered + one.reordered,
            })
        };
        (0..self.lines.len()).map(line).collect()
    }

    /// Sends heartbeats each second for so long.
    fn idle(&mut self, shared: &Shared, time: Duration) {
        let end = Instant::now() + time;
        let mut next = Instant::now();
        while Instant::now() < end && !shared.wants_stop() {
            if Instant::now() >= next {
                self.heartbeat(shared);
                next += HEARTBEAT;
            }
            let now = Instant::now();
            thread::sleep(NAP.min(end.saturating_duration_since(now)).min(next.saturating_duration_since(now)));
        }
    }

    /// A heartbeat on every line of every channel, where the framing has such a packet.
    fn heartbeat(&mut self, shared: &Shared) {
        let mut output = [0; 64];
        for (at, channel) in shared.tape.channels().iter().enumerate() {
            let frame = Frame {
                first_sequence: shared.tape.next_sequence(at, shared.published()),
                session: channel.session,
                kind: FrameKind::HEARTBEAT,
                ..Frame::default()
            };
            let outcome = self.heartbeats.pack(&frame, &[], &mut output);
            if outcome.status != wirebook_abi::Status::OK || outcome.offset == 0 {
                return;
            }
            for line in &self.lines {
                shared.note_sent(line.send(at, &output[..outcome.offset as usize]));
            }
        }
    }
}

impl Line {
    fn send(&self, channel: usize, bytes: &[u8]) -> bool {
        // A full send buffer is waited for by the blocking socket. Nobody listening is no error of the sender's.
        match self.socket.send_to(bytes, self.destinations[channel]) {
            Ok(_) => true,
            Err(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        }
    }
}

/// A socket that multicast leaves by.
pub(crate) fn sender(interface: Option<Ipv4Addr>, ttl: u32, loopback: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    if let Some(interface) = interface {
        socket.set_multicast_if_v4(&interface)?;
    }
    socket.set_multicast_ttl_v4(ttl)?;
    socket.set_multicast_loop_v4(loopback)?;
    socket.bind(&SocketAddrV4::new(interface.unwrap_or(Ipv4Addr::UNSPECIFIED), 0).into())?;
    Ok(socket.into())
}
