//! Recorded packets: pcap, pcapng and raw protocol files, plain or compressed.
//!
//! Plain files are mapped, and packets are views into the map: after opening there is no copy, no allocation and no system
//! call a packet. Compressed files are decompressed by a second thread that is a few megabytes ahead at most, so that a file
//! of any size needs the same memory. What a file is, its first bytes say; [`Format`] names it where they do not.
//!
//! Every length in a file is a claim that is checked. Whatever comes before the place where a file is cut or wrong is
//! delivered, then an error says where that is.

mod input;
mod pcap;
mod pcapng;
mod prefetch;
mod pump;
mod raw;
mod record;
mod scan;
mod sniff;
mod tcp;
mod writer;

use std::{
    fmt,
    fs::File,
    io::{self, Cursor, Read},
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

pub use input::Memory;
pub use sniff::{Format, sniff};
pub use writer::PcapWriter;

use self::{
    input::{Input, Opened, Store},
    pcap::Pcap,
    pcapng::PcapNg,
    prefetch::Prefetch,
    pump::{Counted, Pump},
    raw::View,
    scan::{Delivery, Scan, Stop},
    tcp::Streams,
};
use crate::{
    Burst, Counters, FlowId, FlowTable, Packet, PacketKind, PacketSource, Polled, Progress, SourceError, flow::FlowKey,
};
use wirebook_abi::Framing;

/// Bytes that the format is told from.
const SNIFFED: usize = 64 << 10;

/// Hands out the packets of a capture.
pub struct CaptureSource {
    input: Input,
    reader: Reader,
    format: Format,
    compression: Option<Format>,
    flows: FlowTable,
    streams: Streams,
    counters: Counters,
    prefetch: Prefetch,
    /// What the input reported; it holds for the bytes behind the last that are there.
    input_error: Option<SourceError>,
    end: Option<End>,
}

#[derive(Debug)]
enum Reader {
    Pcap(Pcap),
    PcapNg(PcapNg),
    MoldUdp64,
    Stream(View),
}

/// How a capture ended; the error is reported once everything before it is delivered.
#[derive(Debug)]
struct End(Option<SourceError>);

impl CaptureSource {
    /// Opens the capture at `path`. A file that is not a regular one, such as a pipe, is read as it comes.
    ///
    /// A regular file must not be shortened while it is read: the map would lose its bytes, and the system ends a process
    /// that touches them.
    ///
    /// # Errors
    ///
    /// [`SourceError::Open`], [`SourceError::Empty`], [`SourceError::UnknownFormat`] or what is wrong with its header.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SourceError> {
        Self::open_file(path.as_ref(), None)
    }

    /// Opens the capture at `path` as one of this format; one that is compressed too, as its magic number says.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_as(path: impl AsRef<Path>, format: Format) -> Result<Self, SourceError> {
        Self::open_file(path.as_ref(), Some(format))
    }

    fn open_file(path: &Path, format: Option<Format>) -> Result<Self, SourceError> {
        match input::open(path)? {
            Opened::Memory(memory) => Self::of_memory(memory, format),
            Opened::Stream(file) => Self::of_pipe(file, format),
        }
    }

    /// Reads a capture that is in memory.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_memory(bytes: impl Into<Memory>) -> Result<Self, SourceError> {
        Self::of_memory(bytes.into(), None)
    }

    /// Reads a capture of this format that is in memory.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_memory_as(bytes: impl Into<Memory>, format: Format) -> Result<Self, SourceError> {
        Self::of_memory(bytes.into(), Some(format))
    }

    fn of_memory(memory: Memory, format: Option<Format>) -> Result<Self, SourceError> {
        let bytes = memory.as_ref();
        let size = bytes.len() as u64;
        match compression(bytes) {
            None => Self::new(Input::new(Store::Whole(memory)), format, None),
            Some(compression) => Self::of_compressed(Cursor::new(memory), compression, Some(size), format),
        }
    }

    fn of_pipe(mut file: File, format: Option<Format>) -> Result<Self, SourceError> {
        let mut magic = Vec::new();
        let read = file.by_ref().take(4).read_to_end(&mut magic);
        read.map_err(|error| SourceError::Read { offset: magic.len() as u64, error })?;
        let compression = compression(&magic);
        let reader = Cursor::new(magic).chain(file);
        match compression {
            Some(compression) => Self::of_compressed(reader, compression, None, format),
            None => {
                let (reader, count) = Counted::new(reader);
                Self::new(Input::new(Store::Pumped(Pump::new(reader, false, count, None))), format, None)
            }
        }
    }

    fn of_compressed(
        reader: impl Read + Send + 'static,
        compression: Format,
        size: Option<u64>,
        format: Option<Format>,
    ) -> Result<Self, SourceError> {
        let (reader, count) = Counted::new(reader);
        let pump = decompress(reader, compression, count.clone(), size).map_err(|error| SourceError::Decompress {
            compressed_offset: 0,
            offset: 0,
            error,
        })?;
        Self::new(Input::new(Store::Pumped(pump)), format, Some(compression))
    }

    fn new(mut input: Input, format: Option<Format>, compression: Option<Format>) -> Result<Self, SourceError> {
        input.fill();
        let bytes = input.rest();
        if bytes.is_empty() {
            return Err(input.take_error().unwrap_or(SourceError::Empty));
        }
        let first = &bytes[..bytes.len().min(SNIFFED)];
        let format = format.filter(|format| !matches!(format, Format::Gzip | Format::Zstd)).or_else(|| sniff(first));
        let unknown = SourceError::UnknownFormat { size: first.len() };
        let (reader, used) = match format {
            Some(Format::Pcap) => (Reader::Pcap(Pcap::new(bytes)?), Pcap::HEADER),
            Some(Format::PcapNg) => (Reader::PcapNg(PcapNg::new()), 0),
            Some(Format::MoldUdp64) => (Reader::MoldUdp64, 0),
            Some(Format::Length16 | Format::SoupBinTcp) => (Reader::Stream(View::default()), 0),
            Some(Format::Gzip | Format::Zstd) | None => return Err(input.take_error().unwrap_or(unknown)),
        };
        input.position += used;
        let mut source = Self {
            input,
            reader,
            format: format.ok_or(unknown)?,
            compression,
            flows: FlowTable::new(),
            streams: Streams::default(),
            counters: Counters::default(),
            prefetch: Prefetch::default(),
            input_error: None,
            end: None,
        };
        if source.framing().is_some() {
            // The one flow that a raw file has.
            source.flows.id(&FlowKey::FILE);
        }
        Ok(source)
    }

    /// What the capture is, beneath a compression.
    pub fn format(&self) -> Format {
        self.format
    }

    /// How it is compressed.
    pub fn compression(&self) -> Option<Format> {
        self.compression
    }

    /// The framing that a raw file's format implies; `None` for captures of a network, which do not tell.
    pub fn framing(&self) -> Option<Framing> {
        match self.format {
            Format::Length16 => Some(Framing::LENGTH16),
            Format::SoupBinTcp => Some(Framing::SOUPBINTCP),
            Format::MoldUdp64 => Some(Framing::MOLDUDP64),
            _ => None,
        }
    }

    /// Hands out the next part of a raw stream.
    fn burst_stream<'a>(&'a mut self, last: View, burst: &'a mut Burst) -> Result<Polled<'a>, SourceError> {
        let Self { input, reader, counters, input_error, end, .. } = self;
        input.position += last.consumed;
        counters.payload_bytes += last.consumed as u64;
        input.fill();
        *input_error = input_error.take().or_else(|| input.take_error());
        let offset = input.offset();
        let rest = input.rest();
        // A view ends where the input does or holds more than the longest message, so that one can always be taken.
        let refused = last.size > 0 && last.consumed == 0;
        if refused || rest.is_empty() {
            *end = Some(End(None));
            counters.stream_bytes_left += rest.len() as u64;
            let stalled = refused.then(|| raw::stalled(rest, offset));
            return match input_error.take_if(|_| last.size == rest.len() || rest.is_empty()).or(stalled) {
                Some(error) => Err(error),
                None => Ok(Polled::End),
            };
        }
        let payload = &rest[..rest.len().min(raw::VIEW)];
        *reader = Reader::Stream(View { size: payload.len(), consumed: 0 });
        let mut writer = burst.writer();
        writer.push(Packet {
            payload,
            ts_recv_ns: 0,
            index: 0,
            offset,
            flow: FlowId(0),
            kind: PacketKind::Stream,
            cut: false,
            after_hole: false,
        });
        Ok(Polled::Packets(writer.finish()))
    }

    /// Hands out the next packets of a capture of packets.
    fn burst_packets<'a>(&'a mut self, burst: &'a mut Burst) -> Result<Polled<'a>, SourceError> {
        let Self { input, reader, flows, streams, counters, prefetch, input_error, end, .. } = self;
        streams.settle(input.store.bytes(), counters);
        input.fill();
        *input_error = input_error.take().or_else(|| input.take_error());
        let complete = input.store.is_complete();
        let Input { store, position, base, skip } = input;
        let bytes = store.bytes();
        let mut scan =
            Scan { bytes, base: *base, position: *position, skip: *skip, flows, streams, counters, prefetch };
        let mut writer = burst.writer();
        let mut last = None;
        if end.is_none() {
            match scan.run(reader, &mut writer) {
                Stop::Full => {}
                Stop::Stream(delivery) => last = Some(delivery),
                Stop::Short { expected, needed } if complete => {
                    *end = Some(End(input_error.take().or_else(|| scan.truncated(expected, needed))));
                    if matches!(reader, Reader::MoldUdp64) {
                        scan.cut_datagram(&mut writer);
                    }
                }
                Stop::Short { .. } => {}
                Stop::Failed(error) => *end = Some(End(Some(error))),
            }
        }
        (*position, *skip) = (scan.position, scan.skip);
        if writer.is_empty() && last.is_none() && end.is_some() {
            last = streams.drain(counters).map(|(flow, stamp)| Delivery { flow, in_place: None, stamp });
            if let (None, Some(End(error))) = (&last, end) {
                return error.take().map_or(Ok(Polled::End), Err);
            }
        }
        if let Some(Delivery { flow, in_place, stamp }) = last
            && let Some(packet) = streams.deliver(flow, in_place, stamp)
        {
            writer.push(packet);
        }
        Ok(Polled::Packets(writer.finish()))
    }
}

impl PacketSource for CaptureSource {
    fn burst<'a>(&'a mut self, burst: &'a mut Burst) -> Result<Polled<'a>, SourceError> {
        match self.reader {
            Reader::Stream(_) if self.end.is_some() => Ok(Polled::End),
            Reader::Stream(view) => self.burst_stream(view, burst),
            _ => self.burst_packets(burst),
        }
    }

    fn consume(&mut self, flow: FlowId, size: usize) {
        match &mut self.reader {
            Reader::Stream(view) => view.consumed = view.consumed.saturating_add(size).min(view.size),
            _ => self.streams.consume(flow, size),
        }
    }

    fn flows(&self) -> &FlowTable {
        &self.flows
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    fn progress(&self) -> Option<Progress> {
        Some(self.input.progress())
    }
}

impl fmt::Debug for CaptureSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureSource")
            .field("format", &self.format)
            .field("compression", &self.compression)
            .field("offset", &self.input.offset())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

/// The compression that the magic number at the front of `bytes` is of.
fn compression(bytes: &[u8]) -> Option<Format> {
    // A magic number has four bytes; more would let the raw formats have their say.
    sniff(&bytes[..bytes.len().min(4)]).filter(|format| matches!(format, Format::Gzip | Format::Zstd))
}

/// Starts to decompress all members or frames of `reader`.
fn decompress(
    reader: impl Read + Send + 'static,
    compression: Format,
    count: Arc<AtomicU64>,
    size: Option<u64>,
) -> io::Result<Pump> {
    Ok(match compression {
        Format::Zstd => Pump::new(zstd::Decoder::new(reader)?, true, count, size),
        _ => {
            let reader = io::BufReader::with_capacity(SNIFFED, reader);
            Pump::new(flate2::bufread::MultiGzDecoder::new(reader), true, count, size)
        }
    })
}
