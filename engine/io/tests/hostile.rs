//! Cut and damaged captures: what comes before is delivered, then an error with a place; nothing panics.

mod support;

use support::*;
use wirebook_io::{
    PacketKind, PacketSource, SourceError,
    capture::{CaptureSource, Format, PcapWriter},
};

/// Captures of every format, small enough to try each of their bytes.
fn captures() -> Vec<(Format, Vec<u8>)> {
    let order = Bytes(false);
    let records: Vec<_> = (0..4).map(|index| Record::new(index, 5, udp(&[b'a' + index as u8; 9]))).collect();
    let mut blocks = [section(order), interface(order, 1, 0, &resolution(order, 9))].concat();
    records.iter().for_each(|record| blocks.extend(enhanced(order, 0, record.unix_ns(), record)));
    let mut tcp = Vec::new();
    for (sequence, payload) in [(1, "abcd"), (9, "ijkl"), (5, "efgh"), (20, "uvwx")] {
        let mut frame = Vec::new();
        let builder = etherparse::PacketBuilder::ethernet2([2; 6], [1; 6]).ipv4([10, 0, 0, 1], [10, 0, 0, 2], 9);
        builder.tcp(9000, 40_000, sequence, 1000).write(&mut frame, payload.as_bytes()).unwrap();
        tcp.push(Record::new(1, 2, frame));
    }
    let mold =
        [&b"SESSION   \0\0\0\0\0\0\0\x01\0\x02\0\x03abc\0\x01d"[..], b"SESSION   \0\0\0\0\0\0\0\x03\0\x01\0\x02ef"]
            .concat();
    let messages = [&b"\0\x03abc\0\x04defg"[..]; 6].concat();
    vec![
        (Format::Pcap, pcap(order, true, 1, &records)),
        (Format::Pcap, pcap(Bytes(true), false, 1, &tcp)),
        (Format::PcapNg, blocks),
        (Format::MoldUdp64, mold),
        (Format::Length16, messages),
    ]
}

fn open_and_read(format: Format, bytes: Vec<u8>) -> (Vec<Got>, Option<SourceError>) {
    match CaptureSource::from_memory_as(bytes, format) {
        Ok(mut source) => {
            let read = collect_with(&mut source, 3, |bytes| match format {
                Format::Length16 => whole_messages(bytes),
                _ => bytes.len(),
            });
            assert_adds_up_unless_raw(format, &source);
            read
        }
        Err(error) => (Vec::new(), Some(error)),
    }
}

fn assert_adds_up_unless_raw(format: Format, source: &CaptureSource) {
    if format != Format::Length16 {
        assert_adds_up(source.counters());
    }
}

#[test]
fn every_truncation_delivers_the_packets_before_and_an_error_unless_between_records() {
    for (format, whole) in captures() {
        let (all, error) = open_and_read(format, whole.clone());
        assert!(error.is_none(), "{format}: {error:?}");
        // What the bytes of the capture's stream are, by their place in it.
        let stream: &[u8] = if format == Format::Length16 { &whole } else { b"abcdefghijkl-------uvwx" };
        let mut clean_ends = 0;
        for size in 0..whole.len() {
            let (got, error) = open_and_read(format, whole[..size].to_vec());
            if all[0].kind == PacketKind::Stream {
                for got in &got {
                    assert_eq!(
                        got.payload,
                        stream[got.offset as usize..][..got.payload.len()],
                        "{format} cut to {size}"
                    );
                }
            } else {
                // Only of a raw packet its front may be delivered, and is marked so.
                let whole_ones = got.len() - usize::from(got.last().is_some_and(|last| last.cut));
                assert_eq!(got[..whole_ones], all[..whole_ones], "{format} cut to {size}");
                if let Some(cut) = got.get(whole_ones) {
                    assert_eq!((format, cut.index), (Format::MoldUdp64, all[whole_ones].index));
                    assert!(all[whole_ones].payload.starts_with(&cut.payload) && error.is_some());
                }
            }
            match error {
                None => clean_ends += 1,
                Some(SourceError::Truncated { offset, needed, left, .. }) => {
                    assert!(
                        offset + left == size as u64 && needed > left,
                        "{format} cut to {size}: {offset} {needed} {left}"
                    );
                }
                Some(SourceError::Empty) => assert_eq!(size, 0),
                Some(error) => panic!("{format} cut to {size}: {error}"),
            }
        }
        let records = if format == Format::Length16 {
            12
        } else if format == Format::MoldUdp64 {
            2
        } else {
            4
        };
        // After the header, after each record but the last; a pcapng has two records more.
        let expected = match format {
            Format::Pcap => records,
            Format::PcapNg => records + 1,
            _ => records - 1,
        };
        assert_eq!(clean_ends, expected, "{format}");
    }
}

#[test]
fn every_damaged_byte_is_survived() {
    for (format, whole) in captures() {
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff, whole[at] ^ 1, whole[at] ^ 0x40, whole[at].wrapping_add(1)] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let (got, error) = open_and_read(format, bytes.clone());
                if let Some(error) = error {
                    assert!(error.to_string().starts_with("byte "), "{format} byte {at}: {error}");
                }
                let most = got.iter().map(|got| got.payload.len()).sum::<usize>();
                // Nothing is delivered that the file does not hold; views of a raw stream may overlap.
                assert!(format == Format::Length16 || most <= whole.len(), "{format} byte {at}");
                // Without a format named it is told or refused, and read as whatever it is then.
                if let Ok(mut source) = CaptureSource::from_memory(bytes) {
                    collect(&mut source);
                }
            }
        }
    }
}

#[test]
fn damage_behind_a_packet_does_not_take_it_back() {
    let (_, whole) = captures().swap_remove(0);
    let record = 16 + 42 + 9;
    let mut bytes = whole.clone();
    bytes[24 + 2 * record + 11] = 0x7f;
    let (got, error) = open_and_read(Format::Pcap, bytes);
    assert_eq!(got.len(), 2);
    let error = error.unwrap();
    assert!(matches!(error, SourceError::Corrupt { offset, .. } if offset == 24 + 2 * record as u64 + 8), "{error}");
    assert!(error.to_string().contains("at most 262144"), "{error}");
}

#[test]
fn a_block_whose_lengths_differ_is_an_error_at_the_second() {
    let (_, mut bytes) = captures().swap_remove(2);
    let at = bytes.len() - 4;
    bytes[at] ^= 4;
    let (got, error) = open_and_read(Format::PcapNg, bytes);
    assert_eq!(got.len(), 3);
    assert!(matches!(error, Some(SourceError::Corrupt { offset, .. }) if offset == at as u64), "{error:?}");
}

#[test]
fn an_error_comes_once_and_then_the_end() {
    let (format, mut bytes) = captures().swap_remove(0);
    bytes.truncate(bytes.len() - 1);
    let mut source = CaptureSource::from_memory_as(bytes, format).unwrap();
    assert!(collect(&mut source).1.is_some());
    let (got, error) = collect(&mut source);
    assert!(got.is_empty() && error.is_none());
}

#[test]
fn files_that_are_no_captures_are_refused_with_a_remedy() {
    let refused = |bytes: &[u8]| CaptureSource::from_memory(bytes.to_vec()).unwrap_err().to_string();
    assert!(refused(&[]).contains("empty"));
    assert!(refused(b"name,price\nA,1\n").contains("pcap, pcapng"));
    assert!(refused(&pcap(Bytes(false), true, 147, &[])).contains("link type 147"));
    let directory = CaptureSource::open("src").unwrap_err();
    assert!(matches!(directory, SourceError::Open { .. }), "{directory}");
    let missing = CaptureSource::open("no/such.pcap").unwrap_err().to_string();
    assert!(missing.starts_with("no/such.pcap: "), "{missing}");
}

#[test]
fn a_file_larger_than_four_gigabytes_keeps_its_offsets() {
    // Sparse: a block that is left out takes no space on the disk, and none in memory.
    use std::io::{Seek, SeekFrom, Write};
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("sparse.pcapng");
    let order = Bytes(false);
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&[section(order), interface(order, 1, 0, &[])].concat()).unwrap();
    let size = 3_u32 << 30;
    for _ in 0..2 {
        file.write_all(&[order.u32(0x0bad), order.u32(size)].concat()).unwrap();
        file.seek(SeekFrom::Current(i64::from(size) - 8)).unwrap();
    }
    let end = file.stream_position().unwrap();
    file.write_all(&enhanced(order, 0, 7, &Record::new(1, 2, udp(b"payload")))).unwrap();
    drop(file);
    let mut source = CaptureSource::open(&path).unwrap();
    let (got, error) = collect(&mut source);
    std::fs::remove_file(&path).unwrap();
    assert!(error.is_none(), "{error:?}");
    assert_eq!(payloads(&got), [b"payload"]);
    assert_eq!(got[0].offset, end + 28 + 42);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_as_it_comes() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pipe.pcap");
    let _ = std::fs::remove_file(&path);
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let writing = path.clone();
    let writer = std::thread::spawn(move || {
        let address = "192.0.2.1:5".parse().unwrap();
        let mut writer = PcapWriter::new(std::fs::File::create(writing).unwrap()).unwrap();
        (0..1000).for_each(|time| writer.write_udp(time, address, address, b"payload").unwrap());
    });
    let mut source = CaptureSource::open(&path).unwrap();
    let (got, error) = collect(&mut source);
    writer.join().unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(error.is_none(), "{error:?}");
    assert_eq!(got.len(), 1000);
    assert_eq!(source.progress().unwrap().bytes_total, None);
}
