//! Messages and fields: names, offsets, sizes, types.

use super::{
    Shared, events,
    yaml::{Node, Value},
};
use crate::{
    Error,
    model::{Field, Kind, Message, title},
};

const MESSAGE_KEYS: &[&str] = &["type", "name", "title", "about", "length", "fields", "events", "book"];
const FIELD_KEYS: &[&str] = &["name", "offset", "size", "type", "const", "enum", "scale", "unit", "default", "note"];

/// Type name, how its bytes read, and its size where the type fixes it.
const TYPES: &[(&str, Kind, usize)] = &[
    ("u8", Kind::Unsigned, 1),
    ("u16", Kind::Unsigned, 2),
    ("u32", Kind::Unsigned, 4),
    ("u48", Kind::Unsigned, 6),
    ("u64", Kind::Unsigned, 8),
    ("i8", Kind::Signed, 1),
    ("i16", Kind::Signed, 2),
    ("i32", Kind::Signed, 4),
    ("i64", Kind::Signed, 8),
    ("char", Kind::Char, 1),
    ("ascii", Kind::Ascii, 0),
    ("ascii_nul", Kind::AsciiNul, 0),
    ("ascii_decimal", Kind::AsciiDecimal, 0),
    ("bytes", Kind::Bytes, 0),
    ("bits8", Kind::Bits, 1),
    ("bits16", Kind::Bits, 2),
    ("bits32", Kind::Bits, 4),
    ("bits64", Kind::Bits, 8),
];

/// Longest text or byte field: what `Default` and `Debug` of arrays carry.
const TEXT_LIMIT: usize = 32;

const UNITS: &[&str] = &[
    "price",
    "qty",
    "count",
    "percent",
    "ns_since_midnight_local",
    "ns_since_midnight_utc",
    "ns_since_midnight_london",
    "ns_since_last_seconds_message",
    "ns_since_last_time_message_of_unit",
    "s_since_midnight",
    "s_since_midnight_london",
    "s_since_midnight_us_central",
    "s_since_midnight_us_eastern",
    "unix_nanoseconds",
    "unix_microseconds",
    "unix_seconds",
    "milliseconds",
    "yyyymmdd",
    "days_since_1970_01_01",
    "price_in_cents",
];

/// Reads one message, layout and meaning.
pub fn message(node: &Node, shared: &Shared<'_>) -> Result<Message, Error> {
    let type_text = node.need("type")?.text()?.to_owned();
    let label = format!("{type_text} ({})", node.text_or("name", "no name")?);
    read(node, &type_text, shared).map_err(|error| error.in_message(label))
}

fn read(node: &Node, type_text: &str, shared: &Shared<'_>) -> Result<Message, Error> {
    node.only(MESSAGE_KEYS)?;
    let name = identifier(node.need("name")?)?;
    let length_node = node.need("length")?;
    let mut fields = Vec::new();
    for each in shared.header.iter().chain(node.need("fields")?.list()?) {
        fields.push(field(each, shared)?);
    }
    let length = usize::try_from(length_node.number()?).unwrap_or(usize::MAX);
    contiguous(node, &fields, length)?;
    distinct(node, &fields)?;
    let type_field = role(node, &fields, shared.type_field, "type_field")?;
    let type_value = wire_value(node, &fields[type_field], type_text)?;
    agrees(node, &fields[type_field], type_value, type_text)?;
    fields[type_field].constant = Some(type_value);
    let find = |name: Option<&str>| name.and_then(|name| fields.iter().position(|field| field.name == name));
    let mut message = Message {
        type_text: type_text.to_owned(),
        type_value,
        title: node.text_or("title", &title(&name))?,
        about: node.text_or("about", "")?,
        name,
        length,
        instrument: find(shared.instrument),
        time: find(shared.time),
        symbol: find(shared.symbol),
        type_field,
        fields,
        events: Vec::new(),
    };
    events::roles(node, &message)?;
    message.events = events::events(node, &message, shared)?;
    Ok(message)
}

fn identifier(node: &Node) -> Result<String, Error> {
    let text = node.text()?;
    let sound = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|each| each.is_ascii_lowercase() || each.is_ascii_digit() || each == '_');
    if sound && !matches!(text, "type" | "match" | "new" | "to_fields" | "encode" | "self" | "fn" | "in" | "use") {
        Ok(text.to_owned())
    } else {
        Err(node.place.error(format!("{text:?} is no name"), "use snake case that is no Rust keyword"))
    }
}

fn field(node: &Node, shared: &Shared<'_>) -> Result<Field, Error> {
    let name = identifier(node.need("name")?)?;
    read_field(node, &name, shared).map_err(|error| error.in_field(name))
}

fn read_field(node: &Node, name: &str, shared: &Shared<'_>) -> Result<Field, Error> {
    node.only(FIELD_KEYS)?;
    let number = |key| -> Result<usize, Error> { Ok(usize::try_from(node.need(key)?.number()?).unwrap_or(usize::MAX)) };
    let (offset, size) = (number("offset")?, number("size")?);
    let kind = kind(node, size)?;
    let mut field = Field {
        name: name.to_owned(),
        offset,
        size,
        kind,
        scale: scale(node)?,
        unit: unit(node)?,
        enumeration: enumeration(node, shared)?,
        constant: None,
        default: None,
        note: node.text_or("note", "")?,
    };
    if let Some(constant) = node.get("const") {
        field.constant = Some(wire_value(constant, &field, constant.text()?)?);
    }
    if let Some(default) = node.get("default") {
        field.default = Some(default_value(default, &field)?);
    }
    Ok(field)
}

fn kind(node: &Node, size: usize) -> Result<Kind, Error> {
    let type_node = node.need("type")?;
    let text = type_node.text()?;
    let Some((_, kind, fixed)) = TYPES.iter().find(|(name, ..)| *name == text) else {
        let known: Vec<_> = TYPES.iter().map(|(name, ..)| *name).collect();
        return Err(type_node
            .place
            .error(format!("type {text:?} is not known"), format!("use one of {}", known.join(", "))));
    };
    let fits = if *fixed == 0 { (1..=TEXT_LIMIT).contains(&size) } else { size == *fixed };
    if fits {
        return Ok(*kind);
    }
    let remedy = if *fixed == 0 { format!("set size to 1-{TEXT_LIMIT}") } else { format!("set size: {fixed}") };
    Err(node.place.error(format!("size {size} does not fit type {text}"), format!("{remedy}, or choose another type")))
}

fn scale(node: &Node) -> Result<u64, Error> {
    let Some(scale) = node.get("scale") else { return Ok(1) };
    match scale.number()? {
        0 => Err(scale.place.error("scale 0 divides by nothing", "write how many wire units make one")),
        value => Ok(value),
    }
}

fn unit(node: &Node) -> Result<String, Error> {
    let Some(unit) = node.get("unit") else { return Ok(String::new()) };
    let text = unit.text()?;
    if UNITS.contains(&text) {
        return Ok(text.to_owned());
    }
    Err(unit.place.error(format!("unit {text:?} is not known"), format!("use one of {}", UNITS.join(", "))))
}

fn enumeration(node: &Node, shared: &Shared<'_>) -> Result<Option<usize>, Error> {
    let Some(name) = node.get("enum") else { return Ok(None) };
    let text = name.text()?;
    match shared.enums.iter().position(|each| each.name == text) {
        // A list without codes was set to null by a description that extends another.
        Some(at) => Ok((!shared.enums[at].values.is_empty()).then_some(at)),
        None => Err(name.place.error(format!("enum {text} is not listed"), "add it under enums: at the end")),
    }
}

/// The wire integer that `text` stands for in `field`.
pub fn wire_value(node: &Node, field: &Field, text: &str) -> Result<u64, Error> {
    let error = |remedy: String| {
        Err(node.place.error(format!("{text:?} is no value of this field"), remedy).in_field(&field.name))
    };
    match field.kind {
        Kind::Char => match text.as_bytes() {
            [byte] => Ok(u64::from(*byte)),
            _ => error("write one ASCII character".into()),
        },
        Kind::Unsigned | Kind::Bits => {
            let number = Node { place: node.place.clone(), value: Value::Text(text.to_owned()) }.number()?;
            let limit = u64::MAX >> (64 - 8 * field.size);
            if number <= limit { Ok(number) } else { error(format!("write a number up to {limit}")) }
        }
        _ => error("only characters and unsigned integers have constants and deciding codes".into()),
    }
}

/// What an encoder writes by default, as Rust source.
fn default_value(node: &Node, field: &Field) -> Result<String, Error> {
    let text = node.text()?;
    if field.is_text() {
        if text.is_ascii() && text.len() <= field.size {
            return Ok(text.to_owned());
        }
        return Err(node.place.error(
            format!("default {text:?} does not fit"),
            format!("write at most {} ASCII characters", field.size),
        ));
    }
    Ok(wire_value(node, field, text)?.to_string())
}

fn contiguous(node: &Node, fields: &[Field], length: usize) -> Result<(), Error> {
    let mut end = 0;
    let mut before = "the start";
    for field in fields {
        let error = |problem: String, remedy: String| Err(node.place.error(problem, remedy).in_field(&field.name));
        if field.offset < end {
            return error(
                format!("starts at {} inside {before}, which ends at {end}", field.offset),
                format!("set offset: {end}, or mend what stands before; fields stand in the order of their offsets"),
            );
        }
        if field.offset > end {
            return error(
                format!("starts at {} and leaves a gap after {before}, which ends at {end}", field.offset),
                format!("set offset: {end}, or name the bytes between as a field of type bytes"),
            );
        }
        end = field.offset.saturating_add(field.size);
        before = &field.name;
    }
    if end == length {
        return Ok(());
    }
    Err(node.place.error(
        format!("length is {length} but the fields add up to {end}"),
        format!("set length: {end}, or mend the fields"),
    ))
}

fn distinct(node: &Node, fields: &[Field]) -> Result<(), Error> {
    for (at, field) in fields.iter().enumerate() {
        if fields[..at].iter().any(|before| before.name == field.name) {
            return Err(node
                .place
                .error("the name stands twice in this message", "give each field a name of its own")
                .in_field(&field.name));
        }
    }
    Ok(())
}

/// Index of the field called `name` that `key` asks for.
pub fn role(node: &Node, fields: &[Field], name: &str, key: &str) -> Result<usize, Error> {
    fields.iter().position(|field| field.name == name).ok_or_else(|| {
        let known: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
        node.place.error(
            format!("{key} names {name}, which is no field of this message"),
            format!("name one of {}", known.join(", ")),
        )
    })
}

fn agrees(node: &Node, field: &Field, type_value: u64, type_text: &str) -> Result<(), Error> {
    match field.constant {
        Some(constant) if constant != type_value => Err(node
            .place
            .error(
                format!("its const is not the type {type_text}"),
                format!("write const: {type_text} or leave it out"),
            )
            .in_field(&field.name)),
        _ => Ok(()),
    }
}
