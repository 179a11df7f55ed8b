//! Decoders for Lantern Exchange.
//!
//! The messages come from the descriptions in `protocols/`, which the build compiles into one module a protocol, with a
//! decoder that takes them out of any framing that the description lists.

#![cfg_attr(not(feature = "python"), no_std)]

#[cfg(feature = "python")]
mod python;

use wirebook_abi::DecoderTable;

include!(concat!(env!("OUT_DIR"), "/protocols.rs"));

/// `lantern-1.0`.
pub static LANTERN_1_0: DecoderTable = DecoderTable::of::<framed::Decoder<lantern_1_0::Lantern10>>();
