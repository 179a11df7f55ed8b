//! The state that a snapshot service gives out: what the packets so far come to, kept as events.

use std::collections::{BTreeMap, HashMap};

use wirebook_abi::{
    BatchBuffer, DecoderInstance, Event, EventCold, EventKind, Frame, Framing, Group, Record, Refused, Side, Status,
    event::detail, flags,
};

use wirebook_inspect::FieldValue;

use crate::Tape;

/// An order in a book.
#[derive(Clone, Copy, Debug)]
struct Resting {
    instrument: u32,
    side: Side,
    price: i64,
    quantity: u64,
    /// Place among the orders of its price: lower is served first.
    priority: u64,
    cold: EventCold,
}

/// What was said of an instrument, last.
#[derive(Clone, Copy, Debug)]
struct Said {
    event: Event,
    cold: EventCold,
    record: Option<Record>,
}

/// The state of one channel.
#[derive(Debug)]
pub(crate) struct Ledger {
    channel: usize,
    decoder: DecoderInstance,
    encoder: DecoderInstance,
    batch: BatchBuffer,
    /// Packets of the tape that are in it.
    taken: usize,
    orders: HashMap<u64, Resting>,
    definitions: BTreeMap<u32, Said>,
    states: BTreeMap<u32, Said>,
    priority: u64,
    /// Side of the order that the group's delete took out, for an add that inherits it.
    gone: Side,
    /// Venue time of the last event, which restated messages have.
    last_ns: u64,
}

/// A channel's state as messages of its feed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    /// The sequence to go on from.
    pub(crate) next_sequence: u64,
    /// Orders in it.
    pub(crate) order_count: u32,
    /// The messages.
    pub(crate) messages: Vec<Vec<u8>>,
}

impl Ledger {
    pub(crate) fn new(tape: &Tape, channel: usize) -> Result<Self, Refused> {
        let (table, framing) = (tape.table(), tape.framing());
        Ok(Self {
            channel,
            decoder: table.create(framing)?,
            encoder: table.create(framing)?,
            batch: BatchBuffer::new(4_096, 512, table.description()),
            taken: 0,
            orders: HashMap::new(),
            definitions: BTreeMap::new(),
            states: BTreeMap::new(),
            priority: 0,
            gone: Side::NONE,
            last_ns: 0,
        })
    }

    /// The state once the first `published` packets of the tape are out; what it had before it has still.
    pub(crate) fn image(&mut self, tape: &Tape, published: usize) -> Image {
        self.follow(tape, published);
        let mut image = Image { next_sequence: tape.next_sequence(self.channel, self.taken), ..Image::default() };
        image.messages.extend(self.time(tape));
        let definitions: Vec<Said> = self.definitions.values().copied().collect();
        let states: Vec<Said> = self.states.values().copied().collect();
        definitions.into_iter().chain(states).for_each(|said| self.say(said, &mut image));
        let mut orders: Vec<(u64, Resting)> = self.orders.iter().map(|(id, order)| (*id, *order)).collect();
        // Within a price the message that comes first is served first.
        orders.sort_unstable_by_key(|(_, order)| (order.instrument, order.side.0, order.price, order.priority));
        for (order_id, order) in orders {
            let event = Event {
                order_id,
                price: order.price,
                quantity: order.quantity,
                instrument: order.instrument,
                kind: EventKind::ADD,
                side: order.side,
                flags: flags::LAST,
                ..Event::default()
            };
            image.order_count += 1;
            self.say(Said { event, cold: order.cold, record: None }, &mut image);
        }
        image
    }

    /// The message that sets the second of those behind it, of protocols whose messages count from one.
    fn time(&self, tape: &Tape) -> Option<Vec<u8>> {
        if tape.framing() != Framing::SEQUENCED_UNIT {
            return None;
        }
        let seconds = FieldValue::Integer((self.last_ns / 1_000_000_000).into());
        wirebook_inspect::encode(tape.table().description(), "time", [("time", seconds)]).ok()
    }

    /// Takes the channel's packets up to `published`.
    fn follow(&mut self, tape: &Tape, published: usize) {
        let packets = &tape.channels()[self.channel].packets;
        let from = packets.partition_point(|number| *number < self.taken);
        for number in packets[from..].iter().take_while(|number| **number < published) {
            self.packet(tape.bytes(*number));
        }
        self.taken = self.taken.max(published);
    }

    fn packet(&mut self, packet: &[u8]) {
        let mut frame = Frame::default();
        if self.decoder.frame(packet, &mut frame).status != Status::OK {
            return;
        }
        let mut skip = 0;
        loop {
            let decoded = self.decoder.decode(packet, skip, &mut self.batch);
            self.drain();
            skip += decoded.messages;
            if decoded.status != Status::BATCH_FULL || decoded.messages == 0 {
                return;
            }
        }
    }

    fn drain(&mut self) {
        let (events, cold, records) = self.batch.parts_mut();
        let record = |cold: &EventCold| usize::from(cold.record).checked_sub(1).and_then(|at| records.get(at)).copied();
        let all: Vec<Said> = events
            .iter()
            .zip(cold)
            .map(|(event, cold)| Said { event: *event, cold: *cold, record: record(cold) })
            .collect();
        self.batch.clear();
        let _ = self.batch.take_faults();
        all.into_iter().for_each(|said| self.apply(said));
    }

    fn apply(&mut self, said: Said) {
        let Said { event, cold, .. } = said;
        self.last_ns = self.last_ns.max(cold.ts_event_ns);
        match event.kind {
            EventKind::ADD => {
                let side = if event.side == Side::INHERITED { self.gone } else { event.side };
                self.priority += 1;
                let (instrument, price, quantity) = (event.instrument, event.price, event.quantity);
                let priority = self.priority;
                self.orders.insert(event.order_id, Resting { instrument, side, price, quantity, priority, cold });
            }
            EventKind::DELETE => {
                self.gone = self.orders.remove(&event.order_id).map_or(Side::NONE, |order| order.side);
            }
            EventKind::EXECUTE | EventKind::REDUCE => self.reduce(event.order_id, event.quantity),
            EventKind::MODIFY => self.modify(&event),
            EventKind::CLEAR if event.detail & detail::WHOLE_CHANNEL != 0 => self.orders.clear(),
            EventKind::CLEAR => self.orders.retain(|_, order| order.instrument != event.instrument),
            EventKind::DEFINITION => drop(self.definitions.insert(event.instrument, said)),
            EventKind::STATUS if event.instrument != Event::NO_INSTRUMENT => {
                self.states.insert(event.instrument, said);
            }
            _ => {}
        }
    }

    fn reduce(&mut self, id: u64, quantity: u64) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.quantity = order.quantity.saturating_sub(quantity);
        if order.quantity == 0 {
            self.orders.remove(&id);
        }
    }

    fn modify(&mut self, event: &Event) {
        let Some(order) = self.orders.get_mut(&event.order_id) else { return };
        if event.detail & detail::REMAINING != 0 {
            order.quantity = event.quantity;
        } else {
            let keeps = event.price == order.price
                && event.detail & detail::LOSES_PRIORITY == 0
                && (event.quantity <= order.quantity || event.detail & detail::KEEPS_PRIORITY != 0);
            (order.price, order.quantity) = (event.price, event.quantity);
            if !keeps {
                self.priority += 1;
                order.priority = self.priority;
            }
        }
        if order.quantity == 0 {
            self.orders.remove(&event.order_id);
        }
    }

    /// Adds the message for an event. What has none is left out: the encoder then knows a name that it had not known.
    fn say(&mut self, said: Said, image: &mut Image) {
        let records: &[Record] = said.record.as_slice();
        let record = u16::from(said.record.is_some());
        let cold = EventCold { record, ts_event_ns: self.last_ns, ..said.cold };
        let event = Event { flags: flags::LAST, ..said.event };
        let mut output = [0; 512];
        let group = Group { events: &[event], cold: &[cold], records };
        let outcome = self.encoder.encode(group, &mut output);
        if outcome.status == Status::OK {
            image.messages.push(output[..outcome.offset as usize].to_vec());
        }
    }
}
