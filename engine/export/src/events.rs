//! What is exported: events as the book completed them, and how their numbers read.

use std::{
    collections::{BTreeMap, HashMap},
    hash::BuildHasher,
};

use wirebook_abi::{Event, EventCold};

use crate::{ExportError, Result};

/// Events as the book completed them, side by side with their cold parts and receive times.
#[derive(Clone, Copy, Debug)]
pub struct Events<'a> {
    events: &'a [Event],
    cold: &'a [EventCold],
    ts_recv_ns: &'a [i64],
}

impl<'a> Events<'a> {
    /// Events with their receive times, nanoseconds since 1970 UTC, 0 where unknown; `ts_recv_ns` may be empty: none is known.
    ///
    /// # Panics
    ///
    /// When the slices are not of one length: the caller would export some event with another one's time.
    pub fn new(events: &'a [Event], cold: &'a [EventCold], ts_recv_ns: &'a [i64]) -> Self {
        assert_eq!(events.len(), cold.len(), "each event has its cold part");
        assert!(
            ts_recv_ns.is_empty() || ts_recv_ns.len() == events.len(),
            "each event has its receive time, or none has"
        );
        Self { events, cold, ts_recv_ns }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Each event, its cold part and its receive time where known.
    pub(crate) fn iter(self) -> impl Iterator<Item = (&'a Event, &'a EventCold, Option<i64>)> {
        self.events.iter().zip(self.cold).enumerate().map(move |(index, (event, cold))| {
            let ts_recv_ns = self.ts_recv_ns.get(index).copied().filter(|time| *time != 0);
            (event, cold, ts_recv_ns)
        })
    }
}

/// How prices and times of events read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units {
    e9_factor: i64,
    ts_base_ns: i64,
}

impl Units {
    /// `price_scale` is [`Description::price_scale`](wirebook_abi::Description::price_scale); `ts_base_ns` is what venue times
    /// count from in nanoseconds since 1970 UTC: the local midnight of the day, or 0 for [`Clock::UNIX`](wirebook_abi::Clock::UNIX).
    ///
    /// # Errors
    ///
    /// [`ExportError::PriceScale`] where units of 1e-9 cannot hold such prices exactly.
    pub fn new(price_scale: u64, ts_base_ns: i64) -> Result<Self> {
        const E9: u64 = 1_000_000_000;
        if price_scale == 0 || !E9.is_multiple_of(price_scale) {
            return Err(ExportError::PriceScale { price_scale });
        }
        Ok(Self { e9_factor: (E9 / price_scale).cast_signed(), ts_base_ns })
    }

    /// What venue times count from, nanoseconds since 1970 UTC.
    pub fn ts_base_ns(&self) -> i64 {
        self.ts_base_ns
    }

    /// A price in units of 1e-9; `None` where an `i64` cannot hold it.
    pub fn price_e9(&self, price: i64) -> Option<i64> {
        price.checked_mul(self.e9_factor)
    }

    /// A venue time in nanoseconds since 1970 UTC.
    ///
    /// # Errors
    ///
    /// [`ExportError::Time`] where it is before 1970 or an `i64` cannot hold it.
    pub(crate) fn ts_event_ns(&self, cold: &EventCold) -> Result<i64> {
        self.ts_base_ns.checked_add_unsigned(cold.ts_event_ns).filter(|time| *time >= 0).ok_or(ExportError::Time {
            sequence: cold.sequence,
            time_ns: cold.ts_event_ns,
            base_ns: self.ts_base_ns,
        })
    }
}

/// Finds the symbol of an instrument.
pub trait Symbols {
    /// The symbol of the instrument with this key; `None` where it has not been named.
    fn symbol(&self, instrument: u32) -> Option<&str>;
}

impl<S: BuildHasher> Symbols for HashMap<u32, String, S> {
    fn symbol(&self, instrument: u32) -> Option<&str> {
        self.get(&instrument).map(String::as_str)
    }
}

impl Symbols for BTreeMap<u32, String> {
    fn symbol(&self, instrument: u32) -> Option<&str> {
        self.get(&instrument).map(String::as_str)
    }
}
