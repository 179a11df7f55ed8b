//! Counts allocations of the thread that makes them.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
};

/// The system's allocator, counting each thread's allocations on the side. Install it as `#[global_allocator]`.
///
/// The count is the thread's own: it costs an increment, and other threads' allocations do not blur a measurement. Memory that
/// a decoder plugin of its own takes goes past it, for a plugin brings its own allocator.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator;

thread_local! {
    // Constant and without a destructor, so that reaching it allocates nothing and works at any time of a thread's life.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: every call goes to `System` as it came; counting allocates nothing and cannot unwind.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

impl CountingAllocator {
    /// Allocations of this thread so far, growth of what it has included; `None` where the program did not install the counter.
    pub fn allocations() -> Option<u64> {
        let before = ALLOCATIONS.get();
        drop(black_box(Box::new(before)));
        let is_counted = ALLOCATIONS.get() != before;
        // Asking is not counted itself.
        ALLOCATIONS.set(before);
        is_counted.then_some(before)
    }
}
