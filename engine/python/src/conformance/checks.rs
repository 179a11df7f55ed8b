//! Checks that run whole in the engine: thousands of packets each, or nothing between the calls that are measured.

use pyo3::{
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyDict},
};
use wirebook_conformance::{AllocationsError, Survey, Violation};

use crate::decoder::{Decoder, framing_of};

/// A packet, and the promise that was broken with it.
type Broken<'py> = (Bound<'py, PyBytes>, String);

/// Gives a decoder each packet damaged in one way, and gives the count of packets tried and the promises that were broken.
///
/// `damage`: `truncation`, `bit_flip`, `lie`, `noise` or `mismatch`.
#[pyfunction]
#[pyo3(signature = (decoder, framing, packets, damage, *, seed=1, noise=200))]
pub fn survey<'py>(
    py: Python<'py>,
    decoder: &Decoder,
    framing: &str,
    packets: Vec<Vec<u8>>,
    damage: &str,
    seed: u64,
    noise: u32,
) -> PyResult<(u64, Vec<Broken<'py>>)> {
    let table = decoder.table();
    let framing = framing_of(table, framing)?;
    let mut survey = Survey::new(table, framing).map_err(|refused| PyValueError::new_err(refused.to_string()))?;
    if damage == "mismatch" {
        let slices: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
        py.detach(|| survey.mismatches(&slices));
    } else {
        for (seed, packet) in (seed..).zip(&packets) {
            py.detach(|| match damage {
                "truncation" => survey.truncations(packet),
                "bit_flip" => survey.bit_flips(packet),
                "lie" => survey.lies(packet),
                "noise" => survey.noise(packet, seed, noise),
                _ => {}
            });
            py.check_signals()?;
        }
    }
    if survey.packets() == 0 && !packets.is_empty() {
        return Err(PyValueError::new_err(format!("damage: {damage} is none")));
    }
    let broken = survey.violations().iter().map(|Violation { packet, what }| (PyBytes::new(py, packet), what.clone()));
    Ok((survey.packets(), broken.collect()))
}

/// Calls for memory while a decoder is made, and while it decodes the packets `rounds` times; `None` where they cannot be
/// counted on this machine.
#[pyfunction]
#[pyo3(signature = (decoder, framing, packets, *, rounds=100))]
pub fn count_allocations<'py>(
    py: Python<'py>,
    decoder: &Decoder,
    framing: &str,
    packets: Vec<Vec<u8>>,
    rounds: u32,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let table = decoder.table();
    let framing = framing_of(table, framing)?;
    let slices: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    match py.detach(|| wirebook_conformance::count_allocations(table, framing, &slices, rounds)) {
        Ok(counted) => {
            let facts = PyDict::new(py);
            facts.set_item("construction", counted.construction)?;
            facts.set_item("decoding", counted.decoding)?;
            facts.set_item("messages", counted.messages)?;
            Ok(Some(facts))
        }
        Err(AllocationsError::UnknownMachine) => Ok(None),
        Err(error) => Err(PyRuntimeError::new_err(error.to_string())),
    }
}

/// Processor time of decoding the packets again and again, by message and by event.
#[pyfunction]
#[pyo3(signature = (decoder, framing, packets, *, messages=1_000_000, runs=5))]
pub fn measure_rate<'py>(
    py: Python<'py>,
    decoder: &Decoder,
    framing: &str,
    packets: Vec<Vec<u8>>,
    messages: u64,
    runs: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let table = decoder.table();
    let framing = framing_of(table, framing)?;
    let slices: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    let rate = py
        .detach(|| wirebook_conformance::measure_rate(table, framing, &slices, messages, runs))
        .map_err(|refused| PyValueError::new_err(refused.to_string()))?;
    let facts = PyDict::new(py);
    facts.set_item("messages", rate.messages)?;
    facts.set_item("events", rate.events)?;
    facts.set_item("ns_per_message", rate.ns_per_message())?;
    facts.set_item("ns_per_event", rate.ns_per_event())?;
    facts.set_item("runs_ns", &rate.runs_ns)?;
    Ok(facts)
}
