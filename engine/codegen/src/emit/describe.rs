//! The inspector table.

use std::fmt::Write as _;

use crate::model::{Enumeration, Field, Kind, Message, Protocol};

pub fn emit(out: &mut String, protocol: &Protocol) {
    for list in protocol.enums.iter().filter(|list| !list.values.is_empty()) {
        enumeration(out, list);
    }
    for message in &protocol.messages {
        fields(out, protocol, message);
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

fn fields(out: &mut String, protocol: &Protocol, message: &Message) {
    let _ = writeln!(out, "static {}: [FieldInfo; {}] = [", fields_name(message), message.fields.len());
    for field in &message.fields {
        let _ = write!(
            out,
            "FieldInfo {{\nname: Text::new({:?}),\nunit: Text::new({:?}),\noffset: {},\nsize: {},\nscale: {},\n\
             kind: FieldKind::{},\nbig_endian: {},\nreserved: [0; 6],\nenumeration: {},\n}},\n",
            field.name,
            field.unit,
            field.offset,
            field.size,
            field.scale,
            kind(field),
            u8::from(protocol.big_endian),
            codes(protocol, field)
        );
    }
    out.push_str("];\n\n");
}

fn fields_name(message: &Message) -> String {
    format!("FIELDS_{}", message.name.to_uppercase())
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
             type_value: {},\nlength: {},\nfields: List::new(&{}),\n}},\n",
            message.type_text,
            message.name,
            message.about,
            message.type_value,
            message.length,
            fields_name(message)
        );
    }
    out.push_str("];\n\n");
}

fn description(out: &mut String, protocol: &Protocol) {
    let framings: Vec<_> = protocol.framings.iter().map(|name| format!("Framing::{name}")).collect();
    let _ = write!(
        out,
        "static FRAMINGS: [Framing; {}] = [{}];\n\n\
         static STATUSES: [Status; 7] = [\nStatus::TRUNCATED,\nStatus::UNKNOWN_TYPE,\nStatus::LONG_MESSAGE,\n\
         Status::SHORT_MESSAGE,\nStatus::BAD_VALUE,\nStatus::TRAILING_BYTES,\nStatus::BAD_HEADER,\n];\n\n",
        framings.len(),
        framings.join(", ")
    );
    let _ = write!(
        out,
        "/// Identity, units and layout, for inspectors.\n\
         pub const DESCRIPTION: Description = Description {{\n\
         protocol: Text::new({:?}),\nversion: Text::new({:?}),\nvenue: Text::new({:?}),\nfamily: Text::new({:?}),\n\
         timezone: Text::new({:?}),\nprice_scale: {},\ninstrument_limit: {},\norder_ids: OrderIds::{},\nclock: Clock::{},\n\
         reserved: 0,\nframings: List::new(&FRAMINGS),\nmessages: List::new(&MESSAGES),\nstatuses: List::new(&STATUSES),\n}};\n\n",
        protocol.id,
        protocol.version,
        protocol.venue,
        protocol.family,
        protocol.timezone,
        protocol.price_scale,
        protocol.instrument_limit,
        if protocol.ascending_order_ids { "ASCENDING" } else { "ANY" },
        if protocol.unix_clock { "UNIX" } else { "LOCAL_MIDNIGHT" },
    );
}
