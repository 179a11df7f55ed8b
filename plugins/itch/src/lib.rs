//! Decoders for the ITCH family: Nasdaq TotalView-ITCH 5.0 with its siblings on BX and PSX, and the dialects of Japannext,
//! ASX 24, ASX Trade, Genium INET (Borsa Istanbul, Osaka) and Nasdaq Nordic.
//!
//! The messages come from the descriptions in `protocols/`, which the build compiles into one module a protocol, with a
//! decoder that takes them out of any framing that the description lists.
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

#[cfg(feature = "python")]
mod python;

use wirebook_abi::DecoderTable;

include!(concat!(env!("OUT_DIR"), "/protocols.rs"));

/// `nasdaq-totalview-5.0`.
pub static NASDAQ: DecoderTable = DecoderTable::of::<framed::Decoder<nasdaq_totalview_5_0::NasdaqTotalview50>>();

/// `nasdaq-bx-totalview-5.0`.
pub static NASDAQ_BX: DecoderTable =
    DecoderTable::of::<framed::Decoder<nasdaq_bx_totalview_5_0::NasdaqBxTotalview50>>();

/// `nasdaq-psx-totalview-5.0`.
pub static NASDAQ_PSX: DecoderTable =
    DecoderTable::of::<framed::Decoder<nasdaq_psx_totalview_5_0::NasdaqPsxTotalview50>>();

/// `asx24-ntp-1.05`.
pub static ASX24: DecoderTable = DecoderTable::of::<framed::Decoder<asx24_ntp_1_05::Asx24Ntp105>>();

/// `asx-trade-2.0`.
pub static ASX_TRADE_2: DecoderTable = DecoderTable::of::<framed::Decoder<asx_trade_2_0::AsxTrade20>>();

/// `asx-trade-3.1`.
pub static ASX_TRADE_3: DecoderTable = DecoderTable::of::<framed::Decoder<asx_trade_3_1::AsxTrade31>>();

/// `genium-inet-bist-21.12`.
pub static GENIUM_BIST: DecoderTable =
    DecoderTable::of::<framed::Decoder<genium_inet_bist_21_12::GeniumInetBist2112>>();

/// `genium-inet-ose-5.0.6`.
pub static GENIUM_OSE: DecoderTable = DecoderTable::of::<framed::Decoder<genium_inet_ose_5_0_6::GeniumInetOse506>>();

/// `jnx-equities-pts-1.6`.
pub static JNX: DecoderTable = DecoderTable::of::<framed::Decoder<jnx_equities_pts_1_6::JnxEquitiesPts16>>();

/// `nasdaq-nordic-totalview-3.04.5`.
pub static NASDAQ_NORDIC: DecoderTable =
    DecoderTable::of::<framed::Decoder<nasdaq_nordic_totalview_3_04_5::NasdaqNordicTotalview3045>>();

/// `soupbintcp-3.0`.
pub static SOUPBINTCP: DecoderTable = DecoderTable::of::<framed::Decoder<soupbintcp_3_0::Soupbintcp30>>();

/// The table of every protocol, under the name by which the Python module knows it.
pub static TABLES: [(&str, &DecoderTable); 11] = [
    ("NASDAQ", &NASDAQ),
    ("NASDAQ_BX", &NASDAQ_BX),
    ("NASDAQ_PSX", &NASDAQ_PSX),
    ("ASX24", &ASX24),
    ("ASX_TRADE_2", &ASX_TRADE_2),
    ("ASX_TRADE_3", &ASX_TRADE_3),
    ("GENIUM_BIST", &GENIUM_BIST),
    ("GENIUM_OSE", &GENIUM_OSE),
    ("JNX", &JNX),
    ("NASDAQ_NORDIC", &NASDAQ_NORDIC),
    ("SOUPBINTCP", &SOUPBINTCP),
];
