//! What a channel says of itself to other threads, while it works.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use wirebook_book::BookState;
use wirebook_channel::{Cause, ChannelState, LineCounters, Standing};

use super::{channel::LiveChannel, stages::StageTimes};

macro_rules! figures {
    ($of:ident, $source:ident: $type:ty; $($(#[$doc:meta])* $name:ident = $value:expr;)*) => {
        /// Counts, by name.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $of {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl $of {
            /// The names, in the order of the values.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// The counts as they stand.
            pub fn of($source: $type) -> Self {
                Self { $($name: $value,)* }
            }

            fn store(&self, into: &[AtomicU64]) {
                let values = [$(self.$name),*];
                values.iter().zip(into).for_each(|(value, into)| into.store(*value, Ordering::Relaxed));
            }

            fn load(from: &[AtomicU64]) -> Self {
                let mut from = from.iter().map(|from| from.load(Ordering::Relaxed));
                Self { $($name: from.next().unwrap_or_default(),)* }
            }

            /// The values, in the order of the names.
            pub fn values(&self) -> Vec<u64> {
                vec![$(self.$name),*]
            }
        }
    };
}

figures! {
    ChannelFigures, channel: &LiveChannel;
    /// Messages applied.
    messages = channel.pipeline().messages();
    /// The next sequence to apply.
    next_sequence = channel.arbiter().next_sequence();
    /// Packets that wait behind what is missing.
    held_packets = channel.arbiter().held_packets() as u64;
    /// Sequences that a line brought.
    taken = channel.arbiter().counters().taken;
    /// Sequences that a recovery brought again.
    recovered = channel.arbiter().counters().recovered;
    /// Sequences whose effect a snapshot brought.
    covered = channel.arbiter().counters().covered;
    /// Sequences that nobody brought.
    lost = channel.arbiter().counters().lost;
    /// Times that something was missing.
    gaps = channel.arbiter().counters().gaps;
    /// Times that something missing was given up.
    gaps_lost = channel.arbiter().counters().gaps_lost;
    /// Times that more waited than there was room for.
    overflows = channel.arbiter().counters().overflows;
    /// Sessions, the first included.
    sessions = channel.arbiter().counters().sessions;
    /// Times that messages were asked for.
    wants_messages = channel.counters().wants_messages;
    /// Times that a snapshot was asked for.
    wants_snapshots = channel.counters().wants_snapshots;
    /// Snapshots joined.
    snapshots = channel.counters().snapshots;
    /// Times that what was asked for was refused, or nobody answered.
    refusals = channel.counters().refusals;
    /// Times that nothing came for too long.
    silences = channel.counters().silences;
    /// Packets that are not the channel's.
    foreign_packets = channel.counters().foreign_packets;
    /// Messages and packets that were not taken as they stand.
    faults = channel.pipeline().faults().total();
    /// Instruments that a message named.
    instruments = channel.pipeline().books().instruments().len() as u64;
    /// Orders open now.
    open_orders = channel.pipeline().books().open_orders() as u64;
    /// Tops published.
    publications = channel.pipeline().books().counters().publications;
    /// Times that reserved memory ran out and grew.
    growths = channel.pipeline().books().counters().growths;
    /// Books that can be believed.
    books_valid = count_in(channel, BookState::Valid);
    /// Books that lack what was before the first packet.
    books_building = count_in(channel, BookState::Building);
    /// Books whose missing messages are being fetched.
    books_recovering = count_in(channel, BookState::Recovering);
    /// Books that nothing mends.
    books_stale = count_in(channel, BookState::Stale);
    /// Books that the venue itself crossed.
    books_crossed = count_in(channel, BookState::CrossedAtSource);
    /// Books of instruments that are not traded now.
    books_halted = count_in(channel, BookState::Halted);
}

figures! {
    LineFigures, line: &LineCounters;
    /// Packets of the channel.
    packets = line.packets;
    /// Bytes of those.
    bytes = line.bytes;
    /// Packets that brought something new.
    wins = line.wins;
    /// Packets all of whose messages had come before.
    duplicates = line.duplicates;
    /// Packets that came after what they bring was given up.
    late = line.late;
    /// Wins of which another line's copy came, too.
    led = line.led;
    /// Sum of their leads, nanoseconds.
    lead_ns = line.lead_ns;
    /// Receive time of the newest packet, nanoseconds since 1970-01-01 UTC.
    newest_ns = line.newest_ns;
}

fn count_in(channel: &LiveChannel, state: BookState) -> u64 {
    u64::from(channel.pipeline().books().count_in(state))
}

/// What a channel last said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelStatus {
    /// Where it stands, by the loop's clock.
    pub standing: Standing,
    /// When it said so, by the same clock.
    pub now_ns: u64,
    /// What went by.
    pub figures: ChannelFigures,
    /// What went by on each line.
    pub lines: Vec<LineFigures>,
}

/// Where a channel's loop puts what others read. Neither waits for the other; figures of one status may be a moment apart.
#[derive(Debug)]
pub struct ChannelReport {
    standing: [AtomicU64; 4],
    figures: Box<[AtomicU64]>,
    lines: Vec<Box<[AtomicU64]>>,
    times: Arc<StageTimes>,
}

fn zeros(count: usize) -> Box<[AtomicU64]> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

impl ChannelReport {
    /// Of a channel with so many lines.
    pub fn new(lines: usize) -> Arc<Self> {
        Arc::new(Self {
            standing: [const { AtomicU64::new(0) }; 4],
            figures: zeros(ChannelFigures::NAMES.len()),
            lines: (0..lines).map(|_| zeros(LineFigures::NAMES.len())).collect(),
            times: StageTimes::new(),
        })
    }

    /// Puts down what the channel is now. Allocates nothing and calls nobody.
    pub fn note(&self, channel: &LiveChannel, now_ns: u64) {
        let standing = channel.standing();
        let words = [standing.state as u64, standing.cause as u64, standing.since_ns, now_ns];
        words.iter().zip(&self.standing).for_each(|(word, into)| into.store(*word, Ordering::Relaxed));
        ChannelFigures::of(channel).store(&self.figures);
        for (line, into) in channel.arbiter().lines().zip(&self.lines) {
            LineFigures::of(line).store(into);
        }
    }

    /// What it said last.
    pub fn status(&self) -> ChannelStatus {
        let [state, cause, since_ns, now_ns] = [0, 1, 2, 3].map(|at| self.standing[at].load(Ordering::Relaxed));
        ChannelStatus {
            standing: Standing {
                state: ChannelState::from_u8(state as u8),
                cause: Cause::from_u8(cause as u8),
                since_ns,
            },
            now_ns,
            figures: ChannelFigures::load(&self.figures),
            lines: self.lines.iter().map(|line| LineFigures::load(line)).collect(),
        }
    }

    /// Times by stage.
    pub fn times(&self) -> &Arc<StageTimes> {
        &self.times
    }
}
