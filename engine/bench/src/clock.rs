//! Time on the wall and on the processor.

use std::time::Instant;

/// What a piece of work took, nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Took {
    /// Of the thread on its core: what others make it wait is not in it.
    pub cpu_ns: u64,
    /// By the clock on the wall.
    pub wall_ns: u64,
}

/// Times `work` on this thread.
pub(crate) fn timed<R>(work: impl FnOnce() -> R) -> (R, Took) {
    let (wall, cpu_ns) = (Instant::now(), thread_cpu_ns());
    let result = work();
    let took = Took { cpu_ns: thread_cpu_ns() - cpu_ns, wall_ns: wall.elapsed().as_nanos() as u64 };
    (result, took)
}

/// Processor time of this thread so far.
fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a `timespec` of ours.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(result, 0, "Linux has had thread clocks since 2.6.12");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_takes_wall_time_and_hardly_processor_time() {
        let ((), took) = timed(|| std::thread::sleep(std::time::Duration::from_millis(20)));
        assert!(took.wall_ns >= 20_000_000);
        assert!(took.cpu_ns < took.wall_ns / 2, "{took:?}");
    }
}
