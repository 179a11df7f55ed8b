//! A recorded day again: packets of a source through as many pipelines as it has channels.

use std::time::Instant;

use wirebook_abi::{CheckedTable, Framing, Refused};
use wirebook_book::{BookConfig, ConfigError};
use wirebook_io::{Burst, Flow, FlowId, PacketKind, PacketSource, Polled, Progress, SourceError};

use crate::{
    books::ImageDetail,
    channel::Channel,
    faults::FaultLog,
    pipeline::{Applied, NoSink},
    router::Router,
    summary::Summary,
    watch::Bounds,
};

/// Channels of a replay that sets no other limit.
const CHANNEL_LIMIT: usize = 64;

/// How to play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayConfig {
    /// Memory that each channel's books reserve; `None`: [`BookConfig::of`] the protocol.
    pub books: Option<BookConfig>,
    /// Most channels, 65,535 at most; each has books of its own.
    pub channel_limit: usize,
    /// Keeps the books of this detail as they are before the venue clears the channel, as it may at the end of the day.
    pub closing_books: Option<ImageDetail>,
    /// First and last place. Books are built from the beginning always; events from the first place on reach the sink, and
    /// the replay ends behind the last.
    pub bounds: Bounds,
    /// Symbols whose events reach the sink, from where the venue names them; `None`: all. Books are built of all.
    pub only: Option<Vec<String>>,
}

impl Default for ReplayConfig {
    fn default() -> Self {
        Self {
            books: None,
            channel_limit: CHANNEL_LIMIT,
            closing_books: Some(ImageDetail::Orders),
            bounds: Bounds::default(),
            only: None,
        }
    }
}

impl ReplayConfig {
    pub(crate) fn book_config(&self, table: CheckedTable) -> BookConfig {
        self.books.unwrap_or_else(|| BookConfig::of(table.description()))
    }
}

/// Takes applied events off a replay.
pub trait ReplaySink {
    /// Whether receive times are wanted beside the events.
    const WANTS_RECEIVE_TIME: bool;

    /// Takes events of the channel at `channel` of [`Replay::channels`]; they are gone after the call. Events of one channel
    /// come in order; those of different channels in turns of some packets.
    fn take(&mut self, channel: usize, applied: Applied<'_>);
}

impl ReplaySink for NoSink {
    const WANTS_RECEIVE_TIME: bool = false;

    #[inline]
    fn take(&mut self, _channel: usize, _applied: Applied<'_>) {}
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more to come.
    Working,
    /// Nothing will come any more.
    Finished,
}

/// Why a replay cannot start or go on. Everything before was applied, and the sink has had it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The source cannot go on.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The protocol does not come in this framing.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The books cannot be as asked.
    #[error("books: {0}")]
    Books(#[from] ConfigError),
    /// More channels than there may be.
    #[error("more than {limit} channels: flow {} would be another one; filter the capture for one feed, or raise channel_limit", flow.0)]
    TooManyChannels {
        /// The most that there may be.
        limit: usize,
        /// The flow that has no channel.
        flow: FlowId,
    },
}

/// Plays a source's packets.
///
/// Flows with the same session are lines of one channel: the first copy of a message wins. A flow that goes on to another
/// session takes its channel there, which clears the books. Flows whose packets are not of the protocol are counted and left
/// alone.
pub struct Replay {
    source: Box<dyn PacketSource + Send>,
    burst: Burst,
    router: Router,
    table: CheckedTable,
    /// What no channel can be named for.
    faults: FaultLog,
    source_error: Option<String>,
    is_finished: bool,
    seconds: f64,
}

impl Replay {
    /// Plays packets of `source` as messages of `table`'s protocol that come in `framing`.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Refused`] where the protocol does not come in the framing, [`ReplayError::Books`].
    pub fn new(
        source: Box<dyn PacketSource + Send>,
        table: CheckedTable,
        framing: Framing,
        config: ReplayConfig,
    ) -> Result<Self, ReplayError> {
        Ok(Self {
            source,
            burst: Burst::default(),
            router: Router::new(table, framing, config)?,
            table,
            faults: FaultLog::default(),
            source_error: None,
            is_finished: false,
            seconds: 0.0,
        })
    }

    /// Plays on for about `budget_bytes` of payload; a megabyte is some ten thousand messages. When it returns, all of them
    /// are applied and the sink has had them.
    ///
    /// # Errors
    ///
    /// [`ReplayError`], once; the replay is finished then.
    pub fn step<S: ReplaySink>(&mut self, budget_bytes: u64, sink: &mut S) -> Result<Step, ReplayError> {
        if self.is_finished {
            return Ok(Step::Finished);
        }
        let start = Instant::now();
        let played = self.play(budget_bytes, sink);
        self.router.flush(sink);
        if !matches!(played, Ok(Step::Working)) {
            self.finish(played.as_ref().err());
        }
        self.seconds += start.elapsed().as_secs_f64();
        played
    }

    /// Plays to the end; [`step`](Self::step) is for callers that have more to do.
    ///
    /// # Errors
    ///
    /// As [`step`](Self::step).
    pub fn run<S: ReplaySink>(&mut self, sink: &mut S) -> Result<(), ReplayError> {
        while self.step(u64::MAX, sink)? == Step::Working {}
        Ok(())
    }

    fn play<S: ReplaySink>(&mut self, budget_bytes: u64, sink: &mut S) -> Result<Step, ReplayError> {
        let mut played = 0;
        while played < budget_bytes {
            let Polled::Packets(packets) = self.source.burst(&mut self.burst)? else {
                self.router.settle(sink)?;
                return Ok(Step::Finished);
            };
            if packets.is_empty() {
                return Ok(Step::Working);
            }
            let mut stream = None;
            for packet in packets {
                let size = self.router.packet(packet, sink)?;
                played += size as u64;
                if packet.kind == PacketKind::Stream {
                    stream = Some((packet.flow, size));
                }
            }
            if let Some((flow, size)) = stream {
                self.source.consume(flow, size);
            }
            if self.router.channels().len() > 1 {
                // Keeps the channels abreast of each other in the sink.
                self.router.flush(sink);
            }
            if self.router.is_over() {
                return Ok(Step::Finished);
            }
        }
        Ok(Step::Working)
    }

    fn finish(&mut self, error: Option<&ReplayError>) {
        self.is_finished = true;
        match error {
            Some(error) => self.source_error = Some(error.to_string()),
            // An error of the source says itself where a stream is cut.
            None if !self.router.is_over() => self.router.end(),
            None => {}
        }
        for (status, offset) in self.router.refusals() {
            self.faults.packet(status, offset);
        }
    }

    /// Whether nothing will come any more.
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// How far the source has come; `None` where it has no end.
    pub fn progress(&self) -> Option<Progress> {
        self.source.progress()
    }

    /// The channels, in the order in which they appeared.
    pub fn channels(&self) -> &[Channel] {
        self.router.channels()
    }

    /// The channels, to serve snapshots between steps.
    pub fn channels_mut(&mut self) -> &mut [Channel] {
        self.router.channels_mut()
    }

    /// Sender and receiver of a flow.
    pub fn flow(&self, id: FlowId) -> Option<&Flow> {
        self.source.flows().get(id)
    }

    /// Channel and key of the instrument that the venue named so, in the first channel that has one.
    pub fn find(&self, symbol: &str) -> Option<(usize, u32)> {
        let keys = self.channels().iter().enumerate();
        keys.filter_map(|(index, channel)| Some((index, channel.pipeline().symbols().key(symbol)?))).next()
    }

    /// The protocol.
    pub fn table(&self) -> CheckedTable {
        self.table
    }

    /// What happened so far.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::new(self.table.description(), self.router.channels());
        summary.add_faults(None, &self.faults);
        summary.foreign_packets = self.router.foreign_packets();
        summary.source = *self.source.counters();
        summary.source_error.clone_from(&self.source_error);
        summary.errors += u64::from(self.source_error.is_some());
        summary.set_seconds(self.seconds);
        summary
    }
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Replay")
            .field("protocol", &self.table.description().protocol.as_str())
            .field("channels", &self.channels().len())
            .field("is_finished", &self.is_finished)
            .finish_non_exhaustive()
    }
}
