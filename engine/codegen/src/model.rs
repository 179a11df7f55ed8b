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
    pub ascending_order_ids: bool,
    pub framings: Vec<&'static str>,
    pub price_scale: u64,
    pub instrument_limit: u32,
    /// Bytes of a symbol; 0 where no message has one.
    pub symbol_size: usize,
    pub messages: Vec<Message>,
    pub enums: Vec<Enumeration>,
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
    pub length: usize,
    /// By offset, without gaps.
    pub fields: Vec<Field>,
    pub instrument: Option<usize>,
    pub time: Option<usize>,
    pub symbol: Option<usize>,
    pub type_field: usize,
    pub events: Vec<EventRule>,
}

#[derive(Debug)]
pub struct Field {
    pub name: String,
    pub offset: usize,
    pub size: usize,
    pub kind: Kind,
    pub scale: u64,
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
    pub match_id: Option<usize>,
    pub participant: Option<usize>,
    /// Detail bits that are always set.
    pub detail: u8,
    /// Detail bits by the code of a field.
    pub detail_codes: Option<CodeMap<u8>>,
    pub state: Option<CodeMap<TradingState>>,
    /// The event is there only for these codes.
    pub when: Option<CodeMap<()>>,
    pub record: Option<RecordRule>,
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
    /// Wire value and meaning.
    pub codes: Vec<(u64, T)>,
}

#[derive(Debug, Default)]
pub struct RecordRule {
    pub text: Option<usize>,
    pub code: Option<usize>,
    pub values: Vec<(Tag, usize)>,
}

impl Protocol {
    /// Name of its Rust module: `nasdaq_totalview_5_0`.
    pub fn module(&self) -> String {
        self.id.replace(['-', '.'], "_")
    }

    /// Name of its Rust type: `NasdaqTotalview50`.
    pub fn type_name(&self) -> String {
        camel(&self.module())
    }
}

impl Message {
    /// Name of its view: `OrderExecuted`.
    pub fn type_name(&self) -> String {
        camel(&self.name)
    }

    /// Type and name, as errors say it: `A (add_order)`.
    pub fn label(&self) -> String {
        format!("{} ({})", self.type_text, self.name)
    }

    /// Whether a symbol that was not named before is named by a definition event ahead of the message's own.
    pub fn names_instrument(&self) -> bool {
        self.symbol.is_some() && self.instrument.is_some() && !self.defines_instrument()
    }

    pub fn defines_instrument(&self) -> bool {
        self.events.iter().any(|event| event.kind == EventKind::DEFINITION)
    }

    pub fn record_count(&self) -> usize {
        self.events.iter().filter(|event| event.record.is_some()).count()
    }

    /// Whether it comes often enough to be decoded without a call.
    pub fn is_hot(&self) -> bool {
        self.events.first().is_some_and(|event| event.kind < EventKind::CLEAR)
    }
}

impl Field {
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

    /// Multiplies the raw value into a record's: prices to 1e-9, seconds to nanoseconds.
    pub fn record_factor(&self) -> Option<u64> {
        match self.unit.as_str() {
            "price" => (1_000_000_000 % self.scale == 0).then(|| 1_000_000_000 / self.scale),
            unit if unit.starts_with("s_since") => Some(1_000_000_000),
            _ => Some(1),
        }
    }
}

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

impl Message {
    /// What an encoder tells messages apart by.
    pub fn signature(&self) -> Signature {
        Signature {
            participant: self.tells_by_participant(),
            tags: self.deciding_tags(),
            events: self.events.iter().map(|event| (event.kind.0, event.of_instrument, event.detail)).collect(),
        }
    }

    /// Whether it stands only for events that name a participant.
    pub fn tells_by_participant(&self) -> bool {
        self.events.iter().any(|event| event.participant.is_some() && !event.tells_by_record())
    }

    /// Tags that its first event's record must have.
    pub fn deciding_tags(&self) -> Vec<u8> {
        let record =
            self.events.first().filter(|event| event.tells_by_record()).and_then(|event| event.record.as_ref());
        let mut tags: Vec<u8> =
            record.map_or(Vec::new(), |record| record.values.iter().map(|(tag, _)| tag.0).collect());
        tags.sort_unstable();
        tags
    }
}

impl EventRule {
    /// Whether the record's values say which message it is: kinds that mean nothing without a record.
    pub fn tells_by_record(&self) -> bool {
        matches!(self.kind, EventKind::STATUS | EventKind::STATISTIC)
    }
}

/// See [`Message::signature`]; a greater one is the more special and is tried first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature {
    pub participant: bool,
    pub tags: Vec<u8>,
    pub events: Vec<(u8, bool, u8)>,
}
