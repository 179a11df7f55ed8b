//! Views: one a message, one a group's entry, one for the header.

use std::fmt::Write as _;

use super::{
    Protocol,
    model::{Block, Data, Field, Group, Kind, Message, Number, Schema, rust_name},
};
use crate::model::camel;

/// The header's view and those of all messages.
pub fn emit(out: &mut String, protocol: &Protocol) {
    let schema = &protocol.schema;
    header(out, schema);
    for message in &schema.messages {
        let name = schema.type_name(message);
        let doc = format!("{} (`{}`){}.", message.official, message.template_id, about(&message.about));
        View { schema, name: &name, doc: &doc, block: &message.block, since: message.since, is_root: true }.emit(out);
        root(out, schema, message, &name);
    }
}

fn about(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {}", text.trim_end_matches('.')) }
}

fn header(out: &mut String, schema: &Schema) {
    let size = schema.header_size();
    let _ = write!(
        out,
        "/// The header that every message starts with.\n#[derive(Clone, Copy, Debug)]\n\
         pub struct Header<'a> {{\nfixed: &'a [u8; {size}],\n}}\n\n\
         impl<'a> Header<'a> {{\n/// Bytes of the header.\npub const SIZE: usize = {size};\n\n\
         /// Views the front of `message`; `None` where it is shorter.\n#[inline(always)]\n\
         pub fn new(message: &'a [u8]) -> Option<Self> {{\nSome(Self {{ fixed: message.first_chunk()? }})\n}}\n"
    );
    for field in schema.header.iter().filter(|field| field.constant.is_none()) {
        let value = fixed_value(schema, field, size);
        let (name, kind) = (field.rust_name(), field.rust_type());
        let _ =
            write!(out, "\n{}#[inline(always)]\npub fn {name}(&self) -> {kind} {{\n{value}\n}}\n", doc(schema, field));
    }
    out.push_str("}\n\n");
}

/// Name of the view of a group's entries.
pub fn entry_name(around: &str, group: &Group) -> String {
    format!("{around}{}Entry", camel(&rust_name(&group.name)))
}

struct View<'a> {
    schema: &'a Schema,
    name: &'a str,
    doc: &'a str,
    block: &'a Block,
    /// Version from which on the block is there.
    since: u64,
    is_root: bool,
}

impl View<'_> {
    fn emit(&self, out: &mut String) {
        for group in &self.block.groups {
            let name = entry_name(self.name, group);
            let doc = format!("An entry of group `{}`.", group.name);
            let since = group.since.max(self.since);
            View { schema: self.schema, name: &name, doc: &doc, block: &group.block, since, is_root: false }.emit(out);
        }
        self.structure(out);
        self.block_trait(out);
        self.accessors(out);
    }

    fn least(&self) -> usize {
        self.block.least(self.since)
    }

    fn structure(&self, out: &mut String) {
        let (name, least) = (self.name, self.least());
        let _ = write!(
            out,
            "/// {}\n#[derive(Clone, Copy, Debug)]\npub struct {name}<'a> {{\nfixed: &'a [u8; {least}],\nblock: &'a [u8],\nversion: u32,\n",
            self.doc
        );
        if self.is_root {
            out.push_str("header: Header<'a>,\n");
        }
        for group in &self.block.groups {
            let _ = writeln!(out, "group_{}: Entries<'a, {}<'a>>,", rust_name(&group.name), entry_name(name, group));
        }
        for data in &self.block.data {
            let _ = writeln!(out, "data_{}: &'a [u8],", rust_name(&data.name));
        }
        out.push_str("}\n\n");
    }

    fn block_trait(&self, out: &mut String) {
        let _ = write!(
            out,
            "impl<'a> Block<'a> for {name}<'a> {{\nconst LEAST: usize = {least};\nconst FLAT: bool = {flat};\n\n\
             #[inline(always)]\nfn at(message: &'a [u8], start: usize, length: usize, version: u32) -> Option<(Self, usize)> {{\n\
             let end = start.checked_add(length)?;\nlet block = message.get(start..end)?;\nlet fixed = block.first_chunk()?;\n",
            name = self.name,
            least = self.least(),
            flat = self.block.is_flat(),
        );
        if self.is_root {
            out.push_str("let header = Header::new(message)?;\n");
        }
        for group in &self.block.groups {
            self.read_group(out, group);
        }
        for data in &self.block.data {
            self.read_data(out, data);
        }
        out.push_str("Some((Self {\nfixed,\nblock,\nversion,\n");
        if self.is_root {
            out.push_str("header,\n");
        }
        for group in &self.block.groups {
            let _ = writeln!(out, "group_{},", rust_name(&group.name));
        }
        for data in &self.block.data {
            let _ = writeln!(out, "data_{},", rust_name(&data.name));
        }
        out.push_str("}, end))\n}\n}\n\n");
    }

    fn read_group(&self, out: &mut String, group: &Group) {
        let name = rust_name(&group.name);
        let dimension = &group.dimension;
        let size = dimension.size;
        let length = number(self.schema, dimension.block_length, size);
        let count = number(self.schema, dimension.count, size);
        let read = format!(
            "{{\nlet dimension = blocks::bytes::<{size}>(message, end)?;\n\
             Entries::new(message, end + {size}, {length}, {count}, version)?\n}}"
        );
        self.since(out, &format!("group_{name}"), group.since, &read, "Entries::none(message, version)");
    }

    fn read_data(&self, out: &mut String, data: &Data) {
        let name = rust_name(&data.name);
        let size = data.head_size;
        let length = number(self.schema, data.length, size);
        let read = format!(
            "{{\nlet dimension = blocks::bytes::<{size}>(message, end)?;\nblocks::data(message, end + {size}, {length})?\n}}"
        );
        self.since(out, &format!("data_{name}"), data.since, &read, "&message[..0]");
    }

    /// Reads what is there from a version on.
    fn since(&self, out: &mut String, name: &str, since: u64, read: &str, none: &str) {
        let _ = if since > self.since {
            writeln!(out, "let ({name}, end) = if version >= {since} {read} else {{ ({none}, end) }};")
        } else {
            writeln!(out, "let ({name}, end) = {read};")
        };
    }

    fn accessors(&self, out: &mut String) {
        let name = self.name;
        let _ = writeln!(out, "impl<'a> {name}<'a> {{");
        let mut separator = "";
        for field in self.block.fields.iter().filter(|field| field.constant.is_none()) {
            let kind =
                if field.may_lack(self.since) { format!("Option<{}>", field.rust_type()) } else { field.rust_type() };
            let _ = write!(
                out,
                "{separator}{}#[inline(always)]\npub fn {}(&self) -> {kind} {{\n{}\n}}\n",
                doc(self.schema, field),
                field.rust_name(),
                self.load(field)
            );
            separator = "\n";
        }
        for group in &self.block.groups {
            let (method, entry) = (rust_name(&group.name), entry_name(name, group));
            let _ = write!(
                out,
                "{separator}/// Entries of group `{}`.\n#[inline(always)]\npub fn {method}(&self) -> Entries<'a, {entry}<'a>> {{\nself.group_{method}\n}}\n",
                group.name
            );
            separator = "\n";
        }
        for data in &self.block.data {
            let method = rust_name(&data.name);
            let _ = write!(
                out,
                "{separator}/// Data `{}`.\n#[inline(always)]\npub fn {method}(&self) -> &'a [u8] {{\nself.data_{method}\n}}\n",
                data.name
            );
            separator = "\n";
        }
        out.push_str("}\n\n");
    }

    /// The expression that loads a field.
    fn load(&self, field: &Field) -> String {
        let least = self.least();
        if !field.may_lack(self.since) {
            return fixed_value(self.schema, field, least);
        }
        let is_new = field.since > self.since;
        let bytes = if field.end() <= least && !is_new {
            format!("let bytes = support::field::<{}, {}, {least}>(self.fixed);\n", field.offset, field.size)
        } else {
            let version =
                if is_new { format!("if self.version < {} {{ return None }}\n", field.since) } else { String::new() };
            format!("{version}let bytes = blocks::bytes::<{}>(self.block, {})?;\n", field.size, field.offset)
        };
        let value = from_bytes(self.schema, field, "bytes");
        match (field.null, field.kind) {
            (Some(null), _) if field.is_integer() => {
                let null = super::shown_null(field, null);
                format!("{bytes}let value = {value};\nif value == {null} {{ None }} else {{ Some(value) }}")
            }
            (Some(_), Kind::Ascii | Kind::AsciiNul) => {
                format!("{bytes}let value = {value};\nif value[0] == 0 {{ None }} else {{ Some(value) }}")
            }
            _ => format!("{bytes}Some({value})"),
        }
    }
}

/// What only the root's view has.
fn root(out: &mut String, schema: &Schema, message: &Message, name: &str) {
    let length = match schema.block_length() {
        Some(_) => "usize::try_from(header.block_length()).ok()".to_owned(),
        None => format!("Some({})", message.block.length),
    };
    let version = match schema.header_field(&["version", "schema_version"]) {
        Some(field) => format!("u32::try_from(header.{}()).unwrap_or(u32::MAX)", field.rust_name()),
        None => "u32::MAX".to_owned(),
    };
    let _ = write!(
        out,
        "impl<'a> {name}<'a> {{\n/// The template id.\npub const TEMPLATE_ID: u32 = {id};\n\n\
         /// Bytes of the root block in the version described.\npub const BLOCK_LENGTH: usize = {block_length};\n\n\
         /// Views `message`, from its header on, whatever its type; checks all of its lengths.\n///\n/// # Errors\n///\n\
         /// [`DecodeError::Truncated`] where a block, group or data is not whole.\n\
         #[inline(always)]\npub fn new(message: &'a [u8]) -> Result<Self, DecodeError> {{\n\
         Self::sized(message).map(|(view, _)| view).ok_or(DecodeError::Truncated)\n}}\n\n\
         /// As [`new`](Self::new), with the bytes that are the message's own.\n#[inline(always)]\n\
         pub fn sized(message: &'a [u8]) -> Option<(Self, usize)> {{\n\
         let header = Header::new(message)?;\nlet length: usize = {length}?;\n\
         <Self as Block>::at(message, Header::SIZE, length, {version})\n}}\n\n\
         /// The message's header.\n#[inline(always)]\npub fn header(&self) -> Header<'a> {{\nself.header\n}}\n}}\n\n",
        id = message.template_id,
        block_length = message.block.length,
    );
}

/// Doc comment of a field: its note, unit, scale and code list.
fn doc(schema: &Schema, field: &Field) -> String {
    let mut text = if field.note.is_empty() {
        let spaced = field.name.replace(['_', '.'], " ");
        spaced[..1].to_uppercase() + &spaced[1..]
    } else {
        field.note.clone()
    };
    if !field.unit.is_empty() && field.unit != "decimal" {
        let _ = write!(text, "; {}", field.unit);
    }
    if field.scale != 1 {
        let _ = write!(text, "; times {}", field.scale);
    }
    if let Some((_, from)) = &field.scaling {
        let _ = write!(text, "; scaled by `{from}`");
    }
    if let Some(list) = field.enumeration.map(|at| &schema.enums[at]) {
        let _ = write!(text, "; a code of `{}`", list.name);
    }
    if field.since != 0 {
        let _ = write!(text, "; since version {}", field.since);
    }
    format!("/// {text}.\n")
}

fn order(schema: &Schema) -> &'static str {
    if schema.big_endian { "be" } else { "le" }
}

/// A length or count in the `all` bytes of `dimension`.
fn number(schema: &Schema, number: Number, all: usize) -> String {
    let Number { offset, size } = number;
    let bytes = format!("support::field::<{offset}, {size}, {all}>(&dimension)");
    match size {
        1 => format!("usize::from(dimension[{offset}])"),
        2 => format!("usize::from(u16::from_{}_bytes({bytes}))", order(schema)),
        _ => format!("usize::try_from(u{}::from_{}_bytes({bytes})).ok()?", size * 8, order(schema)),
    }
}

/// The value of a field that every block has.
fn fixed_value(schema: &Schema, field: &Field, least: usize) -> String {
    if field.is_integer() && field.size == 1 {
        let cast = if field.kind == Kind::Signed { " as i8" } else { "" };
        return format!("self.fixed[{}]{cast}", field.offset);
    }
    from_bytes(schema, field, &format!("support::field::<{}, {}, {least}>(self.fixed)", field.offset, field.size))
}

/// The value that a field's bytes hold.
fn from_bytes(schema: &Schema, field: &Field, bytes: &str) -> String {
    let size = field.value_size();
    let one = |bytes: &str| match field.kind {
        Kind::Unsigned | Kind::Bits | Kind::Signed | Kind::Float => {
            format!("{}::from_{}_bytes({bytes})", field.value_type(), order(schema))
        }
        Kind::Char => format!("u8::from_le_bytes({bytes})"),
        Kind::Ascii | Kind::AsciiNul | Kind::Bytes => bytes.to_owned(),
    };
    if field.count == 1 {
        return one(bytes);
    }
    let value = one(&format!("::core::array::from_fn(|byte| all[at * {size} + byte])"));
    format!("{{\nlet all = {bytes};\n::core::array::from_fn(|at| {value})\n}}")
}
