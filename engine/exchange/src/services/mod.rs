//! Services that readers ask when packets are missing. Each listens on a thread of its own, and each connection has one.

mod cboe;
mod connections;
mod gap_proxy;
mod glimpse;
mod moldudp64;
mod spin;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    ExchangeError, Plan,
    chaos::{Fault, ServiceChaos},
    exchange::Shared,
    plan::{behind, behind_v4, for_channels},
};

/// Longest wait between two looks at the wish to stop.
pub(crate) const NAP: Duration = Duration::from_millis(20);
/// Bytes of messages in a datagram at most.
pub(crate) const DATAGRAM: usize = 1_400;

/// What a service did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCounts {
    /// `moldudp64`, `glimpse`, `gap_proxy` or `spin`.
    pub service: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    /// Conversations that were begun: connections, or requests where there are none.
    pub conversations: u64,
    /// Requests that were answered as asked.
    pub answered: u64,
    /// Messages in those answers.
    pub messages: u64,
    /// Requests that were turned away: nothing there, no such session, not allowed.
    pub refused: u64,
    /// Conversations that chaos spoilt.
    pub spoilt: u64,
}

/// What a service counts, and where it is.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) service: &'static str,
    pub(crate) channel: usize,
    pub(crate) address: SocketAddr,
    /// Number of the service for chaos, so that each has its own faults.
    number: u64,
    chaos: ServiceChaos,
    seed: u64,
    conversations: AtomicU64,
    answered: AtomicU64,
    messages: AtomicU64,
    refused: AtomicU64,
    spoilt: AtomicU64,
}

impl Tally {
    pub(crate) fn counts(&self) -> ServiceCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ServiceCounts {
            service: self.service,
            address: self.address,
            conversations: of(&self.conversations),
            answered: of(&self.answered),
            messages: of(&self.messages),
            refused: of(&self.refused),
            spoilt: of(&self.spoilt),
        }
    }

    /// Counts a conversation; gives its number and what goes wrong with it.
    pub(crate) fn begin(&self) -> (u64, Option<Fault>) {
        let number = self.conversations.fetch_add(1, Ordering::Relaxed);
        let fault = self.chaos.fault(self.seed, self.number, number);
        self.spoilt.fetch_add(u64::from(fault.is_some()), Ordering::Relaxed);
        (number, fault)
    }

    /// Bytes that mean nothing, for conversation `number`.
    pub(crate) fn garbage(&self, number: u64, size: usize) -> Vec<u8> {
        ServiceChaos::garbage(self.seed, self.number, number, size)
    }

    pub(crate) fn note_answer(&self, messages: u64) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.messages.fetch_add(messages, Ordering::Relaxed);
    }

    pub(crate) fn note_refusal(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}

/// A service whose sockets are open.
pub(crate) struct Opened {
    pub(crate) tally: Arc<Tally>,
    body: Box<dyn FnOnce() + Send>,
}

impl Opened {
    pub(crate) fn start(self) -> JoinHandle<()> {
        thread::spawn(self.body)
    }
}

/// Opens the sockets of every service that is asked for.
pub(crate) fn open(plan: &Plan, shared: &Arc<Shared>) -> Result<Vec<Opened>, ExchangeError> {
    let channels = shared.tape.channels().len();
    let mut opened: Vec<Opened> = Vec::new();
    let tally = |service, channel, address, number: usize| {
        Arc::new(Tally {
            service,
            channel,
            address,
            number: number as u64,
            chaos: plan.chaos.services,
            seed: plan.chaos.seed,
            conversations: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            messages: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            spoilt: AtomicU64::new(0),
        })
    };
    for (channel, address) in addresses("moldudp64", &plan.moldudp64, channels)?.into_iter().enumerate() {
        let (socket, address) = moldudp64::bind(address)?;
        let (tally, shared) = (tally("moldudp64", channel, address, opened.len()), shared.clone());
        let of_service = tally.clone();
        let body = Box::new(move || moldudp64::serve(&socket, &shared, channel, &of_service));
        opened.push(Opened { tally, body });
    }
    for (channel, address) in addresses("glimpse", &plan.glimpse, channels)?.into_iter().enumerate() {
        let (listener, address) = connections::listen("glimpse", address)?;
        let tally = tally("glimpse", channel, address, opened.len());
        let service = glimpse::Glimpse::new(shared.clone(), channel, tally.clone())?;
        let shared = shared.clone();
        let body = Box::new(move || connections::serve(&listener, &shared, &Arc::new(service)));
        opened.push(Opened { tally, body });
    }
    if let Some((service, groups)) = &plan.gap_proxy {
        let groups = for_channels("gap_proxy groups", groups, channels, behind_v4)?;
        let (listener, address) = connections::listen("gap_proxy", service.listen)?;
        let tally = tally("gap_proxy", 0, address, opened.len());
        let service = gap_proxy::GapProxy::new(shared.clone(), plan, service, groups, tally.clone())?;
        let shared = shared.clone();
        let body = Box::new(move || connections::serve(&listener, &shared, &Arc::new(service)));
        opened.push(Opened { tally, body });
    }
    if let Some(service) = &plan.spin {
        for (channel, address) in addresses("spin", &[service.listen], channels)?.into_iter().enumerate() {
            let (listener, address) = connections::listen("spin", address)?;
            let tally = tally("spin", channel, address, opened.len());
            let service = spin::Spin::new(shared.clone(), channel, service, tally.clone())?;
            let shared = shared.clone();
            let body = Box::new(move || connections::serve(&listener, &shared, &Arc::new(service)));
            opened.push(Opened { tally, body });
        }
    }
    Ok(opened)
}

/// An address for each channel; none where none is given.
fn addresses(what: &str, given: &[SocketAddr], channels: usize) -> Result<Vec<SocketAddr>, ExchangeError> {
    if given.is_empty() { Ok(Vec::new()) } else { for_channels(what, given, channels, behind) }
}
