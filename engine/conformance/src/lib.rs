//! What every decoder must keep to, tried on it through its table, as the engine runs it.
//!
//! - [`Survey`] gives a decoder damaged packets and says which promises of [`Decoder`](wirebook_abi::Decoder) it broke.
//! - [`count_allocations`] counts the calls for memory that decoding makes, in whatever library they are made.
//! - [`measure_rate`] times decoding.
//! - [`Pair`] feeds two decoders alike, for fuzz targets.
//! - [`newer_version`] and [`older_versions`] make of a message what other versions of its protocol would send.
//!
//! The conformance kit of the Python side makes tests of them; nothing here knows a protocol.

mod allocations;
mod clock;
mod interposer;
mod pair;
mod rate;
mod run;
mod survey;
mod versions;

pub use allocations::{Allocations, AllocationsError, count_allocations};
pub use pair::{Pair, Room};
pub use rate::{Rate, measure_rate};
pub use run::{Run, decode_framed, run_packet};
pub use survey::{Survey, Violation};
pub use versions::{newer_version, older_versions};
