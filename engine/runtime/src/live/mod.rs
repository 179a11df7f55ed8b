//! Channels at work on packets as they come.
//!
//! A [`LiveChannel`] is a pipeline behind an arbiter of lines: what is missing is waited for, then asked for, and no reader is
//! told valid meanwhile. A [`LiveLoop`] is one core with its sources and channels, which nothing else touches; [`LiveEngine`]
//! has all of them on threads, and what they say of themselves: [`ChannelReport`], [`StageTimes`].
//!
//! Time is an argument: nanoseconds of a [`Clock`] that never goes back.

mod channel;
mod config;
mod core;
mod driver;
mod engine;
mod recovery;
mod report;
mod routes;
mod stages;

pub use channel::{ChannelCounters, LiveChannel};
pub use config::{ChannelConfig, LiveError, RecoveryConfig, Snapshots};
pub use driver::{Clock, Idle, LiveLoop, LoopReport, Seat};
pub use engine::{ChannelView, Finished, LiveEngine, LoopPlan, LoopView};
pub use report::{ChannelFigures, ChannelReport, ChannelStatus, LineFigures};
pub use stages::{Stage, StageTimes};
