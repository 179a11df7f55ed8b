//! Days written through the ITCH encoder and read back.

use std::{io, ops::ControlFlow};

use wirebook_abi::{BatchBuffer, CheckedTable, EventKind, Frame, FrameKind, Framing, Status};
use wirebook_io::{Burst, PacketSource, Polled, capture::CaptureSource};
use wirebook_simulator::{
    Day, DayConfig, Format, MessageKind, Packing, WriteError, WriteOptions, packets_in_memory, write_day,
};

fn table() -> CheckedTable {
    CheckedTable::new(&wirebook_itch::NASDAQ).unwrap()
}

fn config() -> DayConfig {
    DayConfig { symbols: 60, messages: 30_000, ..DayConfig::default() }
}

fn keep_on(_: &wirebook_simulator::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Decodes packets and holds each event against the day's own.
struct Reader {
    day: Day,
    decoder: wirebook_abi::DecoderInstance,
    batch: BatchBuffer,
    heartbeats: u64,
    ends: u64,
    packets: u64,
    messages: u64,
}

impl Reader {
    fn new(config: DayConfig, framing: Framing) -> Self {
        Self {
            day: Day::new(config).unwrap(),
            decoder: table().create(framing).unwrap(),
            batch: BatchBuffer::new(4_096, 1_024, table().description()),
            heartbeats: 0,
            ends: 0,
            packets: 0,
            messages: 0,
        }
    }

    /// Reads one packet from the front of `bytes` and gives its size.
    fn read(&mut self, bytes: &[u8]) -> usize {
        let mut frame = Frame::default();
        assert_eq!(self.decoder.frame(bytes, &mut frame).status, Status::OK);
        self.packets += 1;
        match frame.kind {
            FrameKind::HEARTBEAT => {
                self.heartbeats += 1;
                assert_eq!(frame.first_sequence, self.messages + 1);
            }
            FrameKind::END_OF_SESSION => self.ends += 1,
            _ => self.decode(bytes, &frame),
        }
        frame.size_bytes as usize
    }

    fn decode(&mut self, bytes: &[u8], frame: &Frame) {
        assert_eq!(frame.first_sequence, self.messages + 1);
        let decoded = self.decoder.decode(bytes, 0, &mut self.batch);
        assert_eq!((decoded.status, decoded.messages), (Status::OK, frame.message_count));
        assert!(!self.batch.has_faults());
        let (events, cold, records) = self.batch.parts_mut();
        let mut at = 0;
        for _ in 0..frame.message_count {
            let group = self.day.next_group().expect("no more is written than was made");
            for (made, made_cold) in group.events.iter().zip(group.cold) {
                assert_eq!(events[at], *made);
                let read_cold = cold[at];
                assert_eq!(
                    (read_cold.ts_event_ns, read_cold.sequence, read_cold.match_id, read_cold.participant),
                    (made_cold.ts_event_ns, made_cold.sequence, made_cold.match_id, made_cold.participant)
                );
                if made_cold.record > 0 {
                    let made = &group.records[usize::from(made_cold.record) - 1];
                    let read = &records[usize::from(read_cold.record) - 1];
                    assert_eq!((read.instrument, read.text()), (made.instrument, made.text()));
                    for (tag, value) in made.tags.iter().zip(made.values).take(usize::from(made.count)) {
                        assert_eq!(read.get(*tag), Some(value), "{}", tag.name());
                    }
                }
                at += 1;
            }
            self.messages += 1;
        }
        assert_eq!(at, events.len());
        self.batch.clear();
    }
}

#[test]
fn a_file_reads_back_as_the_day_was_made() {
    let mut file = Vec::new();
    let truth = write_day(config(), table(), &WriteOptions::new(Format::Length16File), &mut file, keep_on).unwrap();
    let mut reader = Reader::new(config(), Framing::LENGTH16);
    let mut at = 0;
    while at < file.len() {
        at += reader.read(&file[at..]);
    }
    assert_eq!((reader.messages, reader.ends), (30_000, 1));
    assert!(reader.day.next_group().is_none());
    assert!(truth == reader.day.truth());
    for (kind, count) in truth.counts.iter() {
        let (index, _) = table().description().message(kind.itch() as u32).unwrap();
        assert_eq!(reader.batch.type_counts()[index], count, "{kind:?}");
    }
}

#[test]
fn a_capture_reads_back_as_the_day_was_made() {
    let mut capture = Vec::new();
    let mut last = None;
    let options = WriteOptions::new(Format::Pcap);
    write_day(config(), table(), &options, &mut capture, |progress| {
        last = Some(*progress);
        ControlFlow::Continue(())
    })
    .unwrap();
    let mut reader = Reader::new(config(), Framing::MOLDUDP64);
    let mut source = CaptureSource::from_memory(capture).unwrap();
    let mut burst = Burst::default();
    let mut last_ns = 0;
    while let Polled::Packets(packets) = source.burst(&mut burst).unwrap() {
        for packet in packets {
            let ts_ns = packet.ts_recv_ns;
            assert!(ts_ns >= last_ns && packet.payload.len() <= 1_472);
            last_ns = ts_ns;
            reader.read(packet.payload);
        }
    }
    let progress = last.unwrap();
    assert_eq!((reader.messages, reader.ends, reader.packets), (30_000, 3, progress.packets));
    assert_eq!((progress.messages, progress.messages_total), (30_000, 30_000));
    assert!(reader.heartbeats > 1_000, "{}", reader.heartbeats);
    let data = reader.packets - reader.heartbeats - reader.ends;
    let mean = 30_000.0 / data as f64;
    assert!((2.0..8.0).contains(&mean), "{mean} messages a packet");
    assert_eq!(last_ns / 1_000_000_000, config().midnight_unix_ns / 1_000_000_000 + (20 * 60 + 5) * 60 + 3);
}

#[test]
fn packets_in_memory_hold_as_many_messages_as_asked() {
    for (framing, count) in [(Framing::MOLDUDP64, 1), (Framing::MOLDUDP64, 7), (Framing::LENGTH16, 256)] {
        let packets = packets_in_memory(config(), table(), framing, Packing::Fixed(count)).unwrap();
        let (last, full) = packets.spans.split_last().unwrap();
        assert!(full.iter().all(|span| span.messages == count) && last.messages <= count);
        let mut reader = Reader::new(config(), framing);
        for packet in packets.iter() {
            let mut at = 0;
            while at < packet.len() {
                at += reader.read(&packet[at..]);
            }
        }
        assert_eq!(reader.messages, 30_000);
        assert_eq!(packets.truth.counts.of(MessageKind::System), 6);
    }
}

#[test]
fn a_recording_cut_off_has_no_end() {
    let config = DayConfig { end_of_messages: false, ..config() };
    let mut file = Vec::new();
    write_day(config.clone(), table(), &WriteOptions::new(Format::Length16File), &mut file, keep_on).unwrap();
    let mut reader = Reader::new(config, Framing::LENGTH16);
    let mut at = 0;
    while at < file.len() {
        at += reader.read(&file[at..]);
    }
    assert_eq!((reader.messages, reader.ends), (30_000, 0));
}

#[test]
fn the_last_group_clears_the_channel() {
    let mut day = Day::new(config()).unwrap();
    let mut last = Vec::new();
    while let Some(group) = day.next_group() {
        last = group.events.iter().map(|event| event.kind).collect();
    }
    assert_eq!(last, [EventKind::STATUS, EventKind::CLEAR]);
    assert!(day.open_orders() > 0);
}

#[test]
fn what_cannot_be_written_says_so() {
    let written = |config: DayConfig, options: WriteOptions| {
        write_day(config, table(), &options, &mut io::sink(), keep_on).unwrap_err().to_string()
    };
    let options = WriteOptions::new(Format::Length16File);
    let crowded = DayConfig { symbols: 65_536, messages: 1_000_000, ..config() };
    assert!(written(crowded, options).contains("65536 are more than nasdaq-totalview-5.0 has keys for: 65535 at most"));
    let packing = Packing::Fixed(0);
    assert!(written(config(), WriteOptions { packing, ..options }).contains("0 is not 1 to 256"));
    let session = String::from("TOO LONG A NAME");
    assert!(written(DayConfig { session, ..config() }, options).starts_with("session: "));
    let refused = packets_in_memory(config(), table(), Framing::CME_PACKET, Packing::Natural).unwrap_err();
    assert!(refused.to_string().contains("does not come in framing cme_packet"), "{refused}");
}

#[test]
fn progress_can_stop_the_work() {
    let config = DayConfig { messages: 200_000, ..config() };
    let options = WriteOptions::new(Format::Length16File);
    let stopped = write_day(config, table(), &options, &mut io::sink(), |_| ControlFlow::Break(())).unwrap_err();
    assert!(matches!(stopped, WriteError::Stopped { messages: 65_536 }), "{stopped}");
}

#[test]
fn a_full_disk_is_reported_with_its_offset() {
    struct Full(usize);
    impl io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let options = WriteOptions::new(Format::Pcap);
    let error = write_day(config(), table(), &options, &mut Full(10_000), keep_on).unwrap_err();
    assert!(matches!(error, WriteError::Io { bytes: 1_000..10_000, .. }), "{error}");
    assert!(error.to_string().starts_with("writing after "), "{error}");
}
