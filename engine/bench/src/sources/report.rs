//! What a comparison of packet sources found.

use serde::Serialize;

use crate::{Figure, Machine, Percentiles};

/// Figures of a comparison. Serialized, its fields are the keys of `wirebook bench sources --json`.
#[derive(Clone, Debug, Serialize)]
pub struct SourcesReport {
    /// How the figures were taken, a sentence a line.
    pub method: Vec<String>,
    /// What they were taken on.
    pub machine: Machine,
    /// Bytes of a datagram.
    pub packet_size: usize,
    /// A source each, in the order in which they were measured.
    pub sources: Vec<SourceFigures>,
    /// Sources that were not measured, and why.
    pub left_out: Vec<(String, String)>,
}

/// Figures of one source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceFigures {
    /// Which.
    pub source: String,
    /// To take a packet that waits, nanoseconds.
    pub drain_ns: Figure,
    /// The same to that of the plain loop of the same run.
    pub drain_ratio: f64,
    /// Packets a second while the sender floods it.
    pub packets_per_second: f64,
    /// Of the flood's packets, the part that was lost on the way.
    pub flood_lost: f64,
    /// From sent to taken, one packet at a time, the receiver spinning.
    pub spinning: Percentiles,
    /// The same with a receiver that sleeps until packets come; none for a source that can only be polled.
    pub blocking: Option<Percentiles>,
    /// What the machine did not grant the source.
    pub notes: Vec<String>,
}

impl SourcesReport {
    /// The figures in words, a row each: source, drain cost, rate, one-way times.
    pub fn rows(&self) -> Vec<[String; 6]> {
        let micro =
            |times: &Percentiles| format!("{:.1} / {:.1}", times.p50_ns as f64 / 1e3, times.p99_ns as f64 / 1e3);
        let rows = self.sources.iter().map(|each| {
            [
                each.source.clone(),
                format!("{:.0} ({:.0} to {:.0})", each.drain_ns.median, each.drain_ns.min, each.drain_ns.max),
                format!("{:.2}", each.drain_ratio),
                format!("{:.0} ({:.1} % lost)", each.packets_per_second, each.flood_lost * 100.0),
                micro(&each.spinning),
                each.blocking.as_ref().map_or("polled only".into(), micro),
            ]
        });
        rows.collect()
    }
}
