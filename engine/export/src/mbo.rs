//! One event as the `mbo` records that Databento's normalisation has for it.
//!
//! Actions and sides follow Databento's own files: an execution is a trade (`T`, the aggressor's side, no order id), a fill
//! (`F`) and a cancel (`C`) of the resting order, in that order and under one sequence.

use dbn::{Action, FlagSet, MboMsg, RecordHeader, UNDEF_PRICE, rtype};
use wirebook_abi::{Event, EventCold, EventKind, Side, event::detail, flags};

use crate::{ExportError, Result, Units};

/// What the records of a file have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MboFrame {
    pub(crate) units: Units,
    pub(crate) publisher_id: u16,
    pub(crate) channel_id: u8,
}

/// The records of one event: three at most.
pub(crate) type MboRecords = [Option<MboMsg>; 3];

impl MboFrame {
    /// The records of an event, none flagged as last. `own_price_e9` is the order's own price, where it is known better than by
    /// the event. `None` for an event that the schema cannot say.
    pub(crate) fn records(
        &self,
        event: &Event,
        cold: &EventCold,
        ts_recv_ns: Option<i64>,
        own_price_e9: Option<i64>,
    ) -> Result<Option<MboRecords>> {
        let action = match event.kind {
            EventKind::ADD => Action::Add,
            EventKind::MODIFY => Action::Modify,
            EventKind::REDUCE | EventKind::DELETE => Action::Cancel,
            EventKind::EXECUTE => return Ok(Some(self.execution(event, cold, ts_recv_ns, own_price_e9)?)),
            EventKind::TRADE => Action::Trade,
            EventKind::CLEAR => {
                return Ok(Some([Some(self.clear(event, cold, ts_recv_ns)?), None, None]));
            }
            _ => return Ok(None),
        };
        let record = self.record(event, cold, ts_recv_ns, action)?;
        Ok(Some([Some(record), None, None]))
    }

    fn execution(
        &self,
        event: &Event,
        cold: &EventCold,
        ts_recv_ns: Option<i64>,
        own_price_e9: Option<i64>,
    ) -> Result<MboRecords> {
        let trade = self.record(event, cold, ts_recv_ns, Action::Trade)?;
        let fill = self.record(event, cold, ts_recv_ns, Action::Fill)?;
        let mut cancel = self.record(event, cold, ts_recv_ns, Action::Cancel)?;
        cancel.price = own_price_e9.unwrap_or(cancel.price);
        // A print of the whole cross follows, and would count the quantity twice.
        let printed = event.detail & detail::NON_PRINTABLE == 0;
        Ok([printed.then_some(trade), Some(fill), Some(cancel)])
    }

    fn clear(&self, event: &Event, cold: &EventCold, ts_recv_ns: Option<i64>) -> Result<MboMsg> {
        let nothing = Event { price: 0, quantity: 0, order_id: 0, side: Side::NONE, ..*event };
        let mut record = self.record(&nothing, cold, ts_recv_ns, Action::Clear)?;
        record.price = UNDEF_PRICE;
        Ok(record)
    }

    fn record(&self, event: &Event, cold: &EventCold, ts_recv_ns: Option<i64>, action: Action) -> Result<MboMsg> {
        let sequence = cold.sequence;
        let price_error = || ExportError::Price { sequence, price: event.price, limit: "64 bits in units of 1e-9" };
        let ts_event_ns = self.units.ts_event_ns(cold)?;
        let (side, order_id) = match action {
            Action::Trade => (aggressor(event.side), 0),
            _ => (event.side, event.order_id),
        };
        // Without a receive time the event's stands in, and says so.
        let unsound = if ts_recv_ns.is_some() { 0 } else { flags::BAD_TS_RECV };
        let ts_recv_ns = ts_recv_ns.unwrap_or(ts_event_ns);
        let delta = ts_recv_ns.saturating_sub(ts_event_ns).clamp(i32::MIN.into(), i32::MAX.into());
        Ok(MboMsg {
            hd: RecordHeader::new::<MboMsg>(
                rtype::MBO,
                self.publisher_id,
                event.instrument,
                ts_event_ns.cast_unsigned(),
            ),
            order_id,
            price: match event.price {
                Event::NO_PRICE => UNDEF_PRICE,
                price => self.units.price_e9(price).ok_or_else(price_error)?,
            },
            size: u32::try_from(event.quantity)
                .map_err(|_| ExportError::Quantity { sequence, quantity: event.quantity })?,
            flags: FlagSet::new(event.flags & !flags::LAST | unsound),
            channel_id: self.channel_id,
            action: action as std::ffi::c_char,
            side: side_char(side),
            ts_recv: ts_recv_ns.cast_unsigned(),
            ts_in_delta: delta as i32,
            sequence: sequence as u32,
        })
    }
}

/// An event names the resting side, a trade record the other one.
pub(crate) fn aggressor(side: Side) -> Side {
    match side {
        Side::BID => Side::ASK,
        Side::ASK => Side::BID,
        _ => Side::NONE,
    }
}

fn side_char(side: Side) -> std::ffi::c_char {
    let side = match side {
        Side::BID => dbn::Side::Bid,
        Side::ASK => dbn::Side::Ask,
        _ => dbn::Side::None,
    };
    side as std::ffi::c_char
}
