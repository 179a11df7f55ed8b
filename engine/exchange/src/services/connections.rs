//! Connections: accepted one by one, each on a thread of its own, none of which outlives the exchange.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::NAP;
use crate::{ExchangeError, chaos::Fault, exchange::Shared};

/// A client that takes nothing for so long is given up.
const STUCK: Duration = Duration::from_secs(10);
/// Bytes of garbage for whoever gets garbage.
const GARBAGE: usize = 600;

/// A service that talks over connections.
pub(crate) trait Service: Send + Sync + 'static {
    /// Counts a conversation; its number, and what goes wrong with it.
    fn begin(&self) -> (u64, Option<Fault>);

    /// Bytes that mean nothing.
    fn garbage(&self, number: u64, size: usize) -> Vec<u8>;

    /// Talks until either side has enough. With `breaks_off` it stops in the middle of its first long answer.
    fn talk(&self, link: &mut Link<'_>, breaks_off: bool) -> io::Result<()>;
}

/// Listens at `address`, and says where that is.
pub(crate) fn listen(what: &str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), ExchangeError> {
    let listener = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok((listener.local_addr()?, listener))
    });
    let refused = |source| ExchangeError::Socket { what: format!("{what}: listening at"), address, source };
    listener.map(|(address, listener)| (listener, address)).map_err(refused)
}

/// Serves everybody who connects until the exchange stops.
pub(crate) fn serve<S: Service>(listener: &TcpListener, shared: &Arc<Shared>, service: &Arc<S>) {
    let mut threads = Vec::new();
    while !shared.wants_stop() {
        match listener.accept() {
            Ok((stream, _)) => {
                let (shared, service) = (shared.clone(), service.clone());
                threads.push(thread::spawn(move || converse(stream, &shared, &*service)));
                threads.retain(|thread| !thread.is_finished());
            }
            // Nobody there, or somebody who left again at once.
            Err(_) => thread::sleep(NAP),
        }
    }
    for thread in threads {
        let _ = thread.join();
    }
}

fn converse<S: Service>(stream: TcpStream, shared: &Shared, service: &S) {
    let (number, fault) = service.begin();
    let Ok(mut link) = Link::new(stream, shared) else { return };
    // Whatever ends a conversation, the client sees the connection close.
    let _ = match fault {
        Some(Fault::Refuses) => Ok(()),
        Some(Fault::Hangs) => link.wait_for_end(),
        Some(Fault::Garbage) => link.send(&service.garbage(number, GARBAGE)),
        Some(Fault::BreaksOff) => service.talk(&mut link, true),
        None => service.talk(&mut link, false),
    };
}

/// A connection of one client.
#[derive(Debug)]
pub(crate) struct Link<'a> {
    stream: TcpStream,
    shared: &'a Shared,
    /// Bytes that came and are not taken yet.
    pub(crate) bytes: Vec<u8>,
}

impl<'a> Link<'a> {
    fn new(stream: TcpStream, shared: &'a Shared) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(NAP))?;
        stream.set_write_timeout(Some(NAP))?;
        Ok(Self { stream, shared, bytes: Vec::new() })
    }

    /// Sends all of it, unless the exchange stops or the client is stuck.
    pub(crate) fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let end = Instant::now() + STUCK;
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(size) => bytes = &bytes[size..],
                Err(error) if is_timeout(&error) && Instant::now() < end && !self.shared.wants_stop() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits a moment for more bytes; whether some came.
    ///
    /// # Errors
    ///
    /// Where the client has left or the exchange stops.
    pub(crate) fn receive(&mut self) -> io::Result<bool> {
        if self.shared.wants_stop() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let mut buffer = [0; 4_096];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(size) => {
                self.bytes.extend_from_slice(&buffer[..size]);
                Ok(true)
            }
            Err(error) if is_timeout(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads and forgets until the client leaves or the exchange stops.
    pub(crate) fn wait_for_end(&mut self) -> io::Result<()> {
        loop {
            self.receive()?;
            self.bytes.clear();
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}
