//! A running exchange: the publisher and its services, each on a thread of its own.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use crate::{
    ExchangeError, Plan, Tape,
    chaos::LineCounts,
    publisher::Publisher,
    services::{self, ServiceCounts, Tally},
};

/// What the threads of an exchange share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) tape: Arc<Tape>,
    /// Packets of the tape that are out.
    pub(crate) published: AtomicUsize,
    pub(crate) is_over: AtomicBool,
    stop: AtomicBool,
    sent: AtomicU64,
    unsent: AtomicU64,
    lines: Mutex<Vec<LineCounts>>,
}

impl Shared {
    pub(crate) fn wants_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn published(&self) -> usize {
        self.published.load(Ordering::Acquire)
    }

    pub(crate) fn note_sent(&self, went_out: bool) {
        let counter = if went_out { &self.sent } else { &self.unsent };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn set_lines(&self, counts: Vec<LineCounts>) {
        *self.lines.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }
}

/// What an exchange has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Packets of the day, and those of them that are out.
    pub packets: u64,
    /// Packets of the day that are out.
    pub published: u64,
    /// Datagrams that left, on all lines, heartbeats among them.
    pub sent: u64,
    /// Datagrams that the system did not take.
    pub unsent: u64,
    /// Whether the day, and its linger, are over.
    pub is_over: bool,
    /// What each line did.
    pub lines: Vec<LineStatus>,
    /// What each service did.
    pub services: Vec<ServiceCounts>,
}

/// What a line did.
pub type LineStatus = LineCounts;

/// An exchange that runs until the day is over or it is stopped. Dropping it stops it.
#[derive(Debug)]
pub struct Exchange {
    shared: Arc<Shared>,
    tallies: Vec<Arc<Tally>>,
    threads: Vec<JoinHandle<()>>,
}

impl Exchange {
    /// Opens every socket, then starts to publish.
    ///
    /// # Errors
    ///
    /// [`ExchangeError`] names what cannot be, or the address that cannot be used.
    pub fn start(tape: Arc<Tape>, plan: &Plan) -> Result<Self, ExchangeError> {
        plan.validate(&tape)?;
        let shared = Arc::new(Shared {
            tape,
            published: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            unsent: AtomicU64::new(0),
            lines: Mutex::new(vec![LineCounts::default(); plan.lines.len()]),
        });
        let publisher = Publisher::new(plan, &shared)?;
        let services = services::open(plan, &shared)?;
        let tallies = services.iter().map(|service| service.tally.clone()).collect();
        let mut threads: Vec<_> = services.into_iter().map(services::Opened::start).collect();
        let of_publisher = shared.clone();
        threads.push(thread::spawn(move || publisher.run(&of_publisher)));
        Ok(Self { shared, tallies, threads })
    }

    /// What it has done so far.
    pub fn status(&self) -> Status {
        let shared = &self.shared;
        Status {
            packets: shared.tape.packets().len() as u64,
            published: shared.published() as u64,
            sent: shared.sent.load(Ordering::Relaxed),
            unsent: shared.unsent.load(Ordering::Relaxed),
            is_over: shared.is_over.load(Ordering::Acquire),
            lines: shared.lines.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            services: self.tallies.iter().map(|tally| tally.counts()).collect(),
        }
    }

    /// Where a service listens, by its name; the first where there is one a channel.
    pub fn address(&self, service: &str, channel: usize) -> Option<SocketAddr> {
        let mut named = self.tallies.iter().filter(|tally| tally.service == service && tally.channel == channel);
        named.next().map(|tally| tally.address)
    }

    /// Stops publisher and services, waits for them, and gives what they did.
    pub fn stop(mut self) -> Status {
        self.end();
        self.status()
    }

    fn end(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so; the others are stopped all the same.
            let _ = thread.join();
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end();
    }
}
