//! Which applied events a sink gets.

use wirebook_abi::{Event, EventCold, EventKind, Record};

use crate::{pipeline::Applied, watch::Bounds};

/// Passes the events of one channel that lie inside the bounds and are of the wanted instruments.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    bounds: Bounds,
    /// Sorted; `None` takes every instrument.
    symbols: Option<Box<[Box<str>]>>,
    /// Keys of the wanted instruments that were named so far, sorted.
    keys: Vec<u32>,
    events: Vec<Event>,
    cold: Vec<EventCold>,
    ts_recv_ns: Vec<u64>,
}

impl Selection {
    /// A selection where anything is left out; `None` where all passes.
    pub fn new(bounds: Bounds, only: Option<&[String]>) -> Option<Self> {
        // Nothing behind the end is ever applied, so that it needs no selection.
        if bounds.from.is_none() && only.is_none() {
            return None;
        }
        let symbols = only.map(|only| {
            let mut symbols: Vec<Box<str>> = only.iter().map(|symbol| symbol.as_str().into()).collect();
            symbols.sort_unstable();
            symbols.into_boxed_slice()
        });
        let keys = Vec::new();
        Some(Self { bounds, symbols, keys, events: Vec::new(), cold: Vec::new(), ts_recv_ns: Vec::new() })
    }

    /// Gives `take` what passes of `applied`, if anything does.
    pub fn pass(&mut self, applied: Applied<'_>, take: impl FnOnce(Applied<'_>)) {
        self.events.clear();
        self.cold.clear();
        self.ts_recv_ns.clear();
        for (at, (event, cold)) in applied.events.iter().zip(applied.cold).enumerate() {
            self.learn(event, cold, applied.records);
            if self.bounds.has_begun(cold) && self.wants(event) {
                self.events.push(*event);
                self.cold.push(*cold);
                self.ts_recv_ns.extend(applied.ts_recv_ns.get(at));
            }
        }
        if !self.events.is_empty() {
            let (events, cold, ts_recv_ns) = (&self.events, &self.cold, &self.ts_recv_ns);
            take(Applied { events, cold, ts_recv_ns, records: applied.records });
        }
    }

    /// Notes whether an instrument that is named here is a wanted one. A venue may give a key to another instrument.
    fn learn(&mut self, event: &Event, cold: &EventCold, records: &[Record]) {
        let Some(symbols) = &self.symbols else { return };
        if event.kind != EventKind::DEFINITION || cold.record == 0 {
            return;
        }
        let Some(record) = records.get(usize::from(cold.record) - 1) else { return };
        let wanted = symbols.binary_search_by(|symbol| (**symbol).cmp(record.text())).is_ok();
        match (self.keys.binary_search(&record.instrument), wanted) {
            (Err(at), true) => self.keys.insert(at, record.instrument),
            (Ok(at), false) => drop(self.keys.remove(at)),
            _ => {}
        }
    }

    fn wants(&self, event: &Event) -> bool {
        self.symbols.is_none() || is_market_wide(event) || self.keys.binary_search(&event.instrument).is_ok()
    }
}

/// Whether an event is of every instrument: a state of the market, or a clear of the channel.
fn is_market_wide(event: &Event) -> bool {
    event.instrument == Event::NO_INSTRUMENT && event.order_id == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Bound;

    fn definition(key: u32, symbol: &str) -> (Event, Record) {
        let mut record = Record::new(EventKind::DEFINITION, key);
        record.set_text(symbol.as_bytes());
        (Event { kind: EventKind::DEFINITION, instrument: key, ..Event::default() }, record)
    }

    fn add(instrument: u32, order_id: u64) -> Event {
        Event { kind: EventKind::ADD, instrument, order_id, ..Event::default() }
    }

    fn passed(selection: &mut Selection, events: &[Event], records: &[Record]) -> Vec<Event> {
        let mut record = 0;
        let cold: Vec<_> = (1..)
            .zip(events)
            .map(|(sequence, event)| {
                let is_definition = event.kind == EventKind::DEFINITION;
                record += u16::from(is_definition);
                EventCold { sequence, record: if is_definition { record } else { 0 }, ..EventCold::default() }
            })
            .collect();
        let mut taken = Vec::new();
        selection.pass(Applied { events, cold: &cold, ts_recv_ns: &[], records }, |applied| {
            taken.extend_from_slice(applied.events);
        });
        taken
    }

    #[test]
    fn symbol_matches_from_where_it_is_named() {
        let mut selection = Selection::new(Bounds::default(), Some(&["ARL".into()])).unwrap();
        let (arl, arl_record) = definition(7, "ARL");
        let (other, other_record) = definition(8, "AR");
        let events = [add(7, 1), arl, other, add(7, 2), add(8, 3)];
        let taken = passed(&mut selection, &events, &[arl_record, other_record]);
        assert_eq!(taken, [arl, add(7, 2)]);
        assert_eq!(passed(&mut selection, &[add(8, 4), add(7, 5)], &[]), [add(7, 5)]);
    }

    #[test]
    fn key_given_to_another_instrument_matches_no_more() {
        let mut selection = Selection::new(Bounds::default(), Some(&["ARL".into()])).unwrap();
        let (first, first_record) = definition(7, "ARL");
        let (second, second_record) = definition(7, "ZZZ");
        assert_eq!(passed(&mut selection, &[first, second, add(7, 1)], &[first_record, second_record]), [first]);
    }

    #[test]
    fn market_wide_events_pass_and_orders_of_no_instrument_do_not() {
        let mut selection = Selection::new(Bounds::default(), Some(&["ARL".into()])).unwrap();
        let clear = Event { kind: EventKind::CLEAR, instrument: Event::NO_INSTRUMENT, ..Event::default() };
        let unknown = Event { kind: EventKind::DELETE, order_id: 9, ..clear };
        assert_eq!(passed(&mut selection, &[clear, unknown], &[]), [clear]);
    }

    #[test]
    fn nothing_passes_before_the_first_place() {
        let bounds = Bounds { from: Some(Bound::Sequence(2)), to: None };
        let mut selection = Selection::new(bounds, None).unwrap();
        assert_eq!(passed(&mut selection, &[add(1, 1), add(1, 2), add(1, 3)], &[]), [add(1, 2), add(1, 3)]);
    }
}
