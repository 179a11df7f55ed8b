//! Ports, their buffers and their queues.

use std::{
    ffi::{CString, c_void},
    fmt, ptr, slice,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use wirebook_dpdk_sys::{Frame, PortSettings, PortState};

use super::Eal;
use crate::{
    SourceError,
    live::{DpdkConfig, DpdkMemory, LiveConfig, config::wrong},
};

/// Queues of a port; one bit each says which are taken.
const QUEUE_LIMIT: u16 = 64;
/// Bytes of a frame's headers, tags and trailer around the datagram.
const AROUND: usize = 128;
/// Bytes of IPv4 and UDP headers, which an MTU counts.
const HEADERS: usize = 28;
/// Frames that are received at once.
pub(super) const BURST_LIMIT: usize = 128;

/// Packet buffers.
pub struct Pool {
    eal: Eal,
    pool: *mut c_void,
}

// SAFETY: DPDK's pools may be used and closed by any thread.
unsafe impl Send for Pool {}
// SAFETY: a pool's functions may be called by several threads at once.
unsafe impl Sync for Pool {}

impl Pool {
    /// Makes buffers for frames of `frame_size` bytes.
    ///
    /// # Errors
    ///
    /// [`SourceError::Live`], most likely because DPDK's memory is full.
    pub fn open(eal: Eal, buffer_count: u32, frame_size: usize) -> Result<Self, SourceError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = CString::new(format!("wirebook{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        let name = name.expect("it is written without zero bytes");
        // SAFETY: may be called once DPDK has started.
        let headroom = unsafe { (eal.table.headroom)() };
        let room = frame_size.max(2048) + usize::from(headroom);
        let room = u16::try_from(room)
            .map_err(|_| wrong("datagram_size", &format!("{frame_size} bytes do not fit"), "65000 would do"))?;
        let mut pool = ptr::null_mut();
        // SAFETY: DPDK has started; the name ends with a zero byte and is copied; the result is written to `pool`.
        let code = unsafe { (eal.table.pool_open)(name.as_ptr(), buffer_count, room, &raw mut pool) };
        let what = || format!("{buffer_count} packet buffers of {room} bytes");
        eal.check(what, code, "take fewer buffers, or give DPDK more memory")?;
        Ok(Self { eal, pool })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: it was opened, and whoever has buffers of it holds the port that holds this.
        unsafe { (self.eal.table.pool_close)(self.pool) }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

/// A started port. It is unplugged when the last that holds it is dropped.
#[derive(Debug)]
pub struct Port {
    eal: Eal,
    number: u16,
    device: String,
    queue_count: u16,
    taken: AtomicU64,
    pool: Pool,
}

/// Ports of this process: sources of several queues share one.
static PORTS: Mutex<Vec<Weak<Port>>> = Mutex::new(Vec::new());

/// DPDK's devices come and go one at a time. Taken inside of the lock of `PORTS`, or without it.
static PLUGGING: Mutex<()> = Mutex::new(());

fn plugging() -> MutexGuard<'static, ()> {
    PLUGGING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Port {
    /// The port of a device, which is plugged in and started if it is not there yet. Datagrams that are longer than
    /// [`LiveConfig::DATAGRAM_SIZE`] have its MTU raised.
    ///
    /// # Errors
    ///
    /// [`SourceError::Config`] where the device is open with other settings, [`SourceError::Live`] for what DPDK refused.
    pub fn open(eal: Eal, config: &DpdkConfig, datagram_size: usize, stamps: bool) -> Result<Arc<Self>, SourceError> {
        if config.queue_count == 0 || config.queue_count > QUEUE_LIMIT || config.queue >= config.queue_count {
            let found = format!("queue {} of {}", config.queue, config.queue_count);
            return Err(wrong("dpdk.queue", &found, "up to 64 queues, counted from 0, would do"));
        }
        if is_pci(&config.device) && eal.memory() != DpdkMemory::HugePages {
            let found = format!("{} is a card, and DPDK runs in ordinary memory", config.device);
            return Err(wrong("dpdk.memory", &found, "choose huge pages"));
        }
        let mut ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
        ports.retain(|port| port.strong_count() > 0);
        if let Some(port) = ports.iter().filter_map(Weak::upgrade).find(|port| port.name() == name(&config.device)) {
            return match (&*port.device, port.queue_count) == (&*config.device, config.queue_count) {
                true => Ok(port),
                false => {
                    let found = format!("{} is open as {} with {} queues", port.name(), port.device, port.queue_count);
                    Err(wrong("dpdk.device", &found, "give every source of a port the same device and queue_count"))
                }
            };
        }
        let port = Arc::new(Self::plug(eal, config, datagram_size, stamps)?);
        ports.push(Arc::downgrade(&port));
        Ok(port)
    }

    fn plug(eal: Eal, config: &DpdkConfig, datagram_size: usize, stamps: bool) -> Result<Self, SourceError> {
        let pool = Pool::open(eal, config.buffer_count, datagram_size + AROUND)?;
        let text = |text: &str| {
            CString::new(text).map_err(|_| wrong("dpdk.device", &format!("{text:?} has a zero byte"), "leave it out"))
        };
        let (device, name) = (text(&config.device)?, text(name(&config.device))?);
        let mut number = 0;
        let code = {
            let _plugging = plugging();
            // SAFETY: DPDK has started; the texts end with zero bytes and outlive the call; the result is written to `number`.
            unsafe { (eal.table.port_plug)(device.as_ptr(), name.as_ptr(), &raw mut number) }
        };
        let remedy = match is_pci(&config.device) {
            true => "bind the card to vfio-pci (dpdk-devbind.py), and check the address with `lspci -D`",
            false => "check the device's arguments; `dpdk` and root are needed for those that use an interface",
        };
        eal.check(|| format!("plugging in {}", config.device), code, remedy)?;
        // From here on, dropping it unplugs the device.
        let port = Self {
            eal,
            number,
            device: config.device.clone(),
            queue_count: config.queue_count,
            taken: AtomicU64::new(0),
            pool,
        };
        let mtu = match datagram_size {
            ..=LiveConfig::DATAGRAM_SIZE => 0,
            longer => u16::try_from(longer + HEADERS).unwrap_or(u16::MAX),
        };
        let settings = PortSettings {
            queues: config.queue_count,
            descriptors: config.descriptor_count,
            mtu,
            promiscuous: config.promiscuous.into(),
            stamps: stamps.into(),
            pool: port.pool.pool,
        };
        let code = {
            let _plugging = plugging();
            // SAFETY: the port was plugged in and is not started yet; the pool lives as long as the port.
            unsafe { (eal.table.port_start)(number, &raw const settings) }
        };
        let remedy = "check queue_count, descriptor_count and datagram_size against what the device has";
        eal.check(|| format!("starting {}", config.device), code, remedy)?;
        Ok(port)
    }

    /// The device's name, without arguments.
    pub fn name(&self) -> &str {
        name(&self.device)
    }

    /// Takes a queue, for one owner at a time.
    ///
    /// # Errors
    ///
    /// [`SourceError::Config`] for a queue that is not there or is taken.
    pub fn queue(self: &Arc<Self>, index: u16) -> Result<Queue, SourceError> {
        let refused = |why: &str| {
            let found = format!("queue {index} of {} {why}", self.name());
            Err(wrong("dpdk.queue", &found, "give each source a queue of its own"))
        };
        if index >= self.queue_count {
            return refused("is not there");
        }
        if self.taken.fetch_or(1 << index, Ordering::Relaxed) & 1 << index != 0 {
            return refused("is taken");
        }
        Ok(Queue {
            port: self.clone(),
            index,
            held: vec![ptr::null_mut(); BURST_LIMIT].into(),
            frames: vec![Frame { data: ptr::null(), size: 0, flags: 0, stamp: 0 }; BURST_LIMIT].into(),
            count: 0,
        })
    }

    /// Sends a copy of an Ethernet frame on the port's first sending queue. For trials: one frame a call, and one caller at a
    /// time.
    ///
    /// # Errors
    ///
    /// [`SourceError::Live`] where the frame is too long, or no buffer or descriptor is free.
    pub fn send(&self, frame: &[u8]) -> Result<(), SourceError> {
        static SENDING: Mutex<()> = Mutex::new(());
        let _sending = SENDING.lock().unwrap_or_else(PoisonError::into_inner);
        let size = u16::try_from(frame.len())
            .map_err(|_| wrong("frame", &format!("{} bytes are no frame", frame.len()), "1514 would do"))?;
        // SAFETY: the port is started with a sending queue where the device has one, only this thread sends, and the frame is
        // copied.
        let code = unsafe { (self.eal.table.send)(self.number, self.pool.pool, frame.as_ptr(), size) };
        self.eal.check(|| format!("sending on {}", self.name()), code, "take the frames off the port first")
    }

    /// What the port counted.
    pub(super) fn state(&self) -> PortState {
        let mut state = PortState::default();
        // SAFETY: the port is started, and the result is written to `state`.
        unsafe { (self.eal.table.port_state)(self.number, &raw mut state) };
        state
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        let _plugging = plugging();
        // SAFETY: the port is plugged in, and every queue that could use it is gone, for each holds the port.
        unsafe { (self.eal.table.port_unplug)(self.number) };
    }
}

/// A device's name: what stands before its arguments.
fn name(device: &str) -> &str {
    device.split(',').next().unwrap_or(device)
}

/// Whether a device is a card: `0000:3b:00.0`, or without the domain.
fn is_pci(device: &str) -> bool {
    let name = name(device);
    name.contains(':') && name.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
}

/// A receive queue of a port, and the frames of its last burst.
pub struct Queue {
    port: Arc<Port>,
    index: u16,
    held: Box<[*mut c_void]>,
    frames: Box<[Frame]>,
    count: usize,
}

// SAFETY: a queue may be polled by any thread, one at a time, which owning it sees to; its pointers lead to buffers that are its
// own until it gives them back.
unsafe impl Send for Queue {}

impl Queue {
    /// The port that it belongs to.
    pub fn port(&self) -> &Arc<Port> {
        &self.port
    }

    /// Takes the frames that are there, up to `limit` and 128. They go back when the burst is dropped.
    pub fn receive(&mut self, limit: usize) -> Burst<'_> {
        self.take(limit);
        Burst { queue: self }
    }

    /// Gives back the last burst, and takes the next.
    #[inline]
    pub(super) fn take(&mut self, limit: usize) {
        self.give_back();
        let limit = limit.min(BURST_LIMIT) as u16;
        let (held, frames) = (self.held.as_mut_ptr(), self.frames.as_mut_ptr());
        // SAFETY: the port is started and this is its only user of the queue; both arrays have room for `limit`.
        let count = unsafe { (self.port.eal.table.receive)(self.port.number, self.index, held, frames, limit) };
        self.count = count.into();
    }

    /// Frames of the last burst: bytes, flags and the card's time.
    #[inline]
    pub(super) fn frames(&self) -> impl ExactSizeIterator<Item = (&[u8], u32, u64)> {
        self.frames[..self.count].iter().map(|frame| {
            // SAFETY: the shim says where each frame of the burst starts and how many bytes are in one piece; its buffer is
            // given back by a call that needs this queue alone.
            let bytes = unsafe { slice::from_raw_parts(frame.data, frame.size as usize) };
            (bytes, frame.flags, frame.stamp)
        })
    }

    #[inline]
    fn give_back(&mut self) {
        if self.count > 0 {
            // SAFETY: the first `count` buffers are this queue's, and nothing looks at them any more.
            unsafe { (self.port.eal.table.give_back)(self.held.as_mut_ptr(), self.count as u16) };
            self.count = 0;
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.give_back();
        self.port.taken.fetch_and(!(1 << self.index), Ordering::Relaxed);
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("port", &self.port).field("index", &self.index).finish_non_exhaustive()
    }
}

/// Frames that were received together, given back when this is dropped.
#[derive(Debug)]
pub struct Burst<'q> {
    queue: &'q mut Queue,
}

impl Burst<'_> {
    /// The frames.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.queue.frames().map(|(bytes, _, _)| bytes)
    }
}

impl Drop for Burst<'_> {
    fn drop(&mut self) {
        self.queue.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_and_virtual_devices_are_told_apart() {
        assert!(["0000:3b:00.0", "3b:00.1", "0000:3b:00.0,representor=0"].into_iter().all(is_pci));
        assert!(!["net_pcap0,rx_pcap=a:b.pcap", "net_ring0", "eth_af_packet0,iface=eth1"].into_iter().any(is_pci));
        assert_eq!(name("net_af_packet0,iface=eth1,framecnt=4096"), "net_af_packet0");
    }
}
