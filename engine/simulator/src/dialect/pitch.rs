//! A day in PITCH: units, time messages, changes under the same id, and auctions by their own messages.

use wirebook_abi::{
    Description, Event, EventCold, EventKind, Group, Record, Side, Tag, TradingState, event::detail, flags,
};
use wirebook_inspect::FieldValue;

use super::{Encoder, Messages, has_field};
use crate::{config::DayConfig, counts::MessageKind, day::GroupView, symbols::PRICE_SCALE, write::WriteError};

const SECOND_NS: u64 = 1_000_000_000;
/// Records give prices in 1e-9.
const RECORD_UNITS: i64 = 1_000_000_000 / PRICE_SCALE as i64;

/// Writes a day in PITCH. Each symbol belongs to one unit, by the remainder of its key.
#[derive(Debug)]
pub(crate) struct Pitch {
    encoder: Encoder,
    description: &'static Description,
    midnight_unix_s: u64,
    /// The second that each unit's last time message gave.
    seconds: Vec<Option<u64>>,
    /// What is said instead of a day's own group.
    events: Vec<Event>,
    cold: Vec<EventCold>,
    record: Record,
}

impl Pitch {
    pub(super) fn new(
        config: &DayConfig,
        description: &'static Description,
        encoder: Encoder,
        channels: usize,
    ) -> Result<Self, WriteError> {
        if !has_field(description, "time", "time") {
            return Err(WriteError::Dialect { protocol: description.protocol.as_str(), message: "time" });
        }
        Ok(Self {
            encoder,
            description,
            midnight_unix_s: config.midnight_unix_ns / SECOND_NS,
            seconds: vec![None; channels],
            events: Vec::new(),
            cold: Vec::new(),
            record: Record::default(),
        })
    }

    pub(super) fn write(&mut self, group: &GroupView<'_>, output: &mut Messages) -> Result<(), WriteError> {
        self.events.clear();
        self.cold.clear();
        match group.kind {
            MessageKind::System => return self.turn_of_day(group, output),
            MessageKind::Definition => {
                self.learn(group);
                return Ok(());
            }
            MessageKind::Status => self.status(group),
            MessageKind::ExecutePriced => self.execute_priced(group),
            MessageKind::Trade => self.say(Event { side: Side::BID, ..group.events[0] }, group.cold[0]),
            MessageKind::Cross => self.auction_summary(group),
            MessageKind::Imbalance => self.auction_update(group),
            _ => {
                self.events.extend_from_slice(group.events);
                self.cold.extend_from_slice(group.cold);
            }
        }
        let unit = group.events[0].instrument as usize % self.seconds.len();
        self.send(unit, group, output)
    }

    /// A unit begins with a clear and ends with the end of its session; of other turns PITCH says nothing.
    fn turn_of_day(&mut self, group: &GroupView<'_>, output: &mut Messages) -> Result<(), WriteError> {
        let turn = group.events[0];
        let event = match TradingState(turn.detail) {
            TradingState::START_OF_MESSAGES => Event { kind: EventKind::CLEAR, detail: detail::WHOLE_CHANNEL, ..turn },
            TradingState::END_OF_MESSAGES => turn,
            _ => return Ok(()),
        };
        self.say(event, group.cold[0]);
        (0..self.seconds.len()).try_for_each(|unit| self.send(unit, group, output))
    }

    /// Adds carry symbols, which the encoder knows from definitions; no message comes of these.
    fn learn(&mut self, group: &GroupView<'_>) {
        // The code is where venues that name instruments by another text than the symbol have that text.
        let records: Vec<Record> = group.records.iter().map(|record| Record { code: [0; 16], ..*record }).collect();
        let _ = self.encoder.encode(Group { records: &records, ..group.group() }, &mut []);
    }

    fn status(&mut self, group: &GroupView<'_>) {
        let event = group.events[0];
        // A pause is a halt here.
        let state = if event.detail == TradingState::PAUSED.0 { TradingState::HALTED.0 } else { event.detail };
        self.record = Record::new(EventKind::STATUS, event.instrument);
        self.record.push(Tag::RESTRICTION_CODE, i64::from(b'0'));
        self.say(Event { detail: state, ..event }, EventCold { record: 1, ..group.cold[0] });
    }

    /// A print at its price, and what is left of the order.
    fn execute_priced(&mut self, group: &GroupView<'_>) {
        let (event, cold) = (group.events[0], group.cold[0]);
        self.say(Event { kind: EventKind::TRADE, detail: 0, flags: 0, ..event }, cold);
        let rest =
            Event { kind: EventKind::MODIFY, quantity: group.remaining, price: 0, detail: detail::REMAINING, ..event };
        self.say(rest, EventCold { match_id: 0, ..cold });
    }

    fn auction_summary(&mut self, group: &GroupView<'_>) {
        let (event, cold) = (group.events[0], group.cold[0]);
        let kind = group.records[0].get(Tag::CROSS_CODE).unwrap_or(0);
        self.record = Record::new(EventKind::STATISTIC, event.instrument);
        self.record.push(Tag::CROSS_CODE, kind);
        self.record.push(Tag::AUCTION_PRICE, event.price * RECORD_UNITS);
        self.record.push(Tag::AUCTION_QUANTITY, event.quantity as i64);
        let event = Event { instrument: event.instrument, kind: EventKind::STATISTIC, ..Event::default() };
        self.say(event, EventCold { record: 1, match_id: 0, ..cold });
    }

    fn auction_update(&mut self, group: &GroupView<'_>) {
        let event = group.events[0];
        let said = |tag| group.records[0].get(tag).unwrap_or(0);
        let (paired, open) = (said(Tag::PAIRED_QUANTITY), said(Tag::IMBALANCE_QUANTITY));
        let more = |side: u8| paired + if said(Tag::INTEREST_CODE) == i64::from(side) { open } else { 0 };
        let (buy, sell) = (more(b'B'), more(b'S'));
        self.record = Record::new(EventKind::IMBALANCE, event.instrument);
        for (tag, value) in [
            (Tag::CROSS_CODE, said(Tag::CROSS_CODE)),
            (Tag::REFERENCE_PRICE, said(Tag::REFERENCE_PRICE)),
            (Tag::BUY_QUANTITY, buy),
            (Tag::SELL_QUANTITY, sell),
            (Tag::NEAR_PRICE, said(Tag::NEAR_PRICE)),
            (Tag::FAR_PRICE, said(Tag::FAR_PRICE)),
        ] {
            self.record.push(tag, value);
        }
        self.say(event, EventCold { record: 1, ..group.cold[0] });
    }

    fn say(&mut self, event: Event, cold: EventCold) {
        self.events.push(event);
        self.cold.push(cold);
    }

    /// Sends what was said on a unit, behind a time message where its second is new there.
    fn send(&mut self, unit: usize, group: &GroupView<'_>, output: &mut Messages) -> Result<(), WriteError> {
        let second = group.ts_ns / SECOND_NS;
        if self.seconds[unit] != Some(second) {
            self.seconds[unit] = Some(second);
            output.push(unit, &self.time(second)?);
        }
        if let Some(last) = self.events.last_mut() {
            last.flags = flags::LAST;
        }
        let said = Group { events: &self.events, cold: &self.cold, records: core::slice::from_ref(&self.record) };
        self.encoder.message(unit, said, group, output)
    }

    /// The message that sets the second; it stands for no event, so that no encoder has it.
    fn time(&self, second: u64) -> Result<Vec<u8>, WriteError> {
        let protocol = self.description.protocol.as_str();
        let unknown = |_| WriteError::Dialect { protocol, message: "time" };
        let mut values = vec![("time", FieldValue::Integer(second.into()))];
        if has_field(self.description, "time", "epoch_time") {
            values.push(("epoch_time", FieldValue::Integer((self.midnight_unix_s + second).into())));
        }
        wirebook_inspect::encode(self.description, "time", values).map_err(unknown)
    }
}
