//! Memory from the kernel, shared with it.

use std::{
    io,
    os::fd::RawFd,
    ptr::{self, NonNull},
    slice,
};

/// A mapped piece of memory, unmapped when dropped.
#[derive(Debug)]
pub(super) struct Mapping {
    start: NonNull<u8>,
    size: usize,
}

// SAFETY: it is plain memory that only the value leads to.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Zeroed memory of this process, in place already: touching it later costs nothing.
    pub fn anonymous(size: usize) -> io::Result<Self> {
        Self::map(size, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_POPULATE, -1, 0)
    }

    /// A part of what a descriptor offers.
    pub fn shared(fd: RawFd, offset: i64, size: usize) -> io::Result<Self> {
        Self::map(size, libc::MAP_SHARED | libc::MAP_POPULATE, fd, offset)
    }

    fn map(size: usize, flags: libc::c_int, fd: RawFd, offset: i64) -> io::Result<Self> {
        // SAFETY: a new place is asked for, so that no memory of this process is replaced.
        let start = unsafe { libc::mmap(ptr::null_mut(), size, libc::PROT_READ | libc::PROT_WRITE, flags, fd, offset) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at address 0"))?;
        Ok(Self { start, size })
    }

    /// Where it starts.
    pub fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Part of it, as long as nobody writes there: what the kernel is done with.
    ///
    /// # Panics
    ///
    /// Where the part is not within.
    #[inline]
    pub fn bytes(&self, start: usize, size: usize) -> &[u8] {
        assert!(start <= self.size && size <= self.size - start, "a part of the mapping");
        // SAFETY: it is within the mapping, which lives as long as the borrow, and any byte is a value. That the kernel has
        // let go of it is the caller's business, and holds for what it handed over.
        unsafe { slice::from_raw_parts(self.start.as_ptr().add(start), size) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: start and size are what was mapped, and no view outlives the value.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.size) };
    }
}
