//! Large arrays that start as zero bytes, so that the kernel gives memory only for what is touched.

use alloc::{
    alloc::{alloc_zeroed, dealloc, handle_alloc_error},
    boxed::Box,
};
use core::{
    alloc::Layout,
    fmt,
    ops::{Deref, DerefMut},
    ptr::{self, NonNull},
    slice,
};

/// A type whose every byte may be zero.
///
/// # Safety
///
/// A value of all zero bytes is valid.
pub(crate) unsafe trait Zeroable {}

/// `len` items of zero bytes.
pub(crate) fn zeroed<T: Zeroable>(len: usize) -> Box<[T]> {
    let layout = Layout::array::<T>(len).expect("an array of instruments fits the address space");
    assert!(layout.size() != 0, "an empty array needs no memory");
    // SAFETY: the layout has a size; `T: Zeroable` makes the bytes valid; the global allocator gave the memory for exactly
    // this layout, which is the one that dropping the box frees.
    unsafe {
        let pointer = alloc_zeroed(layout);
        if pointer.is_null() {
            handle_alloc_error(layout);
        }
        Box::from_raw(ptr::slice_from_raw_parts_mut(pointer.cast::<T>(), len))
    }
}

/// A large array of items that are lines or whole numbers of them, of zero bytes at first.
///
/// Allocators take memory from the kernel as zeros only at alignments that any type has; at a line's they write the zeros, which
/// touches every page. So the block is taken at the former, and the items begin at the first line in it.
pub(crate) struct Lines<T> {
    first: NonNull<T>,
    len: usize,
    block: NonNull<u8>,
    layout: Layout,
}

/// What any allocation is aligned to.
const BLOCK_ALIGN: usize = 16;

impl<T: Zeroable> Lines<T> {
    pub fn zeroed(len: usize) -> Self {
        const { assert!(!core::mem::needs_drop::<T>() && align_of::<T>() > BLOCK_ALIGN) };
        let items = Layout::array::<T>(len).expect("an array of instruments fits the address space");
        let layout = Layout::from_size_align(items.size() + align_of::<T>(), BLOCK_ALIGN)
            .expect("an array of instruments fits the address space");
        // SAFETY: the layout has a size, that of one alignment at least.
        let Some(block) = NonNull::new(unsafe { alloc_zeroed(layout) }) else { handle_alloc_error(layout) };
        // SAFETY: the first aligned byte is within one alignment, for which the block has room beside the items.
        let first = unsafe { block.add(block.align_offset(align_of::<T>())) }.cast();
        Self { first, len, block, layout }
    }
}

impl<T> Deref for Lines<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: `len` items of zero bytes, which are values (`T: Zeroable`), begin at `first`, aligned, in a block that is
        // this array's own as long as it lives.
        unsafe { slice::from_raw_parts(self.first.as_ptr(), self.len) }
    }
}

impl<T> DerefMut for Lines<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and the array is borrowed for writing.
        unsafe { slice::from_raw_parts_mut(self.first.as_ptr(), self.len) }
    }
}

impl<T> Drop for Lines<T> {
    fn drop(&mut self) {
        // SAFETY: taken with this layout; items need no drop.
        unsafe { dealloc(self.block.as_ptr(), self.layout) }
    }
}

impl<T: fmt::Debug> fmt::Debug for Lines<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}

// SAFETY: it owns its items as a box does.
unsafe impl<T: Send> Send for Lines<T> {}

// SAFETY: as above.
unsafe impl<T: Sync> Sync for Lines<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(align(64))]
    struct Line(u64);

    // SAFETY: an integer.
    unsafe impl Zeroable for Line {}

    #[test]
    fn lines_are_aligned_and_zero_and_their_own() {
        for len in [1, 3, 100_000] {
            let mut lines = Lines::<Line>::zeroed(len);
            assert_eq!((lines.len(), lines.as_ptr() as usize % 64), (len, 0));
            assert!(lines.iter().all(|line| line.0 == 0));
            lines[len - 1].0 = 7;
            assert_eq!(lines.iter().map(|line| line.0).sum::<u64>(), 7);
        }
    }
}
