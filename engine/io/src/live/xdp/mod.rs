//! The AF_XDP source: frames of a queue in memory that is shared with the kernel's driver, without a system call each.

mod bpf;
mod program;
mod ring;

use std::{
    fmt, io,
    os::fd::{AsRawFd, OwnedFd, RawFd},
    ptr,
    sync::Arc,
    thread,
    time::Duration,
};

use self::{
    program::{Place, Program},
    ring::{FillRing, Layout, ReceiveRing},
};
use super::{
    LiveConfig, LiveCounters, LiveSource, SourceKind, StampKind, XdpConfig, XdpMode,
    config::wrong,
    intake::{Intake, Stamp},
    mapping::Mapping,
    membership::Membership,
    stamp::now_ns,
    sys,
};
use crate::{Burst, Counters, FlowId, FlowTable, PacketSource, Polled, SourceError};

/// Bytes before the frame that the kernel keeps for XDP programs.
const HEADROOM: usize = 256;
/// Bytes of a frame's headers, tags and trailer around the datagram.
const AROUND: usize = 128;
/// Frames of one burst that are noted to be given back; a burst with more room is filled up to here.
const HELD_LIMIT: usize = 1024;

/// Receives frames of one queue by an AF_XDP socket.
pub struct XdpSource {
    rings: Rings,
    interface: String,
    queue: u32,
    /// Frames of the last burst.
    held: Vec<u64>,
    is_busy_polled: bool,
    descriptors: [RawFd; 1],
    intake: Intake,
    notes: Vec<String>,
    _membership: Membership,
}

/// A bound socket, its memory and its rings. The order is that of closing.
struct Rings {
    fill: FillRing,
    receive: ReceiveRing,
    /// The kernel wants one, and uses it for sending only.
    _completion: Mapping,
    socket: OwnedFd,
    memory: Mapping,
    frame_size: usize,
    mode: XdpMode,
    _program: Arc<Program>,
}

impl XdpSource {
    /// Attaches the program, binds the socket to the queue, and has a kernel socket hold the joins.
    ///
    /// # Errors
    ///
    /// [`SourceError::Config`], [`SourceError::Unavailable`] where the kernel has no AF_XDP or does not let this process have
    /// it, or [`SourceError::Live`] for what the driver refused.
    pub fn open(config: &LiveConfig) -> Result<Self, SourceError> {
        config.check()?;
        let SourceKind::AfXdp(xdp) = &config.kind else {
            return Err(wrong("kind", config.kind.name(), "af_xdp would do"));
        };
        let Some(interface) = config.interface.clone() else {
            return Err(wrong("interface", "AF_XDP needs one", "`ip link` lists the interfaces"));
        };
        if !xdp.frame_count.is_power_of_two() || !(64..=1 << 20).contains(&xdp.frame_count) {
            let found = format!("{} is no power of two from 64 to 1048576", xdp.frame_count);
            return Err(wrong("frame_count", &found, "4096 would do"));
        }
        let index = sys::interface_index(&interface)?;
        supported()?;
        let membership = Membership::hold(config, index)?;
        let (rings, mut notes) = bind(config, xdp, &interface, index)?;
        let is_busy_polled = busy_poll(&rings.socket, config, &mut notes);
        Ok(Self {
            descriptors: [rings.socket.as_raw_fd()],
            rings,
            interface,
            queue: xdp.queue,
            held: Vec::with_capacity(HELD_LIMIT),
            is_busy_polled,
            intake: Intake::new(config, StampKind::Software),
            notes,
            _membership: membership,
        })
    }

    /// Which of the modes the driver took.
    pub fn mode(&self) -> XdpMode {
        self.rings.mode
    }

    /// Has the driver look at its queue.
    #[cold]
    fn wake(&self) -> Result<(), SourceError> {
        let fd = self.rings.socket.as_raw_fd();
        // SAFETY: no memory is passed.
        let result =
            unsafe { libc::recvfrom(fd, ptr::null_mut(), 0, libc::MSG_DONTWAIT, ptr::null_mut(), ptr::null_mut()) };
        if result >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            // Nothing is there, the driver is at it already, or the interface is down: packets come when it is up.
            Some(libc::EAGAIN | libc::EBUSY | libc::EINTR | libc::ENETDOWN | libc::ENOBUFS) => Ok(()),
            _ => Err(SourceError::Live {
                what: format!("receiving on {} queue {}", self.interface, self.queue),
                error,
                remedy: "check the interface with `ip link`, then start again".into(),
            }),
        }
    }
}

impl PacketSource for XdpSource {
    fn burst<'a>(&'a mut self, burst: &'a mut Burst) -> Result<Polled<'a>, SourceError> {
        if !self.held.is_empty() {
            self.rings.fill.offer(self.held.drain(..));
        }
        if self.is_busy_polled || self.rings.fill.needs_wakeup() {
            self.wake()?;
        }
        let Self { rings, held, intake, .. } = self;
        let Rings { receive, memory, frame_size, .. } = rings;
        let (memory, start) = (&*memory, !(*frame_size as u64 - 1));
        let mut writer = burst.writer();
        let mut stamp = None;
        receive.take(writer.room().min(HELD_LIMIT), |descriptor| {
            // Packets come as fast as they are taken here; one reading of the clock stands for all of a burst.
            let stamp = *stamp.get_or_insert_with(|| Stamp { ts_recv_ns: now_ns(), kind: StampKind::Software });
            held.push(descriptor.address & start);
            let frame = memory.bytes(descriptor.address as usize, descriptor.size as usize);
            intake.frame(&mut writer, frame, stamp);
        });
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

impl LiveSource for XdpSource {
    fn name(&self) -> &'static str {
        "af_xdp"
    }

    fn descriptors(&self) -> &[RawFd] {
        &self.descriptors
    }

    fn stamps(&self) -> StampKind {
        self.intake.stamps
    }

    fn live_counters(&mut self) -> LiveCounters {
        // Received, dropped for want of a frame or of room in the ring.
        let figures = sys::option::<[u64; 6]>(&self.rings.socket, libc::SOL_XDP, libc::XDP_STATISTICS);
        if let Ok([dropped, _, _, ring_full, ..]) = figures {
            self.intake.live.drops = dropped + ring_full;
        }
        self.intake.live_counters()
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl fmt::Debug for XdpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XdpSource")
            .field("interface", &self.interface)
            .field("queue", &self.queue)
            .field("mode", &self.rings.mode)
            .field("intake", &self.intake)
            .finish_non_exhaustive()
    }
}

/// Whether this kernel has AF_XDP, and lets this process have it.
///
/// # Errors
///
/// [`SourceError::Unavailable`] says what is missing.
pub fn supported() -> Result<(), SourceError> {
    let socket = sys::socket(libc::AF_XDP, libc::SOCK_RAW).map(drop);
    socket.and_then(|()| bpf::map(bpf::MapKind::Xsk, 4, 1).map(drop)).map_err(|error| {
        let (reason, remedy) = match error.raw_os_error() {
            Some(libc::EAFNOSUPPORT | libc::EINVAL | libc::ENOSYS) => {
                ("this kernel has no AF_XDP", "take the socket source, or a kernel with CONFIG_XDP_SOCKETS")
            }
            Some(libc::EPERM | libc::EACCES) => (
                "this process may not use it",
                "run as root, or with CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF; a sandbox must allow the bpf system call",
            ),
            _ => ("it cannot be set up", "take the socket source, and report this"),
        };
        SourceError::Unavailable { what: "af_xdp".into(), reason: format!("{reason} ({error})"), remedy: remedy.into() }
    })
}

/// Binds a socket in the mode that is asked for, or the first that the driver takes.
fn bind(
    config: &LiveConfig,
    xdp: &XdpConfig,
    interface: &str,
    index: u32,
) -> Result<(Rings, Vec<String>), SourceError> {
    let modes: &[XdpMode] = match xdp.mode {
        XdpMode::Best => &[XdpMode::ZeroCopy, XdpMode::Copy, XdpMode::Generic],
        XdpMode::ZeroCopy => &[XdpMode::ZeroCopy],
        XdpMode::Copy => &[XdpMode::Copy],
        XdpMode::Generic => &[XdpMode::Generic],
    };
    let mut notes = Vec::new();
    let mut last = None;
    for mode in modes {
        match Rings::new(config, xdp, index, *mode) {
            Ok(rings) => return Ok((rings, notes)),
            Err((step, error)) => {
                notes.push(match mode {
                    XdpMode::ZeroCopy | XdpMode::Best => {
                        format!("AF_XDP without zero copy ({step}: {error}): each packet is copied once")
                    }
                    _ => format!(
                        "AF_XDP without the driver ({step}: {error}): packets go through the kernel's receive path first, and \
                         cost several times as much"
                    ),
                });
                last = Some((step, error));
            }
        }
    }
    let (step, error) = last.unwrap_or(("mode", io::Error::other("none was tried")));
    let remedy = match error.raw_os_error() {
        Some(libc::EBUSY) => "another XDP program or socket is there: `ip link` and `bpftool net` show it",
        Some(libc::EOPNOTSUPP) => "take another mode",
        Some(libc::EINVAL) => "check that the interface has this queue: `ethtool -l` shows how many it has",
        Some(libc::ENOMEM | libc::ENOBUFS) => "take fewer frames, or raise the limit of locked memory (ulimit -l)",
        Some(libc::ERANGE) => "the interface's MTU is too large for XDP: 1500 would do",
        _ => "try mode generic, or the socket source",
    };
    let what = format!("AF_XDP on {interface} queue {} ({step})", xdp.queue);
    Err(SourceError::Live { what, error, remedy: remedy.into() })
}

impl Rings {
    /// Sets all up in one mode, or says at which step that ended.
    fn new(
        config: &LiveConfig,
        xdp: &XdpConfig,
        interface: u32,
        mode: XdpMode,
    ) -> Result<Self, (&'static str, io::Error)> {
        let place = if mode == XdpMode::Generic { Place::Generic } else { Place::Driver };
        let program = Program::on(interface, place).map_err(|error| ("program", error))?;
        let frame_size = if config.datagram_size + HEADROOM + AROUND <= 2048 { 2048 } else { 4096 };
        let count = xdp.frame_count;
        let memory = Mapping::anonymous(frame_size * count as usize).map_err(|error| ("memory", error))?;
        let socket = sys::socket(libc::AF_XDP, libc::SOCK_RAW).map_err(|error| ("socket", error))?;
        register(&socket, &memory, frame_size, count).map_err(|error| ("memory", error))?;
        let layouts = sys::option::<[u64; 16]>(&socket, libc::SOL_XDP, libc::XDP_MMAP_OFFSETS);
        let layouts = layouts.map_err(|error| ("rings", error))?;
        let [receive, _, fill, completion] = [0, 1, 2, 3].map(|ring| {
            let at = |part: usize| layouts[ring * 4 + part] as usize;
            Layout { producer: at(0), consumer: at(1), entries: at(2), flags: at(3) }
        });
        let fd = socket.as_raw_fd();
        let rings = (|| {
            let completion = Mapping::shared(
                fd,
                libc::XDP_UMEM_PGOFF_COMPLETION_RING as i64,
                completion.entries + COMPLETIONS as usize * size_of::<u64>(),
            )?;
            Ok((FillRing::new(fd, fill, count)?, ReceiveRing::new(fd, receive, count)?, completion))
        })();
        let (mut fill, receive, completion) = rings.map_err(|error| ("rings", error))?;
        fill.offer((0..u64::from(count)).map(|frame| frame * frame_size as u64));
        let copies = if mode == XdpMode::ZeroCopy { libc::XDP_ZEROCOPY } else { libc::XDP_COPY };
        let address = libc::sockaddr_xdp {
            sxdp_family: libc::AF_XDP as u16,
            sxdp_flags: libc::XDP_USE_NEED_WAKEUP | copies,
            sxdp_ifindex: interface,
            sxdp_queue_id: xdp.queue,
            sxdp_shared_umem_fd: 0,
        };
        bind_queue(&socket, &address).map_err(|error| ("bind", error))?;
        program.redirect(&config.joins).map_err(|error| ("joins", error))?;
        program.receive(xdp.queue, fd).map_err(|error| ("queue", error))?;
        Ok(Self { fill, receive, _completion: completion, socket, memory, frame_size, mode, _program: program })
    }
}

/// Binds a socket to its queue. The kernel lets go of a queue some time after its last socket was closed, which is waited for.
fn bind_queue(socket: &OwnedFd, address: &libc::sockaddr_xdp) -> io::Result<()> {
    const TRIES: u32 = 20;
    const PAUSE: Duration = Duration::from_millis(10);
    for _ in 1..TRIES {
        match sys::bind(socket, address) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => thread::sleep(PAUSE),
            result => return result,
        }
    }
    sys::bind(socket, address)
}

/// Places of the ring that is not used.
const COMPLETIONS: u32 = 64;

/// Names the memory and the sizes of the rings.
fn register(socket: &OwnedFd, memory: &Mapping, frame_size: usize, count: u32) -> io::Result<()> {
    let registration = libc::xdp_umem_reg {
        addr: memory.start() as u64,
        len: frame_size as u64 * u64::from(count),
        chunk_size: frame_size as u32,
        headroom: 0,
        flags: 0,
        tx_metadata_len: 0,
    };
    sys::set_option(socket, libc::SOL_XDP, libc::XDP_UMEM_REG, &registration)?;
    sys::set_option(socket, libc::SOL_XDP, libc::XDP_UMEM_FILL_RING, &count)?;
    sys::set_option(socket, libc::SOL_XDP, libc::XDP_UMEM_COMPLETION_RING, &COMPLETIONS)?;
    sys::set_option(socket, libc::SOL_XDP, libc::XDP_RX_RING, &count)
}

/// Has the kernel poll the card when this process asks, instead of by interrupts.
fn busy_poll(socket: &OwnedFd, config: &LiveConfig, notes: &mut Vec<String>) -> bool {
    const SO_PREFER_BUSY_POLL: libc::c_int = 69;
    const SO_BUSY_POLL_BUDGET: libc::c_int = 70;
    if config.busy_poll_us == 0 {
        return false;
    }
    let wanted = config.busy_poll_us.min(i32::MAX as u32) as libc::c_int;
    let set = |name, value: libc::c_int| sys::set_option(socket, libc::SOL_SOCKET, name, &value);
    let result = set(SO_PREFER_BUSY_POLL, 1)
        .and_then(|()| set(libc::SO_BUSY_POLL, wanted))
        .and_then(|()| set(SO_BUSY_POLL_BUDGET, 64));
    if let Err(error) = &result {
        notes.push(format!("busy polling: {error}, so packets wait for the card's interrupt; Linux 5.11 has it"));
    }
    result.is_ok()
}
