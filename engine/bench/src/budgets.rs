//! What decoding alone may take, and takes.

use serde::Serialize;
use wirebook_abi::{CheckedTable, Framing};
use wirebook_simulator::{DayConfig, Packing};

use crate::{BenchError, DayInMemory, Feed, Figure, clock::timed, feeds};

/// Protocols on whose feeds the budgets of PITCH and of CME's incremental feed are measured.
pub const PITCH: &str = "cboe-us-equities-depth-2.41.64";
/// See [`PITCH`].
pub const CME: &str = "cme-mdp3";

/// Nanoseconds a message of the flat families, ITCH and PITCH.
const FLAT_NS: f64 = 10.0;
/// Nanoseconds a book entry of CME's incremental feed.
const ENTRY_NS: f64 = 15.0;

/// Packets with as many messages as these show what a message costs by itself.
const FULL_PACKET: u32 = 30;

/// Decoding one protocol through its table, events dropped, no books.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DecodeBudget {
    /// The protocol.
    pub protocol: String,
    /// What is counted: `message` or `entry`.
    pub unit: &'static str,
    /// What it may take, nanoseconds a unit.
    pub budget_ns: f64,
    /// What it takes, in packets as a venue sends them: median.
    pub ns: f64,
    /// The same with its spread.
    pub ns_spread: Figure,
    /// Whether the median is within the budget.
    pub is_met: bool,
    /// Messages a packet on average, there.
    pub messages_per_packet: f64,
    /// What it takes in packets of thirty messages: what a packet costs hardly counts there.
    pub full_packets_ns_spread: Figure,
}

/// The budgets of the families; none where its plugin was not given.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DecodeBudgets {
    /// Nasdaq TotalView-ITCH 5.0, a message.
    pub itch: DecodeBudget,
    /// Cboe US equities depth, a message: the same day's orders.
    pub pitch: Option<DecodeBudget>,
    /// CME MDP 3.0, a book entry of the incremental feed.
    pub cme: Option<DecodeBudget>,
}

impl DecodeBudgets {
    /// Those that were measured.
    pub fn iter(&self) -> impl Iterator<Item = &DecodeBudget> {
        [Some(&self.itch), self.pitch.as_ref(), self.cme.as_ref()].into_iter().flatten()
    }
}

/// Packets of one protocol: as sent, and full ones.
struct Subject {
    protocol: &'static str,
    unit: &'static str,
    budget_ns: f64,
    packings: [Packets; 2],
}

/// Packets, and the times that decoding them took.
struct Packets {
    feed: Source,
    ns: Vec<f64>,
}

enum Source {
    Day(CheckedTable, DayInMemory),
    Messages(Feed),
    Entries(Feed),
}

impl Source {
    fn decode(&self) -> Result<u64, BenchError> {
        match self {
            Self::Day(table, day) => feeds::decode(*table, Framing::MOLDUDP64, day.packets()),
            Self::Messages(feed) | Self::Entries(feed) => feed.decode(),
        }
    }

    fn units(&self) -> u64 {
        match self {
            Self::Day(_, day) => day.messages(),
            Self::Messages(feed) => feed.messages(),
            Self::Entries(feed) => feed.events(),
        }
    }

    fn messages_per_packet(&self) -> f64 {
        match self {
            Self::Day(_, day) => day.messages() as f64 / day.packets().len() as f64,
            Self::Messages(feed) | Self::Entries(feed) => feed.messages_per_packet(),
        }
    }
}

/// What the budgets are measured on.
pub(crate) struct Budgets {
    itch: Subject,
    pitch: Option<Subject>,
    cme: Option<Subject>,
}

impl Budgets {
    /// Makes the packets: a day of ITCH, its orders in PITCH, and levels of CME, of those that are among `others`.
    pub(crate) fn new(itch: CheckedTable, others: &[CheckedTable], config: &DayConfig) -> Result<Self, BenchError> {
        let found = |name| others.iter().copied().find(|table| table.description().protocol.as_str() == name);
        let day = |packing| DayInMemory::new(itch, config.clone(), packing);
        let days = [day(Packing::Natural)?, day(Packing::Fixed(FULL_PACKET))?];
        let pitch = |table| -> Result<_, BenchError> {
            let [natural, full] = &days;
            let feeds = [Feed::pitch(table, itch, natural)?, Feed::pitch(table, itch, full)?];
            Ok(Subject::new(PITCH, "message", FLAT_NS, feeds.map(Source::Messages)))
        };
        let cme = |table| -> Result<_, BenchError> {
            let feed = |is_full| Feed::cme(table, config.messages, config.seed, is_full);
            Ok(Subject::new(CME, "entry", ENTRY_NS, [feed(false)?, feed(true)?].map(Source::Entries)))
        };
        let (pitch, cme) = (found(PITCH).map(pitch).transpose()?, found(CME).map(cme).transpose()?);
        let protocol = itch.description().protocol.as_str();
        let itch = Subject::new(protocol, "message", FLAT_NS, days.map(|day| Source::Day(itch, day)));
        Ok(Self { itch, pitch, cme })
    }

    /// Decodes all of them once, in turn.
    pub(crate) fn run(&mut self) -> Result<(), BenchError> {
        let Self { itch, pitch, cme } = self;
        [Some(itch), pitch.as_mut(), cme.as_mut()].into_iter().flatten().try_for_each(Subject::run)
    }

    pub(crate) fn report(&self) -> DecodeBudgets {
        let report = |subject: &Option<Subject>| subject.as_ref().map(Subject::report);
        DecodeBudgets { itch: self.itch.report(), pitch: report(&self.pitch), cme: report(&self.cme) }
    }
}

impl Subject {
    fn new(protocol: &'static str, unit: &'static str, budget_ns: f64, packings: [Source; 2]) -> Self {
        let packings = packings.map(|feed| Packets { feed, ns: Vec::new() });
        Self { protocol, unit, budget_ns, packings }
    }

    fn run(&mut self) -> Result<(), BenchError> {
        for packets in &mut self.packings {
            let (events, took) = timed(|| packets.feed.decode());
            std::hint::black_box(events?);
            packets.ns.push(took.cpu_ns as f64 / packets.feed.units().max(1) as f64);
        }
        Ok(())
    }

    fn report(&self) -> DecodeBudget {
        let [natural, full] = &self.packings;
        let ns_spread = Figure::of(natural.ns.clone());
        DecodeBudget {
            protocol: self.protocol.to_owned(),
            unit: self.unit,
            budget_ns: self.budget_ns,
            ns: ns_spread.median,
            ns_spread,
            is_met: ns_spread.median <= self.budget_ns,
            messages_per_packet: natural.feed.messages_per_packet(),
            full_packets_ns_spread: Figure::of(full.ns.clone()),
        }
    }
}
