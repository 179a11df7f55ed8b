//! Messages and fields: names, offsets, sizes, types.

use super::{
    Shared, events,
    yaml::{Node, Value},
};
use crate::{
    Error,
    model::{Field, GroupEdge, InstrumentPart, Kind, Message, Part, PartCount, title},
};

const MESSAGE_KEYS: &[&str] = &[
    "type",
    "name",
    "title",
    "about",
    "length",
    "min_length",
    "older_length",
    "fields",
    "repeat",
    "optional_block",
    "form_of",
    "encode",
    "group",
    "events",
    "book",
];
const FIELD_KEYS: &[&str] =
    &["name", "offset", "size", "type", "const", "enum", "bits", "scale", "null_value", "unit", "default", "note"];

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

/// Longest text or byte field.
const TEXT_LIMIT: usize = 128;

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
    let length_node = node.get("min_length").map_or_else(|| node.need("length"), Ok)?;
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
    if let Some(at) = shared.length_field.and_then(|name| fields.iter().position(|field| field.name == name)) {
        fields[at].constant = Some(wire_value(node, &fields[at], &length.to_string())?);
    }
    let parts = parts(node, &fields, length, shared)?;
    let find = |names: &[&str]| names.iter().find_map(|name| fields.iter().position(|field| field.name == *name));
    let instrument = find(&shared.instrument);
    let mut message = Message {
        type_text: type_text.to_owned(),
        type_value,
        title: node.text_or("title", &title(&name))?,
        about: node.text_or("about", "")?,
        name,
        length,
        instrument,
        time: find(&shared.time),
        seconds: find(&shared.seconds),
        symbol: find(&shared.symbol).or_else(|| instrument.filter(|at| fields[*at].is_text())),
        type_field,
        instrument_part: None,
        scale_field: shared
            .instrument_scale
            .and_then(|scale| fields.iter().position(|field| field.name == scale.field)),
        encodes: encodes(node)?,
        group_edge: group_edge(node)?,
        older_length: older_length(node, &fields, &parts)?,
        form_of: node.get("form_of").map(Node::text).transpose()?.map(str::to_owned),
        parts,
        fields,
        events: Vec::new(),
    };
    events::roles(node, &message)?;
    if let Some(part) = shared.instrument_part.filter(|_| message.instrument.is_some()) {
        message.instrument_part = Some(instrument_part(node, &message, part)?);
    }
    gives_scale(node, &message)?;
    message.events = events::events(node, &message, shared)?;
    Ok(message)
}

/// Where older versions of the message end: in front of one of its fields.
fn older_length(node: &Node, fields: &[Field], parts: &[Part]) -> Result<Option<usize>, Error> {
    let Some(older) = node.get("older_length") else { return Ok(None) };
    let length = usize::try_from(older.number()?).unwrap_or(usize::MAX);
    let error = |problem: String, remedy| Err(older.place.error(problem, remedy));
    if !fields.iter().skip(1).any(|field| field.offset == length) {
        return error(format!("older_length: no field starts at {length}"), "name the offset of the first newer field");
    }
    if !parts.is_empty() {
        return error("older_length: the message varies in length anyway".into(), "leave it out, or the parts");
    }
    Ok(Some(length))
}

fn encodes(node: &Node) -> Result<bool, Error> {
    match node.get("encode") {
        None => Ok(true),
        Some(encode) if encode.text()? == "never" => Ok(false),
        Some(encode) => Err(encode.place.error("encode: can only be never", "leave it out for messages to be written")),
    }
}

/// Reads `group: begins` or `group: ends`.
fn group_edge(node: &Node) -> Result<Option<GroupEdge>, Error> {
    let Some(group) = node.get("group") else { return Ok(None) };
    if let Some(events) = node.get("events") {
        let problem = "a message at the edge of a group has no events of its own";
        return Err(events.place.error(problem, "leave out events:, or group:"));
    }
    match group.text()? {
        "begins" => Ok(Some(GroupEdge::Begins)),
        "ends" => Ok(Some(GroupEdge::Ends)),
        other => {
            let problem = format!("group: {other} is not known");
            Err(group.place.error(problem, "write begins where a group of messages begins, ends where it ends"))
        }
    }
}

/// The field that names the message's instrument together with its number.
fn instrument_part(node: &Node, message: &Message, part: &InstrumentPart) -> Result<usize, Error> {
    let at = role(node, &message.fields, &part.field, "instrument_part")?;
    let field = &message.fields[at];
    let error = |problem: String, remedy| Err(node.place.error(problem, remedy).in_field(&field.name));
    if field.kind != Kind::Ascii {
        return error("cannot be the instrument's part".into(), "that is text padded with spaces");
    }
    match part.codes.iter().find(|code| code.len() > field.size) {
        Some(code) => error(format!("instrument_part: {code} does not fit"), "write codes that the field can have"),
        None => Ok(at),
    }
}

/// Checks that a field that scales an instrument's prices can do so.
fn gives_scale(node: &Node, message: &Message) -> Result<(), Error> {
    let Some(at) = message.scale_field else { return Ok(()) };
    let error = |problem, remedy| Err(node.place.error(problem, remedy).in_field(&message.fields[at].name));
    if !message.fields[at].is_unsigned() {
        return error("cannot scale prices", "that is an unsigned integer");
    }
    if message.instrument.is_none() {
        return error("scales prices of no instrument", "give the message a field in the role of the instrument");
    }
    Ok(())
}

/// Reads what may stand behind the fixed fields: `repeat` and `optional_block`.
fn parts(node: &Node, fixed: &[Field], length: usize, shared: &Shared<'_>) -> Result<Vec<Part>, Error> {
    let mut parts = Vec::new();
    if let Some(node) = node.get("optional_block") {
        node.only(&["name", "present_if", "offset", "offset_field", "size", "fields"])?;
        let present = node.need("present_if")?;
        present.only(&["field", "mask"])?;
        let field = part_role(present, fixed, "field")?
            .ok_or_else(|| present.place.error("field is missing", "name the field that says it is there"))?;
        let count = PartCount::Present { field, mask: present.need("mask")?.number()? };
        parts.push(part(node, fixed, length, count, "size", shared)?);
    }
    if let Some(node) = node.get("repeat") {
        node.only(&["name", "offset", "offset_field", "count", "count_field", "stride", "fields"])?;
        let count = match part_role(node, fixed, "count_field")? {
            Some(field) => PartCount::Field(field),
            None => PartCount::Fixed(usize::try_from(node.need("count")?.number()?).unwrap_or(usize::MAX)),
        };
        parts.push(part(node, fixed, length, count, "stride", shared)?);
    }
    Ok(parts)
}

fn part(
    node: &Node,
    fixed: &[Field],
    length: usize,
    count: PartCount,
    size_key: &str,
    shared: &Shared<'_>,
) -> Result<Part, Error> {
    let number = |node: &Node| -> Result<usize, Error> { Ok(usize::try_from(node.number()?).unwrap_or(usize::MAX)) };
    let stride = number(node.need(size_key)?)?;
    let fields = node.need("fields")?.list()?.iter().map(|each| field(each, shared)).collect::<Result<Vec<_>, _>>()?;
    contiguous(node, &fields, stride)?;
    distinct(node, &fields)?;
    Ok(Part {
        name: identifier(node.need("name")?)?,
        offset: node.get("offset").map_or(Ok(length), number)?,
        stride,
        count,
        offset_field: part_role(node, fixed, "offset_field")?,
        fields,
    })
}

/// The fixed field that `key` of a part names, an unsigned integer.
fn part_role(node: &Node, fixed: &[Field], key: &str) -> Result<Option<usize>, Error> {
    let Some(name) = node.get(key) else { return Ok(None) };
    let at = role(name, fixed, name.text()?, key)?;
    if fixed[at].is_unsigned() {
        return Ok(Some(at));
    }
    Err(name.place.error(format!("cannot be the {key}"), "use an unsigned integer").in_field(&fixed[at].name))
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
    let (scale, scaled_by_instrument) = scale(node, shared)?;
    let mut field = Field {
        name: name.to_owned(),
        offset,
        size,
        kind,
        scale,
        scaled_by_instrument,
        null: None,
        unit: unit(node)?,
        enumeration: enumeration(node, shared)?,
        constant: None,
        default: None,
        note: node.text_or("note", "")?,
    };
    if let Some(constant) = node.get("const") {
        field.constant = Some(wire_value(constant, &field, constant.text()?)?);
    }
    if let Some(null) = node.get("null_value") {
        field.null = Some(null_value(null, &field)?);
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

/// What the integer is divided by, and whether that is the instrument's own.
fn scale(node: &Node, shared: &Shared<'_>) -> Result<(u64, bool), Error> {
    let Some(scale) = node.get("scale") else { return Ok((1, false)) };
    if scale.text()? == "instrument" {
        let error = |problem, remedy| Err(scale.place.error(problem, remedy));
        return match shared.instrument_scale {
            None => error("scale: instrument, but nothing says what that is", "add instrument_scale: at the top"),
            Some(_) if node.text_or("unit", "")? != "price" => {
                error("scale: instrument is of prices", "add unit: price, or write a number")
            }
            Some(_) => Ok((1, true)),
        };
    }
    match scale.number()? {
        0 => Err(scale.place.error("scale 0 divides by nothing", "write how many wire units make one")),
        value => Ok((value, false)),
    }
}

/// The wire integer that means no value, cut to the field's bytes.
fn null_value(node: &Node, field: &Field) -> Result<u64, Error> {
    let bits = 8 * field.size.min(8) as u32;
    let number = node.text()?.parse::<i128>().ok().filter(|number| match field.kind {
        Kind::Signed => (-(1_i128 << (bits - 1))..1 << (bits - 1)).contains(number),
        Kind::Unsigned => (0..1 << bits).contains(number),
        _ => false,
    });
    match number {
        Some(number) => Ok(number as u64 & u64::MAX >> (64 - bits)),
        None => Err(node.place.error("null_value is no integer of this field", "write one, or leave it out")),
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
    let Some(name) = node.get("enum").or_else(|| node.get("bits")) else { return Ok(None) };
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
