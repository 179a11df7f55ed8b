//! All measures, one after another.

use std::ops::ControlFlow;

use wirebook_abi::CheckedTable;
use wirebook_book::BookReader;
use wirebook_simulator::{DayConfig, Packing};

use crate::{
    BenchConfig, BenchError, BenchReport, CountingAllocator, DayInMemory, DecodeBudgets, Figure, Machine,
    budgets::Budgets,
    check::{Compared, compare},
    clock::{Took, timed},
    latency::{self, Latency},
    machine::{Pinned, allowed_cores, resident_mb},
    passes::{self, BURST_PACKETS},
    readers::{self, Reads},
};

/// How far a benchmark has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is done now.
    pub step: &'static str,
    /// Steps done.
    pub done: u32,
    /// Steps in all.
    pub total: u32,
}

/// Steps of [`run`], but for those that are done once a run: making five sorts of days, checking the books, two latencies.
const SINGLE_STEPS: u32 = 8;
/// Steps that are done once a run: ours, yardstick and decoding; budgets; packings; symbols; readers.
const STEPS_EACH_RUN: u32 = 5;

/// Messages, or book entries, that decoding alone is measured on at most: enough that their bytes lie in memory, not in a cache.
const BUDGET_MESSAGES: u64 = 1_000_000;

/// Takes every measure on one core, which the calling thread is bound to meanwhile. `others` are the tables of further
/// protocols: where [`PITCH`](crate::PITCH) and [`CME`](crate::CME) are among them, decoding of those is measured too.
/// `progress` is called before each step and stops the work where it breaks.
///
/// # Errors
///
/// A setting out of range, a decoder that does not read Nasdaq TotalView-ITCH 5.0, and whatever would make the figures mean
/// nothing: books that differ from the yardstick's, messages not taken.
pub fn run(
    config: &BenchConfig,
    table: CheckedTable,
    others: &[CheckedTable],
    progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<BenchReport, BenchError> {
    config.check()?;
    let protocol = table.description().protocol.as_str();
    if protocol != "nasdaq-totalview-5.0" {
        return Err(BenchError::Protocol { protocol });
    }
    let machine = Machine::look();
    let mut cores = allowed_cores();
    let core = config.core.or_else(|| cores.last().copied()).unwrap_or(0);
    cores.retain(|each| *each != core);
    let _pinned = Pinned::to(core)?;
    let steps = Steps { progress, done: 0, total: SINGLE_STEPS + STEPS_EACH_RUN * config.runs };
    let mut bench = Bench { config, table, steps };
    let full = bench.full_day()?;
    let budgets = bench.budgets(others)?;
    let packings = bench.packings()?;
    let symbols = bench.symbols()?;
    let readers = bench.readers(&cores)?;
    Ok(report(config, machine, core, full, budgets, packings, symbols, readers))
}

/// Says what is done, and hears whether to go on.
struct Steps<P> {
    progress: P,
    done: u32,
    total: u32,
}

impl<P: FnMut(Progress) -> ControlFlow<()>> Steps<P> {
    fn begin(&mut self, step: &'static str) -> Result<(), BenchError> {
        let now = Progress { step, done: self.done, total: self.total };
        self.done += 1;
        match (self.progress)(now) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(BenchError::Stopped),
        }
    }
}

struct Bench<'a, P> {
    config: &'a BenchConfig,
    table: CheckedTable,
    steps: Steps<P>,
}

/// Times of one subject, a value a run.
#[derive(Debug, Default)]
struct Series {
    cpu_ns: Vec<f64>,
    wall_ns: Vec<f64>,
}

impl Series {
    fn push(&mut self, took: Took, messages: u64) {
        self.cpu_ns.push(took.cpu_ns as f64 / messages as f64);
        self.wall_ns.push(took.wall_ns as f64 / messages as f64);
    }

    fn cpu(&self) -> Figure {
        Figure::of(self.cpu_ns.clone())
    }

    fn wall(&self) -> Figure {
        Figure::of(self.wall_ns.clone())
    }
}

/// Measures on the whole day.
struct FullDay {
    packets: u64,
    messages: u64,
    packets_mb: f64,
    compared: Compared,
    resident_mb: f64,
    ours: Series,
    yardstick: Series,
    decode: Series,
    /// Of the last run: in the first tenth of the day, and after it.
    allocations: Option<[u64; 2]>,
    messages_warm: u64,
    paced: Latency,
    saturated: Latency,
}

/// Ratios to packets of thirty messages.
struct Packings {
    one: Figure,
    two: Figure,
}

struct Readers {
    count: usize,
    /// Against the writer alone on the machine.
    cost_percent: Option<Figure>,
    /// Against the writer beside the same readers of books that nobody writes.
    shared_percent: Option<Figure>,
    reads: Reads,
}

impl<P: FnMut(Progress) -> ControlFlow<()>> Bench<'_, P> {
    fn full_day(&mut self) -> Result<FullDay, BenchError> {
        self.steps.begin("making the day")?;
        let config = DayConfig { messages: self.config.messages, ..self.day_config(self.config.symbols) };
        let day = DayInMemory::new(self.table, config, Packing::Natural)?;
        self.steps.begin("comparing the books")?;
        let (compared, resident_mb) = self.compare(&day)?;
        let (mut ours, mut yardstick, mut decode) = (Series::default(), Series::default(), Series::default());
        let warm = day.spans().len() / 10 / BURST_PACKETS * BURST_PACKETS;
        let mut allocations = None;
        for _ in 0..self.config.runs {
            self.steps.begin("everything on, and the classic design")?;
            let (took, counted) = self.ours(&day, warm)?;
            (allocations, _) = (counted, ours.push(took, day.messages()));
            yardstick.push(self.yardstick(&day), day.messages());
            let (events, took) = timed(|| passes::decode_pass(self.table, &day));
            std::hint::black_box(events?);
            decode.push(took, day.messages());
        }
        self.steps.begin("packet to published, paced")?;
        let paced = latency::paced(&mut self.pipeline()?, &day, self.config.paced_messages_per_second);
        self.steps.begin("packet to published, saturated")?;
        let saturated = latency::saturated(&mut self.pipeline()?, &day);
        Ok(FullDay {
            packets: day.spans().len() as u64,
            messages: day.messages(),
            packets_mb: (day.size_bytes() + size_of_val(day.spans())) as f64 / 1e6,
            compared,
            resident_mb,
            ours,
            yardstick,
            decode,
            allocations,
            messages_warm: day.spans()[warm..].iter().map(|span| u64::from(span.messages)).sum(),
            paced,
            saturated,
        })
    }

    fn pipeline(&self) -> Result<wirebook_runtime::Pipeline, BenchError> {
        passes::pipeline(self.table, self.config.prefault)
    }

    fn day_config(&self, symbols: u32) -> DayConfig {
        DayConfig { seed: self.config.seed, symbols, messages: self.config.comparison_messages, ..DayConfig::default() }
    }

    /// Plays the day once through both, and gives the memory of the process while our books are full.
    fn compare(&self, day: &DayInMemory) -> Result<(Compared, f64), BenchError> {
        let mut pipeline = self.pipeline()?;
        passes::pipeline_pass(&mut pipeline, day);
        let resident_mb = resident_mb();
        passes::sound(&pipeline, day)?;
        let mut yardstick = passes::yardstick(day, self.config.prefault);
        passes::yardstick_pass(&mut yardstick, day);
        Ok((compare(pipeline.books(), &yardstick)?, resident_mb))
    }

    /// The day with everything on; allocations before and after the first `warm` packets.
    fn ours(&self, day: &DayInMemory, warm: usize) -> Result<(Took, Option<[u64; 2]>), BenchError> {
        let mut pipeline = self.pipeline()?;
        let (first, rest) = day.spans().split_at(warm);
        let counted = CountingAllocator::allocations;
        let (marks, took) = timed(|| {
            let begin = counted();
            passes::pipeline_bursts(&mut pipeline, day, first);
            let middle = counted();
            passes::pipeline_bursts(&mut pipeline, day, rest);
            [begin, middle, counted()]
        });
        passes::sound(&pipeline, day)?;
        let allocations = match marks {
            [Some(begin), Some(middle), Some(end)] => Some([middle - begin, end - middle]),
            _ => None,
        };
        Ok((took, allocations))
    }

    /// The day with everything on, for a comparison of days.
    fn plain(&self, day: &DayInMemory) -> Result<Took, BenchError> {
        self.ours(day, 0).map(|(took, _)| took)
    }

    fn yardstick(&self, day: &DayInMemory) -> Took {
        let mut yardstick = passes::yardstick(day, self.config.prefault);
        timed(|| passes::yardstick_pass(&mut yardstick, day)).1
    }

    fn budgets(&mut self, others: &[CheckedTable]) -> Result<DecodeBudgets, BenchError> {
        self.steps.begin("making feeds for decoding alone")?;
        let config = self.day_config(self.config.symbols);
        let messages = config.messages.min(BUDGET_MESSAGES);
        let mut budgets = Budgets::new(self.table, others, &DayConfig { messages, ..config })?;
        for _ in 0..self.config.runs {
            self.steps.begin("decoding alone")?;
            budgets.run()?;
        }
        Ok(budgets.report())
    }

    fn packings(&mut self) -> Result<Packings, BenchError> {
        self.steps.begin("making days of packets of 1, 2 and 30 messages")?;
        let config = self.day_config(self.config.symbols);
        let day = |count| DayInMemory::new(self.table, config.clone(), Packing::Fixed(count));
        let days = [day(1)?, day(2)?, day(30)?];
        let mut series = [Series::default(), Series::default(), Series::default()];
        for _ in 0..self.config.runs {
            self.steps.begin("small packets and large ones")?;
            for (day, series) in days.iter().zip(&mut series) {
                series.push(self.plain(day)?, day.messages());
            }
        }
        let [one, two, thirty] = &series;
        Ok(Packings {
            one: Figure::ratio(&one.cpu_ns, &thirty.cpu_ns),
            two: Figure::ratio(&two.cpu_ns, &thirty.cpu_ns),
        })
    }

    fn symbols(&mut self) -> Result<Figure, BenchError> {
        self.steps.begin("making days of few and many symbols")?;
        let day = |symbols| DayInMemory::new(self.table, self.day_config(symbols), Packing::Natural);
        let (many, few) = (day(self.config.symbols)?, day(self.config.symbols / 10)?);
        let (mut of_many, mut of_few) = (Series::default(), Series::default());
        for _ in 0..self.config.runs {
            self.steps.begin("few symbols and many")?;
            of_many.push(self.plain(&many)?, many.messages());
            of_few.push(self.plain(&few)?, few.messages());
        }
        Ok(Figure::ratio(&of_many.cpu_ns, &of_few.cpu_ns))
    }

    fn readers(&mut self, cores: &[usize]) -> Result<Readers, BenchError> {
        self.steps.begin("making a day to read beside")?;
        let [mut with, mut without, mut neighbours] = [(); 3].map(|()| Series::default());
        let mut sum = Reads::default();
        let day = DayInMemory::new(self.table, self.day_config(self.config.symbols), Packing::Natural)?;
        // Books as full as the writer's, which nobody writes any more.
        let mut other = self.pipeline()?;
        passes::pipeline_pass(&mut other, &day);
        for _ in 0..self.config.runs {
            self.steps.begin("readers beside the writer")?;
            if cores.is_empty() {
                continue;
            }
            let (took, reads) = self.beside(None, cores, &day)?;
            with.push(took, day.messages());
            without.push(self.plain(&day)?, day.messages());
            neighbours.push(self.beside(Some(&other.books().reader()), cores, &day)?.0, day.messages());
            sum = Reads { tops: sum.tops + reads.tops, busy: sum.busy + reads.busy };
        }
        let cost = |(with, without): (&f64, &f64)| (with / without - 1.0) * 100.0;
        let percent = |without: &Series| {
            (!cores.is_empty()).then(|| Figure::of(with.cpu_ns.iter().zip(&without.cpu_ns).map(cost).collect()))
        };
        Ok(Readers {
            count: cores.len(),
            cost_percent: percent(&without),
            shared_percent: percent(&neighbours),
            reads: sum,
        })
    }

    /// The day while readers take tops, of `other` books or of those that are written.
    fn beside(
        &self,
        other: Option<&BookReader>,
        cores: &[usize],
        day: &DayInMemory,
    ) -> Result<(Took, Reads), BenchError> {
        let mut pipeline = self.pipeline()?;
        let reader = other.cloned().unwrap_or_else(|| pipeline.books().reader());
        let play = || timed(|| passes::pipeline_pass(&mut pipeline, day)).1;
        Ok(readers::beside(&reader, cores, self.config.symbols, play))
    }
}

#[expect(clippy::too_many_arguments, reason = "each is one part of the report")]
fn report(
    config: &BenchConfig,
    machine: Machine,
    core: usize,
    full: FullDay,
    budgets: DecodeBudgets,
    packings: Packings,
    symbols: Figure,
    readers: Readers,
) -> BenchReport {
    let (ours, yardstick, decode) = (full.ours.cpu(), full.yardstick.cpu(), full.decode.cpu());
    let ratio = Figure::ratio(&full.ours.cpu_ns, &full.yardstick.cpu_ns);
    let messages_per_packet = full.messages as f64 / full.packets as f64;
    BenchReport {
        method: method(config, &machine, core, messages_per_packet, full.compared),
        machine,
        core,
        messages: full.messages,
        symbols: config.symbols,
        packets: full.packets,
        messages_per_packet,
        runs: config.runs,
        books_compared: full.compared.instruments,
        levels_compared: full.compared.levels,
        ns_per_message: ours.median,
        messages_per_second: 1e9 / ours.median,
        ns_per_message_spread: ours,
        wall_ns_per_message: full.ours.wall(),
        yardstick_ns_per_message: yardstick.median,
        yardstick_ns_per_message_spread: yardstick,
        yardstick_wall_ns_per_message: full.yardstick.wall(),
        ratio_to_yardstick: ratio.median,
        ratio_to_yardstick_spread: ratio,
        decode_ns_per_message: decode.median,
        decode_ns_per_message_spread: decode,
        decode_pitch_ns_per_message: budgets.pitch.as_ref().map(|budget| budget.ns),
        decode_cme_ns_per_entry: budgets.cme.as_ref().map(|budget| budget.ns),
        decode_budgets: budgets,
        allocations_per_message: full.allocations.map(|[_, warm]| warm as f64 / full.messages_warm as f64),
        allocations_warming_up: full.allocations.map(|[first, _]| first),
        resident_mb: full.resident_mb,
        packets_mb: full.packets_mb,
        p50_ns: full.paced.handed.p50_ns,
        p99_ns: full.paced.handed.p99_ns,
        p999_ns: full.paced.handed.p999_ns,
        paced_messages_per_second: config.paced_messages_per_second,
        paced_from_due: full.paced.due,
        saturated: full.saturated.handed,
        small_packet_ratio: packings.one.median,
        small_packet_ratio_spread: packings.one,
        two_message_packet_ratio: packings.two,
        ten_times_symbols_ratio: symbols.median,
        ten_times_symbols_ratio_spread: symbols,
        reader_cost_percent: readers.cost_percent.map(|cost| cost.median),
        reader_cost_percent_spread: readers.cost_percent,
        reader_sharing_percent: readers.shared_percent,
        readers: readers.count,
        reads: readers.reads.tops,
        reads_busy: readers.reads.busy,
    }
}

fn method(config: &BenchConfig, machine: &Machine, core: usize, packing: f64, compared: Compared) -> Vec<String> {
    let BenchConfig { messages, symbols, runs, seed, comparison_messages, paced_messages_per_second, .. } = config;
    let touched = if config.prefault { "and touched before the clock starts" } else { "and not touched beforehand" };
    vec![
        format!("{}, {} cores, {}, load {:.2} at the start.", machine.cpu, machine.cores, machine.system, machine.load),
        format!("One thread, bound to core {core}. Huge pages: {}; the memory of both designs is advised alike {touched}.", machine.huge_pages),
        format!("A synthetic day of {messages} messages and {symbols} symbols (seed {seed}) in memory as MoldUDP64, {packing:.2} messages a packet."),
        "Ours: decoded through the plugin's table, full-depth books with queues, ten levels a side published after each message, in bursts of 32 packets.".to_owned(),
        "Classic design: decoder inlined, flat order table, sorted price vectors, sums only, nothing published.".to_owned(),
        format!("Both in turn, {runs} times, the whole day each time; ratios pair by pair; medians, with least and most."),
        format!("The final books of both were the same in all {} levels of {} instruments.", compared.levels, compared.instruments),
        "Budgets of decoding: one pass a run over packets in memory, through the plugin's table, events dropped; ITCH and PITCH the same orders, CME random levels by position in packets as short as recorded ones.".to_owned(),
        "Nanoseconds a message are processor time of the thread; figures by the clock on the wall are given beside them.".to_owned(),
        format!("Packings, numbers of symbols and readers are compared on days of {comparison_messages} messages."),
        "Readers cost what the writer takes longer beside them than alone; of that the sharing is what it takes longer than beside the same readers of other books, which only keep the machine busy.".to_owned(),
        format!("From packet to published: from handing a packet over to the end of its burst; paced at {paced_messages_per_second} messages a second, bursts of what is due."),
    ]
}
