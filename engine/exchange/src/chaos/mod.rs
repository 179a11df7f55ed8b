//! What goes wrong between a venue and its reader, by seed.
//!
//! A [`Chaos`] says how much of it; a [`Dial`] applies it to one channel: packets go in by number and time, and come out line by
//! line, lost, doubled, late or out of order. It handles no bytes, so that tests keep packets where they are.
//!
//! ```
//! use wirebook_exchange::chaos::{Chaos, Dial, LineChaos, Loss};
//!
//! let mut chaos = Chaos { seed: 7, ..Chaos::default() };
//! chaos.lines = vec![LineChaos { loss: Loss::bursts(0.10, 5.0), ..LineChaos::default() }, LineChaos::default()];
//! let mut dial = Dial::new(&chaos, 0, 2)?;
//! let mut seen = [0; 2];
//! for number in 0..1_000_u64 {
//!     let now_ns = number * 1_000;
//!     dial.offer(now_ns);
//!     while let Some(sending) = dial.next_due(now_ns) {
//!         seen[sending.line] += 1;
//!     }
//! }
//! dial.finish();
//! while let Some(sending) = dial.next_due(u64::MAX) {
//!     seen[sending.line] += 1;
//! }
//! assert_eq!(seen[1], 1_000);
//! assert!(seen[0] < 1_000);
//! # Ok::<(), wirebook_exchange::chaos::ChaosError>(())
//! ```

mod config;
mod dial;
mod loss;
mod service;

pub use config::{Chaos, ChaosError, LineChaos, Loss};
pub use dial::{Dial, LineCounts, Sending};
pub use service::{Fault, ServiceChaos};
