//! Packets that wait for what is missing before them.

use alloc::{boxed::Box, collections::VecDeque, vec, vec::Vec};

use wirebook_abi::Frame;

/// A packet that waits, or waited until now.
#[derive(Clone, Copy, Debug)]
pub struct HeldPacket<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// When it was received.
    pub ts_recv_ns: u64,
    /// Where it stood in its input, for reports.
    pub offset: u64,
    /// Whether a recovery brought it, and no line.
    pub is_recovered: bool,
}

/// A packet's place in the order of sequences.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub first: u64,
    /// The sequence behind its last.
    pub end: u64,
    pub ts_recv_ns: u64,
    pub offset: u64,
    /// When it came, by the driver's clock.
    pub held_ns: u64,
    slot: u32,
    len: u32,
    pub is_recovered: bool,
}

/// A bounded store of packets in the order of their sequences.
#[derive(Debug)]
pub(crate) struct Held {
    bytes: Box<[u8]>,
    packet_bytes: usize,
    free: Vec<u32>,
    order: VecDeque<Entry>,
    /// Slot of the packet last taken out, which is lent until the next call.
    lent: Option<u32>,
}

impl Held {
    pub fn new(packets: usize, packet_bytes: usize) -> Self {
        Self {
            bytes: vec![0; packets * packet_bytes].into_boxed_slice(),
            packet_bytes,
            free: (0..packets as u32).rev().collect(),
            order: VecDeque::with_capacity(packets),
            lent: None,
        }
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The packet with the lowest sequence.
    pub fn front(&self) -> Option<&Entry> {
        self.order.front()
    }

    /// The sequence behind the last of all; 0 where nothing waits.
    pub fn end(&self) -> u64 {
        self.order.back().map_or(0, |entry| entry.end)
    }

    /// Where a packet from `first` on goes, and whether one that waits has all of it.
    fn place(&self, first: u64, end: u64) -> (usize, bool) {
        // Most packets are the newest.
        let at = match self.order.back() {
            Some(back) if back.first > first => self.order.partition_point(|entry| entry.first <= first),
            _ => self.order.len(),
        };
        let is_covered = at.checked_sub(1).and_then(|at| self.order.get(at)).is_some_and(|entry| entry.end >= end);
        (at, is_covered)
    }

    /// Whether one packet that waits has all sequences of `first..end`.
    pub fn covers(&self, first: u64, end: u64) -> bool {
        self.place(first, end).1
    }

    /// Whether a packet of this size can ever wait.
    pub fn fits(&self, len: usize) -> bool {
        len <= self.packet_bytes
    }

    /// Whether there is no room for another.
    pub fn is_full(&self) -> bool {
        self.free.is_empty() && self.lent.is_none()
    }

    /// Keeps a copy; false where there is no room, or where it is too large.
    pub fn keep(&mut self, frame: &Frame, packet: &HeldPacket<'_>, now_ns: u64) -> bool {
        self.take_back();
        if !self.fits(packet.bytes.len()) {
            return false;
        }
        let Some(slot) = self.free.pop() else { return false };
        let first = frame.first_sequence;
        let end = first.saturating_add(u64::from(frame.sequence_count()));
        let at = slot as usize * self.packet_bytes;
        self.bytes[at..at + packet.bytes.len()].copy_from_slice(packet.bytes);
        let entry = Entry {
            first,
            end,
            ts_recv_ns: packet.ts_recv_ns,
            offset: packet.offset,
            held_ns: now_ns,
            slot,
            len: packet.bytes.len() as u32,
            is_recovered: packet.is_recovered,
        };
        let (place, _) = self.place(first, end);
        self.order.insert(place, entry);
        // What lies in it need not wait any more; so ends rise as beginnings do.
        while let Some(slot) = self.order.get(place + 1).filter(|next| next.end <= end).map(|next| next.slot) {
            self.order.remove(place + 1);
            self.free.push(slot);
        }
        true
    }

    /// Takes out the packet with the lowest sequence; its bytes are lent until the next call.
    pub fn take_front(&mut self) -> Option<(Entry, HeldPacket<'_>)> {
        self.take_back();
        let entry = self.order.pop_front()?;
        self.lent = Some(entry.slot);
        let at = entry.slot as usize * self.packet_bytes;
        let bytes = &self.bytes[at..at + entry.len as usize];
        let Entry { ts_recv_ns, offset, is_recovered, .. } = entry;
        Some((entry, HeldPacket { bytes, ts_recv_ns, offset, is_recovered }))
    }

    /// Drops the packet with the lowest sequence.
    pub fn drop_front(&mut self) {
        if let Some(entry) = self.order.pop_front() {
            self.free.push(entry.slot);
        }
    }

    /// Drops all.
    pub fn clear(&mut self) {
        self.take_back();
        while !self.order.is_empty() {
            self.drop_front();
        }
    }

    fn take_back(&mut self) {
        self.free.extend(self.lent.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(held: &mut Held, first: u64, count: u32, bytes: &[u8]) -> bool {
        let frame = Frame { first_sequence: first, message_count: count, ..Frame::default() };
        held.keep(&frame, &HeldPacket { bytes, ts_recv_ns: first, offset: 0, is_recovered: false }, 0)
    }

    #[test]
    fn packets_come_out_by_sequence_whatever_order_they_came_in() {
        let mut held = Held::new(4, 8);
        for first in [30, 10, 40, 20] {
            assert!(keep(&mut held, first, 5, &[first as u8; 3]));
        }
        assert!(held.is_full() && !keep(&mut held, 50, 1, &[0]));
        assert_eq!(held.end(), 45);
        for first in [10, 20, 30, 40] {
            let (entry, packet) = held.take_front().unwrap();
            assert_eq!((entry.first, entry.end, packet.bytes), (first, first + 5, &[first as u8; 3][..]));
        }
        assert!(held.take_front().is_none());
        (0..4).for_each(|first| assert!(keep(&mut held, first, 1, &[1; 8])));
    }

    #[test]
    fn a_packet_too_large_for_a_slot_is_not_kept() {
        let mut held = Held::new(2, 8);
        assert!(!keep(&mut held, 1, 1, &[0; 9]));
        assert!(keep(&mut held, 1, 1, &[0; 8]));
    }

    #[test]
    fn what_lies_in_a_larger_packet_gives_its_room_back() {
        let mut held = Held::new(2, 8);
        keep(&mut held, 20, 1, &[0]);
        keep(&mut held, 10, 40, &[0]);
        assert_eq!((held.len(), held.end()), (1, 50));
        assert!(keep(&mut held, 60, 1, &[0]));
    }

    #[test]
    fn what_waits_already_is_covered() {
        let mut held = Held::new(4, 8);
        keep(&mut held, 10, 5, &[0]);
        assert!(held.covers(10, 15) && held.covers(12, 13));
        assert!(!held.covers(10, 16) && !held.covers(9, 12) && !held.covers(15, 16));
    }
}
