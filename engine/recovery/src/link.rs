//! A TCP connection that never blocks: opened, read and written a little at a time.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Bytes that wait to be dealt with at most: more is left in the kernel, and the sender waits.
const INBOX: usize = 1 << 18;

/// Bytes read at a time.
const READ: usize = 1 << 14;

/// A connection to a service.
#[derive(Debug, Default)]
pub struct Link {
    stream: Option<TcpStream>,
    is_up: bool,
    inbox: Vec<u8>,
    /// Bytes at the inbox's front that are dealt with.
    consumed: usize,
    outbox: Vec<u8>,
    heard_ns: u64,
    sent_ns: u64,
}

/// What a look at the connection gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// There is none.
    Down,
    /// It is being opened.
    Opening,
    /// It is there.
    Up,
    /// It just broke, was closed by the other side, or could not be opened.
    Broken,
}

impl Link {
    /// Begins to open a connection.
    ///
    /// # Errors
    ///
    /// Those of the system, where it cannot even begin.
    pub fn open(&mut self, to: SocketAddr, now_ns: u64) -> io::Result<()> {
        self.close();
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        match socket.connect(&SockAddr::from(to)) {
            Ok(()) => {}
            // It goes on while we do something else.
            Err(error) if error.raw_os_error() == Some(EINPROGRESS) || error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        self.stream = Some(socket.into());
        (self.heard_ns, self.sent_ns) = (now_ns, now_ns);
        Ok(())
    }

    /// Ends the connection, and forgets what was not dealt with.
    pub fn close(&mut self) {
        *self = Self {
            inbox: std::mem::take(&mut self.inbox),
            outbox: std::mem::take(&mut self.outbox),
            ..Self::default()
        };
        self.inbox.clear();
        self.outbox.clear();
    }

    /// Writes what waits, and reads what came. With `reads` false nothing is read, so that the sender waits.
    pub fn poll(&mut self, now_ns: u64, reads: bool) -> Condition {
        let Some(stream) = &mut self.stream else { return Condition::Down };
        if !self.is_up {
            match (stream.take_error(), stream.peer_addr()) {
                (Ok(None), Ok(_)) => (self.is_up, self.heard_ns) = (true, now_ns),
                (Ok(None), Err(_)) => return Condition::Opening,
                _ => return self.broken(),
            }
        }
        while !self.outbox.is_empty() {
            match stream.write(&self.outbox) {
                Ok(size @ 1..) => {
                    self.outbox.drain(..size);
                    self.sent_ns = now_ns;
                }
                Err(error) if is_passing(&error) => break,
                _ => return self.broken(),
            }
        }
        self.inbox.drain(..self.consumed);
        self.consumed = 0;
        let mut buffer = [0; READ];
        while reads && self.inbox.len() < INBOX {
            match stream.read(&mut buffer) {
                Ok(size @ 1..) => {
                    self.inbox.extend_from_slice(&buffer[..size]);
                    self.heard_ns = now_ns;
                }
                Err(error) if is_passing(&error) => break,
                // What came before the other side closed is still to be dealt with.
                Ok(_) if !self.inbox.is_empty() => break,
                _ => return self.broken(),
            }
        }
        Condition::Up
    }

    fn broken(&mut self) -> Condition {
        self.close();
        Condition::Broken
    }

    /// What came and is not dealt with.
    pub fn bytes(&self) -> &[u8] {
        self.inbox.get(self.consumed..).unwrap_or_default()
    }

    /// Notes that so many bytes are dealt with.
    pub fn consume(&mut self, size: usize) {
        self.consumed = (self.consumed + size).min(self.inbox.len());
    }

    /// Sends bytes with the next poll.
    pub fn send(&mut self, bytes: &[u8]) {
        self.outbox.extend_from_slice(bytes);
    }

    /// Nanoseconds in which nothing came.
    pub fn silent_ns(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.heard_ns)
    }

    /// Nanoseconds in which nothing was sent.
    pub fn idle_ns(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.sent_ns)
    }

    /// Whether there is a connection, or one being opened.
    pub fn is_there(&self) -> bool {
        self.stream.is_some()
    }
}

/// Linux: the connection is being opened.
const EINPROGRESS: i32 = 115;

/// Whether there is just nothing to be done now.
pub fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
