//! Events: what a venue's message means for a book, in one shape for every protocol.
//!
//! An event is split in two so that applying one reads 32 bytes: [`Event`] holds what books need, [`EventCold`] what
//! recorders and readers want beside it. Both are written at the same index of the caller's arrays.
//! Bytes with a meaning are transparent newtypes over `u8`: a foreign decoder may write any value there and none is invalid.

/// What one message, or one part of it, does. 32 bytes, no padding.
///
/// ```
/// use wirebook_abi::{Event, EventKind, Side, flags};
/// let add = Event {
///     order_id: 17,
///     price: 873_900, // 87.39 in the protocol's own scale of 10,000
///     quantity: 1_600,
///     instrument: 5_528,
///     kind: EventKind::ADD,
///     side: Side::BID,
///     flags: flags::LAST,
///     detail: 0,
/// };
/// assert_eq!(core::mem::size_of_val(&add), 32);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Event {
    /// The venue's order id; 0 where the event names none. Of a level event its position and order count, see
    /// [`level_key`](Self::level_key).
    pub order_id: u64,
    /// Fixed-point price, [`Description::price_scale`](crate::Description::price_scale) units to one; 0 where none.
    pub price: i64,
    /// Quantity added, taken off, executed or traded.
    pub quantity: u64,
    /// The venue's key of the instrument, or [`NO_INSTRUMENT`](Self::NO_INSTRUMENT) where the message names only an order.
    pub instrument: u32,
    /// What happens.
    pub kind: EventKind,
    /// Side of the order or of the resting side of a trade.
    pub side: Side,
    /// [`flags`]: the meaning of DBN's flag set.
    pub flags: u8,
    /// Depends on the kind: [`detail`] bits, or a [`TradingState`] for a status.
    pub detail: u8,
}

impl Event {
    /// The message names no instrument; for order events the engine finds it by the order.
    pub const NO_INSTRUMENT: u32 = u32::MAX;

    /// Price of an order that has none (a market order), or of a level of such orders. It stands before every price of its side.
    pub const NO_PRICE: i64 = i64::MIN;

    /// What the `order_id` of a level event holds: the level's position from the best, 1 for the best itself and 0 where the
    /// level is named by its price, and the count of its orders, 0 where it is not known.
    pub const fn level_key(position: u16, orders: u32) -> u64 {
        (orders as u64) << 16 | position as u64
    }

    /// The same for a feed that gives `depth` levels a side and no more: those that an insertion pushes past them are gone
    /// without a message. An instrument whose definition gives a [`MARKET_DEPTH`](Tag::MARKET_DEPTH) has that one.
    pub const fn level_key_within(position: u16, orders: u32, depth: u16) -> u64 {
        (depth as u64) << 48 | Self::level_key(position, orders)
    }

    /// Position from the best of the level that a level event names, from 1; 0 where its price names it.
    pub const fn level_position(&self) -> u16 {
        self.order_id as u16
    }

    /// Count of orders of the level that a level event gives; 0 where it is not known.
    pub const fn level_orders(&self) -> u32 {
        (self.order_id >> 16) as u32
    }

    /// Levels a side that the feed of a level event gives; 0 where it is all of them, or not known.
    pub const fn level_depth(&self) -> u16 {
        (self.order_id >> 48) as u16
    }
}

/// The part of an event that applying it to a book does not read. 32 bytes, no padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct EventCold {
    /// Venue time in nanoseconds, by the protocol's [`Clock`](crate::Clock).
    pub ts_event_ns: u64,
    /// Sequence of the message in its channel.
    pub sequence: u64,
    /// The venue's id of the match (executions, trades, trade breaks); 0 where none. Of a level event that lists one order by
    /// its position, that order's id.
    pub match_id: u64,
    /// Market participant that the message names, ASCII, NUL padded.
    pub participant: [u8; 4],
    /// Index of the message in [`Description::messages`](crate::Description::messages).
    pub message: u16,
    /// 1-based index of the event's [`Record`] in the batch; 0 where it has none.
    pub record: u16,
}

/// What an event does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub struct EventKind(pub u8);

impl EventKind {
    /// A new order at the back of its level's queue.
    pub const ADD: Self = Self(1);
    /// An order's price or quantity becomes the event's. More quantity or another price loses priority.
    pub const MODIFY: Self = Self(2);
    /// `quantity` of an order is cancelled; it keeps its place.
    pub const REDUCE: Self = Self(3);
    /// `quantity` of an order is executed; with [`detail::PRICED`] at the event's price, else at the order's.
    pub const EXECUTE: Self = Self(4);
    /// The rest of an order leaves the book.
    pub const DELETE: Self = Self(5);
    /// A price level is given outright, by price or by [`position`](Event::level_position). By price a quantity of 0 says that
    /// there is none. A feed that lists single orders by position gives each as a level with the order's id, see
    /// [`EventCold::match_id`].
    pub const LEVEL_SET: Self = Self(6);
    /// A price level is gone, or with [`detail::THROUGH`] or [`detail::ONWARD`] a run of them, with both the whole side. A
    /// price other than 0 beside a position must be the one that stands there.
    pub const LEVEL_DELETE: Self = Self(7);
    /// All orders go: of one instrument, of one [`side`](Event::side) of it, or with [`detail::WHOLE_CHANNEL`] of the channel.
    pub const CLEAR: Self = Self(8);
    /// A trade that touches no displayed order.
    pub const TRADE: Self = Self(9);
    /// The trade with this match id is void.
    pub const TRADE_BREAK: Self = Self(10);
    /// Trading state of an instrument, or of the market where the instrument is none; `detail` is a [`TradingState`].
    pub const STATUS: Self = Self(11);
    /// An instrument is named; see its record.
    pub const DEFINITION: Self = Self(12);
    /// Figures of an instrument or of the market; see its record.
    pub const STATISTIC: Self = Self(13);
    /// Auction imbalance; see its record.
    pub const IMBALANCE: Self = Self(14);
    /// Ends an event group that earlier packets left open. In a snapshot it ends a part, of which its record says which one.
    pub const END: Self = Self(15);

    /// The kind in words, as tables and frames show it; `"unknown"` for a value of no kind.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ADD => "add",
            Self::MODIFY => "modify",
            Self::REDUCE => "reduce",
            Self::EXECUTE => "execute",
            Self::DELETE => "delete",
            Self::LEVEL_SET => "level_set",
            Self::LEVEL_DELETE => "level_delete",
            Self::CLEAR => "clear",
            Self::TRADE => "trade",
            Self::TRADE_BREAK => "trade_break",
            Self::STATUS => "status",
            Self::DEFINITION => "definition",
            Self::STATISTIC => "statistic",
            Self::IMBALANCE => "imbalance",
            Self::END => "end",
            _ => "unknown",
        }
    }
}

/// Side of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Side(pub u8);

impl Side {
    /// The message has no side.
    pub const NONE: Self = Self(0);
    /// Buyers.
    pub const BID: Self = Self(1);
    /// Sellers.
    pub const ASK: Self = Self(2);
    /// An add that takes the side of the order deleted just before it in the same group (a replace).
    pub const INHERITED: Self = Self(3);

    /// The side as frames show it: `B`, `A` or `N`, as in DBN.
    pub const fn code(self) -> char {
        match self {
            Self::BID => 'B',
            Self::ASK => 'A',
            _ => 'N',
        }
    }
}

/// Trading state that a status event carries in `detail`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct TradingState(pub u8);

impl TradingState {
    /// The message gives no trading state (short sale restrictions and the like).
    pub const UNCHANGED: Self = Self(0);
    /// Continuous trading.
    pub const TRADING: Self = Self(1);
    /// Halted by the venue or a regulator.
    pub const HALTED: Self = Self(2);
    /// Paused for volatility.
    pub const PAUSED: Self = Self(3);
    /// Orders are taken, none is matched.
    pub const QUOTATION: Self = Self(4);
    /// The channel's first message of the day.
    pub const START_OF_MESSAGES: Self = Self(5);
    /// The venue takes orders from here.
    pub const START_OF_SYSTEM_HOURS: Self = Self(6);
    /// Market hours begin.
    pub const START_OF_MARKET_HOURS: Self = Self(7);
    /// Market hours end.
    pub const END_OF_MARKET_HOURS: Self = Self(8);
    /// The venue takes no more orders.
    pub const END_OF_SYSTEM_HOURS: Self = Self(9);
    /// The channel's last message of the day: every order is gone.
    pub const END_OF_MESSAGES: Self = Self(10);

    /// The state in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UNCHANGED => "unchanged",
            Self::TRADING => "trading",
            Self::HALTED => "halted",
            Self::PAUSED => "paused",
            Self::QUOTATION => "quotation",
            Self::START_OF_MESSAGES => "start_of_messages",
            Self::START_OF_SYSTEM_HOURS => "start_of_system_hours",
            Self::START_OF_MARKET_HOURS => "start_of_market_hours",
            Self::END_OF_MARKET_HOURS => "end_of_market_hours",
            Self::END_OF_SYSTEM_HOURS => "end_of_system_hours",
            Self::END_OF_MESSAGES => "end_of_messages",
            _ => "unknown",
        }
    }
}

/// Bits of [`Event::flags`], with DBN's values (Databento Binary Encoding, record flags).
pub mod flags {
    /// Last event of its group: books are consistent after it.
    pub const LAST: u8 = 1 << 7;
    /// Top of book only.
    pub const TOB: u8 = 1 << 6;
    /// Comes from a snapshot, not from the live channel.
    pub const SNAPSHOT: u8 = 1 << 5;
    /// Price level message, not an order's.
    pub const MBP: u8 = 1 << 4;
    /// The receive time is not sound.
    pub const BAD_TS_RECV: u8 = 1 << 3;
    /// The book may be wrong: an unrecoverable gap or an unknown order went before.
    pub const MAYBE_BAD_BOOK: u8 = 1 << 2;
}

/// Bits of [`Event::detail`] for kinds that are no status. The upper four mean one thing in a modify, another in level events
/// and in clears.
pub mod detail {
    /// Execution at the event's own price, not at the order's.
    pub const PRICED: u8 = 1;
    /// Not to be counted as a trade print: the quantity comes again in a later one.
    pub const NON_PRINTABLE: u8 = 1 << 1;
    /// Trade of an auction cross.
    pub const CROSS: u8 = 1 << 2;
    /// A clear of every instrument of the channel.
    pub const WHOLE_CHANNEL: u8 = 1 << 3;

    /// Modify: the quantity is what remains of the order; its price and place stay, and none remaining removes it.
    pub const REMAINING: u8 = 1 << 4;
    /// Modify: at the same price the order keeps its place even with more quantity.
    pub const KEEPS_PRIORITY: u8 = 1 << 5;
    /// Modify: the order goes to the back of its queue even with less quantity at the same price.
    pub const LOSES_PRIORITY: u8 = 1 << 6;
    /// Modify: an order that is not there is added.
    pub const PUT: u8 = 1 << 7;

    /// Clear: of an instrument's price levels only; its orders stay.
    pub const CLEAR_LEVELS: u8 = 1 << 4;
    /// Clear: of an instrument's orders only; the price levels that the feed gave stay.
    pub const CLEAR_ORDERS: u8 = 1 << 5;

    /// Level set: the level is new at its position, and those from there on move one down.
    pub const INSERT: u8 = 1 << 4;
    /// Level: of the implied book, which is kept beside the direct one.
    pub const IMPLIED: u8 = 1 << 5;
    /// Level delete: this level and every better one.
    pub const THROUGH: u8 = 1 << 6;
    /// Level delete: this level and every worse one.
    pub const ONWARD: u8 = 1 << 7;
}

/// A wide record beside the event ring: definitions, statistics, imbalances, the reason of a status. 128 bytes.
///
/// `tags[i]` says what `values[i]` is; unused slots have [`Tag::NONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Record {
    /// The instrument's key, as in [`Event::instrument`].
    pub instrument: u32,
    /// Kind of the event it belongs to.
    pub kind: EventKind,
    /// Values in use.
    pub count: u8,
    /// Zero.
    pub reserved: u16,
    /// Symbol of a definition, reason of a status; ASCII, NUL padded.
    pub text: [u8; 32],
    /// Venue codes that need more than a value, ASCII, NUL padded.
    pub code: [u8; 16],
    /// Meaning of each value.
    pub tags: [Tag; 8],
    /// Prices are in 1e-9 whatever the protocol's scale; quantities and counts as they are; codes their ASCII bytes.
    pub values: [i64; 8],
}

impl Default for Record {
    fn default() -> Self {
        Self {
            instrument: Event::NO_INSTRUMENT,
            kind: EventKind::default(),
            count: 0,
            reserved: 0,
            text: [0; 32],
            code: [0; 16],
            tags: [Tag::NONE; 8],
            values: [0; 8],
        }
    }
}

impl Record {
    /// A record for `instrument` with no values yet.
    pub fn new(kind: EventKind, instrument: u32) -> Self {
        Self { kind, instrument, ..Self::default() }
    }

    /// Adds a value; beyond eight it is left out.
    pub fn push(&mut self, tag: Tag, value: i64) {
        let at = usize::from(self.count);
        if let (Some(tag_slot), Some(value_slot)) = (self.tags.get_mut(at), self.values.get_mut(at)) {
            *tag_slot = tag;
            *value_slot = value;
            self.count += 1;
        }
    }

    /// The value under `tag`.
    pub fn get(&self, tag: Tag) -> Option<i64> {
        self.tags.iter().zip(self.values).find(|(each, _)| **each == tag).map(|(_, value)| value)
    }

    /// Sets the text from bytes padded with spaces or NULs on the right; what does not fit is cut.
    pub fn set_text(&mut self, text: &[u8]) {
        let kept =
            text.iter().rposition(|byte| !matches!(byte, b' ' | 0)).map_or(0, |last| last + 1).min(self.text.len());
        self.text = [0; 32];
        self.text[..kept].copy_from_slice(&text[..kept]);
    }

    /// The text without its padding, and empty where it is not ASCII.
    pub fn text(&self) -> &str {
        let len = self.text.iter().position(|byte| *byte == 0).unwrap_or(self.text.len());
        core::str::from_utf8(&self.text[..len]).unwrap_or("")
    }
}

/// What a value of a [`Record`] is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Tag(pub u8);

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $text:literal;)*) => {
        impl Tag {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The tag's name in frames and descriptions; `"unknown"` for a value of no tag.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* _ => "unknown" }
            }

            /// The tag with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$name),)* _ => None }
            }

            /// Every tag.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

tags! {
    /// Slot not in use.
    NONE = 0, "none";
    /// Round lot size, quantity.
    ROUND_LOT = 1, "round_lot";
    /// Quantity that pairs off at the reference price.
    PAIRED_QUANTITY = 2, "paired_quantity";
    /// Quantity that does not pair off.
    IMBALANCE_QUANTITY = 3, "imbalance_quantity";
    /// Indicative price of auction orders alone.
    FAR_PRICE = 4, "far_price";
    /// Indicative price of auction and continuous orders.
    NEAR_PRICE = 5, "near_price";
    /// Reference price of an auction or band.
    REFERENCE_PRICE = 6, "reference_price";
    /// Upper price bound.
    UPPER_PRICE = 7, "upper_price";
    /// Lower price bound.
    LOWER_PRICE = 8, "lower_price";
    /// First decline level of a market-wide circuit breaker, price.
    LEVEL_1 = 9, "level_1";
    /// Second decline level.
    LEVEL_2 = 10, "level_2";
    /// Third decline level.
    LEVEL_3 = 11, "level_3";
    /// Offering price.
    OFFER_PRICE = 12, "offer_price";
    /// Time of a release, in the protocol's clock, nanoseconds.
    RELEASE_TIME_NS = 13, "release_time_ns";
    /// Extensions so far, count.
    EXTENSION_COUNT = 14, "extension_count";
    /// The venue's code of an auction, ASCII.
    CROSS_CODE = 15, "cross_code";
    /// The venue's code of a class or category, ASCII.
    CLASS_CODE = 16, "class_code";
    /// The venue's code of a restriction, ASCII.
    RESTRICTION_CODE = 17, "restriction_code";
    /// The venue's code of a market participant's state, ASCII.
    PARTICIPANT_STATE = 18, "participant_state";
    /// The venue's code of a direction or interest, ASCII.
    INTEREST_CODE = 19, "interest_code";
    /// The venue's code of a variation from the reference price, ASCII.
    VARIATION_CODE = 20, "variation_code";
    /// Breached level, ASCII.
    BREACHED_LEVEL = 21, "breached_level";
    /// Indicative execution price.
    INDICATIVE_PRICE = 22, "indicative_price";
    /// Indicative execution time, in the protocol's clock, nanoseconds.
    INDICATIVE_TIME_NS = 23, "indicative_time_ns";
    /// Market that the message speaks of, the venue's code, ASCII.
    MARKET_CODE = 24, "market_code";
    /// Quantity on the buy side of an auction.
    BUY_QUANTITY = 32, "buy_quantity";
    /// Quantity on the sell side of an auction.
    SELL_QUANTITY = 33, "sell_quantity";
    /// Quantity that an auction would trade, or traded.
    AUCTION_QUANTITY = 34, "auction_quantity";
    /// Price at which an auction traded.
    AUCTION_PRICE = 35, "auction_price";
    /// The venue's id of an auction.
    AUCTION_ID = 36, "auction_id";
    /// Price of a settlement.
    SETTLEMENT_PRICE = 37, "settlement_price";
    /// Contracts open.
    OPEN_INTEREST = 38, "open_interest";
    /// Highest price of the day.
    HIGH_PRICE = 39, "high_price";
    /// Lowest price of the day.
    LOW_PRICE = 40, "low_price";
    /// First price of the day.
    OPEN_PRICE = 41, "open_price";
    /// Last price of the day.
    CLOSE_PRICE = 42, "close_price";
    /// Quantity traded in the day.
    VOLUME = 43, "volume";
    /// Day that the figures are of, `yyyymmdd`.
    TRADE_DATE = 44, "trade_date";
    /// Last day of the instrument, `yyyymmdd`.
    EXPIRATION_DATE = 45, "expiration_date";
    /// Units of the underlying in one contract.
    CONTRACT_SIZE = 46, "contract_size";
    /// Smallest step of a price.
    PRICE_INCREMENT = 47, "price_increment";
    /// Legs of a combination, count.
    LEG_COUNT = 48, "leg_count";
    /// The venue's code of an instrument's listing state, ASCII.
    LISTING_STATE = 49, "listing_state";
    /// The venue's code of a statistic's kind, ASCII.
    STATISTIC_CODE = 50, "statistic_code";
    /// A price that the statistic's code names.
    STATISTIC_PRICE = 51, "statistic_price";
    /// Levels a side that the feed gives of an instrument's direct book.
    MARKET_DEPTH = 56, "market_depth";
    /// Levels a side that the feed gives of an instrument's implied book.
    IMPLIED_DEPTH = 57, "implied_depth";
    /// Decimals of an instrument's prices on the wire, count.
    PRICE_DECIMALS = 60, "price_decimals";
    /// What an instrument's prices on the wire are divided by, count.
    PRICE_DENOMINATOR = 61, "price_denominator";
    /// Lowest price of a range.
    PRICE_FROM = 62, "price_from";
    /// Highest price of a range.
    PRICE_TO = 63, "price_to";
    /// Price of the best bid.
    BEST_BID_PRICE = 64, "best_bid_price";
    /// Price of the best offer.
    BEST_ASK_PRICE = 65, "best_ask_price";
    /// Quantity at the best bid.
    BEST_BID_QUANTITY = 66, "best_bid_quantity";
    /// Quantity at the best offer.
    BEST_ASK_QUANTITY = 67, "best_ask_quantity";
    /// Price of the last trade.
    LAST_PRICE = 68, "last_price";
    /// Quantity of the last trade.
    LAST_QUANTITY = 69, "last_quantity";
    /// Instrument that a leg of a combination is in, the venue's key.
    LEG_INSTRUMENT = 70, "leg_instrument";
    /// What a leg is multiplied by.
    LEG_RATIO = 71, "leg_ratio";
    /// The same in 1e-9, of venues that give it with decimals.
    LEG_RATIO_E9 = 110, "leg_ratio_e9";
    /// The venue's code of a side, ASCII.
    SIDE_CODE = 72, "side_code";
    /// A quantity that the message is about and no other tag names.
    QUANTITY = 73, "quantity";
    /// Quantity of hidden orders.
    HIDDEN_QUANTITY = 74, "hidden_quantity";
    /// Instrument that this one derives from, the venue's key.
    UNDERLYING_INSTRUMENT = 75, "underlying_instrument";
    /// Highest bid of the session.
    HIGHEST_BID = 80, "highest_bid";
    /// Lowest offer of the session.
    LOWEST_OFFER = 81, "lowest_offer";
    /// Average price of the session's trades, weighted by quantity.
    VWAP = 82, "vwap";
    /// Quantity that was cleared.
    CLEARED_VOLUME = 83, "cleared_volume";
    /// Price of a fixing.
    FIXING_PRICE = 84, "fixing_price";
    /// Most that a price may move away from the reference price.
    PRICE_VARIATION = 85, "price_variation";
    /// What a price on the wire is multiplied by to be as people quote it, in 1e-9.
    DISPLAY_FACTOR = 86, "display_factor";
    /// Strike price of an option.
    STRIKE_PRICE = 87, "strike_price";
    /// Price of the index that the instrument derives from.
    INDEX_PRICE = 88, "index_price";
    /// Price at which positions are valued.
    MARK_PRICE = 89, "mark_price";
    /// Trades of the session.
    TRADE_COUNT = 90, "trade_count";
    /// Last sequence of the live channel that a snapshot contains.
    AS_OF_SEQUENCE = 91, "as_of_sequence";
    /// Decimals of an instrument's quantities on the wire, count.
    QUANTITY_DECIMALS = 92, "quantity_decimals";
    /// Bids that a snapshot of an instrument has, in the messages behind its first, count.
    SNAPSHOT_BIDS = 93, "snapshot_bids";
    /// Offers that it has there, count.
    SNAPSHOT_OFFERS = 94, "snapshot_offers";
    /// Which part of an instrument's snapshot a message is, from 1.
    SNAPSHOT_PART = 95, "snapshot_part";
    /// Parts that an instrument's snapshot has; 0 where an [`EventKind::END`] says that it is over.
    SNAPSHOT_PARTS = 96, "snapshot_parts";
    /// Instruments of which a loop of snapshots gives one each, count.
    SNAPSHOT_INSTRUMENTS = 97, "snapshot_instruments";
    /// The instrument's own sequence: of a snapshot that of the last message which it contains.
    INSTRUMENT_SEQUENCE = 98, "instrument_sequence";
}

const _: () = assert!(size_of::<Event>() == 32 && align_of::<Event>() == 8);
const _: () = assert!(size_of::<EventCold>() == 32 && align_of::<EventCold>() == 8);
const _: () = assert!(size_of::<Record>() == 128 && align_of::<Record>() == 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_loses_its_padding_and_what_does_not_fit() {
        let mut record = Record::new(EventKind::DEFINITION, 1);
        record.set_text(b"IVOO    ");
        assert_eq!(record.text(), "IVOO");
        record.set_text(&[b'X'; 40]);
        assert_eq!(record.text().len(), 32);
        record.set_text(b"        ");
        assert_eq!(record.text(), "");
    }

    #[test]
    fn level_key_gives_back_position_and_orders() {
        let event = Event { order_id: Event::level_key(10, 70_000), ..Event::default() };
        assert_eq!((event.level_position(), event.level_orders(), event.level_depth()), (10, 70_000, 0));
        let event = Event { order_id: Event::level_key_within(u16::MAX, u32::MAX, 10), ..event };
        assert_eq!((event.level_position(), event.level_orders(), event.level_depth()), (u16::MAX, u32::MAX, 10));
    }

    #[test]
    fn ninth_value_is_left_out() {
        let mut record = Record::new(EventKind::STATISTIC, 1);
        for value in 0..9 {
            record.push(Tag::ROUND_LOT, value);
        }
        assert_eq!(record.count, 8);
    }

    #[test]
    fn every_tag_is_found_by_its_name() {
        for tag in Tag::ALL {
            assert_eq!(Tag::from_name(tag.name()), Some(*tag));
        }
    }
}
