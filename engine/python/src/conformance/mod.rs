//! What the conformance kit asks of a decoder, call by call: `framework/wirebook/testing` makes tests of it.

mod channel;
mod checks;
mod events;
mod rig;

pub use channel::RigChannel;
pub use checks::{count_allocations, measure_rate, survey};
pub use rig::Rig;
