//! What every live source does with a datagram: which flow it is of, whether it was asked for, what is counted.

use std::net::Ipv4Addr;

use super::{Join, LiveConfig, LiveCounters, StampKind, Trailer, stamp::Agreement};
use crate::{
    BurstWriter, Counters, FlowId, FlowTable, Packet,
    flow::{FlowKey, Protocol},
    ip::{self, Content},
    link::Link,
};

/// A receive time and who said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub ts_recv_ns: u64,
    pub kind: StampKind,
}

/// Flows, joins and counters of a live source.
#[derive(Debug)]
pub(super) struct Intake {
    pub flows: FlowTable,
    pub counters: Counters,
    pub live: LiveCounters,
    /// Who stamped the last packet.
    pub stamps: StampKind,
    /// Sorted by address and port.
    joins: Vec<Join>,
    trailer: Option<TrailerReader>,
}

/// Reads trailers as long as they agree with the clock.
#[derive(Debug)]
struct TrailerReader {
    trailer: Trailer,
    agreement: Agreement,
}

impl Intake {
    /// `stamps`: who is to stamp packets that say nothing themselves.
    pub fn new(config: &LiveConfig, stamps: StampKind) -> Self {
        let mut joins = config.joins.clone();
        joins.sort_by_key(|join| (join.address, join.port));
        Self {
            flows: FlowTable::with_limit(config.flow_limit),
            counters: Counters::default(),
            live: LiveCounters::default(),
            stamps,
            joins,
            trailer: config.trailer.map(|trailer| TrailerReader { trailer, agreement: Agreement::default() }),
        }
    }

    /// What was counted besides [`Counters`].
    pub fn live_counters(&self) -> LiveCounters {
        let trailer_refused = self.trailer.as_ref().is_some_and(|reader| reader.agreement.is_refused());
        LiveCounters { clock_refused: self.live.clock_refused || trailer_refused, ..self.live }
    }

    /// Takes a datagram of which the source knows the flow.
    #[inline]
    pub fn datagram<'a>(
        &mut self,
        writer: &mut BurstWriter<'a>,
        key: &FlowKey,
        payload: &'a [u8],
        stamp: Stamp,
        cut: bool,
    ) {
        self.counters.frames += 1;
        self.counters.bytes += payload.len() as u64;
        self.deliver(writer, key, payload, stamp, cut);
    }

    /// Takes an Ethernet frame.
    #[inline]
    pub fn frame<'a>(&mut self, writer: &mut BurstWriter<'a>, frame: &'a [u8], stamp: Stamp) {
        self.counters.frames += 1;
        self.counters.bytes += frame.len() as u64;
        match ip::content(Link::Ethernet, frame, false) {
            Content::Datagram { key, payload, cut } => {
                let behind = self.trailer.is_some().then(|| behind(frame, payload));
                let stamp = match (&mut self.trailer, behind) {
                    (Some(reader), Some(behind)) => reader.stamp(behind, stamp, &mut self.live),
                    _ => stamp,
                };
                self.deliver(writer, &key, payload, stamp, cut);
            }
            other => self.leave(&other),
        }
    }

    #[inline]
    fn deliver<'a>(&mut self, writer: &mut BurstWriter<'a>, key: &FlowKey, payload: &'a [u8], stamp: Stamp, cut: bool) {
        let Some(flow) = self.flows.known(key).or_else(|| self.admit(key)) else { return };
        let Counters { datagrams, payload_bytes, cut: cuts, frames, .. } = &mut self.counters;
        let (index, offset) = (*frames - 1, *payload_bytes);
        *datagrams += 1;
        *payload_bytes += payload.len() as u64;
        *cuts += u64::from(cut);
        self.live.stamps.count(stamp.kind);
        self.stamps = stamp.kind;
        let ts_recv_ns = stamp.ts_recv_ns;
        writer.push(Packet { ts_recv_ns, index, offset, cut, ..Packet::datagram(payload, flow) });
    }

    /// A flow that was not seen before, if it was asked for and there is room for it.
    #[cold]
    fn admit(&mut self, key: &FlowKey) -> Option<FlowId> {
        if !self.is_joined(key) {
            self.counters.not_joined += 1;
            return None;
        }
        let flow = self.flows.id(key);
        self.counters.flows_refused += u64::from(flow.is_none());
        flow
    }

    fn is_joined(&self, key: &FlowKey) -> bool {
        let address = |mapped: u128| Ipv4Addr::from(mapped as u32);
        // The upper 96 bits say that it is an IPv4 address.
        if key.protocol != Protocol::Udp || key.destination >> 32 != 0xffff {
            return false;
        }
        let wanted = (address(key.destination), key.ports as u16);
        let at = self.joins.binary_search_by_key(&wanted, |join| (join.address, join.port));
        at.is_ok_and(|at| {
            let senders = &self.joins[at].senders;
            senders.is_empty() || senders.contains(&address(key.source))
        })
    }

    /// Counts a frame that is not delivered.
    #[cold]
    fn leave(&mut self, content: &Content<'_>) {
        let counters = &mut self.counters;
        *match content {
            Content::Fragment => &mut counters.fragments,
            Content::NotIp => &mut counters.not_ip,
            Content::NotUdpOrTcp => &mut counters.not_udp_or_tcp,
            Content::Segment { .. } => &mut counters.segments,
            Content::CutHeader => &mut counters.cut_headers,
            Content::Datagram { .. } | Content::Malformed => &mut counters.malformed,
        } += 1;
    }
}

/// What stands in a frame behind its datagram.
fn behind<'a>(frame: &'a [u8], payload: &[u8]) -> &'a [u8] {
    let end = payload.as_ptr().addr() + payload.len() - frame.as_ptr().addr();
    &frame[end..]
}

impl TrailerReader {
    /// The trailer's time where there is one that can be; else the source's own.
    fn stamp(&mut self, behind: &[u8], own: Stamp, live: &mut LiveCounters) -> Stamp {
        let time = self.trailer.time(behind, own.ts_recv_ns);
        match time {
            Some(ts_recv_ns) if self.agreement.check(ts_recv_ns, own.ts_recv_ns) => {
                Stamp { ts_recv_ns, kind: StampKind::Trailer }
            }
            _ => {
                live.trailers_refused += 1;
                own
            }
        }
    }
}

/// Key of a flow over IPv4.
#[inline]
pub(super) fn key(source: u32, source_port: u16, destination: u32, port: u16) -> FlowKey {
    FlowKey {
        source: FlowKey::mapped(source),
        destination: FlowKey::mapped(destination),
        ports: u32::from(source_port) << 16 | u32::from(port),
        protocol: Protocol::Udp,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Burst, capture::PcapWriter, live::SourceKind};

    const OWN: Stamp = Stamp { ts_recv_ns: 1_752_724_800_000_000_000, kind: StampKind::Software };

    fn intake(joins: &[&str]) -> Intake {
        let joins = joins.iter().map(|join| join.parse().unwrap()).collect();
        Intake::new(&LiveConfig { joins, flow_limit: 2, ..LiveConfig::new(SourceKind::Socket) }, StampKind::Software)
    }

    /// The frame of a datagram, without check sequence.
    fn frame(from: &str, to: &str, payload: &[u8]) -> Vec<u8> {
        let mut writer = PcapWriter::new(Vec::new()).unwrap();
        writer.write_udp(OWN.ts_recv_ns, from.parse().unwrap(), to.parse().unwrap(), payload).unwrap();
        writer.finish().unwrap().split_off(24 + 16)
    }

    fn take(intake: &mut Intake, frames: &[Vec<u8>]) -> Vec<(u32, Vec<u8>, u64)> {
        let mut burst = Burst::default();
        let mut writer = burst.writer();
        frames.iter().for_each(|frame| intake.frame(&mut writer, frame, OWN));
        writer.finish().iter().map(|packet| (packet.flow.0, packet.payload.to_vec(), packet.ts_recv_ns)).collect()
    }

    fn left_out(counters: &Counters) -> u64 {
        let Counters { not_joined, flows_refused, fragments, not_ip, not_udp_or_tcp, segments, malformed, .. } =
            counters;
        not_joined + flows_refused + fragments + not_ip + not_udp_or_tcp + segments + malformed + counters.cut_headers
    }

    #[test]
    fn only_what_was_joined_is_delivered_and_flows_have_a_limit() {
        let mut intake = intake(&["239.1.1.1:5000", "239.1.1.2:5000@10.0.0.1"]);
        let frames = [
            ("10.0.0.9:1", "239.1.1.1:5000"),
            ("10.0.0.9:1", "239.1.1.1:5001"),
            ("10.0.0.9:1", "239.1.1.3:5000"),
            ("10.0.0.9:1", "239.1.1.2:5000"),
            ("10.0.0.1:1", "239.1.1.2:5000"),
            ("10.0.0.1:2", "239.1.1.2:5000"),
            ("10.0.0.9:1", "239.1.1.1:5000"),
        ];
        let taken = take(&mut intake, &frames.map(|(from, to)| frame(from, to, b"hello")));
        assert_eq!(taken.iter().map(|(flow, ..)| *flow).collect::<Vec<_>>(), [0, 1, 0]);
        let counters = &intake.counters;
        assert_eq!((counters.frames, counters.datagrams), (7, 3));
        assert_eq!((counters.not_joined, counters.flows_refused), (3, 1));
    }

    #[test]
    fn a_trailer_that_agrees_with_the_clock_stamps_its_packet() {
        let mut intake = intake(&["239.1.1.1:5000"]);
        let reader = |trailer| Some(TrailerReader { trailer, agreement: Agreement::default() });
        let sent = |seconds: u32| {
            let mut bytes = frame("10.0.0.9:1", "239.1.1.1:5000", b"hello");
            bytes.extend([0xab; 4]);
            bytes.extend(seconds.to_be_bytes());
            bytes.extend(500_000_000_u32.to_be_bytes());
            bytes.extend([1, 0, 0, 7]);
            bytes
        };
        intake.trailer = reader(Trailer::Metamako);
        let time = |taken: Vec<(u32, Vec<u8>, u64)>| (taken[0].1.clone(), taken[0].2);
        let expected = (b"hello".to_vec(), OWN.ts_recv_ns + 500_000_000);
        assert_eq!(time(take(&mut intake, &[sent(1_752_724_800)])), expected);
        assert_eq!((intake.stamps, intake.live_counters().clock_refused), (StampKind::Trailer, false));

        // 37 seconds ahead: the source's own time, and for good.
        for seconds in [1_752_724_837, 1_752_724_800] {
            assert_eq!(time(take(&mut intake, &[sent(seconds)])).1, OWN.ts_recv_ns);
        }
        let live = intake.live_counters();
        assert_eq!((intake.stamps, live.trailers_refused, live.clock_refused), (StampKind::Software, 2, true));

        intake.trailer = reader(Trailer::Metamako);
        take(&mut intake, &[frame("10.0.0.9:1", "239.1.1.1:5000", b"hello")]);
        assert_eq!(intake.live_counters().trailers_refused, 3, "a frame without one");
    }

    proptest! {
        #[test]
        fn damaged_frames_are_counted_once_and_never_panic(
            cut in 0_usize..80, at in 0_usize..60, value: u8, more in proptest::collection::vec(any::<u8>(), 0..40)
        ) {
            let mut intake = intake(&["239.1.1.1:5000"]);
            intake.trailer = Some(TrailerReader { trailer: Trailer::Exablaze, agreement: Agreement::default() });
            let mut bytes = frame("10.0.0.9:1", "239.1.1.1:5000", b"a payload of some bytes");
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            bytes.truncate(cut);
            bytes.extend(&more);
            let taken = take(&mut intake, &[bytes]);
            let counters = &intake.counters;
            prop_assert_eq!(counters.datagrams, taken.len() as u64);
            prop_assert_eq!(counters.frames, counters.datagrams + left_out(counters));
        }
    }
}
