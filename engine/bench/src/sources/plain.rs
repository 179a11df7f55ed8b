//! What the sources are measured against: a socket, and `recvmmsg` in a loop that looks at nothing but each packet's size.

use std::{
    io,
    net::{Ipv4Addr, UdpSocket},
    os::fd::AsRawFd,
};

const SLOTS: usize = 64;
const SIZE: usize = 2048;

/// A socket with room for a burst.
pub struct Plain {
    socket: UdpSocket,
    buffers: Box<[[u8; SIZE]; SLOTS]>,
    _vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

// SAFETY: the headers' pointers lead to the other arrays of the same value, which move with it.
unsafe impl Send for Plain {}

impl Plain {
    /// Joins a group at the interface that has this address.
    pub fn open(group: Ipv4Addr, port: u16, interface: Ipv4Addr, receive_buffer_size: i32) -> io::Result<Self> {
        let socket = UdpSocket::bind((group, port))?;
        socket.join_multicast_v4(&group, &interface)?;
        socket.set_nonblocking(true)?;
        // SAFETY: pointer and size are those of the number.
        unsafe {
            let value = (&raw const receive_buffer_size).cast();
            libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, value, 4);
        }
        let mut buffers = Box::new([[0; SIZE]; SLOTS]);
        let vectors =
            buffers.iter_mut().map(|buffer| libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: SIZE });
        let mut vectors: Vec<_> = vectors.collect();
        let headers = vectors.iter_mut().map(|vector| {
            // SAFETY: a header of zero bytes names nothing.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            (header.msg_hdr.msg_iov, header.msg_hdr.msg_iovlen) = (vector, 1);
            header
        });
        let headers = headers.collect();
        Ok(Self { socket, buffers, _vectors: vectors, headers })
    }

    /// Sleeps until packets come, 10 ms at most.
    pub fn wait(&self) {
        let mut descriptor = libc::pollfd { fd: self.socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: the pointer is to one descriptor of ours. Whatever it returns, the caller looks for packets.
        unsafe { libc::poll(&raw mut descriptor, 1, 10) };
    }

    /// Takes what is there, up to a burst.
    pub fn take(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<usize> {
        let (fd, headers) = (self.socket.as_raw_fd(), self.headers.as_mut_ptr());
        // SAFETY: the headers lead to live arrays of the sizes that they name, which nobody reads meanwhile.
        let count =
            unsafe { libc::recvmmsg(fd, headers, SLOTS as libc::c_uint, libc::MSG_DONTWAIT, std::ptr::null_mut()) };
        if count < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::WouldBlock { Ok(0) } else { Err(error) };
        }
        for (header, buffer) in self.headers.iter().zip(self.buffers.iter()).take(count as usize) {
            each(&buffer[..header.msg_len as usize]);
        }
        Ok(count as usize)
    }
}
