//! The DPDK source: frames of a port, by libdpdk where that is installed.
//!
//! [`DpdkSource`] is what [`open`](super::open) gives. Below it, for other uses: [`Eal`] is DPDK itself, started once a process,
//! [`Pool`] its packet buffers, [`Port`] a started device, [`Queue`] one of its queues, and [`Burst`] frames that go back when it
//! is dropped.
//!
//! The library is loaded when it is asked for; a program with this module runs where it is not installed.

mod eal;
mod port;

use std::{fmt, os::fd::RawFd, sync::Arc};

use wirebook_dpdk_sys::{BAD_CHECKSUM, SCATTERED, STAMPED};

pub use self::{
    eal::{Eal, release},
    port::{Burst, Pool, Port, Queue},
};
use super::{
    LiveConfig, LiveCounters, LiveSource, SourceKind, StampKind, Stamps,
    config::wrong,
    intake::{Intake, Stamp},
    membership::Membership,
    stamp::{Agreement, now_ns},
    sys,
};
use crate::{Counters, FlowId, FlowTable, PacketSource, Polled, SourceError};

/// Receives frames of one queue of a DPDK port.
pub struct DpdkSource {
    queue: Queue,
    intake: Intake,
    agreement: Agreement,
    notes: Vec<String>,
    _membership: Membership,
}

impl DpdkSource {
    /// Starts DPDK if it does not run yet, opens the port and takes the queue. Where the configuration names an interface, a
    /// kernel socket holds the joins there.
    ///
    /// # Errors
    ///
    /// [`SourceError::Unavailable`] without libdpdk, [`SourceError::Config`], or [`SourceError::Live`] for what DPDK or the
    /// system refused.
    pub fn open(config: &LiveConfig) -> Result<Self, SourceError> {
        config.check()?;
        let SourceKind::Dpdk(dpdk) = &config.kind else {
            return Err(wrong("kind", config.kind.name(), "dpdk would do"));
        };
        let membership = match &config.interface {
            Some(interface) => Membership::hold(config, sys::interface_index(interface)?)?,
            None => Membership::default(),
        };
        let wants_stamps = config.stamps == Stamps::Hardware;
        let port = Port::open(Eal::start(dpdk.memory)?, dpdk, config.datagram_size, wants_stamps)?;
        let queue = port.queue(dpdk.queue)?;
        let mut notes = Vec::new();
        if wants_stamps && port.state().stamps == 0 {
            notes.push(format!("hardware stamps: {} has none; packets are stamped when a burst is taken", port.name()));
        }
        if config.interface.is_none() && config.joins.iter().any(|join| join.address.is_multicast()) {
            notes.push(
                "joins: no kernel interface is named, so nothing asks the network for the groups; name one on the same segment, or \
                 have the switch send them"
                    .into(),
            );
        }
        Ok(Self {
            queue,
            intake: Intake::new(config, StampKind::Software),
            agreement: Agreement::default(),
            notes,
            _membership: membership,
        })
    }

    /// The port that it polls.
    pub fn port(&self) -> &Arc<Port> {
        self.queue.port()
    }
}

impl PacketSource for DpdkSource {
    fn burst<'a>(&'a mut self, burst: &'a mut crate::Burst) -> Result<Polled<'a>, SourceError> {
        let Self { queue, intake, agreement, .. } = self;
        let mut writer = burst.writer();
        queue.take(writer.room());
        let queue = &*queue;
        let mut own = None;
        for (frame, flags, card_ns) in queue.frames() {
            if flags & (BAD_CHECKSUM | SCATTERED) != 0 {
                intake.counters.frames += 1;
                intake.counters.bytes += frame.len() as u64;
                intake.counters.malformed += 1;
                continue;
            }
            // Packets come as fast as they are taken here; one reading of the clock stands for all of a burst.
            let own = *own.get_or_insert_with(now_ns);
            let stamp = match flags & STAMPED != 0 && agreement.check(card_ns, own) {
                true => Stamp { ts_recv_ns: card_ns, kind: StampKind::Hardware },
                false => Stamp { ts_recv_ns: own, kind: StampKind::Software },
            };
            intake.frame(&mut writer, frame, stamp);
        }
        intake.live.count_burst(!writer.is_empty());
        Ok(Polled::Packets(writer.finish()))
    }

    fn consume(&mut self, _flow: FlowId, _size: usize) {}

    fn flows(&self) -> &FlowTable {
        &self.intake.flows
    }

    fn counters(&self) -> &Counters {
        &self.intake.counters
    }
}

impl LiveSource for DpdkSource {
    fn name(&self) -> &'static str {
        "dpdk"
    }

    fn descriptors(&self) -> &[RawFd] {
        &[]
    }

    fn stamps(&self) -> StampKind {
        self.intake.stamps
    }

    fn live_counters(&mut self) -> LiveCounters {
        let state = self.port().state();
        self.intake.live.drops = state.missed + state.without_buffer;
        self.intake.live.clock_refused = self.agreement.is_refused();
        self.intake.live_counters()
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl fmt::Debug for DpdkSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpdkSource").field("queue", &self.queue).field("intake", &self.intake).finish_non_exhaustive()
    }
}
