//! The decoder, and what its variants do wrong.

use std::hint::black_box;

use wirebook_abi::{
    BatchWriter, Decoded, Decoder, Description, Event, EventCold, EventKind, Fault as Noted, Frame, FrameKind, Framing,
    Group, Outcome, Record, Side, Span, Status, flags,
};

use crate::layout::{
    ADD_SIZE, DELETE_SIZE, DESCRIPTION, INSTRUMENT, ORDER, PRICE, QUANTITY, SIDE, SYMBOL, TAKE_SIZE, TIME,
};

/// What a variant does wrong; the tables of the crate say it in words.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    None,
    WrongPrice,
    NarrowEncoder,
    InexactEncoder,
    PanicsWhenCut,
    PanicsAtBits,
    BelievesLengths,
    HidesCuts,
    IgnoresSkip,
    Overfills,
    StopsAtUnknown,
    HidesShort,
    RefusesLonger,
    Unnumbered,
    RemembersNames,
    TakesMemory,
    KeepsOrders,
    MiscountsPackets,
}

const HEADER_SIZE: usize = 20;
const END_OF_SESSION: u16 = u16::MAX;

/// Most events of a message: an add that names its instrument.
const MOST_EVENTS: usize = 2;

/// The decoder of one channel, with one [`Fault`].
pub struct Venue<const FAULT: u8> {
    session: [u8; 16],
    first_sequence: u64,
    count: u32,
    named: Box<[bool]>,
    symbols: Box<[[u8; 4]]>,
}

/// A number at a place of a message that is long enough.
fn number<const SIZE: usize>(message: &[u8], at: usize) -> u64 {
    message[at..at + SIZE].iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

impl<const FAULT: u8> Venue<FAULT> {
    const fn has(fault: Fault) -> bool {
        FAULT == fault as u8
    }

    /// The block at `at`: its length, then the message; `None` where the packet ends before.
    fn block(packet: &[u8], at: usize) -> Option<&[u8]> {
        let (length, rest) = packet.get(at..)?.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        if Self::has(Fault::PanicsWhenCut) {
            return Some(&rest[..length]);
        }
        rest.get(..length)
    }

    fn note(batch: &mut BatchWriter<'_>, status: Status, sequence: u64, at: usize, message: &[u8]) {
        let message_type = message.first().map_or(0, |byte| u16::from(*byte));
        batch.fault(Noted { sequence, offset: at as u32, status, message_type });
    }

    /// Writes the events of a message, or says why there are none.
    fn message(&mut self, message: &[u8], sequence: u64, batch: &mut BatchWriter<'_>) -> Status {
        let (size, index) = match message[0] {
            b'A' => (ADD_SIZE, 0),
            b'D' => (DELETE_SIZE, 1),
            b'E' => (TAKE_SIZE, 2),
            b'X' => (TAKE_SIZE, 3),
            _ => return Status::UNKNOWN_TYPE,
        };
        if message.len() < size {
            return Status::SHORT_MESSAGE;
        }
        if message.len() > size && Self::has(Fault::RefusesLonger) {
            return Status::BAD_VALUE;
        }
        let instrument = u32::from(message[INSTRUMENT]);
        let cold =
            EventCold { ts_event_ns: number::<8>(message, TIME), sequence, message: index, ..EventCold::default() };
        let order_id = number::<8>(message, ORDER);
        let event = Event { instrument, order_id, flags: flags::LAST, ..Event::default() };
        let event = match message[0] {
            b'A' => {
                let Some(add) = Self::add(message, event) else { return Status::BAD_VALUE };
                self.name(instrument, &message[SYMBOL..SYMBOL + 4], cold, batch);
                add
            }
            b'D' if Self::has(Fault::KeepsOrders) && order_id > 100 => Event { kind: EventKind::END, ..event },
            b'D' => Event { kind: EventKind::DELETE, ..event },
            letter => Event {
                kind: if letter == b'E' { EventKind::EXECUTE } else { EventKind::REDUCE },
                quantity: number::<4>(message, QUANTITY),
                ..event
            },
        };
        batch.push(event, cold);
        batch.count_type(index);
        if message.len() > size { Status::LONG_MESSAGE } else { Status::OK }
    }

    fn add(message: &[u8], event: Event) -> Option<Event> {
        assert!(!Self::has(Fault::PanicsAtBits) || message[SIDE].is_ascii());
        let side = match message[SIDE] {
            b'B' => Side::BID,
            b'S' => Side::ASK,
            _ => return None,
        };
        let factor = if Self::has(Fault::WrongPrice) { 2 } else { 1 };
        let price = number::<4>(message, PRICE) as i64 * factor;
        Some(Event { kind: EventKind::ADD, side, price, quantity: number::<4>(message, QUANTITY), ..event })
    }

    fn name(&mut self, instrument: u32, symbol: &[u8], cold: EventCold, batch: &mut BatchWriter<'_>) {
        if std::mem::replace(&mut self.named[instrument as usize], true) {
            return;
        }
        let mut record = Record::new(EventKind::DEFINITION, instrument);
        record.set_text(symbol);
        let record = batch.push_record(record);
        let event = Event { instrument, kind: EventKind::DEFINITION, ..Event::default() };
        batch.push(event, EventCold { record, ..cold });
    }

    fn taken(messages: u32, status: Status, at: usize) -> Decoded {
        Decoded { messages, status, reserved: 0, offset: at as u32 }
    }
}

impl<const FAULT: u8> Decoder for Venue<FAULT> {
    const DESCRIPTION: Description = DESCRIPTION;

    fn new(framing: Framing) -> Option<Self> {
        (framing == Framing::MOLDUDP64).then(|| Self {
            session: [0; 16],
            first_sequence: 0,
            count: 0,
            named: vec![false; 1 << 8].into(),
            symbols: vec![[b' '; 4]; 1 << 8].into(),
        })
    }

    fn frame(&mut self, packet: &[u8], frame: &mut Frame) -> Outcome {
        *frame = Frame::default();
        self.count = 0;
        let Some(header) = packet.first_chunk::<HEADER_SIZE>() else {
            return Outcome::refused(Status::TRUNCATED, packet.len());
        };
        let name = header[..10].trim_ascii_end();
        frame.session[..name.len()].copy_from_slice(name);
        frame.first_sequence = if Self::has(Fault::Unnumbered) { 0 } else { number::<8>(header, 10) };
        frame.size_bytes = packet.len() as u32;
        (frame.kind, frame.message_count) = match number::<2>(header, 18) as u16 {
            0 => (FrameKind::HEARTBEAT, 0),
            END_OF_SESSION => (FrameKind::END_OF_SESSION, 0),
            count => (FrameKind::DATA, u32::from(count)),
        };
        if frame.session != self.session && !Self::has(Fault::RemembersNames) {
            self.named.fill(false);
        }
        (self.session, self.first_sequence, self.count) = (frame.session, frame.first_sequence, frame.message_count);
        Outcome::ok(0)
    }

    fn decode(&mut self, packet: &[u8], skip: u32, batch: &mut BatchWriter<'_>) -> Decoded {
        let (mut at, mut index, mut taken) = (HEADER_SIZE, 0, 0);
        let skip = if Self::has(Fault::IgnoresSkip) { 0 } else { skip };
        while index < self.count {
            let Some(message) = Self::block(packet, at) else {
                if Self::has(Fault::BelievesLengths) {
                    return Self::taken(self.count - skip.min(self.count), Status::OK, usize::from(u16::MAX));
                }
                if Self::has(Fault::HidesCuts) {
                    return Self::taken(taken, Status::OK, packet.len());
                }
                return Self::taken(taken, Status::TRUNCATED, at);
            };
            if index >= skip {
                let is_full = batch.room() < MOST_EVENTS || batch.record_room() == 0;
                if is_full && !Self::has(Fault::Overfills) {
                    return Self::taken(taken, Status::BATCH_FULL, at);
                }
                if Self::has(Fault::TakesMemory) {
                    drop(black_box(message.to_vec()));
                }
                let sequence = self.first_sequence.wrapping_add(u64::from(index));
                let status = if message.is_empty() { Status::OK } else { self.message(message, sequence, batch) };
                let is_hidden = status == Status::SHORT_MESSAGE && Self::has(Fault::HidesShort);
                if status != Status::OK && !is_hidden {
                    Self::note(batch, status, sequence, at + 2, message);
                }
                taken += 1;
                if status == Status::UNKNOWN_TYPE && Self::has(Fault::StopsAtUnknown) {
                    return Self::taken(self.count - skip, Status::OK, packet.len());
                }
            }
            at += 2 + message.len();
            index += 1;
        }
        if at < packet.len() && skip <= self.count {
            let sequence = self.first_sequence.wrapping_add(u64::from(self.count));
            Self::note(batch, Status::TRAILING_BYTES, sequence, at, &[]);
        }
        Self::taken(taken, Status::OK, at.min(packet.len()))
    }

    fn split(&mut self, packet: &[u8], spans: &mut [Span]) -> Decoded {
        let mut at = HEADER_SIZE;
        for index in 0..self.count {
            let Some(message) = Self::block(packet, at) else { return Self::taken(index, Status::TRUNCATED, at) };
            let Some(span) = spans.get_mut(index as usize) else { return Self::taken(index, Status::BATCH_FULL, at) };
            *span = Span { offset: at as u32 + 2, size: message.len() as u32 };
            at += 2 + message.len();
        }
        Self::taken(self.count, Status::OK, at)
    }

    fn encode(&mut self, group: Group<'_>, output: &mut [u8]) -> Outcome {
        let mut events = group.events.iter().zip(group.cold).peekable();
        while let Some((event, cold)) = events.next_if(|(event, _)| event.kind == EventKind::DEFINITION) {
            if let Some(record) = usize::from(cold.record).checked_sub(1).and_then(|at| group.records.get(at)) {
                let padded = record.text.first_chunk::<4>().map(|text| text.map(|byte| byte.max(b' ')));
                self.symbols[event.instrument as usize & 0xff] = padded.unwrap_or_default();
            }
        }
        let (Some((event, cold)), None) = (events.next(), events.next()) else {
            return Outcome::refused(Status::NOT_ENCODABLE, 0);
        };
        let size = match event.kind {
            EventKind::ADD => ADD_SIZE,
            EventKind::DELETE => DELETE_SIZE,
            EventKind::EXECUTE | EventKind::REDUCE => TAKE_SIZE,
            _ => return Outcome::refused(Status::NOT_ENCODABLE, 0),
        };
        let Some(output) = output.get_mut(..size) else { return Outcome::refused(Status::NO_ROOM, 0) };
        self.write(event, cold, output);
        Outcome::ok(size as u32)
    }

    fn pack(&mut self, frame: &Frame, messages: &[&[u8]], output: &mut [u8]) -> Outcome {
        let count = match frame.kind {
            FrameKind::DATA => {
                messages.len() as u16 - u16::from(Self::has(Fault::MiscountsPackets) && messages.len() > 1)
            }
            FrameKind::HEARTBEAT if messages.is_empty() => 0,
            FrameKind::END_OF_SESSION if messages.is_empty() => END_OF_SESSION,
            _ => return Outcome::refused(Status::NOT_ENCODABLE, 0),
        };
        let mut packet = vec![b' '; 10];
        packet.iter_mut().zip(frame.session.iter().filter(|byte| **byte != 0)).for_each(|(slot, byte)| *slot = *byte);
        packet.extend(frame.first_sequence.to_be_bytes());
        packet.extend(count.to_be_bytes());
        for message in messages {
            let Ok(length) = u16::try_from(message.len()) else { return Outcome::refused(Status::NOT_ENCODABLE, 0) };
            packet.extend(length.to_be_bytes());
            packet.extend(*message);
        }
        let Some(output) = output.get_mut(..packet.len()) else { return Outcome::refused(Status::NO_ROOM, 0) };
        output.copy_from_slice(&packet);
        Outcome::ok(packet.len() as u32)
    }
}

impl<const FAULT: u8> Venue<FAULT> {
    /// Writes the message of an event into bytes of its size.
    fn write(&self, event: &Event, cold: &EventCold, output: &mut [u8]) {
        output.fill(0);
        let mut put = |at: usize, bytes: &[u8]| output[at..at + bytes.len()].copy_from_slice(bytes);
        put(INSTRUMENT, &[event.instrument as u8]);
        put(TIME, &cold.ts_event_ns.to_be_bytes());
        put(ORDER, &event.order_id.to_be_bytes());
        let mask = if Self::has(Fault::NarrowEncoder) { 0xffff } else { u32::MAX };
        match event.kind {
            EventKind::DELETE => {
                put(0, b"D");
                put(DELETE_SIZE - 1, &[u8::from(Self::has(Fault::InexactEncoder))]);
                return;
            }
            EventKind::ADD => {
                put(0, b"A");
                put(PRICE, &(event.price as u32).to_be_bytes());
                put(SIDE, if event.side == Side::BID { b"B" } else { b"S" });
                put(SYMBOL, &self.symbols[event.instrument as usize & 0xff]);
            }
            kind => put(0, if kind == EventKind::EXECUTE { b"E" } else { b"X" }),
        }
        put(QUANTITY, &(event.quantity as u32 & mask).to_be_bytes());
    }
}
