//! What a live source is to receive, and how.

use std::{fmt, net::Ipv4Addr, str::FromStr};

use super::Trailer;
use crate::SourceError;

/// What to receive, and by which means.
///
/// ```
/// use wirebook_io::live::{Join, LiveConfig, SourceKind};
///
/// let line_a: Join = "233.54.12.111:26477".parse()?;
/// let line_b: Join = "233.49.196.111:26477@198.51.100.7".parse()?; // from this sender only
/// let config = LiveConfig {
///     interface: Some("eth1".into()),
///     joins: vec![line_a, line_b],
///     ..LiveConfig::new(SourceKind::Socket)
/// };
/// assert!(config.check().is_ok());
/// # Ok::<(), wirebook_io::SourceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveConfig {
    /// By which means.
    pub kind: SourceKind,
    /// Interface on which groups are joined, by the kernel's name; `None` leaves the choice to the routing table. AF_XDP needs
    /// one, and DPDK where a kernel interface is to hold the joins.
    pub interface: Option<String>,
    /// Groups and addresses to receive.
    pub joins: Vec<Join>,
    /// The longest datagram that is taken whole, in bytes.
    pub datagram_size: usize,
    /// Bytes that the kernel may keep for each socket while nobody takes them.
    pub receive_buffer_size: usize,
    /// Microseconds that the kernel polls the card on behalf of a receive call that would find nothing; 0 for never.
    pub busy_poll_us: u32,
    /// Who is to say when a packet was received.
    pub stamps: Stamps,
    /// What a capture switch appended to each frame. Only for sources that see whole frames: AF_XDP and DPDK.
    pub trailer: Option<Trailer>,
    /// Most flows (group, port and sender) that are kept apart; their memory is taken at the start.
    pub flow_limit: usize,
}

impl LiveConfig {
    /// Room for the largest datagram of a network without jumbo frames.
    pub const DATAGRAM_SIZE: usize = 2048;
    /// Some 30 ms of a 10 Gbit/s burst of small packets, with what the kernel needs to keep them.
    pub const RECEIVE_BUFFER_SIZE: usize = 16 << 20;
    /// Flows of a configuration that sets no other limit.
    pub const FLOW_LIMIT: usize = 4096;

    /// A configuration that receives nothing yet.
    pub fn new(kind: SourceKind) -> Self {
        Self {
            kind,
            interface: None,
            joins: Vec::new(),
            datagram_size: Self::DATAGRAM_SIZE,
            receive_buffer_size: Self::RECEIVE_BUFFER_SIZE,
            busy_poll_us: 0,
            stamps: Stamps::Kernel,
            trailer: None,
            flow_limit: Self::FLOW_LIMIT,
        }
    }

    /// Whether it can be, as far as that can be told without trying.
    ///
    /// # Errors
    ///
    /// [`SourceError::Config`] names the field.
    pub fn check(&self) -> Result<(), SourceError> {
        if self.joins.is_empty() {
            return Err(wrong("joins", "there are none", "name at least one group:port"));
        }
        for (index, join) in self.joins.iter().enumerate() {
            join.check(&format!("joins[{index}]"))?;
            if self.joins[..index].iter().any(|other| (other.address, other.port) == (join.address, join.port)) {
                let field = format!("joins[{index}]");
                return Err(wrong(&field, &format!("{join} is there twice"), "name each group and port once"));
            }
        }
        let in_range = |field: &str, value: usize, range: std::ops::RangeInclusive<usize>| match range.contains(&value)
        {
            true => Ok(()),
            false => Err(wrong(
                field,
                &format!("{value} is out of range"),
                &format!("{} to {} would do", range.start(), range.end()),
            )),
        };
        in_range("datagram_size", self.datagram_size, 64..=65_507)?;
        in_range("receive_buffer_size", self.receive_buffer_size, 4096..=1 << 30)?;
        in_range("flow_limit", self.flow_limit, 1..=1 << 20)?;
        if let Some(name) = &self.interface
            && (name.is_empty() || name.len() > 15 || name.contains(['/', ' ', '\0']))
        {
            return Err(wrong("interface", &format!("{name:?} is no name"), "`ip link` lists the interfaces"));
        }
        if self.trailer.is_some() && !self.kind.sees_frames() {
            let found = format!("the {} source sees datagrams, and a trailer stands behind them", self.kind.name());
            return Err(wrong("trailer", &found, "take af_xdp or dpdk, or leave the trailer out"));
        }
        Ok(())
    }
}

/// A [`SourceError::Config`].
pub(super) fn wrong(field: &str, found: &str, remedy: &str) -> SourceError {
    SourceError::Config { field: field.into(), found: found.into(), remedy: remedy.into() }
}

/// A group and port to receive, from everybody or from some; or an address of this machine and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Join {
    /// Multicast group, or for unicast an address of this machine.
    pub address: Ipv4Addr,
    /// UDP port.
    pub port: u16,
    /// Senders whose packets are taken, asked of the network too (IGMPv3); empty for all.
    pub senders: Vec<Ipv4Addr>,
}

impl Join {
    /// From everybody.
    pub fn new(address: Ipv4Addr, port: u16) -> Self {
        Self { address, port, senders: Vec::new() }
    }

    fn check(&self, field: &str) -> Result<(), SourceError> {
        if self.port == 0 {
            return Err(wrong(&format!("{field}.port"), "0 is no port", "1 to 65535 would do"));
        }
        if self.address.is_unspecified() || self.address.is_broadcast() {
            let remedy = "name a multicast group or an address of this machine";
            return Err(wrong(&format!("{field}.address"), &format!("{} cannot be joined", self.address), remedy));
        }
        match self.senders.iter().position(|sender| sender.is_multicast() || sender.is_unspecified()) {
            Some(at) => {
                let found = format!("{} cannot send", self.senders[at]);
                Err(wrong(&format!("{field}.senders[{at}]"), &found, "name the venue's own address"))
            }
            None => Ok(()),
        }
    }
}

impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.address, self.port)?;
        for (index, sender) in self.senders.iter().enumerate() {
            write!(f, "{}{sender}", if index == 0 { "@" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for Join {
    type Err = SourceError;

    /// `group:port`, or `group:port@sender,sender`.
    fn from_str(text: &str) -> Result<Self, SourceError> {
        let parse = || -> Option<Self> {
            let (place, senders) = text.split_once('@').map_or((text, None), |(place, senders)| (place, Some(senders)));
            let (address, port) = place.split_once(':')?;
            let senders = senders.map_or(Ok(Vec::new()), |list| list.split(',').map(str::parse).collect());
            Some(Self { address: address.parse().ok()?, port: port.parse().ok()?, senders: senders.ok()? })
        };
        let join = parse().ok_or_else(|| {
            wrong("join", &format!("{text:?} is none"), "write it as 233.54.12.111:26477, or with @sender")
        })?;
        join.check("join").map(|()| join)
    }
}

/// By which means packets are received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceKind {
    /// `recvmmsg` on kernel sockets: everywhere, without privileges.
    Socket,
    /// Multishot receive on an io_uring with provided buffers.
    IoUring,
    /// A queue's packets by a ring that is shared with the kernel's driver.
    AfXdp(XdpConfig),
    /// A port of DPDK's.
    Dpdk(DpdkConfig),
}

impl SourceKind {
    /// As configurations and reports call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::IoUring => "io_uring",
            Self::AfXdp(_) => "af_xdp",
            Self::Dpdk(_) => "dpdk",
        }
    }

    /// Whether it gets whole frames rather than datagrams.
    pub fn sees_frames(&self) -> bool {
        matches!(self, Self::AfXdp(_) | Self::Dpdk(_))
    }
}

/// How an AF_XDP source receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XdpConfig {
    /// Queue of the interface.
    pub queue: u32,
    /// Where the program runs, and whether packets are copied.
    pub mode: XdpMode,
    /// Frames of memory that the driver fills, a power of two.
    pub frame_count: u32,
}

impl Default for XdpConfig {
    fn default() -> Self {
        Self { queue: 0, mode: XdpMode::Best, frame_count: 4096 }
    }
}

/// Where the XDP program runs, and whether packets are copied into the shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XdpMode {
    /// The first that the driver takes: zero copy, then copy in the driver, then generic.
    Best,
    /// The card writes into the shared memory.
    ZeroCopy,
    /// The driver copies.
    Copy,
    /// Behind the kernel's own receive path, for drivers without XDP; slower, and good for trials.
    Generic,
}

/// How a DPDK source receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DpdkConfig {
    /// A card by its PCI address (`0000:3b:00.0`), or a virtual device with its arguments
    /// (`net_af_packet0,iface=eth1,framecnt=4096`).
    pub device: String,
    /// Receive queue that this source polls.
    pub queue: u16,
    /// Receive queues that the port is opened with; the same for every source of the port.
    pub queue_count: u16,
    /// Descriptors of the receive queue.
    pub descriptor_count: u16,
    /// Packet buffers of the port.
    pub buffer_count: u32,
    /// Memory of the whole process; the first source that starts decides.
    pub memory: DpdkMemory,
    /// Whether packets for other Ethernet addresses are taken.
    pub promiscuous: bool,
}

impl DpdkConfig {
    /// A source on queue 0 of a device that has one queue.
    pub fn new(device: impl Into<String>) -> Self {
        Self {
            device: device.into(),
            queue: 0,
            queue_count: 1,
            descriptor_count: 1024,
            buffer_count: 8191,
            memory: DpdkMemory::Ordinary { megabytes: 128 },
            promiscuous: true,
        }
    }
}

/// Where DPDK's memory comes from. It is chosen before DPDK starts, which it does once a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpdkMemory {
    /// Reserved huge pages. What physical cards want.
    HugePages,
    /// Ordinary pages: no preparation of the machine, virtual devices only.
    Ordinary {
        /// How much is taken.
        megabytes: u32,
    },
}

/// Who says when a packet was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamps {
    /// The kernel where it sees the packet; else this process when it took the burst.
    Kernel,
    /// The card, where it can and its clock agrees with the system's; else as with [`Stamps::Kernel`].
    Hardware,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut LiveConfig)) -> String {
        let mut config = LiveConfig::new(SourceKind::Socket);
        config.joins = vec!["239.1.2.3:26400".parse().unwrap()];
        assert!(config.check().is_ok());
        change(&mut config);
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn refusals_name_the_field_the_value_and_what_would_do() {
        assert_eq!(refusal(|config| config.joins.clear()), "joins: there are none; name at least one group:port");
        assert_eq!(refusal(|config| config.joins[0].port = 0), "joins[0].port: 0 is no port; 1 to 65535 would do");
        assert!(
            refusal(|config| config.joins.push(config.joins[0].clone())).starts_with("joins[1]: 239.1.2.3:26400 is")
        );
        assert!(
            refusal(|config| config.joins[0].senders = vec![Ipv4Addr::UNSPECIFIED]).starts_with("joins[0].senders[0]")
        );
        assert!(refusal(|config| config.datagram_size = 0).starts_with("datagram_size: 0 is out of range; 64 to"));
        assert!(refusal(|config| config.flow_limit = 0).starts_with("flow_limit"));
        assert!(refusal(|config| config.interface = Some(String::new())).starts_with("interface"));
        assert!(refusal(|config| config.trailer = Some(Trailer::Metamako)).contains("take af_xdp or dpdk"));
    }

    #[test]
    fn joins_are_read_as_they_are_written() {
        for text in ["239.1.2.3:26400", "239.1.2.3:26400@10.0.0.1", "239.1.2.3:26400@10.0.0.1,10.0.0.2", "10.9.8.7:1"] {
            assert_eq!(text.parse::<Join>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "239.1.2.3",
            "239.1.2.3:0",
            "239.1.2.3:65536",
            "239.1.2:1",
            "239.1.2.3:1@",
            "0.0.0.0:5",
            "g:1@239.0.0.1",
        ] {
            assert!(text.parse::<Join>().is_err(), "{text}");
        }
    }
}
