//! What happened to one instrument over a replay, for a picture: best prices now and then, and every trade.

use wirebook_abi::{Event, EventCold, EventKind, event::detail};
use wirebook_runtime::{Applied, Replay, ReplaySink};

/// Best prices at a moment; 0 where a side is empty.
pub type Touch = (u64, i64, i64);
/// Time, price and quantity of a trade.
pub type Trade = (u64, i64, u64);

/// Follows one instrument. Times and prices are the protocol's own.
pub struct Tape {
    symbol: String,
    /// Channel and key, once the venue has named the instrument.
    found: Option<(usize, u32)>,
    /// Venue time of the newest event of any instrument.
    now_ns: u64,
    touches: Vec<Touch>,
    trades: Vec<Trade>,
}

impl Tape {
    /// Follows the instrument that the venue calls `symbol`.
    pub fn new(symbol: String) -> Self {
        Self { symbol, found: None, now_ns: 0, touches: Vec::new(), trades: Vec::new() }
    }

    /// Looks at the book between two steps.
    pub fn look(&mut self, replay: &Replay) {
        self.found = self.found.or_else(|| replay.find(&self.symbol));
        let Some((channel, key)) = self.found else { return };
        let Ok(top) = replay.channels()[channel].pipeline().books().reader().top(key) else { return };
        let bid = best(top.bids().iter().map(|level| level.price));
        let ask = best(top.asks().iter().map(|level| level.price));
        if self.touches.last().is_none_or(|(_, last_bid, last_ask)| (*last_bid, *last_ask) != (bid, ask)) {
            self.touches.push((self.now_ns, bid, ask));
        }
    }

    /// Best prices, where they differ from those before.
    pub fn touches(&self) -> &[Touch] {
        &self.touches
    }

    /// Trades.
    pub fn trades(&self) -> &[Trade] {
        &self.trades
    }

    fn event(&mut self, event: &Event, cold: &EventCold) {
        let is_trade = matches!(event.kind, EventKind::EXECUTE | EventKind::TRADE);
        if is_trade && event.detail & detail::NON_PRINTABLE == 0 && event.quantity > 0 {
            self.trades.push((cold.ts_event_ns, event.price, event.quantity));
        }
    }
}

/// The first price; market orders stand before every price and have none to draw.
fn best(mut prices: impl Iterator<Item = i64>) -> i64 {
    prices.find(|price| *price != Event::NO_PRICE).unwrap_or(0)
}

impl ReplaySink for Tape {
    const WANTS_RECEIVE_TIME: bool = false;

    fn take(&mut self, channel: usize, applied: Applied<'_>) {
        self.now_ns = applied.cold.last().map_or(self.now_ns, |cold| cold.ts_event_ns);
        let Some((_, key)) = self.found.filter(|(found, _)| *found == channel) else { return };
        for (event, cold) in applied.events.iter().zip(applied.cold).filter(|(event, _)| event.instrument == key) {
            self.event(event, cold);
        }
    }
}
