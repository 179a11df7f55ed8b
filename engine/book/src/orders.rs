//! Every open order of a venue: where it rests and how much is left of it.
//!
//! New orders are the ones most often asked for, and most venues count ids upwards. So an order lies where the low bits of its
//! id say, and is found without looking anything up: one line for an order, and the newest side by side. Where an older order
//! still holds that slot, the newer one goes aside, to slots behind, and is found through a table. An order keeps its index for
//! life, so that level queues can name it in four bytes. Ids in any order are right too, only slower.

use alloc::{boxed::Box, vec::Vec};

use crate::{
    id_table::IdTable,
    word::Word,
    zeroed::{Zeroable, zeroed},
};

/// Index of an open order.
pub(crate) type OrderRef = u32;

/// No order; also the end of a list. Zero, so that an index of zero bytes is an empty one.
pub(crate) const NO_ORDER: OrderRef = 0;

/// Largest quantity of one order.
pub(crate) const MAX_QUANTITY: u64 = u32::MAX as u64 - 1;

/// An open order. 16 bytes.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Order {
    /// The venue's id.
    id: Word,
    /// What is left of it plus one below, 0 for a free slot; above, twice the level it rests at plus the side's index, or of
    /// a free slot aside the next free one.
    rest: Word,
}

// SAFETY: words of integers.
unsafe impl Zeroable for Order {}

// SAFETY: integers.
unsafe impl Zeroable for Link {}

/// Neighbours of an order in a queue that is longer than a level's line holds.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Link {
    /// Order ahead of it.
    pub ahead: OrderRef,
    /// Order behind it.
    pub behind: OrderRef,
}

impl Order {
    #[inline(always)]
    pub fn id(&self) -> u64 {
        self.id.get()
    }

    /// What is left of it.
    #[inline(always)]
    pub fn quantity(&self) -> u32 {
        (self.rest.get() as u32).wrapping_sub(1)
    }

    #[inline(always)]
    fn is_free(&self) -> bool {
        self.rest.get() as u32 == 0
    }

    /// Level it rests at.
    #[inline(always)]
    pub fn level(&self) -> u32 {
        (self.rest.get() >> 33) as u32
    }

    /// Index of its side.
    #[inline(always)]
    pub fn side(&self) -> usize {
        (self.rest.get() >> 32 & 1) as usize
    }

    /// Takes a part off.
    #[inline(always)]
    pub fn reduce(&mut self, quantity: u32) {
        self.rest.set(self.rest.get() - u64::from(quantity));
    }

    /// Makes `quantity` of it.
    #[inline(always)]
    pub fn set_quantity(&mut self, quantity: u32) {
        self.rest.set(self.rest.get() >> 32 << 32 | u64::from(quantity + 1));
    }

    #[inline(always)]
    fn free(&mut self, next: OrderRef) {
        self.id.set(0);
        self.rest.set(u64::from(next) << 32);
    }

    #[inline(always)]
    fn set(&mut self, id: u64, place: u32, quantity: u32) {
        self.id.set(id);
        self.rest.set(u64::from(quantity + 1) | u64::from(place) << 32);
    }
}

#[derive(Debug)]
pub(crate) struct Orders {
    /// A slot that none takes, the window by the low bits of ids, then the slots aside.
    slots: Vec<Order>,
    links: Vec<Link>,
    /// Slots of the window; a power of two.
    window: usize,
    /// Slots up to here were taken before.
    used: usize,
    /// First free slot aside.
    free: OrderRef,
    aside: IdTable,
    /// No id above this was ever taken in: such an id needs no look into the table.
    newest: u64,
    pub open: usize,
    growths: u64,
}

fn zeroed_vec<T: Zeroable>(len: usize) -> Vec<T> {
    let zeros: Box<[T]> = zeroed(len);
    zeros.into_vec()
}

impl Orders {
    /// A window of `2^window_bits` ids, and room for `aside` orders that find their slot taken before memory grows.
    pub fn new(window_bits: u32, aside: usize) -> Self {
        let window = 1 << window_bits;
        Self {
            slots: zeroed_vec(1 + window + aside),
            links: zeroed_vec(1 + window + aside),
            window,
            used: 1 + window,
            free: NO_ORDER,
            aside: IdTable::new(aside),
            newest: 0,
            open: 0,
            growths: 0,
        }
    }

    /// Where the order lies, unless it went aside.
    #[inline]
    pub fn candidate(&self, id: u64) -> OrderRef {
        ((id as usize & (self.window - 1)) + 1) as OrderRef
    }

    /// The open order with this id.
    #[inline]
    pub fn find(&self, id: u64) -> Option<OrderRef> {
        let candidate = self.candidate(id);
        if self.is(candidate, id) {
            return Some(candidate);
        }
        self.aside.get(id, |at| self.is(at, id))
    }

    /// Whether `id` is open. Cheap for an id above all before it.
    #[inline]
    pub fn contains(&self, id: u64) -> bool {
        id <= self.newest && self.find(id).is_some()
    }

    /// Takes in an order that is not open, at `level` of side `side`.
    #[inline]
    pub fn insert(&mut self, id: u64, level: u32, side: usize, quantity: u32) -> OrderRef {
        self.open += 1;
        self.newest = self.newest.max(id);
        let mut at = self.candidate(id);
        if !self.slots[at as usize].is_free() {
            at = self.put_aside(id);
        }
        self.slots[at as usize].set(id, level << 1 | side as u32, quantity);
        at
    }

    fn put_aside(&mut self, id: u64) -> OrderRef {
        let at = if self.free == NO_ORDER { self.next_unused() } else { self.free };
        self.free = (self.slots[at as usize].rest.get() >> 32) as u32;
        self.aside.insert(id, at);
        at
    }

    fn next_unused(&mut self) -> OrderRef {
        if self.used == self.slots.len() {
            self.growths += 1;
            let grown = self.used + (self.used - self.window);
            self.slots.resize_with(grown, || Order { id: Word::default(), rest: Word::default() });
            self.links.resize(grown, Link { ahead: NO_ORDER, behind: NO_ORDER });
        }
        self.used += 1;
        (self.used - 1) as OrderRef
    }

    #[inline]
    pub fn remove(&mut self, at: OrderRef) {
        self.open -= 1;
        if at as usize <= self.window {
            self.slots[at as usize].free(NO_ORDER);
        } else {
            self.remove_aside(at);
        }
    }

    fn remove_aside(&mut self, at: OrderRef) {
        let slot = &mut self.slots[at as usize];
        self.aside.remove(slot.id(), at);
        slot.free(self.free);
        self.free = at;
    }

    /// Every open order.
    pub fn iter_open(&self) -> impl Iterator<Item = OrderRef> + '_ {
        (1..).zip(&self.slots[1..self.used]).filter(|(_, order)| !order.is_free()).map(|(at, _)| at)
    }

    /// Times that reserved memory ran out and grew.
    pub fn growths(&self) -> u64 {
        self.growths + self.aside.growths
    }

    /// Asks for the table's bucket of an id.
    pub fn prefetch_aside(&self, id: u64) {
        self.aside.prefetch(id);
    }

    /// What is at `at`: an open order, or a free slot.
    #[inline]
    pub fn peek(&self, at: OrderRef) -> Option<&Order> {
        self.slots.get(at as usize)
    }

    /// The order at `at`, which a queue or the id table names.
    #[inline]
    pub fn get(&self, at: OrderRef) -> &Order {
        &self.slots[at as usize]
    }

    #[inline]
    pub fn get_mut(&mut self, at: OrderRef) -> &mut Order {
        &mut self.slots[at as usize]
    }

    /// Whether `at` holds the open order `id`.
    #[inline]
    pub fn is(&self, at: OrderRef, id: u64) -> bool {
        self.slots.get(at as usize).is_some_and(|order| order.id() == id && !order.is_free())
    }

    #[inline]
    pub fn link(&self, at: OrderRef) -> Link {
        self.links[at as usize]
    }

    #[inline]
    pub fn link_mut(&mut self, at: OrderRef) -> &mut Link {
        &mut self.links[at as usize]
    }

    #[inline]
    pub fn prefetch(&self, at: OrderRef) {
        crate::prefetch::read(&self.slots, at as usize);
    }

    pub fn regions(&self) -> [(usize, usize); 3] {
        [crate::prefetch::region(&self.slots), crate::prefetch::region(&self.links), self.aside.region()]
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A tiny window and reserve, so that going aside, growing and closing holes all happen often.
        #[test]
        fn orders_are_found_by_their_ids(steps in prop::collection::vec((0_u64..200, any::<bool>()), 1..400)) {
            let mut orders = Orders::new(3, 2);
            let mut model = BTreeMap::new();
            for (id, add) in steps {
                let id = id * 0x1_0000_0003;
                match (add, model.get(&id).copied()) {
                    (true, None) => {
                        model.insert(id, orders.insert(id, 0, 0, 1));
                    }
                    (false, Some(order)) => {
                        orders.remove(order);
                        model.remove(&id);
                    }
                    _ => {}
                }
                prop_assert_eq!(orders.contains(id), model.contains_key(&id));
                prop_assert_eq!(orders.iter_open().count(), model.len());
                for (id, order) in &model {
                    prop_assert_eq!(orders.find(*id), Some(*order));
                }
            }
        }
    }
}
