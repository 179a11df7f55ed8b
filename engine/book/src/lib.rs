//! Full-depth order books of a venue: one writer, lock-free readers.
//!
//! [`BookWriter`] applies events ([`wirebook_abi::Event`]) to the books of every instrument of a venue at once, keeps each
//! level's orders in the order they came, and publishes the best ten levels a side after each event group. A
//! [`BookReader`] on any other thread takes such a [`Top`] without a lock, each at one sequence. On the writer's own thread
//! an [`OrderBook`] shows everything: all levels, all queues, the place of any order in its queue. With the feature `std` a
//! `SnapshotReader` takes whole books, many at one sequence, to other threads.
//!
//! A feed may give price levels outright instead of orders, or beside them: they have books of their own, a [`LevelBook`] an
//! instrument, and tops of such an instrument show that one.
//!
//! Memory is reserved by [`BookConfig`]. After that nothing is allocated until a reserve runs out, which
//! [`BookCounters::growths`] counts.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod compare;
mod config;
mod double_buffer;
mod far;
mod id_table;
mod instrument;
mod keys;
mod level;
mod levels;
mod orders;
mod prefetch;
mod ranks;
mod reader;
mod salt;
#[cfg(feature = "std")]
mod snapshot;
mod sync;
mod top;
mod validity;
mod view;
mod word;
mod writer;
mod zeroed;

pub use config::{BookConfig, ConfigError};
pub use levels::{GivenLevel, LevelBook, ListedOrder};
pub use reader::{BookReader, ReadError};
#[cfg(feature = "std")]
pub use snapshot::{Cut, CutBook, CutLevel, HeldCut, Selection, SnapshotError, SnapshotReader, Ticket};
pub use top::{TOP_LEVELS, Top, TopLevel};
pub use validity::{BookState, Reason, Validity};
pub use view::{Level, OrderBook, QueuePosition, QueuedOrder};
pub use writer::{BookCounters, BookWriter, Cursor};
