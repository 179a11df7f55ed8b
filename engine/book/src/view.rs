//! A whole book, on the writer's thread.

use crate::{
    far::FarArena,
    instrument::Instrument,
    level::{self, LevelSlab},
    orders::Orders,
    validity::Validity,
    writer::{LIMBO, SIGN},
};

use wirebook_abi::Side;

/// Everything that rests in one instrument: all levels, all queues.
#[derive(Clone, Copy, Debug)]
pub struct OrderBook<'a> {
    pub(crate) instrument: &'a Instrument,
    pub(crate) since_sequence: u64,
    pub(crate) orders: &'a Orders,
    pub(crate) levels: &'a LevelSlab,
    pub(crate) far: &'a FarArena,
    pub(crate) index: u32,
    /// What ids of bids and of asks are held under; zeros where they are held as they are.
    pub(crate) salts: [u64; 2],
}

/// One price level.
#[derive(Clone, Copy, Debug)]
pub struct Level<'a> {
    level: &'a level::Level,
    orders: &'a Orders,
    salt: u64,
}

/// One resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuedOrder {
    /// The venue's id.
    pub order_id: u64,
    /// What is left of it.
    pub quantity: u32,
}

/// Where an order stands in its level's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePosition {
    /// Its side.
    pub side: Side,
    /// Its price, in the protocol's scale.
    pub price: i64,
    /// What is left of it.
    pub quantity: u32,
    /// Orders that are served before it at this price.
    pub orders_ahead: u32,
    /// Their quantity.
    pub quantity_ahead: u64,
}

impl<'a> OrderBook<'a> {
    /// Whether the book may be believed, why not, and since when.
    pub fn validity(&self) -> Validity {
        let (state, reason) = self.instrument.conditions.state();
        Validity { state, reason, since_sequence: self.since_sequence }
    }

    /// Orders in the book.
    pub fn order_count(&self) -> u32 {
        [Side::BID, Side::ASK].into_iter().flat_map(|side| self.levels(side)).map(|level| level.order_count()).sum()
    }

    /// Levels of a side, best first. Of a side that is none there are none.
    pub fn levels(self, side: Side) -> impl Iterator<Item = Level<'a>> {
        let side = match side {
            Side::BID => Some(0),
            Side::ASK => Some(1),
            _ => None,
        };
        side.into_iter().flat_map(move |side: usize| {
            let near = self.instrument.near_levels(side);
            let far = self.far.levels(self.instrument.far(side)).iter().rev().copied();
            near.chain(far)
                .map(move |at| Level { level: self.levels.get(at), orders: self.orders, salt: self.salts[side] })
                .filter(|level| level.order_count() != 0)
        })
    }

    /// The level at a price.
    pub fn level(self, side: Side, price: i64) -> Option<Level<'a>> {
        let at = match side {
            Side::BID => 0,
            Side::ASK => 1,
            _ => return None,
        };
        let key = price.wrapping_mul(SIGN[at]);
        self.levels(side)
            .find(|level| level.price().wrapping_mul(SIGN[at]) >= key)
            .filter(|level| level.price() == price)
    }

    /// Where an order of this book stands in its queue; `None` where it rests in no book, or in another. Where ids are unique by
    /// side only and both sides have this one, it is the bid.
    pub fn position(&self, order_id: u64) -> Option<QueuePosition> {
        let [bid, ask] = self.salts;
        self.position_of(order_id ^ bid).or_else(|| self.position_of(order_id ^ ask).filter(|_| bid != ask))
    }

    /// The position of the order that is held under `id`.
    fn position_of(&self, id: u64) -> Option<QueuePosition> {
        let at = self.orders.find(id)?;
        let order = self.orders.get(at);
        let level = self.levels.get(order.level());
        // An order of unknown side rests in no book.
        if level.instrument() != self.index || order.level() == LIMBO {
            return None;
        }
        let mut position = QueuePosition {
            side: Side(level.side() as u8 + 1),
            price: level.price,
            quantity: order.quantity(),
            orders_ahead: 0,
            quantity_ahead: 0,
        };
        for ahead in level.queue(self.orders).take_while(|each| *each != at) {
            position.orders_ahead += 1;
            position.quantity_ahead += u64::from(self.orders.get(ahead).quantity());
        }
        Some(position)
    }
}

impl<'a> Level<'a> {
    /// Fixed-point price in the protocol's scale.
    pub fn price(&self) -> i64 {
        self.level.price
    }

    /// Sum of its orders' quantities.
    pub fn quantity(&self) -> u64 {
        self.level.quantity
    }

    /// Orders at this price.
    pub fn order_count(&self) -> u32 {
        self.level.order_count()
    }

    /// The queue, first served first.
    pub fn orders(&self) -> impl Iterator<Item = QueuedOrder> + use<'a> {
        let Self { level, orders, salt } = *self;
        level.queue(orders).map(move |at| {
            let order = orders.get(at);
            QueuedOrder { order_id: order.id() ^ salt, quantity: order.quantity() }
        })
    }
}
