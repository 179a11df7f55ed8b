//! One channel: an independently numbered stream of packets.
//!
//! [`Sequencer`] sees what framing says of each packet, in the order of arrival from every line, and answers which of its
//! messages are new. The first copy of a sequence wins, later ones are duplicates, and what is missing between is a gap.
//!
//! Where packets come live, an [`Arbiter`] stands before it: packets ahead of a hole wait in memory that was reserved at the
//! start, until another line or a recovery brings what is missing, or until it is given up. [`Standing`] is what a channel
//! says of itself, with the reason and since when.

#![no_std]

extern crate alloc;

mod arbiter;
mod held;
mod line;
mod sequencer;
mod standing;

pub use arbiter::{Action, Arbiter, ArbiterConfig, ArbiterCounters, ConfigError, Origin, Ruling};
pub use held::HeldPacket;
pub use line::{LEAD_BUCKETS, LineCounters};
pub use sequencer::{Gap, Sequencer, SequencerCounters, Verdict};
pub use standing::{Cause, ChannelState, Standing};
