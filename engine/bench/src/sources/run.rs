//! The comparison.

use std::{
    net::Ipv4Addr,
    ops::ControlFlow,
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use wirebook_io::{
    Burst, Polled, SourceError,
    live::{self, DpdkConfig, Join, LiveConfig, LiveSource, SourceKind, XdpConfig, XdpMode},
};

use super::{
    Cable, SourceFigures, SourcesReport,
    plain::Plain,
    traffic::{self, Order, age_ns},
};
use crate::{
    BenchError, Figure, Machine, Percentiles, Progress,
    machine::{Pinned, allowed_cores},
};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 79, 1, 1);
const PORT: u16 = 26400;
/// What the sources are compared with.
const PLAIN: &str = "recvmmsg, plain";
/// How long nothing comes before nothing is expected any more.
const QUIET: Duration = Duration::from_millis(200);
/// How long packets that none could be lost of are waited for.
const LOST: Duration = Duration::from_secs(10);

/// How to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourcesConfig {
    /// Bytes of a datagram, 8 to 1,400.
    pub packet_size: usize,
    /// Packets that wait when the cost of taking them is measured. Every source has room for 1,024.
    pub waiting: u64,
    /// Times that this is measured.
    pub runs: u32,
    /// How long the sender floods.
    pub flood: Duration,
    /// Packets whose way is timed, spinning and blocking each.
    pub timed: u64,
    /// Time between them.
    pub interval: Duration,
}

impl Default for SourcesConfig {
    fn default() -> Self {
        Self {
            packet_size: 128,
            waiting: 1000,
            runs: 101,
            flood: Duration::from_secs(1),
            timed: 20_000,
            interval: Duration::from_micros(100),
        }
    }
}

impl SourcesConfig {
    fn check(&self) -> Result<(), BenchError> {
        let check = |setting, value: u64, range: std::ops::RangeInclusive<u64>, wanted| match range.contains(&value) {
            true => Ok(()),
            false => Err(BenchError::Setting { setting, value, wanted }),
        };
        check("packet_size", self.packet_size as u64, 8..=1400, "8 to 1400")?;
        check("waiting", self.waiting, 1..=1024, "1 to 1024")?;
        check("runs", self.runs.into(), 1..=100_000, "1 to 100000")?;
        check("timed", self.timed, 1..=10_000_000, "1 to 10000000")
    }
}

/// Whatever takes packets.
enum Taker {
    Plain(Plain),
    Live(Box<dyn LiveSource>, Burst),
}

impl Taker {
    /// Takes what is there, and gives how many packets that were.
    fn take(&mut self, mut each: impl FnMut(&[u8])) -> Result<u64, SourceError> {
        match self {
            Self::Plain(plain) => plain.take(each).map(|count| count as u64).map_err(|error| SourceError::Live {
                what: PLAIN.into(),
                error,
                remedy: "try again".into(),
            }),
            Self::Live(source, burst) => match source.burst(burst)? {
                Polled::Packets(packets) => {
                    packets.iter().for_each(|packet| each(packet.payload));
                    Ok(packets.len() as u64)
                }
                Polled::End => Ok(0),
            },
        }
    }

    /// Whether it can sleep until packets come.
    fn can_wait(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Live(source, _) => !source.descriptors().is_empty(),
        }
    }

    fn wait(&mut self) -> Result<(), SourceError> {
        match self {
            Self::Live(source, _) => source.wait(Duration::from_millis(10)),
            Self::Plain(plain) => {
                plain.wait();
                Ok(())
            }
        }
    }
}

/// What is compared: a name, and how to receive; `None` is the plain loop.
fn candidates() -> Vec<(&'static str, Option<SourceKind>)> {
    let dpdk = |device: String| Some(SourceKind::Dpdk(DpdkConfig { buffer_count: 8191, ..DpdkConfig::new(device) }));
    let receiver = Cable::RECEIVER;
    let xdp = |mode| Some(SourceKind::AfXdp(XdpConfig { mode, ..XdpConfig::default() }));
    vec![
        (PLAIN, None),
        ("socket", Some(SourceKind::Socket)),
        ("io_uring", Some(SourceKind::IoUring)),
        ("af_xdp, copy in the driver", xdp(XdpMode::Copy)),
        ("af_xdp, generic", xdp(XdpMode::Generic)),
        ("dpdk, af_packet", dpdk(format!("net_af_packet90,iface={receiver},blocksz=65536,framesz=2048,framecnt=8192"))),
        ("dpdk, af_xdp", dpdk(format!("net_af_xdp90,iface={receiver}"))),
    ]
}

/// Compares all sources that the machine has.
///
/// # Errors
///
/// [`BenchError::Network`] where no network can be laid, [`BenchError::Setting`], or what went wrong with a source.
pub fn run(
    config: &SourcesConfig,
    mut progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<SourcesReport, BenchError> {
    config.check()?;
    let machine = Machine::look();
    let (mut sources, mut left_out) = (Vec::<SourceFigures>::new(), Vec::new());
    let candidates = candidates();
    let total = candidates.len() as u32;
    for (done, (name, kind)) in candidates.into_iter().enumerate() {
        if progress(Progress { step: name, done: done as u32, total }).is_break() {
            return Err(BenchError::Stopped);
        }
        let cable = Cable::lay().map_err(BenchError::Network)?;
        match measure(config, &cable, name, kind) {
            Ok(mut figures) => {
                let plain = sources.first().map_or(figures.drain_ns.median, |first| first.drain_ns.median);
                figures.drain_ratio = figures.drain_ns.median / plain;
                sources.push(figures);
            }
            Err(BenchError::Source { source: error @ SourceError::Unavailable { .. }, .. }) => {
                left_out.push((name.to_owned(), error.to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(SourcesReport { method: method(config), machine, packet_size: config.packet_size, sources, left_out })
}

fn method(config: &SourcesConfig) -> Vec<String> {
    vec![
        format!(
            "Each source has a network of its own for the time of its measurement: two namespaces and a veth pair, datagrams of \
             {} bytes to one multicast group. Sender and receiver are threads on cores of their own where there are two.",
            config.packet_size
        ),
        format!(
            "Drain: {} packets wait, then the receiver takes them all, by the clock on the wall; median of {} times, least and \
             most in brackets. The ratio is to the plain recvmmsg loop, which looks at nothing, of the same run.",
            config.waiting, config.runs
        ),
        format!(
            "Rate: the sender floods for {:.1} s and the receiver spins. On a veth the sender's core does the kernel's part of \
             receiving, so that the sender is often the limit.",
            config.flood.as_secs_f64()
        ),
        format!(
            "One way: {} packets, one each {} us, from the send call's begin to the packet being looked at; by the clock that all \
             threads share. Spinning receivers poll without a pause, blocking ones sleep until the kernel wakes them.",
            config.timed,
            config.interval.as_micros()
        ),
    ]
}

/// Measures one source on a cable of its own.
fn measure(
    config: &SourcesConfig,
    cable: &Cable,
    name: &str,
    kind: Option<SourceKind>,
) -> Result<SourceFigures, BenchError> {
    let (orders, ordered) = mpsc::channel();
    let (said, sent) = mpsc::channel();
    let (first, last) = {
        let cores = allowed_cores();
        (cores.first().copied().unwrap_or(0), cores.last().copied().unwrap_or(0))
    };
    thread::scope(|scope| {
        let sender = scope.spawn(move || {
            cable.sender.run(move || {
                let _pinned = Pinned::to(first);
                traffic::send(GROUP, PORT, Cable::SENDER_ADDRESS, config.packet_size, &ordered, &said)
            })
        });
        let figures = cable.receiver.run(move || {
            let _pinned = Pinned::to(last)?;
            let bench = Bench { config, name, orders, sent };
            bench.all(open(name, kind)?)
        });
        let sending = sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        sending.and_then(|result| result).map_err(BenchError::Network)?;
        figures.map_err(BenchError::Network)?
    })
}

fn open(name: &str, kind: Option<SourceKind>) -> Result<Taker, BenchError> {
    let Some(kind) = kind else {
        let interface = Cable::RECEIVER_ADDRESS.parse().expect("it is written as an address");
        let size = LiveConfig::RECEIVE_BUFFER_SIZE as i32;
        return Plain::open(GROUP, PORT, interface, size).map(Taker::Plain).map_err(BenchError::Network);
    };
    let config = LiveConfig {
        interface: Some(Cable::RECEIVER.into()),
        joins: vec![Join::new(GROUP, PORT)],
        ..LiveConfig::new(kind)
    };
    let source = live::open(&config).map_err(|source| BenchError::Source { source_name: name.into(), source })?;
    Ok(Taker::Live(source, Burst::default()))
}

/// The measurements of one source.
struct Bench<'b> {
    config: &'b SourcesConfig,
    name: &'b str,
    orders: Sender<Order>,
    sent: Receiver<u64>,
}

impl Bench<'_> {
    fn all(&self, mut taker: Taker) -> Result<SourceFigures, BenchError> {
        // The first packets find everything cold, and start what starts late.
        self.drain(&mut taker)?;
        let runs: Result<Vec<f64>, BenchError> = (0..self.config.runs).map(|_| self.drain(&mut taker)).collect();
        let (packets_per_second, flood_lost) = self.flood(&mut taker)?;
        let spinning = self.one_way(&mut taker, false)?;
        let blocking = taker.can_wait().then(|| self.one_way(&mut taker, true)).transpose()?;
        let notes = match &taker {
            Taker::Live(source, _) => source.notes().to_vec(),
            Taker::Plain(_) => Vec::new(),
        };
        Ok(SourceFigures {
            source: self.name.into(),
            drain_ns: Figure::of(runs?),
            drain_ratio: 1.0,
            packets_per_second,
            flood_lost,
            spinning,
            blocking,
            notes,
        })
    }

    fn order(&self, order: Order) -> Result<(), BenchError> {
        // Where the sender is gone, its own error is reported.
        self.orders.send(order).map_err(|_| BenchError::Stopped)
    }

    fn take(&self, taker: &mut Taker, each: impl FnMut(&[u8])) -> Result<u64, BenchError> {
        taker.take(each).map_err(|source| BenchError::Source { source_name: self.name.into(), source })
    }

    /// Nanoseconds to take a packet that waits.
    fn drain(&self, taker: &mut Taker) -> Result<f64, BenchError> {
        let wanted = self.config.waiting;
        // An empty call first: sources that must be told to receive are told so.
        self.take(taker, |_| ())?;
        self.order(Order::Count(wanted))?;
        let sent = self.sent.recv().map_err(|_| BenchError::Stopped)?;
        // What the kernel does behind the send call is done by then.
        thread::sleep(Duration::from_millis(1));
        let (start, mut received, mut bytes) = (Instant::now(), 0, 0);
        while received < sent {
            received += self.take(taker, |packet| bytes += packet.len())?;
            if start.elapsed() > LOST {
                return Err(BenchError::Lost { source_name: self.name.into(), received, sent });
            }
        }
        let took = start.elapsed();
        std::hint::black_box(bytes);
        Ok(took.as_nanos() as f64 / sent as f64)
    }

    /// Packets a second, and the part that was lost.
    fn flood(&self, taker: &mut Taker) -> Result<(f64, f64), BenchError> {
        self.order(Order::Flood(self.config.flood))?;
        let (start, mut received, mut bytes) = (Instant::now(), 0, 0);
        let (mut last, mut sent) = (start, None);
        loop {
            match self.take(taker, |packet| bytes += packet.len())? {
                0 if sent.is_some() && last.elapsed() > QUIET => break,
                0 => sent = sent.or_else(|| self.sent.try_recv().ok()),
                count => {
                    received += count;
                    last = Instant::now();
                    sent = sent.or_else(|| self.sent.try_recv().ok());
                }
            }
            if start.elapsed() > self.config.flood + Duration::from_secs(10) {
                break;
            }
        }
        std::hint::black_box(bytes);
        let sent = sent.unwrap_or(received).max(1);
        Ok((received as f64 / (last - start).as_secs_f64(), 1.0 - received as f64 / sent as f64))
    }

    /// Times of packets that come one by one.
    fn one_way(&self, taker: &mut Taker, blocking: bool) -> Result<Percentiles, BenchError> {
        let config = self.config;
        let mut times = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).expect("from a nanosecond to a minute");
        self.order(Order::Paced(config.timed, config.interval))?;
        let (mut last, mut sent) = (Instant::now(), None);
        while times.len() < sent.unwrap_or(u64::MAX) && (sent.is_none() || last.elapsed() < QUIET) {
            let count = self.take(taker, |packet| times.saturating_record(age_ns(packet)))?;
            if count > 0 {
                last = Instant::now();
            } else if blocking {
                taker.wait().map_err(|source| BenchError::Source { source_name: self.name.into(), source })?;
            }
            sent = sent.or_else(|| self.sent.try_recv().ok());
        }
        match times.len() {
            0 => Err(BenchError::Lost { source_name: self.name.into(), received: 0, sent: config.timed }),
            _ => Ok(Percentiles::of(&times)),
        }
    }
}
