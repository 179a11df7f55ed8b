//! An exchange in a box: publishes a day by the real protocols and misbehaves on demand.
//!
//! - [`chaos`] decides what goes wrong on the way from the venue to a reader: a plain type over packet numbers and times, which
//!   tests use in process and the exchange in front of its sockets.
//! - [`Tape`] is a day in memory: the packets of a capture, which the simulator wrote or a feed was recorded in.
//! - [`Exchange`] publishes a tape on its lines and answers recovery requests over real sockets, as far as it has published:
//!   MoldUDP64 retransmission, GLIMPSE, Cboe's gap request proxy and spin server.

pub mod chaos;
mod draw;
mod error;
mod exchange;
mod ledger;
mod pace;
mod plan;
mod publisher;
mod services;
mod tape;

pub use error::ExchangeError;
pub use exchange::{Exchange, LineStatus, Status};
pub use pace::Pace;
pub use plan::{CboeService, Plan, PublishLine};
pub use services::ServiceCounts;
pub use tape::{Tape, TapeChannel, TapePacket};
