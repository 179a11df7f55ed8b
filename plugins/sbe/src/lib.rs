//! Decoders of feeds in Simple Binary Encoding: CME MDP 3.0, B3 UMDF, MEMX MEMOIR, Coinbase Derivatives, Deribit, Euronext
//! Optiq, MOEX SIMBA and Binance.
//!
//! The messages come from the descriptions in `protocols/`, which the build compiles into one module a protocol; how packets
//! frame them is `wirebook_framing`'s. Each module has views of its messages for those who want fields instead of events.

#![cfg_attr(not(feature = "python"), no_std)]

#[cfg(feature = "python")]
mod python;

use wirebook_abi::DecoderTable;

include!(concat!(env!("OUT_DIR"), "/protocols.rs"));

/// `cme-mdp3`.
pub static CME: DecoderTable = DecoderTable::of::<framed::Decoder<cme_mdp3::CmeMdp3>>();

/// `b3-umdf-1.8`.
pub static B3_1: DecoderTable = DecoderTable::of::<framed::Decoder<b3_umdf_1_8::B3Umdf18>>();

/// `b3-umdf-2.2`.
pub static B3_2: DecoderTable = DecoderTable::of::<framed::Decoder<b3_umdf_2_2::B3Umdf22>>();

/// `memx-memoir-depth-1.3`.
pub static MEMX: DecoderTable = DecoderTable::of::<framed::Decoder<memx_memoir_depth_1_3::MemxMemoirDepth13>>();

/// `coinbase-derivatives-md-1.2`.
pub static COINBASE_1_2: DecoderTable =
    DecoderTable::of::<framed::Decoder<coinbase_derivatives_md_1_2::CoinbaseDerivativesMd12>>();

/// `coinbase-derivatives-md-1.7`.
pub static COINBASE_1_7: DecoderTable =
    DecoderTable::of::<framed::Decoder<coinbase_derivatives_md_1_7::CoinbaseDerivativesMd17>>();

/// `deribit-md-1.0`.
pub static DERIBIT: DecoderTable = DecoderTable::of::<framed::Decoder<deribit_md_1_0::DeribitMd10>>();

/// `moex-simba-9`.
pub static MOEX: DecoderTable = DecoderTable::of::<framed::Decoder<moex_simba_9::MoexSimba9>>();

/// `euronext-optiq-mdg-6.67`.
pub static OPTIQ: DecoderTable = DecoderTable::of::<framed::Decoder<euronext_optiq_mdg_6_67::EuronextOptiqMdg667>>();

/// `binance-spot-stream-1.0`.
pub static BINANCE: DecoderTable = DecoderTable::of::<framed::Decoder<binance_spot_stream_1_0::BinanceSpotStream10>>();
