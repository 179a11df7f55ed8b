//! Live channels as Python drives them: started, asked how they are, stopped. Nothing here stands between a packet and a book.

use std::{fmt::Write as _, path::PathBuf, sync::Mutex};

use pyo3::{
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
};
use serde_json::{Map, Value, json};
use wirebook_abi::CheckedTable;
use wirebook_recovery::RecoveryThread;
use wirebook_runtime::{
    ImageDetail,
    live::{ChannelFigures, ChannelStatus, ChannelView, Clock, Finished, LineFigures, LiveEngine, LoopView, Stage},
};

use crate::{books_file, decoder::Decoder, errors::WirebookError, live_plan::Plan};

/// Percentiles of times, by name.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)];

/// Everything that runs, or what it left.
struct State {
    engine: Option<LiveEngine>,
    recovery: Option<RecoveryThread>,
    /// Names of the channels that `recovery` serves, in the order of its reports.
    served: Vec<String>,
    left: Vec<Finished>,
    notes: Vec<String>,
    tables: Vec<Vec<CheckedTable>>,
    /// What was said last, kept for after the stop.
    last: String,
}

/// Live channels at work.
#[pyclass(frozen, module = "wirebook._engine")]
pub struct Live(Mutex<State>);

/// Whether a plan can be, without opening anything.
///
/// # Errors
///
/// `ValueError` with the YAML path of the first part that cannot, and why.
#[pyfunction]
pub fn check_live(plan: &str, decoders: Vec<PyRef<'_, Decoder>>) -> PyResult<()> {
    let tables: Vec<_> = decoders.iter().map(|decoder| decoder.table()).collect();
    Plan::read(plan).and_then(|plan| plan.check(&tables)).map_err(PyValueError::new_err)
}

#[pymethods]
impl Live {
    /// Opens the sources and starts every loop and the recovery.
    #[new]
    fn new(py: Python<'_>, plan: &str, decoders: Vec<PyRef<'_, Decoder>>) -> PyResult<Self> {
        let tables: Vec<_> = decoders.iter().map(|decoder| decoder.table()).collect();
        let plan = Plan::read(plan).map_err(PyValueError::new_err)?;
        plan.check(&tables).map_err(PyValueError::new_err)?;
        let state = py.detach(|| start(&plan, &tables)).map_err(WirebookError::new_err)?;
        Ok(Self(Mutex::new(state)))
    }

    /// What the machine did not grant, and what that costs.
    fn notes(&self) -> PyResult<Vec<String>> {
        Ok(self.lock()?.notes.clone())
    }

    /// Every loop, channel, line and service as it stands, as JSON; with `latency` times by stage, too.
    #[pyo3(signature = (*, latency=false))]
    fn status(&self, py: Python<'_>, latency: bool) -> PyResult<String> {
        py.detach(|| Some(status(&*self.0.lock().ok()?, latency))).ok_or_else(broken)
    }

    /// Whether every loop has ended by itself, because no source could go on.
    fn has_ended(&self) -> PyResult<bool> {
        let state = self.lock()?;
        Ok(state.engine.as_ref().is_none_or(|engine| (0..engine.loops().len()).all(|at| engine.has_ended(at))))
    }

    /// Stops everything once what was received is applied, and gives what went wrong with sources.
    fn stop(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        py.detach(|| {
            let mut state = self.0.lock().ok()?;
            state.stop();
            Some(state.left.iter().flat_map(|left| left.errors.clone()).collect())
        })
        .ok_or_else(broken)
    }

    /// Writes every book as it was at the stop, one JSON object a line.
    #[pyo3(signature = (path, *, orders=false))]
    fn write_books(&self, py: Python<'_>, path: PathBuf, orders: bool) -> PyResult<()> {
        let written = py.detach(|| {
            let state = self.0.lock().ok()?;
            let detail = if orders { ImageDetail::Orders } else { ImageDetail::Levels };
            let mut text = String::new();
            for (left, tables) in state.left.iter().zip(&state.tables) {
                for (seat, table) in left.seats.iter().zip(tables) {
                    let scale = table.description().price_scale;
                    for book in seat.channel.pipeline().image(detail).books {
                        // Writing into a String cannot fail.
                        let _ = writeln!(text, "{}", books_file::json_of(&book, scale, orders));
                    }
                }
            }
            Some(std::fs::write(&path, text))
        });
        written.ok_or_else(broken)?.map_err(|error| WirebookError::new_err(format!("cannot write books: {error}")))
    }
}

impl Live {
    fn lock(&self) -> PyResult<std::sync::MutexGuard<'_, State>> {
        self.0.lock().map_err(|_| broken())
    }
}

fn broken() -> PyErr {
    PyRuntimeError::new_err("the live engine failed in another thread; start it anew")
}

fn start(plan: &Plan, tables: &[CheckedTable]) -> Result<State, String> {
    let clock = Clock::start();
    let built = plan.build(tables, clock)?;
    let recovery = if built.services.is_empty() {
        None
    } else {
        Some(RecoveryThread::start(built.services).map_err(|error| format!("recovery: no thread: {error}"))?)
    };
    let engine = LiveEngine::start(built.loops, clock).map_err(|error| format!("no thread for a loop: {error}"))?;
    let notes = built.notes.into_iter().chain(engine.notes().iter().cloned()).collect();
    Ok(State {
        engine: Some(engine),
        recovery,
        served: built.served,
        left: Vec::new(),
        notes,
        tables: built.tables,
        last: String::from("{}"),
    })
}

impl State {
    fn stop(&mut self) {
        if let Some(engine) = self.engine.take() {
            let views = engine.channels().to_vec();
            let loops = engine.loops().to_vec();
            let clock = engine.clock();
            let recovery = services(self);
            self.left = engine.stop();
            // Each loop puts down what its channels are when it ends.
            self.last = described(&loops, &views, &|_| true, clock, recovery, true).to_string();
            self.recovery = None;
        }
    }
}

fn status(state: &State, latency: bool) -> String {
    match &state.engine {
        None => state.last.clone(),
        Some(engine) => {
            let ended = |at| engine.has_ended(at);
            described(engine.loops(), engine.channels(), &ended, engine.clock(), services(state), latency).to_string()
        }
    }
}

fn services(state: &State) -> Value {
    let reports = state.recovery.as_ref().map(RecoveryThread::reports).unwrap_or_default();
    let of_channel = |(name, report): (&String, &wirebook_recovery::Report)| {
        let services: Vec<Value> = report
            .iter()
            .map(|(service, counters)| {
                json!({
                    "service": service,
                    "requests": counters.requests,
                    "retries": counters.retries,
                    "packets": counters.packets,
                    "snapshots": counters.snapshots,
                    "refusals": counters.refusals,
                    "gave_up": counters.gave_up,
                    "connections": counters.connections,
                    "failures": counters.failures,
                    "garbage": counters.garbage,
                    "held_back": counters.held_back,
                })
            })
            .collect();
        (name.clone(), Value::from(services))
    };
    Value::from(state.served.iter().zip(&reports).map(of_channel).collect::<Map<_, _>>())
}

fn described(
    loops: &[LoopView],
    channels: &[ChannelView],
    has_ended: &dyn Fn(usize) -> bool,
    clock: Clock,
    recovery: Value,
    latency: bool,
) -> Value {
    let loops: Vec<Value> = loops.iter().enumerate().map(|(at, each)| loop_json(each, has_ended(at))).collect();
    let channels: Vec<Value> = channels
        .iter()
        .map(|view| {
            let mut channel = channel_json(view, &view.report.status(), clock);
            if latency {
                channel["latency_ns"] = times_json(view);
            }
            channel
        })
        .collect();
    json!({"loops": loops, "channels": channels, "recovery": recovery})
}

fn loop_json(view: &LoopView, has_ended: bool) -> Value {
    use std::sync::atomic::Ordering::Relaxed;
    let report = &view.report;
    json!({
        "name": view.name,
        "core": view.core,
        "has_ended": has_ended,
        "bursts": report.bursts.load(Relaxed),
        "packets": report.packets.load(Relaxed),
        "unrouted_packets": report.unrouted_packets.load(Relaxed),
        "drops": report.drops.load(Relaxed),
        "failed_sources": report.failed_sources.load(Relaxed),
    })
}

fn figures(names: &[&str], values: Vec<u64>) -> Map<String, Value> {
    names.iter().zip(values).map(|(name, value)| ((*name).to_owned(), Value::from(value))).collect()
}

fn channel_json(view: &ChannelView, status: &ChannelStatus, clock: Clock) -> Value {
    let mut channel = figures(ChannelFigures::NAMES, status.figures.values());
    channel.insert("name".into(), view.name.clone().into());
    channel.insert("loop".into(), view.at_loop.into());
    channel.insert("state".into(), status.standing.state.name().into());
    channel.insert("reason".into(), status.standing.cause.name().into());
    let seconds = clock.now_ns().saturating_sub(status.standing.since_ns) as f64 / 1e9;
    channel.insert("state_seconds".into(), seconds.into());
    let lines: Vec<Value> =
        status.lines.iter().map(|line| Value::from(figures(LineFigures::NAMES, line.values()))).collect();
    channel.insert("lines".into(), lines.into());
    Value::from(channel)
}

fn times_json(view: &ChannelView) -> Value {
    let of_stage = |stage: Stage| {
        let times = view.report.times().read(stage);
        let mut figures = Map::new();
        figures.insert("count".into(), times.len().into());
        for (name, quantile) in QUANTILES {
            figures.insert(name.into(), times.value_at_quantile(quantile).into());
        }
        figures.insert("max".into(), times.max().into());
        (stage.name().to_owned(), Value::from(figures))
    };
    Value::from(Stage::ALL.into_iter().map(of_stage).collect::<Map<_, _>>())
}
