//! The reference page.

use std::fmt::Write as _;

use super::{
    Protocol,
    model::{Block, Field, Scaling, Schema},
};

/// A protocol's reference in Markdown: messages, fields, groups, codes.
pub fn page(protocol: &Protocol) -> String {
    let schema = &protocol.schema;
    let mut out = String::new();
    let _ = write!(
        out,
        "# {}\n\n`{}`, published by {}. Simple Binary Encoding, {}-endian. Prices of events: {} to one.\n\n\
         Bytes are those of header and root block. Offsets count from the message's first byte, in groups (with a +) from the entry's.\n\n\
         | type | message | bytes | groups and data | for |\n| --- | --- | --- | --- | --- |\n",
        protocol.title,
        protocol.id,
        protocol.venue,
        if schema.big_endian { "big" } else { "little" },
        protocol.price_scale
    );
    for message in &schema.messages {
        let groups = message.block.groups.iter().map(|group| group.name.as_str());
        let parts: Vec<_> = groups.chain(message.block.data.iter().map(|data| data.name.as_str())).collect();
        let (id, name, length) = (message.template_id, &message.name, schema.header_size() + message.block.length);
        let _ = writeln!(out, "| `{id}` | {name} | {length} | {} | {} |", parts.join(", "), message.described());
    }
    for message in &schema.messages {
        let since = if message.since == 0 { String::new() } else { format!(" Since version {}.", message.since) };
        let _ = write!(out, "\n## `{}` {}\n\n{}{since}\n\n", message.template_id, message.official, message.about);
        head(&mut out);
        rows(&mut out, schema, &schema.header, &|offset| offset.to_string());
        rows(&mut out, schema, &message.block.fields, &|offset| (schema.header_size() + offset).to_string());
        parts(&mut out, schema, &message.block, &message.name, 3);
    }
    codes(&mut out, schema);
    out
}

/// Groups and data of a block.
fn parts(out: &mut String, schema: &Schema, block: &Block, path: &str, depth: usize) {
    for group in &block.groups {
        let path = format!("{path}.{}", group.name);
        let dimension = &group.dimension;
        let since = if group.since == 0 { String::new() } else { format!(" Since version {}.", group.since) };
        let _ = write!(
            out,
            "\n{} Group `{path}`\n\nEntries of {} bytes; {} bytes ahead of them hold the length at {} and the count at {}.{since}\n\n",
            "#".repeat(depth.min(6)),
            group.block.length,
            dimension.size,
            dimension.block_length.offset,
            dimension.count.offset
        );
        head(out);
        rows(out, schema, &group.block.fields, &|offset| format!("+{offset}"));
        parts(out, schema, &group.block, &path, depth + 1);
    }
    for data in &block.data {
        let encoding = if data.encoding.is_empty() { "bytes" } else { &data.encoding };
        let _ =
            write!(out, "\nData `{path}.{}`: {encoding}, behind a length of {} bytes.\n", data.name, data.length.size);
    }
}

fn head(out: &mut String) {
    out.push_str("| offset | bytes | field | type | meaning |\n| --- | --- | --- | --- | --- |\n");
}

/// A row for each field, its offset in the words of `place`.
fn rows(out: &mut String, schema: &Schema, fields: &[Field], place: &dyn Fn(usize) -> String) {
    for field in fields {
        let (offset, size, kind) = match field.constant {
            Some(_) => (String::new(), String::new(), "constant".to_owned()),
            None => (place(field.offset), field.size.to_string(), format!("{:?}", field.kind).to_lowercase()),
        };
        let _ = writeln!(out, "| {offset} | {size} | {} | {kind} | {} |", field.name, meaning(schema, field));
    }
}

fn meaning(schema: &Schema, field: &Field) -> String {
    let mut parts = Vec::new();
    if !field.unit.is_empty() {
        parts.push(field.unit.clone());
    }
    if field.scale != 1 {
        parts.push(format!("{} to one", field.scale));
    }
    if let Some((scaling, from)) = &field.scaling {
        parts.push(match scaling {
            Scaling::Exponent => format!("times ten to the power of {from}"),
            Scaling::Decimals => format!("with {from} decimals"),
            Scaling::Denominator => format!("divided by {from}"),
        });
    }
    if field.count != 1 {
        parts.push(format!("{} values", field.count));
    }
    if let Some(at) = field.enumeration {
        parts.push(format!("code of {}", schema.enums[at].name));
    }
    if let Some(constant) = &field.constant {
        parts.push(format!("always `{constant}`"));
    }
    if let Some(null) = field.null {
        parts.push(format!("none: {}", super::shown_null(field, null)));
    }
    if field.since != 0 {
        parts.push(format!("since version {}", field.since));
    }
    if !field.note.is_empty() {
        parts.push(field.note.clone());
    }
    parts.join("; ")
}

fn codes(out: &mut String, schema: &Schema) {
    for (index, list) in schema.enums.iter().enumerate() {
        if index == 0 {
            out.push_str("\n## Codes\n");
        }
        let _ = write!(out, "\n### {}\n\n| code | meaning |\n| --- | --- |\n", list.name);
        for (code, name) in &list.values {
            let _ = writeln!(out, "| `{code}` | {name} |");
        }
    }
}
