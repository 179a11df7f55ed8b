//! What a protocol decoder and the engine agree on.
//!
//! A decoder plugin is compiled on its own and hands the engine one [`DecoderTable`] a protocol, in a `PyCapsule` named
//! [`CAPSULE_NAME`]. The table is a C structure of function pointers: no Rust type, static or allocator crosses it.
//!
//! - A decoder author implements [`Decoder`] and exports [`DecoderTable::of`]; nothing there is unsafe.
//! - The engine checks a table with [`CheckedTable`] and runs it through [`DecoderInstance`].
//! - What crosses is in [`event`] (what a message means), [`batch`] (where the engine wants it written) and [`describe`]
//!   (layout, for inspectors and documents).
//!
//! The table is append-only: a later version adds functions at the end and the engine reads nothing past `size_bytes`.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod batch;
pub mod describe;
pub mod event;
mod instance;
mod layout;
mod status;
mod table;

pub use batch::{Batch, BatchWriter, Fault, Mark};
pub use describe::{
    Clock, DataInfo, Description, EnumInfo, EnumValue, FieldInfo, FieldKind, GroupInfo, HeaderInfo, MessageInfo,
    OrderIds, PartInfo, Scaling, Slot, Text,
};
pub use event::{Event, EventCold, EventKind, Record, Side, Tag, TradingState, detail, flags};
pub use instance::{BatchBuffer, CheckedTable, DecoderInstance, Refused};
pub use layout::EVENT_LAYOUT_HASH;
pub use status::{Decoded, Frame, FrameKind, Framing, Numbering, Outcome, Span, Status};
pub use table::{Decoder, DecoderTable, Group};

use core::ffi::CStr;

/// Version of the decoder table. The engine refuses any other and names both.
pub const ABI_VERSION: u32 = 1;

/// Name of the `PyCapsule` that carries a pointer to a `static` [`DecoderTable`].
pub const CAPSULE_NAME: &CStr = c"wirebook.decoder";
