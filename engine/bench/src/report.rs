//! What a benchmark found.

use std::fmt;

use serde::Serialize;

use crate::{
    budgets::{DecodeBudget, DecodeBudgets},
    figures::{Figure, Percentiles},
    machine::Machine,
};

/// Figures of a run. Serialized, its fields are the keys of `wirebook bench --json`.
///
/// Nanoseconds a message are processor time of the one thread that does the work: what others on the machine make it wait is
/// not in them, and is in the `wall` figures.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReport {
    /// How the figures were taken, a sentence a line.
    pub method: Vec<String>,
    /// What they were taken on.
    pub machine: Machine,
    /// Core of the thread that was measured.
    pub core: usize,
    /// Messages of the day.
    pub messages: u64,
    /// Symbols of the day.
    pub symbols: u32,
    /// Packets of the day.
    pub packets: u64,
    /// Messages a packet on average.
    pub messages_per_packet: f64,
    /// Times that each measure was taken.
    pub runs: u32,
    /// Instruments whose final books were compared with the yardstick's, and were the same.
    pub books_compared: u32,
    /// Levels of these books.
    pub levels_compared: u64,
    /// Everything on: median.
    pub ns_per_message: f64,
    /// The same as a rate.
    pub messages_per_second: f64,
    /// The same with its spread.
    pub ns_per_message_spread: Figure,
    /// By the clock on the wall.
    pub wall_ns_per_message: Figure,
    /// The classic design: median.
    pub yardstick_ns_per_message: f64,
    /// The same with its spread.
    pub yardstick_ns_per_message_spread: Figure,
    /// By the clock on the wall.
    pub yardstick_wall_ns_per_message: Figure,
    /// Ours to the yardstick's, median of pairs; below 1, ours takes less.
    pub ratio_to_yardstick: f64,
    /// The same with its spread.
    pub ratio_to_yardstick_spread: Figure,
    /// Decoding alone through the table: median.
    pub decode_ns_per_message: f64,
    /// The same with its spread.
    pub decode_ns_per_message_spread: Figure,
    /// Decoding PITCH alone: median of [`DecodeBudgets::pitch`].
    pub decode_pitch_ns_per_message: Option<f64>,
    /// Decoding CME's incremental feed alone: median of [`DecodeBudgets::cme`].
    pub decode_cme_ns_per_entry: Option<f64>,
    /// Decoding of each family alone, beside what it may take.
    pub decode_budgets: DecodeBudgets,
    /// Allocations after the first tenth of the day, a message; none where the program does not count them.
    pub allocations_per_message: Option<f64>,
    /// Allocations in that first tenth, where instruments are named; none where the program does not count them.
    pub allocations_warming_up: Option<u64>,
    /// Memory of the process with all books full and the day's packets beside them, 10^6 bytes.
    pub resident_mb: f64,
    /// Of that, the day's packets.
    pub packets_mb: f64,
    /// Paced run, from a packet handed over to its last event published: half of the packets took no longer.
    pub p50_ns: u64,
    /// 99 % of them.
    pub p99_ns: u64,
    /// 99.9 % of them.
    pub p999_ns: u64,
    /// Messages a second of the paced run.
    pub paced_messages_per_second: u64,
    /// Paced run, from the moment that a packet was due, so that its waiting for others counts.
    pub paced_from_due: Percentiles,
    /// Bursts of 32 packets without a pause: each packet waits for all of its burst.
    pub saturated: Percentiles,
    /// One message a packet to thirty, ns a message.
    pub small_packet_ratio: f64,
    /// The same with its spread.
    pub small_packet_ratio_spread: Figure,
    /// Two messages a packet to thirty.
    pub two_message_packet_ratio: Figure,
    /// All symbols to a tenth of them, at equal messages and open orders, ns a message.
    pub ten_times_symbols_ratio: f64,
    /// The same with its spread.
    pub ten_times_symbols_ratio_spread: Figure,
    /// What `readers` readers at full speed add to the writer's ns a message, per cent; none on a single core.
    pub reader_cost_percent: Option<f64>,
    /// The same with its spread.
    pub reader_cost_percent_spread: Option<Figure>,
    /// Of that, what comes of reading the books that are written: against readers of books that nobody writes.
    pub reader_sharing_percent: Option<Figure>,
    /// Readers beside the writer, one a core.
    pub readers: usize,
    /// Tops they took while the writer was at work.
    pub reads: u64,
    /// Times that they were told to ask again.
    pub reads_busy: u64,
}

impl fmt::Display for BenchReport {
    /// The method, then a table.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for sentence in &self.method {
            writeln!(formatter, "{sentence}")?;
        }
        writeln!(formatter)?;
        for (name, value) in self.rows() {
            writeln!(formatter, "{name:<44} {value}")?;
        }
        Ok(())
    }
}

impl BenchReport {
    /// The figures in words, a row each: what, and how much.
    pub fn rows(&self) -> Vec<(String, String)> {
        let row = |name: &str, value: String| (name.to_owned(), value);
        let mut rows = vec![
            row("everything on, ns a message", spread(&self.ns_per_message_spread, 1)),
            row("everything on, messages a second", format!("{:.2} million", self.messages_per_second / 1e6)),
            row("classic design, ns a message", spread(&self.yardstick_ns_per_message_spread, 1)),
            row("ratio to the classic design", spread(&self.ratio_to_yardstick_spread, 3)),
            row("by the clock on the wall, ns a message", spread(&self.wall_ns_per_message, 1)),
            row("decoding alone, ns a message", spread(&self.decode_ns_per_message_spread, 1)),
        ];
        rows.extend(self.decode_budgets.iter().map(budget));
        rows.extend([
            row("packets of 1 message to packets of 30", spread(&self.small_packet_ratio_spread, 3)),
            row("packets of 2 messages to packets of 30", spread(&self.two_message_packet_ratio, 3)),
            row("all symbols to a tenth of them", spread(&self.ten_times_symbols_ratio_spread, 3)),
            row("allocations a message, warmed up", self.allocations()),
            row("resident memory", format!("{:.0} MB, {:.0} MB of it packets", self.resident_mb, self.packets_mb)),
            row(
                "packet to published, paced",
                format!("P50 {} ns, P99 {} ns, P99.9 {} ns", self.p50_ns, self.p99_ns, self.p999_ns),
            ),
            row("due to published, paced", percentiles(&self.paced_from_due)),
            row("packet to published, saturated", percentiles(&self.saturated)),
        ]);
        rows.push(row(&format!("cost of {} readers to the writer", self.readers), self.reader_cost()));
        rows
    }

    fn allocations(&self) -> String {
        match (self.allocations_per_message, self.allocations_warming_up) {
            (Some(each), Some(first)) => format!("{each} (and {first} in the first tenth of the day)"),
            _ => "not counted by this program".to_owned(),
        }
    }

    fn reader_cost(&self) -> String {
        match self.reader_cost_percent_spread {
            Some(cost) => {
                let sharing = self
                    .reader_sharing_percent
                    .map_or_else(String::new, |shared| format!(", {} % by sharing", spread(&shared, 1)));
                format!("{} %{sharing}, {} reads, {} busy", spread(&cost, 1), self.reads, self.reads_busy)
            }
            None => "not measured: there is one core only".to_owned(),
        }
    }
}

fn budget(budget: &DecodeBudget) -> (String, String) {
    let DecodeBudget { protocol, unit, budget_ns, ns_spread, messages_per_packet, full_packets_ns_spread, .. } = budget;
    let verdict = if budget.is_met { "" } else { ": OVER" };
    let article = if *unit == "entry" { "an" } else { "a" };
    (
        format!("decoding {protocol}, ns {article} {unit}"),
        format!(
            "{} at {messages_per_packet:.1} messages a packet, {} at thirty; budget {budget_ns} ns{verdict}",
            spread(ns_spread, 1),
            spread(full_packets_ns_spread, 1)
        ),
    )
}

fn spread(figure: &Figure, digits: usize) -> String {
    format!("{:.digits$} ({:.digits$} to {:.digits$})", figure.median, figure.min, figure.max)
}

fn percentiles(times: &Percentiles) -> String {
    format!("P50 {} ns, P99 {} ns, P99.9 {} ns, most {} ns", times.p50_ns, times.p99_ns, times.p999_ns, times.max_ns)
}
