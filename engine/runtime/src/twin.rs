//! Lines of channels that name no session: two flows are lines of one channel where they carry the same packets.

use wirebook_abi::{Frame, Numbering};
use wirebook_io::{FlowId, Packet};

/// Packets of a channel that are remembered, so that a line which is behind finds its own among them.
const RECENT: usize = 256;

/// Packets of a flow that are held before it is taken for a channel of its own.
const HELD: usize = 64;

/// Front of a packet: where packets are numbered, sequence and sending time and more.
type Front = [u8; 16];

/// Whether a packet says nothing of its channel but its number there.
#[inline]
pub fn is_anonymous(frame: &Frame) -> bool {
    frame.numbering == Numbering::PACKETS && frame.session == [0; 16] && frame.first_sequence != 0
}

fn front(payload: &[u8]) -> Front {
    let mut front = [0; 16];
    let size = payload.len().min(front.len());
    front[..size].copy_from_slice(&payload[..size]);
    front
}

/// Fronts of a channel's newest packets.
#[derive(Debug)]
pub struct Recent {
    fronts: Box<[Front]>,
    next: usize,
}

impl Default for Recent {
    fn default() -> Self {
        Self { fronts: vec![[0; 16]; RECENT].into_boxed_slice(), next: 0 }
    }
}

impl Recent {
    /// Remembers a packet in place of the oldest one.
    #[inline]
    pub fn note(&mut self, payload: &[u8]) {
        self.fronts[self.next % RECENT] = front(payload);
        self.next = self.next.wrapping_add(1);
    }

    fn has(&self, payload: &[u8]) -> bool {
        self.fronts.contains(&front(payload))
    }

    /// Whether a packet of `flow` is among them.
    pub fn is_line(&self, flow: &Held) -> bool {
        flow.packets.iter().any(|packet| self.has(&packet.payload))
    }
}

/// Packets of a flow of which nobody knows yet whether it is a line of a channel that is there.
#[derive(Debug, Default)]
pub struct Held {
    packets: Vec<HeldPacket>,
}

#[derive(Debug)]
struct HeldPacket {
    payload: Vec<u8>,
    ts_recv_ns: u64,
    index: u64,
    offset: u64,
    cut: bool,
}

impl Held {
    /// Keeps a packet.
    pub fn push(&mut self, packet: &Packet<'_>) {
        let Packet { payload, ts_recv_ns, index, offset, cut, .. } = *packet;
        self.packets.push(HeldPacket { payload: payload.to_vec(), ts_recv_ns, index, offset, cut });
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Whether the flow has shown enough to be a channel of its own.
    pub fn is_full(&self) -> bool {
        self.packets.len() >= HELD
    }

    /// The packets, as they came.
    pub fn packets(&self, flow: FlowId) -> impl Iterator<Item = Packet<'_>> {
        self.packets.iter().map(move |held| Packet {
            ts_recv_ns: held.ts_recv_ns,
            index: held.index,
            offset: held.offset,
            cut: held.cut,
            ..Packet::datagram(&held.payload, flow)
        })
    }
}
