//! Every live source carries the same simulated day, over a cable between two namespaces, into the books that the file gives.
//!
//! The sender waits for the receiver: no more packets are on their way than the smallest buffer holds, so that nothing is lost
//! on a slow machine and nothing depends on time.

use std::{
    io,
    net::UdpSocket,
    ops::ControlFlow,
    os::fd::{AsRawFd, FromRawFd},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use wirebook_abi::{CheckedTable, Framing};
use wirebook_bench::{
    BenchError, CountingAllocator,
    sources::{Cable, SourcesConfig},
};
use wirebook_io::{
    Burst, Counters, FlowId, FlowTable, PacketSource, Polled, SourceError,
    capture::{CaptureSource, PcapWriter},
    live::{
        self, DpdkConfig, DpdkMemory, Join, LiveConfig, LiveCounters, LiveSource, SourceKind, StampKind, XdpConfig,
        XdpMode,
    },
};
use wirebook_runtime::{Digest, ImageDetail, NoSink, Replay, ReplayConfig};
use wirebook_simulator::{DayConfig, Packets, Packing, packets_in_memory};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const MESSAGES: u64 = 20_000;
/// Line A, line B, and a group that nobody joins.
const LINES: [&str; 2] = ["239.79.0.1:26400", "239.79.0.129:26400"];
const ELSEWHERE: &str = "239.79.0.2:26400";
/// Packets on their way at most.
const WINDOW: u64 = 64;
/// Long beyond what any machine takes; a test that waits for packets that never come ends here.
const DEADLINE: Duration = Duration::from_secs(120);

fn table() -> CheckedTable {
    CheckedTable::new(&wirebook_itch::NASDAQ).expect("of this workspace's own ABI")
}

fn day() -> Packets {
    let config = DayConfig { seed: 11, symbols: 40, messages: MESSAGES, ..DayConfig::default() };
    packets_in_memory(config, table(), Framing::MOLDUDP64, Packing::Fixed(7)).expect("a day")
}

/// The day as a capture with both lines.
fn capture(day: &Packets) -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new()).expect("memory takes all");
    for (at, packet) in day.iter().enumerate() {
        for line in LINES {
            let (from, to) = ("10.79.0.1:26400".parse().expect("an address"), line.parse().expect("an address"));
            writer.write_udp(1_752_724_800_000_000_000 + at as u64, from, to, packet).expect("memory takes all");
        }
    }
    writer.finish().expect("memory takes all")
}

/// Digest of every book at the end of the day.
fn digest(replay: &Replay) -> Digest {
    let summary = replay.summary();
    assert_eq!((summary.messages, summary.channels, summary.gaps, summary.missing), (MESSAGES, 1, 0, 0));
    assert_eq!(summary.statuses, []);
    replay.channels()[0].final_books(ImageDetail::Orders).digest()
}

fn of_file(day: &Packets) -> Digest {
    let source = CaptureSource::from_memory(capture(day)).expect("a capture");
    let mut replay =
        Replay::new(Box::new(source), table(), Framing::MOLDUDP64, ReplayConfig::default()).expect("a replay");
    replay.run(&mut NoSink).expect("a sound capture");
    digest(&replay)
}

/// A cable; `None`, said aloud, where this machine does not grant one. In CI, that is an error.
fn cable() -> Option<Cable> {
    match Cable::lay() {
        Ok(cable) => Some(cable),
        Err(error) => {
            let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!is_ci, "no network namespaces: {error}");
            eprintln!("SKIPPED: no network namespaces, which need root and the ip command: {error}");
            None
        }
    }
}

/// What a source came to; `None`, said aloud, where the machine has no such source. In CI, that is an error.
fn there<T>(result: Result<T, SourceError>) -> Option<T> {
    match result {
        Ok(carried) => Some(carried),
        Err(SourceError::Unavailable { what, reason, .. }) => {
            let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!is_ci, "{what}: {reason}");
            eprintln!("SKIPPED: {what}: {reason}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn config(kind: SourceKind) -> LiveConfig {
    LiveConfig {
        interface: Some(Cable::RECEIVER.into()),
        joins: LINES.map(|line| line.parse().expect("a join")).into(),
        ..LiveConfig::new(kind)
    }
}

/// What sender and receiver tell each other.
#[derive(Debug, Default)]
struct Shared {
    is_ready: AtomicBool,
    is_over: AtomicBool,
    received: AtomicU64,
    /// Allocations of the source after its first packets.
    allocations: AtomicU64,
    live: Mutex<Option<(StampKind, LiveCounters, Vec<String>)>>,
}

/// Ends the other side's waiting, whatever happens to this one.
struct Over<'s>(&'s Shared);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

/// Sends the day on both lines, and as much elsewhere, as fast as the receiver takes it.
fn send(day: &Packets, shared: &Shared) -> io::Result<()> {
    let wait = |condition: &dyn Fn() -> bool| {
        while !condition() && !shared.is_over.load(Ordering::Relaxed) {
            thread::yield_now();
        }
    };
    let socket = UdpSocket::bind((Cable::SENDER_ADDRESS, 26400))?;
    wait(&|| shared.is_ready.load(Ordering::Relaxed));
    let mut sent = 0;
    for packet in day.iter() {
        wait(&|| sent + 2 - shared.received.load(Ordering::Relaxed) <= WINDOW);
        for line in LINES {
            socket.send_to(packet, line)?;
            sent += 1;
        }
        socket.send_to(packet, ELSEWHERE)?;
    }
    Ok(())
}

/// A source that tells the sender what it has, and waits where there is nothing.
struct Watched {
    source: Box<dyn LiveSource>,
    shared: Arc<Shared>,
    had_nothing: bool,
}

impl PacketSource for Watched {
    fn burst<'a>(&'a mut self, burst: &'a mut Burst) -> Result<Polled<'a>, SourceError> {
        self.shared.received.store(self.source.counters().datagrams, Ordering::Relaxed);
        if self.had_nothing {
            self.source.wait(Duration::from_millis(20))?;
        }
        let is_warm = self.source.counters().datagrams > 2 * WINDOW;
        let before = CountingAllocator::allocations();
        let polled = self.source.burst(burst)?;
        let made = CountingAllocator::allocations().zip(before).map_or(u64::MAX, |(after, before)| after - before);
        self.shared.allocations.fetch_add(if is_warm { made } else { 0 }, Ordering::Relaxed);
        self.had_nothing = matches!(polled, Polled::Packets([]));
        Ok(polled)
    }

    fn consume(&mut self, flow: FlowId, size: usize) {
        self.source.consume(flow, size);
    }

    fn flows(&self) -> &FlowTable {
        self.source.flows()
    }

    fn counters(&self) -> &Counters {
        self.source.counters()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let seen = (self.source.stamps(), self.source.live_counters(), self.source.notes().to_vec());
        *self.shared.live.lock().expect("nobody panics with it") = Some(seen);
    }
}

/// What came through.
struct Carried {
    digest: Digest,
    counters: Counters,
    flows: usize,
    stamps: StampKind,
    live: LiveCounters,
    notes: Vec<String>,
    allocations: u64,
}

/// Takes the day off a source until all of it is there.
fn receive(config: &LiveConfig, shared: &Arc<Shared>) -> Result<Carried, SourceError> {
    let _over = Over(shared);
    let source = live::open(config)?;
    let watched = Watched { source, shared: shared.clone(), had_nothing: false };
    shared.is_ready.store(true, Ordering::Relaxed);
    let mut replay =
        Replay::new(Box::new(watched), table(), Framing::MOLDUDP64, ReplayConfig::default()).expect("a replay");
    let start = Instant::now();
    let day = day();
    let expected = 2 * day.spans.len() as u64;
    while replay.summary().source.datagrams < expected {
        replay.step(1 << 16, &mut NoSink).expect("a source that goes on");
        assert!(start.elapsed() < DEADLINE, "{:?} of {expected} packets", replay.summary().source);
    }
    let (digest, counters) = (digest(&replay), replay.summary().source);
    let flows = (0..).take_while(|id| replay.flow(FlowId(*id)).is_some()).count();
    drop(replay);
    let (stamps, live, notes) = shared.live.lock().expect("nobody panics with it").take().expect("it was dropped");
    let allocations = shared.allocations.load(Ordering::Relaxed);
    Ok(Carried { digest, counters, flows, stamps, live, notes, allocations })
}

/// Carries the day over a cable. The source is opened, polled and closed by a thread in the receiver's namespace.
fn carry(cable: &Cable, config: &LiveConfig) -> Result<Carried, SourceError> {
    let (day, shared) = (day(), Arc::new(Shared::default()));
    thread::scope(|scope| {
        let sender = scope.spawn(|| cable.sender.run(|| send(&day, &shared)));
        let carried = cable.receiver.run(|| receive(config, &shared)).expect("the receiver's namespace");
        sender.join().expect("no panic").expect("the sender's namespace").expect("sending");
        carried
    })
}

/// The day came through whole, and nothing else did.
fn assert_carried(carried: &Carried) {
    let day = day();
    assert_eq!(carried.digest, of_file(&day));
    let counters = &carried.counters;
    assert_eq!(counters.datagrams, 2 * day.spans.len() as u64);
    assert_eq!(carried.flows, 2, "a flow for each line");
    assert_eq!(counters.payload_bytes, 2 * day.bytes.len() as u64);
    assert_eq!((carried.live.drops, counters.cut, counters.malformed, counters.flows_refused), (0, 0, 0, 0));
    assert_eq!(carried.allocations, 0, "after the first packets a burst allocates nothing");
    let stamps = carried.live.stamps;
    assert_eq!(stamps.trailer + stamps.hardware + stamps.kernel + stamps.software, counters.datagrams);
}

#[test]
fn socket_carries_the_day() {
    let Some(cable) = cable() else { return };
    let carried = carry(&cable, &config(SourceKind::Socket)).expect("sockets are everywhere");
    assert_carried(&carried);
    assert_eq!((carried.stamps, carried.live.stamps.kernel), (StampKind::Kernel, carried.counters.datagrams));
    assert_eq!(carried.notes, [""; 0]);
}

#[test]
fn io_uring_carries_the_day() {
    let Some(cable) = cable() else { return };
    let Some(carried) = there(carry(&cable, &config(SourceKind::IoUring))) else { return };
    assert_carried(&carried);
    assert_eq!((carried.stamps, carried.live.stamps.kernel), (StampKind::Kernel, carried.counters.datagrams));
}

#[test]
fn af_xdp_carries_the_day_in_the_driver_and_without_it() {
    let Some(cable) = cable() else { return };
    for (mode, notes) in [(XdpMode::Best, 1), (XdpMode::Copy, 0), (XdpMode::Generic, 0)] {
        let kind = SourceKind::AfXdp(XdpConfig { mode, ..XdpConfig::default() });
        let Some(carried) = there(carry(&cable, &config(kind))) else { return };
        assert_carried(&carried);
        assert_eq!(carried.stamps, StampKind::Software);
        assert_eq!(carried.counters.frames, carried.counters.datagrams, "the program lets nothing else through");
        // A veth has no zero copy, which the source says where it was free to choose.
        assert_eq!(carried.notes.len(), notes, "{mode:?}: {:?}", carried.notes);
    }
}

/// A device of DPDK's, which takes 10 MB of its memory: all of them run in one process.
fn dpdk(device: &str) -> SourceKind {
    SourceKind::Dpdk(DpdkConfig { buffer_count: 4095, ..DpdkConfig::new(device) })
}

#[test]
fn dpdk_carries_the_day_by_af_packet() {
    let Some(cable) = cable() else { return };
    // The device's own ring is small, and what it loses is counted nowhere.
    let device = format!("net_af_packet0,iface={},blocksz=65536,framesz=2048,framecnt=8192", Cable::RECEIVER);
    let Some(carried) = there(carry(&cable, &config(dpdk(&device)))) else { return };
    assert_carried(&carried);
    assert_eq!(carried.stamps, StampKind::Software);
    assert!(carried.counters.not_joined > 0, "DPDK sees what nobody joined, and leaves it");
}

#[test]
fn dpdk_carries_the_day_by_af_xdp() {
    let Some(cable) = cable() else { return };
    let device = format!("net_af_xdp0,iface={}", Cable::RECEIVER);
    let buffer_count = 8191;
    let kind = SourceKind::Dpdk(DpdkConfig { buffer_count, ..DpdkConfig::new(device) });
    let Some(carried) = there(carry(&cable, &config(kind))) else { return };
    assert_carried(&carried);
    // The kernel must know every buffer, or reception stops when those are in turn that it does not.
    assert!(carried.counters.frames > buffer_count.into(), "{:?}", carried.counters);
}

#[test]
fn dpdk_plays_a_capture_into_the_same_books() {
    let day = day();
    let path = std::env::temp_dir().join(format!("wirebook-dpdk-{}.pcap", std::process::id()));
    std::fs::write(&path, capture(&day)).expect("room for a day");
    let config = LiveConfig { interface: None, ..config(dpdk(&format!("net_pcap0,rx_pcap={}", path.display()))) };
    let carried = there(receive(&config, &Arc::default()));
    std::fs::remove_file(&path).expect("it is there");
    let Some(carried) = carried else { return };
    assert_carried(&carried);
    assert_eq!(carried.notes.len(), 1, "nobody holds the joins: {:?}", carried.notes);
}

#[test]
fn dpdk_carries_the_day_through_a_ring() {
    let config = LiveConfig { interface: None, ..config(dpdk("net_ring0")) };
    let Some(source) = there(live::DpdkSource::open(&config)) else { return };
    let (day, shared) = (day(), Arc::new(Shared::default()));
    let port = source.port().clone();
    // Frames of the capture behind their record headers.
    let (capture, mut at) = (capture(&day), 24);
    let frames = std::iter::from_fn(|| {
        let size: [u8; 4] = capture.get(at + 8..at + 12)?.try_into().expect("four bytes");
        let start = at + 16;
        at = start + u32::from_le_bytes(size) as usize;
        Some(&capture[start..at])
    });
    let mut frames = frames.peekable();
    let watched = Watched { source: Box::new(source), shared: shared.clone(), had_nothing: false };
    let mut replay =
        Replay::new(Box::new(watched), table(), Framing::MOLDUDP64, ReplayConfig::default()).expect("a replay");
    while frames.peek().is_some() {
        frames.by_ref().take(WINDOW as usize).for_each(|frame| port.send(frame).expect("the ring has room"));
        replay.step(1 << 20, &mut NoSink).expect("a source that goes on");
    }
    assert_eq!(digest(&replay), of_file(&day));
    assert_eq!(replay.summary().source.datagrams, 2 * day.spans.len() as u64);
}

#[test]
fn dpdk_carries_packets_through_shared_memory() {
    let device = |role: &str, name: &str| {
        let path = std::env::temp_dir().join(format!("wirebook-memif-{}.sock", std::process::id()));
        format!("{name},role={role},id=7,socket={},socket-abstract=no", path.display())
    };
    let config = |device: String| LiveConfig { interface: None, ..config(dpdk(&device)) };
    let Some(sender) = there(live::DpdkSource::open(&config(device("server", "net_memif0")))) else { return };
    let mut source = live::open(&config(device("client", "net_memif1"))).expect("the sender opened");
    let frame = {
        let bytes = capture(&day());
        let size = u32::from_le_bytes(bytes[32..36].try_into().expect("four bytes")) as usize;
        bytes[40..40 + size].to_vec()
    };
    // The two sides find each other on a thread of DPDK's; until then nothing is taken.
    let (start, mut burst) = (Instant::now(), Burst::default());
    loop {
        assert!(start.elapsed() < DEADLINE, "{:?}", source.counters());
        let _ = sender.port().send(&frame);
        let Ok(Polled::Packets(packets)) = source.burst(&mut burst) else { panic!("it does not end") };
        if let Some(packet) = packets.first() {
            assert_eq!(packet.payload, &frame[42..]);
            break;
        }
        thread::yield_now();
    }
    // A thread of DPDK's takes the other side down by itself; closing that at the same moment, the driver frees twice.
    drop(source);
    thread::sleep(Duration::from_millis(100));
}

#[test]
fn dpdk_counts_what_is_no_packet() {
    // The device gives frames of zeros for ever.
    let config = LiveConfig { interface: None, ..config(dpdk("net_null0")) };
    let Some(mut source) = there(live::open(&config)) else { return };
    let mut burst = Burst::default();
    for _ in 0..3 {
        assert!(matches!(source.burst(&mut burst), Ok(Polled::Packets([]))));
    }
    let counters = source.counters();
    assert!(counters.frames > 0 && counters.not_ip == counters.frames, "{counters:?}");
}

#[test]
fn dpdk_refuses_what_it_cannot_open_and_says_what_would_do() {
    if there(live::dpdk::release()).is_none() {
        return;
    }
    let refusal = |change: &dyn Fn(&mut DpdkConfig)| {
        let mut dpdk = DpdkConfig { buffer_count: 1023, ..DpdkConfig::new("net_null7") };
        change(&mut dpdk);
        live::open(&LiveConfig { interface: None, ..config(SourceKind::Dpdk(dpdk)) })
            .err()
            .map(|error| error.to_string())
    };
    let text = |change: &dyn Fn(&mut DpdkConfig)| refusal(change).expect("it cannot be opened");
    assert!(text(&|dpdk| dpdk.device = "net_nothing0".into()).starts_with("plugging in net_nothing0: "));
    assert!(text(&|dpdk| dpdk.device = "0000:3b:00.0".into()).contains("choose huge pages"));
    assert!(text(&|dpdk| dpdk.memory = DpdkMemory::HugePages).contains("the same memory"));
    assert!(text(&|dpdk| dpdk.queue = 1).starts_with("dpdk.queue: queue 1 of 1"));
    assert!(text(&|dpdk| dpdk.buffer_count = 1 << 20).contains("take fewer buffers"));
    assert_eq!(refusal(&|_| ()), None, "and after all of these it still opens what it can");
}

#[test]
fn socket_takes_only_the_senders_that_it_was_told() {
    let Some(cable) = cable() else { return };
    let shared = Shared { is_ready: true.into(), ..Shared::default() };
    let count = |senders: &str| {
        let join = format!("{}@{senders}", LINES[0]).parse().expect("a join");
        let config = LiveConfig { joins: vec![join], ..config(SourceKind::Socket) };
        let mut source = cable.receiver.run(|| live::open(&config)).expect("a namespace").expect("a socket");
        let few = Packets { spans: day().spans[..9].to_vec(), ..day() };
        cable.sender.run(|| send(&few, &shared)).expect("a namespace").expect("sending");
        source.wait(Duration::from_millis(50)).expect("waiting");
        let mut burst = Burst::default();
        let Ok(Polled::Packets(packets)) = source.burst(&mut burst) else { panic!("sockets do not end") };
        packets.len()
    };
    assert_eq!(count("10.79.0.7"), 0);
    assert_eq!(count("10.79.0.7,10.79.0.1"), 9);
}

/// Opens a source at the receiver's end.
fn open(cable: &Cable, config: &LiveConfig) -> Option<Box<dyn LiveSource>> {
    there(cable.receiver.run(|| live::open(config)).expect("the receiver's namespace"))
}

/// Sends packets of this many bytes to each of these, in turn.
fn send_to(cable: &Cable, places: &[String], count: usize, size: usize) {
    let work = || -> io::Result<()> {
        let socket = UdpSocket::bind((Cable::SENDER_ADDRESS, 26400))?;
        for at in 0..count {
            for place in places {
                socket.send_to(&vec![at as u8; size], place)?;
            }
        }
        Ok(())
    };
    cable.sender.run(work).expect("the sender's namespace").expect("sending");
}

/// Polls until `is_enough` of the packets' lengths so far.
fn poll(
    source: &mut Box<dyn LiveSource>,
    is_enough: impl Fn(&mut Box<dyn LiveSource>, &[usize]) -> bool,
) -> Vec<usize> {
    let (start, mut burst, mut sizes) = (Instant::now(), Burst::default(), Vec::new());
    while !is_enough(source, &sizes) {
        assert!(start.elapsed() < DEADLINE, "{} packets, {:?}", sizes.len(), source.live_counters());
        let Ok(Polled::Packets(packets)) = source.burst(&mut burst) else { panic!("live sources do not end") };
        sizes.extend(packets.iter().map(|packet| packet.payload.len()));
    }
    sizes
}

#[test]
fn joins_are_held_as_long_as_the_source_lives() {
    let Some(cable) = cable() else { return };
    // Addresses of joined groups, in hexadecimal of the machine's byte order.
    let joined = || {
        let groups = cable.receiver.run(|| std::fs::read_to_string("/proc/thread-self/net/igmp"));
        let groups = groups.expect("the receiver's namespace").expect("the kernel has multicast");
        LINES.map(|line| {
            let group: std::net::SocketAddrV4 = line.parse().expect("an address");
            groups.contains(&format!("{:08X}", u32::from_ne_bytes(group.ip().octets())))
        })
    };
    let device = format!("net_af_packet1,iface={}", Cable::RECEIVER);
    for kind in [SourceKind::Socket, SourceKind::IoUring, SourceKind::AfXdp(XdpConfig::default()), dpdk(&device)] {
        assert_eq!(joined(), [false; 2]);
        let Some(source) = open(&cable, &config(kind)) else { continue };
        assert_eq!(joined(), [true; 2], "{}", source.name());
        drop(source);
        // An io_uring lets go of its sockets a moment after it was closed.
        let start = Instant::now();
        while joined() != [false; 2] {
            assert!(start.elapsed() < DEADLINE);
            thread::yield_now();
        }
    }
}

#[test]
fn af_xdp_leaves_the_rest_to_the_kernel() {
    let Some(cable) = cable() else { return };
    let Some(mut taken) = open(&cable, &config(SourceKind::AfXdp(XdpConfig::default()))) else { return };
    let elsewhere = LiveConfig { joins: vec![ELSEWHERE.parse().expect("a join")], ..config(SourceKind::Socket) };
    let mut left = open(&cable, &elsewhere).expect("sockets are everywhere");
    send_to(&cable, &[LINES[0].into(), ELSEWHERE.into()], 20, 100);
    assert_eq!(poll(&mut taken, |_, sizes| sizes.len() >= 20), [100; 20]);
    assert_eq!(poll(&mut left, |_, sizes| sizes.len() >= 20), [100; 20]);
    assert_eq!(taken.counters().frames, 20);
}

/// Sends whole Ethernet frames.
fn send_frames(cable: &Cable, frames: &[Vec<u8>]) {
    let work = || -> io::Result<()> {
        // SAFETY: no memory is passed, and the descriptor is nobody else's.
        let socket = unsafe {
            let fd = libc::socket(libc::AF_PACKET, libc::SOCK_RAW, 0);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            std::os::fd::OwnedFd::from_raw_fd(fd)
        };
        // SAFETY: an address of zero bytes is one: its fields are plain numbers.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        let name = std::ffi::CString::new(Cable::SENDER).expect("it is written without zero bytes");
        address.sll_family = libc::AF_PACKET as u16;
        // SAFETY: the name ends with a zero byte and outlives the call.
        address.sll_ifindex = unsafe { libc::if_nametoindex(name.as_ptr()) } as i32;
        for frame in frames {
            let (to, size) = ((&raw const address).cast(), size_of::<libc::sockaddr_ll>() as libc::socklen_t);
            // SAFETY: frame and address outlive the call, which only reads them.
            let sent = unsafe { libc::sendto(socket.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0, to, size) };
            if sent < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    cable.sender.run(work).expect("the sender's namespace").expect("sending");
}

#[test]
fn af_xdp_takes_one_tag_and_leaves_what_is_no_plain_udp() {
    let Some(cable) = cable() else { return };
    let Some(mut source) = open(&cable, &config(SourceKind::AfXdp(XdpConfig::default()))) else { return };
    let plain = {
        let bytes = capture(&day());
        let size = u32::from_le_bytes(bytes[32..36].try_into().expect("four bytes")) as usize;
        bytes[40..40 + size].to_vec()
    };
    let tagged = |tags: usize| [&plain[..12], &[0x81, 0, 0, 5].repeat(tags), &plain[12..]].concat();
    let with = |at: usize, byte: u8| {
        let mut frame = plain.clone();
        frame[at] = byte;
        frame
    };
    send_frames(
        &cable,
        &[
            tagged(2),
            with(12, 0x86),       // not IPv4
            with(14, 0x46),       // options
            with(20, 0x20),       // a fragment
            with(21, 0x01),       // a later one
            with(23, 6),          // TCP
            with(30, 238),        // another group
            with(36, 0),          // another port
            plain[..41].to_vec(), // a header that is not whole
            tagged(1),
            plain.clone(),
        ],
    );
    let payload = plain.len() - 42;
    assert_eq!(poll(&mut source, |_, sizes| sizes.len() >= 2), [payload; 2]);
    assert_eq!(source.counters().frames, 2, "the rest went to the kernel");
}

#[test]
fn af_xdp_refuses_what_the_interface_has_not() {
    let Some(cable) = cable() else { return };
    let text = |change: &dyn Fn(&mut LiveConfig, &mut XdpConfig)| {
        let (mut xdp, mut config) = (XdpConfig::default(), config(SourceKind::Socket));
        change(&mut config, &mut xdp);
        config.kind = SourceKind::AfXdp(xdp);
        let result = cable.receiver.run(|| live::open(&config).map(drop)).expect("the receiver's namespace");
        result.expect_err("it cannot be opened").to_string()
    };
    assert!(text(&|_, xdp| xdp.queue = 5).contains("has this queue"));
    assert!(text(&|config, _| config.interface = Some("nothing0".into())).starts_with("interface nothing0: "));
    assert!(text(&|config, _| config.interface = None).starts_with("interface: AF_XDP needs one"));
    assert!(text(&|_, xdp| xdp.frame_count = 1000).starts_with("frame_count: 1000 is no power of two"));
    let Some(_there) = open(&cable, &config(SourceKind::AfXdp(XdpConfig::default()))) else { return };
    assert!(text(&|_, _| ()).contains("another XDP program or socket is there"));
}

#[test]
fn what_the_kernel_drops_is_counted() {
    let Some(cable) = cable() else { return };
    let sent = 2000;
    let mut sources: Vec<_> = [SourceKind::Socket, SourceKind::IoUring]
        .into_iter()
        .filter_map(|kind| open(&cable, &LiveConfig { receive_buffer_size: 65_536, ..config(kind) }))
        .collect();
    send_to(&cable, &[LINES[0].into()], sent, 1000);
    for source in &mut sources {
        let all = |source: &mut Box<dyn LiveSource>, sizes: &[usize]| {
            sizes.len() as u64 + source.live_counters().drops == sent as u64
        };
        poll(source, all);
        assert!(source.live_counters().drops > 0, "{}", source.name());
    }
}

#[test]
fn long_datagrams_are_cut_and_marked() {
    let Some(cable) = cable() else { return };
    for kind in [SourceKind::Socket, SourceKind::IoUring] {
        let Some(mut source) = open(&cable, &LiveConfig { datagram_size: 64, ..config(kind) }) else { continue };
        send_to(&cable, &[LINES[0].into()], 3, 64);
        send_to(&cable, &[LINES[0].into()], 5, 65);
        assert_eq!(poll(&mut source, |_, sizes| sizes.len() >= 8), [64; 8]);
        assert_eq!(source.counters().cut, 5, "{}", source.name());
    }
}

#[test]
fn io_uring_goes_on_after_its_buffers_ran_out() {
    let Some(cable) = cable() else { return };
    let Some(mut source) = open(&cable, &config(SourceKind::IoUring)) else { return };
    // The first burst starts the request; the kernel fills buffers when this thread comes by.
    let sent = 3000;
    poll(&mut source, |source, _| source.live_counters().empty_bursts > 0);
    send_to(&cable, &[LINES[0].into()], sent, 100);
    assert_eq!(poll(&mut source, |_, sizes| sizes.len() >= sent), vec![100; sent]);
    let live = source.live_counters();
    assert!(live.restarts > 0 && live.drops == 0, "{live:?}");
}

#[test]
fn one_port_takes_more_groups_than_a_socket_may_join() {
    let Some(cable) = cable() else { return };
    let groups: Vec<String> = (1..=45).map(|last| format!("239.79.2.{last}:26401")).collect();
    let joins: Vec<Join> = groups.iter().map(|group| group.parse().expect("a join")).collect();
    for kind in [SourceKind::Socket, SourceKind::IoUring] {
        let Some(mut source) = open(&cable, &LiveConfig { joins: joins.clone(), ..config(kind) }) else { continue };
        send_to(&cable, &groups, 2, 100);
        assert_eq!(poll(&mut source, |_, sizes| sizes.len() >= 90).len(), 90);
        assert_eq!((source.flows().len(), source.counters().not_joined), (45, 0), "{}", source.name());
    }
}

#[test]
fn comparison_measures_every_source_beside_the_plain_loop() {
    if cable().is_none() {
        return;
    }
    let config = SourcesConfig {
        runs: 2,
        flood: Duration::from_millis(10),
        timed: 100,
        interval: Duration::from_micros(50),
        ..SourcesConfig::default()
    };
    let mut steps = Vec::new();
    let report = wirebook_bench::sources::run(&config, |at| {
        steps.push(at.step);
        ControlFlow::Continue(())
    });
    let report = report.expect("a comparison");
    assert_eq!(report.sources.len() + report.left_out.len(), steps.len());
    for each in &report.sources {
        assert!(each.drain_ns.min > 0.0 && each.drain_ratio > 0.0 && each.spinning.p50_ns > 0, "{each:?}");
        assert_eq!(each.blocking.is_none(), each.source.starts_with("dpdk"), "only DPDK cannot sleep: {each:?}");
    }
    for (name, reason) in &report.left_out {
        there::<()>(Err(SourceError::Unavailable {
            what: name.clone(),
            reason: reason.clone(),
            remedy: String::new(),
        }));
    }
    let stopped = wirebook_bench::sources::run(&config, |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(BenchError::Stopped)));
    let wrong = wirebook_bench::sources::run(&SourcesConfig { waiting: 0, ..config }, |_| ControlFlow::Continue(()));
    assert_eq!(wrong.expect_err("none can wait").to_string(), "waiting: 0 is not 1 to 1024");
}
