//! From an order's id to its index, by an open-addressed table of eight bytes a bucket.

use alloc::boxed::Box;

use crate::{
    orders::{NO_ORDER, OrderRef},
    zeroed::{Zeroable, zeroed},
};

/// One entry of the table: the id's hash, whose top bits are the home bucket, and the order.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Bucket {
    hash: u32,
    order: OrderRef,
}

// SAFETY: integers.
unsafe impl Zeroable for Bucket {}

/// All zero bytes.
const EMPTY: Bucket = Bucket { hash: 0, order: NO_ORDER };

#[derive(Debug)]
pub(crate) struct IdTable {
    buckets: Box<[Bucket]>,
    bits: u32,
    len: usize,
    pub growths: u64,
}

/// 32 hash bits of an id (the high half of a multiplication by the golden ratio, folded once).
#[inline]
fn hash(id: u64) -> u32 {
    ((id ^ (id >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

impl IdTable {
    /// A table that holds `capacity` orders before it grows.
    pub fn new(capacity: usize) -> Self {
        let bits = (capacity * 2).next_power_of_two().trailing_zeros().clamp(4, 31);
        Self { buckets: zeroed(1 << bits), bits, len: 0, growths: 0 }
    }

    #[inline]
    fn home(&self, hash: u32) -> usize {
        (hash >> (32 - self.bits)) as usize
    }

    /// Asks for the id's bucket.
    #[inline]
    pub fn prefetch(&self, id: u64) {
        crate::prefetch::read(&self.buckets, self.home(hash(id)));
    }

    /// The order with this id; `is` says whether an order has it.
    pub fn get(&self, id: u64, is: impl Fn(OrderRef) -> bool) -> Option<OrderRef> {
        self.find(id, is).map(|at| self.buckets[at].order)
    }

    fn find(&self, id: u64, is: impl Fn(OrderRef) -> bool) -> Option<usize> {
        let hash = hash(id);
        let mask = self.buckets.len() - 1;
        let mut at = self.home(hash);
        loop {
            let bucket = self.buckets[at];
            if bucket.order == NO_ORDER {
                return None;
            }
            if bucket.hash == hash && is(bucket.order) {
                return Some(at);
            }
            at = (at + 1) & mask;
        }
    }

    /// Enters an id that is not in the table.
    pub fn insert(&mut self, id: u64, order: OrderRef) {
        if (self.len + 1) * 4 > self.buckets.len() * 3 {
            self.grow();
        }
        self.place(Bucket { hash: hash(id), order });
        self.len += 1;
    }

    fn place(&mut self, bucket: Bucket) {
        let mask = self.buckets.len() - 1;
        let mut at = self.home(bucket.hash);
        while self.buckets[at].order != NO_ORDER {
            at = (at + 1) & mask;
        }
        self.buckets[at] = bucket;
    }

    #[cold]
    fn grow(&mut self) {
        self.growths += 1;
        self.bits += 1;
        let grown = zeroed(1 << self.bits);
        for bucket in core::mem::replace(&mut self.buckets, grown) {
            if bucket.order != NO_ORDER {
                self.place(bucket);
            }
        }
    }

    /// Takes an order out.
    pub fn remove(&mut self, id: u64, order: OrderRef) {
        if let Some(at) = self.find(id, |each| each == order) {
            self.close(at);
        }
    }

    /// Closes the hole at `hole` by moving back what probing would no longer find.
    fn close(&mut self, mut hole: usize) {
        let mask = self.buckets.len() - 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let bucket = self.buckets[at];
            if bucket.order == NO_ORDER {
                break;
            }
            let probed = at.wrapping_sub(self.home(bucket.hash)) & mask;
            if probed >= (at.wrapping_sub(hole) & mask) {
                self.buckets[hole] = bucket;
                hole = at;
            }
        }
        self.buckets[hole] = EMPTY;
        self.len -= 1;
    }

    pub fn region(&self) -> (usize, usize) {
        crate::prefetch::region_of(&self.buckets)
    }
}
