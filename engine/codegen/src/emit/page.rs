//! The reference page.

use std::fmt::Write as _;

use crate::model::{EventRule, Field, Message, PartCount, Protocol};

/// A protocol's reference in Markdown: messages, fields, events, codes.
pub fn page(protocol: &Protocol) -> String {
    let mut out = String::new();
    let _ = write!(
        out,
        "# {}\n\n`{}`, published by {}. {} integers{}. Prices of events: {} to one.\n\n\
         | type | message | bytes | events | for |\n| --- | --- | --- | --- | --- |\n",
        protocol.title,
        protocol.id,
        protocol.venue,
        if protocol.big_endian { "Big-endian" } else { "Little-endian" },
        if protocol.timezone.is_empty() { String::new() } else { format!(", time zone {}", protocol.timezone) },
        protocol.price_scale
    );
    for message in &protocol.messages {
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {} |",
            message.type_text,
            message.name,
            message.length,
            events(message),
            message.about
        );
    }
    for message in &protocol.messages {
        fields(&mut out, protocol, message);
    }
    codes(&mut out, protocol);
    out
}

fn events(message: &Message) -> String {
    let name = |event: &EventRule| {
        let name = event.kind.name();
        if event.when.is_some() { format!("{name} (at times)") } else { name.to_owned() }
    };
    message.events.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn fields(out: &mut String, protocol: &Protocol, message: &Message) {
    let _ = write!(
        out,
        "\n## `{}` {}\n\n{}\n\n| offset | bytes | field | type | meaning |\n| --- | --- | --- | --- | --- |\n",
        message.type_text, message.title, message.about
    );
    rows(out, protocol, &message.fields);
    for part in &message.parts {
        let field = |at: usize| &message.fields[at].name;
        let count = match part.count {
            PartCount::Fixed(count) => format!("{count} times"),
            PartCount::Field(at) => format!("{} times", field(at)),
            PartCount::Present { field: at, mask } => format!("there where {} has a bit of {mask}", field(at)),
        };
        let start =
            part.offset_field.map_or_else(|| format!("from {}", part.offset), |at| format!("from {}", field(at)));
        let _ = write!(
            out,
            "\nBehind these {}, {count}, {start}, {} bytes each:\n\n| offset | bytes | field | type | meaning |\n| --- | --- | --- | --- | --- |\n",
            part.name, part.stride
        );
        rows(out, protocol, &part.fields);
    }
}

fn rows(out: &mut String, protocol: &Protocol, fields: &[Field]) {
    for field in fields {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            field.offset,
            field.size,
            field.name,
            format!("{:?}", field.kind).to_lowercase(),
            meaning(protocol, field)
        );
    }
}

fn meaning(protocol: &Protocol, field: &Field) -> String {
    let mut parts = Vec::new();
    if !field.unit.is_empty() {
        parts.push(field.unit.clone());
    }
    if field.scale != 1 {
        parts.push(format!("{} to one", field.scale));
    }
    if field.scaled_by_instrument {
        parts.push("in the instrument's scale".into());
    }
    if let Some(null) = field.null_text() {
        parts.push(format!("{null}: none"));
    }
    if let Some(at) = field.enumeration {
        parts.push(format!("code of {}", protocol.enums[at].name));
    }
    if let Some(constant) = field.constant {
        let byte = u8::try_from(constant).ok().filter(u8::is_ascii_graphic).map(char::from);
        parts.push(byte.map_or_else(|| format!("always {constant}"), |letter| format!("always `{letter}`")));
    }
    if !field.note.is_empty() {
        parts.push(field.note.clone());
    }
    parts.join("; ")
}

fn codes(out: &mut String, protocol: &Protocol) {
    let lists = protocol.enums.iter().filter(|list| !list.values.is_empty());
    for (index, list) in lists.enumerate() {
        if index == 0 {
            out.push_str("\n## Codes\n");
        }
        let _ = write!(out, "\n### {}\n\n| code | meaning |\n| --- | --- |\n", list.name);
        for (code, name) in &list.values {
            let _ = writeln!(out, "| `{code}` | {name} |");
        }
    }
}
