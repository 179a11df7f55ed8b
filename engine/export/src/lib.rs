//! Event streams as Arrow frames and as Parquet, Arrow IPC and DBN files.
//!
//! Everything here takes [`Events`] as the book completed them: side, price, instrument and the remaining quantity of a
//! delete are filled in. It runs beside the data plane, never on it.
//!
//! - [`EventFrameBuilder`] turns events into Arrow record batches; [`levels_batch`], [`orders_batch`] and [`tops_batch`] do
//!   the same for books. Prices are exact decimals, times nanoseconds UTC.
//! - [`FrameWriter`] writes batches to a Parquet or Arrow file, [`DbnWriter`] events to a DBN file of the `mbo` schema.
//!   A file appears under its name only when it is complete.
//! - [`mbo_events`] reads `mbo` data, DBN or CSV, back as events.

mod book_frames;
mod columns;
mod dbn_read;
mod dbn_write;
mod error;
mod events;
mod frame;
mod frame_file;
mod mbo;
mod order_prices;
mod partial_file;

pub use book_frames::{
    LevelRow, OrderRow, Quote, TopRow, levels_batch, levels_schema, orders_batch, orders_schema, tops_batch,
    tops_schema,
};
pub use dbn_read::{MBO_PRICE_SCALE, MboEvent, MboEvents, mbo_events};
pub use dbn_write::{DbnConfig, DbnSummary, DbnWriter};
pub use error::{ExportError, Result};
pub use events::{Events, Symbols, Units};
pub use frame::{EventFrameBuilder, FrameInfo, event_schema};
pub use frame_file::{FrameFormat, FrameWriter};

pub use arrow_array::RecordBatch;
pub use arrow_schema::SchemaRef;
