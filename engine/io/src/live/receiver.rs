//! Kernel sockets for the groups of a configuration, as the socket and the io_uring source receive from them.

use std::{
    io,
    net::Ipv4Addr,
    os::fd::{AsRawFd, OwnedFd, RawFd},
};

use super::{
    Join, LiveConfig, LiveCounters, Stamps,
    ancillary::Ancillary,
    intake::{Intake, key},
    membership,
    stamp::Agreement,
    sys,
};
use crate::{BurstWriter, SourceError};

/// A socket on one port.
#[derive(Debug)]
pub(super) struct Receiver {
    pub socket: OwnedFd,
    pub port: u16,
    /// Where every packet is sent to, if that is known from the socket; else the kernel says it beside each.
    pub address: Option<u32>,
    /// Drops that were read last; the kernel's number has 32 bits.
    drops: u32,
}

/// A datagram as the kernel gave it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received<'a> {
    pub payload: &'a [u8],
    /// Only its front is there.
    pub cut: bool,
    pub source: u32,
    pub source_port: u16,
    pub ancillary: Ancillary,
}

/// The sockets of a configuration.
#[derive(Debug)]
pub(super) struct Receivers {
    pub sockets: Vec<Receiver>,
    /// What the system did not grant.
    pub notes: Vec<String>,
    pub descriptors: Vec<RawFd>,
    /// Whether cards' clocks are believed.
    agreement: Agreement,
}

impl Receivers {
    /// Opens sockets for all joins: one for each unicast address, and for each port one that takes as many groups as the
    /// system allows.
    pub fn open(config: &LiveConfig) -> Result<Self, SourceError> {
        let interface = config.interface.as_deref().map_or(Ok(0), sys::interface_index)?;
        let mut receivers =
            Self { sockets: Vec::new(), notes: Vec::new(), descriptors: Vec::new(), agreement: Agreement::default() };
        let mut ports: Vec<u16> = config.joins.iter().map(|join| join.port).collect();
        ports.sort_unstable();
        ports.dedup();
        for port in ports {
            let joins = config.joins.iter().filter(|join| join.port == port);
            let (groups, own): (Vec<&Join>, Vec<&Join>) = joins.partition(|join| join.address.is_multicast());
            for join in own {
                receivers.add(config, join.address, join)?;
            }
            receivers.join(config, interface, &groups)?;
        }
        receivers.descriptors = receivers.sockets.iter().map(|receiver| receiver.socket.as_raw_fd()).collect();
        receivers.notes.dedup();
        Ok(receivers)
    }

    /// Joins the groups of one port.
    fn join(&mut self, config: &LiveConfig, interface: u32, groups: &[&Join]) -> Result<(), SourceError> {
        // Bound to its group, a socket gets nothing else; one for several groups is bound to the port alone.
        let bound = match groups {
            [one] => one.address,
            _ => Ipv4Addr::UNSPECIFIED,
        };
        let mut is_open = false;
        for group in groups {
            if is_open && let Some(receiver) = self.sockets.last() {
                match membership::join(&receiver.socket, group, interface) {
                    Ok(()) => continue,
                    // This socket is full: a system that was not told otherwise allows 20 groups.
                    Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
                    Err(error) => return Err(membership::refused(group, config.interface.as_deref(), error)),
                }
            }
            let socket = self.add(config, bound, group)?;
            membership::join(socket, group, interface)
                .map_err(|error| membership::refused(group, config.interface.as_deref(), error))?;
            is_open = true;
        }
        Ok(())
    }

    /// Opens a socket that is bound to an address and the join's port.
    fn add(&mut self, config: &LiveConfig, bound: Ipv4Addr, join: &Join) -> Result<&OwnedFd, SourceError> {
        let failed = |error: io::Error| SourceError::Live {
            what: format!("a socket for {join}"),
            remedy: match error.raw_os_error() {
                Some(libc::EADDRINUSE) => "stop the program that holds the port, or have it share the port".into(),
                Some(libc::EADDRNOTAVAIL) => "name an address of this machine: `ip address` lists them".into(),
                Some(libc::EMFILE | libc::ENFILE) => "raise the limit of open files (ulimit -n)".into(),
                _ => "check address and port".into(),
            },
            error,
        };
        let socket = sys::socket(libc::AF_INET, libc::SOCK_DGRAM).map_err(failed)?;
        sys::set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, &1_i32).map_err(failed)?;
        // Without it, a socket gets the groups that any process of the machine joined.
        sys::set_option(&socket, libc::IPPROTO_IP, libc::IP_MULTICAST_ALL, &0_i32).map_err(failed)?;
        let address = (!bound.is_unspecified()).then_some(u32::from(bound));
        if address.is_none() {
            sys::set_option(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO, &1_i32).map_err(failed)?;
        }
        self.enlarge(&socket, config).map_err(failed)?;
        self.busy_poll(&socket, config);
        self.stamp(&socket, config).map_err(failed)?;
        sys::bind(&socket, &sys::address(bound, join.port)).map_err(failed)?;
        let at = self.sockets.len();
        self.sockets.push(Receiver { socket, port: join.port, address, drops: 0 });
        Ok(&self.sockets[at].socket)
    }

    /// Asks for the receive buffer: past the system's limit where this process may, else up to it.
    fn enlarge(&mut self, socket: &OwnedFd, config: &LiveConfig) -> io::Result<()> {
        let wanted = config.receive_buffer_size as libc::c_int;
        if sys::set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &wanted).is_err() {
            sys::set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &wanted)?;
        }
        // The kernel doubles what it was asked for, to have room for its own structures.
        let granted = sys::option::<libc::c_int>(socket, libc::SOL_SOCKET, libc::SO_RCVBUF)? / 2;
        if granted < wanted {
            self.notes.push(format!(
                "receive buffer: {granted} bytes instead of {wanted}, which loses packets in bursts; raise net.core.rmem_max, \
                 or give the process CAP_NET_ADMIN"
            ));
        }
        Ok(())
    }

    fn busy_poll(&mut self, socket: &OwnedFd, config: &LiveConfig) {
        if config.busy_poll_us == 0 {
            return;
        }
        let wanted = config.busy_poll_us.min(i32::MAX as u32) as libc::c_int;
        if let Err(error) = sys::set_option(socket, libc::SOL_SOCKET, libc::SO_BUSY_POLL, &wanted) {
            self.notes.push(format!(
                "busy polling: {error}, so packets wait for the card's interrupt; give the process CAP_NET_ADMIN"
            ));
        }
    }

    /// Asks for receive times.
    fn stamp(&mut self, socket: &OwnedFd, config: &LiveConfig) -> io::Result<()> {
        if config.stamps == Stamps::Kernel {
            return sys::set_option(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1_i32);
        }
        let flags = libc::SOF_TIMESTAMPING_RX_HARDWARE
            | libc::SOF_TIMESTAMPING_RAW_HARDWARE
            | libc::SOF_TIMESTAMPING_RX_SOFTWARE
            | libc::SOF_TIMESTAMPING_SOFTWARE;
        let asked = match &config.interface {
            Some(interface) => sys::stamp_in_hardware(socket, interface),
            None => Err(io::Error::other("no interface is named")),
        };
        if let Err(error) = asked {
            self.notes.push(format!(
                "hardware stamps: {error}; the kernel stamps instead, some microseconds later. The card must be able to, and \
                 the process needs CAP_NET_ADMIN"
            ));
        }
        sys::set_option(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, &flags)
    }

    /// Hands on what the socket at `at` received. What is no datagram, or does not say where it was sent to, is malformed.
    #[inline]
    pub fn take<'a>(
        &mut self,
        at: usize,
        received: Option<Received<'a>>,
        intake: &mut Intake,
        writer: &mut BurstWriter<'a>,
    ) {
        let Self { sockets, agreement, .. } = self;
        let receiver = &sockets[at];
        let destination = |received: &Received<'_>| receiver.address.or(received.ancillary.destination);
        let Some((received, destination)) = received.and_then(|each| Some((each, destination(&each)?))) else {
            intake.counters.frames += 1;
            intake.counters.malformed += 1;
            return;
        };
        let stamp = received.ancillary.stamp(|card, own| agreement.check(card, own));
        let key = key(received.source, received.source_port, destination, receiver.port);
        intake.datagram(writer, &key, received.payload, stamp, received.cut);
    }

    /// What was counted besides [`Counters`](crate::Counters), with what the kernel counts.
    pub fn live_counters(&mut self, intake: &mut Intake) -> LiveCounters {
        intake.live.drops += self.new_drops();
        intake.live.clock_refused = self.agreement.is_refused();
        intake.live_counters()
    }

    /// Packets that the kernel dropped since this was last asked, because the sockets' buffers were full.
    fn new_drops(&mut self) -> u64 {
        /// Index in the array that the kernel gives (`SK_MEMINFO_DROPS`).
        const DROPS: usize = 8;
        const SO_MEMINFO: libc::c_int = 55;
        let mut sum = 0;
        for receiver in &mut self.sockets {
            if let Ok(figures) = sys::option::<[u32; 9]>(&receiver.socket, libc::SOL_SOCKET, SO_MEMINFO) {
                sum += u64::from(figures[DROPS].wrapping_sub(receiver.drops));
                receiver.drops = figures[DROPS];
            }
        }
        sum
    }
}
