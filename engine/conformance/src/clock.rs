//! Processor time.

/// Processor time of this thread so far, nanoseconds: what others make it wait is not in it.
pub(crate) fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a `timespec` of ours.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(result, 0, "Linux has had thread clocks since 2.6.12");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
