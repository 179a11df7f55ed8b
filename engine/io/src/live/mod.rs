//! Packets from the network, by whichever means the machine has: [`open`] gives the source that a [`LiveConfig`] names.
//!
//! | source | for | needs |
//! |---|---|---|
//! | [`SourceKind::Socket`] | everywhere | nothing |
//! | [`SourceKind::IoUring`] | fewer system calls than that | Linux 6.0 |
//! | [`SourceKind::AfXdp`] | a queue's packets without a system call each; the kernel keeps the card | Linux 5.9, root |
//! | [`SourceKind::Dpdk`] | a card of one's own | libdpdk |
//!
//! All hand out datagrams as views of memory that was reserved at the start, name flows by group, port and sender, say who
//! stamped the packets and count what did not come through. After the first packet of a flow, taking a burst allocates
//! nothing, takes no lock and makes no system call but the source's own.
//!
//! ```no_run
//! use std::time::Duration;
//! use wirebook_io::{Burst, Polled, live::{self, LiveConfig, SourceKind}};
//!
//! let config = LiveConfig {
//!     interface: Some("eth1".into()),
//!     joins: vec!["233.54.12.111:26477".parse()?],
//!     ..LiveConfig::new(SourceKind::Socket)
//! };
//! let mut source = live::open(&config)?;
//! let mut burst = Burst::default();
//! loop {
//!     let Polled::Packets(packets) = source.burst(&mut burst)? else { break };
//!     if packets.is_empty() {
//!         source.wait(Duration::from_millis(100))?;
//!     }
//! }
//! # Ok::<(), wirebook_io::SourceError>(())
//! ```

mod ancillary;
mod config;
mod counters;
pub mod dpdk;
mod intake;
mod mapping;
mod membership;
mod receiver;
mod socket;
mod stamp;
mod support;
mod sys;
mod trailer;
mod uring;
mod wait;
mod xdp;

pub use config::{DpdkConfig, DpdkMemory, Join, LiveConfig, SourceKind, Stamps, XdpConfig, XdpMode};
pub use counters::LiveCounters;
pub use dpdk::DpdkSource;
pub use socket::SocketSource;
pub use stamp::{StampCounts, StampKind};
pub use support::{Support, support};
pub use trailer::Trailer;
pub use uring::UringSource;
pub use wait::Waiter;
pub use xdp::XdpSource;

use std::{os::fd::RawFd, time::Duration};

use crate::{PacketSource, SourceError};

/// A source that receives from the network.
///
/// It belongs to one loop at a time: make it where you like, and call it from the thread that polls it.
pub trait LiveSource: PacketSource + Send {
    /// By which means, as configurations and reports call it.
    fn name(&self) -> &'static str;

    /// Descriptors that become readable when packets wait; empty where a source can only be polled.
    fn descriptors(&self) -> &[RawFd];

    /// Who stamped the packets of the last burst that had any; before the first, who is to.
    fn stamps(&self) -> StampKind;

    /// What was counted besides [`PacketSource::counters`]. May ask the kernel: not for every burst.
    fn live_counters(&mut self) -> LiveCounters;

    /// What the machine did not grant, and what that costs; for the operator to read. Empty where all is as asked.
    fn notes(&self) -> &[String];

    /// Waits until packets are there, or until `timeout` is over; where the source can only be polled, a moment.
    ///
    /// # Errors
    ///
    /// [`SourceError::Live`] where the system refuses to wait.
    fn wait(&mut self, timeout: Duration) -> Result<(), SourceError> {
        wait::wait(self.descriptors(), timeout)
    }
}

/// Opens the source that `config` names. From then on the system keeps packets for it.
///
/// # Errors
///
/// [`SourceError::Config`] for a configuration that cannot be, [`SourceError::Unavailable`] for a source that this machine
/// does not have, [`SourceError::Live`] for what the system refused.
pub fn open(config: &LiveConfig) -> Result<Box<dyn LiveSource>, SourceError> {
    config.check()?;
    Ok(match &config.kind {
        SourceKind::Socket => Box::new(SocketSource::open(config)?),
        SourceKind::IoUring => Box::new(UringSource::open(config)?),
        SourceKind::AfXdp(_) => Box::new(XdpSource::open(config)?),
        SourceKind::Dpdk(_) => Box::new(DpdkSource::open(config)?),
    })
}
