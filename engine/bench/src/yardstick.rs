//! The yardstick: the classic open feed handler, as it is commonly written, to hold this engine against in the same run.
//!
//! A flat table of orders indexed by id, one sorted vector of prices a side, aggregates only: no queues, nothing published,
//! the decoder inlined into the loop and hard-wired to one protocol (Nasdaq TotalView-ITCH 5.0 in MoldUDP64, whose layouts
//! are those of the venue's specification). It keeps the best price at the vector's end, where most changes are, and pools
//! its levels. It does as little as such a handler can, and is trusted to be fed well: it checks no sequence, no session
//! and no unknown order.

/// An open order: its level and what is left.
#[derive(Clone, Copy, Debug, Default)]
struct Order {
    level: u32,
    quantity: u32,
    instrument: u16,
    is_bid: bool,
}

/// A price level's sums.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    price: u32,
    count: u32,
    quantity: u64,
}

/// A price of one side, in the order of the book.
#[derive(Clone, Copy, Debug)]
struct Price {
    price: u32,
    level: u32,
}

#[derive(Clone, Debug, Default)]
struct Book {
    /// Best last: bids ascend, asks descend.
    sides: [Vec<Price>; 2],
}

/// Aggregate books of every instrument.
#[derive(Debug, Default)]
pub struct Yardstick {
    orders: Vec<Order>,
    levels: Vec<Level>,
    free_levels: Vec<u32>,
    books: Vec<Book>,
}

fn u16_at(message: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([message[at], message[at + 1]])
}

fn u32_at(message: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([message[at], message[at + 1], message[at + 2], message[at + 3]])
}

fn u64_at(message: &[u8], at: usize) -> u64 {
    (u64::from(u32_at(message, at)) << 32) | u64::from(u32_at(message, at + 4))
}

impl Yardstick {
    /// Empty books for ids below `order_ids` and every instrument key.
    pub fn new(order_ids: usize) -> Self {
        Self {
            orders: vec![Order::default(); order_ids],
            levels: Vec::with_capacity(1 << 20),
            free_levels: Vec::with_capacity(1 << 20),
            books: vec![Book::default(); 1 << 16],
        }
    }

    /// Address and size in bytes of each large reserve, as the books give theirs.
    pub fn memory_regions(&self) -> Vec<(usize, usize)> {
        fn region<T>(items: &Vec<T>) -> (usize, usize) {
            (items.as_ptr() as usize, items.capacity() * size_of::<T>())
        }
        vec![region(&self.orders), region(&self.levels), region(&self.free_levels), region(&self.books)]
    }

    /// Takes a MoldUDP64 packet and gives the messages in it.
    #[inline]
    pub fn packet(&mut self, packet: &[u8]) -> u32 {
        let count = u16_at(packet, 18);
        let mut at = 20;
        for _ in 0..count {
            let length = usize::from(u16_at(packet, at));
            self.message(&packet[at + 2..at + 2 + length]);
            at += 2 + length;
        }
        u32::from(count)
    }

    #[inline]
    fn message(&mut self, message: &[u8]) {
        match message[0] {
            b'A' | b'F' => self.add(
                u64_at(message, 11),
                u16_at(message, 1),
                message[19] == b'B',
                u32_at(message, 32),
                u32_at(message, 20),
            ),
            b'E' | b'C' => self.reduce(u64_at(message, 11), u32_at(message, 19)),
            b'X' => self.reduce(u64_at(message, 11), u32_at(message, 19)),
            b'D' => self.delete(u64_at(message, 11)),
            b'U' => {
                let old = self.orders[u64_at(message, 11) as usize];
                self.delete(u64_at(message, 11));
                let (price, quantity) = (u32_at(message, 31), u32_at(message, 27));
                self.add(u64_at(message, 19), old.instrument, old.is_bid, price, quantity);
            }
            _ => {}
        }
    }

    /// A new order.
    #[inline]
    pub fn add(&mut self, id: u64, instrument: u16, is_bid: bool, price: u32, quantity: u32) {
        let side = &mut self.books[usize::from(instrument)].sides[usize::from(is_bid)];
        let mut at = side.len();
        while at > 0 && (if is_bid { side[at - 1].price > price } else { side[at - 1].price < price }) {
            at -= 1;
        }
        let level = if at > 0 && side[at - 1].price == price {
            side[at - 1].level
        } else {
            let fresh = Level { price, ..Level::default() };
            let level = match self.free_levels.pop() {
                Some(level) => {
                    self.levels[level as usize] = fresh;
                    level
                }
                None => {
                    self.levels.push(fresh);
                    (self.levels.len() - 1) as u32
                }
            };
            side.insert(at, Price { price, level });
            level
        };
        let sums = &mut self.levels[level as usize];
        sums.quantity += u64::from(quantity);
        sums.count += 1;
        self.orders[id as usize] = Order { level, quantity, instrument, is_bid };
    }

    /// Takes a part off an order, or the rest.
    #[inline]
    pub fn reduce(&mut self, id: u64, quantity: u32) {
        let order = &mut self.orders[id as usize];
        if order.quantity == quantity {
            self.delete(id);
        } else {
            order.quantity -= quantity;
            self.levels[order.level as usize].quantity -= u64::from(quantity);
        }
    }

    /// Takes an order out.
    #[inline]
    pub fn delete(&mut self, id: u64) {
        let order = self.orders[id as usize];
        let sums = &mut self.levels[order.level as usize];
        sums.quantity -= u64::from(order.quantity);
        sums.count -= 1;
        if sums.count == 0 {
            let price = sums.price;
            let side = &mut self.books[usize::from(order.instrument)].sides[usize::from(order.is_bid)];
            let mut at = side.len() - 1;
            while side[at].price != price {
                at -= 1;
            }
            side.remove(at);
            self.free_levels.push(order.level);
        }
    }

    /// Instrument and side of an open order.
    pub fn peek(&self, id: u64) -> (u16, bool) {
        let order = self.orders[id as usize];
        (order.instrument, order.is_bid)
    }

    /// Levels of an instrument's side, best first: price and quantity.
    pub fn levels(&self, instrument: u16, is_bid: bool) -> impl Iterator<Item = (u32, u64, u32)> + '_ {
        let side = &self.books[usize::from(instrument)].sides[usize::from(is_bid)];
        side.iter().rev().map(|price| {
            let sums = &self.levels[price.level as usize];
            (price.price, sums.quantity, sums.count)
        })
    }
}
