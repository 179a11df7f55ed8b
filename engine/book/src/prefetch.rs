//! Hints to the memory system. Nothing here changes what a program computes.

use alloc::vec::Vec;

/// Asks for the line of `items[index]`, if there is one.
#[inline(always)]
pub(crate) fn read<T>(items: &[T], index: usize) {
    line(items, index * size_of::<T>());
}

/// Asks for the line `offset` bytes into `items`.
#[inline(always)]
pub(crate) fn line<T>(items: &[T], offset: usize) {
    let pointer = items.as_ptr().cast::<u8>().wrapping_add(offset);
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch never faults and reads nothing into the program, whatever the address.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(pointer.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = pointer;
}

/// Address and bytes that a vector has reserved, for the caller to advise the kernel about.
pub(crate) fn region<T>(items: &Vec<T>) -> (usize, usize) {
    (items.as_ptr() as usize, items.capacity() * size_of::<T>())
}

/// Address and bytes of a slice, for the same.
pub(crate) fn region_of<T>(items: &[T]) -> (usize, usize) {
    (items.as_ptr() as usize, size_of_val(items))
}
