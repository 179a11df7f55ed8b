//! What a replay came to.

use wirebook_abi::{Description, Status};
use wirebook_book::BookCounters;
use wirebook_io::Counters;

use crate::{
    channel::Channel,
    faults::{FaultEntry, FaultLog},
    join::JoinCounters,
};

/// Faults that a summary keeps with their place.
const FAULTS_KEPT: usize = 100;

/// A fault with its place, and the channel that it is of; `None` where no flow was of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedFault {
    /// Index of the channel.
    pub channel: Option<usize>,
    /// What, and where in the input.
    pub fault: FaultEntry,
}

/// What a replay came to, over all channels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Messages decoded, those with faults included and duplicates not. Behind a last place there may be some of its packet.
    pub messages: u64,
    /// Messages by type, as it stands on the wire, in the order of the description; types that did not occur are left out.
    pub message_types: Vec<(&'static str, u64)>,
    /// Instrument keys that messages carried. Where the venue speaks of the market as a whole, the key for that is one of them.
    pub instruments: u64,
    /// Events that named an order never added.
    pub unknown_orders: u64,
    /// Runs of messages that no line delivered.
    pub gaps: u64,
    /// Messages in them.
    pub missing: u64,
    /// Messages seen before: of the other line, or sent again.
    pub duplicates: u64,
    /// Packets of a session that was over.
    pub late_packets: u64,
    /// Packets that are not of the feed.
    pub foreign_packets: u64,
    /// Bytes of streams that were not decoded: behind the end of a session, or behind a place at which one went wrong.
    pub undecoded_bytes: u64,
    /// Packets and messages that were not taken as they stand, and what ended the replay early.
    pub errors: u64,
    /// Of them, how many of each status.
    pub statuses: Vec<(Status, u64)>,
    /// The first of them, in the order of their place.
    pub first_faults: Vec<PlacedFault>,
    /// What ended the replay early, in words.
    pub source_error: Option<String>,
    /// Orders open at the end.
    pub open_orders: u64,
    /// Levels that feeds gave and that stand at the end, implied ones among them.
    pub given_levels: u64,
    /// What did not go as the books expected.
    pub books: BookCounters,
    /// What became of snapshots of single instruments.
    pub joins: JoinCounters,
    /// What became of the source's frames.
    pub source: Counters,
    /// Channels.
    pub channels: u64,
    /// Time spent playing, without what the caller did between steps.
    pub seconds: f64,
    /// Messages over seconds; 0 before any time is spent.
    pub messages_per_second: f64,
}

impl Summary {
    pub(crate) fn new(description: &Description, channels: &[Channel]) -> Self {
        let mut summary = Self { channels: channels.len() as u64, ..Self::default() };
        let mut counts = vec![0; description.messages.as_slice().len()];
        for (index, channel) in channels.iter().enumerate() {
            summary.add_channel(index, channel);
            for (sum, count) in counts.iter_mut().zip(channel.pipeline().type_counts()) {
                *sum += count;
            }
        }
        let types = description.messages.as_slice().iter().map(|message| message.type_text.as_str());
        summary.message_types = types.zip(counts).filter(|(_, count)| *count != 0).collect();
        summary
    }

    fn add_channel(&mut self, index: usize, channel: &Channel) {
        let pipeline = channel.pipeline();
        self.messages += pipeline.messages();
        let books = pipeline.books();
        self.instruments += books.instruments().len() as u64 + u64::from(books.market_spoke());
        self.gaps += pipeline.gap_count();
        self.missing += pipeline.missing();
        self.duplicates += pipeline.sequencer().counters().duplicates;
        self.late_packets += channel.late_packets();
        self.undecoded_bytes += channel.undecoded_bytes();
        self.open_orders += books.open_orders() as u64;
        self.given_levels += books.given_levels() as u64;
        self.add_books(pipeline.books().counters());
        self.joins = self.joins.and(&pipeline.join_counters());
        self.add_faults(Some(index), pipeline.faults());
    }

    fn add_books(&mut self, counters: BookCounters) {
        self.unknown_orders += counters.unknown_orders;
        let BookCounters {
            unknown_orders,
            orphaned_adds,
            duplicate_orders,
            overdrawn_orders,
            oversized_orders,
            unknown_levels,
            contradicted_levels,
            misplaced_events,
            growths,
            publications,
        } = counters;
        self.books.unknown_orders += unknown_orders;
        self.books.orphaned_adds += orphaned_adds;
        self.books.duplicate_orders += duplicate_orders;
        self.books.overdrawn_orders += overdrawn_orders;
        self.books.oversized_orders += oversized_orders;
        self.books.unknown_levels += unknown_levels;
        self.books.contradicted_levels += contradicted_levels;
        self.books.misplaced_events += misplaced_events;
        self.books.growths += growths;
        self.books.publications += publications;
    }

    pub(crate) fn add_faults(&mut self, channel: Option<usize>, log: &FaultLog) {
        self.errors += log.total();
        for (status, count) in log.counts() {
            match self.statuses.iter_mut().find(|(each, _)| *each == status) {
                Some((_, sum)) => *sum += count,
                None => self.statuses.push((status, count)),
            }
        }
        self.statuses.sort_unstable_by_key(|(status, _)| *status);
        self.first_faults.extend(log.first().iter().map(|fault| PlacedFault { channel, fault: *fault }));
        self.first_faults.sort_by_key(|placed| placed.fault.offset);
        self.first_faults.truncate(FAULTS_KEPT);
    }

    pub(crate) fn set_seconds(&mut self, seconds: f64) {
        self.seconds = seconds;
        self.messages_per_second = if seconds > 0.0 { self.messages as f64 / seconds } else { 0.0 };
    }
}
