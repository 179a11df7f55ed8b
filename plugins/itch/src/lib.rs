//! Decoders for Nasdaq TotalView-ITCH 5.0 and its siblings on BX and PSX.
//!
//! The messages come from the descriptions in `protocols/`, which the build compiles into one module a protocol; what a
//! description cannot say is here: [`framing`] (MoldUDP64, length-prefixed streams, SoupBinTCP) and [`ItchDecoder`], which
//! joins the two behind wirebook's decoder table.
//!
//! ```
//! use wirebook_abi::{BatchBuffer, CheckedTable, EventKind, Frame, Framing};
//! use wirebook_itch::nasdaq_totalview_5_0::OrderDeleteFields;
//!
//! let message = OrderDeleteFields { stock_locate: 7, order_reference_number: 42, ..Default::default() }.encode();
//! let mut stream = vec![0, message.len() as u8];
//! stream.extend_from_slice(&message);
//!
//! let table = CheckedTable::new(&wirebook_itch::NASDAQ).unwrap();
//! let mut decoder = table.create(Framing::LENGTH16).unwrap();
//! let mut batch = BatchBuffer::new(16, 4, table.description());
//! let mut frame = Frame::default();
//! decoder.frame(&stream, &mut frame);
//! decoder.decode(&stream, 0, &mut batch);
//! let (events, ..) = batch.parts_mut();
//! assert_eq!((events[0].kind, events[0].order_id), (EventKind::DELETE, 42));
//! ```

#![cfg_attr(not(feature = "python"), no_std)]

mod decoder;
pub mod framing;
#[cfg(feature = "python")]
mod python;

use wirebook_abi::DecoderTable;

pub use decoder::ItchDecoder;

include!(concat!(env!("OUT_DIR"), "/protocols.rs"));

/// `nasdaq-totalview-5.0`.
pub static NASDAQ: DecoderTable = DecoderTable::of::<ItchDecoder<nasdaq_totalview_5_0::NasdaqTotalview50>>();

/// `nasdaq-bx-totalview-5.0`.
pub static NASDAQ_BX: DecoderTable = DecoderTable::of::<ItchDecoder<nasdaq_bx_totalview_5_0::NasdaqBxTotalview50>>();

/// `nasdaq-psx-totalview-5.0`.
pub static NASDAQ_PSX: DecoderTable = DecoderTable::of::<ItchDecoder<nasdaq_psx_totalview_5_0::NasdaqPsxTotalview50>>();
