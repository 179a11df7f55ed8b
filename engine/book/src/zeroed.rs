//! Large arrays that start as zero bytes, so that the kernel gives memory only for what is touched.

use alloc::{
    alloc::{alloc_zeroed, handle_alloc_error},
    boxed::Box,
};
use core::{alloc::Layout, ptr};

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
