//! How a protocol says what happens on a day: the day's groups in, messages of its channels out.

mod pitch;

use wirebook_abi::{CheckedTable, DecoderInstance, Description, Event, Framing, Group, Status};

use crate::{config::DayConfig, day::GroupView, symbols::PRICE_SCALE, write::WriteError};
use pitch::Pitch;

/// Bytes of the longest message.
const MESSAGE_LIMIT: usize = 2_048;

/// Encoded messages, one behind another.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    bytes: Vec<u8>,
    /// Channel of each, and where it ends.
    ends: Vec<(usize, usize)>,
}

impl Messages {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub(crate) fn push(&mut self, channel: usize, message: &[u8]) {
        self.bytes.extend_from_slice(message);
        self.ends.push((channel, self.bytes.len()));
    }

    /// Channel and bytes of each.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let mut from = 0;
        self.ends.iter().map(move |(channel, end)| {
            let message = &self.bytes[from..*end];
            from = *end;
            (*channel, message)
        })
    }
}

/// Writes event groups through a protocol's encoder.
#[derive(Debug)]
pub(crate) struct Encoder {
    instance: DecoderInstance,
    /// Units of the protocol's prices to one of the day's.
    price_factor: i64,
    events: Vec<Event>,
}

impl Encoder {
    fn new(table: CheckedTable, framing: Framing) -> Result<Self, WriteError> {
        let description = table.description();
        if description.price_scale == 0 || !description.price_scale.is_multiple_of(PRICE_SCALE) {
            let protocol = description.protocol.as_str();
            return Err(WriteError::PriceScale { protocol, scale: description.price_scale });
        }
        let price_factor = (description.price_scale / PRICE_SCALE) as i64;
        Ok(Self { instance: table.create(framing)?, price_factor, events: Vec::new() })
    }

    /// Appends the message that stands for `group`, a part of `whole` or what a protocol makes of it, to `channel`.
    fn message(
        &mut self,
        channel: usize,
        group: Group<'_>,
        whole: &GroupView<'_>,
        output: &mut Messages,
    ) -> Result<(), WriteError> {
        let from = output.bytes.len();
        output.bytes.resize(from + MESSAGE_LIMIT, 0);
        let written = self.encode(group, &mut output.bytes[from..]);
        output.bytes.truncate(from + written.unwrap_or(0));
        let sequence = whole.cold[0].sequence;
        written.map_err(|status| WriteError::Encode { kind: whole.kind, sequence, status })?;
        output.ends.push((channel, output.bytes.len()));
        Ok(())
    }

    /// Size of the message written to the front of `output`.
    fn encode(&mut self, group: Group<'_>, output: &mut [u8]) -> Result<usize, Status> {
        self.events.clear();
        let factor = self.price_factor;
        self.events.extend(group.events.iter().map(|event| Event { price: event.price * factor, ..*event }));
        let outcome = self.instance.encode(Group { events: &self.events, ..group }, output);
        if outcome.status == Status::OK { Ok(outcome.offset as usize) } else { Err(outcome.status) }
    }
}

/// How a protocol says what happens on a day.
#[derive(Debug)]
pub(crate) enum Dialect {
    /// A message a group, as the day has them, on one channel.
    Plain(Encoder),
    Pitch(Box<Pitch>),
}

impl Dialect {
    pub(crate) fn new(
        config: &DayConfig,
        table: CheckedTable,
        framing: Framing,
        channels: usize,
    ) -> Result<Self, WriteError> {
        let encoder = Encoder::new(table, framing)?;
        Ok(match framing {
            Framing::SEQUENCED_UNIT => {
                Self::Pitch(Box::new(Pitch::new(config, table.description(), encoder, channels)?))
            }
            _ => Self::Plain(encoder),
        })
    }

    /// Appends what the protocol says of a group: no, one or several messages.
    pub(crate) fn write(&mut self, group: &GroupView<'_>, output: &mut Messages) -> Result<(), WriteError> {
        match self {
            Self::Plain(encoder) => encoder.message(0, group.group(), group, output),
            Self::Pitch(pitch) => pitch.write(group, output),
        }
    }
}

/// The day as it must be for a protocol of this framing: where changes keep an order's id, it has such changes.
pub(crate) fn shaped(config: DayConfig, framing: Framing) -> DayConfig {
    DayConfig { keeps_ids: framing == Framing::SEQUENCED_UNIT, ..config }
}

/// Name of channel `channel`'s session.
pub(crate) fn session(config: &DayConfig, framing: Framing, channel: usize) -> [u8; 16] {
    let mut session = [0; 16];
    let name = match framing {
        // A unit's number is its session.
        Framing::SEQUENCED_UNIT => (channel + 1).to_string(),
        _ => config.session.clone(),
    };
    session[..name.len()].copy_from_slice(name.as_bytes());
    session
}

/// How many channels a day in this framing may have.
pub(crate) fn most_channels(framing: Framing) -> u32 {
    if framing == Framing::SEQUENCED_UNIT { u32::from(u8::MAX) } else { 1 }
}

/// How many it has where nobody says.
pub(crate) fn usual_channels(framing: Framing) -> u32 {
    if framing == Framing::SEQUENCED_UNIT { 4 } else { 1 }
}

/// Whether the framing has a packet that ends a session.
pub(crate) fn ends_by_packet(framing: Framing) -> bool {
    matches!(framing, Framing::MOLDUDP64 | Framing::LENGTH16 | Framing::SOUPBINTCP)
}

/// Whether the protocol has a message of this name with such a field.
fn has_field(description: &Description, message: &str, field: &str) -> bool {
    let mut messages = description.messages.as_slice().iter().filter(|info| info.name.as_str() == message);
    messages.any(|info| info.fields.as_slice().iter().any(|info| info.name.as_str() == field))
}
