//! The inspector table.

use std::fmt::Write as _;

use crate::model::{Enumeration, Field, Keys, Kind, Message, Part, PartCount, Protocol};

pub fn emit(out: &mut String, protocol: &Protocol) {
    for list in protocol.enums.iter().filter(|list| !list.values.is_empty()) {
        enumeration(out, list);
    }
    for message in &protocol.messages {
        field_table(out, protocol, &fields_name(message), &message.fields, message.older_length);
        for part in &message.parts {
            field_table(out, protocol, &part_name(message, part), &part.fields, None);
        }
    }
    messages(out, protocol);
    description(out, protocol);
}

fn enumeration(out: &mut String, list: &Enumeration) {
    let _ = writeln!(out, "static ENUM_{}: [EnumValue; {}] = [", list.name.to_uppercase(), list.values.len());
    for (code, name) in &list.values {
        let _ = writeln!(out, "EnumValue {{ code: Text::new({code:?}), name: Text::new({name:?}) }},");
    }
    out.push_str("];\n\n");
}

/// The table of fields that start one behind the other; those from `older` on are not in every message.
fn field_table(out: &mut String, protocol: &Protocol, name: &str, fields: &[Field], older: Option<usize>) {
    let _ = writeln!(out, "static {name}: [FieldInfo; {}] = [", fields.len());
    for field in fields {
        let since = if older.is_some_and(|older| field.offset >= older) { "since: 1,\n" } else { "" };
        let _ = write!(
            out,
            "FieldInfo {{\nname: Text::new({:?}),\nunit: Text::new({:?}),\noffset: {},\nsize: {},\nscale: {},\n\
             kind: FieldKind::{},\nbig_endian: {},\nenumeration: {},\n{}{since}..FieldInfo::PLAIN\n}},\n",
            field.name,
            field.unit,
            field.offset,
            field.size,
            field.scale,
            kind(field),
            u8::from(protocol.big_endian),
            codes(protocol, field),
            field.null.map_or_else(String::new, |null| format!("null: {null},\nnullable: 1,\n"))
        );
    }
    out.push_str("];\n\n");
}

fn fields_name(message: &Message) -> String {
    format!("FIELDS_{}", message.name.to_uppercase())
}

fn part_name(message: &Message, part: &Part) -> String {
    format!("{}_{}", fields_name(message), part.name.to_uppercase())
}

/// The parts behind a message's fixed fields; numbers of fields count from 1.
fn parts(message: &Message) -> String {
    let numbered = |at: Option<usize>| at.map_or(0, |at| at + 1);
    let each = message.parts.iter().map(|part| {
        let (count, count_field, present_field, present_mask) = match part.count {
            PartCount::Fixed(count) => (count, 0, 0, 0),
            PartCount::Field(at) => (0, at + 1, 0, 0),
            PartCount::Present { field, mask } => (1, 0, field + 1, mask),
        };
        format!(
            "PartInfo {{\nname: Text::new({:?}),\noffset: {},\nstride: {},\ncount: {count},\ncount_field: {count_field},\n\
             offset_field: {},\npresent_field: {present_field},\npresent_mask: {present_mask},\nrepeats: {},\n\
             reserved: [0; 7],\nfields: List::new(&{}),\n}}",
            part.name,
            part.offset,
            part.stride,
            numbered(part.offset_field),
            u8::from(present_field == 0),
            part_name(message, part)
        )
    });
    each.collect::<Vec<_>>().join(", ")
}

fn kind(field: &Field) -> &'static str {
    match field.kind {
        Kind::Unsigned => "UNSIGNED",
        Kind::Signed => "SIGNED",
        Kind::Char => "CHAR",
        Kind::Ascii => "ASCII",
        Kind::AsciiNul => "ASCII_NUL",
        Kind::AsciiDecimal => "ASCII_DECIMAL",
        Kind::Bytes => "BYTES",
        Kind::Bits => "BITS",
    }
}

fn codes(protocol: &Protocol, field: &Field) -> String {
    match field.enumeration.map(|at| &protocol.enums[at]) {
        None => "EnumInfo::NONE".into(),
        Some(list) => format!(
            "EnumInfo {{ name: Text::new({:?}), values: List::new(&ENUM_{}) }}",
            list.name,
            list.name.to_uppercase()
        ),
    }
}

fn messages(out: &mut String, protocol: &Protocol) {
    let _ = writeln!(out, "static MESSAGES: [MessageInfo; {}] = [", protocol.messages.len());
    for message in &protocol.messages {
        let _ = write!(
            out,
            "MessageInfo {{\ntype_text: Text::new({:?}),\nname: Text::new({:?}),\nabout: Text::new({:?}),\n\
             type_value: {},\nlength: {},\nfields: List::new(&{}),\nparts: List::new(const {{ &[{}] }}),\n..MessageInfo::PLAIN\n}},\n",
            message.type_text,
            message.name,
            message.about,
            message.type_value,
            message.length,
            fields_name(message),
            parts(message)
        );
    }
    out.push_str("];\n\n");
}

fn description(out: &mut String, protocol: &Protocol) {
    let framings: Vec<_> = protocol.framings.iter().map(|name| format!("Framing::{name}")).collect();
    let statuses = statuses(protocol);
    let _ = write!(
        out,
        "static FRAMINGS: [Framing; {}] = [{}];\n\n\
         static STATUSES: [Status; {}] = [{}];\n\n",
        framings.len(),
        framings.join(", "),
        statuses.len(),
        statuses.join(", ")
    );
    let _ = write!(
        out,
        "/// Identity, units and layout, for inspectors.\n\
         pub const DESCRIPTION: Description = Description {{\n\
         protocol: Text::new({:?}),\nversion: Text::new({:?}),\nvenue: Text::new({:?}),\nfamily: Text::new({:?}),\n\
         timezone: Text::new({:?}),\nprice_scale: {},\ninstrument_limit: {},\norder_ids: OrderIds::{},\nclock: Clock::{},\n\
         framings: List::new(&FRAMINGS),\nmessages: List::new(&MESSAGES),\nstatuses: List::new(&STATUSES),\n..Description::PLAIN\n}};\n\n",
        protocol.id,
        protocol.version,
        protocol.venue,
        protocol.family,
        protocol.timezone,
        protocol.price_scale,
        protocol.instrument_limit,
        protocol.order_ids,
        if protocol.unix_clock { "UNIX" } else { "LOCAL_MIDNIGHT" },
    );
}

/// Statuses that the decoder can report, most common first.
fn statuses(protocol: &Protocol) -> Vec<&'static str> {
    let mut statuses = vec!["Status::TRUNCATED", "Status::UNKNOWN_TYPE"];
    if !protocol.accepts_longer {
        statuses.push("Status::LONG_MESSAGE");
    }
    statuses.extend(["Status::SHORT_MESSAGE", "Status::BAD_VALUE"]);
    if protocol.keys != Keys::Numbers {
        statuses.push("Status::TOO_MANY_INSTRUMENTS");
    }
    statuses.extend(["Status::TRAILING_BYTES", "Status::BAD_HEADER"]);
    statuses
}
