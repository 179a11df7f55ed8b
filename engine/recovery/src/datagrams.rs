//! Sockets for datagrams that never block.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
};

use socket2::{Domain, Protocol, Socket, Type};

use crate::link::is_passing;

/// The largest datagram.
pub const DATAGRAM: usize = 1 << 16;

/// Bytes that the kernel is asked to hold while nobody reads.
const RECEIVE_BUFFER: usize = 4 << 20;

/// A group, or an address of this host, to receive at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Multicast group, or for unicast the address to bind.
    pub address: SocketAddrV4,
    /// Address of the interface that the group is joined on; unspecified for the system's choice.
    pub interface: Ipv4Addr,
}

impl Group {
    /// A socket that receives what is sent there.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn open(&self) -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        // The system may grant less, and says nothing then: loops come again.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::V4(self.address).into())?;
        if self.address.ip().is_multicast() {
            socket.join_multicast_v4(self.address.ip(), &self.interface)?;
        }
        Ok(socket.into())
    }
}

/// A socket for requests, at any port of this host.
///
/// # Errors
///
/// Those of the system.
pub fn unbound() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The next datagram and who sent it; nothing where none is there. A refusal that the system reports of an earlier request is
/// passed over.
pub fn receive<'a>(socket: &UdpSocket, buffer: &'a mut [u8]) -> Option<(&'a [u8], SocketAddr)> {
    for _ in 0..4 {
        match socket.recv_from(buffer) {
            Ok((size, from)) => return Some((&buffer[..size], from)),
            Err(error) if is_passing(&error) => return None,
            Err(_) => {}
        }
    }
    None
}
