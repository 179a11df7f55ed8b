//! The C shim over libdpdk (`shim.c`) and its bindings, nothing else. Safe Rust over it is in `wirebook_io::live::dpdk`.
//!
//! The shim is a shared library that this crate carries inside, built where libdpdk's headers were. [`load`] hands it to the
//! dynamic loader, which then looks for libdpdk: a program with this crate starts where that is not installed, and says so
//! when asked for DPDK. Built with `WIREBOOK_DPDK=required`, a missing shim fails the build; with `off` it is left out.

#![cfg(target_os = "linux")]

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    fs::File,
    io::{self, Write},
    os::fd::{AsRawFd, FromRawFd},
    sync::OnceLock,
};

include!(concat!(env!("OUT_DIR"), "/shim.rs"));

/// A received frame.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Frame {
    /// Its first byte.
    pub data: *const u8,
    /// Bytes that are in one piece.
    pub size: u32,
    /// [`BAD_CHECKSUM`], [`SCATTERED`], [`STAMPED`].
    pub flags: u32,
    /// When it came, by the card, where it is stamped.
    pub stamp: u64,
}

/// The card found a wrong checksum.
pub const BAD_CHECKSUM: u32 = 1;
/// Only the front of the frame is in one piece.
pub const SCATTERED: u32 = 2;
/// The card said when the frame came.
pub const STAMPED: u32 = 4;

/// How a port is started.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct PortSettings {
    /// Receive queues.
    pub queues: u16,
    /// Descriptors of each.
    pub descriptors: u16,
    /// Bytes of the longest packet; 0 leaves it as it is.
    pub mtu: u16,
    /// Not 0: frames for other addresses are taken.
    pub promiscuous: u8,
    /// Not 0: the card is to stamp, if it can.
    pub stamps: u8,
    /// Where buffers come from.
    pub pool: *mut c_void,
}

/// What a port counted.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct PortState {
    /// Packets handed over.
    pub received: u64,
    /// Packets for which no descriptor was free.
    pub missed: u64,
    /// Damaged packets.
    pub errors: u64,
    /// Times that no buffer was free.
    pub without_buffer: u64,
    /// Not 0: the card stamps.
    pub stamps: u8,
}

/// The shim's functions. Those that give a number give 0 or a code for [`Table::error`].
///
/// The port's functions want a port that [`Table::port_plug`] gave, and all but that and the start one that was started: DPDK
/// checks nothing. Nothing may be called before [`Table::start`] succeeded but [`Table::release`] and [`Table::error`].
#[allow(missing_docs, reason = "named and ordered as in shim.c")]
#[derive(Debug)]
#[repr(C)]
pub struct Table {
    pub version: u32,
    pub size: u32,
    pub release: unsafe extern "C" fn() -> *const c_char,
    pub error: unsafe extern "C" fn(c_int) -> *const c_char,
    pub start: unsafe extern "C" fn(c_int, *mut *mut c_char) -> c_int,
    pub pool_open: unsafe extern "C" fn(*const c_char, u32, u16, *mut *mut c_void) -> c_int,
    pub pool_close: unsafe extern "C" fn(*mut c_void),
    pub headroom: unsafe extern "C" fn() -> u16,
    pub port_plug: unsafe extern "C" fn(*const c_char, *const c_char, *mut u16) -> c_int,
    pub port_unplug: unsafe extern "C" fn(u16) -> c_int,
    pub port_start: unsafe extern "C" fn(u16, *const PortSettings) -> c_int,
    pub receive: unsafe extern "C" fn(u16, u16, *mut *mut c_void, *mut Frame, u16) -> u16,
    pub give_back: unsafe extern "C" fn(*mut *mut c_void, u16),
    pub send: unsafe extern "C" fn(u16, *mut c_void, *const u8, u16) -> c_int,
    pub port_state: unsafe extern "C" fn(u16, *mut PortState) -> c_int,
}

const VERSION: u32 = 1;

/// The shim's functions, loaded at the first call.
///
/// # Errors
///
/// In words, why DPDK is not there: the shim was not built, or libdpdk is not installed.
pub fn load() -> Result<&'static Table, &'static str> {
    static LOADED: OnceLock<Result<&'static Table, String>> = OnceLock::new();
    let loaded = LOADED.get_or_init(|| {
        let bytes = SHIM.map_err(str::to_owned)?;
        let file = in_memory(bytes).map_err(|error| format!("the shim cannot be placed in memory: {error}"))?;
        open(&file)
    });
    loaded.as_ref().copied().map_err(String::as_str)
}

/// A file without a place in any folder.
fn in_memory(bytes: &[u8]) -> io::Result<File> {
    // SAFETY: the name ends with a zero byte.
    let fd = unsafe { libc::memfd_create(c"wirebook-dpdk".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    let mut file = unsafe { File::from_raw_fd(fd) };
    file.write_all(bytes)?;
    Ok(file)
}

/// Loads the library, and checks that its table is the one that is described here.
fn open(file: &File) -> Result<&'static Table, String> {
    let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(|error| error.to_string())?;
    // SAFETY: the path ends with a zero byte. What runs while loading are the initializers of the shim and of libdpdk, which
    // only register drivers. The library is never closed.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if handle.is_null() {
        return Err(loader_error());
    }
    // SAFETY: the handle is open, and the name ends with a zero byte.
    let symbol = unsafe { libc::dlsym(handle, c"wirebook_dpdk".as_ptr()) };
    if symbol.is_null() {
        return Err(loader_error());
    }
    // SAFETY: the symbol is the shim's static table, which starts with two numbers in every version.
    let [version, size] = unsafe { *symbol.cast::<[u32; 2]>() };
    if (version, size) != (VERSION, size_of::<Table>() as u32) {
        return Err(format!("the shim has version {version} and {size} bytes of functions, and another was expected"));
    }
    // SAFETY: version and size are those of `Table`, and the library stays for the life of the process.
    Ok(unsafe { &*symbol.cast::<Table>() })
}

/// What the loader said last.
fn loader_error() -> String {
    // SAFETY: the text, if any, is this thread's until its next call to the loader.
    let text = unsafe {
        let text = libc::dlerror();
        if text.is_null() { c"no reason given" } else { CStr::from_ptr(text) }
    };
    text.to_string_lossy().into_owned()
}
