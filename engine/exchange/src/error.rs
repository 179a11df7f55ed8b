//! Why an exchange does not open.

use std::{io, net::SocketAddr};

use wirebook_abi::Refused;
use wirebook_io::SourceError;

use crate::chaos::ChaosError;

/// Why an exchange does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The capture cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The protocol does not come so.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The chaos cannot be.
    #[error("chaos.{0}")]
    Chaos(#[from] ChaosError),
    /// The file has a stream in it.
    #[error("the capture holds a stream, an exchange publishes datagrams: give a capture of a feed's packets")]
    NoDatagrams,
    /// The file has nothing to publish.
    #[error("the capture has no packet of {protocol}: name the protocol that it is of")]
    Empty {
        /// The protocol.
        protocol: &'static str,
    },
    /// There are not as many addresses as channels.
    #[error("{what}: {count} addresses for {channels} channels; give one for each, or one for the first")]
    Addresses {
        /// What they are for.
        what: String,
        /// How many there are.
        count: usize,
        /// How many there should be.
        channels: usize,
    },
    /// A service does not go with the protocol.
    #[error("{service} is a service of {wanted}, and the day is in {framing}")]
    Service {
        /// The service.
        service: &'static str,
        /// Framing that it goes with.
        wanted: &'static str,
        /// Framing of the day.
        framing: &'static str,
    },
    /// A measure that cannot be.
    #[error("{path}: {value} is not {wanted}")]
    Value {
        /// Where it stands.
        path: &'static str,
        /// What it is.
        value: String,
        /// What would do.
        wanted: &'static str,
    },
    /// An address cannot be used.
    #[error("{what} {address}: {source}")]
    Socket {
        /// What it is for.
        what: String,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}
