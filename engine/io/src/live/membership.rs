//! Multicast memberships: what makes the network send a group to this machine.

use std::{io, net::Ipv4Addr, os::fd::OwnedFd};

use super::{Join, LiveConfig, sys};
use crate::SourceError;

/// The kernel's `struct group_req`.
#[derive(Clone, Copy)]
#[repr(C)]
struct GroupRequest {
    interface: u32,
    group: Storage,
}

/// The kernel's `struct group_source_req`.
#[derive(Clone, Copy)]
#[repr(C)]
struct GroupSourceRequest {
    interface: u32,
    group: Storage,
    source: Storage,
}

/// `struct sockaddr_storage` that holds an IPv4 address.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Storage {
    address: libc::sockaddr_in,
    rest: [u8; 112],
}

const _: () = assert!(size_of::<Storage>() == size_of::<libc::sockaddr_storage>());

const MCAST_JOIN_GROUP: libc::c_int = 42;
const MCAST_JOIN_SOURCE_GROUP: libc::c_int = 46;

fn storage(ip: Ipv4Addr) -> Storage {
    Storage { address: sys::address(ip, 0), rest: [0; 112] }
}

/// Joins a group on a socket; by its senders where there are any.
pub(super) fn join(socket: &OwnedFd, join: &Join, interface: u32) -> io::Result<()> {
    let group = storage(join.address);
    if join.senders.is_empty() {
        return sys::set_option(socket, libc::IPPROTO_IP, MCAST_JOIN_GROUP, &GroupRequest { interface, group });
    }
    join.senders.iter().try_for_each(|sender| {
        let request = GroupSourceRequest { interface, group, source: storage(*sender) };
        sys::set_option(socket, libc::IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, &request)
    })
}

/// What to do about a join that the system refused.
pub(super) fn refused(join: &Join, interface: Option<&str>, error: io::Error) -> SourceError {
    let remedy = match error.raw_os_error() {
        Some(libc::ENODEV) => "name the interface, or add a route to the group",
        Some(libc::ENOBUFS) => "raise net.ipv4.igmp_max_memberships, and igmp_max_msf for many senders",
        _ => "check that the interface is up and has an IPv4 address",
    };
    let on = interface.map_or(String::new(), |name| format!(" on {name}"));
    SourceError::Live { what: format!("joining {join}{on}"), error, remedy: remedy.into() }
}

/// Sockets that hold joins for a source that takes its packets past the kernel. They receive nothing themselves.
#[derive(Debug, Default)]
pub(super) struct Membership {
    _sockets: Vec<OwnedFd>,
}

impl Membership {
    /// Holds the multicast joins of `config`.
    pub fn hold(config: &LiveConfig, interface: u32) -> Result<Self, SourceError> {
        let mut sockets: Vec<OwnedFd> = Vec::new();
        for each in config.joins.iter().filter(|each| each.address.is_multicast()) {
            let refused = |error| refused(each, config.interface.as_deref(), error);
            let joined = sockets.last().map(|socket| join(socket, each, interface));
            match joined {
                Some(Ok(())) => continue,
                // A socket has room for 20 groups, unless the system was told otherwise.
                Some(Err(error)) if error.raw_os_error() != Some(libc::ENOBUFS) => return Err(refused(error)),
                _ => {}
            }
            // Never bound, so nothing is ever delivered to it.
            let socket = sys::socket(libc::AF_INET, libc::SOCK_DGRAM).map_err(refused)?;
            join(&socket, each, interface).map_err(refused)?;
            sockets.push(socket);
        }
        Ok(Self { _sockets: sockets })
    }
}
