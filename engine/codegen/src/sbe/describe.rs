//! The inspector table.

use std::fmt::Write as _;

use super::{
    Protocol,
    model::{Block, Data, Field, Group, Kind, Message, Number, Scaling, Schema},
};

pub fn emit(out: &mut String, protocol: &Protocol) {
    let schema = &protocol.schema;
    for (at, list) in schema.enums.iter().enumerate() {
        let _ = writeln!(out, "static ENUM_{at}: [EnumValue; {}] = [", list.values.len());
        for (code, name) in &list.values {
            let _ = writeln!(out, "EnumValue {{ code: Text::new({code:?}), name: Text::new({name:?}) }},");
        }
        out.push_str("];\n\n");
    }
    let header: Vec<_> = schema.header.iter().map(|field| field_info(schema, field, 0)).collect();
    let mut messages = String::new();
    for message in &schema.messages {
        messages += &message_info(schema, message, &header);
    }
    let count = schema.messages.len();
    let _ = write!(out, "static MESSAGES: [MessageInfo; {count}] = [\n{messages}];\n\n");
    description(out, protocol);
}

fn message_info(schema: &Schema, message: &Message, header: &[String]) -> String {
    let size = schema.header_size();
    let mut fields = header.to_vec();
    fields.extend(message.block.fields.iter().map(|field| field_info(schema, field, size)));
    let id = message.schema_id.or(schema.schema_id.filter(|_| schema.schema_number().is_some()));
    format!(
        "MessageInfo {{\ntype_text: Text::new(\"{id}\"),\nname: Text::new({name:?}),\nabout: Text::new({about:?}),\n\
         type_value: {id},\nlength: {length},\nfields: {fields},\nschema_id: {schema_id},\nsince: {since},\n\
         block_length: {block_length},\n{parts}..MessageInfo::PLAIN\n}},\n",
        id = message.template_id,
        name = message.name,
        about = message.described(),
        length = size + message.block.length,
        fields = list(&fields),
        schema_id = id.map_or("MessageInfo::ANY_SCHEMA".into(), |id| id.to_string()),
        since = message.since,
        block_length = message.block.length,
        parts = parts(schema, &message.block),
    )
}

/// Groups and data of a block.
fn parts(schema: &Schema, block: &Block) -> String {
    let groups: Vec<_> = block.groups.iter().map(|group| group_info(schema, group)).collect();
    let data: Vec<_> = block.data.iter().map(data_info).collect();
    format!("groups: {},\ndata: {},\n", list(&groups), list(&data))
}

fn group_info(schema: &Schema, group: &Group) -> String {
    let dimension = &group.dimension;
    let number = |name: &str, number: Number| {
        let plain = format!("name: Text::new({name:?}), offset: {}, size: {}", number.offset, number.size);
        format!("FieldInfo {{ {plain}, big_endian: {}, ..FieldInfo::PLAIN }},\n", u8::from(schema.big_endian))
    };
    let fields: Vec<_> = group.block.fields.iter().map(|field| field_info(schema, field, 0)).collect();
    format!(
        "GroupInfo {{\nname: Text::new({name:?}),\nsince: {since},\ndimension_size: {size},\ndimension: {dimension},\n\
         block_length: {block_length},\ncount: {count},\nentry_size: {entry_size},\nreserved: 0,\nfields: {fields},\n{parts}}},\n",
        name = group.name,
        since = group.since,
        size = dimension.size,
        dimension = list(&[number("block_length", dimension.block_length), number("num_in_group", dimension.count)]),
        block_length = slot(Some(dimension.block_length)),
        count = slot(Some(dimension.count)),
        entry_size = group.block.length,
        fields = list(&fields),
        parts = parts(schema, &group.block),
    )
}

fn data_info(data: &Data) -> String {
    let kind = match data.encoding.to_ascii_lowercase().as_str() {
        "" => "BYTES",
        "utf-8" | "utf8" => "UTF8",
        _ => "ASCII_NUL",
    };
    format!(
        "DataInfo {{\nfield: FieldInfo {{ name: Text::new({name:?}), kind: FieldKind::{kind}, since: {since}, ..FieldInfo::PLAIN }},\n\
         length: {length},\nhead_size: {head_size},\n}},\n",
        name = data.name,
        since = data.since,
        length = slot(Some(data.length)),
        head_size = data.head_size,
    )
}

fn list(items: &[String]) -> String {
    if items.is_empty() { "List::new(&[])".into() } else { format!("List::new(const {{ &[\n{}] }})", items.concat()) }
}

fn slot(number: Option<Number>) -> String {
    let Number { offset, size } = number.unwrap_or_default();
    format!("Slot {{ offset: {offset}, size: {size} }}")
}

fn field_info(schema: &Schema, field: &Field, base: usize) -> String {
    let mut text = format!("FieldInfo {{\nname: Text::new({:?}),\n", field.name);
    if !field.unit.is_empty() {
        let _ = writeln!(text, "unit: Text::new({:?}),", field.unit);
    }
    if let Some(constant) = &field.constant {
        let _ = writeln!(text, "constant: Text::new({constant:?}),");
    } else {
        let _ = writeln!(
            text,
            "offset: {},\nsize: {},\nkind: FieldKind::{},\nbig_endian: {},",
            base + field.offset,
            field.size,
            kind(field),
            u8::from(schema.big_endian)
        );
    }
    if field.scale != 1 {
        let _ = writeln!(text, "scale: {},", field.scale);
    }
    if field.count != 1 {
        let _ = writeln!(text, "count: {},", field.count);
    }
    if let Some(null) = field.null {
        let _ = writeln!(text, "null: {null},\nnullable: 1,");
    }
    if field.since != 0 {
        let _ = writeln!(text, "since: {},", field.since);
    }
    if let Some((scaling, from)) = &field.scaling {
        let scaling = match scaling {
            Scaling::Exponent => "EXPONENT",
            Scaling::Decimals => "DECIMALS",
            Scaling::Denominator => "DENOMINATOR",
        };
        let _ = writeln!(text, "scaling: Scaling::{scaling},\nscale_from: Text::new({from:?}),");
    }
    if let Some(at) = field.enumeration {
        let name = &schema.enums[at].name;
        let _ = writeln!(text, "enumeration: EnumInfo {{ name: Text::new({name:?}), values: List::new(&ENUM_{at}) }},");
    }
    text + "..FieldInfo::PLAIN\n},\n"
}

fn kind(field: &Field) -> &'static str {
    match field.kind {
        Kind::Unsigned => "UNSIGNED",
        Kind::Signed => "SIGNED",
        Kind::Char => "CHAR",
        Kind::Ascii => "ASCII",
        Kind::AsciiNul => "ASCII_NUL",
        Kind::Bytes => "BYTES",
        Kind::Bits => "BITS",
        Kind::Float => "FLOAT",
    }
}

fn description(out: &mut String, protocol: &Protocol) {
    let schema = &protocol.schema;
    // Instruments that get keys as they turn up may be too many.
    let has_keys = protocol.keys() != "Numbers";
    let framings: Vec<_> = protocol.framings.iter().map(|name| format!("Framing::{name}")).collect();
    let _ = write!(
        out,
        "static FRAMINGS: [Framing; {}] = [{}];\n\n\
         static STATUSES: [Status; {}] = [\nStatus::TRUNCATED,\nStatus::UNKNOWN_TYPE,\nStatus::SHORT_MESSAGE,\n\
         Status::BAD_VALUE,\nStatus::TRAILING_BYTES,\nStatus::BAD_HEADER,\n{}];\n\n",
        framings.len(),
        framings.join(", "),
        6 + usize::from(has_keys),
        if has_keys { "Status::TOO_MANY_INSTRUMENTS,\n" } else { "" }
    );
    let _ = write!(
        out,
        "/// Identity, units and layout, for inspectors.\n\
         pub const DESCRIPTION: Description = Description {{\n\
         protocol: Text::new({:?}),\nversion: Text::new({:?}),\nvenue: Text::new({:?}),\nfamily: Text::new(\"sbe\"),\n\
         timezone: Text::new({:?}),\nprice_scale: {},\ninstrument_limit: {},\norder_ids: OrderIds::{},\nclock: Clock::{},\n\
         framings: List::new(&FRAMINGS),\nmessages: List::new(&MESSAGES),\nstatuses: List::new(&STATUSES),\n\
         header: HeaderInfo {{\nsize: {},\nblock_length: {},\ntemplate_id: {},\nschema_id: {},\nversion: {},\nbig_endian: {},\n\
         reserved: [0; 3],\n}},\n..Description::PLAIN\n}};\n\n",
        protocol.id,
        protocol.version,
        protocol.venue,
        protocol.timezone,
        protocol.price_scale,
        protocol.instrument_limit,
        protocol.order_ids,
        if protocol.unix_clock { "UNIX" } else { "LOCAL_MIDNIGHT" },
        schema.header_size(),
        slot(schema.block_length()),
        slot(schema.template_id()),
        slot(schema.schema_number()),
        slot(schema.version_number()),
        u8::from(schema.big_endian),
    );
}
