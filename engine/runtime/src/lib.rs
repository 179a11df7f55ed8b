//! Joins packet source, channel, decoder and books.
//!
//! [`Pipeline`] is one channel at work: packets in, events to the books and on to a sink. [`Replay`] plays a capture through
//! as many pipelines as it has channels.

mod books;
mod channel;
mod faults;
mod guess;
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
pub use pipeline::{Applied, EventSink, NoSink, Pipeline};
pub use replay::{Replay, ReplayConfig, ReplayError, ReplaySink, Step};
pub use summary::{PlacedFault, Summary};
pub use symbols::Symbols;
pub use watch::{Bound, Bounds, Watch};
