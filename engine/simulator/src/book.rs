//! The generator's own books: what it must know so that every message it makes is sound.

use wirebook_abi::Side;

/// No order.
pub(crate) const NIL: u32 = u32::MAX;

/// A resting order. `next` and `previous` are its neighbours in the queue of its level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) price: i64,
    pub(crate) quantity: u64,
    pub(crate) symbol: u32,
    pub(crate) next: u32,
    pub(crate) previous: u32,
    pub(crate) side: Side,
}

/// All orders at one price, oldest first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    pub(crate) price: i64,
    pub(crate) quantity: u64,
    pub(crate) count: u32,
    pub(crate) head: u32,
    pub(crate) tail: u32,
}

/// One side of a book, best level last, where most of the work is.
#[derive(Debug, Default)]
pub(crate) struct Ladder {
    levels: Vec<Level>,
}

impl Ladder {
    fn position(&self, side: Side, price: i64) -> Result<usize, usize> {
        let worth = |price: i64| if side == Side::BID { price } else { -price };
        self.levels.binary_search_by_key(&worth(price), |level| worth(level.price))
    }

    /// Levels, best first.
    pub(crate) fn best_first(&self) -> impl ExactSizeIterator<Item = &Level> {
        self.levels.iter().rev()
    }
}

/// Both sides of every symbol's book over one slab of orders.
#[derive(Debug)]
pub(crate) struct Books {
    orders: Vec<Order>,
    free: Vec<u32>,
    ladders: Vec<[Ladder; 2]>,
}

fn index(side: Side) -> usize {
    usize::from(side != Side::BID)
}

/// The side across.
pub(crate) fn opposite(side: Side) -> Side {
    if side == Side::BID { Side::ASK } else { Side::BID }
}

impl Books {
    pub(crate) fn new(symbols: usize) -> Self {
        Self { orders: Vec::new(), free: Vec::new(), ladders: (0..symbols).map(|_| Default::default()).collect() }
    }

    /// Orders in all books.
    pub(crate) fn open_orders(&self) -> usize {
        self.orders.len() - self.free.len()
    }

    pub(crate) fn order(&self, slot: u32) -> &Order {
        &self.orders[slot as usize]
    }

    pub(crate) fn ladder(&self, symbol: usize, side: Side) -> &Ladder {
        &self.ladders[symbol][index(side)]
    }

    pub(crate) fn best(&self, symbol: usize, side: Side) -> Option<&Level> {
        self.ladder(symbol, side).levels.last()
    }

    /// An order in the level `depth` levels behind the best (the last one there is), `back` places from the queue's end.
    pub(crate) fn pick(&self, symbol: usize, side: Side, depth: usize, back: usize) -> Option<u32> {
        let level = self.ladder(symbol, side).best_first().take(depth + 1).last()?;
        let mut slot = level.tail;
        for _ in 0..back {
            match self.orders[slot as usize].previous {
                NIL => break,
                previous => slot = previous,
            }
        }
        Some(slot)
    }

    /// Puts an order at the back of its level's queue.
    pub(crate) fn add(&mut self, symbol: usize, side: Side, id: u64, price: i64, quantity: u64) -> u32 {
        let mut order = Order { id, price, quantity, symbol: symbol as u32, next: NIL, previous: NIL, side };
        let slot = self.free.pop().unwrap_or(self.orders.len() as u32);
        let ladder = &mut self.ladders[symbol][index(side)];
        match ladder.position(side, price) {
            Ok(at) => {
                let level = &mut ladder.levels[at];
                order.previous = level.tail;
                self.orders[level.tail as usize].next = slot;
                level.tail = slot;
                level.quantity += quantity;
                level.count += 1;
            }
            Err(at) => ladder.levels.insert(at, Level { price, quantity, count: 1, head: slot, tail: slot }),
        }
        match self.orders.get_mut(slot as usize) {
            Some(freed) => *freed = order,
            None => self.orders.push(order),
        }
        slot
    }

    /// Takes `quantity` off an order that has more.
    pub(crate) fn reduce(&mut self, slot: u32, quantity: u64) {
        let order = &mut self.orders[slot as usize];
        debug_assert!(quantity < order.quantity);
        order.quantity -= quantity;
        let (symbol, side, price) = (order.symbol as usize, order.side, order.price);
        let ladder = &mut self.ladders[symbol][index(side)];
        let at = ladder.position(side, price).expect("an order's level stands as long as the order");
        ladder.levels[at].quantity -= quantity;
    }

    /// Takes an order out of its queue, and an empty level out of its book.
    pub(crate) fn remove(&mut self, slot: u32) -> Order {
        let order = self.orders[slot as usize];
        let ladder = &mut self.ladders[order.symbol as usize][index(order.side)];
        let at = ladder.position(order.side, order.price).expect("an order's level stands as long as the order");
        let level = &mut ladder.levels[at];
        match order.previous {
            NIL => level.head = order.next,
            previous => self.orders[previous as usize].next = order.next,
        }
        match order.next {
            NIL => level.tail = order.previous,
            next => self.orders[next as usize].previous = order.previous,
        }
        level.quantity -= order.quantity;
        level.count -= 1;
        if level.count == 0 {
            ladder.levels.remove(at);
        }
        self.free.push(slot);
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(books: &Books, side: Side) -> Vec<(i64, u64, Vec<u64>)> {
        let level = |level: &Level| {
            let mut ids = Vec::new();
            let mut slot = level.head;
            while slot != NIL {
                ids.push(books.order(slot).id);
                slot = books.order(slot).next;
            }
            assert_eq!(ids.len(), level.count as usize);
            (level.price, level.quantity, ids)
        };
        books.ladder(0, side).best_first().map(level).collect()
    }

    #[test]
    fn queues_keep_their_order() {
        let mut books = Books::new(1);
        let slots: Vec<u32> = [(1, 100), (2, 101), (3, 101), (4, 101), (5, 99)]
            .map(|(id, price)| books.add(0, Side::ASK, id, price, 10))
            .into();
        books.remove(slots[2]);
        books.reduce(slots[1], 4);
        assert_eq!(books.open_orders(), 4);
        assert_eq!(queue(&books, Side::ASK), [(99, 10, vec![5]), (100, 10, vec![1]), (101, 16, vec![2, 4])]);
        books.remove(slots[4]);
        assert_eq!(books.best(0, Side::ASK).map(|level| level.price), Some(100));
        assert!(books.best(0, Side::BID).is_none());
    }

    #[test]
    fn picks_fall_back_to_what_is_there() {
        let mut books = Books::new(1);
        let first = books.add(0, Side::BID, 1, 50, 10);
        let second = books.add(0, Side::BID, 2, 50, 10);
        assert_eq!(books.pick(0, Side::BID, 7, 0), Some(second));
        assert_eq!(books.pick(0, Side::BID, 0, 9), Some(first));
        assert_eq!(books.pick(0, Side::ASK, 0, 0), None);
    }
}
