//! Prices of open orders, for records that need the order's own price beside the event's.

use std::collections::HashMap;

use wirebook_abi::{Event, EventKind, event::detail};

use crate::Units;

/// Own price and rest of each open order.
#[derive(Debug, Default)]
pub(crate) struct OrderPrices {
    open: HashMap<(u32, u64), (i64, u64)>,
}

impl OrderPrices {
    /// The order's own price, 1e-9; `None` where its add was not seen.
    pub(crate) fn price_e9(&self, event: &Event) -> Option<i64> {
        self.open.get(&(event.instrument, event.order_id)).map(|(price_e9, _)| *price_e9)
    }

    /// Applies what an event does to the order that it names.
    pub(crate) fn follow(&mut self, units: &Units, event: &Event) {
        let key = (event.instrument, event.order_id);
        match event.kind {
            EventKind::ADD | EventKind::MODIFY => {
                if let Some(price_e9) = units.price_e9(event.price) {
                    self.open.insert(key, (price_e9, event.quantity));
                }
            }
            EventKind::REDUCE | EventKind::EXECUTE => self.take(key, event.quantity),
            EventKind::DELETE => self.take(key, u64::MAX),
            EventKind::CLEAR if event.detail & detail::WHOLE_CHANNEL != 0 => self.open.clear(),
            EventKind::CLEAR => self.open.retain(|(instrument, _), _| *instrument != event.instrument),
            _ => {}
        }
    }

    fn take(&mut self, key: (u32, u64), quantity: u64) {
        if let Some((_, rest)) = self.open.get_mut(&key) {
            *rest = rest.saturating_sub(quantity);
            if *rest == 0 {
                self.open.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wirebook_abi::Side;

    use super::*;

    fn event(kind: EventKind, instrument: u32, quantity: u64) -> Event {
        Event { order_id: 1, price: 5, quantity, instrument, kind, side: Side::BID, flags: 0, detail: 0 }
    }

    #[test]
    fn orders_that_are_gone_are_forgotten() {
        let units = Units::new(10, 0).expect("10 divides 1e9");
        let mut orders = OrderPrices::default();
        let gone_by = [
            vec![event(EventKind::EXECUTE, 7, 4), event(EventKind::REDUCE, 7, 6)],
            vec![event(EventKind::DELETE, 7, 10)],
            vec![event(EventKind::CLEAR, 7, 0)],
            vec![Event { detail: detail::WHOLE_CHANNEL, ..event(EventKind::CLEAR, Event::NO_INSTRUMENT, 0) }],
        ];
        for events in gone_by {
            orders.follow(&units, &event(EventKind::ADD, 7, 10));
            assert_eq!(orders.price_e9(&event(EventKind::EXECUTE, 7, 1)), Some(500_000_000));
            events.iter().for_each(|event| orders.follow(&units, event));
            assert!(orders.open.is_empty(), "{events:?}");
        }
    }

    #[test]
    fn clear_of_another_instrument_leaves_an_order() {
        let units = Units::new(10, 0).expect("10 divides 1e9");
        let mut orders = OrderPrices::default();
        orders.follow(&units, &event(EventKind::ADD, 7, 10));
        orders.follow(&units, &event(EventKind::CLEAR, 8, 0));
        assert_eq!(orders.open.len(), 1);
    }
}
