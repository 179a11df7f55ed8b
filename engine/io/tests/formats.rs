//! Every form of a capture file delivers the packets that were written.

mod support;

use std::net::SocketAddrV4;

use proptest::prelude::*;
use support::*;
use wirebook_io::capture::PcapWriter;

const ORDERS: [Bytes; 2] = [Bytes(false), Bytes(true)];

fn two_records() -> [Record; 2] {
    [Record::new(1_577_716_200, 230_000, udp(b"first")), Record::new(1_577_716_201, 999_999_000, udp(b"the second"))]
}

#[test]
fn pcap_of_either_byte_order_and_resolution_gives_payloads_and_times() {
    for order in ORDERS {
        for nanos in [false, true] {
            let mut records = two_records();
            records[1].nanos += if nanos { 999 } else { 0 };
            let (got, counters) = read(pcap(order, nanos, 1, &records));
            assert_eq!(payloads(&got), [&b"first"[..], b"the second"]);
            assert_eq!(got.iter().map(|got| got.index).collect::<Vec<_>>(), [0, 1]);
            for (got, record) in got.iter().zip(&records) {
                assert_eq!(got.ts_recv_ns, record.unix_ns());
            }
            assert_eq!(got[0].source.to_string(), "10.0.0.1:31000");
            assert_eq!(got[0].destination.to_string(), "233.54.12.111:26477");
            assert_eq!(got[0].offset, 24 + 16 + 42);
            assert_eq!((counters.frames, counters.datagrams, counters.payload_bytes), (2, 2, 15));
        }
    }
}

#[test]
fn pcapng_of_either_byte_order_and_any_packet_block_gives_the_same() {
    for order in ORDERS {
        let [first, second] = two_records();
        let mut simple = order.u32(second.frame.len() as u32).to_vec();
        simple.extend(&second.frame);
        let mut old = [&order.u16(1)[..], &order.u16(0)].concat();
        for value in [0, 5, second.frame.len() as u32, second.frame.len() as u32] {
            old.extend(order.u32(value));
        }
        old.extend(&second.frame);
        let file = [
            section(order),
            interface(order, 1, 0, &resolution(order, 9)),
            interface(order, 1, 0, &[]),
            block(order, 5, b"statistics, not read"),
            enhanced(order, 0, first.unix_ns(), &first),
            enhanced(order, 1, second.unix_ns() / 1000, &second),
            block(order, 3, &simple),
            block(order, 2, &old),
        ];
        let (got, counters) = read(file.concat());
        assert_eq!(payloads(&got), [&b"first"[..], b"the second", b"the second", b"the second"]);
        let times: Vec<u64> = got.iter().map(|got| got.ts_recv_ns).collect();
        assert_eq!(times, [first.unix_ns(), second.unix_ns(), 0, 5_000]);
        assert_eq!(counters.datagrams, 4);
    }
}

#[test]
fn sections_have_their_own_byte_order_interfaces_and_links() {
    let [first, second] = two_records();
    let raw = Record { frame: second.frame[14..].to_vec(), ..second.clone() };
    let file = [
        section(ORDERS[0]),
        interface(ORDERS[0], 1, 0, &resolution(ORDERS[0], 9)),
        enhanced(ORDERS[0], 0, first.unix_ns(), &first),
        section(ORDERS[1]),
        interface(ORDERS[1], 101, 0, &resolution(ORDERS[1], 9)),
        interface(ORDERS[1], 147, 0, &[]),
        enhanced(ORDERS[1], 0, second.unix_ns(), &raw),
        enhanced(ORDERS[1], 1, 0, &second),
    ];
    let (got, counters) = read(file.concat());
    assert_eq!(payloads(&got), [&b"first"[..], b"the second"]);
    assert_eq!(got[1].ts_recv_ns, second.unix_ns());
    assert_eq!(counters.unknown_link, 1);
}

#[test]
fn an_interface_that_adds_seconds_and_keeps_the_front_is_understood() {
    let order = ORDERS[1];
    let mut options = resolution(order, 9);
    options.extend([&order.u16(14)[..], &order.u16(8), &1_577_716_200_i64.to_be_bytes()].concat());
    let whole = udp(&[7; 100]);
    let mut simple = order.u32(whole.len() as u32).to_vec();
    simple.extend(&whole[..60]);
    let file = [
        section(order),
        interface(order, 1, 60, &options),
        enhanced(order, 0, 17, &two_records()[0]),
        block(order, 3, &simple),
    ];
    let (got, counters) = read(file.concat());
    assert_eq!(got[0].ts_recv_ns, 1_577_716_200_000_000_017);
    assert_eq!((got[1].payload.len(), got[1].cut), (60 - 42, true));
    assert_eq!(counters.cut, 1);
}

/// Wraps the IP packet of [`udp`] into other links.
fn linked(link: u32, ip: &[u8]) -> Vec<u8> {
    let head: &[u8] = match link {
        0 => &[2, 0, 0, 0],
        108 => &[0, 0, 0, 2],
        101 | 228 => &[],
        113 => &[0, 0, 0, 1, 0, 6, 1, 1, 1, 1, 1, 1, 0, 0, 8, 0],
        276 => &[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 1, 1, 1, 1, 1, 1, 0, 0],
        _ => &[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 8, 0],
    };
    [head, ip].concat()
}

#[test]
fn every_link_type_and_vlan_tags_lead_to_the_payload() {
    let ip = &udp(b"payload")[14..];
    for link in [0, 1, 101, 108, 113, 228, 276] {
        let (got, _) = read(pcap(ORDERS[0], true, link, &[Record::new(1, 2, linked(link, ip))]));
        assert_eq!(payloads(&got), [b"payload"], "link type {link}");
    }
    for tags in [&[0x81, 0, 0, 9, 8, 0][..], &[0x88, 0xa8, 0, 9, 0x81, 0, 0, 3, 8, 0], &[0x91, 0, 0, 9, 8, 0]] {
        let frame = [&[0; 12][..], tags, ip].concat();
        let (got, _) = read(pcap(ORDERS[0], true, 1, &[Record::new(1, 2, frame)]));
        assert_eq!(payloads(&got), [b"payload"], "tags {tags:?}");
    }
}

#[test]
fn ipv6_with_extension_headers_leads_to_the_payload() {
    let datagram = [&[0x79, 0x18, 0x67, 0x6d, 0, 15, 0, 0][..], b"payload"].concat();
    let hop_by_hop = [60, 0, 1, 4, 0, 0, 0, 0];
    let destination = [44, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let atomic = [17, 0, 0, 0, 0, 0, 0, 9];
    let body = [&hop_by_hop[..], &destination, &atomic, &datagram].concat();
    let packet = |body: &[u8]| {
        let mut ip = vec![0x60, 0, 0, 0, 0, body.len() as u8, 0, 64];
        ip.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        ip.extend([0xff, 0x0e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
        Record::new(0, 0, [&ip[..], body].concat())
    };
    let mut fragment = body.clone();
    fragment[27] = 1;
    let (got, counters) = read(pcap(ORDERS[0], true, 101, &[packet(&body), packet(&fragment)]));
    assert_eq!(payloads(&got), [b"payload"]);
    assert_eq!(got[0].source.to_string(), "[2001:db8::1]:31000");
    assert_eq!(got[0].destination.to_string(), "[ff0e::9]:26477");
    assert_eq!(counters.fragments, 1);
}

#[test]
fn options_and_padding_are_no_payload() {
    let mut frame = udp(b"payload");
    frame.splice(34..34, [1; 8]);
    frame[14] = 0x47;
    frame[17] += 8;
    frame.extend([0xaa; 30]);
    let (got, _) = read(pcap(ORDERS[0], true, 1, &[Record::new(1, 2, frame)]));
    assert_eq!(payloads(&got), [b"payload"]);
}

#[test]
fn what_is_not_a_whole_datagram_is_counted_by_its_kind() {
    let record = |frame: Vec<u8>| Record::new(0, 0, frame);
    let edited = |edits: &[(usize, u8)]| {
        let mut frame = udp(b"payload");
        edits.iter().for_each(|(at, value)| frame[*at] = *value);
        record(frame)
    };
    let records = [
        edited(&[(20, 0x20)]),             // more fragments follow
        edited(&[(20, 0x00), (21, 0x03)]), // a later fragment
        edited(&[(12, 0x08), (13, 0x06)]), // ARP
        edited(&[(23, 1)]),                // ICMP
        edited(&[(17, 200)]),              // longer than the frame
        edited(&[(14, 0x43)]),             // header shorter than one
        edited(&[(39, 3)]),                // UDP shorter than its header
        edited(&[(39, 200)]),              // UDP longer than IP
        record(udp(b"payload")[..30].to_vec()),
        record(udp(b"payload")).cut(30),
        record(udp(b"payload")).cut(45),
        record([udp(b"payload"), vec![0; 9]].concat()).cut(49),
        record(udp(b"payload")),
    ];
    let (got, counters) = read(pcap(ORDERS[0], true, 1, &records));
    assert_eq!(payloads(&got), [&b"pay"[..], b"payload", b"payload"]);
    assert_eq!(got.iter().map(|got| got.cut).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(got.iter().map(|got| got.index).collect::<Vec<_>>(), [10, 11, 12]);
    assert_eq!((counters.fragments, counters.not_ip, counters.not_udp_or_tcp), (2, 1, 1));
    assert_eq!((counters.malformed, counters.cut, counters.cut_headers), (5, 3, 1));
}

#[test]
fn the_writers_ipv4_checksum_is_right_and_multicast_gets_its_ethernet_address() {
    let (from, to): (SocketAddrV4, SocketAddrV4) = ("192.0.2.1:5".parse().unwrap(), "239.200.3.4:6".parse().unwrap());
    let mut writer = PcapWriter::new(Vec::new()).unwrap();
    writer.write_udp(1, from, to, b"payload").unwrap();
    let file = writer.finish().unwrap();
    let packet = etherparse::SlicedPacket::from_ethernet(&file[40..]).unwrap();
    let etherparse::NetSlice::Ipv4(ip) = packet.net.unwrap() else { panic!("IPv4 was written") };
    let header = ip.header().to_header();
    assert_eq!(header.header_checksum, header.calc_header_checksum());
    assert_eq!(file[40..46], [1, 0, 0x5e, 72, 3, 4]);
}

#[test]
fn the_writer_refuses_what_the_format_cannot_hold() {
    let address: SocketAddrV4 = "192.0.2.1:5".parse().unwrap();
    let mut writer = PcapWriter::new(Vec::new()).unwrap();
    assert!(writer.write_udp(1, address, address, &[0; PcapWriter::<Vec<u8>>::PAYLOAD_LIMIT]).is_ok());
    assert!(writer.write_udp(1, address, address, &[0; PcapWriter::<Vec<u8>>::PAYLOAD_LIMIT + 1]).is_err());
    assert!(writer.write_udp(u64::MAX, address, address, &[]).is_err());
}

proptest! {
    #[test]
    fn what_the_writer_writes_is_read_back(
        packets in prop::collection::vec(
            (0..4_000_000_000_000_000_000_u64, any::<[u8; 4]>(), any::<(u16, u16)>(), prop::collection::vec(any::<u8>(), 0..200)),
            0..40,
        ),
        capacity in 1_usize..9,
    ) {
        let mut writer = PcapWriter::new(Vec::new()).unwrap();
        for (time, address, (from, to), payload) in &packets {
            let source = SocketAddrV4::new((*address).into(), *from);
            writer.write_udp(*time, source, SocketAddrV4::new([239, 1, 1, 1].into(), *to), payload).unwrap();
        }
        let mut source = wirebook_io::capture::CaptureSource::from_memory(writer.finish().unwrap()).unwrap();
        let (got, error) = collect_with(&mut source, capacity, |_| 0);
        prop_assert!(error.is_none());
        prop_assert_eq!(got.len(), packets.len());
        for (index, (got, (time, address, ports, payload))) in got.iter().zip(&packets).enumerate() {
            prop_assert_eq!(&got.payload, payload);
            prop_assert_eq!((got.ts_recv_ns, got.index), (*time, index as u64));
            prop_assert_eq!(got.source, (*address, ports.0).into());
            prop_assert_eq!(got.destination, ([239, 1, 1, 1], ports.1).into());
        }
    }
}
