//! How much goes wrong.

use std::{fmt, ops::Range};

use super::ServiceChaos;

/// Most packets that one falls back by.
const MOST_PACKETS: u32 = 1_000_000;
/// Longest delay, an hour.
const MOST_US: u64 = 3_600_000_000;

/// Packets that get lost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    /// Share of all packets, 0 to 1.
    pub rate: f64,
    /// Packets that are lost in a row, on average; 0 and 1 lose each by itself.
    pub mean_burst: f64,
}

impl Loss {
    /// Packets lost independently of each other.
    pub const fn independent(rate: f64) -> Self {
        Self { rate, mean_burst: 1.0 }
    }

    /// Packets lost in bursts of `mean_burst` on average.
    pub const fn bursts(rate: f64, mean_burst: f64) -> Self {
        Self { rate, mean_burst }
    }
}

/// What goes wrong on one line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LineChaos {
    /// Packets of this line that never arrive.
    pub loss: Loss,
    /// Share of packets that arrive twice, the second right behind the first.
    pub duplicates: f64,
    /// Share of packets that fall back behind later ones.
    pub reorders: f64,
    /// Most packets that one falls back by; 0 is 1.
    pub reorder_packets: u32,
    /// How much later than the venue's time every packet of the line comes.
    pub delay_us: u64,
    /// Up to how much later still, drawn for each packet; where it is wider than the packets are apart, they change places.
    pub jitter_us: u64,
    /// How many packets of the channel later each packet of the line comes, whatever the time.
    pub lag_packets: u32,
    /// Numbers of packets, from 0, while which the line is dead.
    pub dead: Vec<Range<u64>>,
}

/// What goes wrong on the way from a venue. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chaos {
    /// Another seed, other packets.
    pub seed: u64,
    /// Packets that are lost on all lines alike.
    pub every_line: Loss,
    /// What is wrong with each line, the first one first; lines past the last are sound.
    pub lines: Vec<LineChaos>,
    /// What is wrong with services.
    pub services: ServiceChaos,
}

/// A measure that cannot be.
#[derive(Clone, Debug, PartialEq)]
pub struct ChaosError {
    /// Where it stands: `lines[1].loss.rate`.
    pub path: String,
    /// What it is.
    pub value: String,
    /// What would do.
    pub wanted: String,
}

impl fmt::Display for ChaosError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} is not {}", self.path, self.value, self.wanted)
    }
}

impl std::error::Error for ChaosError {}

impl Chaos {
    /// Checks every measure.
    ///
    /// # Errors
    ///
    /// The first one that cannot be, with what would do.
    pub fn validate(&self) -> Result<(), ChaosError> {
        loss("every_line", self.every_line)?;
        self.lines.iter().enumerate().try_for_each(|(at, line)| line.validate(&format!("lines[{at}]")))?;
        self.services.validate("services")
    }

    /// What is wrong with a line.
    pub(super) fn line(&self, line: usize) -> LineChaos {
        self.lines.get(line).cloned().unwrap_or_default()
    }
}

impl LineChaos {
    fn validate(&self, path: &str) -> Result<(), ChaosError> {
        loss(&format!("{path}.loss"), self.loss)?;
        share(&format!("{path}.duplicates"), self.duplicates)?;
        share(&format!("{path}.reorders"), self.reorders)?;
        for (name, value) in [("reorder_packets", self.reorder_packets), ("lag_packets", self.lag_packets)] {
            if value > MOST_PACKETS {
                return Err(refused(format!("{path}.{name}"), value, format!("0 to {MOST_PACKETS}")));
            }
        }
        for (name, value) in [("delay_us", self.delay_us), ("jitter_us", self.jitter_us)] {
            if value > MOST_US {
                return Err(refused(format!("{path}.{name}"), value, format!("0 to {MOST_US}, an hour")));
            }
        }
        Ok(())
    }
}

fn loss(path: &str, loss: Loss) -> Result<(), ChaosError> {
    share(&format!("{path}.rate"), loss.rate)?;
    if !(0.0..=1e6).contains(&loss.mean_burst) {
        return Err(refused(format!("{path}.mean_burst"), loss.mean_burst, "0 to 1000000 packets".into()));
    }
    Ok(())
}

/// Refuses what is no share of one.
pub(super) fn share(path: &str, value: f64) -> Result<(), ChaosError> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(refused(path.to_owned(), value, "a share from 0 to 1".into()))
}

fn refused(path: String, value: impl fmt::Display, wanted: String) -> ChaosError {
    ChaosError { path, value: value.to_string(), wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_by_its_path() {
        let line = |line: LineChaos| Chaos { lines: vec![LineChaos::default(), line], ..Chaos::default() };
        let refused = |chaos: Chaos| chaos.validate().unwrap_err().to_string();
        assert_eq!(Chaos::default().validate(), Ok(()));
        let loss = Loss::independent(1.5);
        assert_eq!(
            refused(Chaos { every_line: loss, ..Chaos::default() }),
            "every_line.rate: 1.5 is not a share from 0 to 1"
        );
        let loss = Loss::bursts(0.1, f64::NAN);
        assert!(refused(line(LineChaos { loss, ..LineChaos::default() })).starts_with("lines[1].loss.mean_burst: NaN"));
        assert!(
            refused(line(LineChaos { duplicates: -0.1, ..LineChaos::default() })).starts_with("lines[1].duplicates")
        );
        assert!(refused(line(LineChaos { lag_packets: u32::MAX, ..LineChaos::default() })).contains("lag_packets"));
        assert!(refused(line(LineChaos { jitter_us: u64::MAX, ..LineChaos::default() })).contains("an hour"));
        let services = ServiceChaos { hangs: 2.0, ..ServiceChaos::default() };
        assert!(refused(Chaos { services, ..Chaos::default() }).starts_with("services.hangs: 2"));
    }
}
