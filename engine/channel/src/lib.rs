//! One channel: an independently numbered stream of packets.
//!
//! [`Sequencer`] sees what framing says of each packet, in the order of arrival from every line, and answers which of its
//! messages are new. The first copy of a sequence wins, later ones are duplicates, and what is missing between is a gap.

#![no_std]

mod sequencer;

pub use sequencer::{Gap, Sequencer, SequencerCounters, Verdict};
