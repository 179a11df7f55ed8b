//! Flows: who sends to whom. A source names each by a small dense number.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

/// Index of a flow in its source's [`FlowTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowId(pub u32);

/// What carries a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Datagrams.
    Udp,
    /// One direction of a TCP connection.
    Tcp,
    /// A file that holds the bytes without any network around them; its addresses are unspecified.
    File,
}

/// Sender and receiver of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// What carries it.
    pub protocol: Protocol,
    /// Who sends.
    pub source: SocketAddr,
    /// Who receives: for a feed the multicast group.
    pub destination: SocketAddr,
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            Protocol::Udp => write!(f, "udp {} -> {}", self.source, self.destination),
            Protocol::Tcp => write!(f, "tcp {} -> {}", self.source, self.destination),
            Protocol::File => write!(f, "file"),
        }
    }
}

/// A flow as its packets' headers have it, made to be compared fast. IPv4 addresses are in the IPv6-mapped form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlowKey {
    pub source: u128,
    pub destination: u128,
    /// Source port in the upper half.
    pub ports: u32,
    pub protocol: Protocol,
}

impl FlowKey {
    /// Of a file without a network.
    pub const FILE: Self = Self { source: 0, destination: 0, ports: 0, protocol: Protocol::File };

    /// The IPv6-mapped form of an IPv4 address.
    #[inline]
    pub fn mapped(address: u32) -> u128 {
        0xffff_0000_0000 | u128::from(address)
    }

    #[inline]
    fn hash(&self) -> u64 {
        const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
        let address = |value: u128| (value as u64) ^ ((value >> 64) as u64).rotate_left(32);
        let mut hash = address(self.source).wrapping_mul(MIX).rotate_left(29) ^ address(self.destination);
        hash = hash.wrapping_mul(MIX).rotate_left(29) ^ u64::from(self.ports) ^ ((self.protocol as u64) << 32);
        let hash = hash.wrapping_mul(MIX);
        hash ^ (hash >> 32)
    }

    fn flow(&self) -> Flow {
        let address =
            |value: u128| Ipv6Addr::from(value).to_ipv4_mapped().map_or(IpAddr::from(value.to_be_bytes()), IpAddr::V4);
        Flow {
            protocol: self.protocol,
            source: SocketAddr::new(address(self.source), (self.ports >> 16) as u16),
            destination: SocketAddr::new(address(self.destination), self.ports as u16),
        }
    }
}

/// The flows of a source in the order in which they appeared.
#[derive(Debug)]
pub struct FlowTable {
    flows: Vec<Flow>,
    keys: Vec<FlowKey>,
    /// Open addressing: index of a flow plus one, 0 for a free slot. A power of two, at most half of it taken.
    slots: Vec<u32>,
    last: u32,
    limit: usize,
}

impl FlowTable {
    /// The most flows that a table takes: a bound on the memory that a hostile capture can ask for.
    pub const LIMIT: usize = 1 << 20;

    pub(crate) fn new() -> Self {
        Self { flows: Vec::new(), keys: Vec::new(), slots: vec![0; 64], last: 0, limit: Self::LIMIT }
    }

    /// A table that takes `limit` flows at most, and has its memory for all of them from the start.
    pub(crate) fn with_limit(limit: usize) -> Self {
        let slots = vec![0; (limit * 2).next_power_of_two().max(64)];
        Self { flows: Vec::with_capacity(limit), keys: Vec::with_capacity(limit), slots, last: 0, limit }
    }

    /// The flow with this id.
    pub fn get(&self, id: FlowId) -> Option<&Flow> {
        self.flows.get(id.0 as usize)
    }

    /// How the packets of a flow name it.
    pub(crate) fn key(&self, id: FlowId) -> Option<FlowKey> {
        self.keys.get(id.0 as usize).copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// Whether there is none yet.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// Every flow with its id.
    pub fn iter(&self) -> impl Iterator<Item = (FlowId, &Flow)> {
        self.flows.iter().enumerate().map(|(index, flow)| (FlowId(index as u32), flow))
    }

    /// Id of the flow, a new one where it was not seen before; `None` where the table is full.
    #[inline]
    pub(crate) fn id(&mut self, key: &FlowKey) -> Option<FlowId> {
        // Feeds come in runs: most packets are of the flow of the packet before.
        if self.keys.get(self.last as usize) == Some(key) {
            return Some(FlowId(self.last));
        }
        match self.look_up(key) {
            Ok(id) => Some(id),
            Err(at) => self.add(key, at),
        }
    }

    /// Id of the flow, if it was seen before.
    #[inline]
    pub(crate) fn known(&mut self, key: &FlowKey) -> Option<FlowId> {
        if self.keys.get(self.last as usize) == Some(key) {
            return Some(FlowId(self.last));
        }
        self.look_up(key).ok()
    }

    /// The flow, or the slot that is free for it.
    fn look_up(&mut self, key: &FlowKey) -> Result<FlowId, usize> {
        let mask = self.slots.len() - 1;
        let mut at = key.hash() as usize & mask;
        while let Some(index) = self.slots[at].checked_sub(1) {
            if self.keys[index as usize] == *key {
                self.last = index;
                return Ok(FlowId(index));
            }
            at = (at + 1) & mask;
        }
        Err(at)
    }

    #[cold]
    fn add(&mut self, key: &FlowKey, at: usize) -> Option<FlowId> {
        if self.flows.len() == self.limit {
            return None;
        }
        let index = self.flows.len() as u32;
        self.flows.push(key.flow());
        self.keys.push(*key);
        self.slots[at] = index + 1;
        self.last = index;
        if self.keys.len() * 2 > self.slots.len() {
            self.grow();
        }
        Some(FlowId(index))
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 2 - 1;
        self.slots.clear();
        self.slots.resize(mask + 1, 0);
        for (index, key) in self.keys.iter().enumerate() {
            let mut at = key.hash() as usize & mask;
            while self.slots[at] != 0 {
                at = (at + 1) & mask;
            }
            self.slots[at] = index as u32 + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> FlowKey {
        FlowKey {
            source: FlowKey::mapped(0x0a00_0000 + number),
            destination: FlowKey::mapped(0xe936_0c6f),
            ports: (number << 16) | 26477,
            protocol: Protocol::Udp,
        }
    }

    #[test]
    fn a_flow_keeps_its_id_while_the_table_grows() {
        let mut table = FlowTable::new();
        for _ in 0..2 {
            for number in 0..10_000 {
                assert_eq!(table.id(&key(number)), Some(FlowId(number)));
            }
        }
        assert_eq!(table.len(), 10_000);
        assert_eq!(table.get(FlowId(258)).unwrap().to_string(), "udp 10.0.1.2:258 -> 233.54.12.111:26477");
    }

    #[test]
    fn a_full_table_takes_no_new_flow_and_still_finds_the_old() {
        let mut table = FlowTable::new();
        for number in 0..FlowTable::LIMIT as u32 {
            table.id(&key(number));
        }
        assert_eq!(table.id(&key(FlowTable::LIMIT as u32)), None);
        assert_eq!(table.id(&key(77)), Some(FlowId(77)));
    }

    #[test]
    fn protocols_and_address_families_make_different_flows() {
        let mut table = FlowTable::new();
        let tcp = FlowKey { protocol: Protocol::Tcp, ..key(1) };
        let six = FlowKey { source: 1 << 64, ..key(1) };
        let ids = [key(1), tcp, six].map(|key| table.id(&key).unwrap().0);
        assert_eq!(ids, [0, 1, 2]);
        assert_eq!(table.get(FlowId(2)).unwrap().source.to_string(), "[0:0:0:1::]:1");
    }
}
