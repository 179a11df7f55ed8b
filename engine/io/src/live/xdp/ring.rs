//! Rings that the kernel and this process share: one side puts entries in, the other takes them out.

use std::{
    io,
    os::fd::RawFd,
    sync::atomic::{AtomicU32, Ordering},
};

use super::super::mapping::Mapping;

/// Where the parts of a ring lie in its mapping; as the kernel says.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    pub producer: usize,
    pub consumer: usize,
    pub flags: usize,
    pub entries: usize,
}

/// A ring of `T`, mapped.
#[derive(Debug)]
struct Ring<T> {
    mapping: Mapping,
    layout: Layout,
    mask: u32,
    _entries: std::marker::PhantomData<T>,
}

impl<T: Copy> Ring<T> {
    fn new(fd: RawFd, offset: i64, layout: Layout, count: u32) -> io::Result<Self> {
        assert!(count.is_power_of_two(), "rings wrap by a mask");
        let mapping = Mapping::shared(fd, offset, layout.entries + count as usize * size_of::<T>())?;
        Ok(Self { mapping, layout, mask: count - 1, _entries: std::marker::PhantomData })
    }

    #[inline]
    fn word(&self, at: usize) -> &AtomicU32 {
        // SAFETY: the kernel laid the word out inside of the mapping, aligned, and uses it atomically too.
        unsafe { AtomicU32::from_ptr(self.mapping.start().add(at).cast()) }
    }

    #[inline]
    fn entry(&self, index: u32) -> *mut T {
        // SAFETY: the masked index is one of the entries that were mapped.
        unsafe { self.mapping.start().add(self.layout.entries).cast::<T>().add((index & self.mask) as usize) }
    }
}

/// The ring by which the kernel gets free frames.
#[derive(Debug)]
pub struct FillRing {
    ring: Ring<u64>,
    produced: u32,
}

impl FillRing {
    pub fn new(fd: RawFd, layout: Layout, count: u32) -> io::Result<Self> {
        let ring = Ring::new(fd, libc::XDP_UMEM_PGOFF_FILL_RING as i64, layout, count)?;
        Ok(Self { ring, produced: 0 })
    }

    /// Offers frames. There is a place for each frame of the memory, so that it always fits.
    #[inline]
    pub fn offer(&mut self, frames: impl Iterator<Item = u64>) {
        for frame in frames {
            // SAFETY: the place is this side's until the producer's word says otherwise.
            unsafe { self.ring.entry(self.produced).write(frame) };
            self.produced = self.produced.wrapping_add(1);
        }
        // Pairs with the kernel's acquire load: entries before it are whole.
        self.ring.word(self.ring.layout.producer).store(self.produced, Ordering::Release);
    }

    /// Whether the driver sleeps until it is called.
    #[inline]
    pub fn needs_wakeup(&self) -> bool {
        self.ring.word(self.ring.layout.flags).load(Ordering::Relaxed) & libc::XDP_RING_NEED_WAKEUP != 0
    }
}

/// A received frame: where in the memory, and how many bytes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Descriptor {
    pub address: u64,
    pub size: u32,
    pub options: u32,
}

/// The ring by which the kernel hands over received frames.
#[derive(Debug)]
pub struct ReceiveRing {
    ring: Ring<Descriptor>,
    consumed: u32,
}

impl ReceiveRing {
    pub fn new(fd: RawFd, layout: Layout, count: u32) -> io::Result<Self> {
        Ok(Self { ring: Ring::new(fd, libc::XDP_PGOFF_RX_RING, layout, count)?, consumed: 0 })
    }

    /// Takes what is there, up to `limit`.
    #[inline]
    pub fn take(&mut self, limit: usize, mut each: impl FnMut(Descriptor)) {
        // Pairs with the kernel's release store: descriptors before it, and the frames that they name, are whole.
        let produced = self.ring.word(self.ring.layout.producer).load(Ordering::Acquire);
        let count = produced.wrapping_sub(self.consumed).min(limit as u32);
        for _ in 0..count {
            // SAFETY: the kernel has handed this entry over, and any bytes are a descriptor.
            each(unsafe { self.ring.entry(self.consumed).read() });
            self.consumed = self.consumed.wrapping_add(1);
        }
        if count > 0 {
            // Pairs with the kernel's acquire load: the entries were read.
            self.ring.word(self.ring.layout.consumer).store(self.consumed, Ordering::Release);
        }
    }
}
