//! The io_uring source: one request a socket that goes on giving packets, in buffers that the kernel was given before.

use std::{
    fmt, io,
    os::fd::{AsRawFd, RawFd},
    ptr,
    sync::atomic::{AtomicU16, Ordering},
};

use io_uring::{
    IoUring, cqueue, opcode,
    types::{BufRingEntry, Fd},
};

use super::{
    LiveConfig, LiveCounters, LiveSource, StampKind,
    ancillary::{self, Ancillary},
    intake::Intake,
    mapping::Mapping,
    receiver::{Received, Receivers},
    socket::failed,
    sys,
};
use crate::{Burst, Counters, FlowId, FlowTable, PacketSource, Polled, SourceError};

/// Buffers that the kernel fills; a power of two. Packets for which there is none wait in the socket.
const BUFFERS: u16 = 512;
/// The group that they are given in.
const GROUP: u16 = 0;
const SENDER_SIZE: usize = size_of::<libc::sockaddr_in>();
/// What the kernel writes into a buffer before sender, ancillary data and payload.
const HEADER_SIZE: usize = 16;

/// Receives datagrams by multishot requests of an io_uring.
///
/// While nothing comes, polling it reads shared memory and makes no system call.
pub struct UringSource {
    // The ring goes first: the kernel lets go of the buffers when it is closed.
    ring: IoUring,
    buffers: Buffers,
    receivers: Receivers,
    descriptors: [RawFd; 1],
    /// Which sockets have a request that goes on.
    is_armed: Vec<bool>,
    all_armed: bool,
    /// What each request wants beside the payload. The kernel reads it when a request starts.
    message: Box<libc::msghdr>,
    intake: Intake,
}

// SAFETY: the message's pointers are all null: it says sizes only. Everything else may move between threads.
unsafe impl Send for UringSource {}

impl UringSource {
    /// Opens the sockets, joins the groups and makes the ring. Requests start with the first burst, on the thread that asks
    /// for it: the kernel does its part of the work on that one.
    ///
    /// # Errors
    ///
    /// [`SourceError::Unavailable`] where the kernel has no io_uring of this kind, or does not let this process have it;
    /// otherwise as for the socket source.
    pub fn open(config: &LiveConfig) -> Result<Self, SourceError> {
        config.check()?;
        supported()?;
        let receivers = Receivers::open(config)?;
        let ring = ring().map_err(unavailable)?;
        let buffers = Buffers::new(&ring, config.datagram_size).map_err(unavailable)?;
        Ok(Self {
            descriptors: [ring.as_raw_fd()],
            ring,
            buffers,
            is_armed: vec![false; receivers.sockets.len()],
            all_armed: false,
            receivers,
            message: Box::new(message()),
            intake: Intake::new(config, StampKind::Kernel),
        })
    }

    /// Starts the requests that the kernel ended, or that were never started.
    #[cold]
    fn arm(&mut self) -> io::Result<()> {
        for (at, is_armed) in self.is_armed.iter_mut().enumerate().filter(|(_, is_armed)| !**is_armed) {
            let fd = Fd(self.receivers.sockets[at].socket.as_raw_fd());
            let entry = opcode::RecvMsgMulti::new(fd, &raw const *self.message, GROUP).build().user_data(at as u64);
            // SAFETY: message, sockets and buffers live as long as the ring, which is closed before them.
            if unsafe { self.ring.submission().push(&entry) }.is_err() {
                // The queue is full: the rest is for the next burst.
                break;
            }
            *is_armed = true;
        }
        self.ring.submit()?;
        self.all_armed = self.is_armed.iter().all(|is_armed| *is_armed);
        Ok(())
    }
}

impl PacketSource for UringSource {
    fn burst<'a>(&'a mut self, burst: &'a mut Burst) -> Result<Polled<'a>, SourceError> {
        self.buffers.give_back();
        let entered = if !self.all_armed {
            self.arm()
        } else if self.ring.submission().taskrun() {
            // The kernel has packets, and waits for this thread to come by.
            self.ring.submit().map(drop)
        } else {
            Ok(())
        };
        if let Err(error) = entered
            && !matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN | libc::EBUSY))
        {
            return Err(failed(self.receivers.sockets[0].port, error));
        }
        let Self { ring, buffers, receivers, is_armed, all_armed, intake, .. } = self;
        let mut writer = burst.writer();
        let room = writer.room();
        for completion in ring.completion().take(room) {
            let at = completion.user_data() as usize;
            if !cqueue::more(completion.flags()) {
                is_armed[at] = false;
                *all_armed = false;
            }
            if completion.result() < 0 {
                match -completion.result() {
                    libc::ENOBUFS => intake.live.restarts += 1,
                    libc::ECANCELED | libc::EAGAIN | libc::EINTR | libc::ECONNREFUSED | libc::ENETDOWN => {}
                    code => return Err(failed(receivers.sockets[at].port, io::Error::from_raw_os_error(code))),
                }
                continue;
            }
            let Some(id) = cqueue::buffer_select(completion.flags()) else { continue };
            buffers.held.push((id, completion.result() as u32, at));
        }
        let buffers = &*buffers;
        for &(id, size, at) in &buffers.held {
            receivers.take(at, read(buffers.get(id, size)), intake, &mut writer);
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

impl LiveSource for UringSource {
    fn name(&self) -> &'static str {
        "io_uring"
    }

    fn descriptors(&self) -> &[RawFd] {
        &self.descriptors
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

impl fmt::Debug for UringSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UringSource")
            .field("receivers", &self.receivers)
            .field("intake", &self.intake)
            .finish_non_exhaustive()
    }
}

/// Whether this kernel has what the source needs, and lets this process have it.
///
/// # Errors
///
/// [`SourceError::Unavailable`] says what is missing.
pub fn supported() -> Result<(), SourceError> {
    let probe = || -> io::Result<()> {
        // The requests of a probe end with its own ring: one that waited on this thread would need it for ever.
        let mut ring = ring()?;
        let socket = sys::socket(libc::AF_INET, libc::SOCK_DGRAM)?;
        let _buffers = Buffers::new(&ring, 64)?;
        let message = message();
        let entry = opcode::RecvMsgMulti::new(Fd(socket.as_raw_fd()), &raw const message, GROUP).build();
        // SAFETY: message, socket and buffers live until the ring is closed, at the end of this block.
        unsafe { ring.submission().push(&entry) }.map_err(|_| io::Error::other("a new queue is full"))?;
        ring.submit()?;
        let refusal = ring.completion().next().map_or(0, |completion| completion.result());
        drop(ring);
        match refusal {
            0.. => Ok(()),
            code => Err(io::Error::from_raw_os_error(-code)),
        }
    };
    probe().map_err(unavailable)
}

fn unavailable(error: io::Error) -> SourceError {
    let (reason, remedy) = match error.raw_os_error() {
        Some(libc::ENOSYS) => ("this kernel has no io_uring", "take the socket source, or Linux 6.0 or newer"),
        Some(libc::EPERM | libc::EACCES) => {
            ("this process may not use it", "set kernel.io_uring_disabled to 0, or allow io_uring_setup in the sandbox")
        }
        Some(libc::EINVAL) => ("this kernel has no multishot recvmsg", "take the socket source, or Linux 6.0 or newer"),
        Some(libc::ENOMEM) => ("its memory may not be locked", "raise the limit of locked memory (ulimit -l)"),
        _ => ("it cannot be set up", "take the socket source, and report this"),
    };
    SourceError::Unavailable { what: "io_uring".into(), reason: format!("{reason} ({error})"), remedy: remedy.into() }
}

/// A ring that does its work when this thread comes by, and shows in shared memory that there is some.
fn ring() -> io::Result<IoUring> {
    IoUring::builder().setup_coop_taskrun().setup_taskrun_flag().setup_cqsize(u32::from(BUFFERS) * 2).build(64)
}

/// Sizes that a request reserves in each buffer.
fn message() -> libc::msghdr {
    libc::msghdr {
        msg_name: ptr::null_mut(),
        msg_namelen: SENDER_SIZE as libc::socklen_t,
        msg_iov: ptr::null_mut(),
        msg_iovlen: 0,
        msg_control: ptr::null_mut(),
        msg_controllen: ancillary::SIZE,
        msg_flags: 0,
    }
}

/// Reads a buffer; `None` where it does not hold what was asked for. A datagram has before it the kernel's header (`struct
/// io_uring_recvmsg_out`), then sender and ancillary data in the room that the request reserved for them.
#[inline]
fn read(buffer: &[u8]) -> Option<Received<'_>> {
    let (header, rest) = buffer.split_first_chunk::<HEADER_SIZE>()?;
    let word = |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (sender, rest) = rest.split_first_chunk::<SENDER_SIZE>()?;
    let (said, payload) = rest.split_first_chunk::<{ ancillary::SIZE }>()?;
    let (said_size, payload_size, flags) = (word(4) as usize, word(8) as usize, word(12) as i32);
    Some(Received {
        payload: &payload[..payload_size.min(payload.len())],
        cut: flags & libc::MSG_TRUNC != 0,
        // Family, then port and address in network byte order.
        source: u32::from_be_bytes([sender[4], sender[5], sender[6], sender[7]]),
        source_port: u16::from_be_bytes([sender[2], sender[3]]),
        ancillary: Ancillary::read(&said[..said_size.min(ancillary::SIZE)]),
    })
}

/// Buffers, and the ring by which the kernel gets them.
struct Buffers {
    memory: Mapping,
    entries: Mapping,
    /// Bytes that the kernel may write into a buffer.
    size: usize,
    /// Bytes from a buffer to the next.
    stride: usize,
    /// Buffers given to the kernel so far.
    tail: u16,
    /// Buffer, bytes in it and socket of the packets of the last burst.
    held: Vec<(u16, u32, usize)>,
}

impl Buffers {
    /// Makes buffers and gives all of them to the kernel.
    fn new(ring: &IoUring, datagram_size: usize) -> io::Result<Self> {
        let size = HEADER_SIZE + SENDER_SIZE + ancillary::SIZE + datagram_size;
        let stride = size.next_multiple_of(64);
        let memory = Mapping::anonymous(stride * usize::from(BUFFERS))?;
        let entries = Mapping::anonymous(size_of::<BufRingEntry>() * usize::from(BUFFERS))?;
        // SAFETY: the entries are page-aligned memory of the size that is named, and are unmapped after the ring is closed.
        unsafe { ring.submitter().register_buf_ring_with_flags(entries.start() as u64, BUFFERS, GROUP, 0) }?;
        // A burst's room is the caller's choice, and never more than all buffers are out.
        let held = Vec::with_capacity(BUFFERS.into());
        let mut buffers = Self { memory, entries, size, stride, tail: 0, held };
        (0..BUFFERS).for_each(|id| buffers.offer(id));
        buffers.publish();
        Ok(buffers)
    }

    /// Puts a buffer into the next place of the ring.
    #[inline]
    fn offer(&mut self, id: u16) {
        let place = usize::from(self.tail & (BUFFERS - 1));
        let address = self.memory.start() as u64 + self.stride as u64 * u64::from(id);
        // SAFETY: the place is one of BUFFERS entries in mapped memory, where zero bytes are an entry. The kernel reads no
        // entry behind the tail, and nobody else has the memory. Address, length and id leave the first entry's last field
        // alone, in which the tail stands.
        let entry = unsafe { &mut *self.entries.start().cast::<BufRingEntry>().add(place) };
        entry.set_addr(address);
        entry.set_len(self.size as u32);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Shows the kernel what was offered.
    #[inline]
    fn publish(&mut self) {
        // SAFETY: the first entry is mapped, aligned and initialized; its last field is the tail, and both sides use it
        // atomically.
        let tail = unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.entries.start().cast()).cast_mut()) };
        // Pairs with the kernel's acquire load: entries before the tail are whole.
        tail.store(self.tail, Ordering::Release);
    }

    /// Gives the buffers of the last burst back to the kernel.
    #[inline]
    fn give_back(&mut self) {
        if self.held.is_empty() {
            return;
        }
        for at in 0..self.held.len() {
            self.offer(self.held[at].0);
        }
        self.held.clear();
        self.publish();
    }

    /// What the kernel wrote into a buffer.
    #[inline]
    fn get(&self, id: u16, size: u32) -> &[u8] {
        let start = self.stride * usize::from(id & (BUFFERS - 1));
        self.memory.bytes(start, (size as usize).min(self.size))
    }
}
