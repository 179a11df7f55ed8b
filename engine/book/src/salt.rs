//! Order ids that are unique only with instrument and side, made unique by mixing these in.
//!
//! Books find orders by a 64-bit id alone. Where a protocol says [`OrderIds::PER_SIDE`](wirebook_abi::OrderIds::PER_SIDE), each
//! side of each instrument has a salt, a number that looks like chance, and an id is XORed with it on its way in and out: no
//! reader ever sees a salted id. Two open orders collide with a chance of 2^-64 a pair; of a million open orders, any two do so
//! with one of 3 in 100 million. The later one is then left out as a duplicate, and its book says so.

use wirebook_abi::{Event, EventKind, Side};

/// The salt of a side of the instrument under the venue's `key`; 0 of a side that is none.
#[inline]
pub(crate) fn salt(key: u32, side: Side) -> u64 {
    if !matches!(side, Side::BID | Side::ASK) {
        return 0;
    }
    // The finalizer of SplitMix64: every bit of its input decides about half of all bits of its output.
    let mut mixed = (u64::from(key) << 2 | u64::from(side.0)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// Salts the ids of events that name an order, or takes the salt off again.
#[cold]
#[inline(never)]
pub(crate) fn toggle(events: &mut [Event]) {
    for event in events {
        if (EventKind::ADD..=EventKind::DELETE).contains(&event.kind) {
            event.order_id ^= salt(event.instrument, event.side);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn salts_of_many_sides_differ_in_every_half() {
        let sides = || (0..10_000_u32).flat_map(|key| [salt(key, Side::BID), salt(key, Side::ASK)]);
        let low: BTreeSet<_> = sides().map(|salt| salt & 0xffff_ffff).collect();
        let high: BTreeSet<_> = sides().map(|salt| salt >> 32).collect();
        // Of 20,000 numbers of 32 bits about 0.05 pairs are equal.
        assert!(low.len() >= 19_998 && high.len() >= 19_998);
    }

    #[test]
    fn salting_twice_gives_the_id_back_and_leaves_other_events_alone() {
        let order = |kind, side| Event { order_id: 17, instrument: 5, kind, side, ..Event::default() };
        let before = [
            order(EventKind::ADD, Side::BID),
            order(EventKind::DELETE, Side::ASK),
            order(EventKind::EXECUTE, Side::NONE),
            order(EventKind::LEVEL_SET, Side::BID),
            order(EventKind::TRADE, Side::ASK),
        ];
        let mut events = before;
        toggle(&mut events);
        assert!(events[0].order_id != 17 && events[1].order_id != 17 && events[0].order_id != events[1].order_id);
        assert_eq!(events[2..], before[2..]);
        toggle(&mut events);
        assert_eq!(events, before);
    }
}
