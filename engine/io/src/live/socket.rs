//! The source that every machine has: `recvmmsg` on kernel sockets.

use std::{
    fmt, io,
    os::fd::{AsRawFd, RawFd},
};

use super::{
    LiveConfig, LiveCounters, LiveSource, StampKind,
    ancillary::{self, Ancillary},
    intake::Intake,
    receiver::{Received, Receivers},
};
use crate::{Burst, Counters, FlowId, FlowTable, PacketSource, Polled, SourceError};

/// Datagrams that one call takes.
const SLOTS: usize = 64;

/// Receives datagrams from kernel sockets, many with one system call.
pub struct SocketSource {
    receivers: Receivers,
    /// Which socket has its turn first.
    turn: usize,
    slots: Slots,
    intake: Intake,
}

impl SocketSource {
    /// Opens the sockets, and joins the groups.
    ///
    /// # Errors
    ///
    /// [`SourceError::Config`], or [`SourceError::Live`] for what the system refused.
    pub fn open(config: &LiveConfig) -> Result<Self, SourceError> {
        config.check()?;
        Ok(Self {
            receivers: Receivers::open(config)?,
            turn: 0,
            slots: Slots::new(config.datagram_size),
            intake: Intake::new(config, StampKind::Kernel),
        })
    }
}

impl PacketSource for SocketSource {
    fn burst<'a>(&'a mut self, burst: &'a mut Burst) -> Result<Polled<'a>, SourceError> {
        let Self { receivers, turn, slots, intake } = self;
        let mut writer = burst.writer();
        let room = writer.room().min(SLOTS);
        slots.renew();
        let count = receivers.sockets.len();
        for step in 0..count {
            let at = (*turn + step) % count;
            let fd = receivers.sockets[at].socket.as_raw_fd();
            slots.receive(fd, at, room).map_err(|error| failed(receivers.sockets[at].port, error))?;
            if slots.taken == room {
                // The next burst starts with the next socket, so that a busy one cannot keep the others waiting.
                *turn = (at + 1) % count;
                break;
            }
        }
        let slots = &*slots;
        for slot in 0..slots.taken {
            receivers.take(slots.receivers[slot], Some(slots.get(slot)), intake, &mut writer);
        }
        intake.live.count_burst(!writer.is_empty());
        Ok(Polled::Packets(writer.finish()))
    }

    fn consume(&mut self, _flow: FlowId, _size: usize) {}

    fn flows(&self) -> &FlowTable {
        &self.intake.flows
    }

    fn counters(&self) -> &Counters {
        &self.intake.counters
    }
}

impl LiveSource for SocketSource {
    fn name(&self) -> &'static str {
        "socket"
    }

    fn descriptors(&self) -> &[RawFd] {
        &self.receivers.descriptors
    }

    fn stamps(&self) -> StampKind {
        self.intake.stamps
    }

    fn live_counters(&mut self) -> LiveCounters {
        self.receivers.live_counters(&mut self.intake)
    }

    fn notes(&self) -> &[String] {
        &self.receivers.notes
    }
}

impl fmt::Debug for SocketSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketSource")
            .field("receivers", &self.receivers)
            .field("intake", &self.intake)
            .finish_non_exhaustive()
    }
}

/// What a failing receive call comes to.
pub(super) fn failed(port: u16, error: io::Error) -> SourceError {
    SourceError::Live {
        what: format!("receiving on port {port}"),
        error,
        remedy: "check the interface with `ip link`, then start again".into(),
    }
}

/// Room for the datagrams of a burst, in the form that the kernel fills: addresses of it stand in `headers`.
struct Slots {
    datagram_size: usize,
    payloads: Vec<u8>,
    ancillaries: Vec<[u64; ancillary::SIZE / 8]>,
    senders: Vec<libc::sockaddr_in>,
    /// Only named by the headers.
    _vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    /// Which socket each datagram came from.
    receivers: Vec<usize>,
    taken: usize,
}

// SAFETY: the pointers in headers and vectors lead to the other arrays of the same value, which move with it and are reached
// through it alone.
unsafe impl Send for Slots {}

impl Slots {
    fn new(datagram_size: usize) -> Self {
        let mut payloads = vec![0; datagram_size * SLOTS];
        let mut ancillaries = vec![[0; ancillary::SIZE / 8]; SLOTS];
        let mut senders = vec![super::sys::address(std::net::Ipv4Addr::UNSPECIFIED, 0); SLOTS];
        let mut vectors: Vec<_> = payloads
            .chunks_exact_mut(datagram_size)
            .map(|payload| libc::iovec { iov_base: payload.as_mut_ptr().cast(), iov_len: payload.len() })
            .collect();
        let parts = vectors.iter_mut().zip(&mut senders).zip(&mut ancillaries);
        let headers = parts.map(|((vector, sender), ancillary)| libc::mmsghdr {
            msg_hdr: libc::msghdr {
                msg_name: (&raw mut *sender).cast(),
                msg_namelen: size_of::<libc::sockaddr_in>() as libc::socklen_t,
                msg_iov: vector,
                msg_iovlen: 1,
                msg_control: ancillary.as_mut_ptr().cast(),
                msg_controllen: ancillary::SIZE,
                msg_flags: 0,
            },
            msg_len: 0,
        });
        let headers = headers.collect();
        let receivers = vec![0; SLOTS];
        Self { datagram_size, payloads, ancillaries, senders, _vectors: vectors, headers, receivers, taken: 0 }
    }

    /// Makes the slots that were used ready to be filled again.
    fn renew(&mut self) {
        for header in &mut self.headers[..self.taken] {
            header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_hdr.msg_controllen = ancillary::SIZE;
        }
        self.taken = 0;
    }

    /// Takes what a socket has, up to `room` datagrams in all.
    #[inline]
    fn receive(&mut self, fd: RawFd, receiver: usize, room: usize) -> io::Result<()> {
        let free = &mut self.headers[self.taken..room];
        // SAFETY: the headers lead to live arrays of the sizes that they name, which nobody reads meanwhile: views of them
        // borrow the source, as this call does.
        let count = unsafe {
            libc::recvmmsg(fd, free.as_mut_ptr(), free.len() as libc::c_uint, libc::MSG_DONTWAIT, std::ptr::null_mut())
        };
        if count < 0 {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                // Nothing is there, a signal came, or an ICMP message about something that was sent from the port.
                Some(libc::EAGAIN | libc::EINTR | libc::ECONNREFUSED) => Ok(()),
                // The interface went down: its packets come again when it is up.
                Some(libc::ENETDOWN) => Ok(()),
                _ => Err(error),
            };
        }
        let end = self.taken + count as usize;
        self.receivers[self.taken..end].fill(receiver);
        self.taken = end;
        Ok(())
    }

    #[inline]
    fn get(&self, slot: usize) -> Received<'_> {
        let header = &self.headers[slot];
        let start = slot * self.datagram_size;
        let size = (header.msg_len as usize).min(self.datagram_size);
        let said = header.msg_hdr.msg_controllen.min(ancillary::SIZE);
        let words = &self.ancillaries[slot];
        // SAFETY: any initialized word is eight initialized bytes, and `said` is no more than there are.
        let ancillary = unsafe { std::slice::from_raw_parts(words.as_ptr().cast::<u8>(), said) };
        let sender = &self.senders[slot];
        Received {
            payload: &self.payloads[start..start + size],
            cut: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            source: u32::from_be(sender.sin_addr.s_addr),
            source_port: u16::from_be(sender.sin_port),
            ancillary: Ancillary::read(ancillary),
        }
    }
}
