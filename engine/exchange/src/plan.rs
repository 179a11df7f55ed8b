//! What an exchange is to do.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    time::Duration,
};

use wirebook_abi::Framing;

use crate::{ExchangeError, Pace, Tape, chaos::Chaos};

/// Where one line is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishLine {
    /// A group or host for each channel; one alone is the first channel's, and each further one has the port behind it.
    pub destinations: Vec<SocketAddrV4>,
    /// The interface that multicast leaves by, by its address; the system's choice without one.
    pub interface: Option<Ipv4Addr>,
}

/// A service of Cboe's: whom it serves, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CboeService {
    /// Where it listens. For a spin server, of the first unit; each further one has the port behind it.
    pub listen: SocketAddr,
    /// The user that may log in; anybody without one.
    pub username: Option<String>,
    /// That user's password; any without one.
    pub password: Option<String>,
}

/// What an exchange is to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The copies of each channel: line A, line B and so on.
    pub lines: Vec<PublishLine>,
    /// Routers that a multicast packet may pass.
    pub ttl: u32,
    /// Whether multicast is heard on this host too.
    pub loopback: bool,
    /// How fast.
    pub pace: Pace,
    /// How long before the first packet; heartbeats go out meanwhile.
    pub lead: Duration,
    /// How long services and heartbeats go on after the last packet.
    pub linger: Duration,
    /// What goes wrong.
    pub chaos: Chaos,
    /// Where MoldUDP64 retransmission requests are answered, for each channel as destinations are.
    pub moldudp64: Vec<SocketAddr>,
    /// Where GLIMPSE snapshots are given, for each channel as destinations are.
    pub glimpse: Vec<SocketAddr>,
    /// The gap request proxy, and where the messages it is asked for go, for each channel as destinations are.
    pub gap_proxy: Option<(CboeService, Vec<SocketAddrV4>)>,
    /// The spin servers.
    pub spin: Option<CboeService>,
}

impl Default for Plan {
    /// No line, recorded speed, nothing wrong, no service.
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            ttl: 1,
            loopback: true,
            pace: Pace::Recorded(1.0),
            lead: Duration::ZERO,
            linger: Duration::ZERO,
            chaos: Chaos::default(),
            moldudp64: Vec::new(),
            glimpse: Vec::new(),
            gap_proxy: None,
            spin: None,
        }
    }
}

impl Plan {
    /// Checks what can be checked without a socket.
    ///
    /// # Errors
    ///
    /// The first thing that cannot be.
    pub fn validate(&self, tape: &Tape) -> Result<(), ExchangeError> {
        self.pace.validate()?;
        self.chaos.validate()?;
        if self.lines.is_empty() {
            return Err(ExchangeError::Value { path: "lines", value: "none".into(), wanted: "a line to publish on" });
        }
        if self.ttl > 255 {
            return Err(ExchangeError::Value { path: "ttl", value: self.ttl.to_string(), wanted: "0 to 255" });
        }
        let goes = |service, wanted: Framing| {
            if tape.framing() == wanted {
                return Ok(());
            }
            Err(ExchangeError::Service { service, wanted: wanted.name(), framing: tape.framing().name() })
        };
        if !self.moldudp64.is_empty() {
            goes("moldudp64", Framing::MOLDUDP64)?;
        }
        if !self.glimpse.is_empty() {
            goes("glimpse", Framing::MOLDUDP64)?;
        }
        if self.gap_proxy.is_some() {
            goes("gap_proxy", Framing::SEQUENCED_UNIT)?;
        }
        if self.spin.is_some() {
            goes("spin", Framing::SEQUENCED_UNIT)?;
        }
        Ok(())
    }
}

/// An address for each of `channels`: as given, or from the first one on by port.
pub(crate) fn for_channels<A: Copy>(
    what: &str,
    given: &[A],
    channels: usize,
    behind: impl Fn(A, u16) -> Option<A>,
) -> Result<Vec<A>, ExchangeError> {
    let wrong = || ExchangeError::Addresses { what: what.into(), count: given.len(), channels };
    match given {
        [first] => {
            (0..channels).map(|at| behind(*first, u16::try_from(at).ok()?)).collect::<Option<_>>().ok_or_else(wrong)
        }
        _ if given.len() == channels => Ok(given.to_vec()),
        _ => Err(wrong()),
    }
}

/// The address so many ports behind; port 0 is the system's choice each time.
pub(crate) fn behind(address: SocketAddr, ports: u16) -> Option<SocketAddr> {
    let port = if address.port() == 0 { 0 } else { address.port().checked_add(ports)? };
    Some(SocketAddr::new(address.ip(), port))
}

/// As [`behind`], of IPv4 alone.
pub(crate) fn behind_v4(address: SocketAddrV4, ports: u16) -> Option<SocketAddrV4> {
    Some(SocketAddrV4::new(*address.ip(), address.port().checked_add(ports)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_stands_for_all_channels_by_port() {
        let of = |given: &[&str], channels| {
            let given: Vec<SocketAddrV4> = given.iter().map(|text| text.parse().unwrap()).collect();
            let found = for_channels("lines[0]", &given, channels, behind_v4);
            found.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>()).map_err(|error| error.to_string())
        };
        assert_eq!(of(&["233.252.0.1:30001"], 2).unwrap(), ["233.252.0.1:30001", "233.252.0.1:30002"]);
        assert_eq!(of(&["1.2.3.4:5", "1.2.3.5:5"], 2).unwrap(), ["1.2.3.4:5", "1.2.3.5:5"]);
        assert!(of(&["1.2.3.4:5", "1.2.3.5:5"], 3).unwrap_err().starts_with("lines[0]: 2 addresses for 3 channels"));
        assert!(of(&["1.2.3.4:65535"], 2).is_err());
    }
}
