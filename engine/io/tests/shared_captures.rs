//! Real captures, held against what independent readers make of them. They lie beside the repository, not in it.

mod support;

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use pcap_parser::{Block, PcapBlockOwned};
use serde_json::Value;
use support::*;
use wirebook_io::{
    PacketSource, SourceError,
    capture::{CaptureSource, Format, sniff},
};

/// The folder of third-party data, or nothing, said aloud, where it is not there.
fn shared() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    if !path.is_dir() {
        eprintln!("SKIPPED: {} is not there, so that no real capture was read", path.display());
        return None;
    }
    Some(path)
}

fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_string_lossy().into_owned();
        match () {
            () if path.is_dir() => found.extend(captures(&path)),
            () if [".pcap", ".pcapng", ".pcap.gz"].iter().any(|end| name.ends_with(end)) => found.push(path),
            () => {}
        }
    }
    found.sort();
    found
}

/// Ports, payload and times of every UDP and TCP packet with payload, by other people's parsers.
fn by_others(bytes: &[u8]) -> Vec<(u64, u16, u16, Vec<u8>)> {
    let mut reader = pcap_parser::create_reader(1 << 20, bytes).unwrap();
    let mut packets = Vec::new();
    let mut frame = 0;
    loop {
        let size = match reader.next() {
            Ok((size, block)) => {
                let data = match &block {
                    PcapBlockOwned::Legacy(record) => Some(record.data),
                    PcapBlockOwned::NG(Block::EnhancedPacket(record)) => Some(record.data),
                    _ => None,
                };
                if let Some(data) = data {
                    packets.extend(by_etherparse(data).map(|(from, to, payload)| (frame, from, to, payload)));
                    frame += 1;
                }
                size
            }
            Err(pcap_parser::PcapError::Eof) => return packets,
            Err(pcap_parser::PcapError::Incomplete(_)) => {
                reader.refill().unwrap();
                continue;
            }
            Err(error) => panic!("{error:?}"),
        };
        reader.consume(size);
    }
}

fn by_etherparse(frame: &[u8]) -> Option<(u16, u16, Vec<u8>)> {
    let packet = SlicedPacket::from_ethernet(frame).unwrap();
    assert!(matches!(packet.net, Some(NetSlice::Ipv4(_))));
    match packet.transport? {
        TransportSlice::Udp(udp) => Some((udp.source_port(), udp.destination_port(), udp.payload().to_vec())),
        TransportSlice::Tcp(tcp) => Some((tcp.source_port(), tcp.destination_port(), tcp.payload().to_vec())),
        _ => None,
    }
}

#[test]
fn every_capture_gives_what_other_parsers_give() {
    let Some(shared) = shared() else { return };
    let (mut files, mut packets) = (0, 0);
    for path in captures(&shared) {
        let mut bytes = fs::read(&path).unwrap();
        if path.extension().unwrap() == "gz" {
            let mut plain = Vec::new();
            flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
            bytes = plain;
        }
        let mut expected = by_others(&bytes);
        let mut source = CaptureSource::open(&path).unwrap();
        let (got, error) = collect(&mut source);
        assert!(error.is_none(), "{}: {error:?}", path.display());
        let counters = source.counters();
        assert_adds_up(counters);
        assert_eq!(counters.frames, counters.datagrams + counters.segments, "{}", path.display());
        if counters.segments > 0 {
            // Segments without payload are no packet, and those that come twice come once.
            let mut seen = BTreeMap::new();
            expected.retain(|(frame, .., payload)| !payload.is_empty() && seen.insert(*frame, ()).is_none());
            let size: usize = expected.iter().map(|(.., payload)| payload.len()).sum();
            assert_eq!((counters.tcp_holes, counters.tcp_retransmissions), (0, 0), "{}", path.display());
            assert_eq!(counters.payload_bytes, size as u64, "{}", path.display());
        }
        let got: Vec<_> =
            got.into_iter().map(|got| (got.index, got.source.port(), got.destination.port(), got.payload)).collect();
        assert!(got == expected, "{}", path.display());
        files += 1;
        packets += got.len();
    }
    assert!(files >= 100, "{files} files");
    eprintln!("{files} captures with {packets} packets");
}

#[test]
fn every_sample_has_the_frames_and_ports_that_its_expected_file_says() {
    let Some(shared) = shared() else { return };
    let mut compared = 0;
    for path in captures(&shared.join("samples")) {
        let expected: Value = serde_json::from_slice(&fs::read(path.with_extension("expected.json")).unwrap()).unwrap();
        let mut source = CaptureSource::open(&path).unwrap();
        let (got, error) = collect(&mut source);
        assert!(error.is_none(), "{}: {error:?}", path.display());
        let packets = expected["packets"].as_array().or_else(|| expected["first_packets"].as_array()).unwrap();
        for packet in packets {
            let frame = packet["frame"].as_u64().unwrap();
            let got = got.iter().find(|got| got.index == frame).unwrap();
            // The files for SoupBinTCP hold its packets instead of the segment's size and ports.
            if let Some(size) = packet["payload_bytes"].as_u64() {
                assert_eq!(got.payload.len() as u64, size, "{} frame {frame}", path.display());
                assert_eq!(u64::from(got.source.port()), packet["src_port"], "{} frame {frame}", path.display());
                assert_eq!(u64::from(got.destination.port()), packet["dst_port"], "{} frame {frame}", path.display());
            } else {
                let size: u64 = packet["packets"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|each| each["packet_length"].as_u64().unwrap() + 2)
                    .sum();
                assert_eq!(got.payload.len() as u64, size, "{} frame {frame}", path.display());
            }
            compared += 1;
        }
        if expected["first_packets"].is_null() {
            assert_eq!(got.len(), packets.len(), "{}", path.display());
        }
    }
    assert!(compared >= 600, "{compared} packets");
}

#[test]
fn raw_recordings_are_told_from_their_bytes() {
    let Some(shared) = shared() else { return };
    let path = shared.join("captures/itch/bist-moldudp64_2014-09-17.bin");
    let mut source = CaptureSource::open(&path).unwrap();
    assert_eq!(source.format(), Format::MoldUdp64);
    let (got, error) = collect(&mut source);
    assert_eq!(got.iter().map(|got| got.payload.len()).collect::<Vec<_>>(), [894, 987, 894]);
    // The last packet announces five bytes more than the file has.
    assert_eq!(source.counters().cut, 1);
    assert!(matches!(error, Some(SourceError::Truncated { offset: 1881, needed: 899, left: 894, .. })), "{error:?}");

    let path = shared.join("captures/itch/nasdaq-totalview-5.0_2019-12-30_open.itch");
    let mut source = CaptureSource::open(&path).unwrap();
    assert_eq!(source.format(), Format::Length16);
    let (got, error) = collect(&mut source);
    assert!(error.is_none());
    assert_eq!(got.iter().flat_map(|got| got.payload.clone()).collect::<Vec<_>>(), fs::read(&path).unwrap());
    // Some kilobytes are enough.
    assert_eq!(sniff(&got[0].payload[..4096]), Some(Format::Length16));
}

#[test]
fn files_of_other_kinds_are_not_taken_for_captures() {
    let Some(shared) = shared() else { return };
    for name in ["captures/MANIFEST.yaml", "captures/books/xnas-arl-2025-07-17.mbo.csv", "samples/README.md"] {
        assert!(matches!(CaptureSource::open(shared.join(name)), Err(SourceError::UnknownFormat { .. })), "{name}");
    }
    let dbn = CaptureSource::open(shared.join("captures/books/glbx-esm4-2024-05-08.mbo.dbn.zst"));
    assert!(matches!(dbn, Err(SourceError::UnknownFormat { .. })), "{dbn:?}");
}
