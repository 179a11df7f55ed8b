//! Live packet sources beside each other, on a network of the machine's own.
//!
//! [`run`] lays a [`Cable`] between two namespaces for each source, beside a plain `recvmmsg` loop that does nothing else, and
//! measures what a packet costs and how long it takes.

mod cable;
mod plain;
mod report;
mod run;
mod traffic;

pub use cable::{Cable, Namespace};
pub use report::{SourceFigures, SourcesReport};
pub use run::{SourcesConfig, run};
