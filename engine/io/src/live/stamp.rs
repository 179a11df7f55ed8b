//! Receive times: who said them, and whether a foreign clock can be believed.

use std::mem::MaybeUninit;

/// Who said when a packet was received, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StampKind {
    /// A capture switch, in a trailer behind the packet.
    Trailer,
    /// The card.
    Hardware,
    /// The kernel, when its driver handed the packet on.
    Kernel,
    /// This process, when it took the burst: every packet of a burst has the same time.
    Software,
}

impl StampKind {
    /// As reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trailer => "trailer",
            Self::Hardware => "hardware",
            Self::Kernel => "kernel",
            Self::Software => "software",
        }
    }
}

/// How many packets were stamped by whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StampCounts {
    /// By a capture switch.
    pub trailer: u64,
    /// By the card.
    pub hardware: u64,
    /// By the kernel.
    pub kernel: u64,
    /// By this process.
    pub software: u64,
}

impl StampCounts {
    #[inline]
    pub(super) fn count(&mut self, kind: StampKind) {
        *match kind {
            StampKind::Trailer => &mut self.trailer,
            StampKind::Hardware => &mut self.hardware,
            StampKind::Kernel => &mut self.kernel,
            StampKind::Software => &mut self.software,
        } += 1;
    }
}

/// Whether a foreign clock agrees with the system's: looked at on the first packets, and settled by them.
///
/// A clock that runs by TAI is 37 seconds ahead, one that nobody sets starts in 1970, and bytes that are no time at all are
/// anywhere. A stamp that is wrong looks right in every report, so that one is taken only where all of the first ones fit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Agreement {
    checked: u32,
    refused: bool,
}

impl Agreement {
    /// Packets that are looked at.
    const CHECKED: u32 = 64;
    /// How far the clocks may be apart.
    const TOLERANCE_NS: u64 = 1_000_000_000;

    /// Whether this stamp is taken, given the system's own for the same packet.
    #[inline]
    pub fn check(&mut self, foreign_ns: u64, own_ns: u64) -> bool {
        if self.checked < Self::CHECKED && !self.refused {
            self.checked += 1;
            self.refused = foreign_ns.abs_diff(own_ns) > Self::TOLERANCE_NS;
        }
        !self.refused
    }

    /// Whether the clock was found not to agree.
    pub fn is_refused(&self) -> bool {
        self.refused
    }
}

/// Nanoseconds since 1970-01-01 UTC by the system's clock; no system call where the kernel shares its clock.
#[inline]
pub(super) fn now_ns() -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the clock exists on every Linux, and the call writes the whole structure before it returns 0, which it always
    // does for a valid clock and pointer.
    let time = unsafe {
        libc::clock_gettime(libc::CLOCK_REALTIME, time.as_mut_ptr());
        time.assume_init()
    };
    timespec_ns(time.tv_sec as u64, time.tv_nsec as u64)
}

/// Seconds and nanoseconds as one number; saturates, since the parts may come from the network.
#[inline]
pub(super) fn timespec_ns(seconds: u64, nanoseconds: u64) -> u64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_752_724_800_000_000_000;

    #[test]
    fn a_clock_that_agrees_is_taken_and_may_drift_later() {
        let mut agreement = Agreement::default();
        for _ in 0..Agreement::CHECKED {
            assert!(agreement.check(NOW - 999_999_999, NOW));
        }
        assert!(agreement.check(NOW + 60_000_000_000, NOW));
        assert!(!agreement.is_refused());
    }

    #[test]
    fn one_stamp_off_among_the_first_refuses_the_clock_for_good() {
        let mut agreement = Agreement::default();
        assert!(agreement.check(NOW, NOW));
        assert!(!agreement.check(NOW + 37_000_000_000, NOW), "TAI");
        assert!(!agreement.check(NOW, NOW));
        assert!(agreement.is_refused());
    }

    #[test]
    fn the_system_clock_counts_from_1970() {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
        assert!(now_ns().abs_diff(now) < 60_000_000_000);
        assert_eq!(timespec_ns(u64::MAX, 5), u64::MAX);
    }
}
