//! The layout of a protocol in Simple Binary Encoding, whether it was read from YAML or from a venue's XML.
//!
//! Composites are flattened: a member of composite `maturity` is a field `maturity.year`. A decimal with a constant exponent is
//! one field with a scale.

/// Everything that the wire's bytes are read by.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    pub schema_id: Option<u64>,
    pub version: Option<u64>,
    pub big_endian: bool,
    /// Fields of the message header.
    pub header: Vec<Field>,
    /// By template id.
    pub messages: Vec<Message>,
    pub enums: Vec<Enumeration>,
}

/// Codes of an enum, or masks of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enumeration {
    pub name: String,
    /// Code and meaning; numbers in decimal.
    pub values: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub template_id: u64,
    /// Where it is not the schema's own (two schemas on one link).
    pub schema_id: Option<u64>,
    pub name: String,
    /// The venue's name.
    pub official: String,
    pub about: String,
    pub since: u64,
    pub block: Block,
}

/// Fields at fixed places, then groups, then data: the root of a message, or an entry of a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// Bytes in the version described; the wire says how many there are.
    pub length: usize,
    pub fields: Vec<Field>,
    pub groups: Vec<Group>,
    pub data: Vec<Data>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub name: String,
    pub id: u64,
    pub since: u64,
    pub dimension: Dimension,
    pub block: Block,
}

/// What stands ahead of a group's entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dimension {
    pub name: String,
    pub size: usize,
    pub block_length: Number,
    pub count: Number,
}

/// An unsigned integer at a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Number {
    pub offset: usize,
    pub size: usize,
}

/// A length, then as many bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    pub name: String,
    pub id: u64,
    pub since: u64,
    pub length: Number,
    /// Bytes ahead of the data.
    pub head_size: usize,
    /// Encoding of text; empty where the bytes have no meaning.
    pub encoding: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: String,
    /// Id in the schema, a FIX tag mostly; 0 where there is none.
    pub id: u64,
    pub offset: usize,
    /// Bytes of all its values; 0 where it is constant.
    pub size: usize,
    /// Values one behind the other.
    pub count: usize,
    pub kind: Kind,
    /// The integer divided by this is the value.
    pub scale: u64,
    /// The scale stands in another field.
    pub scaling: Option<(Scaling, String)>,
    pub unit: String,
    /// Wire integer that means no value, cut to the field's bytes.
    pub null: Option<u64>,
    /// Index in [`Schema::enums`].
    pub enumeration: Option<usize>,
    /// Value that is not on the wire.
    pub constant: Option<String>,
    pub since: u64,
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Unsigned,
    Signed,
    Char,
    /// ASCII, padded with spaces.
    Ascii,
    /// ASCII, padded with NULs.
    AsciiNul,
    Bytes,
    Bits,
    Float,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    Exponent,
    Decimals,
    Denominator,
}

impl Schema {
    /// The header's field with one of these names.
    pub fn header_field(&self, names: &[&str]) -> Option<&Field> {
        names.iter().find_map(|name| self.header.iter().find(|field| field.name == *name))
    }

    pub fn header_size(&self) -> usize {
        self.header.iter().map(Field::end).max().unwrap_or(0)
    }

    pub fn block_length(&self) -> Option<Number> {
        self.header_field(&["block_length"]).map(Field::number)
    }

    pub fn template_id(&self) -> Option<Number> {
        self.header_field(&["template_id"]).map(Field::number)
    }

    pub fn schema_number(&self) -> Option<Number> {
        self.header_field(&["schema_id"]).map(Field::number)
    }

    pub fn version_number(&self) -> Option<Number> {
        self.header_field(&["version", "schema_version"]).map(Field::number)
    }

    /// Name of a message's Rust view: camel case, `Message` behind a name that the module has another use for, and the template
    /// id where another message has the name too.
    pub fn type_name(&self, message: &Message) -> String {
        let camel = crate::model::camel(&rust_name(&message.name));
        let camel = if TYPES_TAKEN.contains(&camel.as_str()) { camel + "Message" } else { camel };
        let shared = self.messages.iter().filter(|other| other.name == message.name).count() > 1;
        if shared { format!("{camel}{}", message.template_id) } else { camel }
    }
}

impl Message {
    /// What it is for, in the venue's name where nothing else is said.
    pub fn described(&self) -> &str {
        if self.about.is_empty() { &self.official } else { &self.about }
    }

    /// Id and name, as errors say it: `46 (md_incremental_refresh_book)`.
    pub fn label(&self) -> String {
        format!("{} ({})", self.template_id, self.name)
    }
}

impl Block {
    /// Bytes that every version's block has: the fields that are there from the first version `since` on and cannot be null.
    pub fn least(&self, since: u64) -> usize {
        let always = self.fields.iter().filter(|field| field.constant.is_none() && !field.may_lack(since));
        always.map(Field::end).max().unwrap_or(0)
    }

    /// Whether an entry's length is its block's.
    pub fn is_flat(&self) -> bool {
        self.groups.is_empty() && self.data.is_empty()
    }
}

impl Block {
    /// Visits every field, those of groups included.
    pub fn each_field(&mut self, visit: &mut dyn FnMut(&mut Field)) {
        self.fields.iter_mut().for_each(&mut *visit);
        for group in &mut self.groups {
            group.block.each_field(visit);
        }
    }
}

impl Field {
    pub fn end(&self) -> usize {
        self.offset + self.size
    }

    pub fn number(&self) -> Number {
        Number { offset: self.offset, size: self.size }
    }

    /// Bytes of one value.
    pub fn value_size(&self) -> usize {
        self.size / self.count.max(1)
    }

    /// Whether a message of a block that is there since version `since` may come without a value.
    pub fn may_lack(&self, since: u64) -> bool {
        self.null.is_some() || self.since > since
    }

    /// Name of its Rust accessor.
    pub fn rust_name(&self) -> String {
        rust_name(&self.name)
    }

    /// Rust type of one value.
    pub fn value_type(&self) -> String {
        let bits = self.value_size() * 8;
        match self.kind {
            Kind::Unsigned | Kind::Bits => format!("u{bits}"),
            Kind::Signed => format!("i{bits}"),
            Kind::Float => format!("f{bits}"),
            Kind::Char => "u8".into(),
            Kind::Ascii | Kind::AsciiNul | Kind::Bytes => format!("[u8; {}]", self.value_size()),
        }
    }

    /// Rust type of all of it.
    pub fn rust_type(&self) -> String {
        match self.count {
            1 => self.value_type(),
            count => format!("[{}; {count}]", self.value_type()),
        }
    }

    pub fn is_integer(&self) -> bool {
        self.count == 1 && matches!(self.kind, Kind::Unsigned | Kind::Signed | Kind::Bits | Kind::Char)
    }

    pub fn is_unsigned(&self) -> bool {
        self.is_integer() && self.kind != Kind::Signed
    }

    pub fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Ascii | Kind::AsciiNul)
    }
}

/// Types that a protocol's module names.
const TYPES_TAKEN: &[&str] = &[
    "BatchWriter",
    "Block",
    "Clock",
    "DataInfo",
    "Default",
    "DecodeError",
    "Description",
    "Entries",
    "EnumInfo",
    "EnumValue",
    "Event",
    "EventCold",
    "EventKind",
    "FieldInfo",
    "FieldKind",
    "Framing",
    "Group",
    "GroupInfo",
    "Header",
    "HeaderInfo",
    "Iterator",
    "List",
    "Memory",
    "MessageInfo",
    "Option",
    "OrderIds",
    "Outcome",
    "Record",
    "Result",
    "Scaling",
    "Self",
    "Side",
    "Slot",
    "Some",
    "None",
    "Ok",
    "Err",
    "Status",
    "Symbols",
    "Tag",
    "Text",
    "TradingState",
    "Vec",
    "String",
    "Box",
    "From",
    "Into",
];

/// A name as Rust takes it: dots are underscores, and keywords get one.
pub fn rust_name(name: &str) -> String {
    const TAKEN: &[&str] = &[
        "as", "async", "await", "box", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false",
        "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "new",
        "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "try",
        "type", "typeof", "unsafe", "unsized", "use", "version", "virtual", "where", "while", "yield", "abstract",
        "become", "do",
    ];
    let plain = name.replace('.', "_");
    if TAKEN.contains(&plain.as_str()) { plain + "_" } else { plain }
}

/// `MDEntryPx` as `md_entry_px`, `NoMDEntries` as `no_md_entries`, `Order_MBO_50` as `order_mbo_50`.
pub fn snake(name: &str) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    // `mDEntryPx` is `MDEntryPx` with its first letter made small.
    if let [first, second, third, fourth, ..] = letters.as_mut_slice()
        && second.is_ascii_uppercase()
        && third.is_ascii_uppercase()
        && fourth.is_ascii_lowercase()
    {
        first.make_ascii_uppercase();
    }
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            if !out.is_empty() && !out.ends_with('_') {
                out.push('_');
            }
            continue;
        }
        let before = at.checked_sub(1).map(|at| letters[at]);
        let after = letters.get(at + 1);
        let starts_word = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || before.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase)
            });
        if starts_word && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_name_are_told_apart() {
        for (name, expected) in [
            ("MDEntryPx", "md_entry_px"),
            ("NoMDEntries", "no_md_entries"),
            ("Order_MBO_50", "order_mbo_50"),
            ("mDEntryPx", "md_entry_px"),
            ("eMM", "e_mm"),
            ("uRLLink", "u_rl_link"),
            ("SecurityIDSource", "security_id_source"),
            ("RptSeq", "rpt_seq"),
            ("blockLength", "block_length"),
        ] {
            assert_eq!(snake(name), expected);
        }
    }

    #[test]
    fn rust_takes_every_name() {
        assert_eq!(rust_name("type"), "type_");
        assert_eq!(rust_name("maturity.year"), "maturity_year");
    }
}
