//! Puts counting functions in the place of the C library's functions that give memory, in every loaded library at once.
//!
//! A library calls `malloc` through a slot of its own that the loader filled in. While an [`Interposer`] lives, those slots
//! of all loaded libraries lead to a function here that counts and goes on to the real one. So a call is counted whatever
//! allocator the caller's language put before it, in whichever library it is made, and also when the memory is given back at
//! once. Not counted is what an allocator hands out of memory that it holds already, where a library brings one of its own.

use std::{
    cell::Cell,
    ffi::{CStr, c_int, c_void},
    mem, ptr, slice,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicPtr, AtomicUsize, Ordering},
    },
};

thread_local! {
    // Constant and without a destructor, so that reaching them allocates nothing.
    static IS_COUNTING: Cell<bool> = const { Cell::new(false) };
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn note() {
    if IS_COUNTING.get() {
        CALLS.set(CALLS.get() + 1);
    }
}

macro_rules! counted {
    ($($name:ident as $c_name:literal ($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        mod real {
            use super::AtomicUsize;
            $(
                #[allow(non_upper_case_globals, reason = "named as the C library's function")]
                pub static $name: AtomicUsize = AtomicUsize::new(0);
            )*
        }

        $(
            unsafe extern "C" fn $name($($argument: $type),*) -> $result {
                note();
                type Real = unsafe extern "C" fn($($type),*) -> $result;
                let address = real::$name.load(Ordering::Relaxed);
                // SAFETY: no slot leads here before the function of this name, which has this signature, was looked up.
                let real = unsafe { mem::transmute::<usize, Real>(address) };
                // SAFETY: the caller's promises are those that the real function asks for.
                unsafe { real($($argument),*) }
            }
        )*

        /// Each function: its name, where the real one's address is kept, and the one that counts.
        static FUNCTIONS: &[(&CStr, &AtomicUsize, fn() -> usize)] =
            &[$(($c_name, &real::$name, || $name as *const () as usize)),*];
    };
}

counted! {
    malloc as c"malloc"(size: usize) -> *mut c_void;
    calloc as c"calloc"(count: usize, size: usize) -> *mut c_void;
    realloc as c"realloc"(pointer: *mut c_void, size: usize) -> *mut c_void;
    reallocarray as c"reallocarray"(pointer: *mut c_void, count: usize, size: usize) -> *mut c_void;
    memalign as c"memalign"(alignment: usize, size: usize) -> *mut c_void;
    aligned_alloc as c"aligned_alloc"(alignment: usize, size: usize) -> *mut c_void;
    posix_memalign as c"posix_memalign"(pointer: *mut *mut c_void, alignment: usize, size: usize) -> c_int;
    mmap as c"mmap"(address: *mut c_void, size: usize, protection: c_int, flags: c_int, file: c_int, offset: i64)
        -> *mut c_void;
}

/// Only one at a time: the second would take the first one's functions for the real ones.
static ALONE: Mutex<()> = Mutex::new(());

/// Slots changed, to be changed back.
pub(crate) struct Interposer {
    slots: Vec<Slot>,
    _alone: MutexGuard<'static, ()>,
}

#[derive(Clone, Copy)]
struct Slot {
    address: usize,
    was: usize,
    becomes: usize,
    /// The loader write-protected the page after it had filled the slot in.
    is_protected: bool,
}

impl Interposer {
    /// Changes the slots of every loaded library; `None` on machines whose relocations are not known here.
    pub fn new() -> Option<Self> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        if relocation_types().is_empty() {
            return None;
        }
        for (name, real, _) in FUNCTIONS {
            // SAFETY: the name is a C string; looking it up runs no code of a library that is not loaded yet.
            let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
            real.store(found as usize, Ordering::Relaxed);
        }
        let mut slots: Vec<Slot> = Vec::with_capacity(1024);
        // SAFETY: `gather` keeps to the signature and takes the vector for what it is.
        unsafe { libc::dl_iterate_phdr(Some(gather), (&raw mut slots).cast()) };
        for slot in &slots {
            slot.write(slot.becomes);
        }
        Some(Self { slots, _alone: alone })
    }

    /// Counts the calls that `work` makes on this thread.
    pub fn count<R>(&self, work: impl FnOnce() -> R) -> (R, u64) {
        let before = CALLS.get();
        IS_COUNTING.set(true);
        let result = work();
        IS_COUNTING.set(false);
        (result, CALLS.get() - before)
    }
}

impl Drop for Interposer {
    fn drop(&mut self) {
        for slot in &self.slots {
            slot.write(slot.was);
        }
    }
}

impl Slot {
    fn write(self, value: usize) {
        let page_size = page_size();
        let page = (self.address & !(page_size - 1)) as *mut c_void;
        let allow = |protection| {
            // SAFETY: the page holds a slot of a loaded library; its other protections than these two do not occur there.
            let done = unsafe { libc::mprotect(page, page_size, protection) };
            assert_eq!(done, 0, "a page of a loaded library's slots can be made writable");
        };
        if self.is_protected {
            allow(libc::PROT_READ | libc::PROT_WRITE);
        }
        // SAFETY: the loader's own slot, aligned and as wide as a pointer; other threads load it in one piece.
        unsafe { AtomicPtr::from_ptr(self.address as *mut *mut c_void) }.store(value as *mut c_void, Ordering::Release);
        if self.is_protected {
            allow(libc::PROT_READ);
        }
    }
}

fn page_size() -> usize {
    // SAFETY: sysconf has no preconditions.
    (unsafe { libc::sysconf(libc::_SC_PAGESIZE) }) as usize
}

/// Types of relocations that fill in the slot of a function, by the machine's ELF supplement: `GLOB_DAT` and `JUMP_SLOT`.
const fn relocation_types() -> &'static [u32] {
    if cfg!(all(target_arch = "x86_64", target_env = "gnu")) {
        &[6, 7]
    } else if cfg!(all(target_arch = "aarch64", target_env = "gnu")) {
        &[1025, 1026]
    } else {
        &[]
    }
}

/// An entry of a library's dynamic section.
#[repr(C)]
struct Dynamic {
    tag: i64,
    value: u64,
}

/// A relocation with an addend.
#[repr(C)]
struct Relocation {
    offset: u64,
    info: u64,
    addend: i64,
}

const DT_NULL: i64 = 0;
const DT_PLTRELSZ: i64 = 2;
const DT_STRTAB: i64 = 5;
const DT_SYMTAB: i64 = 6;
const DT_RELA: i64 = 7;
const DT_RELASZ: i64 = 8;
const DT_JMPREL: i64 = 23;

/// What of a library's dynamic section is read here; addresses are of this process.
#[derive(Default)]
struct Tables {
    strings: usize,
    symbols: usize,
    relocations: [(usize, usize); 2],
}

impl Tables {
    /// # Safety
    ///
    /// `at` is the dynamic section of a library loaded at `base`.
    unsafe fn read(base: usize, at: *const Dynamic) -> Self {
        let mut tables = Self::default();
        // The loader makes these addresses of the process; where it left them as in the file, they are below the base.
        let address = |value: u64| if (value as usize) < base { base + value as usize } else { value as usize };
        let mut entry = at;
        loop {
            // SAFETY: the section ends with a null entry, and the loop there.
            let Dynamic { tag, value } = unsafe { &*entry };
            match *tag {
                DT_NULL => return tables,
                DT_STRTAB => tables.strings = address(*value),
                DT_SYMTAB => tables.symbols = address(*value),
                DT_RELA => tables.relocations[0].0 = address(*value),
                DT_RELASZ => tables.relocations[0].1 = *value as usize,
                DT_JMPREL => tables.relocations[1].0 = address(*value),
                DT_PLTRELSZ => tables.relocations[1].1 = *value as usize,
                _ => {}
            }
            // SAFETY: as above.
            entry = unsafe { entry.add(1) };
        }
    }
}

/// Adds the slots of one library.
unsafe extern "C" fn gather(info: *mut libc::dl_phdr_info, _size: usize, slots: *mut c_void) -> c_int {
    // SAFETY: the loader gives a sound description, and `Interposer::new` its vector.
    let (info, slots) = unsafe { (&*info, &mut *slots.cast::<Vec<Slot>>()) };
    let base = info.dlpi_addr as usize;
    // SAFETY: as above.
    let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let protected = headers.iter().find(|header| header.p_type == libc::PT_GNU_RELRO).map_or(0..0, |header| {
        let start = base + header.p_vaddr as usize;
        // The loader protects whole pages; the last one may hold data that is written.
        start..(start + header.p_memsz as usize) & !(page_size() - 1)
    });
    let Some(dynamic) = headers.iter().find(|header| header.p_type == libc::PT_DYNAMIC) else { return 0 };
    // SAFETY: the header says where the library's dynamic section lies.
    let tables = unsafe { Tables::read(base, ptr::with_exposed_provenance(base + dynamic.p_vaddr as usize)) };
    if tables.strings == 0 || tables.symbols == 0 {
        return 0;
    }
    for (start, size) in tables.relocations {
        if start == 0 {
            continue;
        }
        // SAFETY: the dynamic section gives place and size of the library's relocations.
        let relocations = unsafe {
            slice::from_raw_parts(
                ptr::with_exposed_provenance::<Relocation>(start),
                size / mem::size_of::<Relocation>(),
            )
        };
        for relocation in relocations {
            // SAFETY: the relocation belongs to these tables.
            if let Some(becomes) = unsafe { counting_function(&tables, relocation) } {
                let address = base + relocation.offset as usize;
                // SAFETY: the relocation says that a pointer lies there.
                let was = unsafe { *ptr::with_exposed_provenance::<usize>(address) };
                slots.push(Slot { address, was, becomes, is_protected: protected.contains(&address) });
            }
        }
    }
    0
}

/// The function that counts, where the relocation is of a slot of one of the functions.
///
/// # Safety
///
/// `relocation` is one of the library that `tables` is of.
unsafe fn counting_function(tables: &Tables, relocation: &Relocation) -> Option<usize> {
    let (symbol, kind) = ((relocation.info >> 32) as usize, relocation.info as u32);
    if !relocation_types().contains(&kind) || symbol == 0 {
        return None;
    }
    // SAFETY: a relocation's symbol is one of the library's table, and its name one of its strings.
    let name = unsafe {
        let symbol = &*ptr::with_exposed_provenance::<libc::Elf64_Sym>(tables.symbols).add(symbol);
        CStr::from_ptr(ptr::with_exposed_provenance(tables.strings + symbol.st_name as usize))
    };
    let found = FUNCTIONS.iter().find(|(each, real, _)| *each == name && real.load(Ordering::Relaxed) != 0);
    found.map(|(_, _, counting)| counting())
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn calls_for_memory_are_counted_even_when_it_is_given_back() {
        let interposer = Interposer::new().expect("tests run on a machine that is known here");
        let (_, calls) = interposer.count(|| drop(black_box(Box::new(7_u64))));
        assert_eq!(calls, 1);
        let (_, calls) = interposer.count(|| {
            let mut grown = Vec::with_capacity(1);
            grown.extend([1_u8; 100]);
            black_box(grown);
        });
        assert_eq!(calls, 2);
        let (_, calls) = interposer.count(|| black_box(1 + 1));
        assert_eq!(calls, 0);
    }

    #[test]
    fn what_other_threads_take_is_not_counted_and_nothing_stays_changed() {
        let interposer = Interposer::new().expect("tests run on a machine that is known here");
        let worker = std::thread::spawn(|| {
            for _ in 0..1_000 {
                drop(black_box(Box::new(7_u64)));
            }
        });
        let (_, calls) = interposer.count(|| while !worker.is_finished() {});
        assert_eq!(calls, 0);
        drop(interposer);
        let before = CALLS.get();
        IS_COUNTING.set(true);
        drop(black_box(Box::new(7_u64)));
        IS_COUNTING.set(false);
        assert_eq!(CALLS.get(), before);
    }
}
