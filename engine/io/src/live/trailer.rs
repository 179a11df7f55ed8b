//! Times that capture switches append to frames.
//!
//! A switch that aggregates taps writes behind the original frame when it saw it, and who it is. What the frame's own IP header
//! does not cover is either that or padding, so a trailer is looked for in those bytes only, and its time must be near the
//! receiver's.

use super::stamp::timespec_ns;

/// What a switch appends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trailer {
    /// Metamako and Arista 7130 (MetaWatch): the frame's own check sequence, then seconds, nanoseconds (UTC), flags, device
    /// and port, 12 bytes in all, big-endian. Optional fields may stand between the check sequence and these.
    ///
    /// From "Metamako Trailer", given to the tcpdump workers by its makers in 2018
    /// (<https://seclists.org/tcpdump/2018/q3/att-74/MetamakoTrailer.txt>).
    Metamako,
    /// Exablaze ExaLINK Fusion and Cisco Nexus 3550: the frame's own check sequence, device and port of a byte each, seconds,
    /// 40 bits of a binary fraction of a second, and a byte of flags: 16 bytes, big-endian. The switch may run by TAI: have it
    /// say UTC (`time-stamp hpt utc-offset`), for nothing in the trailer tells.
    ///
    /// From Exablaze's own dissector in Wireshark (packet-exablaze.c) and Cisco's guide "Configuring High Precision
    /// Timestamping" for the Nexus 3550-T.
    Exablaze,
}

impl Trailer {
    /// As configurations call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Metamako => "metamako",
            Self::Exablaze => "exablaze",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Metamako, Self::Exablaze].into_iter().find(|each| each.name() == name)
    }

    /// The time, of the bytes behind the datagram; `None` where they hold no trailer. Cards deliver the outer check sequence
    /// or leave it out; the place at which the time is nearer to the receiver's `own_ns` is the one.
    pub fn time(self, behind: &[u8], own_ns: u64) -> Option<u64> {
        let without = self.read(behind);
        let with = behind.len().checked_sub(4).and_then(|size| self.read(&behind[..size]));
        let near = |time: &u64| time.abs_diff(own_ns);
        without.into_iter().chain(with).min_by_key(near)
    }

    /// The trailer that ends these bytes.
    fn read(self, bytes: &[u8]) -> Option<u64> {
        let trailer: &[u8; 16] = bytes.last_chunk()?;
        let word = |at: usize| u32::from_be_bytes([trailer[at], trailer[at + 1], trailer[at + 2], trailer[at + 3]]);
        match self {
            Self::Metamako => {
                let nanoseconds = word(8);
                (nanoseconds < 1_000_000_000).then(|| timespec_ns(word(4).into(), nanoseconds.into()))
            }
            Self::Exablaze => {
                let fraction = u64::from(word(10)) << 8 | u64::from(trailer[14]);
                // 40 bits times 10^9 has 70 bits.
                let nanoseconds = (u128::from(fraction) * 1_000_000_000) >> 40;
                Some(timespec_ns(word(6).into(), nanoseconds as u64))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: u32 = 1_752_724_800;
    const OWN: u64 = SECONDS as u64 * 1_000_000_000 + 123_460_000;

    /// Padding, check sequence, then the trailer.
    fn metamako(nanoseconds: u32) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, 0xde, 0xad, 0xbe, 0xef];
        bytes.extend(SECONDS.to_be_bytes());
        bytes.extend(nanoseconds.to_be_bytes());
        bytes.extend([1, 0x12, 0x34, 7]);
        bytes
    }

    fn exablaze(fraction: u64) -> Vec<u8> {
        let mut bytes = vec![0xde, 0xad, 0xbe, 0xef, 3, 9];
        bytes.extend(SECONDS.to_be_bytes());
        bytes.extend(&fraction.to_be_bytes()[3..]);
        bytes.push(0);
        bytes
    }

    #[test]
    fn times_are_read_with_and_without_the_outer_check_sequence() {
        let whole = u64::from(SECONDS) * 1_000_000_000;
        // A quarter and an eighth of a second are exact in binary.
        let cases = [
            (Trailer::Metamako, metamako(123_456_789), whole + 123_456_789),
            (Trailer::Exablaze, exablaze(3 << 37), whole + 375_000_000),
        ];
        for (trailer, mut bytes, expected) in cases {
            assert_eq!(trailer.time(&bytes, OWN), Some(expected));
            bytes.extend([0xff, 0xee, 0xdd, 0xcc]);
            assert_eq!(trailer.time(&bytes, OWN), Some(expected), "{trailer:?} with its check sequence");
        }
    }

    #[test]
    fn bytes_that_are_no_trailer_give_no_time() {
        assert_eq!(Trailer::Metamako.time(&[0; 15], OWN), None);
        assert_eq!(Trailer::Metamako.time(&metamako(1_000_000_000), OWN), None, "a second has fewer nanoseconds");
        assert_eq!(Trailer::Exablaze.time(&[], OWN), None);
    }

    #[test]
    fn a_fraction_never_makes_a_whole_second() {
        let time = Trailer::Exablaze.time(&exablaze((1 << 40) - 1), OWN).unwrap();
        assert_eq!(time % 1_000_000_000, 999_999_999);
    }

    #[test]
    fn names_go_both_ways() {
        for trailer in [Trailer::Metamako, Trailer::Exablaze] {
            assert_eq!(Trailer::from_name(trailer.name()), Some(trailer));
        }
        assert_eq!(Trailer::from_name("endace"), None);
    }
}
