//! A protocol as every emitter sees it: names resolved, layout checked. Where it was read from does not matter here.

use wirebook_abi::{EventKind, Side, Tag, TradingState};

#[derive(Debug)]
pub struct Protocol {
    pub id: String,
    pub title: String,
    pub family: String,
    pub venue: String,
    pub version: String,
    pub timezone: String,
    pub big_endian: bool,
    pub unix_clock: bool,
    /// Name of the ABI's constant.
    pub order_ids: &'static str,
    pub framings: Vec<&'static str>,
    pub price_scale: u64,
    pub instrument_limit: u32,
    pub instrument_scale: Option<InstrumentScale>,
    pub instrument_part: Option<InstrumentPart>,
    /// Messages longer than described are newer, not faulty.
    pub accepts_longer: bool,
    pub keys: Keys,
    /// Bytes of a symbol, the longest where messages differ; 0 where no message has one.
    pub symbol_size: usize,
    pub messages: Vec<Message>,
    pub enums: Vec<Enumeration>,
}

/// A text that names an instrument together with its number: the key is the number times the count of codes, plus the
/// code's place.
#[derive(Debug)]
pub struct InstrumentPart {
    pub field: String,
    pub codes: Vec<String>,
}

/// What says how the prices of an instrument are scaled on the wire. Those of events are then in 1e-9.
#[derive(Debug)]
pub struct InstrumentScale {
    /// Field of the messages that define instruments.
    pub field: String,
    /// It is what prices are divided by; else it counts their decimals.
    pub is_denominator: bool,
    /// Holds for instruments that no message defined.
    pub default: Option<u64>,
}

/// How messages name instruments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keys {
    /// By a number that events have as it is.
    #[default]
    Numbers,
    /// By a wide number, or text of at most 8 bytes.
    Words,
    /// By text of up to 32 bytes.
    Texts,
}

#[derive(Debug)]
pub struct Enumeration {
    pub name: String,
    /// Code and meaning.
    pub values: Vec<(String, String)>,
}

#[derive(Debug)]
pub struct Message {
    pub type_text: String,
    pub type_value: u64,
    pub name: String,
    pub title: String,
    pub about: String,
    /// Of the fixed part, where there are others.
    pub length: usize,
    /// Where older versions of the message end: the fields behind that are 0 or blank in them.
    pub older_length: Option<usize>,
    /// By offset, without gaps.
    pub fields: Vec<Field>,
    /// What may stand behind the fixed fields.
    pub parts: Vec<Part>,
    /// Name of the message of which it is another form: same meaning, other widths.
    pub form_of: Option<String>,
    pub instrument: Option<usize>,
    pub time: Option<usize>,
    /// The field that sets the channel's second.
    pub seconds: Option<usize>,
    pub symbol: Option<usize>,
    pub type_field: usize,
    /// Names the instrument together with its number.
    pub instrument_part: Option<usize>,
    /// Gives the scale of the instrument's prices.
    pub scale_field: Option<usize>,
    /// Whether an encoder writes it.
    pub encodes: bool,
    /// Begins or ends a group of events that spans messages.
    pub group_edge: Option<GroupEdge>,
    pub events: Vec<EventRule>,
}

/// Where a message stands in a group of events that spans messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupEdge {
    Begins,
    Ends,
}

/// A run of fields that is there several times, or not always; see [`wirebook_abi::describe::PartInfo`].
#[derive(Debug)]
pub struct Part {
    pub name: String,
    pub offset: usize,
    pub stride: usize,
    pub count: PartCount,
    pub offset_field: Option<usize>,
    /// Offsets from the part's first byte.
    pub fields: Vec<Field>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartCount {
    Fixed(usize),
    Field(usize),
    /// Once, where any of these bits of the field is set.
    Present {
        field: usize,
        mask: u64,
    },
}

#[derive(Debug)]
pub struct Field {
    pub name: String,
    pub offset: usize,
    pub size: usize,
    pub kind: Kind,
    pub scale: u64,
    /// The scale is the instrument's own.
    pub scaled_by_instrument: bool,
    /// Wire integer that means no value, cut to the field's bytes.
    pub null: Option<u64>,
    pub unit: String,
    /// Index in [`Protocol::enums`].
    pub enumeration: Option<usize>,
    /// The only value on the wire, as the wire integer.
    pub constant: Option<u64>,
    /// What an encoder writes where no event says anything, as the wire integer or text.
    pub default: Option<String>,
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Unsigned,
    Signed,
    Char,
    Ascii,
    AsciiNul,
    AsciiDecimal,
    Bytes,
    Bits,
}

/// One event that a message stands for; fields are indices into [`Message::fields`].
#[derive(Debug)]
pub struct EventRule {
    pub kind: EventKind,
    /// Whether it names the message's instrument; if not, it is the market's or the order's.
    pub of_instrument: bool,
    pub order: Option<usize>,
    pub side: SideRule,
    pub quantity: Option<usize>,
    pub price: Option<usize>,
    /// Multiplies the price field into the protocol's price scale.
    pub price_factor: u64,
    pub match_id: Option<usize>,
    pub participant: Option<usize>,
    /// Detail bits that are always set.
    pub detail: u8,
    /// Detail bits by the code of a field.
    pub detail_codes: Option<CodeMap<u8>>,
    pub state: Option<CodeMap<TradingState>>,
    pub when: Option<Condition>,
    pub record: Option<RecordRule>,
}

/// An event is there only where a field has one of some values, or none of them.
#[derive(Debug)]
pub struct Condition {
    pub field: usize,
    pub values: Vec<u64>,
    pub is_among: bool,
}

#[derive(Debug)]
pub enum SideRule {
    None,
    Inherited,
    Codes(CodeMap<Side>),
}

/// What codes of a field mean; codes that are not listed are out of range.
#[derive(Debug)]
pub struct CodeMap<T> {
    pub field: usize,
    /// Bits of the field that count; all where none.
    pub mask: Option<u64>,
    /// Wire value and meaning.
    pub codes: Vec<(u64, T)>,
}

#[derive(Debug, Default)]
pub struct RecordRule {
    pub text: Option<usize>,
    /// Stands behind the text and a dot.
    pub text_tail: Option<usize>,
    pub code: Option<usize>,
    pub values: Vec<(Tag, usize)>,
}

impl Protocol {
    /// Name of its Rust module: `nasdaq_totalview_5_0`.
    pub fn module(&self) -> String {
        self.id.replace(['-', '.'], "_")
    }

    /// Whether definitions have the text by which messages name an instrument as their text, and another as their code.
    pub fn key_is_text(&self) -> bool {
        let of = |message: &Message, pick: fn(&RecordRule) -> Option<usize>| {
            let mut records = message.events.iter().filter(|event| event.kind == EventKind::DEFINITION);
            records
                .any(|event| message.instrument.is_some() && event.record.as_ref().and_then(pick) == message.instrument)
        };
        self.messages.iter().any(|message| of(message, |record| record.text))
            && !self.messages.iter().any(|message| of(message, |record| record.code))
    }

    /// Whether messages say that those behind them are one group of events.
    pub fn has_open_groups(&self) -> bool {
        self.messages.iter().any(|message| message.group_edge.is_some())
    }

    /// Name of its Rust type: `NasdaqTotalview50`.
    pub fn type_name(&self) -> String {
        camel(&self.module())
    }
}

impl Message {
    /// Name of its view: `OrderExecuted`; with `Message` behind it where the module has another use for the name.
    pub fn type_name(&self) -> String {
        let name = camel(&self.name);
        if TAKEN.contains(&name.as_str()) { name + "Message" } else { name }
    }

    /// Type and name, as errors say it: `A (add_order)`.
    pub fn label(&self) -> String {
        format!("{} ({})", self.type_text, self.name)
    }

    /// Whether the two are forms of one message, or one is a form of the other.
    pub fn is_form_of(&self, other: &Self) -> bool {
        let widest = |message: &Self| message.form_of.clone().unwrap_or_else(|| message.name.clone());
        widest(self) == widest(other)
    }

    /// Whether its time is nanoseconds behind the channel's second.
    pub fn has_time_offset(&self) -> bool {
        self.time.is_some_and(|at| self.fields[at].unit.starts_with("ns_since_last"))
    }

    /// Whether events name its instrument by a number that the decoder gives it.
    pub fn has_interned_instrument(&self) -> bool {
        self.instrument.is_some_and(|at| self.fields[at].keys() != Keys::Numbers)
    }

    /// Whether a symbol that was not named before is named by a definition event ahead of the message's own.
    pub fn names_instrument(&self) -> bool {
        self.symbol.is_some() && self.instrument.is_some() && !self.events.is_empty() && !self.defines_instrument()
    }

    pub fn defines_instrument(&self) -> bool {
        self.events.iter().any(|event| event.kind == EventKind::DEFINITION)
    }

    pub fn record_count(&self) -> usize {
        self.events.iter().filter(|event| event.record.is_some()).count()
    }

    /// Whether it comes often enough to be decoded without a call.
    pub fn is_hot(&self) -> bool {
        self.group_edge.is_some() || self.events.first().is_some_and(|event| event.kind < EventKind::CLEAR)
    }
}

impl Field {
    /// How it names instruments.
    pub fn keys(&self) -> Keys {
        match self.size {
            ..=4 if self.is_unsigned() => Keys::Numbers,
            ..=8 => Keys::Words,
            _ => Keys::Texts,
        }
    }

    /// Rust type of its raw value.
    pub fn rust_type(&self) -> String {
        match (self.kind, self.size) {
            (Kind::Char, _) => "u8".into(),
            (Kind::Unsigned | Kind::Bits, size) => format!("u{}", integer_bits(size)),
            (Kind::Signed, size) => format!("i{}", integer_bits(size)),
            (_, size) => format!("[u8; {size}]"),
        }
    }

    /// Whether its raw value is an unsigned integer or a character.
    pub fn is_unsigned(&self) -> bool {
        matches!(self.kind, Kind::Unsigned | Kind::Bits | Kind::Char)
    }

    pub fn is_integer(&self) -> bool {
        self.is_unsigned() || self.kind == Kind::Signed
    }

    pub fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Ascii | Kind::AsciiNul)
    }

    /// The integer that means no value, in words.
    pub fn null_text(&self) -> Option<String> {
        let null = self.null?;
        Some(if self.kind == Kind::Signed { self.signed(null).to_string() } else { null.to_string() })
    }

    /// A wire integer of this signed field, cut to its bytes, as the number it is.
    pub fn signed(&self, wire: u64) -> i64 {
        let unused = 64 - 8 * self.size.min(8) as u32;
        ((wire << unused) as i64) >> unused
    }

    /// Units of the wire to one unit of money.
    pub fn price_scale(&self) -> u64 {
        if self.unit == "price_in_cents" { self.scale.saturating_mul(100) } else { self.scale }
    }

    /// Multiplies the raw value into a record's: prices to 1e-9, seconds to nanoseconds.
    pub fn record_factor(&self) -> Option<u64> {
        match self.unit.as_str() {
            "price" | "price_in_cents" => {
                let scale = self.price_scale();
                (1_000_000_000 % scale == 0).then(|| 1_000_000_000 / scale)
            }
            unit if unit.starts_with("s_since") || unit == "unix_seconds" => Some(1_000_000_000),
            _ => Some(1),
        }
    }
}

/// Types that a protocol's module takes in, and those of the prelude.
const TAKEN: &[&str] = &[
    "BatchWriter",
    "Box",
    "Clock",
    "DecodeError",
    "Default",
    "Description",
    "EnumInfo",
    "EnumValue",
    "Event",
    "EventCold",
    "EventKind",
    "FieldInfo",
    "FieldKind",
    "Framing",
    "Group",
    "Instruments",
    "Keys",
    "List",
    "Memory",
    "MessageInfo",
    "Option",
    "OrderIds",
    "Outcome",
    "PartInfo",
    "Record",
    "Result",
    "Side",
    "Status",
    "String",
    "Symbols",
    "Tag",
    "Text",
    "TradingState",
    "Vec",
];

/// Bits of the smallest Rust integer that holds `size` bytes.
pub fn integer_bits(size: usize) -> usize {
    size.next_power_of_two() * 8
}

pub fn camel(snake: &str) -> String {
    snake.split('_').map(capitalized).collect()
}

/// `order_executed` as `Order Executed`.
pub fn title(snake: &str) -> String {
    snake.split('_').map(capitalized).collect::<Vec<_>>().join(" ")
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A message with one choice of the events that are there at times only: what an encoder chooses among.
#[derive(Debug)]
pub struct Variant<'a> {
    pub message: &'a Message,
    /// Its events with their index in the message.
    pub events: Vec<(usize, &'a EventRule)>,
}

impl Message {
    /// Every choice of events that has any, in the order of their count, for messages that an encoder writes.
    pub fn variants(&self) -> Vec<Variant<'_>> {
        if !self.encodes {
            return Vec::new();
        }
        let conditional: Vec<usize> =
            self.events.iter().enumerate().filter(|(_, event)| event.when.is_some()).map(|(at, _)| at).collect();
        let mut variants: Vec<_> = (0..1_u32 << conditional.len())
            .map(|choice| {
                let chosen = |at: usize| {
                    conditional.iter().position(|each| *each == at).is_none_or(|bit| choice >> bit & 1 != 0)
                };
                Variant {
                    message: self,
                    events: self.events.iter().enumerate().filter(|(at, _)| chosen(*at)).collect(),
                }
            })
            .filter(|variant| !variant.events.is_empty())
            .collect();
        variants.sort_by_key(|variant| variant.events.len());
        variants
    }

    /// Kind, instrument and detail of each of its events, those that are there at times included.
    pub fn meaning(&self) -> Vec<(u8, bool, u8)> {
        self.events.iter().map(|event| (event.kind.0, event.of_instrument, event.detail)).collect()
    }

    /// Whether an event has a value of this field that the instrument's scale turns into a price.
    pub fn needs_instrument_scale(&self) -> bool {
        let scaled = |at: &usize| self.fields[*at].scaled_by_instrument;
        self.events.iter().any(|event| {
            let values = event.record.iter().flat_map(|record| record.values.iter().map(|(_, at)| at));
            event.price.iter().chain(values).any(scaled)
        })
    }
}

impl Variant<'_> {
    /// What an encoder tells variants apart by.
    pub fn signature(&self) -> Signature {
        Signature {
            participant: self.tells_by_participant(),
            tags: self.deciding_tags(),
            events: self.events.iter().map(|(_, event)| (event.kind.0, event.of_instrument, event.detail)).collect(),
        }
    }

    /// Whether it stands only for events that name a participant.
    pub fn tells_by_participant(&self) -> bool {
        self.events.iter().any(|(_, event)| event.participant.is_some() && !event.tells_by_record())
    }

    /// Tags that its first event's record must have. A value that may be none tells nothing.
    pub fn deciding_tags(&self) -> Vec<u8> {
        let record = self
            .events
            .first()
            .filter(|(_, event)| event.tells_by_record())
            .and_then(|(_, event)| event.record.as_ref());
        let values = record.map_or(&[][..], |record| &record.values);
        let sure = values.iter().filter(|(_, at)| self.message.fields[*at].null.is_none());
        let mut tags: Vec<u8> = sure.map(|(tag, _)| tag.0).collect();
        tags.sort_unstable();
        tags
    }
}

impl EventRule {
    /// Whether the record's values say which message it is: kinds that mean nothing without a record.
    pub fn tells_by_record(&self) -> bool {
        matches!(self.kind, EventKind::STATUS | EventKind::STATISTIC | EventKind::DEFINITION)
    }
}

/// See [`Variant::signature`]; a greater one is the more special and is tried first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature {
    pub participant: bool,
    pub tags: Vec<u8>,
    pub events: Vec<(u8, bool, u8)>,
}
