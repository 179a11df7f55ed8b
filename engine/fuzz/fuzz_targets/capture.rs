//! Any bytes, read as a capture: no panic, and nothing delivered that is not there.
//!
//! The first byte chooses a format, or none, and how much of a stream's bytes the consumer takes at a time.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wirebook_io::{
    Burst, PacketKind, PacketSource, Polled,
    capture::{CaptureSource, Format, sniff},
};

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let _ = sniff(bytes);
    let formats = [Format::Pcap, Format::PcapNg, Format::MoldUdp64, Format::Length16, Format::SoupBinTcp];
    let opened = match formats.get(usize::from(choice & 7)) {
        Some(format) => CaptureSource::from_memory_as(bytes.to_vec(), *format),
        None => CaptureSource::from_memory(bytes.to_vec()),
    };
    if let Ok(mut source) = opened {
        read(&mut source, usize::from(choice >> 3));
    }
});

/// Reads to the end, and holds the counters against what was delivered.
fn read(source: &mut CaptureSource, leave: usize) {
    let mut burst = Burst::with_capacity(3);
    let (mut datagrams, mut sum) = (0, 0_u64);
    while let Ok(Polled::Packets(packets)) = source.burst(&mut burst) {
        let mut consumed = None;
        for packet in packets {
            datagrams += u64::from(packet.kind == PacketKind::Datagram);
            // Touches every byte, so that the sanitizer sees a view that is not of the capture.
            sum += packet.payload.iter().map(|byte| u64::from(*byte)).sum::<u64>();
            if packet.kind == PacketKind::Stream {
                assert!(!packet.payload.is_empty());
                consumed = Some((packet.flow, packet.payload.len().saturating_sub(leave)));
            }
        }
        if let Some((flow, size)) = consumed {
            source.consume(flow, size);
        }
    }
    std::hint::black_box(sum);
    let counters = source.counters();
    assert_eq!(counters.datagrams, datagrams);
    let undelivered = counters.cut_headers
        + counters.fragments
        + counters.not_ip
        + counters.not_udp_or_tcp
        + counters.malformed
        + counters.unknown_link;
    assert_eq!(counters.frames, counters.datagrams + counters.segments + undelivered);
    assert!(matches!(source.burst(&mut burst), Ok(Polled::End)), "after its end a source stays there");
}
