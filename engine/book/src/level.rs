//! Price levels and the queues in them, oldest order first.
//!
//! A level is one cache line. The first ten orders stand in it; a longer queue becomes a list through the orders, so that
//! taking one out of the middle costs the same however long the queue is. It becomes a line again when half a line is left.

use alloc::vec::Vec;

use crate::{
    instrument::{SEATS, Seat},
    orders::{Link, NO_ORDER, OrderRef, Orders},
};

/// Index of a level.
pub(crate) type LevelRef = u32;

/// No level; also the end of the free list.
pub(crate) const NO_LEVEL: LevelRef = u32::MAX;

/// Orders that stand in the level's own line.
pub(crate) const LINE_ORDERS: usize = 10;

/// A list goes back into the line when this few are left, so that a queue near ten does not change form with each order.
const BACK_TO_LINE: u32 = LINE_ORDERS as u32 / 2;

/// A price level of one instrument and side.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Level {
    /// Price in protocol units.
    pub price: i64,
    /// Sum of its orders.
    pub quantity: u64,
    /// Orders in it; [`LISTED`] is set while they are a list.
    count: u32,
    /// Index of the instrument above, then [`FAR`], then the seat where it stands near; of a far level its side's first seat.
    place: u32,
    /// The queue, or head and tail of the list; for a free level, the next free one.
    line: [OrderRef; LINE_ORDERS],
}

const _: () = assert!(size_of::<Level>() == 64);

/// Bits of a seat.
const SEAT_BITS: u32 = 5;

/// Flag in `place`: the level stands far.
const FAR: u32 = 1 << SEAT_BITS;

/// Bits of the place below the instrument's index.
const INSTRUMENT_SHIFT: u32 = 8;

const _: () = assert!(SEATS == 1 << SEAT_BITS);

/// Flag in `count`: the queue is a list.
const LISTED: u32 = 1 << 31;
const HEAD: usize = 0;
const TAIL: usize = 1;

impl Level {
    /// Index of its instrument.
    #[inline(always)]
    pub fn instrument(&self) -> u32 {
        self.place >> INSTRUMENT_SHIFT
    }

    /// Index of its side.
    #[inline(always)]
    pub fn side(&self) -> usize {
        (self.place >> (SEAT_BITS - 1) & 1) as usize
    }

    /// Its seat, where it stands near.
    #[inline(always)]
    pub fn near_seat(&self) -> Option<Seat> {
        (self.place & FAR == 0).then_some((self.place & (FAR - 1)) as Seat)
    }

    /// It stands near now.
    #[inline(always)]
    pub fn seat(&mut self, seat: Seat) {
        self.place = self.place >> INSTRUMENT_SHIFT << INSTRUMENT_SHIFT | seat as u32;
    }

    /// It stands far now.
    #[inline(always)]
    pub fn leave_seat(&mut self) {
        self.place |= FAR;
    }

    #[inline]
    pub fn order_count(&self) -> u32 {
        self.count & !LISTED
    }

    #[inline]
    fn is_list(&self) -> bool {
        self.count & LISTED != 0
    }

    /// Puts an order at the back of the queue.
    #[inline]
    pub fn push(&mut self, order: OrderRef, quantity: u32, orders: &mut Orders) {
        self.quantity += u64::from(quantity);
        let count = self.count;
        if (count as usize) < LINE_ORDERS {
            self.line[count as usize] = order;
            self.count = count + 1;
        } else {
            self.push_list(order, orders);
        }
    }

    fn push_list(&mut self, order: OrderRef, orders: &mut Orders) {
        if !self.is_list() {
            self.become_list(orders);
        }
        let tail = self.line[TAIL];
        orders.link_mut(tail).behind = order;
        *orders.link_mut(order) = Link { ahead: tail, behind: NO_ORDER };
        self.line[TAIL] = order;
        self.count += 1;
    }

    #[cold]
    fn become_list(&mut self, orders: &mut Orders) {
        let mut ahead = NO_ORDER;
        for (at, order) in self.line.iter().enumerate() {
            let behind = self.line.get(at + 1).copied().unwrap_or(NO_ORDER);
            *orders.link_mut(*order) = Link { ahead, behind };
            ahead = *order;
        }
        self.line[TAIL] = ahead;
        self.count |= LISTED;
    }

    /// Takes an order out of the queue; `quantity` is what is left of it.
    #[inline]
    pub fn remove(&mut self, order: OrderRef, quantity: u32, orders: &mut Orders) {
        self.quantity -= u64::from(quantity);
        if self.is_list() {
            self.remove_list(order, orders);
            return;
        }
        let count = self.count as usize;
        self.count -= 1;
        if count == 1 {
            return;
        }
        debug_assert!(self.line[..count].contains(&order), "order is not in its level");
        // Those behind it move up by one. All slots are gone through: where it stands, and how many, cannot be foretold. What
        // stands behind the queue's end is never looked at.
        let mut is_behind = false;
        for slot in 0..LINE_ORDERS - 1 {
            is_behind |= self.line[slot] == order;
            self.line[slot] = self.line[slot + usize::from(is_behind)];
        }
    }

    fn remove_list(&mut self, order: OrderRef, orders: &mut Orders) {
        let Link { ahead, behind } = orders.link(order);
        match ahead {
            NO_ORDER => self.line[HEAD] = behind,
            _ => orders.link_mut(ahead).behind = behind,
        }
        match behind {
            NO_ORDER => self.line[TAIL] = ahead,
            _ => orders.link_mut(behind).ahead = ahead,
        }
        self.count -= 1;
        if self.order_count() <= BACK_TO_LINE {
            self.become_line(orders);
        }
    }

    #[cold]
    fn become_line(&mut self, orders: &Orders) {
        let mut line = [NO_ORDER; LINE_ORDERS];
        for (slot, order) in line.iter_mut().zip(self.queue(orders)) {
            *slot = order;
        }
        self.line = line;
        self.count &= !LISTED;
    }

    /// The queue, oldest first.
    pub fn queue<'a>(&'a self, orders: &'a Orders) -> impl Iterator<Item = OrderRef> + 'a {
        let count = self.order_count() as usize;
        let mut at = 0;
        let mut next = self.line[HEAD];
        core::iter::from_fn(move || {
            if at == count {
                return None;
            }
            let order = if self.is_list() { next } else { self.line[at] };
            at += 1;
            if self.is_list() {
                next = orders.link(order).behind;
            }
            Some(order)
        })
    }
}

#[derive(Debug)]
pub(crate) struct LevelSlab {
    levels: Vec<Level>,
    free: LevelRef,
    /// Levels that hold an order.
    pub open: usize,
    pub growths: u64,
}

impl LevelSlab {
    pub fn new(capacity: usize) -> Self {
        let mut slab = Self { levels: Vec::with_capacity(capacity + 1), free: NO_LEVEL, open: 0, growths: 0 };
        // The first level is of no instrument: for orders whose side is not known.
        slab.insert(0, u32::MAX >> INSTRUMENT_SHIFT, 0);
        slab
    }

    /// A level with no order in it yet, far until it is seated.
    #[inline]
    pub fn insert(&mut self, price: i64, instrument: u32, side: usize) -> LevelRef {
        let place = instrument << INSTRUMENT_SHIFT | FAR | (side as u32) << (SEAT_BITS - 1);
        let at = self.free;
        if let Some(slot) = self.levels.get_mut(at as usize) {
            self.free = slot.line[HEAD];
            (slot.price, slot.quantity, slot.count, slot.place) = (price, 0, 0, place);
            return at;
        }
        self.push_new(Level { price, quantity: 0, count: 0, place, line: [NO_ORDER; LINE_ORDERS] })
    }

    fn push_new(&mut self, level: Level) -> LevelRef {
        if self.levels.len() == self.levels.capacity() {
            self.growths += 1;
        }
        self.levels.push(level);
        (self.levels.len() - 1) as LevelRef
    }

    #[inline]
    pub fn remove(&mut self, at: LevelRef) {
        self.open -= 1;
        self.remove_hollow(at);
    }

    /// Frees a level that was emptied before and kept its place.
    #[inline]
    pub fn remove_hollow(&mut self, at: LevelRef) {
        let free = self.free;
        let slot = &mut self.levels[at as usize];
        slot.line[HEAD] = free;
        slot.count = 0;
        self.free = at;
    }

    /// Puts an order at the back of a level's queue, and gives the seat where it stands near; a hollow level is one again.
    #[inline]
    pub fn push(&mut self, at: LevelRef, order: OrderRef, quantity: u32, orders: &mut Orders) -> Option<Seat> {
        let level = &mut self.levels[at as usize];
        self.open += usize::from(level.count == 0);
        level.push(order, quantity, orders);
        level.near_seat()
    }

    #[inline]
    pub fn get(&self, at: LevelRef) -> &Level {
        &self.levels[at as usize]
    }

    #[inline]
    pub fn get_mut(&mut self, at: LevelRef) -> &mut Level {
        &mut self.levels[at as usize]
    }

    #[inline]
    pub fn prefetch(&self, at: LevelRef) {
        crate::prefetch::read(&self.levels, at as usize);
    }

    pub fn region(&self) -> (usize, usize) {
        crate::prefetch::region(&self.levels)
    }
}

#[cfg(test)]
mod tests {
    use alloc::{collections::VecDeque, vec::Vec};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn queue_keeps_arrival_order(steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..200)) {
            let mut orders = Orders::new(4, 8);
            let mut levels = LevelSlab::new(1);
            let at = levels.insert(100, 0, 0);
            let mut model = VecDeque::new();
            for (id, (add, which)) in steps.into_iter().enumerate() {
                let level = levels.get_mut(at);
                if add || model.is_empty() {
                    let order = orders.insert(id as u64, at, 0, 7);
                    level.push(order, 7, &mut orders);
                    model.push_back(order);
                } else {
                    let order = model.remove(which.index(model.len())).expect("index is below the length");
                    level.remove(order, 7, &mut orders);
                    orders.remove(order);
                }
                let level = levels.get(at);
                prop_assert_eq!(level.queue(&orders).collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
                prop_assert_eq!(level.quantity, 7 * model.len() as u64);
                prop_assert_eq!(level.order_count() as usize, model.len());
            }
        }
    }
}
