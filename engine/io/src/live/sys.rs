//! The system calls of the live sources, one each, with their results checked.

use std::{
    ffi::CString,
    io,
    mem::{self, MaybeUninit},
    net::Ipv4Addr,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use crate::SourceError;

/// The error of the call before.
pub fn last_error<T>() -> io::Result<T> {
    Err(io::Error::last_os_error())
}

/// A new socket that is closed on exec.
pub fn socket(domain: libc::c_int, kind: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed.
    let fd = unsafe { libc::socket(domain, kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) };
    if fd < 0 {
        return last_error();
    }
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sets an option of a socket. `T` is what the option's documentation says, a plain C structure.
pub fn set_option<T: Copy>(socket: &OwnedFd, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    let size = mem::size_of::<T>() as libc::socklen_t;
    // SAFETY: pointer and size are those of `value`, which the kernel only reads.
    match unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const *value).cast(), size) } {
        0 => Ok(()),
        _ => last_error(),
    }
}

/// Reads an option of a socket into as much of `T` as the kernel fills; the rest is zero. Plain integers and arrays only.
pub fn option<T: Copy + Default>(socket: &OwnedFd, level: libc::c_int, name: libc::c_int) -> io::Result<T> {
    let mut value = T::default();
    let mut size = mem::size_of::<T>() as libc::socklen_t;
    // SAFETY: pointer and size are those of `value`, whose every bit pattern is a value.
    match unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, (&raw mut value).cast(), &raw mut size) } {
        0 => Ok(value),
        _ => last_error(),
    }
}

/// The kernel's form of an address and port.
pub fn address(ip: Ipv4Addr, port: u16) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(ip).to_be() },
        sin_zero: [0; 8],
    }
}

/// Binds a socket. `T` is the family's address structure.
pub fn bind<T: Copy>(socket: &OwnedFd, address: &T) -> io::Result<()> {
    let size = mem::size_of::<T>() as libc::socklen_t;
    // SAFETY: pointer and size are those of `address`, which the kernel only reads.
    match unsafe { libc::bind(socket.as_raw_fd(), (&raw const *address).cast(), size) } {
        0 => Ok(()),
        _ => last_error(),
    }
}

/// Index of an interface of this network namespace.
pub fn interface_index(name: &str) -> Result<u32, SourceError> {
    let text = CString::new(name).unwrap_or_default();
    // SAFETY: the text ends with a zero byte and outlives the call.
    match unsafe { libc::if_nametoindex(text.as_ptr()) } {
        0 => Err(SourceError::Live {
            what: format!("interface {name}"),
            error: io::Error::last_os_error(),
            remedy: "`ip link` lists the interfaces of this network namespace".into(),
        }),
        index => Ok(index),
    }
}

/// Asks the driver of an interface to stamp every received packet.
pub fn stamp_in_hardware(socket: &OwnedFd, interface: &str) -> io::Result<()> {
    const HWTSTAMP_FILTER_ALL: libc::c_int = 1;
    /// The kernel's `struct hwtstamp_config`.
    #[repr(C)]
    struct HwTstampConfig {
        flags: libc::c_int,
        tx_type: libc::c_int,
        rx_filter: libc::c_int,
    }
    let mut config = HwTstampConfig { flags: 0, tx_type: 0, rx_filter: HWTSTAMP_FILTER_ALL };
    // SAFETY: all-zero bytes are an interface request without a name.
    let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes().take(libc::IFNAMSIZ - 1)) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_data = (&raw mut config).cast();
    // SAFETY: the request names a structure of the kind that this call reads and writes; both outlive it.
    match unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSHWTSTAMP, &raw mut request) } {
        0 if config.rx_filter != 0 => Ok(()),
        0 => Err(io::Error::from_raw_os_error(libc::ERANGE)),
        _ => last_error(),
    }
}
