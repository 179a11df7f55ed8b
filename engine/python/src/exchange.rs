//! An exchange in a box as Python drives it: started, asked how it is, stopped.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use pyo3::{
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
};
use serde::Deserialize;
use serde_json::{Value, json};
use wirebook_exchange::{
    CboeService, Pace, Plan, PublishLine, Status, Tape,
    chaos::{Chaos, LineChaos, Loss, ServiceChaos},
};

use crate::{decoder::Decoder, errors::WirebookError};

/// What an exchange is to do, as its YAML file says it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PlanEntry {
    lines: Vec<LineEntry>,
    ttl: Option<u32>,
    loopback: Option<bool>,
    rate: Option<f64>,
    speed: Option<f64>,
    fastest: bool,
    lead_ms: u64,
    linger_ms: u64,
    chaos: ChaosEntry,
    services: ServicesEntry,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineEntry {
    destinations: Vec<SocketAddrV4>,
    interface: Option<Ipv4Addr>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ChaosEntry {
    seed: u64,
    every_line: LossEntry,
    lines: Vec<LineChaosEntry>,
    services: ServiceChaosEntry,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LossEntry {
    rate: f64,
    mean_burst: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LineChaosEntry {
    loss: LossEntry,
    duplicates: f64,
    reorders: f64,
    reorder_packets: u32,
    delay_us: u64,
    jitter_us: u64,
    lag_packets: u32,
    /// First packet and the one behind the last.
    dead: Vec<[u64; 2]>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ServiceChaosEntry {
    refusals: f64,
    hangs: f64,
    garbage: f64,
    breaks: f64,
    first_fail: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ServicesEntry {
    moldudp64: Vec<SocketAddr>,
    glimpse: Vec<SocketAddr>,
    gap_proxy: Option<GapProxyEntry>,
    spin: Option<CboeEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CboeEntry {
    listen: SocketAddr,
    username: Option<String>,
    password: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GapProxyEntry {
    listen: SocketAddr,
    username: Option<String>,
    password: Option<String>,
    groups: Vec<SocketAddrV4>,
}

impl PlanEntry {
    fn pace(&self) -> Result<Pace, String> {
        match (self.rate, self.speed, self.fastest) {
            (None, None, false) => Ok(Pace::Recorded(1.0)),
            (Some(rate), None, false) => Ok(Pace::Rate(rate)),
            (None, Some(speed), false) => Ok(Pace::Recorded(speed)),
            (None, None, true) => Ok(Pace::Fastest),
            _ => Err("rate, speed, fastest: more than one is given; give one".into()),
        }
    }

    fn plan(self) -> Result<Plan, String> {
        let pace = self.pace()?;
        let line = |line: LineEntry| PublishLine { destinations: line.destinations, interface: line.interface };
        let cboe = |listen, username, password| CboeService { listen, username, password };
        let gap_proxy = self.services.gap_proxy;
        Ok(Plan {
            lines: self.lines.into_iter().map(line).collect(),
            ttl: self.ttl.unwrap_or(1),
            loopback: self.loopback.unwrap_or(true),
            pace,
            lead: Duration::from_millis(self.lead_ms),
            linger: Duration::from_millis(self.linger_ms),
            chaos: self.chaos.chaos(),
            moldudp64: self.services.moldudp64,
            glimpse: self.services.glimpse,
            gap_proxy: gap_proxy.map(|proxy| (cboe(proxy.listen, proxy.username, proxy.password), proxy.groups)),
            spin: self.services.spin.map(|spin| cboe(spin.listen, spin.username, spin.password)),
        })
    }
}

impl ChaosEntry {
    fn chaos(self) -> Chaos {
        let ServiceChaosEntry { refusals, hangs, garbage, breaks, first_fail } = self.services;
        Chaos {
            seed: self.seed,
            every_line: self.every_line.loss(),
            lines: self.lines.into_iter().map(LineChaosEntry::chaos).collect(),
            services: ServiceChaos { refusals, hangs, garbage, breaks, first_fail },
        }
    }
}

impl LossEntry {
    fn loss(self) -> Loss {
        Loss::bursts(self.rate, self.mean_burst)
    }
}

impl LineChaosEntry {
    fn chaos(self) -> LineChaos {
        LineChaos {
            loss: self.loss.loss(),
            duplicates: self.duplicates,
            reorders: self.reorders,
            reorder_packets: self.reorder_packets,
            delay_us: self.delay_us,
            jitter_us: self.jitter_us,
            lag_packets: self.lag_packets,
            dead: self.dead.into_iter().map(|[start, end]| Range { start, end }).collect(),
        }
    }
}

/// What runs, or what it had done when it was stopped.
enum State {
    Running(wirebook_exchange::Exchange),
    Stopped(Status),
}

/// An exchange at work on a recorded or simulated day.
#[pyclass(frozen, module = "wirebook._engine")]
pub struct Exchange(Mutex<State>);

#[pymethods]
impl Exchange {
    /// Reads the capture, opens every socket and starts to publish. `plan` is JSON with the keys of the YAML file.
    #[new]
    fn new(py: Python<'_>, path: PathBuf, decoder: &Decoder, plan: &str) -> PyResult<Self> {
        let entry: PlanEntry = serde_json::from_str(plan).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let plan = entry.plan().map_err(PyValueError::new_err)?;
        let table = decoder.table();
        let started = py.detach(|| {
            let tape = Arc::new(Tape::open(&path, table)?);
            wirebook_exchange::Exchange::start(tape, &plan)
        });
        let exchange = started.map_err(|error| WirebookError::new_err(error.to_string()))?;
        Ok(Self(Mutex::new(State::Running(exchange))))
    }

    /// What it has done so far, as JSON.
    fn status(&self) -> PyResult<String> {
        let state = self.0.lock().map_err(|_| broken())?;
        Ok(match &*state {
            State::Running(exchange) => described(&exchange.status()),
            State::Stopped(status) => described(status),
        })
    }

    /// Stops lines and services, and says what they did, as JSON.
    fn stop(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| {
            let mut state = self.0.lock().ok()?;
            let before = std::mem::replace(&mut *state, State::Stopped(Status::default()));
            let status = match before {
                State::Running(exchange) => exchange.stop(),
                State::Stopped(status) => status,
            };
            let text = described(&status);
            *state = State::Stopped(status);
            Some(text)
        })
        .ok_or_else(broken)
    }
}

fn broken() -> PyErr {
    PyRuntimeError::new_err("the exchange failed in another thread; start it anew")
}

fn described(status: &Status) -> String {
    let lines: Vec<Value> = status
        .lines
        .iter()
        .map(|line| {
            json!({
                "sent": line.sent, "lost": line.lost, "dead": line.dead,
                "duplicated": line.duplicated, "reordered": line.reordered,
            })
        })
        .collect();
    let services: Vec<Value> = status
        .services
        .iter()
        .map(|service| {
            json!({
                "service": service.service, "address": service.address.to_string(),
                "conversations": service.conversations, "answered": service.answered,
                "messages": service.messages, "refused": service.refused, "spoilt": service.spoilt,
            })
        })
        .collect();
    json!({
        "packets": status.packets, "published": status.published, "sent": status.sent, "unsent": status.unsent,
        "is_over": status.is_over, "lines": lines, "services": services,
    })
    .to_string()
}
