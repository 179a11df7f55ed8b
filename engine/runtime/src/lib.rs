//! Joins packet source, channel, decoder and books.
//!
//! [`Pipeline`] is one channel at work: packets in, events to the books and on to a sink. [`Replay`] plays a capture through
//! as many pipelines as it has channels; [`live`] does so with packets as they come.

mod books;
mod channel;
mod faults;
mod guess;
mod join;
pub mod live;
mod pipeline;
mod replay;
mod router;
mod scout;
mod selection;
mod summary;
mod symbols;
mod twin;
mod watch;

pub use books::{BookImage, BooksImage, Digest, ImageDetail, LevelImage, SidesImage};
pub use channel::Channel;
pub use faults::{FaultEntry, FaultLog};
pub use guess::{Fit, Sample, guess};
pub use join::JoinCounters;
pub use pipeline::{Applied, EventSink, NoSink, Pipeline};
pub use replay::{Replay, ReplayConfig, ReplayError, ReplaySink, Step};
pub use summary::{PlacedFault, Summary};
pub use symbols::Symbols;
pub use watch::{Bound, Bounds, Watch};
