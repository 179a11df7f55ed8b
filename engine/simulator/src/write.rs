//! A day as a file.

use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddrV4},
    ops::ControlFlow,
};

use wirebook_abi::{CheckedTable, Description, FrameKind, Framing, Refused, Status};
use wirebook_io::capture::PcapWriter;

use crate::{
    config::{ConfigError, DayConfig},
    counts::MessageKind,
    day::Day,
    dialect,
    packets::{Packer, Packet, Packing},
    truth::DayTruth,
};

/// Messages between two calls of the progress callback.
const PROGRESS_EVERY: u64 = 1 << 16;
const SECOND_NS: u64 = 1_000_000_000;
/// From the last message of a packet to the packet on the wire, ns.
const SENDING_NS: u64 = 500;

/// Kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Messages, each behind a big-endian `u16` length; a length of 0 at the end of the session.
    Length16File,
    /// A capture of datagrams in the protocol's first framing.
    Pcap,
}

impl Format {
    /// The framing that a file of this kind holds.
    pub fn framing(self, description: &Description) -> Framing {
        match self {
            Self::Length16File => Framing::LENGTH16,
            Self::Pcap => description.framings.as_slice().first().copied().unwrap_or(Framing::MOLDUDP64),
        }
    }
}

/// How to write a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteOptions {
    /// Kind of file.
    pub format: Format,
    /// How messages share packets.
    pub packing: Packing,
    /// Channels that the instruments are spread over, where the protocol has several (PITCH: units); `None` is as many as usual.
    pub channels: Option<u32>,
    /// Quiet for this long, seconds, a heartbeat goes out; 0: none ever does.
    pub heartbeat_seconds: u32,
    /// The sender.
    pub source: SocketAddrV4,
    /// The multicast group; each further channel has the port behind the one before.
    pub destination: SocketAddrV4,
}

impl WriteOptions {
    /// Natural packets, a heartbeat a second, and addresses set aside for examples (RFC 5737, RFC 6676).
    pub const fn new(format: Format) -> Self {
        Self {
            format,
            packing: Packing::Natural,
            channels: None,
            heartbeat_seconds: 1,
            source: SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 26_400),
            destination: SocketAddrV4::new(Ipv4Addr::new(233, 252, 0, 1), 26_400),
        }
    }
}

/// How far a day is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Messages made.
    pub messages: u64,
    /// Messages of the day.
    pub messages_total: u64,
    /// Packets written, heartbeats and ends of session among them.
    pub packets: u64,
    /// Bytes of packets written, without a capture's headers.
    pub bytes: u64,
}

/// Why a day was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The day cannot be as asked.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The protocol does not come so.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// More symbols than the protocol has keys for.
    #[error("symbols: {symbols} are more than {protocol} has keys for: {most} at most")]
    Symbols {
        /// The protocol.
        protocol: &'static str,
        /// What was asked for.
        symbols: u32,
        /// What would do.
        most: u32,
    },
    /// The protocol's prices cannot hold the day's.
    #[error("{protocol} has {scale} price units to one; the simulator needs a multiple of 10000")]
    PriceScale {
        /// The protocol.
        protocol: &'static str,
        /// Its units to one.
        scale: u64,
    },
    /// No packet holds as many.
    #[error("messages per packet: {count} is not 1 to 256")]
    MessagesPerPacket {
        /// What was asked for.
        count: u32,
    },
    /// The framing has no such number of channels.
    #[error("channels: {channels} is not 1 to {most}, which {framing} has")]
    Channels {
        /// What was asked for.
        channels: u32,
        /// The framing.
        framing: &'static str,
        /// What would do.
        most: u32,
    },
    /// The simulator needs a message that the protocol does not have.
    #[error("{protocol} has no message `{message}` as the simulator writes it: it makes no day of this protocol")]
    Dialect {
        /// The protocol.
        protocol: &'static str,
        /// What it lacks.
        message: &'static str,
    },
    /// The protocol has no message for what happened.
    #[error("message {sequence} ({kind:?}) cannot be encoded: {}", status.name())]
    Encode {
        /// Which message.
        sequence: u64,
        /// What it is.
        kind: MessageKind,
        /// What the encoder says.
        status: Status,
    },
    /// The framing cannot hold the packet.
    #[error("the packet that starts with message {sequence} cannot be framed: {}", status.name())]
    Pack {
        /// Its first message.
        sequence: u64,
        /// What the encoder says.
        status: Status,
    },
    /// The output failed.
    #[error("writing after {bytes} bytes of packets: {source}")]
    Io {
        /// Written before.
        bytes: u64,
        /// What the output says.
        source: io::Error,
    },
    /// The progress callback asked to stop.
    #[error("stopped after {messages} messages")]
    Stopped {
        /// Messages made.
        messages: u64,
    },
}

/// Writes a day to `output`, which had better be buffered. `progress` is called every 65,536 messages and at the end, and stops
/// the work where it breaks.
///
/// # Errors
///
/// [`WriteError`] says what cannot be, which message has no encoding, or what the output reports.
pub fn write_day(
    config: DayConfig,
    table: CheckedTable,
    options: &WriteOptions,
    output: &mut impl Write,
    mut progress: impl FnMut(&Progress) -> ControlFlow<()>,
) -> Result<DayTruth, WriteError> {
    let framing = options.format.framing(table.description());
    let config = dialect::shaped(config, framing);
    let channels = options.channels.unwrap_or(dialect::usual_channels(framing));
    let mut packer = Packer::new(&config, table, framing, options.packing, channels)?;
    let midnight_ns = config.midnight_unix_ns;
    let ends = config.end_of_messages && dialect::ends_by_packet(framing);
    let pause_ns = u64::from(options.heartbeat_seconds) * SECOND_NS;
    let has_heartbeats = pause_ns > 0 && options.format == Format::Pcap;
    let mut day = Day::new(config)?;
    let mut sink = Sink::new(output, options, midnight_ns, day.config().messages)?;
    let mut last_ns = 0;
    while let Some(group) = day.next_group() {
        last_ns = group.ts_ns;
        if has_heartbeats {
            packer.quiet(pause_ns, last_ns, &mut |packet| sink.send(packet))?;
        }
        packer.take(&group, &mut |packet| sink.send(packet))?;
        sink.progress.messages += 1;
        if sink.progress.messages % PROGRESS_EVERY == 0 {
            report(&mut progress, &sink.progress)?;
        }
    }
    packer.flush(&mut |packet| sink.send(packet))?;
    if ends {
        end_session(&mut packer, &mut sink, options, last_ns)?;
    }
    let written = sink.finish()?;
    report(&mut progress, &written)?;
    Ok(day.truth())
}

fn report(progress: &mut impl FnMut(&Progress) -> ControlFlow<()>, state: &Progress) -> Result<(), WriteError> {
    match progress(state) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(WriteError::Stopped { messages: state.messages }),
    }
}

/// A stream ends once; a datagram that says so may be lost, and is repeated.
fn end_session<W: Write>(
    packer: &mut Packer,
    sink: &mut Sink<'_, W>,
    options: &WriteOptions,
    sent_ns: u64,
) -> Result<(), WriteError> {
    let times = if options.format == Format::Pcap { 3 } else { 1 };
    for second in 1..=times {
        let at = sent_ns + second * SECOND_NS;
        packer.pack_all(FrameKind::END_OF_SESSION, at, &mut |packet| sink.send(packet))?;
    }
    Ok(())
}

/// Where packets go.
struct Sink<'a, W: Write> {
    output: Output<'a, W>,
    options: WriteOptions,
    midnight_ns: u64,
    progress: Progress,
}

enum Output<'a, W: Write> {
    Stream(&'a mut W),
    Pcap(PcapWriter<&'a mut W>),
}

impl<'a, W: Write> Sink<'a, W> {
    fn new(
        output: &'a mut W,
        options: &WriteOptions,
        midnight_ns: u64,
        messages_total: u64,
    ) -> Result<Self, WriteError> {
        let output = match options.format {
            Format::Length16File => Output::Stream(output),
            Format::Pcap => {
                Output::Pcap(PcapWriter::new(output).map_err(|source| WriteError::Io { bytes: 0, source })?)
            }
        };
        let progress = Progress { messages: 0, messages_total, packets: 0, bytes: 0 };
        Ok(Self { output, options: *options, midnight_ns, progress })
    }

    fn send(&mut self, packet: Packet<'_>) -> Result<(), WriteError> {
        let WriteOptions { source, destination, .. } = self.options;
        let port = destination.port().saturating_add(packet.channel as u16);
        let destination = SocketAddrV4::new(*destination.ip(), port);
        let ts_ns = self.midnight_ns + packet.ts_ns + SENDING_NS;
        let written = match &mut self.output {
            Output::Stream(output) => output.write_all(packet.bytes),
            Output::Pcap(pcap) => pcap.write_udp(ts_ns, source, destination, packet.bytes),
        };
        written.map_err(|source| WriteError::Io { bytes: self.progress.bytes, source })?;
        self.progress.packets += 1;
        self.progress.bytes += packet.bytes.len() as u64;
        Ok(())
    }

    fn finish(self) -> Result<Progress, WriteError> {
        let flushed = match self.output {
            Output::Stream(output) => output.flush(),
            Output::Pcap(pcap) => pcap.finish().map(|_| ()),
        };
        flushed.map_err(|source| WriteError::Io { bytes: self.progress.bytes, source })?;
        Ok(self.progress)
    }
}
