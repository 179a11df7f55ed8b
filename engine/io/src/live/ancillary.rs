//! What the kernel says beside a datagram: when it came, and to which address.

use super::{
    StampKind,
    intake::Stamp,
    stamp::{now_ns, timespec_ns},
};

/// Bytes that the ancillary data of one datagram needs at most: a time in its three forms and the packet's address.
pub const SIZE: usize = 128;

const HEADER: usize = 16;

/// What was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ancillary {
    /// By the kernel; 0 where it did not say.
    pub kernel_ns: u64,
    /// By the card; 0 where it did not say.
    pub hardware_ns: u64,
    /// The address that the packet was sent to, where that was asked for.
    pub destination: Option<u32>,
}

impl Ancillary {
    /// Reads a chain of control messages, which the kernel writes in the machine's byte order.
    #[inline]
    pub fn read(mut bytes: &[u8]) -> Self {
        let mut ancillary = Self::default();
        while let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() {
            let size = u64::from_ne_bytes([
                header[0], header[1], header[2], header[3], header[4], header[5], header[6], header[7],
            ]) as usize;
            let level = i32::from_ne_bytes([header[8], header[9], header[10], header[11]]);
            let kind = i32::from_ne_bytes([header[12], header[13], header[14], header[15]]);
            let Some(data) = size.checked_sub(HEADER).and_then(|size| rest.get(..size)) else { break };
            ancillary.take(level, kind, data);
            bytes = rest.get(data.len().next_multiple_of(8)..).unwrap_or_default();
        }
        ancillary
    }

    fn take(&mut self, level: i32, kind: i32, data: &[u8]) {
        match (level, kind) {
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => self.kernel_ns = time(data, 0),
            // Three times: the kernel's, one that is no longer used, the card's.
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING) => {
                self.kernel_ns = time(data, 0);
                self.hardware_ns = time(data, 32);
            }
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                // Interface, local address, and the header's destination, in network byte order.
                let address = data.get(8..).and_then(|rest| rest.first_chunk());
                self.destination = address.map(|address| u32::from_be_bytes(*address));
            }
            _ => {}
        }
    }

    /// The best time that is known; the card's only where the caller believes it.
    #[inline]
    pub fn stamp(&self, believes_hardware: impl FnOnce(u64, u64) -> bool) -> Stamp {
        let own = match self.kernel_ns {
            0 => Stamp { ts_recv_ns: now_ns(), kind: StampKind::Software },
            ts_recv_ns => Stamp { ts_recv_ns, kind: StampKind::Kernel },
        };
        if self.hardware_ns != 0 && believes_hardware(self.hardware_ns, own.ts_recv_ns) {
            return Stamp { ts_recv_ns: self.hardware_ns, kind: StampKind::Hardware };
        }
        own
    }
}

/// Seconds and nanoseconds of eight bytes each; 0 where they are not there.
#[inline]
fn time(data: &[u8], at: usize) -> u64 {
    let word =
        |at: usize| data.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u64::from_ne_bytes(*word));
    timespec_ns(word(at), word(at + 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = ((HEADER + data.len()) as u64).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn times(times: &[(u64, u64)]) -> Vec<u8> {
        times.iter().flat_map(|(seconds, rest)| [seconds.to_ne_bytes(), rest.to_ne_bytes()]).flatten().collect()
    }

    #[test]
    fn address_and_times_are_found_in_any_order() {
        let address = message(libc::IPPROTO_IP, libc::IP_PKTINFO, &[9, 0, 0, 0, 10, 0, 0, 1, 239, 1, 2, 3]);
        let time = message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS, &times(&[(7, 5)]));
        let other = message(libc::SOL_SOCKET, 77, &[1]);
        let expected = Ancillary { kernel_ns: 7_000_000_005, hardware_ns: 0, destination: Some(0xef01_0203) };
        assert_eq!(Ancillary::read(&[&address[..], &other, &time].concat()), expected);
        assert_eq!(Ancillary::read(&[&time[..], &other, &address].concat()), expected);
    }

    #[test]
    fn the_card_is_taken_where_it_is_believed() {
        let bytes = message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPING, &times(&[(7, 5), (0, 0), (7, 1)]));
        let ancillary = Ancillary::read(&bytes);
        let stamp = |ts_recv_ns, kind| Stamp { ts_recv_ns, kind };
        assert_eq!(ancillary.stamp(|_, _| true), stamp(7_000_000_001, StampKind::Hardware));
        assert_eq!(ancillary.stamp(|_, _| false), stamp(7_000_000_005, StampKind::Kernel));
        assert_eq!(Ancillary::default().stamp(|_, _| true).kind, StampKind::Software);
    }

    #[test]
    fn lengths_that_lie_end_the_reading() {
        let mut bytes = message(libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS, &times(&[(7, 5)]));
        for size in [0_u64, 15, 1000, u64::MAX] {
            bytes[..8].copy_from_slice(&size.to_ne_bytes());
            assert_eq!(Ancillary::read(&bytes), Ancillary::default());
        }
        for cut in 0..bytes.len() {
            Ancillary::read(&bytes[..cut]);
        }
    }
}
