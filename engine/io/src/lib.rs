//! Where packets come from: one trait, [`PacketSource`], and the sources behind it.
//!
//! A source hands out packets in bursts, as views of its own memory: [`capture`] reads recorded files, [`live`] receives from
//! the network. Whatever sits above asks for [`PacketSource::burst`] in a loop and never learns which source it has.
//!
//! ```
//! use std::net::SocketAddrV4;
//! use wirebook_io::{Burst, PacketSource, Polled, capture::{CaptureSource, PcapWriter}};
//!
//! let from: SocketAddrV4 = "192.0.2.1:31000".parse()?;
//! let to: SocketAddrV4 = "233.54.12.111:26477".parse()?;
//! let mut writer = PcapWriter::new(Vec::new())?;
//! writer.write_udp(1_577_716_200_000_000_230, from, to, b"one packet")?;
//!
//! let mut source = CaptureSource::from_memory(writer.finish()?)?;
//! let mut burst = Burst::default();
//! let mut sizes = Vec::new();
//! while let Polled::Packets(packets) = source.burst(&mut burst)? {
//!     sizes.extend(packets.iter().map(|packet| packet.payload.len()));
//! }
//! assert_eq!(sizes, [10]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod capture;
mod error;
mod flow;
mod ip;
mod link;
#[cfg(target_os = "linux")]
pub mod live;
mod merged;
mod packet;
mod source;

pub use error::SourceError;
pub use flow::{Flow, FlowId, FlowTable, Protocol};
pub use merged::MergedSource;
pub use packet::{Burst, BurstWriter, Packet, PacketKind};
pub use source::{Counters, PacketSource, Polled, Progress};
