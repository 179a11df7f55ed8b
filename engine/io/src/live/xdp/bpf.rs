//! The `bpf` system call, as far as one XDP program and its two maps need it. The structures are the kernel's, by
//! `include/uapi/linux/bpf.h`.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

const MAP_CREATE: libc::c_int = 0;
const MAP_UPDATE: libc::c_int = 2;
const PROGRAM_LOAD: libc::c_int = 5;
const LINK_CREATE: libc::c_int = 28;
const LINK_DETACH: libc::c_int = 34;

const PROGRAM_TYPE_XDP: u32 = 6;
const ATTACH_XDP: u32 = 37;

/// Kinds of maps.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub enum MapKind {
    /// Keys of any bytes.
    Hash = 1,
    /// AF_XDP sockets by queue.
    Xsk = 17,
}

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    pub code: u8,
    /// Destination register in the lower half, source in the upper.
    pub registers: u8,
    pub offset: i16,
    pub immediate: i32,
}

#[repr(C)]
struct MapCreate {
    kind: u32,
    key_size: u32,
    value_size: u32,
    entry_limit: u32,
}

#[repr(C)]
struct MapUpdate {
    map: u32,
    _gap: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
struct ProgramLoad {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    attach: u32,
}

#[repr(C)]
struct LinkCreate {
    program: u32,
    interface: u32,
    attach: u32,
    flags: u32,
}

#[repr(C)]
struct LinkDetach {
    link: u32,
}

/// Makes the call, and gives what it returned.
///
/// # Safety
///
/// `attribute` is the structure that belongs to `command`, and every address in it is of memory as large as the command takes
/// it to be.
unsafe fn bpf<T>(command: libc::c_int, attribute: &T) -> io::Result<libc::c_long> {
    // SAFETY: the kernel reads the structure, whose size is told, and what the caller vouches for.
    match unsafe { libc::syscall(libc::SYS_bpf, command, &raw const *attribute, size_of::<T>()) } {
        result @ 0.. => Ok(result),
        _ => Err(io::Error::last_os_error()),
    }
}

fn descriptor(result: libc::c_long) -> OwnedFd {
    // SAFETY: the calls that this is used for return a new descriptor, which is nobody else's.
    unsafe { OwnedFd::from_raw_fd(result as libc::c_int) }
}

/// Makes a map of four-byte values.
pub fn map(kind: MapKind, key_size: usize, entry_limit: u32) -> io::Result<OwnedFd> {
    let attribute = MapCreate { kind: kind as u32, key_size: key_size as u32, value_size: 4, entry_limit };
    // SAFETY: the structure belongs to the command and holds no address.
    unsafe { bpf(MAP_CREATE, &attribute) }.map(descriptor)
}

/// Puts an entry into a map whose keys have `K`'s size.
pub fn update<K>(map: &OwnedFd, key: &K, value: u32) -> io::Result<()> {
    let attribute = MapUpdate {
        map: map.as_raw_fd() as u32,
        _gap: 0,
        key: (&raw const *key).addr() as u64,
        value: (&raw const value).addr() as u64,
        flags: 0,
    };
    // SAFETY: the structure belongs to the command; key and value have the sizes that the map was made with.
    unsafe { bpf(MAP_UPDATE, &attribute) }.map(drop)
}

/// Loads an XDP program. The error says what the kernel's verifier found, if it was that.
pub fn load(instructions: &[Instruction]) -> io::Result<OwnedFd> {
    let mut log = vec![0_u8; 64 << 10];
    let mut name = [0; 16];
    name[..8].copy_from_slice(b"wirebook");
    let attribute = ProgramLoad {
        kind: PROGRAM_TYPE_XDP,
        count: instructions.len() as u32,
        instructions: instructions.as_ptr().addr() as u64,
        license: c"Apache-2.0".as_ptr().addr() as u64,
        log_level: 1,
        log_size: log.len() as u32,
        log: log.as_mut_ptr().addr() as u64,
        kernel_version: 0,
        flags: 0,
        name,
        interface: 0,
        attach: ATTACH_XDP,
    };
    // SAFETY: the structure belongs to the command; instructions and log have the sizes that it names, the licence ends with
    // a zero byte, and all outlive the call.
    let result = unsafe { bpf(PROGRAM_LOAD, &attribute) };
    result.map(descriptor).map_err(|error| {
        let size = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
        match String::from_utf8_lossy(&log[..size]).lines().rev().find(|line| !line.starts_with("processed")) {
            Some(found) if error.raw_os_error() == Some(libc::EACCES) => {
                io::Error::new(error.kind(), format!("{error}: {found}"))
            }
            _ => error,
        }
    })
}

/// Takes a program off its interface, whoever else still has the descriptor.
pub fn detach(link: &OwnedFd) -> io::Result<()> {
    let attribute = LinkDetach { link: link.as_raw_fd() as u32 };
    // SAFETY: the structure belongs to the command and holds no address.
    unsafe { bpf(LINK_DETACH, &attribute) }.map(drop)
}

/// Attaches a program to an interface, until the descriptor that comes back is closed.
pub fn attach(program: &OwnedFd, interface: u32, flags: u32) -> io::Result<OwnedFd> {
    let attribute = LinkCreate { program: program.as_raw_fd() as u32, interface, attach: ATTACH_XDP, flags };
    // SAFETY: the structure belongs to the command and holds no address.
    unsafe { bpf(LINK_CREATE, &attribute) }.map(descriptor)
}
