//! Packets that say when they were sent, and the thread that sends them.

use std::{
    io,
    net::{Ipv4Addr, UdpSocket},
    os::fd::AsRawFd,
    sync::mpsc::{Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

/// Packets that one system call sends.
const BATCH: usize = 32;

/// What the sender is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// So many packets, as fast as they go.
    Count(u64),
    /// As many as go out in this time.
    Flood(Duration),
    /// So many packets, one each interval from a start point.
    Paced(u64, Duration),
}

/// Sends what is ordered until nobody orders any more, and says how many packets went out each time.
pub fn send(
    group: Ipv4Addr,
    port: u16,
    from: &str,
    packet_size: usize,
    orders: &Receiver<Order>,
    sent: &Sender<u64>,
) -> io::Result<()> {
    let socket = UdpSocket::bind((from, 0))?;
    socket.connect((group, port))?;
    let mut batch = Batch::new(packet_size);
    while let Ok(order) = orders.recv() {
        let start = Instant::now();
        let mut count = 0;
        match order {
            Order::Count(wanted) => {
                while count < wanted {
                    count += batch.send(&socket, (wanted - count).min(BATCH as u64) as usize)?;
                }
            }
            Order::Flood(duration) => {
                while start.elapsed() < duration {
                    count += batch.send(&socket, BATCH)?;
                }
            }
            Order::Paced(wanted, interval) => {
                while count < wanted {
                    let due = interval * count as u32;
                    while start.elapsed() < due {
                        std::hint::spin_loop();
                    }
                    count += batch.send(&socket, 1)?;
                }
            }
        }
        if sent.send(count).is_err() {
            break;
        }
        thread::yield_now();
    }
    Ok(())
}

/// Room for packets that go out together; all have the same bytes.
struct Batch {
    packet: Vec<u8>,
    _vector: Box<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

impl Batch {
    fn new(packet_size: usize) -> Self {
        let mut packet = vec![0; packet_size.max(8)];
        let mut vector = Box::new(libc::iovec { iov_base: packet.as_mut_ptr().cast(), iov_len: packet.len() });
        let headers = (0..BATCH).map(|_| {
            // SAFETY: a header of zero bytes names nothing.
            let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
            (header.msg_hdr.msg_iov, header.msg_hdr.msg_iovlen) = (&raw mut *vector, 1);
            header
        });
        let headers = headers.collect();
        Self { packet, _vector: vector, headers }
    }

    /// Sends so many packets, all with the time of now, and gives how many went out.
    fn send(&mut self, socket: &UdpSocket, count: usize) -> io::Result<u64> {
        self.packet[..8].copy_from_slice(&now_ns().to_ne_bytes());
        // SAFETY: the headers lead to the packet, which lives through the call and is only read.
        let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), self.headers.as_mut_ptr(), count as libc::c_uint, 0) };
        match sent {
            0.. => Ok(sent as u64),
            _ => match io::Error::last_os_error() {
                error if error.raw_os_error() == Some(libc::ENOBUFS) => Ok(0),
                error => Err(error),
            },
        }
    }
}

/// Time on a clock that all threads share.
pub fn now_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock exists, and the pointer is to a `timespec` of ours.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// How long a packet was on its way, by what it says.
pub fn age_ns(packet: &[u8]) -> u64 {
    packet.first_chunk().map_or(0, |sent| now_ns().saturating_sub(u64::from_ne_bytes(*sent)))
}
