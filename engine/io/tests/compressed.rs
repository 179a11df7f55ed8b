//! Compressed captures deliver what plain ones do, in bounded memory, up to the byte at which they break.

mod support;

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use support::*;
use wirebook_io::{
    PacketSource, SourceError,
    capture::{CaptureSource, Format},
};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 1).unwrap()
}

/// A capture of some megabytes, so that it takes several chunks, whose packets differ.
fn large() -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut state = 1_u64;
    let payloads: Vec<Vec<u8>> = (0..20_000)
        .map(|index| {
            let noise = std::iter::repeat_with(|| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            });
            noise.take(100 + index % 400).collect()
        })
        .collect();
    let records: Vec<_> = payloads.iter().map(|payload| Record::new(1, 2, udp(payload))).collect();
    (pcap(Bytes(false), true, 1, &records), payloads)
}

#[test]
fn members_and_frames_one_after_the_other_are_one_capture() {
    let (plain, expected) = large();
    let (first, second) = plain.split_at(plain.len() / 3 + 7);
    for (format, compress) in [(Format::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (Format::Zstd, zstd)] {
        let bytes = [compress(first), compress(&[]), compress(second)].concat();
        let size = bytes.len() as u64;
        let mut source = CaptureSource::from_memory(bytes).unwrap();
        assert_eq!((source.compression(), source.format()), (Some(format), Format::Pcap));
        let (got, error) = collect(&mut source);
        assert!(error.is_none(), "{error:?}");
        assert!(payloads(&got) == expected);
        let progress = source.progress().unwrap();
        assert_eq!((progress.bytes_done, progress.bytes_total), (size, Some(size)));
    }
}

#[test]
fn a_truncated_file_delivers_what_it_holds_and_says_where_it_broke() {
    let (plain, expected) = large();
    for bytes in [gzip(&plain), zstd(&plain)] {
        let mut source = CaptureSource::from_memory(bytes[..bytes.len() * 2 / 3].to_vec()).unwrap();
        let (got, error) = collect(&mut source);
        assert!(got.len() > expected.len() / 2 && got.len() < expected.len(), "{} packets", got.len());
        assert!(payloads(&got) == expected[..got.len()]);
        match error {
            Some(SourceError::Decompress { compressed_offset, offset, .. }) => {
                assert_eq!(compressed_offset, bytes.len() as u64 * 2 / 3);
                assert!(offset >= got.last().unwrap().offset);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_damaged_file_ends_in_an_error() {
    let (plain, expected) = large();
    // The checksum at the end of a gzip member; what follows a zstd frame.
    let mut damaged = gzip(&plain);
    let end = damaged.len() - 6;
    damaged[end] ^= 0x55;
    for bytes in [damaged, [&zstd(&plain)[..], b"no frame"].concat()] {
        let mut source = CaptureSource::from_memory(bytes).unwrap();
        let (got, error) = collect(&mut source);
        assert!(payloads(&got) == expected);
        assert!(matches!(error, Some(SourceError::Decompress { .. })), "{error:?}");
    }
}

#[test]
fn a_block_larger_than_the_window_is_left_out() {
    let order = Bytes(true);
    let record = Record::new(1, 2, udp(b"payload"));
    let large = block(order, 0x0bad, &vec![7; 5 << 20]);
    let file = [section(order), interface(order, 1, 0, &[]), large, enhanced(order, 0, 3, &record)].concat();
    for bytes in [file.clone(), gzip(&file), zstd(&file)] {
        let mut source = CaptureSource::from_memory(bytes).unwrap();
        let (got, error) = collect(&mut source);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(payloads(&got), [b"payload"]);
        assert_eq!(got[0].offset, file.len() as u64 - 4 - 12 - 3 - 7);
    }
    // The same block, but the file ends inside of it.
    for bytes in [file[..4 << 20].to_vec(), gzip(&file[..4 << 20])] {
        let mut source = CaptureSource::from_memory(bytes).unwrap();
        let (got, error) = collect(&mut source);
        assert!(got.is_empty());
        assert!(matches!(error, Some(SourceError::Truncated { .. })), "{error:?}");
    }
}

#[test]
fn a_raw_stream_over_many_chunks_is_joined() {
    let messages: Vec<u8> = (0..200_000_u32).flat_map(|index| [&[0, 4][..], &index.to_be_bytes()].concat()).collect();
    let mut source = CaptureSource::from_memory_as(zstd(&messages), Format::Length16).unwrap();
    let mut taken = Vec::new();
    let (_, error) = collect_with(&mut source, 8, |bytes| {
        let size = bytes.len() / 6 * 6;
        taken.extend_from_slice(&bytes[..size]);
        size
    });
    assert!(error.is_none(), "{error:?}");
    assert!(taken == messages);
}

#[test]
fn dropping_a_source_in_the_middle_ends_its_thread() {
    let (plain, _) = large();
    let bytes = std::sync::Arc::new(gzip(&plain.repeat(8)));
    let source = CaptureSource::from_memory(bytes.clone()).unwrap();
    drop(source);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    // The thread shares the bytes for as long as it lives.
    while std::sync::Arc::strong_count(&bytes) > 1 {
        assert!(std::time::Instant::now() < deadline, "the thread still reads");
        std::thread::yield_now();
    }
}
