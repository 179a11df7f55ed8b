//! Decoders for Cboe's PITCH feeds: US equities and options, the C1 complex book, CFE futures, Europe.
//!
//! The messages come from the descriptions in `protocols/`, which the build compiles into one module a protocol. Packets are
//! `wirebook-framing`'s sequenced units: a unit is a channel, and its number is the session.
//!
//! ```
//! use wirebook_abi::{BatchBuffer, CheckedTable, EventKind, Frame, Framing};
//! use wirebook_pitch::cboe_us_equities_depth_2_41_64::{DeleteOrderFields, TimeFields};
//!
//! let mut packet = vec![28, 0, 2, 31, 1, 0, 0, 0]; // two messages of unit 31, from sequence 1 on
//! packet.extend_from_slice(&TimeFields { time: 34_200 }.encode());
//! packet.extend_from_slice(&DeleteOrderFields { time_offset: 754_000, order_id: 42 }.encode());
//!
//! let table = CheckedTable::new(&wirebook_pitch::EQUITIES_2_41_64).unwrap();
//! let mut decoder = table.create(Framing::SEQUENCED_UNIT).unwrap();
//! let mut batch = BatchBuffer::new(16, 4, table.description());
//! let mut frame = Frame::default();
//! decoder.frame(&packet, &mut frame);
//! decoder.decode(&packet, 0, &mut batch);
//! let (events, cold, _) = batch.parts_mut();
//! assert_eq!((events[0].kind, events[0].order_id), (EventKind::DELETE, 42));
//! assert_eq!(cold[0].ts_event_ns, 34_200_000_754_000); // since midnight in New York
//! ```

#![cfg_attr(not(feature = "python"), no_std)]

#[cfg(feature = "python")]
mod python;

use wirebook_abi::DecoderTable;

include!(concat!(env!("OUT_DIR"), "/protocols.rs"));

/// `cboe-us-equities-depth-2.41.64`.
pub static EQUITIES_2_41_64: DecoderTable =
    DecoderTable::of::<framed::Decoder<cboe_us_equities_depth_2_41_64::CboeUsEquitiesDepth24164>>();

/// `cboe-us-equities-depth-2.41.29`.
pub static EQUITIES_2_41_29: DecoderTable =
    DecoderTable::of::<framed::Decoder<cboe_us_equities_depth_2_41_29::CboeUsEquitiesDepth24129>>();

/// `cboe-us-equities-depth-2`.
pub static EQUITIES_2: DecoderTable =
    DecoderTable::of::<framed::Decoder<cboe_us_equities_depth_2::CboeUsEquitiesDepth2>>();

/// `cboe-us-options-depth-2.41.64`.
pub static OPTIONS_2_41_64: DecoderTable =
    DecoderTable::of::<framed::Decoder<cboe_us_options_depth_2_41_64::CboeUsOptionsDepth24164>>();

/// `cboe-us-options-depth-2.39.4`.
pub static OPTIONS_2_39_4: DecoderTable =
    DecoderTable::of::<framed::Decoder<cboe_us_options_depth_2_39_4::CboeUsOptionsDepth2394>>();

/// `cboe-c1-options-complex-2.1.18`.
pub static COMPLEX_2_1_18: DecoderTable =
    DecoderTable::of::<framed::Decoder<cboe_c1_options_complex_2_1_18::CboeC1OptionsComplex2118>>();

/// `cfe-futures-depth-1.2.19`.
pub static CFE_1_2_19: DecoderTable =
    DecoderTable::of::<framed::Decoder<cfe_futures_depth_1_2_19::CfeFuturesDepth1219>>();

/// `cfe-futures-depth-1.1.12`.
pub static CFE_1_1_12: DecoderTable =
    DecoderTable::of::<framed::Decoder<cfe_futures_depth_1_1_12::CfeFuturesDepth1112>>();

/// `cfe-futures-depth-1.1.6`.
pub static CFE_1_1_6: DecoderTable = DecoderTable::of::<framed::Decoder<cfe_futures_depth_1_1_6::CfeFuturesDepth116>>();

/// `cboe-europe-depth-6.67`.
pub static EUROPE_6_67: DecoderTable =
    DecoderTable::of::<framed::Decoder<cboe_europe_depth_6_67::CboeEuropeDepth667>>();
