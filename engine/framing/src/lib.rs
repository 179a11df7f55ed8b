//! How packets number and frame messages, and the whole decoder of any protocol that comes in them.
//!
//! - [`Channel`] reads and writes packets of one framing: MoldUDP64, length-prefixed streams, SoupBinTCP, sequenced units, and those of venues
//!   that have their own.
//! - [`Block`] says where a message lies: its size stands in front of it, or at its start.
//! - [`Framed`] joins a channel and a protocol's [`Messages`] to a [`Decoder`](wirebook_abi::Decoder), ready for
//!   [`DecoderTable::of`](wirebook_abi::DecoderTable::of). What codegen compiles implements [`Messages`].
//!
//! A framing is one file: `frame` reads what a packet says of itself and where its first block is, `pack` writes a packet.

#![cfg_attr(not(test), no_std)]

mod b3_packet;
mod block;
mod channel;
mod cme_packet;
mod coinbase_packet;
mod deribit_packet;
mod framed;
mod halves;
mod length16;
mod memx_packet;
mod moldudp64;
mod numbered;
mod optiq_packet;
mod output;
mod passes;
mod sequenced_unit;
mod session;
mod simba_packet;
mod soupbintcp;
mod whole;

pub use b3_packet::Encoded16;
pub use block::{Block, Counted8, Length16, Measured, Placed, Size16, Typed16, Whole};
pub use channel::Channel;
pub use coinbase_packet::Padded16;
pub use deribit_packet::Own16;
pub use framed::{Framed, Messages};
pub use memx_packet::Templated16;
pub use output::Output;
